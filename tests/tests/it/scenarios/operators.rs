//! Operators: found by their sign along the search path, so each edition has its own where they differ.

use super::story;

const BASE: &str = "
    CREATE FUNCTION near(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs(a - b) < 2';
    CREATE FUNCTION far(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs(a - b) >= 2';
    CREATE OPERATOR ~~~ (FUNCTION = near, LEFTARG = int, RIGHTARG = int, COMMUTATOR = ~~~, NEGATOR = !~~~, RESTRICT = eqsel, JOIN = eqjoinsel);
    CREATE OPERATOR !~~~ (FUNCTION = far, LEFTARG = int, RIGHTARG = int, COMMUTATOR = !~~~, NEGATOR = ~~~);
    CREATE OPERATOR ## (FUNCTION = int4um, RIGHTARG = int); COMMENT ON OPERATOR ## (NONE, int) IS 'minus';
    CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 10), (2, 11), (3, 20);
    CREATE VIEW about_ten AS SELECT id FROM t WHERE a ~~~ 10; GRANT SELECT ON t, about_ten TO app;";

#[tokio::test]
async fn an_operator_follows_its_function_and_what_uses_it_follows_the_operator() {
    story(BASE)
        .draft("v2", "CREATE OR REPLACE FUNCTION near(a int, b int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs(a - b) < 20'")
        .see("v1", "SELECT 1 ~~~ 5, 1 OPERATOR(public.~~~) 5, 1 !~~~ 5", &["f|f|t"])
        .see("v2", "SELECT 1 ~~~ 5, 1 OPERATOR(public.~~~) 5, 1 !~~~ 5", &["t|t|t"])
        .see("v1", "SELECT id FROM about_ten ORDER BY id", &["1", "2"])
        .see("v2", "SELECT id FROM about_ten ORDER BY id", &["1", "2", "3"])
        .see("v2", "SELECT 30 OPERATOR(public.~~~) ANY (SELECT a FROM t)", &["t"])
        .at_rest("SELECT 1 ~~~ 5, 1 OPERATOR(public.~~~) 5", &["t|t"])
        .tell()
        .await;
}

#[tokio::test]
async fn operators_are_made_dropped_and_made_anew() {
    story(BASE)
        .draft(
            "v2",
            "DROP OPERATOR ## (NONE, int); CREATE OPERATOR ## (FUNCTION = int4abs, RIGHTARG = int); COMMENT ON OPERATOR ## (NONE, int) IS 'absolute';
             CREATE OPERATOR <+> (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int, COMMUTATOR = <+>);
             CREATE OPERATOR <+> (FUNCTION = textcat, LEFTARG = text, RIGHTARG = text);
             CREATE TABLE n (id int PRIMARY KEY, a int DEFAULT (1 <+> 2), CHECK (a <+> id > 0)); CREATE INDEX ON n ((## a)); GRANT ALL ON n TO app",
        )
        .draft("v3", "DROP VIEW about_ten; DROP OPERATOR ~~~ (int, int); DROP OPERATOR !~~~ (int, int)")
        .see("v1", "SELECT ## 5, OPERATOR(public.##) 5", &["-5|-5"])
        .see("v2", "SELECT ## (-5), OPERATOR(public.##) (-5), 1 <+> 2, 'a'::text OPERATOR(public.<+>) 'b'", &["5|5|3|ab"])
        .see("v3", "SELECT ## (-5), 1 OPERATOR(public.<+>) 2", &["5|3"])
        .run("v2", "INSERT INTO n (id) VALUES (1)")
        .fail("v3", "INSERT INTO n VALUES (1, -9)", "23514")
        .fail("v1", "SELECT 1 <+> 2", "42883")
        .see("v1", "SELECT 1 ~~~ 2, 1 !~~~ 2", &["t|f"])
        .see("v2", "SELECT 1 ~~~ 2, 1 !~~~ 2", &["t|f"])
        .at_rest("SELECT a, ## (-a), a OPERATOR(public.<+>) 1 FROM n", &["3|3|4"])
        .tell()
        .await;
}

/// PostgreSQL keeps the place of an operator that was promised when the one that promised it is gone.
#[tokio::test]
async fn an_operator_takes_a_place_that_was_left_over() {
    story(
        "CREATE OPERATOR <+> (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int, COMMUTATOR = @#@); DROP OPERATOR <+> (int, int);
         CREATE TABLE t (id int PRIMARY KEY)",
    )
    .draft("v2", "CREATE OPERATOR @#@ (FUNCTION = int4mul, LEFTARG = int, RIGHTARG = int)")
    .see("v2", "SELECT 2 OPERATOR(public.@#@) 3", &["6"])
    .at_rest("SELECT 2 OPERATOR(public.@#@) 3", &["6"])
    .tell()
    .await;
}
