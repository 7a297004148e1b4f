//! What PostgreSQL binds to a function by its OID, where a draft changes the function or makes it.

use super::story;

const CHANGE: &str =
    "CREATE OR REPLACE FUNCTION f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 10'";

#[tokio::test]
async fn a_default_an_index_and_a_condition_follow_their_editions_function() {
    story(
        "CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1';
         CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := 77; RETURN NEW; END $$;
         CREATE TABLE t (id int PRIMARY KEY, a int DEFAULT f(1), b int); INSERT INTO t VALUES (1), (2);
         CREATE INDEX on_f ON t (f(a)); CREATE UNIQUE INDEX one_f ON t (f(id));
         CREATE TRIGGER mark BEFORE INSERT ON t FOR EACH ROW WHEN (f(NEW.id) > 9) EXECUTE FUNCTION mark()",
    )
    .draft("v2", CHANGE)
    .allow("tightens-older-edition")
    .run("v1", "INSERT INTO t (id) VALUES (3)")
    .run("v2", "INSERT INTO t (id) VALUES (4)")
    .see("v1", "SELECT * FROM t ORDER BY id", &["1|2|∅", "2|2|∅", "3|2|∅", "4|11|77"])
    .tell()
    .await;
}

#[tokio::test]
async fn an_aggregate_follows_its_support_function() {
    story(
        "CREATE FUNCTION larger(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT greatest(a, b)';
         CREATE AGGREGATE most(int) (SFUNC = larger, STYPE = int)",
    )
    .draft(
        "v2",
        "CREATE OR REPLACE FUNCTION larger(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT greatest(a, b) + 1'",
    )
    .see("v1", "SELECT most(x) FROM generate_series(1, 3) x", &["3"])
    .see("v2", "SELECT most(x) FROM generate_series(1, 3) x", &["4"])
    .tell()
    .await;
}

#[tokio::test]
async fn new_functions_are_there_before_what_calls_them() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, 2)")
        .draft(
            "v2",
            "CREATE FUNCTION few(i int) RETURNS boolean LANGUAGE sql AS 'SELECT count(*) < 100 FROM t WHERE i > 0';
             CREATE FUNCTION rows_of() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t; END;
             CREATE FUNCTION more() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT rows_of() + 1; END;
             CREATE TABLE n (id int PRIMARY KEY CHECK (few(id)), c bigint DEFAULT rows_of()); GRANT ALL ON n TO app;
             CREATE VIEW nn AS SELECT * FROM n WHERE c > rows_of(); GRANT SELECT ON nn TO app;
             CREATE FUNCTION of_new() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM nn; END;
             ALTER TABLE t ADD CONSTRAINT few CHECK (few(a)), ALTER a SET DEFAULT rows_of(), ADD many bigint DEFAULT more();
             GRANT ALL ON t TO app",
        )
        .allow("tightens-older-edition")
        .run("v2", "INSERT INTO n VALUES (1)")
        .run("v2", "INSERT INTO t (id) VALUES (3)")
        .see("v2", "SELECT *, of_new() FROM n", &["1|2|0"])
        .see("v2", "SELECT a, many FROM t WHERE id = 3", &["2|3"])
        .tell()
        .await;
}
