//! Sequences that are changed, renamed, let go, dropped; types that are dropped.

use super::story;

#[tokio::test]
async fn a_table_is_renamed_with_its_sequence() {
    story("CREATE TABLE users (id serial PRIMARY KEY, name text); INSERT INTO users (name) VALUES ('Ada')")
        .draft(
            "v2",
            "ALTER TABLE users RENAME TO people; ALTER SEQUENCE users_id_seq RENAME TO people_id_seq; ALTER INDEX users_pkey RENAME TO people_pkey",
        )
        .draft("v3", "ALTER SEQUENCE people_id_seq RENAME TO humans_id_seq; ALTER TABLE people RENAME name TO full_name")
        .run("v1", "INSERT INTO users (name) VALUES ('Alan')")
        .run("v2", "INSERT INTO people (name) VALUES ('Grace')")
        .run("v3", "INSERT INTO people (full_name) VALUES ('Edsger')")
        .see("v1", "SELECT id, name FROM users ORDER BY id", &["1|Ada", "2|Alan", "3|Grace", "4|Edsger"])
        .at_rest("SELECT nextval('humans_id_seq')", &["5"])
        .tell()
        .await;
}

/// A number is drawn once, whoever inserts: applications ask for it by `currval` and `lastval`.
#[tokio::test]
async fn a_serial_key_that_becomes_bigint_draws_once() {
    story(
        "CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL); CREATE TABLE marks (who int NOT NULL REFERENCES users, n serial);
         INSERT INTO users (name) VALUES ('Ada'); GRANT ALL ON users, marks, users_id_seq, marks_n_seq TO app",
    )
    .draft("v2", "ALTER TABLE users ALTER id TYPE bigint, ADD note text; ALTER TABLE marks ALTER who TYPE bigint, ALTER n TYPE bigint")
    .run("v1", "INSERT INTO users (name) VALUES ('Alan'); INSERT INTO marks (who) VALUES (currval('users_id_seq'))")
    .see("v1", "INSERT INTO users (name) VALUES ('Grace'), ('Edsger') RETURNING id, lastval() - id", &["3|0", "4|0"])
    .see("v2", "INSERT INTO users (name) VALUES ('Barbara') RETURNING id, currval('users_id_seq')", &["5|5"])
    .run("v2", "INSERT INTO users (id, name) VALUES (DEFAULT, 'Tony'); INSERT INTO marks (who) VALUES (currval('users_id_seq'))")
    .see("v2", "SELECT pg_get_serial_sequence('users', 'id'), has_sequence_privilege('users_id_seq', 'USAGE')", &["public.users_id_seq|t"])
    .see("v2", "SELECT pg_get_serial_sequence('public.users', 'id'), has_sequence_privilege(c.oid, 'USAGE'), has_sequence_privilege(c.relname::text, 'USAGE'), has_sequence_privilege('app', c.relname::text, 'SELECT') FROM pg_class c WHERE relname = 'users_id_seq'", &["public.users_id_seq|t|t|t"])
    .see("v1", "SELECT who, n FROM marks ORDER BY n", &["2|1", "6|2"])
    .see("v2", "SELECT id, name FROM users ORDER BY id", &["1|Ada", "2|Alan", "3|Grace", "4|Edsger", "5|Barbara", "6|Tony"])
    .at_rest("INSERT INTO users (name) VALUES ('Niklaus') RETURNING id, currval('users_id_seq')", &["7|7"])
    .tell()
    .await;
}

#[tokio::test]
async fn options_and_owning_columns_wait() {
    story(
        "CREATE SEQUENCE s AS integer; CREATE SEQUENCE free; CREATE TABLE t (id serial PRIMARY KEY, a int DEFAULT nextval('s'), b int);
         ALTER SEQUENCE s OWNED BY t.b; INSERT INTO t (b) VALUES (1)",
    )
    .draft(
        "v2",
        "ALTER SEQUENCE s AS bigint INCREMENT 5 CACHE 3 CYCLE; COMMENT ON SEQUENCE s IS 'five'; ALTER SEQUENCE s OWNED BY NONE; ALTER TABLE t DROP b;
         ALTER SEQUENCE free OWNED BY t.a; ALTER SEQUENCE t_id_seq AS bigint",
    )
    .run("v2", "INSERT INTO t DEFAULT VALUES")
    .run("v1", "INSERT INTO t (b) VALUES (3)")
    .see("v1", "SELECT id, a FROM t ORDER BY id", &["1|1", "2|2", "3|3"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_serial_column_becomes_wide() {
    story("CREATE TABLE t (id int, n serial, a int); INSERT INTO t (id, a) VALUES (1, 1)")
        .draft("v2", "ALTER TABLE t ALTER n TYPE bigint; ALTER SEQUENCE t_n_seq AS bigint")
        .run("v1", "INSERT INTO t (id, a) VALUES (2, 2)")
        .run("v2", "INSERT INTO t (id, a) VALUES (3, 3)")
        // A default that both physical columns have takes a number twice.
        .see("v1", "SELECT count(DISTINCT n), min(n) FROM t WHERE n >= id", &["3|1"])
        .see("v2", "SELECT count(DISTINCT n), min(n) FROM t WHERE n >= id", &["3|1"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_renamed_sequence_needs_a_word_and_keeps_its_old_name_for_now() {
    story("CREATE SEQUENCE numbers; CREATE TABLE t (id int PRIMARY KEY); GRANT USAGE ON SEQUENCE numbers TO app; GRANT SELECT ON t TO app")
        .draft("v2", "ALTER SEQUENCE numbers RENAME TO digits")
        .allow("name-deferred")
        .see("v2", "SELECT nextval('numbers') > 0, nextval('public.numbers') > 0", &["t|t"])
        .at_rest("SELECT nextval('digits') > 0", &["t"])
        .tell()
        .await;
}

#[tokio::test]
async fn sequences_and_types_are_dropped_at_retire() {
    story(
        "CREATE SEQUENCE s; CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN short AS text CHECK (length(VALUE) < 9); CREATE TYPE pair AS (a int, m mood);
         CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT nextval('s'), m mood, w short, p pair)",
    )
    .draft("v2", "ALTER TABLE t ALTER n DROP DEFAULT, DROP m, DROP w, DROP p; DROP SEQUENCE s; DROP TYPE pair; DROP TYPE mood; DROP DOMAIN short")
    .run("v1", "INSERT INTO t (id, m, w) VALUES (1, 'good', 'w')")
    .run("v2", "INSERT INTO t (id) VALUES (2)")
    .see("v1", "SELECT id, n, m FROM t ORDER BY id", &["1|1|good", "2|∅|∅"])
    .tell()
    .await;
}

#[tokio::test]
async fn accessories_come_at_publish_or_at_retire() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int, c text); CREATE STATISTICS old_stats ON a, b FROM t; CREATE STATISTICS kept (ndistinct) ON id, a FROM t;
         CREATE PUBLICATION gone FOR TABLE t; CREATE COLLATION dropped (provider = libc, locale = 'C'); INSERT INTO t VALUES (1, 1, 1, 'x');
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO clerk; ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO clerk; GRANT ALL ON t TO app",
    )
    .draft(
        "v2",
        "CREATE STATISTICS fresh (dependencies) ON id, c FROM t; COMMENT ON STATISTICS fresh IS 'fresh'; ALTER STATISTICS kept SET STATISTICS 200; DROP STATISTICS old_stats;
         ALTER TABLE t RENAME a TO aa; ALTER TABLE t ALTER b TYPE bigint; CREATE PUBLICATION come FOR TABLE t WHERE (id > 0) WITH (publish = 'insert'); DROP PUBLICATION gone;
         CREATE COLLATION german (provider = libc, locale = 'C'); DROP COLLATION dropped; ALTER TABLE t ADD d text COLLATE german;
         ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM clerk; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO app;
         ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES REVOKE SELECT ON SEQUENCES FROM clerk",
    )
    .run("v2", "INSERT INTO t (id, d) VALUES (2, 'd')")
    .run("v1", "INSERT INTO t (id, a) VALUES (3, 3)")
    .see("v2", "SELECT id, aa, d FROM t ORDER BY id", &["1|1|∅", "2|∅|d", "3|3|∅"])
    .tell()
    .await;
}

#[tokio::test]
async fn extensions_are_installed_at_publish_and_dropped_at_retire() {
    story("CREATE EXTENSION pgcrypto; CREATE TABLE t (id int PRIMARY KEY)")
        .draft("v2", "CREATE EXTENSION citext; ALTER TABLE t ADD name citext; DROP EXTENSION pgcrypto; CREATE TABLE n (name citext PRIMARY KEY); GRANT ALL ON n TO app")
        .run("v2", "INSERT INTO t VALUES (1, 'Ada')")
        .see("v2", "SELECT id FROM t WHERE name = 'ada'", &["1"])
        .see("v1", "SELECT * FROM t", &["1"])
        .tell()
        .await;
}
