//! What becomes of texts in an edition that has something of everything.

use std::collections::HashMap;

use catalog::{model::EditionState, snapshot::Relation};
use proptest::prelude::*;

use super::{
    sample::{PLAIN, VIEWED},
    *,
};

fn rewriter(edition: EditionId) -> Rewriter {
    Rewriter::new(Arc::new(sample::snapshot().unwrap()), edition)
}

fn shown(verdict: Verdict) -> String {
    match verdict {
        Verdict::Forward => "=".to_owned(),
        Verdict::ForwardAndRestore => "= and restore".to_owned(),
        Verdict::Rewrite(text) => text,
        Verdict::Refuse(refusal) => {
            let position = refusal.position.map(|at| format!(" at {at}")).unwrap_or_default();
            format!("! {}{position}: {}", refusal.sqlstate, refusal.message)
        }
        Verdict::Own(statement) => format!("{statement:?}"),
    }
}

/// Judges twice, without and with the cache, and wants the same.
fn judged(rewriter: &Rewriter, sql: &str, session: &SessionTraits) -> String {
    let cache = VerdictCache::default();
    let first = shown(rewriter.judge(sql.as_bytes(), &cache, &mut session.clone()));
    let second = shown(rewriter.judge(sql.as_bytes(), &cache, &mut session.clone()));
    assert_eq!(first, second, "the cache changes the verdict of {sql}");
    first
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let rewriter = rewriter(VIEWED);
    for (sql, expected) in cases {
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), *expected, "{sql}");
    }
}

#[test]
fn qualified_relations_get_the_schema_of_the_edition() {
    check(&[
        ("SELECT * FROM public.users", r#"SELECT * FROM "public$v2".users"#),
        ("select 1 from PUBLIC . \"users\" u", r#"select 1 from "public$v2" . "users" u"#),
        ("SELECT 1 FROM app.public.users", r#"SELECT 1 FROM app."public$v2".users"#),
        ("SELECT 1 FROM ONLY public.users", r#"SELECT 1 FROM ONLY "public$v2".users"#),
        ("TABLE public.audit", r#"TABLE "public$v2".audit"#),
        (r#"SELECT 1 FROM public."Odd ""Table""""#, r#"SELECT 1 FROM "public$v2"."Odd ""Table""""#),
        (r#"SELECT 1 FROM U&"publ\0069c".users"#, r#"SELECT 1 FROM "public$v2".users"#),
        (r#"SELECT 1 FROM U&"publ!0069c" UESCAPE '!' . users"#, r#"SELECT 1 FROM "public$v2" . users"#),
        (
            "SELECT 1 FROM public /* here */ . /**/ users -- public.users",
            r#"SELECT 1 FROM "public$v2" /* here */ . /**/ users -- public.users"#,
        ),
        ("INSERT INTO public.users (id) VALUES (1)", r#"INSERT INTO "public$v2".users (id) VALUES (1)"#),
        ("UPDATE public.users SET id = 1", r#"UPDATE "public$v2".users SET id = 1"#),
        (
            "DELETE FROM public.users USING public.orders",
            r#"DELETE FROM "public$v2".users USING "public$v2".orders"#,
        ),
        (
            "MERGE INTO public.users u USING public.orders o ON true WHEN MATCHED THEN DELETE",
            r#"MERGE INTO "public$v2".users u USING "public$v2".orders o ON true WHEN MATCHED THEN DELETE"#,
        ),
        (
            "WITH a AS (SELECT * FROM public.users), b AS (DELETE FROM public.orders RETURNING *) SELECT (SELECT 1 FROM public.audit) FROM a, b",
            r#"WITH a AS (SELECT * FROM "public$v2".users), b AS (DELETE FROM "public$v2".orders RETURNING *) SELECT (SELECT 1 FROM "public$v2".audit) FROM a, b"#,
        ),
        (
            "SELECT 1 FROM public.users UNION SELECT 2 FROM public.orders",
            r#"SELECT 1 FROM "public$v2".users UNION SELECT 2 FROM "public$v2".orders"#,
        ),
        (
            "PREPARE p AS SELECT 1 FROM public.users WHERE id = $1",
            r#"PREPARE p AS SELECT 1 FROM "public$v2".users WHERE id = $1"#,
        ),
        (
            "EXPLAIN (ANALYZE) SELECT 1 FROM public.users",
            r#"EXPLAIN (ANALYZE) SELECT 1 FROM "public$v2".users"#,
        ),
        (
            "DECLARE c CURSOR FOR SELECT 1 FROM public.users",
            r#"DECLARE c CURSOR FOR SELECT 1 FROM "public$v2".users"#,
        ),
        (
            "CREATE TEMP TABLE t AS SELECT 1 FROM public.users",
            r#"CREATE TEMP TABLE t AS SELECT 1 FROM "public$v2".users"#,
        ),
        (
            "CREATE TEMP VIEW t AS SELECT 1 FROM public.users",
            r#"CREATE TEMP VIEW t AS SELECT 1 FROM "public$v2".users"#,
        ),
        ("BEGIN; SELECT 1 FROM public.users; é; COMMIT", "="),
        (
            "BEGIN; SELECT 'é', 1 FROM public.users; SELECT 2 FROM public.orders; COMMIT",
            r#"BEGIN; SELECT 'é', 1 FROM "public$v2".users; SELECT 2 FROM "public$v2".orders; COMMIT"#,
        ),
    ]);
}

#[test]
fn qualified_columns_functions_and_types_follow() {
    check(&[
        (
            "SELECT public.users.id, public.users.* FROM public.users WHERE public.users.id = 1",
            r#"SELECT "public$v2".users.id, "public$v2".users.* FROM "public$v2".users WHERE "public$v2".users.id = 1"#,
        ),
        ("SELECT public.total_of(1), public.other(2)", r#"SELECT "public$v2".total_of(1), public.other(2)"#),
        ("CALL public.total_of(1)", r#"CALL "public$v2".total_of(1)"#),
        ("SELECT * FROM public.total_of(1) t", r#"SELECT * FROM "public$v2".total_of(1) t"#),
        (
            "SELECT 'x'::public.mood, CAST(y AS public.mood[])",
            r#"SELECT 'x'::"public$v2".mood, CAST(y AS "public$v2".mood[])"#,
        ),
        ("SELECT public.mood 'happy'", r#"SELECT "public$v2".mood 'happy'"#),
        ("SELECT NULL::public.users", r#"SELECT NULL::"public$v2".users"#),
        (
            "UPDATE public.users SET (id, \"Age\") = (SELECT public.total_of(1), 2) RETURNING public.users.id",
            r#"UPDATE "public$v2".users SET (id, "Age") = (SELECT "public$v2".total_of(1), 2) RETURNING "public$v2".users.id"#,
        ),
        (
            "SELECT extract(year from public.total_of(1)) , 1::int, x AT TIME ZONE 'public.x'",
            r#"SELECT extract(year from "public$v2".total_of(1)) , 1::int, x AT TIME ZONE 'public.x'"#,
        ),
    ]);
}

#[test]
fn what_only_looks_like_a_name_is_left_alone() {
    check(&[
        ("SELECT 'public.users', \"public.users\", $$public.users$$ -- public.users", "="),
        ("SELECT public.id FROM other public", "="),
        ("SELECT public.users FROM other public", "="),
        ("SELECT 1 FROM public.plain", "="),
        ("SELECT 1 FROM users", "="),
        ("SELECT 1 FROM other.users", "="),
        ("SELECT 1 FROM \"Public\".users", "="),
        ("SELECT legacy FROM users", "="),
        ("SELECT legacy.id FROM users legacy", "="),
        ("SELECT legacy() FROM users FOR UPDATE OF legacy", "="),
        ("WITH legacy AS (SELECT 1) SELECT * FROM legacy", "="),
        ("WITH RECURSIVE a AS (SELECT * FROM legacy), legacy AS (SELECT 1) SELECT * FROM a", "="),
        ("WITH legacy AS (SELECT 1) SELECT (SELECT 1 FROM legacy WHERE EXISTS (SELECT FROM legacy))", "="),
        ("SELECT 1 FROM other.legacy", "="),
        ("SELECT 'legacy'", "="),
        ("SELECT 1 AS copy, truncate FROM t", "="),
        ("SELECT this is not SQL FROM public.users WHERE", "="),
        ("SELECT 'public.users", "="),
    ]);
}

#[test]
fn tombstones_do_not_exist() {
    check(&[
        ("SELECT * FROM legacy", "! 42P01 at 15: relation \"legacy\" does not exist"),
        ("SELECT 'é' FROM  public.legacy", "! 42P01 at 18: relation \"public.legacy\" does not exist"),
        ("INSERT INTO Legacy VALUES (1)", "! 42P01 at 13: relation \"legacy\" does not exist"),
        ("SELECT 1; DELETE FROM legacy", "! 42P01 at 23: relation \"legacy\" does not exist"),
        // a name that is visible elsewhere only
        (
            "WITH a AS (SELECT * FROM legacy), legacy AS (SELECT 1) SELECT 1",
            "! 42P01 at 26: relation \"legacy\" does not exist",
        ),
        (
            "SELECT (WITH legacy AS (SELECT 1) SELECT 1 FROM legacy) FROM legacy",
            "! 42P01 at 62: relation \"legacy\" does not exist",
        ),
        ("WITH legacy AS (SELECT 1) DELETE FROM legacy", "! 42P01 at 39: relation \"legacy\" does not exist"),
        ("TRUNCATE users, legacy", "! 42P01: relation \"legacy\" does not exist"),
        ("COPY legacy TO STDOUT", "! 42P01: relation \"legacy\" does not exist"),
        ("SELECT 'legacy'::regclass", "! 42P01 at 8: relation \"legacy\" does not exist"),
    ]);
}

#[test]
fn names_in_strings_where_the_grammar_says_so() {
    check(&[
        ("SELECT nextval('public.audit_id_seq')", r#"SELECT nextval('"public$v2"."audit_id_seq"')"#),
        ("SELECT setval('public.audit_id_seq', 5)", r#"SELECT setval('"public$v2"."audit_id_seq"', 5)"#),
        (
            "SELECT nextval('public.audit_id_seq'::regclass)",
            r#"SELECT nextval('"public$v2"."audit_id_seq"'::regclass)"#,
        ),
        (
            "SELECT nextval('public.audit_id_seq'::text)",
            r#"SELECT nextval('"public$v2"."audit_id_seq"'::text)"#,
        ),
        ("SELECT regclass 'Public.users'", r#"SELECT regclass '"public$v2"."users"'"#),
        ("SELECT 'public.mood'::regtype", r#"SELECT '"public$v2"."mood"'::regtype"#),
        ("SELECT to_regclass('public.legacy')", "SELECT to_regclass(NULL)"),
        ("SELECT nextval('public.other_seq'), lower('public.users')", "="),
        ("SELECT nextval('public.aud'\n'it_id_seq')", "="),
        ("SELECT nextval($1) FROM public.users", r#"SELECT nextval($1) FROM "public$v2".users"#),
    ]);
}

#[test]
fn the_search_path_keeps_the_edition_before_its_schemas() {
    check(&[
        ("SET search_path = public", r#"SET search_path = "public$v2", public"#),
        (
            "SET LOCAL search_path TO \"$user\", PUBLIC, other",
            r#"SET LOCAL search_path TO "$user", "public$v2", PUBLIC, other"#,
        ),
        ("SET SESSION Search_Path TO 'public'", r#"SET SESSION Search_Path TO "public$v2", 'public'"#),
        ("SET search_path TO 'Public', other", "="),
        ("SET search_path = \"public$v2\", public", "="),
        ("SET search_path TO DEFAULT; RESET search_path", "="),
        ("SET SCHEMA 'public'", r#"SET search_path = "public$v2", 'public'"#),
        (
            "SELECT set_config('search_path', 'public, other', false)",
            r#"SELECT set_config('search_path', '"public$v2", public, other', false)"#,
        ),
        (
            "SELECT pg_catalog.set_config('search_path', '\"a,b\",Public', true)",
            r#"SELECT pg_catalog.set_config('search_path', '"a,b", "public$v2", Public', true)"#,
        ),
        ("SELECT pg_catalog.set_config('search_path', '', false)", "="),
        ("SELECT set_config('search_path', $1, false)", "="),
        ("SET edition.id = 3", "! 55P02: parameter \"edition.id\" cannot be changed by a session"),
        (
            "SELECT set_config('edition.id', '3', false)",
            "! 55P02: parameter \"edition.id\" cannot be changed by a session",
        ),
    ]);
}

#[test]
fn copy_goes_out_of_the_view_and_into_the_table() {
    check(&[
        ("COPY users TO STDOUT", r#"COPY (SELECT * FROM "users") TO STDOUT"#),
        ("COPY public.users TO STDOUT", r#"COPY (SELECT * FROM "public$v2"."users") TO STDOUT"#),
        (
            "COPY users (id, full_name) TO STDOUT WITH (FORMAT csv, HEADER)",
            r#"COPY (SELECT "id", "full_name" FROM "users") TO STDOUT WITH (FORMAT csv, HEADER)"#,
        ),
        ("COPY \"Odd \"\"Table\"\"\" TO STDOUT", r#"COPY (SELECT * FROM "Odd ""Table""") TO STDOUT"#),
        ("COPY BINARY users TO STDOUT", r#"COPY BINARY "public"."users" ("id", "name", "Age") TO STDOUT"#),
        ("COPY users FROM STDIN", r#"COPY "public"."users" ("id", "name", "Age") FROM STDIN"#),
        (
            "COPY public.users(full_name) FROM STDIN BINARY",
            r#"COPY "public"."users" ("name") FROM STDIN BINARY"#,
        ),
        (
            "COPY users (id, full_name) FROM STDIN WITH (FORMAT csv, FORCE_NULL (full_name), FORCE_NOT_NULL (id, full_name))",
            r#"COPY "public"."users" ("id", "name") FROM STDIN WITH (FORMAT csv, FORCE_NULL ("name"), FORCE_NOT_NULL ("id", "name"))"#,
        ),
        (
            "COPY users FROM STDIN CSV FORCE NOT NULL id, full_name FORCE NULL full_name",
            r#"COPY "public"."users" ("id", "name", "Age") FROM STDIN CSV FORCE NOT NULL "id", "name" FORCE NULL "name""#,
        ),
        (
            "COPY users FROM STDIN WHERE full_name > 'a' AND users.id < public.total_of(\"Age\")",
            r#"COPY "public"."users" ("id", "name", "Age") FROM STDIN WHERE "name" > 'a' AND "users"."id" < "public$v2".total_of("Age")"#,
        ),
        ("COPY users (id, nope) FROM STDIN", "! 42703: column \"nope\" of relation \"users\" does not exist"),
        (
            "COPY users FROM STDIN (FORMAT csv, HEADER match)",
            "! 0A000: COPY … HEADER MATCH is not supported on a table whose columns have other names in other editions",
        ),
        (
            "COPY orders FROM STDIN (FORMAT csv, HEADER match)",
            r#"COPY "public"."orders" ("id", "total") FROM STDIN (FORMAT csv, HEADER match)"#,
        ),
        ("COPY plain FROM STDIN", "="),
        ("COPY public.audit FROM STDIN", r#"COPY "public$v2".audit FROM STDIN"#),
        (
            "COPY (SELECT 1 FROM public.users) TO STDOUT",
            r#"COPY (SELECT 1 FROM "public$v2".users) TO STDOUT"#,
        ),
    ]);
}

#[test]
fn truncate_empties_the_physical_table() {
    check(&[
        ("TRUNCATE users", r#"TRUNCATE "public"."users""#),
        (
            "TRUNCATE TABLE ONLY public.users, plain, \"Odd \"\"Table\"\"\" *, public.audit RESTART IDENTITY CASCADE",
            r#"TRUNCATE TABLE ONLY "public"."users", plain, "public"."odd" *, "public$v2".audit RESTART IDENTITY CASCADE"#,
        ),
    ]);
}

#[test]
fn statements_of_our_own() {
    check(&[
        ("SHOW EDITION", "ShowEdition"),
        ("show editions ;", "ShowEditions"),
        ("/* x */ ALTER SESSION SET EDITION v2", "SetEdition(\"v2\")"),
        ("ALTER SESSION SET EDITION = \"V 2\"", "SetEdition(\"V 2\")"),
        ("SET edition = 'v''2'", "SetEdition(\"v'2\")"),
        ("SET SESSION edition TO V2", "SetEdition(\"v2\")"),
        ("SHOW EDITION; SELECT 1", "="),
        ("SELECT edition FROM books", "="),
    ]);
    for (id, sql) in [(PLAIN, "SHOW EDITION"), (PLAIN, "SET edition TO v2")] {
        let verdict = judged(&rewriter(id), sql, &SessionTraits::default());
        assert_ne!(verdict, "=", "{sql}");
    }
}

const FROZEN: &str = "its schema is frozen";

#[test]
fn ddl_on_what_is_editioned_is_refused() {
    let refused = [
        "CREATE TABLE t (a int)",
        "CREATE TABLE IF NOT EXISTS public.t (a int)",
        "CREATE TABLE \"public$v2\".t (a int)",
        "CREATE UNLOGGED TABLE t AS SELECT 1",
        "SELECT 1 INTO t",
        "SELECT 1 INTO t UNION SELECT 2",
        "EXPLAIN CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE FOREIGN TABLE IF NOT EXISTS public.t (a int) SERVER s",
        "CREATE FOREIGN TABLE t (a int) SERVER s",
        "IMPORT FOREIGN SCHEMA far FROM SERVER s INTO public",
        "CREATE MATERIALIZED VIEW public.v AS SELECT 1",
        "CREATE SEQUENCE s",
        "CREATE TYPE t AS ENUM ('a')",
        "CREATE TYPE public.t AS (a int)",
        "CREATE DOMAIN d AS int",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE PROCEDURE public.f() LANGUAGE sql AS 'SELECT 1'",
        "CREATE AGGREGATE a (int) (SFUNC = f, STYPE = int)",
        "CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE RULE r AS ON INSERT TO users DO NOTHING",
        "CREATE POLICY p ON users",
        "ALTER TABLE users ADD COLUMN a int",
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "ALTER TABLE public.users RENAME TO people",
        "ALTER TABLE users RENAME COLUMN id TO a",
        "ALTER TABLE users SET SCHEMA other",
        "ALTER TYPE mood ADD VALUE 'x'",
        "ALTER SEQUENCE s OWNED BY users.id",
        "ALTER FUNCTION f() RENAME TO g",
        "ALTER SCHEMA public RENAME TO x",
        "DROP TABLE users",
        "DROP TABLE IF EXISTS other.x, public.users CASCADE",
        "DROP VIEW v",
        "DROP SCHEMA public CASCADE",
        "DROP FUNCTION f(int)",
        "DROP TYPE public.mood",
        "DROP TRIGGER t ON users",
        "BEGIN; DROP TABLE users; COMMIT",
    ];
    for id in [PLAIN, VIEWED] {
        let rewriter = rewriter(id);
        for sql in refused {
            let verdict = judged(&rewriter, sql, &SessionTraits::default());
            assert!(verdict.starts_with("! 0A000") && verdict.contains(FROZEN), "{sql}: {verdict}");
        }
    }
}

#[test]
fn ddl_that_leaves_the_schema_alone_is_not() {
    let allowed = [
        "CREATE TEMP TABLE t (a int)",
        "CREATE TEMPORARY VIEW v AS SELECT 1",
        "SELECT 1 INTO TEMP t",
        "CREATE TABLE other.t (a int)",
        "CREATE FOREIGN TABLE other.t (a int) SERVER s",
        "IMPORT FOREIGN SCHEMA public FROM SERVER s INTO other",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP TABLE pg_temp.t, other.t",
        "CREATE INDEX CONCURRENTLY i ON t (a)",
        "DROP INDEX i",
        "ALTER INDEX i RENAME TO j",
        "ALTER TABLE t ALTER COLUMN a SET STATISTICS 100, SET (fillfactor = 70)",
        "ALTER SEQUENCE s RESTART WITH 5",
        "VACUUM t",
        "ANALYZE",
        "REINDEX TABLE t",
        "CLUSTER t",
        "GRANT SELECT ON t TO PUBLIC",
        "COMMENT ON TABLE t IS 'drop table users'",
        "CREATE SCHEMA s",
        "CREATE ROLE r",
        "ALTER SYSTEM SET work_mem = '1MB'",
        "CREATE STATISTICS s ON a, b FROM t",
        "INSERT INTO t (created_at, \"create\") VALUES (1, 'DROP TABLE users')",
    ];
    for id in [PLAIN, VIEWED] {
        let rewriter = rewriter(id);
        for sql in allowed {
            assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), "=", "{sql}");
        }
    }
}

#[test]
fn temporary_tables_hide_what_is_called_the_same() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::default();
    let mut judge = |sql: &str| shown(rewriter.judge(sql.as_bytes(), &cache, &mut session));
    assert!(judge("SELECT 1 FROM legacy").starts_with("! 42P01"));
    assert!(judge("DROP TABLE scratch").contains(FROZEN));
    assert_eq!(judge("CREATE TEMP TABLE legacy (a int); CREATE TEMP TABLE scratch AS SELECT 1"), "=");
    assert_eq!(judge("SELECT 1 FROM legacy"), "=");
    assert_eq!(judge("COPY legacy FROM STDIN"), "=");
    assert_eq!(judge("ALTER TABLE scratch ADD b int; DROP TABLE scratch"), "=");
    assert!(judge("SELECT 1 FROM public.legacy").starts_with("! 42P01"));
    assert!(judge("DROP TABLE public.scratch").contains(FROZEN));
}

#[test]
fn what_a_bare_name_means_is_not_guessed_once_the_path_is_another() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    for elsewhere in [
        "SET LOCAL search_path = tenant, public",
        "SELECT set_config('search_path', $1, true)",
        "SET SCHEMA 'other'",
    ] {
        let mut session = SessionTraits::default();
        let mut judge = |sql: &str| shown(rewriter.judge(sql.as_bytes(), &cache, &mut session));
        assert_eq!(judge("SET search_path = \"public$v2\", public"), "=");
        assert_eq!(judge("TRUNCATE users"), r#"TRUNCATE "public"."users""#);
        judge(elsewhere);
        assert_eq!(
            judge("SET search_path = public; DISCARD ALL; TRUNCATE users"),
            r#"SET search_path = "public$v2", public; DISCARD ALL; TRUNCATE users"#
        );
        for sql in ["TRUNCATE users", "COPY users FROM STDIN", "SELECT 1 FROM legacy"] {
            assert_eq!(judge(sql), "=", "after {elsewhere}");
        }
        // a rollback may have brought the other path back
        judge("SET search_path = public");
        assert_eq!(judge("TRUNCATE users"), "=");
        assert_eq!(judge("DISCARD ALL"), "=");
        assert_eq!(judge("TRUNCATE users"), r#"TRUNCATE "public"."users""#);
    }
    let mut tenant = SessionTraits::starting_with(["$user", "tenant", "public"]);
    assert_eq!(rewriter.judge(b"TRUNCATE users", &cache, &mut tenant), Verdict::Forward);
}

#[test]
fn resetting_concerns_sessions_that_switched_only() {
    let texts =
        ["RESET ALL", "DISCARD ALL", "RESET search_path", "SET search_path TO DEFAULT", "RESET edition.id"];
    for id in [PLAIN, VIEWED] {
        let rewriter = rewriter(id);
        for sql in texts {
            assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), "=", "{sql}");
            let switched = SessionTraits { switched: true, ..SessionTraits::default() };
            assert_eq!(judged(&rewriter, sql, &switched), "= and restore", "{sql}");
            assert_eq!(judged(&rewriter, "RESET work_mem", &switched), "=");
        }
    }
}

#[test]
fn at_rest_ordinary_statements_are_not_even_cut() {
    let rewriter = rewriter(PLAIN);
    let scanner = rewriter.scanner.as_ref().unwrap();
    for sql in [
        "SELECT created_at, dropped, altered, editions_count FROM public.users WHERE id = $1",
        "INSERT INTO users (id) SELECT 1 ON CONFLICT DO NOTHING",
        "INSERT\n INTO users DEFAULT VALUES",
        "UPDATE public.users SET name = 'x' WHERE id = 1",
        "DELETE FROM users",
        "BEGIN",
        "COMMIT",
        "SET work_mem TO DEFAULT",
        "COPY users FROM STDIN",
        "TRUNCATE users",
        "RESET ALL",
    ] {
        assert!(!scanner.hits(sql.as_bytes(), false), "{sql}");
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), "=", "{sql}");
    }
}

#[test]
fn with_views_unqualified_statements_are_not_even_cut() {
    let rewriter = rewriter(VIEWED);
    let scanner = rewriter.scanner.as_ref().unwrap();
    for sql in [
        "SELECT id, full_name FROM users JOIN orders USING (id) WHERE id = $1",
        "INSERT INTO users (id) VALUES (1)",
        "SELECT 'public' AS \"public\", public FROM t",
        "SELECT legacy_id, copy_of, truncated FROM users",
    ] {
        assert!(!scanner.hits(sql.as_bytes(), false), "{sql}");
    }
}

#[test]
fn a_draft_is_left_alone() {
    let mut snapshot = sample::snapshot().unwrap();
    let mut draft = sample::edition(EditionId::new(3), &["public$v3"], sample::names().unwrap()).unwrap();
    draft.state = EditionState::Draft;
    snapshot.editions.push(draft);
    let rewriter = Rewriter::new(Arc::new(snapshot), EditionId::new(3));
    for sql in ["DROP TABLE users", "SELECT * FROM public.legacy", "SET search_path = public"] {
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), "=", "{sql}");
    }
    assert_eq!(judged(&rewriter, "SHOW EDITION", &SessionTraits::default()), "ShowEdition");
}

#[test]
fn strings_with_backslashes_are_cut_as_the_session_means_them() {
    let rewriter = rewriter(VIEWED);
    let sql = r"SELECT '\' FROM public.users --'";
    assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), r#"SELECT '\' FROM "public$v2".users --'"#);
    let escapes = SessionTraits { standard_strings: false, ..SessionTraits::default() };
    assert_eq!(judged(&rewriter, sql, &escapes), "=");
}

#[test]
fn what_is_not_utf8_or_too_long_is_forwarded() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut long = b"SELECT 1 FROM public.users -- ".to_vec();
    assert!(matches!(rewriter.judge(&long, &cache, &mut SessionTraits::default()), Verdict::Rewrite(_)));
    long.resize(TEXT_BYTES_MAX + 1, b'x');
    assert_eq!(rewriter.judge(&long, &cache, &mut SessionTraits::default()), Verdict::Forward);
    assert_eq!(
        rewriter.judge(b"SELECT '\xff' FROM public.users", &cache, &mut SessionTraits::default()),
        Verdict::Forward
    );
}

/// The cache as a look-up that parses nothing: poisoned, it answers with the poison.
#[test]
fn texts_that_differ_in_literals_share_an_entry() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::default();
    rewriter.judge(b"SELECT 1 FROM public.users WHERE name = 'a' AND age > 1.5", &cache, &mut session);
    assert_eq!(cache.len(), 1);
    let other = rewriter.judge("select 2".as_bytes(), &cache, &mut session);
    assert_eq!((other, cache.len()), (Verdict::Forward, 1));
    let same = rewriter.judge(
        "SELECT 22 /* c */ FROM public.users\tWHERE name = $$it's é$$ AND age > 1e9".as_bytes(),
        &cache,
        &mut session,
    );
    assert_eq!(
        shown(same),
        r#"SELECT 22 /* c */ FROM "public$v2".users	WHERE name = $$it's é$$ AND age > 1e9"#
    );
    assert_eq!(cache.len(), 1);
    rewriter.judge(b"SELECT 1 FROM public.users WHERE name = 'a' AND age > $1", &cache, &mut session);
    assert_eq!(cache.len(), 2);
}

/// Each within the stack of a runtime's thread, and in time that grows with the text alone.
#[test]
fn hostile_texts_are_judged_soon() {
    let repeated = |head: &str, part: &str, tail: &str| {
        format!("{head}{}{tail}", part.repeat(TEXT_BYTES_MAX / 8 / part.len()))
    };
    let numbered = |head: &str, part: &str, tail: &str| {
        let parts: Vec<String> = (0..20_000).map(|at| part.replace('#', &at.to_string())).collect();
        format!("{head}{}{tail}", parts.join(", "))
    };
    let texts = [
        repeated("SELECT public.total_of(1)", "(", ""),
        repeated("SELECT 1 FROM legacy WHERE ", "(", "1"),
        repeated("SELECT 1 FROM public.users WHERE 1", " + 1", ""),
        repeated("SELECT 1 FROM public.users WHERE x", "::int", ""),
        repeated("SELECT 1 FROM public.users WHERE true", " AND NOT x", ""),
        repeated("SELECT 1 FROM public.users", " UNION SELECT 1", ""),
        repeated("SELECT 1 FROM public.users", " , legacy_", ""),
        repeated("SELECT 1 FROM ", "public.users,", "legacy"),
        repeated("SET search_path = public", ", public", ""),
        repeated("SELECT set_config('search_path', 'public", ", public", "', true)"),
        repeated("/*", "/*", ""),
        repeated("SELECT 'public.users' ", "$a$ ", ""),
        repeated("SHOW EDITION", ";", ""),
        repeated("", "public ", ""),
        repeated("", "create into public.", ""),
        numbered("WITH ", "a# AS (SELECT 1)", " SELECT 1 FROM legacy"),
        numbered("WITH legacy AS (SELECT 1) SELECT 1 FROM ", "legacy l#", ""),
        numbered("CREATE TEMP TABLE a (a int); DROP TABLE ", "a", ""),
    ];
    let judge = move || {
        let rewriter = rewriter(VIEWED);
        let begun = std::time::Instant::now();
        for sql in texts {
            rewriter.judge(sql.as_bytes(), &VerdictCache::default(), &mut SessionTraits::default());
        }
        begun.elapsed()
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(judge).unwrap();
    let elapsed = thread.join().unwrap();
    // a square of 20,000 would be minutes even on an idle machine
    assert!(elapsed < std::time::Duration::from_secs(60), "{elapsed:?}");
}

/// Any name that PostgreSQL takes, quoted as it must be.
fn any_name() -> impl Strategy<Value = Name> {
    "\\PC{1,20}|[a-z\"'. $]{1,20}|[a-z]{63}".prop_filter_map("not a name", |text| Name::new(text).ok())
}

fn identifiers() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z_]{1,8}",
        "\"[ a-z.'A-Z]{1,8}\"",
        Just("public".to_owned()),
        Just("users".to_owned()),
        Just("legacy".to_owned())
    ]
}

/// Statements of many shapes in which `public.users`, `legacy` and so on come as anything but a relation that is meant.
fn harmless() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        Just("'public.users'".to_owned()),
        Just("$x$ FROM legacy $x$".to_owned()),
        Just("E'\\' public.users'".to_owned()),
        "'[a-z .;-]{0,12}'",
    ];
    (identifiers(), identifiers(), string, "/\\*[a-z .]{0,9}\\*/", any::<bool>()).prop_map(|(alias, column, string, comment, cte)| {
        let select = format!("SELECT {alias}.{column}, {string} AS {column} {comment}\nFROM other.t AS {alias} -- public.users\nWHERE {column} = {string}");
        if cte { format!("WITH legacy AS ({select}) SELECT * FROM legacy, LATERAL (SELECT 1 FROM legacy) {alias}") } else { select }
    })
}

fn any_case(word: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<bool>(), word.len()).prop_map(move |upper| {
        word.chars().zip(upper).map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c }).collect()
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", " ", "\n\t", "/* . */", "--\n"])
}

proptest! {
    #[test]
    fn without_a_name_that_applies_the_text_is_forwarded(sql in harmless()) {
        prop_assert_eq!(judged(&rewriter(VIEWED), &sql, &SessionTraits::default()), "=", "{}", sql);
    }

    #[test]
    fn any_way_of_writing_a_qualified_name_is_found(
        schema in any_case("public"), quoted in any::<bool>(), a in space(), b in space(), table in any_case("users"), string in "[a-z' ]{0,9}",
    ) {
        let schema = if quoted { "\"public\"".to_owned() } else { schema };
        let string = string.replace('\'', "''");
        let sql = format!("SELECT '{string}', id FROM {schema}{a}.{b}{table} WHERE x = '{string}'");
        let expected = format!("SELECT '{string}', id FROM \"public$v2\"{a}.{b}{table} WHERE x = '{string}'");
        prop_assert_eq!(judged(&rewriter(VIEWED), &sql, &SessionTraits::default()), expected);
    }

    #[test]
    fn names_of_any_script_are_found(schema in any_name(), own in any_name(), moved in any_name(), gone in any_name()) {
        prop_assume!(moved != gone && own != schema && schema.as_str() != "pg_temp");
        let mut snapshot = sample::snapshot().unwrap();
        snapshot.schemas = vec![schema.clone()];
        let edition = snapshot.editions.last_mut().unwrap();
        edition.path = vec![(schema.clone(), vec![own.clone()])];
        edition.names.relations = HashMap::from([
            ((schema.clone(), moved.clone()), Relation::Moved { schema: own.clone() }),
            ((schema.clone(), gone.clone()), Relation::Tombstone),
        ]);
        let rewriter = Rewriter::new(Arc::new(snapshot), VIEWED);
        let session = SessionTraits::starting_with([schema.as_str()]);
        let sql = format!("SELECT 1 FROM {}.{}", schema.quoted(), moved.quoted());
        let expected = format!("SELECT 1 FROM {}.{}", own.quoted(), moved.quoted());
        prop_assert_eq!(judged(&rewriter, &sql, &session), expected);
        let sql = format!("SELECT 1 FROM {}", gone.quoted());
        if !matches!(schema.as_str(), "$user" | "pg_catalog") {
            prop_assert!(judged(&rewriter, &sql, &session).starts_with("! 42P01 at 15"));
        }
    }

    #[test]
    fn a_name_that_postgresql_cuts_is_found(tail in "[a-z0-9_]{0,10}") {
        let long = "x".repeat(63);
        let mut snapshot = sample::snapshot().unwrap();
        let names = &mut snapshot.editions.last_mut().unwrap().names;
        names.relations.insert((Name::new("public").unwrap(), Name::new(long.clone()).unwrap()), Relation::Tombstone);
        let rewriter = Rewriter::new(Arc::new(snapshot), VIEWED);
        let verdict = judged(&rewriter, &format!("SELECT 1 FROM {long}{tail}"), &SessionTraits::default());
        prop_assert!(verdict.starts_with("! 42P01 at 15"), "{}", verdict);
    }

    #[test]
    fn no_bytes_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_entry(&data);
    }

    #[test]
    fn no_salad_of_words_panics(words in prop::collection::vec(prop::sample::select(vec![
        "SELECT", "public", ".", "users", "legacy", "(", ")", ",", "COPY", "FROM", "TO", "STDIN", "TRUNCATE", "SET", "search_path", "=", "'public'",
        "schema", "CREATE", "TABLE", "TEMP", "DROP", "U&\"a\"", "UESCAPE", "'!'", "edition", ";", "nextval", "::regclass", "WITH", "AS", "*", "FORCE_NULL",
        "1", "$1", "INTO", "ALTER", "ONLY", "force", "not", "null", "csv", "header", "match", "where", "discard all", "as t", "/*", "--\n", "'",
    ]), 0..25)) {
        fuzz_entry(words.join(" ").as_bytes());
    }
}
