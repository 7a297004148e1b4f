//! Every moment of publish, rollback and retire: the operation is held before and after each step, and the applications of the editions that stay
//! send texts that a view would not take, new ones and prepared ones. Nothing fails, and nothing shows.

use bytes::Bytes;
use edition_tests::{Holding, OWNER, Session, Verbs, World};
use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::Statement;

const BASE: &str = "\
CREATE TABLE users (id int PRIMARY KEY, old text, name text DEFAULT 'nobody', age int);
CREATE TABLE other (id int, nick text);
INSERT INTO users VALUES (1, 'x', 'Ada', 36), (2, 'y', 'Alan', 41);
INSERT INTO other VALUES (1, 'Nick');
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := NEW.name; RETURN NEW; END $$;
CREATE TRIGGER kept_in BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER kept BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION keep();
";

/// The second edition has a table of its own, which the third one changes.
const SECOND: &str = "CREATE TABLE notes (id int PRIMARY KEY, name text, age int); INSERT INTO notes VALUES (1, 'Ada', 36), (2, 'Alan', 41);";

const THIRD: &str = "\
ALTER TABLE users DROP old; ALTER TABLE users RENAME name TO full_name; ALTER TABLE users ADD nick text;
ALTER TABLE notes RENAME name TO full_name; ALTER TABLE notes ADD nick text;
CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.full_name := NEW.full_name; RETURN NEW; END $$;
";

/// Queries of `{table}` and what they answer; `{name}` is what the edition calls the column.
const QUERIES: &[(&str, &[&str])] = &[
    ("SELECT {name} FROM public.{table} ORDER BY id", &["Ada", "Alan"]),
    ("SELECT {name}, count(*)::text FROM {table} GROUP BY id ORDER BY id", &["Ada|1", "Alan|1"]),
    (
        "SELECT u.{name}, u.age::text FROM public.{table} u GROUP BY u.id ORDER BY u.id",
        &["Ada|36", "Alan|41"],
    ),
    (
        "SELECT u.{name}, {nick} FROM {table} u JOIN other o ON o.id = u.id GROUP BY u.id, {nick}",
        &["Ada|Nick"],
    ),
    ("SELECT {name} FROM {table} WHERE ctid = (SELECT min(ctid) FROM public.{table})", &["Ada"]),
    ("SELECT count(*)::text FROM {table} TABLESAMPLE system (100)", &["2"]),
    (
        "UPDATE {table} SET {name} = 'Eve' WHERE ctid = (SELECT max(ctid) FROM {table}) RETURNING {name}",
        &["Eve"],
    ),
    ("UPDATE public.{table} SET {name} = DEFAULT WHERE id = 1 RETURNING id::text", &["1"]),
    (
        "INSERT INTO {table} (id, {name}) VALUES (1, 'Eve') ON CONFLICT (id) DO UPDATE SET {name} = excluded.{name} RETURNING (xmax = 0)::text",
        &["false"],
    ),
    (
        "MERGE INTO {table} u USING (VALUES (1), (7)) s (id) ON u.id = s.id \
         WHEN MATCHED THEN UPDATE SET {name} = 'M' WHEN NOT MATCHED THEN INSERT (id, {name}) VALUES (s.id, 'N')",
        &[],
    ),
    ("TRUNCATE {table}", &[]),
    (
        "SELECT relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND relname = '{table}'",
        &["r"],
    ),
    ("SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = '{table}'::regclass", &["r"]),
];

/// An application of one edition: a table, and what it calls one of its columns.
struct Application {
    edition: &'static str,
    table: &'static str,
    name: &'static str,
    session: Session,
    kept: Vec<(Statement, &'static [&'static str])>,
}

impl Application {
    async fn open(world: &World, edition: &'static str, table: &'static str, name: &'static str) -> Self {
        let session = world.session(OWNER, edition).await;
        let mut application = Self { edition, table, name, session, kept: Vec::new() };
        for (query, answer) in QUERIES {
            let text = application.text(query);
            application.kept.push((application.session.client().prepare(&text).await.unwrap(), answer));
        }
        application
    }

    fn text(&self, query: &str) -> String {
        // The third edition's tables have a column of that name, too.
        let nick = if self.edition == "v3" { "o.nick" } else { "nick" };
        query.replace("{table}", self.table).replace("{name}", self.name).replace("{nick}", nick)
    }

    /// Sends everything; each leaves what it found.
    async fn goes_on(&self, when: &str) {
        let client = self.session.client();
        for (query, answer) in QUERIES {
            let text = self.text(query);
            let told = || format!("{when}: {} sends {text}", self.edition);
            self.session.run("BEGIN").await;
            match self.session.try_ask(&text).await {
                Ok(rows) => assert_eq!(rows.rows, *answer, "{}", told()),
                Err(failure) => panic!("{}: {failure:?}", told()),
            }
            self.session.run("ROLLBACK; BEGIN").await;
            match client.query(&text, &[]).await {
                Ok(rows) => assert_eq!(fields(&rows), *answer, "{}", told()),
                Err(error) => panic!("{}, prepared: {error:?}", told()),
            }
            self.session.run("ROLLBACK").await;
        }
        for (at, (statement, answer)) in self.kept.iter().enumerate() {
            self.session.run("BEGIN").await;
            match client.query(statement, &[]).await {
                Ok(rows) => assert_eq!(fields(&rows), *answer, "{when}: {} runs {at}", self.edition),
                Err(error) => panic!("{when}: {} runs statement {at}: {error:?}", self.edition),
            }
            self.session.run("ROLLBACK").await;
        }
        self.copies(when).await;
    }

    async fn copies(&self, when: &str) {
        let client = self.session.client();
        let told = |error| format!("{when}: {} copies: {error:?}", self.edition);
        self.session.run("BEGIN").await;
        let into = self.text("COPY {table} (id, {name}) FROM STDIN");
        let sink = client.copy_in(&into).await.unwrap_or_else(|error| panic!("{}", told(error)));
        let mut sink = std::pin::pin!(sink);
        sink.send(Bytes::from_static(b"3\tEve\n")).await.unwrap();
        sink.finish().await.unwrap_or_else(|error| panic!("{}", told(error)));
        let out = self.text("COPY public.{table} (id, {name}) TO STDOUT (HEADER)");
        let out = client.copy_out(&out).await.unwrap_or_else(|error| panic!("{}", told(error)));
        let out: Vec<Bytes> = out.try_collect().await.unwrap_or_else(|error| panic!("{}", told(error)));
        let should = format!("id\t{}\n1\tAda\n2\tAlan\n3\tEve\n", self.name);
        assert_eq!(out.concat(), should.as_bytes(), "{when}");
        self.session.run("ROLLBACK").await;
    }
}

fn fields(rows: &[tokio_postgres::Row]) -> Vec<String> {
    let fields =
        |row: &tokio_postgres::Row| (0..row.len()).map(|at| row.get::<_, String>(at)).collect::<Vec<_>>();
    rows.iter().map(|row| fields(row).join("|")).collect()
}

/// Runs the operation, and the applications at each of its moments; gives these.
async fn at_every_moment<F>(
    world: &World,
    applications: &[&Application],
    operation: impl FnOnce(Verbs, Holding) -> F,
) -> Vec<String>
where
    F: Future<Output = ()> + Send + 'static,
{
    let look = async |moment: &str| {
        told(world).await;
        for application in applications {
            application.goes_on(moment).await;
        }
    };
    edition_tests::at_every_moment(&world.verbs, operation, look).await
}

/// Waits until the proxy has read what was committed. What changes in one transaction with the table itself it learns a moment later.
async fn told(world: &World) {
    let direct = world.direct(OWNER).await;
    let behind =
        "SELECT 1 FROM edition.proxies, edition.epoch WHERE acked_epoch < epoch AND lease_expires_at > now()";
    while !direct.ask(behind).await.is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

fn assert_met(moments: &[String], parts: &[&str]) {
    for part in parts {
        assert!(moments.iter().any(|moment| moment.contains(part)), "never at {part}: {moments:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_fails_at_any_moment_of_publish_rollback_and_retire() {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", SECOND).await;
    let old = Application::open(&world, "v1", "users", "name").await;
    at_every_moment(&world, &[&old], |verbs, holding| async move {
        verbs.try_publish("v2", &[], &holding).await.unwrap();
    })
    .await;
    let middle = Application::open(&world, "v2", "users", "name").await;
    let own = Application::open(&world, "v2", "notes", "name").await;
    world.verbs.create("v3").await;
    world.draft("v3", THIRD).await;

    let met = at_every_moment(&world, &[&old, &middle, &own], |verbs, holding| async move {
        verbs.try_publish("v3", &[], &holding).await.unwrap();
    })
    .await;
    assert_met(&met, &["announce views of tables", "pass-through views of public.users", "expand"]);
    let met = at_every_moment(&world, &[&old, &middle, &own], |verbs, holding| async move {
        verbs.try_rollback("v3", &holding).await.unwrap();
    })
    .await;
    assert_met(
        &met,
        &["contract public.users", "drop views and schemas", "announce that the views are gone"],
    );

    world.verbs.publish("v3", &[]).await;
    world.verbs.default("v3").await;
    let (new, new_own) = (
        Application::open(&world, "v3", "users", "full_name").await,
        Application::open(&world, "v3", "notes", "full_name").await,
    );
    drop(old);
    let met = at_every_moment(&world, &[&middle, &own, &new, &new_own], |verbs, holding| async move {
        verbs.try_retire("v1", &holding).await.unwrap();
    })
    .await;
    assert_met(&met, &["move what the new root named"]);
    drop((middle, own));
    at_every_moment(&world, &[&new, &new_own], |verbs, holding| async move {
        verbs.try_retire("v2", &holding).await.unwrap();
    })
    .await;
    new.goes_on("at rest").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_fails_while_a_publication_is_undone() {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", SECOND).await;
    world.verbs.publish("v2", &[]).await;
    let schema = world.dump().await;
    world.verbs.create("v3").await;
    world.draft("v3", THIRD).await;
    world.draft("v3", "ALTER TABLE users ADD wrong int NOT NULL").await;
    world.verbs.transform("v3", "users", "wrong = 1 / (id - 2)", "").await;
    let old = Application::open(&world, "v1", "users", "name").await;
    let own = Application::open(&world, "v2", "notes", "name").await;
    let met = at_every_moment(&world, &[&old, &own], |verbs, holding| async move {
        verbs
            .try_publish("v3", &["older-write-may-fail", "backfill-fires-triggers"], &holding)
            .await
            .unwrap_err();
    })
    .await;
    assert_met(&met, &["undoing: expand", "undoing: pass-through views", "undoing: announce views"]);
    drop((old, own));
    edition_tests::assert_same_schema("after undoing", &world.dump().await, &schema);
    world.end().await;
}

/// Moves somebody into a house that is built later, with the constraint put off by a prepared statement and by a text; and has two change places.
async fn moves_in(session: &Session, kept: &Statement, moment: &str) {
    for is_kept in [true, false] {
        session.run("BEGIN").await;
        let put_off = if is_kept {
            session.client().execute(kept, &[]).await.map(drop)
        } else {
            session.client().simple_query("SET CONSTRAINTS lives DEFERRED").await.map(drop)
        };
        put_off.unwrap_or_else(|error| panic!("{moment}: {error:?}"));
        let rest = "INSERT INTO people VALUES (2, 2); INSERT INTO houses VALUES (2); SET CONSTRAINTS public.lives IMMEDIATE";
        if let Err(failure) = session.try_ask(rest).await {
            panic!("{moment}: {failure:?}");
        }
        let swap = "SET CONSTRAINTS once DEFERRED; UPDATE ranks SET place = 2 WHERE id = 1; UPDATE ranks SET place = 1 WHERE id = 2; SET CONSTRAINTS once IMMEDIATE; UPDATE ranks SET place = 3 - place";
        if let Err(failure) = session.try_ask(swap).await {
            panic!("{moment}: {failure:?}");
        }
        session.run("ROLLBACK").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_waits_at_any_moment() {
    const BASE: &str = "CREATE TABLE houses (id int PRIMARY KEY); INSERT INTO houses VALUES (1);
        CREATE TABLE people (id int PRIMARY KEY, house int CONSTRAINT lives REFERENCES houses DEFERRABLE); INSERT INTO people VALUES (1, 1);
        CREATE TABLE ranks (id int PRIMARY KEY, place int CONSTRAINT once UNIQUE DEFERRABLE); INSERT INTO ranks VALUES (1, 1), (2, 2)";
    const PUT_OFF: &str = "SET CONSTRAINTS public.lives DEFERRED";
    let world = World::adopted(BASE).await;
    let old = world.session(OWNER, "v1").await;
    let kept = old.client().prepare(PUT_OFF).await.unwrap();
    world.verbs.create("v2").await;
    world
        .draft("v2", "ALTER TABLE houses ALTER id TYPE bigint; ALTER TABLE people ALTER house TYPE bigint; ALTER TABLE ranks ALTER place TYPE bigint")
        .await;
    let publish = |verbs: Verbs, holding: Holding| async move {
        verbs.try_publish("v2", &[], &holding).await.unwrap();
    };
    let of_old = async |moment: &str| {
        told(&world).await;
        moves_in(&old, &kept, moment).await;
    };
    let met = edition_tests::at_every_moment(&world.verbs, publish, of_old).await;
    assert_met(&met, &["expand", "lives$v2"]);
    let rollback = |verbs: Verbs, holding: Holding| async move {
        verbs.try_rollback("v2", &holding).await.unwrap();
    };
    edition_tests::at_every_moment(&world.verbs, rollback, of_old).await;
    world.verbs.publish("v2", &[]).await;
    drop(old);

    let new = world.session(OWNER, "v2").await;
    let kept = new.client().prepare(PUT_OFF).await.unwrap();
    world.verbs.default("v2").await;
    let retire = |verbs: Verbs, holding: Holding| async move {
        verbs.try_retire("v1", &holding).await.unwrap();
    };
    let of_new = async |moment: &str| {
        told(&world).await;
        moves_in(&new, &kept, moment).await;
    };
    edition_tests::at_every_moment(&world.verbs, retire, of_new).await;
    moves_in(&new, &kept, "at rest").await;
    world.end().await;
}
