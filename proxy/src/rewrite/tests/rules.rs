//! One table of texts for each rule.

use super::*;

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
            r#"MERGE INTO "public"."users" u USING "public$v2".orders o ON true WHEN MATCHED THEN DELETE"#,
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
            r#"EXPLAIN (ANALYZE) SELECT 1 FROM "public"."users" AS "users" ("id", "full_name", "Age")"#,
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
            r#"CREATE TEMP VIEW t AS SELECT 1 FROM "public"."users" AS "users" ("id", "full_name", "Age")"#,
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
        ("SELECT a OPERATOR(public.@#@) 1", r#"SELECT a OPERATOR("public$v2".@#@) 1"#),
        (
            "SELECT OPERATOR ( \"public\" . @#@ ) 1, 2 OPERATOR(public.+) 3 FROM t ORDER BY 1 USING OPERATOR(public.@#@)",
            r#"SELECT OPERATOR ( "public$v2" . @#@ ) 1, 2 OPERATOR(public.+) 3 FROM t ORDER BY 1 USING OPERATOR("public$v2".@#@)"#,
        ),
        (
            "SELECT 1 OPERATOR(public.@#@) ANY (SELECT 2), 1 OPERATOR(app.public.@#@) ALL ('{1}'), 'OPERATOR(public.@#@)'",
            r#"SELECT 1 OPERATOR("public$v2".@#@) ANY (SELECT 2), 1 OPERATOR(app."public$v2".@#@) ALL ('{1}'), 'OPERATOR(public.@#@)'"#,
        ),
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
        (
            "SELECT (SELECT 1 FROM legacy) FROM public.legacy, legacy",
            "! 42P01 at 23: relation \"legacy\" does not exist",
        ),
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
        ("SELECT to_regclass('public.legacy')", r#"SELECT to_regclass('pg_catalog."~"')"#),
        ("SELECT to_regclass(text 'public.legacy')", r#"SELECT to_regclass(text 'pg_catalog."~"')"#),
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
            r#"SELECT edition.set_config('search_path', '"public$v2", public, other', false)"#,
        ),
        (
            "SELECT pg_catalog.set_config('search_path', '\"a,b\",Public', true)",
            r#"SELECT edition.set_config('search_path', '"a,b","public$v2", Public', true)"#,
        ),
        ("SELECT pg_catalog.set_config('search_path', '', false)", "="),
        (
            "SELECT set_config('search_path', $1, false)",
            "SELECT edition.set_config('search_path', $1, false)",
        ),
        ("SET edition.id = 3", "! 55P02: parameter \"edition.id\" cannot be changed by a session"),
        (
            "SELECT set_config('edition.id', '3', false)",
            "! 55P02: parameter \"edition.id\" cannot be changed by a session",
        ),
    ]);
}

#[test]
fn the_search_path_is_shown_as_it_was_set() {
    check(&[
        ("SHOW search_path", "SELECT edition.current_setting('search_path') AS search_path"),
        (
            "SHOW ALL",
            "SELECT name, edition.current_setting(name) AS setting, short_desc AS description FROM pg_catalog.pg_settings",
        ),
        (
            "SELECT 1; show /* of mine */ \"Search_Path\";SHOW work_mem",
            "SELECT 1; SELECT edition.current_setting('search_path') AS search_path;SHOW work_mem",
        ),
        (
            "SELECT current_setting('search_path'), pg_catalog.Current_Setting('SEARCH_PATH', true)",
            "SELECT edition.current_setting('search_path'), edition.Current_Setting('SEARCH_PATH', true)",
        ),
        ("SELECT current_setting('search_path_'), search_path FROM show", "="),
        (
            "SELECT current_setting(name), pg_catalog.current_setting($1, true) FROM pg_settings",
            "SELECT edition.current_setting(name), edition.current_setting($1, true) FROM pg_settings",
        ),
        ("SELECT current_setting('app.user'), other.current_setting(name), current_setting() FROM t", "="),
        ("CREATE VIEW other.v AS SELECT current_setting(name) FROM pg_settings", "="),
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
        ("COPY \"Odd \"\"Table\"\"\" TO STDOUT", r#"COPY (SELECT "a" FROM "Odd ""Table""") TO STDOUT"#),
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
        ("COPY users (nope) TO STDOUT", "! 42703: column \"nope\" of relation \"users\" does not exist"),
        ("COPY public.users (id, id, nope) TO STDOUT", "! 42701: column \"id\" specified more than once"),
        (
            "COPY users (full_name, full_name) FROM STDIN",
            "! 42701: column \"full_name\" specified more than once",
        ),
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

#[test]
fn catalogues_are_read_where_they_are_reflected() {
    check(&[
        ("SELECT relname FROM pg_class", "SELECT relname FROM edition_catalog.pg_class"),
        (
            "SELECT pg_class.oid, pg_catalog.pg_class.relname FROM pg_catalog.pg_class",
            "SELECT pg_class.oid, edition_catalog.pg_class.relname FROM edition_catalog.pg_class",
        ),
        (
            r#"SELECT 1 FROM "pg_catalog"."pg_class" c JOIN pg_attribute ON true"#,
            r#"SELECT 1 FROM edition_catalog."pg_class" c JOIN edition_catalog.pg_attribute ON true"#,
        ),
        (
            "SELECT column_name FROM information_schema.columns",
            "SELECT column_name FROM edition_catalog.columns",
        ),
        (
            "SELECT pg_get_expr(adbin, adrelid), pg_catalog.pg_get_expr(a, b) FROM pg_attrdef",
            "SELECT edition_catalog.pg_get_expr(adbin, adrelid), edition_catalog.pg_get_expr(a, b) FROM pg_attrdef",
        ),
        (
            "SELECT current_schema, current_schema(), CURRENT_SCHEMAS(true)",
            "SELECT edition_catalog.current_schema(), edition_catalog.current_schema(), edition_catalog.CURRENT_SCHEMAS(true)",
        ),
        (
            "DECLARE c CURSOR FOR SELECT 1 FROM pg_class",
            "DECLARE c CURSOR FOR SELECT 1 FROM edition_catalog.pg_class",
        ),
        ("WITH pg_class AS (SELECT 1) SELECT * FROM pg_class", "="),
        ("SELECT columns, pg_class FROM columns, information_schema.pg_class", "="),
        ("SELECT 'pg_class'::regclass, pg_backend_pid() FROM pg_locks pg_class", "="),
        ("UPDATE pg_class SET relname = relname", "="),
        ("CREATE TEMP VIEW kept AS SELECT relname FROM pg_class", "="),
        ("SELECT other.pg_get_expr(1), other.pg_class.a FROM other.pg_class", "="),
    ]);
}

#[test]
fn what_follows_from_a_catalogues_key_is_grouped_by() {
    check(&[
        (
            "SELECT c.relname, array_agg(a.attname) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid GROUP BY c.oid",
            r#"SELECT c.relname, array_agg(a.attname) FROM edition_catalog.pg_class c JOIN edition_catalog.pg_attribute a ON a.attrelid = c.oid GROUP BY c.oid, "c"."relname""#,
        ),
        (
            "SELECT relname, relkind || 'x', (SELECT max(b) FROM plain WHERE b = relowner) FROM pg_catalog.pg_class JOIN plain p ON b = 1 GROUP BY 2, pg_class.oid, p.a HAVING relpages > 1 ORDER BY relname",
            r#"SELECT relname, relkind || 'x', (SELECT max(b) FROM plain WHERE b = relowner) FROM edition_catalog.pg_class JOIN plain p ON b = 1 GROUP BY 2, pg_class.oid, "pg_class"."relkind", "pg_class"."relname", "pg_class"."relowner", "pg_class"."relpages", p.a HAVING relpages > 1 ORDER BY relname"#,
        ),
        (
            "SELECT relname AS rel_name, count(*) FROM pg_class GROUP BY oid ORDER BY rel_name",
            r#"SELECT relname AS rel_name, count(*) FROM edition_catalog.pg_class GROUP BY oid, "pg_class"."relname" ORDER BY rel_name"#,
        ),
        (
            "SELECT count(*) FROM pg_class c GROUP BY c.oid",
            "SELECT count(*) FROM edition_catalog.pg_class c GROUP BY c.oid",
        ),
        // no key, or not that of a catalogue
        (
            "SELECT c.relkind, count(*) FROM pg_class c GROUP BY c.relkind",
            "SELECT c.relkind, count(*) FROM edition_catalog.pg_class c GROUP BY c.relkind",
        ),
        (
            "SELECT c.relname FROM pg_class c GROUP BY GROUPING SETS ((c.oid), ())",
            "SELECT c.relname FROM edition_catalog.pg_class c GROUP BY GROUPING SETS ((c.oid), ())",
        ),
        (
            "WITH pg_class AS (SELECT 1 AS oid, 2 AS relname) SELECT relname FROM pg_class GROUP BY pg_class.oid",
            "=",
        ),
        ("SELECT c.relname FROM other.pg_class c GROUP BY c.oid", "="),
    ]);
}
