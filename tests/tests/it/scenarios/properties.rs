//! Comments, storage, options, owners, privileges: what an older edition could notice waits until it is gone, what the newer one needs is
//! there at once.

use edition_tests::CLERK;

use super::story;

#[tokio::test]
async fn properties_of_tables_columns_and_indexes_are_put_off() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c text);
         CREATE INDEX t_a ON t ((a + 1)); CREATE UNIQUE INDEX t_id_a ON t (id, a); ALTER TABLE t ALTER a SET NOT NULL;
         ALTER TABLE t SET (autovacuum_enabled = off, fillfactor = 90); COMMENT ON COLUMN t.c IS 'goes';
         ALTER TABLE t ALTER c SET STORAGE EXTERNAL, ALTER c SET STATISTICS 50; INSERT INTO t VALUES (1, 1, 'x', 'y')",
    )
    .draft(
        "v2",
        "COMMENT ON TABLE t IS 'it''s new'; COMMENT ON COLUMN t.b IS 'b'; COMMENT ON COLUMN t.c IS NULL; COMMENT ON INDEX t_a IS 'index';
         COMMENT ON CONSTRAINT t_pkey ON t IS 'key'; ALTER TABLE t SET (fillfactor = 50, toast.autovacuum_enabled = off); ALTER TABLE t RESET (autovacuum_enabled);
         ALTER TABLE t ALTER b SET STORAGE EXTERNAL, ALTER b SET COMPRESSION pglz, ALTER b SET STATISTICS 500, ALTER a SET (n_distinct = 10);
         ALTER TABLE t ALTER c SET STORAGE EXTENDED, ALTER c SET STATISTICS -1; ALTER INDEX t_a ALTER COLUMN 1 SET STATISTICS 300;
         ALTER TABLE t CLUSTER ON t_a; ALTER TABLE t REPLICA IDENTITY USING INDEX t_id_a; ALTER INDEX t_pkey SET (fillfactor = 60)",
    )
    .run("v1", "INSERT INTO t VALUES (2, 2, 'z', 'z')")
    .see("v2", "SELECT count(*) FROM t", &["2"])
    .tell()
    .await;
}

#[tokio::test]
async fn properties_follow_renames_and_come_with_what_is_new() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x'); ALTER TABLE t REPLICA IDENTITY FULL")
        .draft(
            "v2",
            "ALTER TABLE t RENAME TO things; ALTER TABLE things RENAME b TO body; COMMENT ON TABLE things IS 'things'; COMMENT ON COLUMN things.body IS 'the body';
             ALTER TABLE things REPLICA IDENTITY DEFAULT; ALTER TABLE things ALTER a TYPE bigint; COMMENT ON COLUMN things.a IS 'wide';
             ALTER TABLE things ADD note text; ALTER TABLE things ALTER note SET STORAGE MAIN; COMMENT ON COLUMN things.note IS 'note';
             CREATE INDEX things_body ON things (body); COMMENT ON INDEX things_body IS 'found by body';
             CREATE TABLE fresh (id int PRIMARY KEY, t text UNIQUE) WITH (fillfactor = 70); COMMENT ON TABLE fresh IS 'fresh'; ALTER TABLE fresh ALTER t SET STATISTICS 7;
             ALTER TABLE fresh REPLICA IDENTITY FULL; ALTER TABLE fresh CLUSTER ON fresh_pkey; COMMENT ON CONSTRAINT fresh_pkey ON fresh IS 'key';
             CREATE UNLOGGED TABLE passing (a int)",
        )
        .run("v1", "INSERT INTO t VALUES (2, 2, 'y')")
        .see("v2", "SELECT id, a, body FROM things ORDER BY id", &["1|1|x", "2|2|y"])
        .tell()
        .await;
}

#[tokio::test]
async fn properties_travel_along_a_chain() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int)")
        .draft("v2", "COMMENT ON TABLE t IS 'two'; ALTER TABLE t SET (fillfactor = 50); CREATE TABLE n (id int PRIMARY KEY)")
        .draft("v3", "COMMENT ON TABLE t IS 'three'; ALTER TABLE t RESET (fillfactor); COMMENT ON TABLE n IS 'n'; ALTER TABLE t RENAME a TO b")
        .run("v3", "INSERT INTO t VALUES (1, 1)")
        .see("v1", "SELECT a FROM t", &["1"])
        .tell()
        .await;
}

#[tokio::test]
async fn what_is_granted_is_granted_at_once_and_what_is_revoked_waits() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE TABLE u (id int PRIMARY KEY); CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('good');
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; REVOKE ALL ON FUNCTION f() FROM PUBLIC;
         GRANT SELECT, INSERT ON t TO app; GRANT SELECT ON u TO app, clerk; GRANT UPDATE (b) ON t TO clerk; INSERT INTO t VALUES (1, 1, 1)",
    )
    .draft(
        "v2",
        "GRANT SELECT (id, a), UPDATE (a) ON t TO clerk; REVOKE UPDATE (b) ON t FROM clerk; GRANT UPDATE ON t TO app; REVOKE SELECT ON u FROM clerk;
         GRANT SELECT ON u TO app WITH GRANT OPTION; GRANT USAGE ON SEQUENCE s TO clerk; GRANT EXECUTE ON FUNCTION f() TO clerk; REVOKE USAGE ON TYPE mood FROM PUBLIC",
    )
    .run("v2", "UPDATE t SET a = 2")
    .run("v1", "UPDATE t SET b = 2")
    .see("v2", "SELECT id, a FROM t", &["1|2"])
    .by(CLERK)
    .see("v2", "SELECT nextval('s') > 0, f()", &["t|1"])
    .by(CLERK)
    .see("v1", "SELECT count(*) FROM u", &["0"])
    .by(CLERK)
    .tell()
    .await;
}

#[tokio::test]
async fn what_two_editions_grant_goes_with_the_last_of_them() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); GRANT SELECT ON t TO app, clerk; INSERT INTO t VALUES (1, 1)")
        .draft("v2", "REVOKE SELECT ON t FROM clerk; ALTER TABLE t RENAME a TO b")
        .draft("v3", "GRANT SELECT ON t TO clerk; GRANT INSERT ON t TO app")
        .see("v1", "SELECT a FROM t", &["1"])
        .by(CLERK)
        .see("v3", "SELECT b FROM t", &["1"])
        .by(CLERK)
        .fail("v2", "SELECT b FROM t", "42501")
        .by(CLERK)
        .run("v3", "INSERT INTO t VALUES (2, 2)")
        .tell()
        .await;
}

#[tokio::test]
async fn owners_change_at_retire() {
    story(
        "CREATE TABLE t (id serial PRIMARY KEY, a int); CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN d AS int; CREATE VIEW seen AS SELECT 1 AS one;
         CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT CREATE ON SCHEMA public TO keeper; GRANT SELECT, INSERT ON t TO app; GRANT USAGE ON SEQUENCE t_id_seq TO app",
    )
    .draft(
        "v2",
        "ALTER TABLE t OWNER TO keeper; ALTER SEQUENCE s OWNER TO keeper; ALTER TYPE mood OWNER TO keeper; ALTER DOMAIN d OWNER TO keeper; ALTER FUNCTION f() OWNER TO keeper;
         ALTER VIEW seen OWNER TO keeper; CREATE TABLE kept (id int); ALTER TABLE kept OWNER TO keeper",
    )
    .run("v1", "INSERT INTO t (a) VALUES (1)")
    .run("v2", "INSERT INTO t (a) VALUES (2)")
    .see("v1", "SELECT a FROM t ORDER BY a", &["1", "2"])
    .tell()
    .await;
}

#[tokio::test]
async fn the_mark_of_the_index_to_cluster_on_moves() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, x int); CREATE INDEX t_x ON t (x); ALTER TABLE t CLUSTER ON t_x;
         CREATE TABLE u (id int PRIMARY KEY, a int, b int); CREATE INDEX u_a ON u (a); CREATE INDEX u_b ON u (b); ALTER TABLE u CLUSTER ON u_b",
    )
    .draft("v2", "ALTER TABLE t CLUSTER ON t_pkey; ALTER TABLE u CLUSTER ON u_a")
    .draft("v3", "ALTER TABLE t CLUSTER ON t_x; ALTER TABLE u SET WITHOUT CLUSTER")
    .draft("v4", "ALTER TABLE u CLUSTER ON u_pkey")
    .tell()
    .await;
}

/// PostgreSQL binds them to columns and functions, which could not be dropped before them.
#[tokio::test]
async fn statistics_and_publications_go_before_what_they_read() {
    story(
        "CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i'; CREATE TABLE t (id int PRIMARY KEY, a int, b int);
         CREATE STATISTICS st ON f(a), b FROM t; CREATE TABLE u (id int PRIMARY KEY, a int);
         CREATE PUBLICATION p FOR TABLE u WHERE (a > 0) WITH (publish = 'insert')",
    )
    .draft("v2", "DROP STATISTICS st; DROP FUNCTION f(int); DROP PUBLICATION p; ALTER TABLE u DROP a")
    .run("v2", "INSERT INTO u VALUES (1)")
    .tell()
    .await;
}

/// ALTER … OWNER TO hands over what the former owner holds; it has what the newer edition gives it, none the less.
#[tokio::test]
async fn a_former_owner_keeps_what_it_is_given() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE SEQUENCE s; CREATE VIEW seen AS SELECT 1 AS one; INSERT INTO t VALUES (1, 1);
         GRANT CREATE ON SCHEMA public TO keeper",
    )
    .draft(
        "v2",
        "ALTER TABLE t RENAME a TO b; ALTER TABLE t OWNER TO keeper; GRANT SELECT, INSERT ON t TO owner; GRANT UPDATE (b) ON t TO owner;
         ALTER SEQUENCE s OWNER TO keeper; GRANT USAGE ON SEQUENCE s TO owner; ALTER VIEW seen OWNER TO keeper; GRANT SELECT ON seen TO owner",
    )
    .draft("v3", "ALTER TABLE t OWNER TO owner; GRANT SELECT ON t TO keeper")
    .tell()
    .await;
}
