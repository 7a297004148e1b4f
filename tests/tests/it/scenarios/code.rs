//! Functions, views and what hangs on them: each edition has its own where they differ.

use super::story;

#[tokio::test]
async fn a_changed_function_is_the_editions_own() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, price int); INSERT INTO t VALUES (1, 100);
         CREATE FUNCTION total(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 1';
         CREATE FUNCTION all_of() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN total(10); END $$;
         CREATE FUNCTION gone() RETURNS text LANGUAGE sql AS $$ SELECT 'here' $$;
         CREATE VIEW totals AS SELECT id, total(price) AS total FROM t; GRANT SELECT ON totals TO app;
         COMMENT ON FUNCTION total IS 'as it was'; REVOKE EXECUTE ON FUNCTION total FROM PUBLIC; GRANT EXECUTE ON FUNCTION total TO app",
    )
    .draft(
        "v2",
        "CREATE OR REPLACE FUNCTION total(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN i * 2; END $$;
         COMMENT ON FUNCTION total IS 'twice'; DROP FUNCTION gone(); CREATE FUNCTION gone(i int) RETURNS text LANGUAGE sql AS $$ SELECT 'other' $$",
    )
    .see("v1", "SELECT total(5), public.total(5), all_of(), gone()", &["6|6|11|here"])
    .see("v2", "SELECT total(5), public.total(5), all_of(), gone(1), public.gone(1)", &["10|10|20|other|other"])
    .see("v1", "SELECT total FROM totals", &["101"])
    .see("v2", "SELECT total FROM totals", &["200"])
    .see("v2", "SELECT total FROM public.totals", &["200"])
    .fail("v1", "SELECT gone(1)", "42883")
    .at_rest("SELECT total(5), total FROM public.totals", &["10|200"])
    .tell()
    .await;
}

#[tokio::test]
async fn overloads_renames_and_changed_arguments_stand_beside_the_old_ones() {
    story(
        "CREATE FUNCTION f(i int) RETURNS text LANGUAGE sql AS $$ SELECT 'int' $$;
         CREATE FUNCTION f(t text) RETURNS text LANGUAGE sql AS $$ SELECT 'text' $$;
         CREATE FUNCTION named(a int, b int DEFAULT 5) RETURNS int LANGUAGE sql AS 'SELECT a + b';
         CREATE PROCEDURE put() LANGUAGE sql AS 'SELECT 1'; CREATE TABLE t (id int, CHECK (f(id) <> 'x'))",
    )
    .draft(
        "v2",
        "CREATE FUNCTION f(d date) RETURNS text LANGUAGE sql AS $$ SELECT 'date' $$;
         DROP FUNCTION named(int, int); CREATE FUNCTION named(a int, c int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT a + b + c';
         ALTER PROCEDURE put RENAME TO place",
    )
    .draft("v3", "CREATE OR REPLACE FUNCTION f(i int) RETURNS text LANGUAGE sql AS $$ SELECT 'third' $$; CREATE TABLE n (a text DEFAULT f(1))")
    // The check calls the function, so the draft's is another check.
    .allow("tightens-older-edition")
    .see("v1", "SELECT f(1), f('x'::text), public.f(2), named(1)", &["int|text|int|6"])
    .see("v2", "SELECT f(1), f('x'::text), public.f(2), public.f(now()::date), named(1, 2), public.named(1, 2)", &["int|text|int|date|4|4"])
    .see("v3", "SELECT f(1), f('x'::text), public.f(2), public.f(now()::date), public.f('x'::text)", &["third|text|third|date|text"])
    .run("v1", "CALL put()")
    .run("v2", "CALL place()")
    .fail("v1", "SELECT f(now()::date)", "42883")
    .fail("v1", "CALL place()", "42883")
    .tell()
    .await;
}

#[tokio::test]
async fn views_over_changed_tables_are_worded_for_each_edition() {
    story(
        "CREATE TABLE users (id int PRIMARY KEY, name text, age int); INSERT INTO users VALUES (1, 'Ada', 36);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int, total int); INSERT INTO orders VALUES (7, 1, 50);
         CREATE VIEW adults AS SELECT id, name, age FROM users WHERE age > 17;
         CREATE VIEW spent AS SELECT a.name, sum(o.total) AS sum FROM adults a JOIN orders o ON o.user_id = a.id GROUP BY a.name;
         CREATE VIEW plain AS SELECT id, total FROM orders;
         CREATE VIEW doomed AS SELECT 1 AS one; CREATE VIEW called AS SELECT 2 AS two;
         COMMENT ON VIEW adults IS 'grown up'; COMMENT ON COLUMN adults.name IS 'of a person';
         CREATE FUNCTION oldest() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT max(age) FROM adults; END;
         GRANT SELECT, INSERT ON adults, spent, plain, doomed, called TO app",
    )
    .draft(
        "v2",
        "ALTER TABLE users RENAME name TO full_name; DROP VIEW doomed; ALTER VIEW called RENAME TO named;
         ALTER TABLE users ADD email text DEFAULT 'none';
         CREATE OR REPLACE VIEW adults WITH (security_barrier) AS SELECT id, full_name AS name, age, email FROM users WHERE age > 20;
         ALTER VIEW adults ALTER email SET DEFAULT 'by view'; COMMENT ON VIEW adults IS 'over twenty'; GRANT SELECT ON named TO app",
    )
    .draft("v3", "DROP VIEW plain; ALTER TABLE orders RENAME total TO amount; CREATE VIEW plain AS SELECT id, amount FROM orders; GRANT SELECT ON plain TO app")
    .see("v1", "SELECT * FROM adults", &["1|Ada|36"])
    .see("v2", "SELECT * FROM adults", &["1|Ada|36|none"])
    .see("v2", "SELECT * FROM public.spent", &["Ada|50"])
    .see("v3", "SELECT * FROM spent", &["Ada|50"])
    .see("v3", "SELECT id, amount FROM plain", &["7|50"])
    .see("v2", "SELECT id, total FROM plain", &["7|50"])
    .run("v1", "INSERT INTO adults VALUES (2, 'Al', 18)")
    .run("v2", "INSERT INTO adults (id, name, age) VALUES (3, 'Bo', 40)")
    .see("v1", "SELECT id FROM adults ORDER BY id", &["1", "2", "3"])
    .see("v2", "SELECT id, email FROM adults ORDER BY id", &["1|none", "3|by view"])
    .see("v1", "SELECT oldest(), one FROM doomed", &["40|1"])
    .see("v3", "SELECT oldest()", &["40"])
    .fail("v2", "SELECT * FROM doomed", "42P01")
    .fail("v2", "SELECT * FROM public.called", "42P01")
    .see("v2", "SELECT two FROM named", &["2"])
    .see("v1", "SELECT two FROM public.called", &["2"])
    .tell()
    .await;
}

/// PostgreSQL knows the other columns by the key only of the table that has the key.
#[tokio::test]
async fn views_that_group_by_a_key_follow_the_table() {
    story(
        "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada'), (2, 'Bo');
         CREATE TABLE orders (id int PRIMARY KEY, user_id int); INSERT INTO orders VALUES (7, 1), (8, 1);
         CREATE VIEW bought AS SELECT u.id, u.name, count(o.id) AS orders FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id;
         GRANT SELECT, INSERT ON users, orders, bought TO app",
    )
    .draft("v2", "ALTER TABLE users RENAME name TO full_name; ALTER TABLE users ADD email text")
    .draft(
        "v3",
        "DROP VIEW bought; ALTER TABLE users ALTER id TYPE bigint;
         CREATE VIEW bought AS SELECT u.id, u.full_name, count(o.id) AS orders FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id, u.full_name;
         GRANT SELECT ON bought TO app",
    )
    .see("v1", "SELECT name, orders FROM bought ORDER BY id", &["Ada|2", "Bo|0"])
    .see("v2", "SELECT name, orders FROM bought ORDER BY id", &["Ada|2", "Bo|0"])
    .see("v3", "SELECT full_name, orders FROM bought ORDER BY id", &["Ada|2", "Bo|0"])
    .run("v3", "INSERT INTO users (id, full_name) VALUES (3, 'Cy')")
    .see("v1", "SELECT name FROM bought ORDER BY id", &["Ada", "Bo", "Cy"])
    .tell()
    .await;
}

#[tokio::test]
async fn views_with_rules_and_instead_of_triggers_go_with_their_edition() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 2, 3);
         CREATE VIEW pairs AS SELECT id, a + b AS sum FROM t;
         CREATE FUNCTION split() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (NEW.id, NEW.sum, 0); RETURN NEW; END $$;
         CREATE TRIGGER split INSTEAD OF INSERT ON pairs FOR EACH ROW EXECUTE FUNCTION split();
         CREATE RULE keep AS ON DELETE TO pairs DO INSTEAD UPDATE t SET a = 0 WHERE id = OLD.id;
         GRANT ALL ON t, pairs TO app",
    )
    .draft(
        "v2",
        "CREATE OR REPLACE FUNCTION split() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t (id, a, c) VALUES (NEW.id, 0, NEW.sum); RETURN NEW; END $$;
         ALTER TABLE t RENAME b TO c; COMMENT ON TRIGGER split ON pairs IS 'other way'",
    )
    .run("v1", "INSERT INTO pairs VALUES (2, 10)")
    .run("v2", "INSERT INTO pairs VALUES (3, 10)")
    .see("v1", "SELECT * FROM t ORDER BY id", &["1|2|3", "2|10|0", "3|0|10"])
    .run("v2", "DELETE FROM pairs WHERE id = 1")
    .see("v2", "SELECT * FROM pairs ORDER BY id", &["1|3", "2|10", "3|10"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_function_with_its_own_search_path_finds_what_its_edition_has() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 2); GRANT USAGE ON SCHEMA public TO app;
         CREATE FUNCTION summed() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT sum(a) FROM t';
         CREATE FUNCTION pure(i int) RETURNS int LANGUAGE sql IMMUTABLE SET search_path = public AS 'SELECT i'",
    )
    .draft("v2", "ALTER TABLE t RENAME a TO b; CREATE OR REPLACE FUNCTION summed() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS 'SELECT sum(b) FROM t'")
    .draft("v3", "CREATE TABLE other (x int); GRANT ALL ON other TO app; INSERT INTO other SELECT 1 WHERE false;
        CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql SET search_path = public AS 'SELECT count(*) FROM other'")
    .see("v1", "SELECT summed(), public.summed()", &["2|2"])
    .see("v2", "SELECT summed(), public.summed(), pure(3)", &["2|2|3"])
    .see("v3", "SELECT summed(), counted()", &["2|0"])
    .tell()
    .await;
}

#[tokio::test]
async fn aggregates_are_editioned() {
    story(
        "CREATE FUNCTION larger(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT greatest(a, b)';
         CREATE AGGREGATE most(int) (SFUNC = larger, STYPE = int); CREATE AGGREGATE old_one(int) (SFUNC = larger, STYPE = int);
         CREATE AGGREGATE kept(int ORDER BY int) (SFUNC = larger, STYPE = int, FINALFUNC = larger); REVOKE ALL ON FUNCTION kept(int, int) FROM PUBLIC",
    )
    .draft(
        "v2",
        "CREATE OR REPLACE AGGREGATE most(int) (SFUNC = larger, STYPE = int, INITCOND = '7'); DROP AGGREGATE old_one(int);
         CREATE AGGREGATE fresh(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0'); COMMENT ON AGGREGATE fresh(*) IS 'counts';
         GRANT EXECUTE ON FUNCTION fresh() TO app; GRANT EXECUTE ON FUNCTION kept(int, int) TO app",
    )
    .see("v1", "SELECT most(x), old_one(x) FROM generate_series(1, 3) x", &["3|3"])
    .see("v2", "SELECT most(x), fresh(*), public.most(x) FROM generate_series(1, 3) x", &["7|3|7"])
    .see("v2", "SELECT kept(2) WITHIN GROUP (ORDER BY x) FROM generate_series(1, 3) x", &["3"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_draft_may_refresh_a_materialized_view_that_was_there_before() {
    story(
        "CREATE TABLE sales (day date PRIMARY KEY, sum int); INSERT INTO sales VALUES ('2024-01-01', 7);
         CREATE MATERIALIZED VIEW totals AS SELECT day, sum FROM sales; CREATE UNIQUE INDEX totals_day ON totals (day);
         CREATE MATERIALIZED VIEW best AS SELECT max(sum) AS sum FROM totals",
    )
    .draft(
        "v2",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY totals; REFRESH MATERIALIZED VIEW best;
         CREATE INDEX best_sum ON best (sum)",
    )
    .see("v2", "SELECT sum FROM totals", &["7"])
    .tell()
    .await;
}

#[tokio::test]
async fn materialized_views_have_options_and_comments() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); CREATE MATERIALIZED VIEW was WITH (fillfactor = 80) AS SELECT a FROM t")
        .draft(
            "v2",
            "CREATE MATERIALIZED VIEW mv WITH (fillfactor = 70) AS SELECT a FROM t; COMMENT ON MATERIALIZED VIEW was IS 'slow';
             ALTER MATERIALIZED VIEW was SET (fillfactor = 60, autovacuum_enabled = false)",
        )
        .draft("v3", "DROP MATERIALIZED VIEW was, mv; ALTER TABLE t ALTER a TYPE bigint;
             CREATE MATERIALIZED VIEW was WITH (fillfactor = 50) AS SELECT a FROM t")
        .tell()
        .await;
}
