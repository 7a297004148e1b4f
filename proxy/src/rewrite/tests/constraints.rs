//! Statements that name constraints outside of queries.

use super::*;

const CALL: &str = "CALL edition.set_constraints(pg_catalog.current_schemas(true), ";

#[test]
fn which_constraints_are_set_is_looked_up_in_the_server() {
    let call = |arguments: &str| format!("{CALL}{arguments})");
    let cases = [
        (
            "SET CONSTRAINTS users_age_key DEFERRED",
            call("ARRAY[NULL]::pg_catalog.text[], ARRAY['users_age_key']::pg_catalog.text[], true"),
        ),
        (
            "set constraints public.a, \"It's\" , /* b */ U&\"\\0062\" immediate",
            call(
                "ARRAY['public', NULL, NULL]::pg_catalog.text[], ARRAY['a', 'It''s', 'b']::pg_catalog.text[], false",
            ),
        ),
        (
            "BEGIN; SET CONSTRAINTS a DEFERRED; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS b.c IMMEDIATE;",
            format!(
                "BEGIN; {CALL}ARRAY[NULL]::pg_catalog.text[], ARRAY['a']::pg_catalog.text[], true); SET CONSTRAINTS ALL IMMEDIATE; \
                 {CALL}ARRAY['b']::pg_catalog.text[], ARRAY['c']::pg_catalog.text[], false);"
            ),
        ),
        ("SET CONSTRAINTS ALL DEFERRED", "=".to_owned()),
        ("SET CONSTRAINTS app.public.a DEFERRED", "=".to_owned()),
        ("SELECT constraints FROM users", "=".to_owned()),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(sql, expected)| (*sql, expected.as_str())).collect();
    check(&cases);
    // An edition without names of its own can have constraint triggers of its own.
    let plain = judged(&rewriter(PLAIN), "SET CONSTRAINTS a DEFERRED", &SessionTraits::default());
    assert!(plain.starts_with(CALL), "{plain}");
}

#[test]
fn at_rest_constraints_are_what_they_are_called() {
    let mut snapshot = sample::snapshot().unwrap();
    snapshot.editions.truncate(1);
    let rewriter = Rewriter::new(Arc::new(snapshot), PLAIN);
    for sql in ["SET CONSTRAINTS a DEFERRED", "SET CONSTRAINTS a DEFERRED; DROP TABLE pg_temp.t"] {
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), "=", "{sql}");
    }
    let mut kept = SessionTraits::default();
    let (verdict, may_change) =
        rewriter.judge_to_keep(b"SET CONSTRAINTS a DEFERRED", true, &VerdictCache::default(), &mut kept);
    assert_eq!((verdict, may_change), (Verdict::Forward, true));
}
