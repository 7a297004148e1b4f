//! What hangs on the session: DDL in a live edition, temporary tables, the search path, a changed edition.

use catalog::model::Name;

use super::*;

const FROZEN: &str = "its schema is frozen";

#[test]
fn ddl_on_what_is_editioned_is_refused() {
    let refused = [
        "CREATE TABLE t (a int)",
        "CREATE TABLE \"public$v2\".t (a int)",
        "CREATE UNLOGGED TABLE t AS SELECT 1",
        "SELECT 1 INTO t",
        "SELECT 1 INTO t UNION SELECT 2",
        "EXPLAIN CREATE TABLE t AS SELECT 1",
        "EXPLAIN CREATE TABLE IF NOT EXISTS t AS SELECT 1",
        "CREATE TABLE IF NOT EXISTS t AS SELECT $1",
        "CREATE TABLE IF NOT EXISTS app.public.t (a int)",
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
        "ALTER VIEW vips RESET (check_option)",
        "ALTER VIEW public.vips SET (security_invoker = false)",
        "ALTER TABLE vips SET (fillfactor = 70), RESET (Check_Option)",
        "ALTER TABLE public.users RENAME TO people",
        "ALTER TABLE users RENAME COLUMN id TO a",
        "ALTER TABLE users SET SCHEMA other",
        "ALTER TYPE mood ADD VALUE 'x'",
        "ALTER SEQUENCE s OWNED BY users.id",
        "ALTER FUNCTION f() RENAME TO g",
        "ALTER SCHEMA public RENAME TO x",
        "DROP TABLE users",
        "DROP TABLE other.x, public.users CASCADE",
        "DROP TABLE IF EXISTS other.x, app.public.users",
        "DROP FUNCTION IF EXISTS f(int)",
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
        "ALTER VIEW other.v SET (security_barrier)",
        "ALTER MATERIALIZED VIEW m SET (fillfactor = 70)",
        "CREATE TEMP VIEW mine AS SELECT 1; ALTER VIEW mine SET (security_barrier)",
        "COMMENT ON VIEW vips IS 'x'",
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
fn a_table_is_no_view_whatever_stands_for_it() {
    check(&[
        ("ALTER VIEW orders SET (security_invoker = false)", "! 42809: \"orders\" is not a view"),
        ("ALTER VIEW public.users ALTER id SET DEFAULT 1", "! 42809: \"users\" is not a view"),
        ("COMMENT ON VIEW users IS 'x'", "! 42809: \"users\" is not a view"),
        ("COMMENT ON VIEW public.orders IS NULL", "! 42809: \"orders\" is not a view"),
        ("COMMENT ON VIEW public.audit IS 'x'", r#"COMMENT ON VIEW "public$v2".audit IS 'x'"#),
        (
            "ALTER TABLE orders SET (security_invoker)",
            r#"ALTER TABLE "public"."orders" SET (security_invoker)"#,
        ),
    ]);
}

#[test]
fn ddl_goes_on_where_the_path_is_one_schema_that_is_not_editioned() {
    let rewriter = rewriter(VIEWED);
    let elsewhere = SessionTraits::starting_with(["$user", "tenant"]);
    let both = SessionTraits::starting_with(["tenant", "public"]);
    for sql in ["CREATE TABLE t (a int)", "DROP TABLE users", "ALTER TABLE users ADD b int"] {
        assert_eq!(judged(&rewriter, sql, &elsewhere), "=", "{sql}");
        assert!(judged(&rewriter, sql, &both).contains(FROZEN), "{sql}");
    }
    assert!(judged(&rewriter, "DROP TABLE public.users", &elsewhere).contains(FROZEN));
    // a rollback may bring another path
    let cache = VerdictCache::default();
    let mut session = elsewhere;
    let mut judge = |sql: &str| shown(rewriter.judge(sql.as_bytes(), &cache, &mut session));
    judge("SET search_path = tenant, public");
    assert!(judge("CREATE TABLE t (a int)").contains(FROZEN));
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
    assert_eq!(judge("CREATE TEMP TABLE users (a int); DROP TABLE users"), "=");
    assert!(judge("DROP VIEW users").contains(FROZEN));
    assert_eq!(judge("DROP VIEW pg_temp.users"), "=");
    // They may be gone again.
    let name = |text: &str| Name::new(text).unwrap();
    let answers = [("pg_temp_3", "="), ("public$v2", r#"TRUNCATE "public"."users""#)];
    for (schema, told) in answers {
        let wanted = rewriter.wants(b"TRUNCATE users", &cache, &session);
        assert_eq!(wanted, Wanted::Whence(vec![name("users")]));
        session.found([(name("users"), Some(name(schema)))]);
        assert_eq!(shown(rewriter.judge(b"TRUNCATE users", &cache, &mut session)), told);
    }
}

/// The live table of that name is there again.
#[test]
fn what_was_temporary_once_is_asked_for_before_it_is_changed() {
    let rewriter = rewriter(PLAIN);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::default();
    rewriter.judge(b"CREATE TEMPORARY TABLE users (id int)", &cache, &mut session);
    let name = |text: &str| Name::new(text).unwrap();
    for text in ["DROP TABLE users", "ALTER TABLE users ADD a int"] {
        let text = text.as_bytes();
        assert_eq!(rewriter.wants(text, &cache, &session), Wanted::Whence(vec![name("users")]));
        for (found, is_refused) in [(Some("pg_temp"), false), (None, false), (Some("public"), true)] {
            session.found([(name("users"), found.map(name))]);
            assert_eq!(rewriter.wants(text, &cache, &session), Wanted::Nothing);
            let verdict = rewriter.judge(text, &cache, &mut session);
            assert_eq!(matches!(verdict, Verdict::Refuse(_)), is_refused, "{found:?}");
        }
    }
}

#[test]
fn temporary_tables_are_known_however_many_there_were() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::default();
    let mut judge = |sql: &str| shown(rewriter.judge(sql.as_bytes(), &cache, &mut session));
    for number in 0..200 {
        judge("CREATE TEMP TABLE ids (a int) ON COMMIT DROP");
        judge(&format!("CREATE TEMP TABLE tmp_{number} (a int)"));
    }
    judge("CREATE TEMP TABLE users (a int)");
    for sql in ["DROP TABLE tmp_199", "TRUNCATE users", "COPY users FROM STDIN"] {
        assert_eq!(judge(sql), "=", "{sql}");
    }
}

#[test]
fn sessions_that_began_in_different_places_share_no_judgement_of_what_follows_a_reset() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let starts = [&["public"][..], &["tenant", "public"], &["tenant"]];
    let told = starts.map(|path| {
        let mut session = SessionTraits::starting_with(path.iter().copied());
        let mut judge = |sql: &str| shown(rewriter.judge(sql.as_bytes(), &cache, &mut session));
        judge("SET search_path = other");
        [judge("RESET search_path; TRUNCATE users"), judge("RESET search_path; CREATE TABLE t ()")]
    });
    assert_eq!(told[0][0], r#"RESET search_path; TRUNCATE "public"."users""#);
    assert_eq!((told[1][0].as_str(), told[2][0].as_str()), ("=", "="));
    assert!(told[0][1].contains(FROZEN) && told[1][1].contains(FROZEN));
    assert_eq!(told[2][1], "=");
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
            judge("SET search_path = public; ROLLBACK; TRUNCATE users"),
            r#"SET search_path = "public$v2", public; ROLLBACK; TRUNCATE users"#
        );
        for sql in ["TRUNCATE users", "COPY users FROM STDIN", "SELECT 1 FROM legacy"] {
            assert_eq!(judge(sql), "=", "after {elsewhere}");
        }
        // a rollback may have brought the other path back
        judge("SET search_path = public");
        assert_eq!(judge("TRUNCATE users"), "=");
        // it may fail, or never be executed
        assert_eq!(judge("DISCARD ALL"), "=");
        assert_eq!(judge("TRUNCATE users"), "=");
        session.path_is(["public"], true);
        let told = shown(rewriter.judge(b"TRUNCATE users", &cache, &mut session));
        assert_eq!(told, r#"TRUNCATE "public"."users""#);
    }
    let mut tenant = SessionTraits::starting_with(["$user", "tenant", "public"]);
    assert_eq!(rewriter.judge(b"TRUNCATE users", &cache, &mut tenant), Verdict::Forward);
}

/// One that sets the path to where it is may be executed again when the path is another.
#[test]
fn what_stays_prepared_may_change_the_path_at_any_time() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    for (kept, is_loose) in [("SET search_path = public", true), ("SELECT 1", false)] {
        let mut session = SessionTraits::default();
        rewriter.judge_to_keep(kept.as_bytes(), true, &cache, &mut session);
        for _ in 0..2 {
            rewriter.judge(b"TRUNCATE users", &cache, &mut session);
        }
        assert_eq!(session.is_path_lost(), is_loose, "{kept}");
        session.path_is(["public"], true);
        rewriter.judge(b"TRUNCATE users", &cache, &mut session);
        assert_eq!(session.is_path_lost(), is_loose, "{kept}: asked once");
    }
}

#[test]
fn a_text_that_needs_the_path_says_so_and_is_judged_by_the_servers_answer() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::default();
    let wants =
        |sql: &str, session: &SessionTraits| rewriter.wants(sql.as_bytes(), &cache, session) == Wanted::Path;
    assert!(!wants("TRUNCATE users", &session));
    let judge =
        |sql: &str, session: &mut SessionTraits| shown(rewriter.judge(sql.as_bytes(), &cache, session));
    for lost in ["SET LOCAL search_path = tenant", "SELECT set_config('search_path', $1, true)"] {
        judge(lost, &mut session);
        assert!(session.is_path_lost());
        for sql in ["TRUNCATE users", "COPY users FROM STDIN", "DROP TABLE t", "SELECT 1 FROM legacy"] {
            assert!(wants(sql, &session), "{sql}");
        }
        for sql in ["TRUNCATE public.users", "TRUNCATE no_such_table", "SELECT 1 FROM users", "SHOW EDITION"]
        {
            assert!(!wants(sql, &session), "{sql}");
        }
        // In a transaction the answer holds for one text, outside until the next change.
        session.path_is(["tenant"], false);
        assert_eq!(judge("DROP TABLE t", &mut session), "=");
        assert!(session.is_path_lost());
        session.path_is(["public"], true);
        for _ in 0..2 {
            assert_eq!(judge("TRUNCATE users", &mut session), r#"TRUNCATE "public"."users""#);
        }
        judge("RESET ALL", &mut session);
        assert!(!session.is_path_lost(), "that is the session's first path");
    }
    session.path_is(["tenant"], true);
    judge("RESET ALL", &mut session);
    assert!(session.is_path_lost());
}

#[test]
fn where_a_name_leads_past_other_schemas_is_asked_for_if_that_matters() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::starting_with(["tenant", "public"]);
    let name = |text: &str| Name::new(text).unwrap();
    let wants = |sql: &str, session: &SessionTraits| rewriter.wants(sql.as_bytes(), &cache, session);
    assert!(rewriter.may_want(&session) && !rewriter.may_want(&SessionTraits::default()));
    let unimportant = [
        "TRUNCATE no_such_table",
        "TRUNCATE public.users",
        "SELECT 1 FROM users; LOCK TABLE users",
        "SELECT full_name, count(*) FROM users GROUP BY full_name",
        "SET search_path = public; TRUNCATE users",
        // A question would take the snapshot before them.
        "LOCK TABLE users; TRUNCATE users",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; TRUNCATE users",
        "SELECT nextval('audit_id_seq') FROM audit",
    ];
    for sql in unimportant {
        assert_eq!(wants(sql, &session), Wanted::Nothing, "{sql}");
    }
    let judge =
        |sql: &str, session: &mut SessionTraits| shown(rewriter.judge(sql.as_bytes(), &cache, session));
    for sql in ["TRUNCATE users", "SELECT ctid FROM users", "SELECT id, full_name FROM users GROUP BY id"] {
        assert_eq!(wants(sql, &session), Wanted::Whence(vec![name("users")]), "{sql}");
        assert_eq!(judge(sql, &mut session), "=", "{sql}");
    }
    let answers = [
        (Some("public$v2"), r#"TRUNCATE "public"."users""#),
        // The view is announced, and not made yet.
        (Some("public"), r#"TRUNCATE "public"."users""#),
        (Some("tenant"), "="),
        (None, "="),
    ];
    for (schema, told) in answers {
        session.found([(name("users"), schema.map(name))]);
        assert_eq!(wants("TRUNCATE users", &session), Wanted::Nothing);
        assert_eq!(judge("TRUNCATE users", &mut session), told, "{schema:?}");
        // It holds for one text.
        assert_eq!(wants("TRUNCATE users", &session), Wanted::Whence(vec![name("users")]));
    }
    assert_eq!(wants("SELECT 1 FROM legacy", &session), Wanted::Whence(vec![name("legacy")]));
    for (schema, is_refused) in [("public", true), ("public$v2", true), ("tenant", false)] {
        session.found([(name("legacy"), Some(name(schema)))]);
        assert_eq!(
            judge("SELECT 1 FROM legacy", &mut session).starts_with("! 42P01"),
            is_refused,
            "{schema}"
        );
    }
}

/// The server says how things are before the text.
#[test]
fn an_answer_holds_until_a_statement_of_the_text_may_change_it() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let name = |text: &str| Name::new(text).unwrap();
    for (first, holds) in [
        ("BEGIN", true),
        ("SELECT 1", true),
        ("ROLLBACK", false),
        ("ROLLBACK TO a", false),
        ("COMMIT", false),
        ("CREATE TABLE tenant.users (a int)", false),
        ("ALTER TABLE tenant.other RENAME TO users", false),
        ("EXECUTE p", false),
    ] {
        let mut session = SessionTraits::starting_with(["tenant", "public"]);
        session.found([(name("users"), Some(name("public$v2")))]);
        let text = format!("{first}; TRUNCATE users");
        let told = shown(rewriter.judge(text.as_bytes(), &cache, &mut session));
        assert_eq!(told != "=", holds, "{text}");
        // Of the path, in a transaction, only what may take back a change of it counts.
        let mut session = SessionTraits::default();
        rewriter.judge(b"SET LOCAL search_path = public, other", &cache, &mut session);
        session.path_is(["public"], false);
        let told = shown(rewriter.judge(text.as_bytes(), &cache, &mut session));
        assert_eq!(told != "=", !first.starts_with("ROLLBACK") && first != "COMMIT", "{text}");
    }
}

#[test]
fn what_a_text_sets_holds_for_the_rest_of_it() {
    let rewriter = rewriter(VIEWED);
    let judged = |sql: &str| judged(&rewriter, sql, &SessionTraits::default());
    assert_eq!(judged("SET search_path = tenant; TRUNCATE users"), "=");
    assert_eq!(judged("SET search_path = tenant; CREATE TABLE t (a int)"), "=");
    assert_eq!(
        judged("SET search_path = tenant; SET search_path = public; TRUNCATE users"),
        r#"SET search_path = tenant; SET search_path = "public$v2", public; TRUNCATE "public"."users""#
    );
    assert!(judged("SET search_path = tenant; ROLLBACK; CREATE TABLE t (a int)").contains(FROZEN));
    assert_eq!(
        judged("SET search_path = tenant; RESET ALL; TRUNCATE users"),
        r#"SET search_path = tenant; RESET ALL; TRUNCATE "public"."users""#
    );
    assert_eq!(judged("SET search_path = tenant; RESET edition.id; TRUNCATE users"), "=");
}

#[test]
fn a_prepared_statement_can_change_the_path_at_any_time() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    for (has_name, lasts) in [(false, true), (true, false)] {
        let mut session = SessionTraits::default();
        let _ = rewriter.judge_to_keep(b"SET search_path = tenant", has_name, &cache, &mut session);
        session.path_is(["tenant"], true);
        assert_eq!(rewriter.judge(b"TRUNCATE users", &cache, &mut session), Verdict::Forward);
        assert_eq!(!session.is_path_lost(), lasts);
    }
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
            let npgsql = "SET SESSION AUTHORIZATION DEFAULT;RESET ALL;CLOSE ALL;UNLISTEN *;SELECT pg_advisory_unlock_all();DISCARD SEQUENCES;DISCARD TEMP";
            assert_eq!(judged(&rewriter, npgsql, &switched), "= and restore");
            for other in ["SELECT 1", "SELECT pg_advisory_unlock_all() FROM users", "TABLE users"] {
                let text = format!("RESET ALL; {other}");
                assert!(judged(&rewriter, &text, &switched).starts_with("! 0A000"), "{text}");
            }
            let both = "RESET ALL; SET search_path = public";
            assert!(judged(&rewriter, both, &switched).starts_with("! 0A000"));
        }
    }
}
