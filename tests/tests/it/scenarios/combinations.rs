//! Several kinds of change at once, on what leans on them.

use super::story;

#[tokio::test]
async fn domains_over_domains_within_types() {
    story("CREATE DOMAIN base AS numeric(8,2) DEFAULT 1.5 CHECK (VALUE >= 0); CREATE DOMAIN top AS base DEFAULT 2.5 CHECK (VALUE < 1000); CREATE TYPE pair AS (a top, b text);
         CREATE TABLE t (id int PRIMARY KEY, x top, xs top[], p pair, g numeric GENERATED ALWAYS AS (x * 2) STORED); INSERT INTO t VALUES (1, 5, '{1,2}', (3, 'z')), (2, NULL, NULL, NULL), (3, DEFAULT, '{}', (NULL, NULL))")
        .draft("v2", "ALTER DOMAIN top DROP CONSTRAINT top_check; ALTER DOMAIN base SET DEFAULT 9; ALTER DOMAIN top RENAME TO upper_one")
        .allow("tightens-older-edition").allow("blocks-writers").allow("lossy-but-kept")
        .run("v1", "INSERT INTO t (id) VALUES (4)")
        .see("v2", "SELECT x, xs, p, g FROM t ORDER BY id", &["5.00|{1.00,2.00}|(3.00,z)|10.00", "∅|∅|∅|∅", "2.50|{}|(,)|5.00", "2.50|∅|∅|5.00"])
        .run("v2", "UPDATE t SET x = 7 WHERE id = 2")
        .see("v1", "SELECT x, g FROM t WHERE id = 2", &["7.00|14.00"])
        .tell().await;
}

#[tokio::test]
async fn an_enum_in_a_check_an_index_a_function_and_a_view() {
    story("CREATE TYPE st AS ENUM ('new', 'open', 'done'); CREATE TABLE t (id int PRIMARY KEY, s st NOT NULL DEFAULT 'new', h st[] DEFAULT '{new}', CHECK (s <> 'done' OR id > 0)); CREATE INDEX part ON t (id) WHERE s = 'open';
         CREATE FUNCTION opens(st) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 = 'open'::public.st $$; CREATE VIEW v AS SELECT id, s FROM t WHERE s = 'open'; INSERT INTO t VALUES (1, 'open'), (2, 'new'); INSERT INTO t VALUES (3, 'done', '{open,done}')")
        .draft("v2", "ALTER TYPE st RENAME VALUE 'open' TO 'opened'; CREATE OR REPLACE FUNCTION opens(st) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 = 'opened'::public.st $$")
        .run("v1", "INSERT INTO t VALUES (4, 'open', '{open}'); INSERT INTO t (id) VALUES (5)")
        .see("v2", "SELECT id, s, h FROM t ORDER BY id", &["1|opened|{new}", "2|new|{new}", "3|done|{opened,done}", "4|opened|{opened}", "5|new|{new}"])
        .see("v2", "SELECT id FROM v ORDER BY 1", &["1", "4"])
        .run("v2", "UPDATE t SET s = 'opened' WHERE id = 2")
        .see("v1", "SELECT id FROM v WHERE opens(s) ORDER BY 1", &["1", "2", "4"])
        .tell().await;
}

#[tokio::test]
async fn triggers_by_column_by_statement_and_deferred() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE TABLE log (what text);
         CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (TG_NAME || ' ' || TG_OP); RETURN NULL; END $$;
         CREATE FUNCTION rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log SELECT 'rows ' || count(*) FROM newer; RETURN NULL; END $$;
         CREATE TRIGGER on_a AFTER UPDATE OF a ON t FOR EACH ROW WHEN (OLD.a IS DISTINCT FROM NEW.a) EXECUTE FUNCTION say();
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION say();
         CREATE TRIGGER stm AFTER UPDATE ON t REFERENCING NEW TABLE AS newer FOR EACH STATEMENT EXECUTE FUNCTION rows();
         GRANT ALL ON ALL TABLES IN SCHEMA public TO app")
        .draft("v2", "ALTER TABLE t RENAME a TO aa; ALTER TABLE t ADD c int DEFAULT 4")
        .allow("trigger-sees-whole-row")
        .run("v1", "INSERT INTO t VALUES (1, 1, 'x'); UPDATE t SET a = 2; UPDATE t SET b = 'y'")
        .run("v2", "UPDATE t SET aa = 3; UPDATE t SET c = 5; INSERT INTO t VALUES (2, 2, 'z')")
        .see("v1", "SELECT what, count(*) FROM log GROUP BY 1 ORDER BY 1", &["late INSERT|2", "on_a UPDATE|2", "rows 1|4"])
        .tell().await;
}

#[tokio::test]
async fn keys_that_cascade_while_their_types_change() {
    story("CREATE TABLE p (id int PRIMARY KEY, code varchar(5) UNIQUE); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p ON UPDATE CASCADE ON DELETE SET NULL, code varchar(5) REFERENCES p (code) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO c VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, NULL)")
        .draft("v2", "ALTER TABLE p ALTER id TYPE bigint; ALTER TABLE c ALTER p TYPE bigint; ALTER TABLE p RENAME code TO tag; ALTER TABLE c ALTER code TYPE text; ALTER TABLE p ALTER tag TYPE text")
        .run("v1", "UPDATE p SET id = 10 WHERE id = 1; UPDATE p SET code = 'bb' WHERE id = 2")
        .see("v2", "SELECT id, p, code FROM c ORDER BY id", &["1|10|a", "2|2|bb", "3|3|∅"])
        .run("v2", "UPDATE p SET id = 30, tag = 'cc' WHERE id = 3; DELETE FROM p WHERE id = 10")
        .see("v1", "SELECT id, p, code FROM c ORDER BY id", &["2|2|bb", "3|30|∅"])
        .fail("v1", "INSERT INTO c VALUES (9, 99, NULL)", "23503")
        .fail("v2", "INSERT INTO c VALUES (9, 99, NULL)", "23503")
        .tell().await;
}

#[tokio::test]
async fn a_generated_column_makes_room_for_another() {
    story("CREATE TABLE t (id int PRIMARY KEY, w int, h int, area int GENERATED ALWAYS AS (w * h) STORED, name text, low text GENERATED ALWAYS AS (lower(name)) STORED UNIQUE); INSERT INTO t VALUES (1, 2, 3, DEFAULT, 'Ab'), (2, 4, 5, DEFAULT, 'Cd')")
        .draft("v2", "ALTER TABLE t DROP COLUMN area; ALTER TABLE t ALTER w TYPE bigint; ALTER TABLE t ADD area bigint GENERATED ALWAYS AS (w * h + 1) STORED; ALTER TABLE t RENAME h TO height")
        .allow("blocks-writers").allow("lossy-but-kept").allow("kept-until-retire")
        .run("v1", "INSERT INTO t (id, w, h, name) VALUES (3, 1, 1, 'Ef'); UPDATE t SET w = 10 WHERE id = 1")
        .see("v2", "SELECT id, w, height, area, low FROM t ORDER BY id", &["1|10|3|31|ab", "2|4|5|21|cd", "3|1|1|2|ef"])
        .tell().await;
}

#[tokio::test]
async fn code_that_postgresql_has_parsed() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x');
         CREATE FUNCTION total() RETURNS bigint BEGIN ATOMIC SELECT sum(a) FROM t; END;
         CREATE PROCEDURE put(i int) LANGUAGE sql BEGIN ATOMIC INSERT INTO t (id, a) VALUES (i, i * 2); END;
         CREATE FUNCTION plus(i int, by int DEFAULT 5) RETURNS int LANGUAGE sql IMMUTABLE RETURN i + by;
         CREATE VIEW w AS SELECT plus(a) AS more, b FROM t; CREATE MATERIALIZED VIEW m AS SELECT id, plus(a, 1) AS one FROM t; CREATE UNIQUE INDEX ON m (id)")
        .draft("v2", "ALTER TABLE t RENAME a TO amount; CREATE OR REPLACE FUNCTION plus(i int, by int DEFAULT 7) RETURNS int LANGUAGE sql IMMUTABLE RETURN i + by")
        .allow("lossy-but-kept").allow("kept-until-retire")
        .tell().await;
}

#[tokio::test]
async fn views_of_all_kinds() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b text, own text DEFAULT current_user); INSERT INTO t VALUES (1, 1, 'x'), (2, 20, 'y');
         CREATE VIEW small (nr, amount) WITH (security_barrier) AS SELECT id, a FROM t WHERE a < 10 WITH LOCAL CHECK OPTION; CREATE VIEW inv WITH (security_invoker) AS SELECT * FROM t;
         CREATE RECURSIVE VIEW nums (n) AS SELECT id FROM t UNION SELECT n + 10 FROM nums WHERE n < 20; CREATE VIEW on_top AS SELECT nr FROM small UNION ALL SELECT id FROM inv; ALTER VIEW small ALTER COLUMN amount SET DEFAULT 7; GRANT ALL ON ALL TABLES IN SCHEMA public TO app; COMMENT ON VIEW small IS 'little'")
        .draft("v2", "ALTER TABLE t RENAME a TO aa; ALTER TABLE t ADD z int DEFAULT 0; ALTER VIEW small RENAME COLUMN amount TO how_much")
        .run("v1", "INSERT INTO small (nr) VALUES (3)")
        .fail("v1", "INSERT INTO small VALUES (4, 40)", "44000")
        .see("v2", "SELECT nr, how_much FROM small ORDER BY 1", &["1|1", "3|7"])
        .run("v2", "INSERT INTO small (nr) VALUES (5)")
        .see("v1", "SELECT count(*) FROM on_top", &["7"])
        .see("v1", "SELECT * FROM inv ORDER BY id LIMIT 1", &["1|1|x|owner"])
        .tell().await;
}

#[tokio::test]
async fn a_collation_and_two_identities() {
    story("CREATE COLLATION c1 (provider = libc, locale = 'C'); CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5) PRIMARY KEY, n text COLLATE c1 UNIQUE, big int GENERATED BY DEFAULT AS IDENTITY); CREATE INDEX ON t (n COLLATE \"POSIX\" text_pattern_ops); INSERT INTO t (n) VALUES ('b'), ('A')")
        .draft("v2", "ALTER TABLE t ALTER n TYPE text COLLATE \"C\"; ALTER TABLE t ALTER id SET GENERATED BY DEFAULT; ALTER TABLE t ALTER big DROP IDENTITY; ALTER TABLE t ALTER big TYPE bigint")
        .run("v1", "INSERT INTO t (n) VALUES ('c')")
        .run("v2", "INSERT INTO t (n, big) VALUES ('d', 9)")
        .see("v1", "SELECT id, n, big FROM t ORDER BY id", &["5|b|1", "10|A|2", "15|c|3", "20|d|9"])
        .tell().await;
}

#[tokio::test]
async fn a_policy_that_reads_another_changed_table() {
    story("CREATE TABLE team (id int PRIMARY KEY, lead text); CREATE TABLE doc (id int PRIMARY KEY, team int REFERENCES team, body text); INSERT INTO team VALUES (1, 'app'), (2, 'other'); INSERT INTO doc VALUES (1, 1, 'a'), (2, 2, 'b');
         ALTER TABLE doc ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON doc TO app USING (EXISTS (SELECT FROM team t WHERE t.id = doc.team AND t.lead = current_user)) WITH CHECK (body <> 'no'); GRANT SELECT ON team TO app; GRANT ALL ON doc TO app")
        .draft("v2", "ALTER TABLE team RENAME lead TO leader; ALTER TABLE doc RENAME body TO content; ALTER TABLE doc ADD more int")
        .see("v1", "SELECT id, body FROM doc ORDER BY 1", &["1|a"])
        .see("v2", "SELECT id, content FROM doc ORDER BY 1", &["1|a"])
        .fail("v2", "UPDATE doc SET content = 'no'", "42501")
        .run("v2", "UPDATE doc SET content = 'yes'")
        .see("v1", "SELECT id, body FROM doc ORDER BY 1", &["1|yes"])
        .tell().await;
}

#[tokio::test]
async fn tables_without_a_key_and_names_that_need_quotes() {
    story("CREATE UNLOGGED TABLE u (a int, b text); INSERT INTO u SELECT i, i::text FROM generate_series(1, 5) i; CREATE TABLE e (y int); INSERT INTO e DEFAULT VALUES; CREATE TABLE ex (room int, during tsrange, EXCLUDE USING gist (during WITH &&) WHERE (room > 0)); INSERT INTO ex VALUES (1, '[2020-01-01,2020-01-02)');
         CREATE TABLE wide (id int, \"a b\" int, \"ä\" text, \"select\" int, CHECK (\"a b\" > 0)); INSERT INTO wide VALUES (1, 2, 'x', 3)")
        .draft("v2", "ALTER TABLE u ALTER a TYPE bigint; ALTER TABLE e ADD x int DEFAULT 1; ALTER TABLE ex RENAME during TO span; ALTER TABLE wide RENAME \"a b\" TO \"c\"\"d\"; ALTER TABLE wide RENAME \"select\" TO \"from\"; ALTER TABLE wide ALTER \"ä\" SET NOT NULL; ALTER TABLE wide ALTER id TYPE text")
        .allow("tightens-older-edition").allow("lossy-but-kept")
        .run("v1", "INSERT INTO u VALUES (6, '6'); INSERT INTO wide VALUES (2, 4, 'y', 6); INSERT INTO e DEFAULT VALUES")
        .fail("v1", "INSERT INTO ex VALUES (2, '[2020-01-01,2020-01-03)')", "23P01")
        .see("v2", "SELECT id, \"c\"\"d\", \"from\" FROM wide ORDER BY 1", &["1|2|3", "2|4|6"])
        .see("v2", "SELECT count(*), sum(x) FROM e", &["2|2"])
        .run("v2", "UPDATE wide SET \"from\" = 7; DELETE FROM u WHERE a = 1")
        .see("v1", "SELECT \"select\" FROM wide", &["7", "7"])
        .tell().await;
}
