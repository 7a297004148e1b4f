//! What a draft introduced stands in the schema of its edition.

use super::*;

#[test]
fn sequences_of_new_tables_are_found_by_qualified_name() {
    check(&[
        ("ALTER SEQUENCE public.audit_id_seq RESTART", r#"ALTER SEQUENCE "public$v2".audit_id_seq RESTART"#),
        ("ALTER SEQUENCE IF EXISTS audit_id_seq RESTART WITH 7", "="),
        ("SELECT last_value FROM public.audit_id_seq", r#"SELECT last_value FROM "public$v2".audit_id_seq"#),
        (
            "SELECT 'public.audit_id_seq'::regclass, currval('public.audit_id_seq')",
            r#"SELECT '"public$v2"."audit_id_seq"'::regclass, currval('"public$v2"."audit_id_seq"')"#,
        ),
        (
            "SELECT setval(pg_get_serial_sequence('public.audit', 'id'), 9), pg_get_serial_sequence('audit', 'id')",
            r#"SELECT setval(pg_get_serial_sequence('"public$v2"."audit"', 'id'), 9), pg_get_serial_sequence('audit', 'id')"#,
        ),
        (
            "GRANT USAGE ON SEQUENCE public.audit_id_seq, public.other TO PUBLIC",
            r#"GRANT USAGE ON SEQUENCE "public$v2".audit_id_seq, public.other TO PUBLIC"#,
        ),
        (
            "COMMENT ON SEQUENCE public.audit_id_seq IS 'public.audit_id_seq'",
            r#"COMMENT ON SEQUENCE "public$v2".audit_id_seq IS 'public.audit_id_seq'"#,
        ),
    ]);
}

#[test]
fn indexes_are_found_by_qualified_name() {
    check(&[
        ("REINDEX INDEX public.audit_pkey", r#"REINDEX INDEX "public$v2"."audit_pkey""#),
        ("REINDEX INDEX CONCURRENTLY audit_pkey", "="),
        ("SELECT 'public.audit_pkey'::regclass", r#"SELECT '"public$v2"."audit_pkey"'::regclass"#),
        ("DROP INDEX IF EXISTS public.audit_pkey, x", r#"DROP INDEX IF EXISTS "public$v2"."audit_pkey", x"#),
        (
            "ALTER INDEX public.audit_pkey SET (fillfactor = 70)",
            r#"ALTER INDEX "public$v2"."audit_pkey" SET (fillfactor = 70)"#,
        ),
        (
            "COMMENT ON INDEX public.audit_pkey IS 'it'",
            r#"COMMENT ON INDEX "public$v2"."audit_pkey" IS 'it'"#,
        ),
        // of a table behind a view: as it is stored
        (
            "SELECT 'public.users_age_key'::regclass, to_regclass('users_age_key'), 'users_pkey'::regclass, 'public.users_pkey'::regclass",
            r#"SELECT '"public"."users_age_stored"'::regclass, to_regclass('"public"."users_age_stored"'), 'users_pkey'::regclass, 'public.users_pkey'::regclass"#,
        ),
        ("SELECT 'other.users_age_key'::regclass, 'users_age_key'::regtype, 'users_age_key'::text", "="),
    ]);
}

#[test]
fn what_is_granted_and_remarked_on_a_new_table_is_so_where_it_stands() {
    check(&[
        (
            "GRANT SELECT ON public.audit, users TO PUBLIC",
            r#"GRANT SELECT ON "public$v2".audit, "public$v2"."users", "public"."users" TO PUBLIC"#,
        ),
        (
            "REVOKE UPDATE (id) ON public.audit FROM PUBLIC",
            r#"REVOKE UPDATE (id) ON "public$v2".audit FROM PUBLIC"#,
        ),
        ("COMMENT ON TABLE public.audit IS 'x'", r#"COMMENT ON TABLE "public$v2".audit IS 'x'"#),
        ("COMMENT ON COLUMN public.audit.id IS NULL", r#"COMMENT ON COLUMN "public$v2".audit.id IS NULL"#),
        (
            "COMMENT ON CONSTRAINT audit_pkey ON public.audit IS 'key'",
            r#"COMMENT ON CONSTRAINT audit_pkey ON "public$v2".audit IS 'key'"#,
        ),
        ("COMMENT ON TABLE audit IS 'x'; COMMENT ON COLUMN audit.id IS 'x'", "="),
        ("GRANT SELECT ON legacy TO PUBLIC", "! 42P01: relation \"legacy\" does not exist"),
    ]);
}
