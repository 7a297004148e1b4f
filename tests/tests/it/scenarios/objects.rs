//! New types, domains, sequences, functions and views.

use super::story;

#[tokio::test]
async fn new_types_are_used_by_new_columns_and_tables() {
    story("CREATE TABLE t (id int PRIMARY KEY, mood text NOT NULL); INSERT INTO t VALUES (1, 'good'), (2, 'bad')")
        .draft(
            "v2",
            "CREATE TYPE mood AS ENUM ('bad', 'good'); CREATE TYPE pair AS (a int, b mood); CREATE DOMAIN short AS text CHECK (length(VALUE) < 5);
             CREATE DOMAIN plain AS int;
             ALTER TABLE t ALTER mood TYPE mood USING mood::mood; ALTER TABLE t ADD other mood DEFAULT 'bad', ADD both_of pair, ADD many mood[], ADD p plain;
             CREATE TABLE words (word short NOT NULL, mood mood DEFAULT 'good'); GRANT ALL ON words TO app",
        )
        .transform("t", "mood = mood::mood", "mood = mood::text")
        .allow("older-write-may-fail")
        .see("v2", "SELECT mood, other FROM t WHERE mood > 'bad'", &["good|bad"])
        .run("v2", "INSERT INTO t (id, mood, both_of, many) VALUES (3, 'good', (1, 'bad'), '{bad,good}')")
        .see("v1", "SELECT * FROM t WHERE id = 3", &["3|good"])
        .run("v2", "INSERT INTO words (word) VALUES ('tea')")
        .fail("v2", "INSERT INTO words (word) VALUES ('coffee')", "23514")
        .see("v2", "SELECT * FROM words", &["tea|good"])
        .fail("v1", "INSERT INTO t VALUES (4, 'ugly')", "22P02")
        .fail("v1", "SELECT NULL::mood", "42704")
        .tell()
        .await;
}

#[tokio::test]
async fn new_sequences_functions_and_views_live_in_the_edition() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 2, 3)")
        .draft(
            "v2",
            "CREATE SEQUENCE numbers START 100 INCREMENT 10; GRANT USAGE ON SEQUENCE numbers TO app;
             CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
             CREATE FUNCTION twice(i text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN i || i; END $$;
             CREATE FUNCTION parsed(i int) RETURNS int LANGUAGE sql RETURN i + 1;
             ALTER TABLE t RENAME a TO aa; CREATE PROCEDURE put(i int) LANGUAGE sql AS $$ INSERT INTO t (id, aa) VALUES (i, i) $$;
             ALTER TABLE t ADD n int DEFAULT nextval('numbers'), ADD d int DEFAULT twice(21);
             CREATE VIEW sums AS SELECT id, aa + b AS total, twice(aa) AS double FROM t; GRANT SELECT ON sums TO app;
             CREATE VIEW over AS SELECT * FROM sums WHERE total > 0; GRANT SELECT ON over TO app",
        )
        .see("v2", "SELECT twice(4), twice('x'), parsed(1), public.twice(5)", &["8|xx|2|10"])
        .see("v2", "SELECT * FROM over", &["1|5|4"])
        .see("v2", "SELECT d, n IS NOT NULL FROM t", &["42|t"])
        .run("v2", "CALL put(2)")
        .run("v1", "INSERT INTO t VALUES (3, 3, 3)")
        .see("v1", "SELECT id, a FROM t ORDER BY id", &["1|2", "2|2", "3|3"])
        .see("v2", "SELECT count(DISTINCT n), count(n) FROM t", &["3|3"])
        .see("v2", "SELECT nextval('numbers') > 0, nextval('public.numbers') > 0", &["t|t"])
        .fail("v1", "SELECT twice(1)", "42883")
        .fail("v1", "SELECT * FROM sums", "42P01")
        .fail("v1", "SELECT nextval('numbers')", "42P01")
        .at_rest("SELECT total FROM public.sums ORDER BY id", &["5", "∅", "6"])
        .at_rest("SELECT twice(2), parsed(2)", &["4|3"])
        .tell()
        .await;
}

#[tokio::test]
async fn what_stays_the_same_is_shared() {
    story(
        "CREATE TYPE mood AS ENUM ('bad', 'good'); CREATE SEQUENCE numbers; CREATE TABLE t (id int PRIMARY KEY DEFAULT nextval('numbers'), m mood, e int);
         CREATE FUNCTION all_of() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t'; CREATE TABLE other (x int); CREATE VIEW shown AS SELECT x FROM other;
         INSERT INTO t (m) VALUES ('good'); INSERT INTO other VALUES (1)",
    )
    .draft("v2", "ALTER TABLE t RENAME e TO ee")
    .run("v1", "INSERT INTO t (m) VALUES ('bad')")
    .run("v2", "INSERT INTO t (m) VALUES ('bad')")
    .see("v1", "SELECT id, m FROM t WHERE m = 'bad' ORDER BY id", &["2|bad", "3|bad"])
    .see("v2", "SELECT all_of(), public.all_of()", &["3|3"])
    .see("v2", "SELECT * FROM shown", &["1"])
    .run("v2", "INSERT INTO other VALUES (2)")
    .see("v1", "SELECT * FROM shown", &["1", "2"])
    .tell()
    .await;
}

#[tokio::test]
async fn transforms_call_new_and_old_functions() {
    story(
        "CREATE FUNCTION tidy(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT trim(lower(t)) $$;
         CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t VALUES (1, '  Ada ')",
    )
    .draft(
        "v2",
        "CREATE FUNCTION shout(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN upper(t); END $$;
         ALTER TABLE t ADD tidied text, ADD loud text",
    )
    .transform("t", "tidied = tidy(name), loud = shout(name)", "")
    .allow("older-write-may-fail")
    .see("v2", "SELECT tidied, loud FROM t", &["ada|  ADA "])
    .run("v1", "UPDATE t SET name = ' Al '")
    .see("v2", "SELECT tidied, loud FROM t", &["al| AL "])
    .tell()
    .await;
}

/// The usual way to rename a table under running applications, where there are no editions.
#[tokio::test]
async fn a_view_takes_the_name_of_a_renamed_table() {
    story("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada'); GRANT ALL ON users TO app")
        .draft("v2", "ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT id, name FROM people; GRANT ALL ON users TO app")
        .run("v1", "INSERT INTO users VALUES (2, 'Alan')")
        .run("v2", "INSERT INTO users VALUES (3, 'Grace'); UPDATE people SET name = 'Ada Lovelace' WHERE id = 1")
        .see("v1", "SELECT name FROM users ORDER BY id", &["Ada Lovelace", "Alan", "Grace"])
        .see("v2", "SELECT u.name FROM users u JOIN people USING (id) ORDER BY id", &["Ada Lovelace", "Alan", "Grace"])
        .at_rest("SELECT count(*) FROM users JOIN people USING (id)", &["3"])
        .tell()
        .await;
}
