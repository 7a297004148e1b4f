//! Errors as the edition knows them. The oracle is the edition's blueprint, where its tables are real ones: each statement fails there and, over
//! views, in the edition, and what a client reads of it must be the same, from the parent's side and from the child's.

use edition_tests::{OWNER, Session, World};
use futures_util::SinkExt;
use tokio_postgres::error::{DbError, ErrorPosition};

const BASE: &str = "\
CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE users (id int PRIMARY KEY, team_id int REFERENCES teams, name text NOT NULL, email text UNIQUE,
    age int CONSTRAINT grown CHECK (age >= 0), size int CHECK (size > 0), doubled int GENERATED ALWAYS AS (age * 2) STORED);
CREATE TABLE counted (id int, number int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE limits (id int PRIMARY KEY, amount int CONSTRAINT few CHECK (amount < 9), CONSTRAINT pair UNIQUE (amount, id));
CREATE TABLE places (id int PRIMARY KEY);
CREATE TABLE seats (id int PRIMARY KEY, place int REFERENCES places ON UPDATE CASCADE);
CREATE UNIQUE INDEX users_by_name ON users (lower(name), team_id);
CREATE TABLE bookings (id int, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE TABLE secrets (id int);
CREATE TABLE notes (id int PRIMARY KEY, owner_name text, body text);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (owner_name = current_user);
CREATE POLICY short ON notes AS RESTRICTIVE USING (length(body) < 9);
CREATE TABLE events (id int PRIMARY KEY, at date);
CREATE FUNCTION complain() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'table \"users\" has no column \"name\"' USING SCHEMA = 'public', TABLE = 'users', COLUMN = 'name', ERRCODE = '23502';
END $$;
CREATE FUNCTION check_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.at < '2000-01-01' THEN RAISE EXCEPTION 'too old: %', NEW.at; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_event BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION check_event();
CREATE TABLE logs (id int, kind int, word text NOT NULL) PARTITION BY LIST (kind);
CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1);
CREATE TABLE logs_2 PARTITION OF logs FOR VALUES IN (2) PARTITION BY RANGE (abs(id));
CREATE TABLE logs_2_1 PARTITION OF logs_2 FOR VALUES FROM (0) TO (10);
CREATE UNIQUE INDEX logs_1_word ON logs_1 (word);
CREATE TABLE queue (id int, place int CONSTRAINT alone UNIQUE DEFERRABLE, CONSTRAINT now UNIQUE (id));
CREATE FUNCTION check_place() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'bad id: %', NEW.id; END $$;
CREATE CONSTRAINT TRIGGER placed AFTER INSERT ON queue DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id < 0) EXECUTE FUNCTION check_place();
CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
CREATE TABLE numbers (id int PRIMARY KEY, half even, mark varchar(3));
GRANT SELECT, INSERT, UPDATE, DELETE ON teams, users, bookings, notes, events, numbers, counted, limits, places, seats TO keeper;
";

/// Every table becomes a view, in either edition.
const DRAFT: &str = "\
ALTER TABLE teams RENAME name TO title;
ALTER TABLE users RENAME name TO \"Full Name\"; ALTER TABLE users RENAME email TO mail; ALTER TABLE users DROP size; ALTER TABLE users ADD nick text;
ALTER TABLE counted RENAME number TO n; ALTER TABLE places RENAME TO locations;
ALTER TABLE limits RENAME amount TO much; ALTER TABLE limits RENAME CONSTRAINT few TO fewer; ALTER TABLE limits RENAME CONSTRAINT pair TO couple;
ALTER TABLE limits RENAME CONSTRAINT limits_pkey TO limits_id;
ALTER TABLE bookings RENAME TO reservations; ALTER TABLE reservations RENAME during TO span;
ALTER TABLE secrets ADD word text;
ALTER TABLE logs RENAME word TO term; ALTER TABLE logs RENAME kind TO sort; ALTER TABLE logs ADD extra text;
ALTER TABLE notes RENAME owner_name TO author;
ALTER TABLE events ADD place text;
ALTER TABLE queue ALTER place TYPE bigint; ALTER TABLE queue RENAME CONSTRAINT alone TO single; ALTER TABLE queue RENAME CONSTRAINT now TO at_once;
ALTER TABLE numbers RENAME half TO other_half;
";

/// What v2 calls what v1 calls so.
const RENAMED: [(&str, &str, &str); 13] = [
    ("{elsewhere}", "single", "alone"),
    ("{alone}", "alone", "single"),
    ("{now}", "now", "at_once"),
    ("{number}", "number", "n"),
    ("{amount}", "amount", "much"),
    ("{places}", "places", "locations"),
    ("{title}", "name", "title"),
    ("{name}", "name", "\"Full Name\""),
    ("{email}", "email", "mail"),
    ("{bookings}", "bookings", "reservations"),
    ("{during}", "during", "span"),
    ("{owner}", "owner_name", "author"),
    ("{half}", "half", "other_half"),
];

/// The last statement of each fails.
const FAILING: &[&[&str]] = &[
    // unique, primary key, expressions
    &["INSERT INTO users (id, {name}) VALUES (1, 'a')", "INSERT INTO users (id, {name}) VALUES (1, 'b')"],
    &["INSERT INTO users (id, {name}, {email}) VALUES (1, 'a', 'm'), (2, 'b', 'm')"],
    &["INSERT INTO users (id, {name}) VALUES (1, 'a'), (2, 'b')", "UPDATE users SET id = 1 WHERE id = 2"],
    &[
        "INSERT INTO teams VALUES (1, 'x')",
        "INSERT INTO users (id, team_id, {name}) VALUES (1, 1, 'Al'), (2, 1, 'al')",
    ],
    &["INSERT INTO teams VALUES (1, 'Key (name)=(1) '), (2, 'Key (name)=(1) ')"],
    // partitions
    &["INSERT INTO logs VALUES (1, 3, 'a')"],
    &["INSERT INTO logs VALUES (20, 2, 'a')"],
    &["INSERT INTO logs VALUES (1, 1, 'a'), (2, 1, 'a')"],
    &["INSERT INTO logs VALUES (1, 2, NULL)"],
    // foreign keys, from both ends
    &["INSERT INTO users (id, team_id, {name}) VALUES (1, 7, 'a')"],
    &[
        "INSERT INTO teams VALUES (1, 'x'); INSERT INTO users (id, team_id, {name}) VALUES (1, 1, 'a')",
        "DELETE FROM teams",
    ],
    &["INSERT INTO seats VALUES (1, 9)"],
    &["INSERT INTO {places} VALUES (1); INSERT INTO seats VALUES (1, 1)", "DELETE FROM {places}"],
    // names of constraints
    &["INSERT INTO limits VALUES (1, 9)"],
    &["INSERT INTO limits VALUES (1, 1), (1, 2)"],
    &["INSERT INTO limits VALUES (1, 1)", "INSERT INTO limits SELECT {amount}, {amount} FROM limits"],
    // not null, check, exclusion, domains
    &["INSERT INTO users (id) VALUES (1)"],
    &["INSERT INTO teams (id) VALUES (1)"],
    &["INSERT INTO users (id, {name}) VALUES (1, 'a')", "UPDATE users SET {name} = NULL"],
    &["INSERT INTO users (id, {name}, age) VALUES (1, 'a', -1)"],
    &["SET ROLE keeper", "INSERT INTO users (id, {name}, age) VALUES (1, 'a', -1)"],
    &["INSERT INTO {bookings} VALUES (1, '[1,5)'), (2, '[2,3)')"],
    &["INSERT INTO numbers (id, {half}) VALUES (1, 3)"],
    &["INSERT INTO numbers (id, mark) VALUES (1, 'long')"],
    // generated and identity columns
    &["INSERT INTO users (id, {name}, doubled) VALUES (1, 'a', 3)"],
    &["UPDATE users SET doubled = 3"],
    &["INSERT INTO counted (id, {number}) VALUES (1, 3)"],
    &["UPDATE counted SET {number} = 3"],
    // types
    &["INSERT INTO users (id, {name}) VALUES ('name', 'a')"],
    &["SELECT {name} + 1 FROM users"],
    &["SELECT * FROM users WHERE {name} = 1"],
    &["UPDATE public.users SET age = 'x' WHERE id = 1"],
    // names that are not there, and positions in texts that are rewritten
    &["SELECT nme FROM users"],
    &["SELECT users.{name} FROM users u"],
    &["SELECT 'é', \"users\".nope FROM public.users WHERE id > 0"],
    &["SELECT public.users.nope FROM public.users, public.teams"],
    &["SELECT 1 FROM public.users u JOIN public.teams ON /* é */ nope = 1"],
    &["INSERT INTO users (nope) VALUES (1)"],
    &["UPDATE public.users SET nope = 1"],
    &["SELECT * FROM public.nope"],
    &["SELECT * FROM public.users, public.nope"],
    &["SELECT public.nope(1) FROM public.users"],
    &["SELECT id FROM public.users JOIN public.teams ON true"],
    &["SELECT public.users.team_id, count(*) FROM public.users GROUP BY id + 1"],
    &["SELECT FROM WHERE public.users"],
    &["INSERT INTO users (id, {name}) VALUES (1, 'a') ON CONFLICT ({name}) DO NOTHING"],
    // what is written over the physical table
    &["SELECT {name}, count(*), nope FROM users GROUP BY id"],
    &["UPDATE numbers SET {half} = 'x'::text WHERE ctid = '(0,1)'"],
    &["UPDATE numbers SET {half} = 3 WHERE tableoid > 0 OR nope"],
    &["SELECT {during} + 1, xmin FROM public.{bookings}"],
    &["INSERT INTO limits VALUES (1, 1) ON CONFLICT ON CONSTRAINT nope DO NOTHING"],
    // lists of columns
    &["COPY users (nope) TO STDOUT"],
    &["COPY public.users (id, {name}, {name}, nope) TO STDOUT"],
    &["COPY users (ctid) FROM STDIN"],
    &["COPY users ({name}, {name}) FROM STDIN"],
    // privileges and policies
    &["SET ROLE keeper", "SELECT * FROM secrets"],
    &["SET ROLE keeper", "INSERT INTO secrets (id) VALUES (1)"],
    &["SET ROLE keeper", "DELETE FROM public.secrets"],
    &["SET ROLE keeper", "INSERT INTO notes VALUES (1, 'somebody', 'x')"],
    &["SET ROLE keeper", "INSERT INTO notes VALUES (1, 'keeper', 'much too long')"],
    // constraints by name
    &["SET CONSTRAINTS nope DEFERRED"],
    &["SET CONSTRAINTS {alone}, public.nope IMMEDIATE"],
    &["SET CONSTRAINTS {elsewhere} DEFERRED"],
    &["SET CONSTRAINTS nowhere.{alone} DEFERRED"],
    &["SET CONSTRAINTS public.{alone}, {now} DEFERRED"],
    &[
        "SET CONSTRAINTS {alone} DEFERRED",
        "INSERT INTO queue VALUES (1, 1), (2, 1)",
        "SET CONSTRAINTS {alone} IMMEDIATE",
    ],
    &["INSERT INTO queue VALUES (-1, 1)", "SET CONSTRAINTS placed IMMEDIATE"],
    // tables are no views
    &["ALTER VIEW secrets SET (security_invoker = false)"],
    &["ALTER VIEW public.users RESET (check_option)"],
    &["COMMENT ON VIEW users IS 'x'"],
    &["ALTER TABLE teams SET (security_barrier)"],
    // the application's own words
    &["SELECT complain()"],
    &["INSERT INTO events VALUES (1, '1999-01-01')"],
    &["DO $$ BEGIN INSERT INTO users (id) VALUES (1); END $$"],
];

/// All that a client reads of an error but where in PostgreSQL's source it was found.
fn read(error: &DbError) -> Vec<String> {
    let position = error.position().map(|position| match position {
        ErrorPosition::Original(at) => format!("at {at}"),
        ErrorPosition::Internal { position, query } => format!("at {position} of {query}"),
    });
    let fields = [
        ("severity", Some(error.severity())),
        ("code", Some(error.code().code())),
        ("message", Some(error.message())),
        ("detail", error.detail()),
        ("hint", error.hint()),
        ("position", position.as_deref()),
        ("where", error.where_()),
        ("schema", error.schema()),
        ("table", error.table()),
        ("column", error.column()),
        ("datatype", error.datatype()),
        ("constraint", error.constraint()),
    ];
    fields.into_iter().filter_map(|(name, text)| Some(format!("{name}: {}", text?))).collect()
}

fn said(error: &tokio_postgres::Error) -> Vec<String> {
    error.as_db_error().map_or_else(|| vec![format!("{error:?}")], read)
}

#[derive(Clone, Copy, Debug)]
enum Protocol {
    Simple,
    Extended,
}

/// What the last of `statements` says, the others having worked; nothing of it stays.
async fn failure(session: &Session, protocol: Protocol, statements: &[String]) -> Vec<String> {
    let (last, before) = statements.split_last().unwrap();
    session.run("BEGIN").await;
    for sql in before {
        session.run(sql).await;
    }
    let error = match protocol {
        Protocol::Simple => session.client().simple_query(last).await.map(drop),
        Protocol::Extended => session.client().execute(last.as_str(), &[]).await.map(drop),
    };
    session.run("ROLLBACK").await;
    error.map_or_else(|error| said(&error), |()| vec!["no error".to_owned()])
}

fn in_words_of(edition: &str, sql: &str) -> String {
    RENAMED
        .iter()
        .fold(sql.to_owned(), |sql, (mark, v1, v2)| sql.replace(mark, if edition == "v1" { v1 } else { v2 }))
}

/// v1 and v2, both live.
async fn world() -> World {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &[]).await;
    world
}

#[tokio::test]
async fn errors_read_as_those_of_a_database_of_ones_own() {
    let world = world().await;
    let mut differing = Vec::new();
    for edition in ["v1", "v2"] {
        let oracle = world.in_blueprint(edition).await;
        let session = world.session(OWNER, edition).await;
        for statements in FAILING {
            let statements: Vec<String> = statements.iter().map(|sql| in_words_of(edition, sql)).collect();
            for protocol in [Protocol::Simple, Protocol::Extended] {
                let should = failure(&oracle, protocol, &statements).await;
                let is = failure(&session, protocol, &statements).await;
                assert_ne!(should, ["no error"], "{statements:?}");
                if is != should {
                    differing.push(format!(
                        "{edition}, {protocol:?}: {statements:?}\n  should: {should:#?}\n  is: {is:#?}"
                    ));
                }
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    world.end().await;
}

#[tokio::test]
async fn errors_of_copy_name_the_line_and_the_editions_column() {
    let world = world().await;
    for edition in ["v1", "v2"] {
        for (sql, data) in [
            ("COPY users (id, {name}) FROM STDIN", "1\ta\nx\tb\n"),
            ("COPY users (id, {name}) FROM STDIN", "1\ta\n1\tb\n"),
            ("COPY users (id, {name}) FROM STDIN", "1\t\\N\n"),
            ("COPY public.numbers (id, {half}) FROM STDIN", "1\thalf\n"),
            ("COPY {bookings} FROM STDIN", "1\n"),
        ] {
            let sql = in_words_of(edition, sql);
            let mut heard = Vec::new();
            // A driver may lose count when a COPY fails, hence a session for each.
            for session in [world.in_blueprint(edition).await, world.session(OWNER, edition).await] {
                let mut sink = Box::pin(session.client().copy_in(&sql).await.unwrap());
                sink.send(bytes::Bytes::from_static(data.as_bytes())).await.unwrap();
                heard.push(said(&sink.as_mut().finish().await.unwrap_err()));
            }
            assert_eq!(heard[1], heard[0], "{edition}: {sql}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn what_waits_in_vain_names_the_editions_table() {
    let world = world().await;
    for edition in ["v1", "v2"] {
        let mut heard = Vec::new();
        for is_live in [false, true] {
            let open = async || {
                if is_live { world.session(OWNER, edition).await } else { world.in_blueprint(edition).await }
            };
            let (first, second) = (open().await, open().await);
            let update = in_words_of(edition, "UPDATE {bookings} SET id = id + 1");
            first
                .run(&in_words_of(edition, "TRUNCATE {bookings}; INSERT INTO {bookings} VALUES (1, '[1,2)')"))
                .await;
            first.run(&format!("BEGIN; {update}")).await;
            second.run("SET lock_timeout = '30ms'").await;
            heard.push(said(&second.client().simple_query(&update).await.unwrap_err()));
            first.run("ROLLBACK").await;
            first.run(&in_words_of(edition, "TRUNCATE {bookings}")).await;
        }
        assert_eq!(heard[1], heard[0]);
        assert!(heard[0].iter().any(|field| field.starts_with("where: while updating tuple")), "{heard:?}");
    }
    world.end().await;
}
