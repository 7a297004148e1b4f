//! CREATE … IF NOT EXISTS, DROP … IF EXISTS and what ALTER skips, as applications send them when they start: where they change nothing, a live edition answers as a plain
//! database of its schema does.

use edition_tests::{
    OWNER, World, server,
    wire::{Message, Wire, frame},
};

const BASE: &str = "\
CREATE TABLE users (id serial PRIMARY KEY, name text);
CREATE TABLE plain (id int PRIMARY KEY);
CREATE TABLE gone (id int);
CREATE VIEW names AS SELECT name FROM users;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
CREATE SEQUENCE counted;
CREATE SCHEMA other; CREATE TABLE other.things (id int);
CREATE TYPE mood AS ENUM ('ok', 'it''s bad');
";

const DRAFT: &str = "ALTER TABLE users RENAME name TO full_name; ALTER TABLE users RENAME TO people; DROP TABLE gone; CREATE TABLE audit (id serial PRIMARY KEY);
    CREATE SEQUENCE added; CREATE TYPE state AS ENUM ('on')";

/// The usual ones of both editions.
const SKIPPED: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS {users} (id int REFERENCES {users}, m nothing)",
    "CREATE TABLE IF NOT EXISTS public.{users} (id int)",
    "CREATE TABLE IF NOT EXISTS plain (id int)",
    "CREATE TABLE IF NOT EXISTS names (id int)",
    "CREATE TABLE IF NOT EXISTS users_pkey (id int)",
    "CREATE TABLE IF NOT EXISTS plain AS SELECT * FROM {users}",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS kept AS SELECT 2",
    "CREATE SEQUENCE IF NOT EXISTS counted",
    "CREATE SEQUENCE IF NOT EXISTS public.users_id_seq",
    "DROP TABLE IF EXISTS nothere",
    "DROP TABLE IF EXISTS public.nothere, pg_temp.\"Not\", {absent} CASCADE",
    "DROP TABLE IF EXISTS nowhere.nothere, nothere",
    "DROP VIEW IF EXISTS nothere",
    "DROP SEQUENCE IF EXISTS nothere RESTRICT",
    "DROP MATERIALIZED VIEW IF EXISTS public.nothere",
    "DROP FOREIGN TABLE IF EXISTS nothere",
    "BEGIN; CREATE TABLE IF NOT EXISTS {users} (); SELECT 1; DROP TABLE IF EXISTS nothere; COMMIT",
    "SELECT 1; ; CREATE TABLE IF NOT EXISTS plain (); SELECT 2",
    "BEGIN READ ONLY; CREATE TABLE IF NOT EXISTS plain ()",
    "ROLLBACK",
    "BEGIN READ ONLY; DROP TABLE IF EXISTS nothere",
    "ROLLBACK",
    "SET client_min_messages = warning; DROP TABLE IF EXISTS nothere; RESET client_min_messages",
    // who may not create is told so
    "SET ROLE keeper",
    "CREATE TABLE IF NOT EXISTS public.plain ()",
    "CREATE SEQUENCE IF NOT EXISTS counted",
    "CREATE TABLE IF NOT EXISTS plain AS SELECT 1",
    "DROP TABLE IF EXISTS nothere",
    "SET search_path = ''; CREATE TABLE IF NOT EXISTS plain ()",
    "RESET search_path; RESET ROLE",
    // what is temporary is dropped
    "DO $$ BEGIN CREATE TEMP TABLE unseen (a int); CREATE TEMP TABLE unseen_too (a int); END $$",
    "DROP TABLE IF EXISTS nothere, unseen, unseen_too",
    "SELECT to_regclass('unseen'), to_regclass('unseen_too')",
    "CREATE TEMP TABLE seen (a int); DROP TABLE IF EXISTS seen, nothere",
    "SELECT to_regclass('seen')",
    "SET search_path = other, public; CREATE TABLE IF NOT EXISTS things (); RESET search_path",
    // what an alteration skips
    "ALTER TABLE {users} ADD COLUMN IF NOT EXISTS {name} nothing",
    "ALTER TABLE ONLY public.{users} ADD IF NOT EXISTS id serial, ADD COLUMN IF NOT EXISTS {name} text NOT NULL DEFAULT 'x'",
    "ALTER TABLE {users} ADD COLUMN IF NOT EXISTS id int, DROP COLUMN IF EXISTS {no_name}, DROP CONSTRAINT IF EXISTS nothere, DROP IF EXISTS \"Not\" CASCADE",
    "ALTER TABLE IF EXISTS plain ADD COLUMN IF NOT EXISTS id int",
    "ALTER TABLE IF EXISTS {absent} ADD COLUMN id int, ALTER id SET NOT NULL",
    "ALTER TABLE IF EXISTS public.nothere ADD COLUMN IF NOT EXISTS id int",
    "ALTER TABLE {absent} ADD COLUMN IF NOT EXISTS id int",
    "ALTER TABLE public.nothere DROP COLUMN IF EXISTS id",
    "SET search_path = other, public; ALTER TABLE things ADD COLUMN IF NOT EXISTS id int; RESET search_path",
    "BEGIN; ALTER TABLE plain ADD COLUMN IF NOT EXISTS id int; INSERT INTO plain VALUES (1); ROLLBACK",
    "BEGIN READ ONLY; ALTER TABLE plain ADD COLUMN IF NOT EXISTS id int",
    "ROLLBACK",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'ok'",
    "ALTER TYPE public.mood ADD VALUE IF NOT EXISTS 'it''s bad' BEFORE 'nothere'",
    "ALTER TYPE nothere ADD VALUE IF NOT EXISTS 'ok'",
    "ALTER TYPE public.nothere ADD VALUE IF NOT EXISTS 'ok'",
    "SET ROLE keeper",
    "ALTER TABLE {users} ADD COLUMN IF NOT EXISTS id int",
    "ALTER TABLE plain DROP COLUMN IF EXISTS nothere",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'ok'",
    "RESET ROLE",
];

const OF_V2: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS audit ()",
    "CREATE SEQUENCE IF NOT EXISTS audit_id_seq",
    "CREATE SEQUENCE IF NOT EXISTS public.added",
    "ALTER TABLE people DROP CONSTRAINT IF EXISTS named_once, ADD COLUMN IF NOT EXISTS full_name text",
    "ALTER TABLE public.audit ADD COLUMN IF NOT EXISTS id int",
    "ALTER TYPE public.state ADD VALUE IF NOT EXISTS 'on'",
];

/// All of an answer, but where in PostgreSQL's source, and for what word of the statement, a report was made.
fn told(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| match message.tag {
        b'N' | b'E' => {
            let said = String::from_utf8_lossy(&message.body).into_owned();
            let fields = said.split('\0').filter(|field| !field.starts_with(['F', 'L', 'R', 'P']));
            format!("{}: {}", char::from(message.tag), fields.collect::<Vec<&str>>().join("|"))
        }
        tag => format!("{}: {}", char::from(tag), String::from_utf8_lossy(&message.body)),
    };
    messages.iter().map(text).collect()
}

/// A session in an edition, and one in its blueprint.
async fn wires(world: &World, edition: &str) -> [Wire; 2] {
    let (options, blueprint) = (format!("-c edition={edition}"), world.blueprint(edition));
    let own = [("user", OWNER), ("database", world.database.as_str()), ("options", &options)];
    let plain = [("user", OWNER), ("database", &blueprint)];
    let server = server().await.port();
    [Wire::open(world.port(), &own).await.unwrap(), Wire::open(server, &plain).await.unwrap()]
}

async fn compare(world: &World, edition: &str) {
    let [mut own, mut plain] = wires(world, edition).await;
    let (users, absent) = if edition == "v1" { ("users", "people") } else { ("people", "gone") };
    let (name, no_name) = if edition == "v1" { ("name", "full_name") } else { ("full_name", "name") };
    let of_v2 = if edition == "v2" { OF_V2 } else { &[] };
    let mut differing = Vec::new();
    for sql in SKIPPED.iter().chain(of_v2) {
        let sql = sql.replace("{users}", users).replace("{absent}", absent);
        let sql = sql.replace("{name}", name).replace("{no_name}", no_name);
        let bytes = frame(b'Q', format!("{sql}\0").as_bytes()).unwrap();
        let simple = (own.exchange(&bytes).await.unwrap(), plain.exchange(&bytes).await.unwrap());
        let mut heard = vec![(told(&simple.0), told(&simple.1))];
        if !sql.contains(';') {
            let texts = ["SELECT 1", sql.as_str(), "SELECT 2"];
            let piped = (own.pipeline(&texts).await.unwrap(), plain.pipeline(&texts).await.unwrap());
            heard.push((told(&piped.0), told(&piped.1)));
        }
        for (is, should) in heard {
            if is != should {
                differing.push(format!("{edition}: {sql}\n  should: {should:#?}\n  is: {is:#?}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[tokio::test]
async fn what_changes_nothing_is_skipped_as_on_a_plain_server() {
    let world = World::adopted(BASE).await;
    compare(&world, "v1").await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &[]).await;
    for edition in ["v1", "v2"] {
        compare(&world, edition).await;
    }
    world.end().await;
}

#[tokio::test]
async fn what_would_change_a_live_edition_is_refused() {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &[]).await;
    for (edition, absent, there) in [("v1", "people", "users"), ("v2", "gone", "people")] {
        let session = world.session(OWNER, edition).await;
        for sql in [
            &format!("CREATE TABLE IF NOT EXISTS {absent} (id int)"),
            "CREATE TABLE IF NOT EXISTS fresh (id int)",
            "CREATE TABLE IF NOT EXISTS public.fresh AS SELECT 1",
            "CREATE SEQUENCE IF NOT EXISTS fresh",
            &format!("DROP TABLE IF EXISTS nothere, {there} CASCADE"),
            "DROP TABLE IF EXISTS public.plain",
            "DROP VIEW IF EXISTS names",
            "DROP SEQUENCE IF EXISTS counted",
            &format!(
                "ALTER TABLE {there} ADD COLUMN IF NOT EXISTS {} text",
                if edition == "v1" { "full_name" } else { "name" }
            ),
            &format!("ALTER TABLE public.{there} DROP COLUMN IF EXISTS id"),
            &format!("ALTER TABLE IF EXISTS {there} DROP CONSTRAINT IF EXISTS users_pkey"),
            "ALTER TABLE IF EXISTS plain ADD COLUMN fresh int",
            "ALTER TABLE IF EXISTS names ADD COLUMN IF NOT EXISTS name text",
            "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'bad'",
        ] {
            for failure in [session.fail(sql).await, session.fail(&format!("SELECT 1; {sql}")).await] {
                assert_eq!(failure.code, "0A000", "{edition}: {sql}: {failure:?}");
                let expected = format!("in live edition \"{edition}\": its schema is frozen");
                assert!(failure.message.contains(&expected), "{failure:?}");
                assert!(failure.more.contains("edition create NAME"), "{failure:?}");
            }
        }
        session.run("SELECT * FROM names, plain, kept").await;
    }
    world.end().await;
}
