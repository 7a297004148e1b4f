//! What temporary objects are made of.

use super::*;

#[test]
fn temporary_tables_are_made_of_the_editions_types_and_tables() {
    check(&[
        (
            "CREATE TEMP TABLE x (LIKE public.audit, m public.mood[] DEFAULT 'ok'::public.mood)",
            r#"CREATE TEMP TABLE x (LIKE "public$v2".audit, m "public$v2".mood[] DEFAULT 'ok'::"public$v2".mood)"#,
        ),
        (
            "CREATE TABLE pg_temp.x (a int CHECK (public.total_of(a) > 0) DEFAULT nextval('public.audit_id_seq'), CHECK (a < public.total_of(1)))",
            r#"CREATE TABLE pg_temp.x (a int CHECK ("public$v2".total_of(a) > 0) DEFAULT nextval('"public$v2"."audit_id_seq"'), CHECK (a < "public$v2".total_of(1)))"#,
        ),
        (
            "CREATE TEMP TABLE x (a int); ALTER TABLE x ADD b public.mood, ALTER a TYPE public.mood USING NULL",
            r#"CREATE TEMP TABLE x (a int); ALTER TABLE x ADD b "public$v2".mood, ALTER a TYPE "public$v2".mood USING NULL"#,
        ),
        (
            "CREATE TYPE pg_temp.pair AS (a public.mood, b int)",
            r#"CREATE TYPE pg_temp.pair AS (a "public$v2".mood, b int)"#,
        ),
        (
            "CREATE DOMAIN pg_temp.good AS public.mood CHECK (VALUE <> 'bad'::public.mood)",
            r#"CREATE DOMAIN pg_temp.good AS "public$v2".mood CHECK (VALUE <> 'bad'::"public$v2".mood)"#,
        ),
        (
            "CREATE TEMP TABLE x (LIKE public.legacy)",
            "! 42P01 at 27: relation \"public.legacy\" does not exist",
        ),
        ("CREATE TEMP TABLE x (a text DEFAULT pg_get_expr(NULL, 0))", "="),
        // what lasts
        ("CREATE TABLE other.x (LIKE public.plain, m public.mood)", "="),
    ]);
}

#[test]
fn a_table_like_a_view_has_what_the_editions_table_has() {
    check(&[
        (
            "CREATE TEMP TABLE x (LIKE public.users INCLUDING DEFAULTS)",
            r#"CALL edition.create_table_like('pg_temp."x"', ARRAY[$edition$CREATE TEMP TABLE x ($edition$, '"public$v2"."users"', '8', $edition$)$edition$])"#,
        ),
        (
            "SELECT 1; CREATE LOCAL TEMPORARY TABLE IF NOT EXISTS \"a'b\" (m public.mood, LIKE users, like public . users including all excluding indexes, LIKE other.y) ON COMMIT DROP; SELECT 2",
            r#"SELECT 1; CALL edition.create_table_like('pg_temp."a''b"', ARRAY[$edition$CREATE LOCAL TEMPORARY TABLE IF NOT EXISTS "a'b" (m "public$v2".mood, $edition$, '"users"', '0', $edition$, $edition$, '"public$v2"."users"', '2147483583', $edition$, LIKE other.y) ON COMMIT DROP$edition$]); SELECT 2"#,
        ),
        // no end within the quote
        ("CREATE TEMP TABLE x (LIKE users, a text DEFAULT '$edition$')", "="),
        ("CREATE TEMP TABLE x (LIKE users) TABLESPACE x$edition", "="),
        ("CREATE TEMP TABLE users (a int); CREATE TEMP TABLE x (LIKE users)", "="),
        ("CREATE TABLE other.x (LIKE users)", "="),
    ]);
}

#[test]
fn signatures_of_temporary_functions_name_the_editions_types() {
    check(&[
        (
            "CREATE FUNCTION pg_temp.f(a public.mood, VARIADIC b public.users[] DEFAULT NULL::public.users[]) RETURNS SETOF public.mood LANGUAGE sql AS 'SELECT $1::public.mood'",
            r#"CREATE FUNCTION pg_temp.f(a "public$v2".mood, VARIADIC b "public$v2".users[] DEFAULT NULL::"public$v2".users[]) RETURNS SETOF "public$v2".mood LANGUAGE sql AS 'SELECT $1::public.mood'"#,
        ),
        (
            "CREATE OR REPLACE FUNCTION pg_temp.g(a public.users.id%TYPE, OUT b int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            r#"CREATE OR REPLACE FUNCTION pg_temp.g(a "public$v2".users.id%TYPE, OUT b int) RETURNS int LANGUAGE sql AS 'SELECT 1'"#,
        ),
        (
            "CREATE PROCEDURE pg_temp.p(public.mood) LANGUAGE sql AS ''",
            r#"CREATE PROCEDURE pg_temp.p("public$v2".mood) LANGUAGE sql AS ''"#,
        ),
        (
            "DROP FUNCTION pg_temp.f(public.mood, public.users[]), pg_temp.h",
            r#"DROP FUNCTION pg_temp.f("public$v2".mood, "public$v2".users[]), pg_temp.h"#,
        ),
        (
            "ALTER FUNCTION pg_temp.f(public.mood) STRICT",
            r#"ALTER FUNCTION pg_temp.f("public$v2".mood) STRICT"#,
        ),
        ("CREATE FUNCTION other.f(public.mood) RETURNS int LANGUAGE sql AS 'SELECT 1'", "="),
    ]);
}

#[test]
fn a_string_can_name_an_array_or_a_row_type() {
    check(&[
        ("SELECT 'public.mood[]'::regtype", r#"SELECT '"public$v2"."mood"[]'::regtype"#),
        (
            "SELECT to_regtype(' public . mood [3][]'), regtype 'public.users', 'setof public.mood'::regtype",
            r#"SELECT to_regtype(' "public$v2"."mood" [3][]'), regtype '"public$v2"."users"', 'setof "public$v2"."mood"'::regtype"#,
        ),
        (
            "SELECT 'mood[]'::regtype, 'public.other[]'::regtype, 'public.'::regtype, 'a.b.c'::regtype, ''::regtype",
            "=",
        ),
        ("SELECT 'public.mood, 1'::text, 'public.mood[]'::regclass", "="),
    ]);
}
