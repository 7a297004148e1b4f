//! Three and more live editions.

use super::story;

const PEOPLE: &str = "\
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, age int);
INSERT INTO people VALUES (1, 'Ada Lovelace', 36), (2, 'Alan Turing', 41);
";

#[tokio::test]
async fn transforms_are_chained_both_ways() {
    story(PEOPLE)
        .draft("v2", "ALTER TABLE people ADD first text, ADD last text; ALTER TABLE people DROP name")
        .transform("people", "first = split_part(name, ' ', 1), last = split_part(name, ' ', 2)", "name = first || ' ' || last")
        .draft("v3", "ALTER TABLE people ADD initials text; ALTER TABLE people DROP first; ALTER TABLE people RENAME last TO surname")
        .transform("people", "initials = left(first, 1) || left(last, 1)", "first = left(initials, 1) || '.'")
        .see("v3", "SELECT * FROM people ORDER BY id", &["1|36|Lovelace|AL", "2|41|Turing|AT"])
        .run("v1", "INSERT INTO people VALUES (3, 'Grace Hopper', 85)")
        .see("v2", "SELECT first, last FROM people WHERE id = 3", &["Grace|Hopper"])
        .see("v3", "SELECT surname, initials FROM people WHERE id = 3", &["Hopper|GH"])
        .run("v3", "INSERT INTO people (id, surname, initials) VALUES (4, 'Dijkstra', 'ED')")
        .see("v2", "SELECT first, last FROM people WHERE id = 4", &["E.|Dijkstra"])
        .see("v1", "SELECT name FROM people WHERE id = 4", &["E. Dijkstra"])
        .run("v2", "UPDATE people SET last = 'King' WHERE id = 1")
        .see("v1", "SELECT name FROM people WHERE id = 1", &["Ada King"])
        .see("v3", "SELECT surname, initials FROM people WHERE id = 1", &["King|AK"])
        .run("v3", "UPDATE people SET age = 1, surname = surname, initials = initials")
        .see("v1", "SELECT name FROM people ORDER BY id", &["Ada King", "Alan Turing", "Grace Hopper", "E. Dijkstra"])
        .run("v1", "UPDATE people SET name = name, age = 2")
        .see("v3", "SELECT DISTINCT age FROM people", &["2"])
        .run("v3", "UPDATE people SET initials = 'XY' WHERE id = 1")
        .see("v2", "SELECT first, last FROM people WHERE id = 1", &["X.|King"])
        .see("v1", "SELECT name FROM people WHERE id = 1", &["X. King"])
        .at_rest("SELECT surname, initials FROM people WHERE id = 4", &["Dijkstra|ED"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_column_changes_its_type_in_every_edition() {
    story("CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 1); INSERT INTO t VALUES (1, 5)")
        .draft("v2", "ALTER TABLE t ALTER n TYPE bigint")
        .draft("v3", "ALTER TABLE t ALTER n TYPE text")
        .transform("t", "", "n = n::bigint")
        .draft("v4", "ALTER TABLE t RENAME n TO label; ALTER TABLE t ALTER label SET DEFAULT '4'")
        .run("v1", "INSERT INTO t VALUES (2, 6)")
        .run("v2", "INSERT INTO t VALUES (3, 7)")
        .run("v3", "INSERT INTO t VALUES (4, '08')")
        .run("v4", "INSERT INTO t VALUES (5, '9'), (6, DEFAULT)")
        .run("v2", "INSERT INTO t VALUES (7)")
        .see("v1", "SELECT n FROM t ORDER BY id", &["5", "6", "7", "8", "9", "4", "1"])
        .see("v2", "SELECT n FROM t ORDER BY id", &["5", "6", "7", "8", "9", "4", "1"])
        .see("v3", "SELECT n FROM t ORDER BY id", &["5", "6", "7", "08", "9", "4", "1"])
        .see("v4", "SELECT label FROM t ORDER BY id", &["5", "6", "7", "08", "9", "4", "1"])
        .fail("v4", "UPDATE t SET label = 'x'", "22P02")
        .run("v2", "UPDATE t SET n = n + 1 WHERE id = 4")
        .see("v4", "SELECT label FROM t WHERE id = 4", &["9"])
        .tell()
        .await;
}

#[tokio::test]
async fn names_go_round() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int); INSERT INTO t VALUES (1, 1, 2, 3)")
        .draft("v2", "ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b; ALTER TABLE t RENAME x TO c")
        .draft("v3", "ALTER TABLE t RENAME TO u; ALTER TABLE u DROP a; ALTER TABLE u ADD a text DEFAULT 'new'")
        .draft("v4", "ALTER TABLE u RENAME TO t; ALTER TABLE t RENAME b TO y; ALTER TABLE t RENAME c TO b; ALTER TABLE t RENAME y TO c")
        .see("v1", "SELECT a, b, c FROM t", &["1|2|3"])
        .see("v2", "SELECT a, b, c FROM t", &["2|3|1"])
        .see("v3", "SELECT a, b, c FROM u", &["new|3|1"])
        .see("v4", "SELECT a, b, c FROM t", &["new|1|3"])
        .run("v4", "UPDATE t SET b = 10, a = 'z'")
        .run("v2", "UPDATE t SET b = 30")
        .see("v1", "SELECT a, b, c FROM t", &["10|2|30"])
        .see("v3", "SELECT a, b, c FROM public.u", &["z|30|10"])
        .fail("v3", "SELECT * FROM t", "42P01")
        .at_rest("SELECT a, b, c FROM t", &["z|10|30"])
        .tell()
        .await;
}

#[tokio::test]
async fn what_one_edition_adds_the_next_one_changes_or_drops() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)")
        .draft("v2", "ALTER TABLE t ADD b int NOT NULL DEFAULT 5, ADD c text DEFAULT 'c', ADD d int")
        .transform("t", "d = a * 10", "")
        .allow("older-write-may-fail")
        .draft("v3", "ALTER TABLE t ALTER b TYPE bigint; ALTER TABLE t DROP c; ALTER TABLE t RENAME d TO dd; ALTER TABLE t ALTER dd SET NOT NULL")
        .transform("t", "dd = coalesce(d, 0)", "d = nullif(dd, 0)")
        .run("v1", "INSERT INTO t VALUES (2, 2)")
        .run("v2", "INSERT INTO t VALUES (3, 3, 6, 'x', NULL)")
        .run("v3", "INSERT INTO t (id, a, b, dd) VALUES (4, 4, 7, 8)")
        .see("v1", "SELECT * FROM t ORDER BY id", &["1|1", "2|2", "3|3", "4|4"])
        .see("v2", "SELECT * FROM t ORDER BY id", &["1|1|5|c|10", "2|2|5|c|20", "3|3|6|x|∅", "4|4|7|c|8"])
        .see("v3", "SELECT id, a, b, dd FROM t ORDER BY id", &["1|1|5|10", "2|2|5|20", "3|3|6|0", "4|4|7|8"])
        .run("v1", "UPDATE t SET a = 9 WHERE id = 1")
        .see("v3", "SELECT dd FROM t WHERE id = 1", &["90"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_table_of_one_edition_is_changed_by_the_next() {
    story("CREATE TABLE old (id int PRIMARY KEY); INSERT INTO old VALUES (1)")
        .draft("v2", "CREATE TABLE t (id serial PRIMARY KEY, a int UNIQUE, o int REFERENCES old ON DELETE CASCADE); CREATE INDEX t_o ON t (o); GRANT ALL ON t TO app; GRANT USAGE ON t_id_seq TO app")
        .draft("v3", "ALTER TABLE t RENAME a TO b; ALTER TABLE t ADD c text; CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE); GRANT ALL ON u TO app")
        .transform("t", "c = 'c' || a", "")
        .draft("v4", "ALTER TABLE t RENAME TO tt; ALTER TABLE u RENAME TO t; DROP TABLE old CASCADE")
        .run("v2", "INSERT INTO t (a, o) VALUES (7, 1)")
        .see("v3", "SELECT id, b, o, c FROM t", &["1|7|1|c7"])
        .run("v3", "INSERT INTO t (b, c) VALUES (8, 'x')")
        .run("v3", "INSERT INTO u VALUES (1, 2)")
        .see("v4", "SELECT id, b, c FROM tt ORDER BY id", &["1|7|c7", "2|8|x"])
        .see("v4", "SELECT * FROM t", &["1|2"])
        .see("v4", "SELECT * FROM public.t", &["1|2"])
        .run("v4", "INSERT INTO tt (b) VALUES (9)")
        .see("v2", "SELECT id, a FROM t ORDER BY id", &["1|7", "2|8", "3|9"])
        .fail("v1", "SELECT * FROM t", "42P01")
        .fail("v4", "SELECT * FROM old", "42P01")
        .fail("v2", "INSERT INTO t (a) VALUES (9)", "23505")
        .at_rest("SELECT count(*) FROM public.tt", &["3"])
        .tell()
        .await;
}

#[tokio::test]
async fn types_and_functions_of_one_edition_serve_the_next() {
    story("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'one')")
        .draft("v2", "CREATE TYPE size AS ENUM ('one', 'two'); CREATE FUNCTION up(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)'; ALTER TABLE t ADD s size; CREATE VIEW w AS SELECT up(a) AS u FROM t; GRANT SELECT ON w TO app")
        .transform("t", "s = a::size", "")
        .allow("older-write-may-fail")
        .draft("v3", "ALTER TABLE t ADD r size DEFAULT 'two'; ALTER TABLE t ADD x text")
        .transform("t", "x = up(a)", "")
        .allow("older-write-may-fail")
        .see("v3", "SELECT a, s, r, x FROM t", &["one|one|two|ONE"])
        .see("v3", "SELECT up('x'), (SELECT u FROM w)", &["X|ONE"])
        .see("v2", "SELECT * FROM public.w", &["ONE"])
        .run("v1", "INSERT INTO t VALUES (2, 'two')")
        .see("v3", "SELECT s, r, x FROM t WHERE id = 2", &["two|two|TWO"])
        .fail("v1", "SELECT up('x')", "42883")
        .tell()
        .await;
}

/// What v2 renames gets its name when v1 is gone: what v3 makes of the same name must not stand there.
#[tokio::test]
async fn names_that_an_edition_has_given_stay_free_for_it() {
    story(
        "CREATE TABLE owners (id int PRIMARY KEY); INSERT INTO owners VALUES (1);
        CREATE TABLE products (id int PRIMARY KEY, sku varchar(40) CONSTRAINT one_sku UNIQUE, price int CONSTRAINT dear CHECK (price > 0),
            owner int CONSTRAINT owned REFERENCES owners);
        CREATE INDEX by_price ON products (price); INSERT INTO products VALUES (1, 'a', 5, 1)",
    )
    .draft(
        "v2",
        "ALTER TABLE products RENAME CONSTRAINT one_sku TO \"Only \"\"sku\"\"\"; ALTER TABLE products RENAME CONSTRAINT dear TO positive;
        ALTER TABLE products RENAME CONSTRAINT owned TO belongs; ALTER INDEX by_price RENAME TO priced; ALTER TABLE owners RENAME TO people",
    )
    .draft(
        "v3",
        "ALTER TABLE products ALTER sku TYPE varchar(40) COLLATE \"C\", ALTER price TYPE bigint",
    )
    .run("v3", "INSERT INTO products (id, sku, price, owner) VALUES (2, 'b', 6, 1)")
    .fail("v1", "INSERT INTO products VALUES (3, 'b', 6, 1)", "23505")
    .fail("v2", "INSERT INTO products VALUES (3, 'c', 0, 1)", "23514")
    .at_rest("SELECT sku FROM products ORDER BY id", &["a", "b"])
    .tell()
    .await;
}
