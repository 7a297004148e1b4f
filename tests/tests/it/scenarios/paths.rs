//! `search_path` as the application set it, wherever it asks: the schemas by which its session is in an edition do not show, and stay where they are.

use edition_tests::{CLERK, OWNER, Session, World, name, server};
use tokio_postgres::NoTls;

const BASE: &str = "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada'); CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO clerk; \
    GRANT SELECT ON users TO clerk";

/// What sets the path, in its turn, and what each of the questions is then to answer as a plain server does.
const CHANGES: &[&str] = &[
    "SELECT 1",
    "SET search_path = public",
    "SET search_path TO other, PUBLIC, \"Odd\"",
    "SELECT set_config('search_path', ' other,public', false)",
    "SELECT set_config('search_path', current_setting('search_path') || ', \"$user\"', false)",
    "SELECT set_config('search_path', 'pub' || 'lic,\"a,b\"', false)",
    "SET SCHEMA 'public'",
    "SELECT set_config('search_path', '', false)",
    "RESET search_path",
    "BEGIN; SET LOCAL search_path = public, other",
    "ROLLBACK",
    "DISCARD ALL",
];

const QUESTIONS: &[&str] = &[
    "SHOW search_path",
    "SHOW ALL",
    "SELECT current_setting('search_path')",
    "SELECT current_setting(name) FROM pg_settings WHERE name = 'search_path'",
    "SELECT current_setting('search' || '_path', true) AS path",
    "SELECT pg_catalog.current_setting('SEARCH_PATH', true) AS path, upper(current_setting('search_path'))",
];

/// While editions differ.
const CATALOGUE: &str = "SELECT setting, reset_val FROM pg_settings WHERE name = 'search_path'";

async fn answer_alike(edition: &Session, plain: &Session, questions: &[&str]) {
    // PL/pgSQL has settings of its own, once it is there; functions of ours are written in it.
    for session in [edition, plain] {
        session.run("DO $$ BEGIN END $$").await;
    }
    for change in CHANGES {
        let (told, should) = (edition.try_ask(change).await, plain.try_ask(change).await);
        assert_eq!(told, should, "{change}");
        for question in questions {
            let should = plain.try_ask(question).await.unwrap();
            assert_eq!(edition.try_ask(question).await, Ok(should.clone()), "{change}: {question}");
            let rows = edition.client().query(*question, &[]).await.unwrap();
            let columns: Vec<&str> = rows[0].columns().iter().map(tokio_postgres::Column::name).collect();
            assert_eq!(columns, should.columns, "{change}: {question}");
            assert_eq!(
                rows[0].get::<_, &str>(0),
                should.rows[0].split('|').next().unwrap(),
                "{change}: {question}"
            );
        }
    }
}

#[tokio::test]
async fn the_path_is_what_the_application_set() {
    let (world, other) = (World::plain(BASE).await, World::plain(BASE).await);
    for world in [&world, &other] {
        let owner = world.direct(OWNER).await;
        owner.run(&format!("ALTER DATABASE {} SET search_path = other, public", world.database)).await;
    }
    world.verbs.init().await;
    let early = world.session(OWNER, "v1").await;
    answer_alike(&early, &other.direct(OWNER).await, QUESTIONS).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users RENAME name TO full_name").await;
    world.verbs.publish("v2", &[]).await;
    let questions = [QUESTIONS, &[CATALOGUE]].concat();
    answer_alike(&early, &other.direct(OWNER).await, &questions).await;
    for role in [OWNER, CLERK] {
        let session = world.session(role, "v2").await;
        answer_alike(&session, &other.direct(role).await, &questions).await;
    }
    world.end().await;
    other.end().await;
}

/// What was computed, or comes as a parameter, keeps the session in its edition.
#[tokio::test]
async fn a_path_that_is_put_back_leads_to_the_edition() {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users RENAME name TO full_name; CREATE TABLE audit (id int)").await;
    world.verbs.publish("v2", &[]).await;
    world.verbs.create("v3").await;
    world.draft("v3", "ALTER TABLE users ADD age int").await;
    world.verbs.publish("v3", &[]).await;
    let session = world.session(OWNER, "v3").await;
    let reads = "SELECT full_name, age FROM users LEFT JOIN audit USING (id)";
    let path = session.ask("SHOW search_path").await.remove(0);
    assert_eq!(path, "\"$user\", public");
    session.run("SET search_path = other").await;
    assert_eq!(session.fail(reads).await.code, "42P01");
    let put_back = "SELECT set_config('search_path', $1, false)";
    let row = session.client().query_one(put_back, &[&path]).await.unwrap();
    assert_eq!((row.columns()[0].name(), row.get::<_, &str>(0)), ("set_config", path.as_str()));
    assert_eq!(session.ask(reads).await, ["Ada|∅"]);
    session.run("SELECT set_config('search_path', 'other, ' || current_setting('search_path'), false)").await;
    assert_eq!(session.ask(reads).await, ["Ada|∅"]);
    assert_eq!(session.ask("SHOW search_path").await, ["other, \"$user\", public"]);
    world.end().await;
}

const TWICE: &str = "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada'); CREATE SCHEMA other; \
    CREATE TABLE other.users (id int PRIMARY KEY, name text); INSERT INTO other.users VALUES (1, 'Eve')";

/// Both editions see `users` through a view.
async fn with_views() -> World {
    let world = World::adopted(TWICE).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users ADD age int").await;
    world.verbs.publish("v2", &[]).await;
    world
}

/// Ways to another path and back. What a `users` is meant can be foretold of few of them.
const WAYS: &[&str] = &[
    "SET search_path = other",
    "SET search_path = public",
    "BEGIN",
    "SET LOCAL search_path = other",
    "SAVEPOINT a",
    "SET LOCAL search_path = public",
    "ROLLBACK TO a",
    "COMMIT",
    "BEGIN",
    "SAVEPOINT b",
    "SET search_path = other",
    "ROLLBACK TO SAVEPOINT b",
    "SET search_path = other, public",
    "COMMIT AND CHAIN",
    "SET search_path = public, other",
    "SELECT no_such_column",
    "ROLLBACK AND CHAIN",
    "ROLLBACK",
    "BEGIN; SET LOCAL search_path = public; SELECT id, name FROM users GROUP BY id",
    "END",
    "SET search_path = public; SELECT id, name FROM users GROUP BY id",
    "SELECT set_config('search_path', 'oth' || 'er', false)",
    "RESET ALL",
    "SET SCHEMA 'other'",
    "SET search_path TO DEFAULT",
    "PREPARE elsewhere AS SELECT set_config('search_path', 'other', false)",
    "EXECUTE elsewhere",
    "SET search_path = public",
    "EXECUTE elsewhere",
    "DISCARD ALL",
    "SET SESSION search_path = ''",
    "RESET search_path",
];

/// Statements that a view does not take, and a name that stands for a table's number.
const MEANT: &[&str] = &[
    "SELECT id, name FROM users GROUP BY id",
    "SELECT ctid, name FROM users",
    "SELECT count(*), min(name) FROM users TABLESAMPLE SYSTEM (100)",
    "SELECT rtrim(nspname, '0123456789') FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = 'users'::regclass",
];

/// Everything that tells which table is meant, by both protocols and as a statement without a name.
async fn meant(session: &Session, numbered: bool) -> Vec<Result<Vec<String>, String>> {
    let code = |error: tokio_postgres::Error| error.code().map_or("?", |code| code.code()).to_owned();
    let mut told = Vec::new();
    for question in MEANT {
        told.push(session.try_ask(question).await.map(|rows| rows.rows).map_err(|failure| failure.code));
        let rows = if numbered {
            session.client().query(*question, &[]).await
        } else {
            session.client().query_typed(question, &[]).await
        };
        let last = |row: tokio_postgres::Row| row.get::<_, Option<String>>(row.len() - 1).unwrap_or_default();
        told.push(rows.map(|rows| rows.into_iter().map(last).collect()).map_err(code));
    }
    told
}

#[tokio::test]
async fn a_bare_name_means_what_it_means_to_the_server_whatever_became_of_the_path() {
    let (world, plain) = (with_views().await, World::plain(TWICE).await);
    for (edition, extended) in [("v1", false), ("v2", false), ("v1", true)] {
        let (session, direct) = (world.session(OWNER, edition).await, plain.direct(OWNER).await);
        for (number, way) in WAYS.iter().enumerate() {
            if extended && !way.contains(';') && !way.contains("EXECUTE") {
                let sent =
                    [session.client().execute(*way, &[]).await, direct.client().execute(*way, &[]).await];
                assert_eq!(sent[0].is_ok(), sent[1].is_ok(), "{way}");
            } else {
                assert_eq!(session.try_ask(way).await, direct.try_ask(way).await, "{edition}: {way}");
            }
            let numbered = number % 2 == 0;
            assert_eq!(
                meant(&session, numbered).await,
                meant(&direct, numbered).await,
                "{edition}, {number}: {way}"
            );
        }
    }
    // The path of a session that changes its edition is that of its start again.
    let session = world.session(OWNER, "v1").await;
    session.run("SET search_path = other").await;
    assert_eq!(session.ask(MEANT[0]).await, ["1|Eve"]);
    session.run("ALTER SESSION SET EDITION v2").await;
    assert_eq!(session.ask(MEANT[0]).await, ["1|Ada"]);
    // Names that lead elsewhere may be made and unmade there.
    session.run("SET search_path = other").await;
    session.run("CREATE TABLE scratch (id int); DROP TABLE scratch").await;
    session.run("SET search_path = public").await;
    assert_eq!(session.fail("CREATE TABLE scratch (id int)").await.code, "0A000");
    world.end().await;
    plain.end().await;
}

/// What was prepared before the path changed. Whatever is deallocated is prepared anew.
#[tokio::test]
async fn what_is_prepared_means_what_it_means_to_the_server_when_it_is_used() {
    let (world, plain) = (with_views().await, World::plain(TWICE).await);
    for edition in ["v1", "v2"] {
        let (session, direct) = (world.session(OWNER, edition).await, plain.direct(OWNER).await);
        let mut kept = [Vec::new(), Vec::new()];
        for way in ["SELECT 1"].iter().chain(WAYS) {
            assert_eq!(session.try_ask(way).await, direct.try_ask(way).await, "{edition}: {way}");
            let mut told = Vec::new();
            for (client, kept) in [session.client(), direct.client()].into_iter().zip(&mut kept) {
                if kept.is_empty() || *way == "DISCARD ALL" {
                    kept.clear();
                    for (number, question) in MEANT.iter().enumerate() {
                        client
                            .batch_execute(&format!("PREPARE by_sql_{number} AS {question}"))
                            .await
                            .unwrap();
                        kept.push(client.prepare(question).await.unwrap());
                    }
                }
                let mut answers = Vec::new();
                for (number, statement) in kept.iter().enumerate() {
                    let last = |row: tokio_postgres::Row| row.get::<_, Option<String>>(row.len() - 1);
                    let rows = client.query(statement, &[]).await;
                    answers.push(
                        rows.map(|rows| rows.into_iter().map(last).collect::<Vec<_>>())
                            .map_err(|error| error.code().map(|code| code.code().to_owned())),
                    );
                    if way.contains("search_path = ''") {
                        // What cannot be prepared anew is missed by its name, until it can.
                        continue;
                    }
                    let by_sql = client.simple_query(&format!("EXECUTE by_sql_{number}")).await;
                    let count = by_sql.map(|messages| format!("{messages:?}"));
                    answers.push(
                        count
                            .map(|shown| vec![Some(shown)])
                            .map_err(|error| error.code().map(|code| code.code().to_owned())),
                    );
                }
                told.push(answers);
            }
            assert_eq!(told[0], told[1], "{edition}: {way}");
        }
    }
    world.end().await;
    plain.end().await;
}

/// What an epoch makes of a prepared statement, where the server has to be asked what its names mean.
#[tokio::test]
async fn what_is_prepared_where_the_server_is_asked_goes_on_in_the_next_epoch() {
    let world = with_views().await;
    let mut config = world.config(OWNER);
    let session = Session::open(config.options("-c edition=v2 -c search_path=empty,public")).await.unwrap();
    world.direct(OWNER).await.run("CREATE SCHEMA empty").await;
    let question = "SELECT id, name, age FROM users GROUP BY id";
    let statement = session.client().prepare(question).await.unwrap();
    assert_eq!(session.client().query(&statement, &[]).await.unwrap().len(), 1);
    world.verbs.create("v3").await;
    world
        .draft("v3", "ALTER TABLE users RENAME name TO full_name; ALTER TABLE users ALTER age TYPE text")
        .await;
    world.verbs.publish("v3", &[]).await;
    assert_eq!(session.client().query(&statement, &[]).await.unwrap().len(), 1);
    world.verbs.default("v2").await;
    world.verbs.retire("v1").await;
    assert_eq!(session.client().query(&statement, &[]).await.unwrap().len(), 1);
    world.end().await;
}

const SHARED: &str = "CREATE SCHEMA other; CREATE SCHEMA billing; CREATE TABLE billing.invoices (id int PRIMARY KEY); \
    CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada')";

/// What is done to the path and to what stands before the table in it (temporary tables come first of all), in its turn.
const BEFORE_IT: &[&str] = &[
    "SET search_path = other, public",
    "SET search_path = billing, public",
    "SET search_path = other, billing, public",
    "INSERT INTO users VALUES (1, 'Eve') ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET name = excluded.name",
    "CREATE TABLE other.users (id int PRIMARY KEY, name text); INSERT INTO other.users VALUES (1, 'Mallory')",
    "BEGIN",
    "DROP TABLE other.users",
    "TRUNCATE users",
    "ROLLBACK",
    "DROP TABLE other.users",
    "BEGIN; SET LOCAL search_path = public, other; INSERT INTO users VALUES (2, 'Bob')",
    "ROLLBACK",
    "SELECT set_config('search_path', 'billing, other, ' || 'public', false)",
    "TRUNCATE users",
    "INSERT INTO users VALUES (3, 'Carol'); SELECT id, name FROM users GROUP BY id",
    "SET search_path = other; SELECT id, name FROM users GROUP BY id",
    "DO $$ BEGIN CREATE TEMPORARY TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Trent'); END $$",
    "DROP TABLE pg_temp.users",
    "CREATE TEMPORARY TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (4, 'Peggy')",
    "BEGIN; DROP TABLE users",
    "ROLLBACK",
    "SET search_path = public",
    "TRUNCATE users",
    "INSERT INTO users VALUES (4, 'Peggy')",
    "DISCARD TEMP",
    "TRUNCATE users",
    "INSERT INTO users VALUES (5, 'Victor')",
];

/// Only the server knows whether a schema that comes first in the path has a table of the name, and whether a temporary one is still there.
#[tokio::test]
async fn a_table_is_found_in_a_later_schema_of_the_path() {
    let (mut world, plain) = (World::plain(SHARED).await, World::plain(SHARED).await);
    world.verbs.schemas = vec![name("public"), name("billing")];
    world.verbs.init().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users ADD age int").await;
    world.verbs.publish("v2", &[]).await;
    for edition in ["v1", "v2"] {
        let (session, direct) = (world.session(OWNER, edition).await, plain.direct(OWNER).await);
        for (number, way) in BEFORE_IT.iter().enumerate() {
            assert_eq!(session.try_ask(way).await, direct.try_ask(way).await, "{edition}: {way}");
            for numbered in [false, true] {
                let told = [meant(&session, numbered).await, meant(&direct, numbered).await];
                assert_eq!(told[0], told[1], "{edition}, {number}: {way}");
            }
        }
    }
    // What a temporary table was called is the edition's again when that is gone.
    for edition in ["v1", "v2"] {
        let session = world.session(OWNER, edition).await;
        session.run("CREATE TEMPORARY TABLE users (id int)").await;
        session.run("CREATE INDEX ON users (id); ALTER TABLE users ADD a int").await;
        session.run("DROP TABLE users").await;
        for change in ["DROP TABLE users", "ALTER TABLE users ADD a int", "DROP TABLE IF EXISTS users"] {
            assert_eq!(session.fail(change).await.code, "0A000", "{edition}: {change}");
        }
        session
            .run("DROP TABLE IF EXISTS no_longer; CREATE TEMPORARY TABLE users (id int); DROP TABLE users")
            .await;
        assert!(!session.ask("SELECT id, name FROM users").await.is_empty());
    }
    // From the first statement on, by a path that the session brings along.
    let mut config = world.config(OWNER);
    let session = Session::open(config.options("-c search_path=other,public")).await.unwrap();
    session.run("INSERT INTO users VALUES (9, 'Ada')").await;
    assert_eq!(session.ask("SELECT id, name FROM users GROUP BY id HAVING id = 9").await, ["9|Ada"]);
    world.end().await;
    plain.end().await;
}

/// A question of ours is no query of the application's transaction.
#[tokio::test]
async fn asking_for_the_path_takes_no_snapshot() {
    let world = with_views().await;
    let (session, other) = (world.session(OWNER, "v1").await, world.session(OWNER, "v1").await);
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL search_path = public, other").await;
    session.run("LOCK TABLE users IN SHARE MODE").await;
    session.run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await;
    other.run("UPDATE other.users SET name = 'Eva'").await;
    assert_eq!(session.ask("SELECT id, name FROM other.users GROUP BY id").await, ["1|Eva"]);
    session.run("COMMIT").await;
    world.end().await;
}

/// From PostgreSQL 18 on the server reports it without being asked.
#[tokio::test]
async fn the_path_is_reported_as_the_client_asked_for_it() {
    let world = World::adopted(BASE).await;
    let mut direct = server().await.config(&world.database);
    direct.user(OWNER);
    let mut proxied = world.config(OWNER);
    for path in ["public", "other,\\ public"] {
        let mut reported = Vec::new();
        for config in [&mut proxied, &mut direct] {
            config.options(format!("-c search_path={path}"));
            let (_client, connection) = config.connect(NoTls).await.unwrap();
            reported.push(connection.parameter("search_path").map(str::to_owned));
        }
        assert_eq!(reported[0], reported[1], "{path}");
    }
    world.end().await;
}
