//! Names that only the server knows.

use super::*;

/// With what a database reflects while its editions differ.
fn reflecting() -> Rewriter {
    let mut snapshot = sample::snapshot().unwrap();
    let names = ["regclass", "to_regclass", "has_table_privilege", "pg_get_serial_sequence"];
    snapshot.reflected.functions.extend(names.map(str::to_owned));
    Rewriter::new(Arc::new(snapshot), VIEWED)
}

#[track_caller]
fn check_reflecting(cases: &[(&str, &str)]) {
    let rewriter = reflecting();
    for (sql, expected) in cases {
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), *expected, "{sql}");
    }
}

#[test]
fn a_cast_of_what_is_computed_is_a_call() {
    check_reflecting(&[
        ("SELECT $1::regclass", "SELECT edition_catalog.regclass($1)"),
        (
            "SELECT $1 :: pg_catalog . regclass::oid, ($2)::text::varchar(9)::regclass",
            "SELECT CASE WHEN true THEN edition_catalog.regclass($1 ) END::oid, edition_catalog.regclass(($2)::text::varchar(9))",
        ),
        (
            "SELECT CAST($1 AS regclass), cast(($1 || 'x') as pg_catalog.regclass)",
            "SELECT edition_catalog.regclass($1 ), edition_catalog.regclass(($1 || 'x') )",
        ),
        (
            "SELECT 1 FROM t WHERE a = -1 AND oid = ('\"' || s || '\".\"' || (n) || '\"')::regclass::oid",
            "SELECT 1 FROM t WHERE a = -1 AND oid = edition_catalog.regclass(('\"' || s || '\".\"' || (n) || '\"'))::oid",
        ),
        (
            "SELECT 1 FROM t WHERE oid = format('%I.%I', a, (b))::regclass OR oid = (format(a, b))::regclass",
            "SELECT 1 FROM t WHERE oid = edition_catalog.regclass(format('%I.%I', a, (b))) OR oid = edition_catalog.regclass((format(a, b)))",
        ),
        (
            "SELECT CASE WHEN a THEN b ELSE c END::regclass FROM public.users",
            r#"SELECT edition_catalog.regclass(CASE WHEN a THEN b ELSE c END) FROM "public$v2".users"#,
        ),
        (
            "SELECT x FROM t WHERE x = public.total_of($1::regclass)::regclass",
            r#"SELECT x FROM t WHERE x = edition_catalog.regclass("public$v2".total_of(edition_catalog.regclass($1)))"#,
        ),
        (
            "UPDATE t SET a = $1::regclass, b = f(1)::regclass RETURNING $1::regclass",
            "UPDATE t SET a = edition_catalog.regclass($1), b = edition_catalog.regclass(f(1)) RETURNING edition_catalog.regclass($1)",
        ),
        ("SELECT (a).b::regclass, $1::regclass[], a.oid::regclass, 17::regclass, ARRAY[$1]::regclass[]", "="),
        (
            "SELECT cast($1 AS regclass)::text, (($1)::regclass)::text AS t",
            "SELECT CASE WHEN true THEN edition_catalog.regclass($1 ) END::text, (edition_catalog.regclass(($1)))::text AS t",
        ),
        // what is cast names the column
        ("SELECT f(1)::regclass, f(2)::regclass::text", "="),
        ("SELECT f(1)::regclass AS f", "SELECT edition_catalog.regclass(f(1)) AS f"),
        ("EXPLAIN SELECT $1::regclass", "="),
        ("CREATE TEMP VIEW v AS SELECT f(1)::regclass AS f", "="),
        ("SELECT 'public.users'::regclass", r#"SELECT '"public$v2"."users"'::regclass"#),
        // so that an error points at the constant
        ("SELECT regclass('public.users')", r#"SELECT regclass('"public$v2"."users"')"#),
        (
            "SELECT pg_catalog.regclass('none'), regclass($1)",
            "SELECT pg_catalog.regclass('none'), edition_catalog.regclass($1)",
        ),
    ]);
}

#[test]
fn functions_that_take_names_are_told_the_editions() {
    check_reflecting(&[
        (
            "SELECT to_regclass($1), has_table_privilege($1, 'SELECT'), pg_get_serial_sequence($1, $2)",
            "SELECT edition_catalog.to_regclass($1), edition_catalog.has_table_privilege($1, 'SELECT'), edition_catalog.pg_get_serial_sequence($1, $2)",
        ),
        (
            "SELECT pg_get_serial_sequence('users', 'id'), to_regclass('public.users')",
            r#"SELECT edition_catalog.pg_get_serial_sequence('users', 'id'), edition_catalog.to_regclass('"public$v2"."users"')"#,
        ),
        (
            "EXPLAIN SELECT pg_get_serial_sequence('users', 'id')",
            r#"EXPLAIN SELECT pg_get_serial_sequence('"public"."users"', 'id')"#,
        ),
    ]);
}

#[test]
fn operands_without_end_are_left_alone() {
    let rewriter = reflecting();
    let nested = |times: usize| format!("SELECT {}$1{}", "(".repeat(times), " || 1)::regclass".repeat(times));
    for sql in [
        format!("SELECT $1{}::regclass", "::text".repeat(20_000)),
        nested(50),
        format!("SELECT ($1{})::regclass", " || 1".repeat(20_000)),
        format!("SELECT 1 WHERE {}", "f(1)::regclass = 1 AND ".repeat(10_000) + "true"),
    ] {
        let _ = judged(&rewriter, &sql, &SessionTraits::default());
    }
}
