//! Types that a draft changes: each edition has its own, and columns of them are kept in step.

use edition_tests::{APP, World};

use super::story;

const ORDERS: &str = "\
CREATE TYPE status AS ENUM ('open', 'paid', 'sent');
CREATE TABLE orders (id int PRIMARY KEY, status status NOT NULL DEFAULT 'open', was status[], tenant int, UNIQUE (tenant, status), CHECK (status <> 'sent' OR tenant IS NOT NULL));
CREATE TABLE log (id int PRIMARY KEY, status status);
CREATE INDEX unsent ON orders (id) WHERE status <> 'sent';
CREATE INDEX by_status ON log (status);
CREATE FUNCTION is_done(status) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 = 'sent' $$;
CREATE VIEW sent AS SELECT id, status FROM orders WHERE is_done(status);
INSERT INTO orders (id, status, tenant) VALUES (1, 'open', 1), (2, 'sent', 1); INSERT INTO log VALUES (1, 'paid'), (2, NULL);
";

#[tokio::test]
async fn an_enum_gets_values() {
    story(ORDERS)
        .draft("v2", "ALTER TYPE status ADD VALUE 'late' BEFORE 'paid'; ALTER TYPE status ADD VALUE 'lost'")
        .run("v1", "INSERT INTO orders (id, tenant) VALUES (3, 3); UPDATE orders SET status = 'paid' WHERE id = 1; INSERT INTO log VALUES (3, 'sent')")
        .see("v2", "SELECT id, status FROM orders ORDER BY id", &["1|paid", "2|sent", "3|open"])
        .run("v2", "UPDATE orders SET status = 'late', was = '{open,late}' WHERE id = 1; INSERT INTO orders (id, status, tenant) VALUES (4, 'lost', 4), (5, 'sent', 5); INSERT INTO log VALUES (4, 'late')")
        .see("v2", "SELECT id, status, was FROM orders ORDER BY status, id", &["3|open|∅", "1|late|{open,late}", "2|sent|∅", "5|sent|∅", "4|lost|∅"])
        .see("v1", "SELECT id, status, was FROM orders ORDER BY id", &["1|paid|∅", "2|sent|∅", "3|open|∅", "4|open|∅", "5|sent|∅"])
        .see("v1", "SELECT status FROM log WHERE id = 4", &["∅"])
        .run("v1", "UPDATE orders SET tenant = 9 WHERE id IN (1, 4)")
        .see("v2", "SELECT id, status FROM orders WHERE tenant = 9 ORDER BY id", &["1|late", "4|lost"])
        .fail("v1", "UPDATE orders SET status = 'late'", "22P02")
        .see("v1", "SELECT id FROM sent ORDER BY id", &["2", "5"])
        .see("v2", "SELECT id, status::text FROM public.sent WHERE is_done('sent'::public.status) ORDER BY id", &["2|sent", "5|sent"])
        .run("v2", "UPDATE orders SET status = 'sent' WHERE id = 4")
        .see("v1", "SELECT status FROM orders WHERE id = 4", &["sent"])
        .at_rest("UPDATE orders SET status = 'lost' WHERE id = 1 RETURNING status", &["lost"])
        .tell()
        .await;
}

#[tokio::test]
async fn temporary_objects_are_made_of_the_editions_types_by_qualified_names() {
    const MADE: &str = "CREATE TEMP TABLE mine (LIKE public.orders, s public.status DEFAULT 'open'::public.status, many public.status[]);
        CREATE FUNCTION pg_temp.same(a public.status, of public.orders) RETURNS public.status LANGUAGE sql AS 'SELECT $1';
        ALTER TABLE mine ADD further public.status";
    const KIND: &str = "SELECT pg_typeof(many) = 'public.status[]'::regtype, pg_typeof(further) = to_regtype('public.status'), s FROM mine";
    let mut told = story("CREATE TYPE status AS ENUM ('open', 'paid'); CREATE TABLE orders (id int PRIMARY KEY, status status, tenant int)")
        .draft("v2", "ALTER TYPE status ADD VALUE 'late'; ALTER TABLE orders RENAME tenant TO owner");
    for (edition, insert, row) in [
        (
            "v1",
            "INSERT INTO mine (id, tenant, status) VALUES (1, 1, 'paid') RETURNING pg_temp.same(status, NULL), s, tenant",
            "paid|open|1",
        ),
        (
            "v2",
            "INSERT INTO mine (id, owner, status) VALUES (1, 1, 'late') RETURNING pg_temp.same(status, NULL), s, owner",
            "late|open|1",
        ),
    ] {
        told = told
            .run(edition, MADE)
            .see(edition, insert, &[row])
            .see(edition, KIND, &["t|t|open"])
            .run(edition, "DROP FUNCTION pg_temp.same(public.status, public.orders)");
    }
    told.tell().await;
}

#[tokio::test]
async fn a_column_gets_another_type_and_may_be_null() {
    story("CREATE TYPE status AS ENUM ('open', 'paid'); CREATE TABLE t (id int PRIMARY KEY, s status NOT NULL DEFAULT 'open', n int NOT NULL DEFAULT 7); INSERT INTO t VALUES (1, 'paid', 1)")
        .draft("v2", "ALTER TYPE status ADD VALUE 'late'; ALTER TABLE t ALTER s DROP NOT NULL, ALTER n TYPE bigint, ALTER n DROP NOT NULL")
        .run("v2", "INSERT INTO t VALUES (2, NULL, NULL), (3, 'late', 3); UPDATE t SET s = NULL, n = NULL WHERE id = 1")
        .see("v1", "SELECT id, s, n FROM t ORDER BY id", &["1|paid|1", "2|open|7", "3|open|3"])
        .see("v2", "SELECT id, s, n FROM t ORDER BY id", &["1|∅|∅", "2|∅|∅", "3|late|3"])
        .run("v1", "UPDATE t SET n = 9 WHERE id = 2; UPDATE t SET s = 'open' WHERE id = 1")
        .see("v2", "SELECT id, s, n FROM t ORDER BY id", &["1|open|∅", "2|∅|9", "3|late|3"])
        .at_rest("UPDATE t SET n = NULL, s = NULL WHERE id = 3 RETURNING s, n", &["∅|∅"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_column_gets_another_type_and_may_be_null_once_the_older_edition_is_gone() {
    story("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL); INSERT INTO t VALUES (1, 1)")
        .draft("v2", "ALTER TABLE t ALTER n TYPE bigint, ALTER n DROP NOT NULL")
        .allow("nulls-wait-for-retire")
        .run("v2", "INSERT INTO t VALUES (2, 2)")
        .fail("v2", "UPDATE t SET n = NULL WHERE id = 1", "23502")
        .see("v1", "SELECT id, n FROM t ORDER BY id", &["1|1", "2|2"])
        .at_rest("UPDATE t SET n = NULL WHERE id = 2 RETURNING n", &["∅"])
        .tell()
        .await;
}

#[tokio::test]
async fn three_editions_each_add_a_value() {
    story("CREATE TYPE mood AS ENUM ('bad', 'good'); CREATE TABLE days (id int PRIMARY KEY, mood mood DEFAULT 'good'); INSERT INTO days VALUES (1, 'bad'), (2, 'good')")
        .draft("v2", "ALTER TYPE mood ADD VALUE 'fine'")
        .draft("v3", "ALTER TYPE mood ADD VALUE 'best' AFTER 'fine'; ALTER TABLE days ALTER mood SET DEFAULT 'fine'")
        .draft("v4", "ALTER TYPE mood ADD VALUE 'awful' BEFORE 'bad'; CREATE VIEW awful AS SELECT id FROM days WHERE mood < 'bad'; GRANT SELECT ON awful TO app")
        .run("v4", "INSERT INTO days VALUES (3, 'awful'), (4, 'fine'), (5, 'best'); UPDATE days SET mood = 'best' WHERE id = 1")
        .see("v1", "SELECT id, mood FROM days ORDER BY id", &["1|bad", "2|good", "3|good", "4|good", "5|good"])
        .see("v2", "SELECT id, mood FROM days ORDER BY id", &["1|bad", "2|good", "3|fine", "4|fine", "5|good"])
        .see("v3", "SELECT id, mood FROM days ORDER BY id", &["1|best", "2|good", "3|fine", "4|fine", "5|best"])
        .run("v2", "UPDATE days SET mood = 'fine' WHERE id = 2; INSERT INTO days (id) VALUES (6)")
        .see("v4", "SELECT id, mood FROM days WHERE id IN (2, 6) ORDER BY id", &["2|fine", "6|good"])
        .see("v1", "SELECT id, mood FROM days WHERE id IN (2, 6) ORDER BY id", &["2|good", "6|good"])
        .at_rest("INSERT INTO days VALUES (7, 'awful') RETURNING (SELECT count(*) FROM awful)", &["0"])
        .at_rest("SELECT id FROM awful", &["7"])
        .tell()
        .await;
}

#[tokio::test]
async fn values_are_renamed_and_exchange_their_names() {
    story("CREATE TYPE mood AS ENUM ('bad', 'good', 'so so'); CREATE TABLE days (id int PRIMARY KEY, mood mood NOT NULL, all_of mood[]); INSERT INTO days VALUES (1, 'bad', '{bad,good}'), (2, 'good', '{{good},{so so}}'), (3, 'so so', NULL)")
        .draft("v2", "ALTER TYPE mood RENAME VALUE 'bad' TO 'x'; ALTER TYPE mood RENAME VALUE 'good' TO 'bad'; ALTER TYPE mood RENAME VALUE 'x' TO 'good'; ALTER TYPE mood RENAME VALUE 'so so' TO 'it''s \\ok'; ALTER TABLE days RENAME mood TO state; ALTER TYPE mood RENAME TO state")
        .see("v2", "SELECT state, all_of FROM days ORDER BY id", &["good|{good,bad}", "bad|{{bad},{\"it's \\\\ok\"}}", "it's \\ok|∅"])
        .run("v2", "INSERT INTO days VALUES (4, 'it''s \\ok', '{good}'); UPDATE days SET state = 'bad' WHERE state = 'good'::state")
        .see("v1", "SELECT mood, all_of FROM days ORDER BY id", &["good|{bad,good}", "good|{{good},{\"so so\"}}", "so so|∅", "so so|{bad}"])
        .run("v1", "UPDATE days SET mood = 'bad' WHERE id = 3")
        .see("v2", "SELECT state FROM days WHERE id = 3", &["good"])
        .tell()
        .await;
}

/// The way of tools that cannot remove a value: a new type takes the place and the name of the old one.
#[tokio::test]
async fn an_enum_is_made_anew_without_a_value() {
    story("CREATE TYPE role AS ENUM ('guest', 'member', 'admin'); CREATE TABLE people (id int PRIMARY KEY, role role NOT NULL DEFAULT 'guest', roles role[]); INSERT INTO people VALUES (1, 'guest', '{guest,admin}'), (2, 'admin', NULL); CREATE INDEX ON people (role)")
        .draft(
            "v2",
            "CREATE TYPE role_new AS ENUM ('member', 'admin', 'owner'); ALTER TABLE people ALTER role DROP DEFAULT;
             ALTER TABLE people ALTER role TYPE role_new USING (role::text::role_new), ALTER roles TYPE role_new[] USING roles::text::role_new[];
             ALTER TYPE role RENAME TO role_old; ALTER TYPE role_new RENAME TO role; DROP TYPE role_old; ALTER TABLE people ALTER role SET DEFAULT 'member'",
        )
        .transform("people", "role = CASE role WHEN 'guest' THEN 'member' ELSE role::text END", "")
        .transform("people", "roles = array_replace(roles::text[], 'guest', 'member')", "")
        .run("v1", "INSERT INTO people VALUES (3, 'guest', '{guest}')")
        .see("v2", "SELECT role, roles FROM people ORDER BY id", &["member|{member,admin}", "admin|∅", "member|{member}"])
        .run("v2", "INSERT INTO people VALUES (4, 'owner', '{owner}'); UPDATE people SET role = 'admin' WHERE id = 1; UPDATE people SET role = 'owner' WHERE id = 3")
        .see("v1", "SELECT role, roles FROM people ORDER BY id", &["admin|{guest,admin}", "admin|∅", "guest|{guest}", "guest|∅"])
        .at_rest("SELECT count(*) FROM people WHERE role = 'member'::public.role", &["2"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_migration_moves_rows_to_the_new_values() {
    story("CREATE TYPE role AS ENUM ('guest', 'member'); CREATE TABLE people (id int PRIMARY KEY, role role NOT NULL DEFAULT 'guest', since int); INSERT INTO people VALUES (1, 'guest', 1), (2, 'guest', 9), (3, 'member', 3)")
        .draft(
            "v2",
            "CREATE TYPE role_new AS ENUM ('member', 'elder'); ALTER TABLE people ALTER role DROP DEFAULT; UPDATE people SET role = 'member' WHERE role = 'guest';
             ALTER TABLE people ALTER role TYPE role_new USING role::text::role_new; DROP TYPE role; ALTER TYPE role_new RENAME TO role;
             UPDATE people SET role = 'elder' WHERE since < 5 AND role = 'member'",
        )
        .see("v2", "SELECT id, role FROM people ORDER BY id", &["1|elder", "2|member", "3|elder"])
        .run("v2", "UPDATE people SET role = 'member' WHERE id = 3")
        .see("v1", "SELECT id, role FROM people ORDER BY id", &["1|guest", "2|guest", "3|member"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_generated_column_and_a_key_follow_their_enum() {
    story("CREATE TYPE kind AS ENUM ('a', 'b'); CREATE TABLE things (kind kind, n int, is_b boolean GENERATED ALWAYS AS (kind = 'b') STORED, PRIMARY KEY (kind, n)); CREATE TABLE parts (id int PRIMARY KEY, kind kind, n int, FOREIGN KEY (kind, n) REFERENCES things ON UPDATE CASCADE);
         INSERT INTO things VALUES ('a', 1), ('b', 1); INSERT INTO parts VALUES (1, 'b', 1)")
        .draft("v2", "ALTER TYPE kind ADD VALUE 'c'")
        .transform("things", "", "kind = CASE WHEN kind = 'c' THEN 'b' ELSE kind::text END")
        .run("v1", "INSERT INTO things VALUES ('b', 2)")
        .see("v2", "SELECT kind, n, is_b FROM things ORDER BY 1, 2", &["a|1|f", "b|1|t", "b|2|t"])
        .run("v2", "INSERT INTO things (kind, n) VALUES ('c', 3); UPDATE things SET kind = 'a' WHERE n = 2")
        .see("v1", "SELECT kind, n, is_b FROM things ORDER BY 1, 2", &["a|1|f", "a|2|f", "b|1|t", "b|3|t"])
        .tell()
        .await;
}

#[tokio::test]
async fn domains_change_their_rules_and_names() {
    story("CREATE DOMAIN short AS text DEFAULT 'x' CONSTRAINT length CHECK (length(VALUE) < 5) CHECK (VALUE <> 'no'); CREATE DOMAIN count AS int; CREATE DOMAIN old_code AS text;
         CREATE FUNCTION fits(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> 'misfit' $$; CREATE DOMAIN filled AS text CHECK (fits(VALUE));
         CREATE TABLE t (id int PRIMARY KEY, s short, n count NOT NULL DEFAULT 1, c old_code, f filled, many short[]); INSERT INTO t VALUES (1, 'abc', 5, 'c', 'f', '{a,b}'), (2, NULL, 6, NULL, NULL, NULL)")
        .draft(
            "v2",
            "ALTER DOMAIN short DROP CONSTRAINT length; ALTER DOMAIN short SET DEFAULT 'longer'; ALTER DOMAIN count ADD CONSTRAINT positive CHECK (VALUE > 0); ALTER DOMAIN old_code RENAME TO code;
             CREATE OR REPLACE FUNCTION fits(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> '-' $$",
        )
        .allow("older-write-may-fail")
        .run("v1", "INSERT INTO t (id, s, f) VALUES (3, 'de', 'g')")
        .fail("v1", "INSERT INTO t (id, s) VALUES (4, 'longest')", "23514")
        .fail("v1", "INSERT INTO t (id, n) VALUES (4, 0)", "23514")
        .see("v2", "SELECT s, n, c, f, many FROM t ORDER BY id", &["abc|5|c|f|{a,b}", "∅|6|∅|∅|∅", "de|1|∅|g|∅"])
        .run("v2", "INSERT INTO t (id, s, c, f) VALUES (5, 'fit', 'code', 'h'); UPDATE t SET many = '{c}', c = c::public.code || '!' WHERE id = 1")
        .fail("v2", "INSERT INTO t (id, s) VALUES (6, 'no')", "23514")
        .fail("v2", "INSERT INTO t (id, f) VALUES (6, '-')", "23514")
        .see("v1", "SELECT s, n, c, f, many FROM t ORDER BY id", &["abc|5|c!|f|{c}", "∅|6|∅|∅|∅", "de|1|∅|g|∅", "fit|1|code|h|∅"])
        .at_rest("INSERT INTO t (id, s) VALUES (7, 'as long as it likes') RETURNING n", &["1"])
        .tell()
        .await;
}

/// A column that PostgreSQL adds has its domain's default in all rows, NULL or not.
#[tokio::test]
async fn a_domains_default_is_not_taken_for_a_value() {
    story("CREATE DOMAIN ruled AS int DEFAULT 3 CHECK (VALUE > 0); CREATE DOMAIN free AS text DEFAULT 'x'; CREATE TABLE t (id int PRIMARY KEY, r ruled, f free); INSERT INTO t VALUES (1, 1, 'a'), (2, NULL, NULL)")
        .draft("v2", "ALTER DOMAIN ruled RENAME TO rules; ALTER DOMAIN free RENAME TO freed; ALTER TABLE t ADD late freed")
        .run("v1", "INSERT INTO t VALUES (3, NULL, NULL); INSERT INTO t (id) VALUES (4)")
        .see("v2", "SELECT r, f, late FROM t ORDER BY id", &["1|a|x", "∅|∅|x", "∅|∅|x", "3|x|x"])
        .run("v2", "INSERT INTO t (id) VALUES (5); INSERT INTO t VALUES (6, NULL, NULL, NULL); UPDATE t SET r = NULL WHERE id = 4")
        .see("v1", "SELECT r, f FROM t ORDER BY id", &["1|a", "∅|∅", "∅|∅", "∅|x", "3|x", "∅|∅"])
        .at_rest("INSERT INTO t (id) VALUES (7) RETURNING r, f, late", &["3|x|x"])
        .tell()
        .await;
}

#[tokio::test]
async fn composites_get_lose_rename_and_retype_attributes() {
    story("CREATE TYPE unit AS ENUM ('m', 'ft'); CREATE TYPE size AS (width int, height int, of_old text, unit unit); CREATE TYPE boxed AS (outer_size size, label text);
         CREATE TABLE goods (id int PRIMARY KEY, size size, boxed boxed); INSERT INTO goods VALUES (1, (1, 2, 'x', 'ft'), ((3, 4, 'y', 'm'), 'z')), (2, NULL, NULL), (3, (NULL, NULL, NULL, NULL), ((1, 1, 'o', 'm'), 'l'));
         CREATE FUNCTION area(size) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.width * $1.height'; CREATE INDEX ON goods (area(size))")
        .draft(
            "v2",
            "ALTER TYPE unit ADD VALUE 'in'; ALTER TYPE size RENAME ATTRIBUTE width TO breadth; CREATE OR REPLACE FUNCTION area(size) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.breadth * $1.height';
             ALTER TYPE size ADD ATTRIBUTE depth int",
        )
        .see("v2", "SELECT size, boxed FROM goods ORDER BY id", &["(1,2,x,ft,)|(\"(3,4,y,m,)\",z)", "∅|∅", "(,,,,)|(\"(1,1,o,m,)\",l)"])
        .run("v2", "UPDATE goods SET size = (5, 6, 'n', 'in', 7) WHERE id = 1; INSERT INTO goods VALUES (4, (7, 8, NULL, 'm', 9), NULL); UPDATE goods SET boxed.label = 'new' WHERE id = 3")
        .see("v1", "SELECT size, boxed FROM goods ORDER BY id", &["(5,6,n,ft)|(\"(3,4,y,m)\",z)", "∅|∅", "(,,,)|(\"(1,1,o,m)\",new)", "(7,8,,m)|∅"])
        .run("v1", "UPDATE goods SET size = (2, 2, 'v1', 'm') WHERE id = 2")
        .see("v2", "SELECT (size).breadth, area(size) FROM goods WHERE id = 2", &["2|4"])
        .tell()
        .await;
}

#[tokio::test]
async fn range_types_are_made_and_changed() {
    story("CREATE TYPE span AS RANGE (subtype = float8); CREATE TABLE t (id int PRIMARY KEY, s span, CHECK (s <> span(8, 9))); INSERT INTO t VALUES (1, '[1,2)')")
        .draft(
            "v2",
            "CREATE TYPE part AS RANGE (subtype = int4, multirange_type_name = parts); ALTER TABLE t ADD p part DEFAULT part(1, 5, '[]'), ADD ps parts DEFAULT parts(part(1, 2)); CREATE TABLE u (p part, EXCLUDE USING gist (p WITH &&)); CREATE FUNCTION width(part) RETURNS int LANGUAGE sql AS 'SELECT upper($1) - lower($1)'",
        )
        .run("v1", "INSERT INTO t VALUES (2, span(3, 4))")
        .see("v2", "SELECT id, s, p, ps, width(p) FROM t ORDER BY id", &["1|[1,2)|[1,5]|{[1,2)}|4", "2|[3,4)|[1,5]|{[1,2)}|4"])
        .run("v2", "INSERT INTO t (id, s) VALUES (3, '[5,6)')")
        .see("v1", "SELECT s FROM t WHERE id = 3", &["[5,6)"])
        .at_rest("SELECT count(*) FROM t WHERE p <@ public.part(0, 9) AND s <> public.span(1, 3)", &["3"])
        .tell()
        .await;
}

/// What PostgreSQL keeps as text (the bodies of crossedition triggers) follows when a type moves.
#[tokio::test]
async fn editions_that_stay_go_on_writing_when_the_root_is_retired() {
    let world = World::adopted("CREATE TYPE mood AS ENUM ('bad', 'good'); CREATE TABLE days (id int PRIMARY KEY, mood mood DEFAULT 'good')").await;
    for (name, ddl) in
        [("v2", "ALTER TYPE mood ADD VALUE 'fine'"), ("v3", "ALTER TYPE mood ADD VALUE 'best'")]
    {
        world.verbs.create(name).await;
        world.draft(name, ddl).await;
        world.verbs.publish(name, &[]).await;
    }
    world.verbs.default("v2").await;
    let (second, third) = (world.session(APP, "v2").await, world.session(APP, "v3").await);
    second.run("INSERT INTO days VALUES (1, 'fine')").await;
    third.run("INSERT INTO days VALUES (2, 'best')").await;
    world.verbs.retire("v1").await;
    second.run("INSERT INTO days VALUES (3, 'bad'); UPDATE days SET mood = 'bad' WHERE id = 2").await;
    third
        .run("INSERT INTO days VALUES (4, 'fine'), (5, 'best'); UPDATE days SET mood = 'best' WHERE id = 1")
        .await;
    let all = "SELECT id, mood FROM days ORDER BY id";
    assert_eq!(second.ask(all).await, ["1|fine", "2|bad", "3|bad", "4|fine", "5|good"]);
    assert_eq!(third.ask(all).await, ["1|best", "2|bad", "3|bad", "4|fine", "5|best"]);
    world.end().await;
}

/// A domain's default is what rows get that are there when the column comes, whatever default the column has in the end.
#[tokio::test]
async fn rows_get_the_default_of_a_columns_domain() {
    story(
        "CREATE DOMAIN kept AS int DEFAULT 7; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2); GRANT ALL ON t TO app",
    )
    .draft(
        "v2",
        "CREATE DOMAIN positive AS int DEFAULT 3 CHECK (VALUE > 0); CREATE DOMAIN bare AS int CHECK (VALUE > 0);
         ALTER TABLE t ADD a positive, ADD b kept, ADD c bare, ADD d positive[], ADD e positive;
         ALTER TABLE t ALTER a SET DEFAULT 41, ALTER b SET DEFAULT 42, ALTER c SET DEFAULT 43, ALTER d SET DEFAULT '{44}'",
    )
    .see("v2", "SELECT * FROM t ORDER BY id", &["1|3|7|∅|∅|3", "2|3|7|∅|∅|3"])
    .see("v2", "INSERT INTO t VALUES (3) RETURNING *", &["3|41|42|43|{44}|3"])
    .tell()
    .await;
}

/// NOT NULL of a composite asks that there is a value, not that it is full.
#[tokio::test]
async fn a_composite_that_must_be_there_gets_an_attribute() {
    story(
        "CREATE TYPE addr AS (street text, zip text); CREATE TABLE c (id int PRIMARY KEY, a addr NOT NULL); INSERT INTO c VALUES (1, ROW('x', '1')), (2, ROW('y', NULL)); GRANT ALL ON c TO app",
    )
    .draft("v2", "ALTER TYPE addr ADD ATTRIBUTE country text CASCADE")
    .run("v1", "INSERT INTO c VALUES (3, ROW(NULL, NULL))")
    .fail("v1", "INSERT INTO c VALUES (4, NULL)", "23502")
    .fail("v2", "INSERT INTO c VALUES (4, NULL)", "23502")
    .see("v2", "SELECT id, (a).street, (a).country FROM c ORDER BY id", &["1|x|∅", "2|y|∅", "3|∅|∅"])
    .tell()
    .await;
}
