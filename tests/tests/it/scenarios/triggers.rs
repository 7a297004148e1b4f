//! Triggers on tables: each fires for the writers of the editions that have it.

use super::story;

const BASE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, note text); CREATE TABLE log (line text); INSERT INTO t VALUES (1, 1, 'x');
    CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := coalesce(NEW.note, '') || TG_ARGV[0]; RETURN NEW; END $$;
    CREATE FUNCTION logged() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (TG_NAME || ' ' || TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER both_of BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION mark('both');
    CREATE TRIGGER old_only BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION mark('old');
    CREATE TRIGGER changed BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION mark('before');
    CREATE TRIGGER after_all AFTER DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION logged();
    COMMENT ON TRIGGER old_only ON t IS 'for a while'; GRANT ALL ON t, log TO app;";

#[tokio::test]
async fn each_edition_fires_its_own_triggers() {
    story(BASE)
        .draft(
            "v2",
            "DROP TRIGGER old_only ON t; ALTER TABLE t DISABLE TRIGGER after_all;
             CREATE OR REPLACE TRIGGER changed BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION mark('after');
             CREATE TRIGGER fresh BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.a > 5) EXECUTE FUNCTION mark('fresh');
             COMMENT ON TRIGGER fresh ON t IS 'new'; CREATE TABLE n (id int, note text); GRANT ALL ON n TO app;
             CREATE TRIGGER of_new BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION mark('n')",
        )
        .draft("v3", "DROP TRIGGER fresh ON t; CREATE TRIGGER of_new_too BEFORE INSERT ON n FOR EACH ROW EXECUTE FUNCTION mark('3'); ALTER TABLE t ENABLE TRIGGER after_all")
        .run("v1", "INSERT INTO t (id, a) VALUES (10, 10)")
        .run("v2", "INSERT INTO t (id, a) VALUES (20, 10)")
        .run("v3", "INSERT INTO t (id, a) VALUES (30, 10)")
        .see("v1", "SELECT id, note FROM t WHERE id > 1 ORDER BY id", &["10|bothbeforeold", "20|bothafterfresh", "30|bothafter"])
        .run("v1", "DELETE FROM t WHERE id = 10")
        .run("v2", "DELETE FROM t WHERE id = 20")
        .see("v2", "SELECT count(*) FROM log", &["1"])
        .run("v3", "DELETE FROM t WHERE id = 30")
        .see("v2", "SELECT count(*) FROM log", &["2"])
        .run("v2", "INSERT INTO n VALUES (1)")
        .run("v3", "INSERT INTO n VALUES (2)")
        .see("v3", "SELECT note FROM n ORDER BY id", &["n", "n3"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_trigger_function_meets_the_columns_of_its_edition() {
    story(
        "CREATE TABLE people (id int PRIMARY KEY, name text, age int); INSERT INTO people VALUES (1, 'Ada', 36);
         CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := initcap(NEW.name); NEW.age := NEW.age + 1; RETURN NEW; END $$;
         CREATE TRIGGER tidy BEFORE INSERT OR UPDATE OF name ON people FOR EACH ROW WHEN (NEW.age < 90) EXECUTE FUNCTION tidy()",
    )
    .draft(
        "v2",
        "CREATE OR REPLACE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.full_name := upper(NEW.full_name); NEW.age := NEW.age + 2; RETURN NEW; END $$;
         ALTER TABLE people RENAME name TO full_name; DROP TRIGGER tidy ON people; ALTER TABLE people ALTER age TYPE bigint;
         CREATE TRIGGER tidy BEFORE INSERT OR UPDATE OF full_name ON people FOR EACH ROW WHEN (NEW.age < 90) EXECUTE FUNCTION tidy()",
    )
    .draft("v3", "ALTER TABLE people ADD city text")
    .run("v1", "INSERT INTO people VALUES (2, 'bo', 10)")
    .run("v2", "INSERT INTO people VALUES (3, 'cy', 10)")
    .run("v3", "INSERT INTO people (id, full_name, age) VALUES (4, 'di', 20)")
    .see("v1", "SELECT * FROM people ORDER BY id", &["1|Ada|36", "2|Bo|11", "3|CY|12", "4|DI|22"])
    .see("v2", "SELECT id, full_name, age FROM people ORDER BY id", &["1|Ada|36", "2|Bo|11", "3|CY|12", "4|DI|22"])
    .at_rest("SELECT id, full_name, age FROM people ORDER BY id", &["1|Ada|36", "2|Bo|11", "3|CY|12", "4|DI|22"])
    .tell()
    .await;
}

/// One function serves two tables, and names a column that one of them has no longer under that name.
#[tokio::test]
async fn a_function_that_names_what_a_younger_edition_lacks_leaves_nothing_behind() {
    story(
        "CREATE TABLE users (id int PRIMARY KEY, age int, note text); CREATE TABLE pets (id int PRIMARY KEY, age int, note text);
         CREATE FUNCTION tag() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF TG_NARGS > 0 THEN NEW.note := 'age ' || NEW.age; ELSE NEW.note := 'none'; END IF; RETURN NEW; END $$;
         CREATE TRIGGER tag BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION tag();
         CREATE TRIGGER tag BEFORE INSERT ON pets FOR EACH ROW EXECUTE FUNCTION tag('age')",
    )
    .draft("v2", "ALTER TABLE users ALTER age TYPE bigint")
    .draft("v3", "ALTER TABLE users RENAME age TO years")
    .see("v1", "INSERT INTO users VALUES (1, 30) RETURNING note", &["none"])
    .see("v2", "INSERT INTO users (id, age) VALUES (2, 31) RETURNING note", &["none"])
    .see("v3", "INSERT INTO users (id, years) VALUES (3, 32) RETURNING note", &["none"])
    .see("v3", "INSERT INTO pets VALUES (1, 3) RETURNING note", &["age 3"])
    .at_rest("INSERT INTO users (id, years) VALUES (4, 33) RETURNING years, note", &["33|none"])
    .tell()
    .await;
}

#[tokio::test]
async fn constraint_triggers_and_transition_tables_are_kept_apart_too() {
    story(BASE)
        .draft(
            "v2",
            "CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log SELECT 'rows ' || count(*) FROM fresh; RETURN NULL; END $$;
             CREATE TRIGGER counted AFTER INSERT ON t REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION counted();
             CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too much' USING ERRCODE = 'P0007'; END $$;
             CREATE CONSTRAINT TRIGGER deny AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.a > 100) EXECUTE FUNCTION deny()",
        )
        .run("v1", "INSERT INTO t (id, a) VALUES (2, 500)")
        .fail("v2", "INSERT INTO t (id, a) VALUES (3, 500)", "P0007")
        .run("v2", "INSERT INTO t (id, a) VALUES (3, 5), (4, 5)")
        .see("v1", "SELECT line FROM log", &["rows 2"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_constraint_trigger_of_an_editions_own_is_put_off_by_its_name() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'too much: %', (SELECT sum(a) FROM t) USING ERRCODE = 'P0007'; END $$;
         CREATE CONSTRAINT TRIGGER old AFTER INSERT ON t DEFERRABLE FOR EACH ROW WHEN (NEW.a > 100) EXECUTE FUNCTION deny()",
    )
    .draft(
        "v2",
        "DROP TRIGGER old ON t; CREATE CONSTRAINT TRIGGER old AFTER INSERT ON t DEFERRABLE FOR EACH ROW WHEN (NEW.a > 50) EXECUTE FUNCTION deny();
         CREATE CONSTRAINT TRIGGER fresh AFTER DELETE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION deny()",
    )
    .fail("v2", "BEGIN; INSERT INTO t VALUES (1, 60)", "P0007")
    .run("v2", "ROLLBACK; BEGIN; SET CONSTRAINTS old DEFERRED; INSERT INTO t VALUES (1, 60)")
    .fail("v2", "SET CONSTRAINTS public.old IMMEDIATE", "P0007")
    .run("v2", "ROLLBACK; INSERT INTO t VALUES (1, 1)")
    .run("v1", "BEGIN; SET CONSTRAINTS old DEFERRED; INSERT INTO t VALUES (2, 160); ROLLBACK")
    .fail("v2", "BEGIN; SET CONSTRAINTS fresh IMMEDIATE; DELETE FROM t", "P0007")
    .run("v2", "ROLLBACK; BEGIN; DELETE FROM t; ROLLBACK")
    .tell()
    .await;
}

#[tokio::test]
async fn a_backfill_that_fires_a_trigger_lets_it_find_what_it_names() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1);
         CREATE TABLE changes (of int); GRANT ALL ON t, changes TO app;
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM count(*) FROM changes; RETURN NULL; END $$;
         CREATE TRIGGER note AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION note()",
    )
    .draft("v2", "ALTER TABLE t ALTER n TYPE bigint")
    .allow("backfill-fires-triggers")
    .run("v2", "UPDATE t SET n = 2")
    .see("v1", "SELECT n FROM t", &["2"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_trigger_that_an_older_edition_would_fire_needs_a_word() {
    let base = "CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1), (2)";
    story(base)
        .draft(
            "v2",
            "CREATE TABLE letters (id serial PRIMARY KEY, of int REFERENCES users ON DELETE CASCADE);
             CREATE TABLE counts (n bigint); INSERT INTO counts VALUES (0); GRANT ALL ON letters, counts TO app; GRANT ALL ON SEQUENCE letters_id_seq TO app;
             CREATE FUNCTION count_letters() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE counts SET n = (SELECT count(*) FROM letters); RETURN NULL; END $$;
             CREATE TRIGGER counted AFTER INSERT OR DELETE ON letters FOR EACH STATEMENT EXECUTE FUNCTION count_letters()",
        )
        .allow("restricts-older-edition")
        .run("v2", "INSERT INTO letters (of) VALUES (1), (2)")
        .see("v2", "SELECT n FROM counts", &["2"])
        .run("v2", "DELETE FROM users WHERE id = 2")
        .see("v2", "SELECT n FROM counts", &["1"])
        .fail("v1", "DELETE FROM users WHERE id = 1", "42P01")
        .tell()
        .await;
}

/// Rows of a new table go with those of an older one, and its trigger refreshes what is the edition's own.
#[tokio::test]
async fn a_cascade_fires_a_trigger_that_names_what_is_the_editions_own() {
    story("CREATE TABLE people (id int PRIMARY KEY); INSERT INTO people VALUES (1), (2); GRANT SELECT, DELETE ON people TO app")
        .draft(
            "v2",
            "CREATE TABLE letters (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE);
             CREATE MATERIALIZED VIEW letters_seen AS SELECT * FROM letters; CREATE UNIQUE INDEX ON letters_seen (id);
             CREATE FUNCTION refresh() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN REFRESH MATERIALIZED VIEW CONCURRENTLY letters_seen; RETURN NULL; END $$;
             CREATE TRIGGER refresh AFTER INSERT OR UPDATE OR DELETE ON letters FOR EACH STATEMENT EXECUTE FUNCTION refresh();
             GRANT SELECT, INSERT ON letters TO app; GRANT SELECT ON letters_seen TO app",
        )
        .allow("restricts-older-edition")
        .run("v2", "INSERT INTO letters VALUES (1, 1)")
        .run("v2", "DELETE FROM people WHERE id = 1")
        .see("v2", "SELECT count(*) FROM letters_seen", &["0"])
        .tell()
        .await;
}
