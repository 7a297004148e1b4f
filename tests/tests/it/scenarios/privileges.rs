//! What roles may do through an edition: exactly what their grants and policies on the tables allow.

use edition_tests::{CLERK, OWNER, World};

use super::story;

#[tokio::test]
async fn grants_on_tables_hold_in_every_edition() {
    story(
        "CREATE TABLE open (id int PRIMARY KEY, a int); CREATE TABLE closed (id int PRIMARY KEY, a int); CREATE TABLE readable (id int PRIMARY KEY, a int);
         INSERT INTO open VALUES (1, 1); INSERT INTO readable VALUES (1, 1);
         GRANT SELECT, INSERT, UPDATE, DELETE ON open TO app; GRANT SELECT ON readable TO PUBLIC",
    )
    .draft("v2", "ALTER TABLE open RENAME a TO b; ALTER TABLE closed RENAME a TO b; ALTER TABLE readable RENAME a TO b")
    .run("v2", "UPDATE open SET b = 2")
    .see("v1", "SELECT a FROM open", &["2"])
    .fail("v1", "SELECT * FROM closed", "42501")
    .fail("v2", "SELECT * FROM closed", "42501")
    .fail("v2", "INSERT INTO closed VALUES (1, 1)", "42501")
    .see("v2", "SELECT b FROM readable", &["1"])
    .by(CLERK)
    .fail("v1", "UPDATE readable SET a = 2", "42501")
    .fail("v2", "UPDATE readable SET b = 2", "42501")
    .fail("v2", "SELECT b FROM open", "42501")
    .by(CLERK)
    .fail("v1", "SELECT a FROM open", "42501")
    .by(CLERK)
    .fail("v2", "TRUNCATE open", "42501")
    .tell()
    .await;
}

#[tokio::test]
async fn grants_on_columns_hold_in_every_edition() {
    story(
        "CREATE TABLE staff (id int PRIMARY KEY, name text, salary int, note text); INSERT INTO staff VALUES (1, 'Ada', 100, 'x');
         GRANT SELECT (id, name), UPDATE (name, note), INSERT (id, name) ON staff TO app; GRANT SELECT ON staff TO clerk",
    )
    .draft("v2", "ALTER TABLE staff RENAME name TO full_name; ALTER TABLE staff ADD extra text")
    .see("v1", "SELECT id, name FROM staff", &["1|Ada"])
    .see("v2", "SELECT id, full_name FROM staff", &["1|Ada"])
    .fail("v1", "SELECT salary FROM staff", "42501")
    .fail("v2", "SELECT salary FROM staff", "42501")
    .fail("v2", "SELECT * FROM staff", "42501")
    .fail("v2", "SELECT extra FROM staff", "42501")
    .run("v2", "UPDATE staff SET full_name = 'Ada K' WHERE id = 1")
    .fail("v2", "UPDATE staff SET salary = 1", "42501")
    .run("v2", "UPDATE staff SET note = 'y'")
    .run("v2", "INSERT INTO staff (id, full_name) VALUES (2, 'Alan')")
    .fail("v2", "INSERT INTO staff (id, salary) VALUES (3, 1)", "42501")
    .see("v2", "SELECT salary, extra FROM staff WHERE id = 1", &["100|∅"])
    .by(CLERK)
    .see("v1", "SELECT name, note FROM staff ORDER BY id", &["Ada K|y", "Alan|∅"])
    .by(CLERK)
    .fail("v2", "UPDATE staff SET full_name = ''", "42501")
    .by(CLERK)
    .tell()
    .await;
}

#[tokio::test]
async fn policies_hold_in_every_edition() {
    story(
        "CREATE TABLE notes (id int PRIMARY KEY, owner_name text DEFAULT current_user, body text); ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON notes USING (owner_name = current_user);
         GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO app, clerk;
         INSERT INTO notes VALUES (1, 'app', 'a'), (2, 'clerk', 'c')",
    )
    .draft("v2", "ALTER TABLE notes RENAME body TO text; ALTER TABLE notes ADD length int")
    .transform("notes", "length = length(body)", "")
    .see("v1", "SELECT id FROM notes", &["1"])
    .see("v2", "SELECT id, length FROM notes", &["1|1"])
    .see("v2", "SELECT id FROM notes", &["2"])
    .by(CLERK)
    .run("v2", "INSERT INTO notes (id, text) VALUES (3, 'mine')")
    .fail("v2", "INSERT INTO notes (id, owner_name, text) VALUES (4, 'clerk', 'forged')", "42501")
    .run("v2", "UPDATE notes SET text = 'all of it'")
    .see("v1", "SELECT id, body FROM notes ORDER BY id", &["2|c"])
    .by(CLERK)
    .see("v1", "SELECT id, body FROM notes ORDER BY id", &["1|all of it", "3|all of it"])
    .tell()
    .await;
}

#[tokio::test]
async fn default_privileges_of_the_schema_do_not_leak() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int); GRANT SELECT ON t TO app; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO clerk;
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app",
    )
    .draft("v2", "ALTER TABLE t RENAME a TO b; CREATE TABLE fresh (id int PRIMARY KEY)")
    .see("v2", "SELECT * FROM t", &[])
    .fail("v2", "SELECT * FROM t", "42501")
    .by(CLERK)
    .fail("v1", "SELECT * FROM t", "42501")
    .by(CLERK)
    .run("v2", "INSERT INTO fresh VALUES (1)")
    .by(CLERK)
    .see("v2", "SELECT * FROM fresh", &["1"])
    .tell()
    .await;
}

/// What a role's default privileges give of all that it makes is no privilege of what an edition has of a table.
#[tokio::test]
async fn default_privileges_open_nothing() {
    story(
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO clerk; ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO clerk;
         CREATE TABLE staff (id int PRIMARY KEY, name text, salary int); REVOKE ALL ON staff FROM clerk; GRANT SELECT (id, name) ON staff TO clerk;
         CREATE TABLE open_to_all (id int PRIMARY KEY); INSERT INTO staff VALUES (1, 'ann', 100)",
    )
    .draft(
        "v2",
        "ALTER TABLE staff ALTER id TYPE bigint; CREATE TABLE secret (s text); REVOKE ALL ON secret FROM clerk; CREATE TABLE told (s text);
         CREATE VIEW salaries AS SELECT salary FROM staff; REVOKE ALL ON salaries FROM clerk; ALTER TABLE open_to_all ADD a int;
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION f() FROM PUBLIC, clerk;
         CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int); CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON PROCEDURE p FROM PUBLIC, clerk;
         CREATE TYPE pair AS (a int, b int); CREATE DOMAIN many AS int; CREATE MATERIALIZED VIEW kept AS SELECT salary FROM staff; REVOKE ALL ON kept FROM clerk",
    )
    .see("v1", "SELECT name FROM staff", &["ann"])
    .by("clerk")
    .see("v2", "SELECT name FROM staff", &["ann"])
    .by("clerk")
    .run("v2", "SELECT * FROM told, open_to_all")
    .by("clerk")
    .fail("v1", "SELECT salary FROM staff", "42501")
    .by("clerk")
    .fail("v2", "SELECT salary FROM staff", "42501")
    .by("clerk")
    .fail("v2", "SELECT * FROM secret", "42501")
    .by("clerk")
    .fail("v2", "SELECT * FROM salaries", "42501")
    .by("clerk")
    .fail("v2", "SELECT f()", "42501")
    .by("clerk")
    .fail("v2", "CALL p()", "42501")
    .by("clerk")
    .fail("v2", "SELECT * FROM kept", "42501")
    .by("clerk")
    .see("v2", "SELECT total(a::many) FROM (VALUES (1), (2)) v (a)", &["3"])
    .by("clerk")
    .tell()
    .await;
}

/// What a newer edition granted on a column goes with it, and nothing else does: the older two store the column in places of their own.
#[tokio::test]
async fn a_rollback_revokes_what_only_its_edition_granted() {
    let world = World::adopted(
        "CREATE TABLE staff (id int PRIMARY KEY, email text, note text); GRANT UPDATE (email), SELECT (id) ON staff TO clerk;
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION f() FROM PUBLIC; GRANT EXECUTE ON FUNCTION f() TO clerk",
    )
    .await;
    world.verbs.create("v2").await;
    let retyped = r#"ALTER TABLE staff ALTER email TYPE text COLLATE "C", ALTER note TYPE text COLLATE "C"; REVOKE UPDATE (email) ON staff FROM clerk"#;
    let replaced = "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'; REVOKE ALL ON FUNCTION f() FROM clerk";
    world.draft("v2", &format!("{retyped}; {replaced}")).await;
    world.verbs.publish("v2", &[]).await;
    let direct = world.direct(OWNER).await;
    let stored = "SELECT attname, attacl FROM pg_attribute WHERE attrelid = 'public.staff'::regclass AND attacl IS NOT NULL
                  UNION ALL SELECT pronamespace::regnamespace::text, proacl FROM pg_proc WHERE proname = 'f' ORDER BY 1";
    let before = direct.ask(stored).await;
    world.verbs.create("v3").await;
    world
        .draft(
            "v3",
            "GRANT UPDATE (email), SELECT (note) ON staff TO clerk; GRANT EXECUTE ON FUNCTION f() TO clerk",
        )
        .await;
    world.verbs.publish("v3", &[]).await;
    assert_ne!(direct.ask(stored).await, before);
    world.verbs.rollback("v3").await;
    assert_eq!(direct.ask(stored).await, before);
    world.session(CLERK, "v1").await.run("UPDATE staff SET email = '' WHERE id = 1").await;
    world.end().await;
}

/// PostgreSQL takes them away with those on the whole table.
#[tokio::test]
async fn privileges_on_columns_stay_when_those_on_the_table_go() {
    let base = "CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, 'a', 'b'); GRANT UPDATE (a), SELECT (b) ON t TO clerk";
    story(base)
        .draft("v2", "GRANT ALL ON t TO clerk")
        .see("v2", "SELECT id FROM t", &["1"])
        .by("clerk")
        .tell()
        .await;
    // The other way about: what was on the table is on some of its columns now.
    story("CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, 'a', 'b'); GRANT SELECT, UPDATE ON t TO clerk")
        .draft("v2", "ALTER TABLE t RENAME a TO c; REVOKE ALL ON t FROM clerk; GRANT SELECT (id, c), UPDATE (c) ON t TO clerk")
        .draft("v3", "ALTER TABLE t RENAME c TO d; ALTER TABLE t ADD e int; GRANT SELECT (e) ON t TO clerk")
        .see("v2", "SELECT id, c FROM t", &["1|a"])
        .by("clerk")
        .see("v3", "SELECT id, d, e FROM t", &["1|a|∅"])
        .by("clerk")
        .tell()
        .await;
}
