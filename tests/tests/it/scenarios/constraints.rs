//! Checks, keys, foreign keys and indexes, with and without a transform of their columns.

use super::story;

#[tokio::test]
async fn a_check_binds_both_editions_by_an_explicit_word() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)")
        .draft("v2", "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)")
        .allow("tightens-older-edition")
        .fail("v1", "UPDATE t SET a = 0", "23514")
        .fail("v2", "UPDATE t SET a = 0", "23514")
        .run("v1", "UPDATE t SET a = 2")
        .tell()
        .await;
}

#[tokio::test]
async fn a_check_with_a_transform_binds_the_child_alone() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, -5), (3, NULL)")
        .draft("v2", "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)")
        .transform("t", "a = abs(a)", "")
        .allow("older-write-may-fail")
        .see("v2", "SELECT a FROM t ORDER BY id", &["1", "5", "∅"])
        .run("v1", "UPDATE t SET a = -7 WHERE id = 1")
        .see("v1", "SELECT a FROM t ORDER BY id", &["-7", "-5", "∅"])
        .see("v2", "SELECT a FROM t ORDER BY id", &["7", "5", "∅"])
        .fail("v2", "UPDATE t SET a = -1", "23514")
        .run("v2", "UPDATE t SET a = 9 WHERE id = 2")
        .see("v1", "SELECT a FROM t ORDER BY id", &["-7", "9", "∅"])
        .at_rest("SELECT a FROM t ORDER BY id", &["7", "9", "∅"])
        .tell()
        .await;
}

#[tokio::test]
async fn dropped_constraints_hold_until_the_parent_is_gone() {
    story(
        "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);
         CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT positive CHECK (a > 0), b int CONSTRAINT one UNIQUE, c int CONSTRAINT points REFERENCES p);
         CREATE INDEX t_a ON t (a); INSERT INTO t VALUES (1, 1, 1, 1)",
    )
    .draft("v2", "ALTER TABLE t DROP CONSTRAINT positive, DROP CONSTRAINT one, DROP CONSTRAINT points; DROP INDEX t_a")
    .fail("v2", "INSERT INTO t VALUES (2, 0, 2, 1)", "23514")
    .fail("v2", "INSERT INTO t VALUES (2, 1, 1, 1)", "23505")
    .fail("v1", "INSERT INTO t VALUES (2, 1, 2, 7)", "23503")
    .at_rest("INSERT INTO t VALUES (3, 0, 1, 7) RETURNING a", &["0"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_unique_constraint_binds_both_editions_by_an_explicit_word() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y')")
        .draft("v2", "ALTER TABLE t ADD CONSTRAINT t_a_one UNIQUE (a); ALTER TABLE t ADD UNIQUE (b, a) DEFERRABLE; CREATE UNIQUE INDEX t_b ON t (lower(b)) WHERE a > 0")
        .allow("tightens-older-edition")
        .fail("v1", "UPDATE t SET a = 1", "23505")
        .fail("v2", "INSERT INTO t VALUES (3, 3, 'X')", "23505")
        .run("v2", "INSERT INTO t VALUES (7, 1, 'z') ON CONFLICT (a) DO NOTHING")
        .tell()
        .await;
}

#[tokio::test]
async fn a_unique_constraint_with_a_transform_binds_the_child_alone() {
    story("CREATE TABLE t (id int PRIMARY KEY, email text NOT NULL); INSERT INTO t VALUES (1, 'a@x'), (2, 'A@x')")
        .draft("v2", "ALTER TABLE t ADD CONSTRAINT one_email UNIQUE (email)")
        .transform("t", "email = email || '#' || id", "email = split_part(email, '#', 1)")
        .allow("older-write-may-fail")
        .see("v2", "SELECT email FROM t ORDER BY id", &["a@x#1", "A@x#2"])
        .run("v1", "UPDATE t SET email = 'same'")
        .see("v1", "SELECT email FROM t", &["same", "same"])
        .fail("v2", "UPDATE t SET email = 'other'", "23505")
        .run("v2", "UPDATE t SET email = 'other' WHERE id = 1")
        .see("v1", "SELECT email FROM t ORDER BY id", &["other", "same"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_foreign_key_is_added_with_and_without_a_transform() {
    story(
        "CREATE TABLE teams (id int PRIMARY KEY, name text); INSERT INTO teams VALUES (1, 'red'), (2, 'blue');
         CREATE TABLE t (id int PRIMARY KEY, team int, boss int, colour text); INSERT INTO t VALUES (1, 1, NULL, 'blue'), (2, NULL, 1, 'red')",
    )
    .draft(
        "v2",
        "ALTER TABLE t ADD CONSTRAINT of_team FOREIGN KEY (team) REFERENCES teams; ALTER TABLE t ADD FOREIGN KEY (boss) REFERENCES t ON DELETE SET NULL;
         ALTER TABLE t ADD side int REFERENCES teams ON UPDATE CASCADE; ALTER TABLE t DROP colour",
    )
    .transform("t", "side = CASE colour WHEN 'red' THEN 1 WHEN 'blue' THEN 2 END", "colour = CASE side WHEN 1 THEN 'red' WHEN 2 THEN 'blue' END")
    .allow("tightens-older-edition")
    .allow("older-write-may-fail")
    .see("v2", "SELECT side FROM t ORDER BY id", &["2", "1"])
    .fail("v1", "UPDATE t SET team = 9", "23503")
    .fail("v2", "UPDATE t SET side = 9", "23503")
    .run("v2", "UPDATE t SET side = 2 WHERE id = 2")
    .see("v1", "SELECT colour FROM t ORDER BY id", &["blue", "blue"])
    .run("v2", "UPDATE teams SET id = 20 WHERE id = 2")
    .see("v2", "SELECT side FROM t ORDER BY id", &["20", "20"])
    .run("v2", "DELETE FROM t WHERE id = 1")
    .see("v1", "SELECT boss FROM t", &["∅"])
    .run("v2", "UPDATE teams SET id = 2 WHERE id = 20")
    .tell()
    .await;
}

#[tokio::test]
async fn indexes_come_and_go() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int[]); CREATE INDEX gone ON t (a); CREATE INDEX stays ON t (b);
         INSERT INTO t VALUES (1, 1, 'x', '{1}')",
    )
    .draft(
        "v2",
        "DROP INDEX gone; CREATE INDEX ON t (a DESC NULLS LAST, id) INCLUDE (b); CREATE INDEX lowered ON t (lower(b) text_pattern_ops) WHERE a IS NOT NULL;
         CREATE INDEX in_array ON t USING gin (c); ALTER TABLE t ADD d int; CREATE INDEX ON t (d); ALTER TABLE t RENAME a TO aa; ALTER INDEX stays RENAME TO stayed",
    )
    .run("v1", "INSERT INTO t VALUES (2, 2, 'y', '{2}')")
    .run("v2", "INSERT INTO t (id, aa, d) VALUES (3, 3, 3)")
    .see("v2", "SELECT id, aa FROM t WHERE lower(b) = 'y' OR d = 3 ORDER BY id", &["2|2", "3|3"])
    .tell()
    .await;
}

#[tokio::test]
async fn constraints_over_renamed_retyped_and_swapped_columns_keep_their_meaning() {
    story(
        "CREATE TABLE t (id int, a int, b int, n int CHECK (n < 100), CONSTRAINT pk PRIMARY KEY (id), CONSTRAINT order_of CHECK (a < b), CONSTRAINT both_one UNIQUE (a, b));
         CREATE INDEX by_b ON t (b, (a + n)); INSERT INTO t VALUES (1, 1, 2, 3)",
    )
    .draft(
        "v2",
        "ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b; ALTER TABLE t ALTER n TYPE bigint;
         ALTER TABLE t RENAME CONSTRAINT order_of TO reversed; ALTER TABLE t RENAME CONSTRAINT pk TO pkey",
    )
    .fail("v1", "UPDATE t SET a = 3", "23514")
    .fail("v2", "UPDATE t SET b = 3", "23514")
    .run("v2", "UPDATE t SET a = 5")
    .see("v1", "SELECT a, b, n FROM t", &["1|5|3"])
    .fail("v1", "UPDATE t SET n = 100", "23514")
    .fail("v2", "UPDATE t SET n = 100", "23514")
    .tell()
    .await;
}

#[tokio::test]
async fn the_type_of_columns_with_keys_and_indexes_changes() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, code int NOT NULL CONSTRAINT code_one UNIQUE, size int DEFAULT 1 CHECK (size > 0)); CREATE INDEX by_size ON t (size);
         INSERT INTO t VALUES (1, 10, 1), (2, 20, 2)",
    )
    .draft("v2", "ALTER TABLE t ALTER code TYPE text, ALTER size TYPE numeric(6,2)")
    .transform("t", "", "code = code::int, size = ceil(size)")
    .allow("older-write-may-fail")
    .run("v2", "INSERT INTO t VALUES (3, '30', 0.5)")
    .see("v1", "SELECT * FROM t ORDER BY id", &["1|10|1", "2|20|2", "3|30|1"])
    .fail("v2", "INSERT INTO t VALUES (4, '10', 1)", "23505")
    .fail("v1", "INSERT INTO t VALUES (4, 30, 1)", "23505")
    .fail("v2", "UPDATE t SET size = -1", "23514")
    .run("v1", "UPDATE t SET size = size, code = 31 WHERE id = 3")
    .see("v2", "SELECT * FROM t ORDER BY id", &["1|10|1.00", "2|20|2.00", "3|31|0.50"])
    .tell()
    .await;
}

#[tokio::test]
async fn what_is_added_beside_an_equal_one_stands_beside_it() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT positive CHECK (a > 0), CONSTRAINT one UNIQUE (a));
         CREATE INDEX sorted ON t (id, a); INSERT INTO t VALUES (1, 1)",
    )
    .draft(
        "v2",
        "ALTER TABLE t ADD CONSTRAINT above_nothing CHECK (a > 0); ALTER TABLE t ADD CONSTRAINT only_one UNIQUE (a); CREATE INDEX ordered ON t (id, a)",
    )
    .allow("tightens-older-edition")
    .fail("v1", "INSERT INTO t VALUES (2, 0)", "23514")
    .fail("v2", "INSERT INTO t VALUES (2, 1)", "23505")
    .tell()
    .await;
}

/// Each edition writes to both of two columns, so what it puts off is put off for both.
#[tokio::test]
async fn constraints_are_put_off_for_what_is_stored_twice() {
    story(
        "CREATE TABLE ranks (id int PRIMARY KEY, place int CONSTRAINT once UNIQUE DEFERRABLE, mark int CONSTRAINT unmarked UNIQUE DEFERRABLE);
         CREATE TABLE houses (id int PRIMARY KEY);
         CREATE TABLE people (id int PRIMARY KEY, house int CONSTRAINT lives REFERENCES houses DEFERRABLE);
         INSERT INTO ranks VALUES (1, 1, 1), (2, 2, 2); INSERT INTO houses VALUES (1)",
    )
    .draft(
        "v2",
        "ALTER TABLE ranks ALTER place TYPE bigint, ALTER mark TYPE bigint; ALTER TABLE ranks RENAME CONSTRAINT unmarked TO unlabelled;
         ALTER TABLE houses ALTER id TYPE bigint",
    )
    .draft("v3", "ALTER TABLE ranks ALTER place TYPE numeric; ALTER TABLE people ALTER house TYPE bigint")
    .allow("lossy-cast")
    .fail("v1", "UPDATE ranks SET place = 2 WHERE id = 1", "23505")
    .run("v1", "BEGIN; SET CONSTRAINTS once DEFERRED; UPDATE ranks SET place = 2 WHERE id = 1; UPDATE ranks SET place = 1 WHERE id = 2; COMMIT")
    .run("v2", "BEGIN; SET CONSTRAINTS public.once DEFERRED; UPDATE ranks SET place = 1 WHERE id = 1; UPDATE ranks SET place = 2 WHERE id = 2; COMMIT")
    .run("v3", "BEGIN; SET CONSTRAINTS once DEFERRED; UPDATE ranks SET place = 2 WHERE id = 1; UPDATE ranks SET place = 1 WHERE id = 2; COMMIT")
    .see("v1", "SELECT place FROM ranks ORDER BY id", &["2", "1"])
    // Under another name; the others are still checked at once.
    .run("v1", "BEGIN; SET CONSTRAINTS unmarked DEFERRED; UPDATE ranks SET mark = 2 WHERE id = 1; UPDATE ranks SET mark = 1 WHERE id = 2; COMMIT")
    .run("v2", "BEGIN; SET CONSTRAINTS once, unlabelled DEFERRED; UPDATE ranks SET mark = 1 WHERE id = 1; UPDATE ranks SET mark = 2 WHERE id = 2; COMMIT")
    .fail("v2", "SET CONSTRAINTS unmarked DEFERRED", "42704")
    .fail("v1", "BEGIN; SET CONSTRAINTS unmarked DEFERRED; UPDATE ranks SET place = 1 WHERE id = 1", "23505")
    .run("v1", "ROLLBACK")
    .fail("v3", "BEGIN; SET CONSTRAINTS once DEFERRED; UPDATE ranks SET place = 1 WHERE id = 1; SET CONSTRAINTS once IMMEDIATE", "23505")
    .run("v3", "ROLLBACK")
    // A foreign key whose target is stored twice, first alone, then with what refers to it.
    .run("v1", "BEGIN; SET CONSTRAINTS lives DEFERRED; INSERT INTO people VALUES (1, 2); INSERT INTO houses VALUES (2); COMMIT")
    .run("v2", "BEGIN; SET CONSTRAINTS lives DEFERRED; INSERT INTO people VALUES (2, 3); INSERT INTO houses VALUES (3); COMMIT")
    .run("v3", "BEGIN; SET CONSTRAINTS public.lives DEFERRED; INSERT INTO people VALUES (3, 4); INSERT INTO houses VALUES (4); COMMIT")
    .fail("v3", "BEGIN; SET CONSTRAINTS lives DEFERRED; INSERT INTO people VALUES (4, 9); COMMIT", "23503")
    .tell()
    .await;
}

/// What the plan asks a word for is what happens: the older edition's write fails, and so does the newer one's where the way back is narrower.
#[tokio::test]
async fn what_a_narrower_column_does_not_take_fails_older_writes_only_with_a_word() {
    let base = "CREATE DOMAIN mail AS text; CREATE TABLE t (id int PRIMARY KEY, v text, b bigint, n numeric(10,2), c text, nn text, u text);
         INSERT INTO t VALUES (1, 'abc', 1, 1.5, 'ok', 'x', 'Abc')";
    story(base)
        .draft(
            "v2",
            "ALTER TABLE t ALTER v TYPE varchar(5), ALTER b TYPE int, ALTER n TYPE numeric(6,2);
             ALTER TABLE t ADD c2 text CHECK (c2 <> 'bad'), ADD n2 text NOT NULL, ADD u2 text UNIQUE;
             SELECT edition.forward('t', 'c2 = c'); SELECT edition.forward('t', 'n2 = nn'); SELECT edition.forward('t', 'u2 = lower(u)')",
        )
        .allow("older-write-may-fail")
        .fail("v1", "UPDATE t SET v = 'abcdef'", "22001")
        .fail("v1", "UPDATE t SET b = 5000000000", "22003")
        .fail("v1", "UPDATE t SET n = 1234567.89", "22003")
        .fail("v1", "UPDATE t SET c = 'bad'", "23514")
        .fail("v1", "UPDATE t SET nn = NULL", "23502")
        .fail("v1", "INSERT INTO t (id, nn, u) VALUES (2, 'x', 'ABC')", "23505")
        .run("v1", "INSERT INTO t (id, v, nn) VALUES (3, 'abcde', '')")
        .tell()
        .await;
}

/// The advice is true: with it, nothing has to be allowed, and no write fails.
#[tokio::test]
async fn what_is_made_to_fit_needs_no_word_and_fails_nobody() {
    story("CREATE TABLE t (id int PRIMARY KEY, v text, b bigint, x text, nn text, cents int NOT NULL); INSERT INTO t VALUES (1, 'abc', 1, '12', 'x', 5)")
        .draft(
            "v2",
            "ALTER TABLE t ALTER v TYPE varchar(5), ALTER b TYPE int, ALTER x TYPE int USING x::int; ALTER TABLE t ADD n2 text NOT NULL, ADD euros numeric(12,2);
             SELECT edition.forward('t', 'v = left(v, 5), b = least(greatest(b, -2147483648), 2147483647), n2 = coalesce(nn, ''''), euros = cents / 100.0');
             SELECT edition.forward('t', 'x = x::int', 'null')",
        )
        .run("v1", "UPDATE t SET v = 'abcdef', b = 5000000000, x = 'none', nn = NULL, cents = 2147483647")
        .see("v2", "SELECT v, b, x, n2, euros FROM t", &["abcde|2147483647|∅||21474836.47"])
        .tell()
        .await;
}

#[tokio::test]
async fn what_only_widens_needs_no_word() {
    story("CREATE TABLE t (id int PRIMARY KEY, i int CHECK (i > 0), v varchar(5) UNIQUE CHECK (v <> ''), n numeric(6,2), s smallint NOT NULL);
         INSERT INTO t VALUES (1, 1, 'abc', 1.5, 1)")
        .draft(
            "v2",
            "ALTER TABLE t ALTER id TYPE bigint, ALTER i TYPE bigint, ALTER v TYPE text, ALTER n TYPE numeric(10,2), ALTER s TYPE text",
        )
        .run("v1", "INSERT INTO t VALUES (2, 2, 'abcde', 9999.99, 32767)")
        .see("v2", "SELECT id, i, v, n, s FROM t WHERE id = 2", &["2|2|abcde|9999.99|32767"])
        .fail("v2", "UPDATE t SET i = 5000000000", "22003")
        .tell()
        .await;
}

/// What enforces a key of the draft's own beside the older primary key is an index, which nothing puts off.
#[tokio::test]
async fn a_deferrable_primary_key_that_is_retyped_needs_a_word() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY DEFERRABLE, name text); INSERT INTO t VALUES (1, 'a'), (2, 'b')",
    )
    .draft("v2", "ALTER TABLE t ALTER id TYPE bigint")
    .allow("tightens-older-edition")
    .run("v2", "INSERT INTO t (id, name) VALUES (3, 'c')")
    .at_rest("UPDATE t SET id = 3 - id WHERE id < 3 RETURNING id", &["2", "1"])
    .tell()
    .await;
}
