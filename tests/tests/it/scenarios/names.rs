//! Identifiers that need quotes, that are as long as can be, in any script.

use edition_tests::{OWNER, World};

use super::story;

#[tokio::test]
async fn identifiers_may_need_quotes() {
    story(
        r#"CREATE TABLE "Order" ("select" int PRIMARY KEY, "a ""b""" text, "c'd" int, "$x$" int DEFAULT 1, "E.f" int);
           INSERT INTO "Order" VALUES (1, 'x', 2, 3, 4)"#,
    )
    .draft(
        "v2",
        r#"ALTER TABLE "Order" RENAME TO "user"; ALTER TABLE "user" RENAME "a ""b""" TO "group"; ALTER TABLE "user" RENAME "c'd" TO "\";
           ALTER TABLE "user" ADD "new 'one'" text NOT NULL, DROP "E.f"; ALTER TABLE "user" ADD CONSTRAINT "it's ""so""" CHECK ("new 'one'" <> '');
           CREATE TABLE "table" ("table" int PRIMARY KEY); GRANT ALL ON "table" TO app; CREATE INDEX "by 'one'" ON "user" ("new 'one'")"#,
    )
    .transform("\"user\"", r#""new 'one'" = "a ""b""" || '''' || "c'd""#, r#""E.f" = length("new 'one'")"#)
    .allow("older-write-may-fail")
    .see("v2", r#"SELECT "select", "group", "\", "new 'one'" FROM "user""#, &["1|x|2|x'2"])
    .see("v2", r#"SELECT "select" FROM public."user""#, &["1"])
    .run("v2", r#"UPDATE "user" SET "new 'one'" = 'yes'"#)
    .see("v1", r#"SELECT "E.f", "$x$" FROM "Order""#, &["3|3"])
    .run("v1", r#"UPDATE public."Order" SET "c'd" = 7"#)
    .see("v2", r#"SELECT "new 'one'" FROM "user""#, &["x'7"])
    .fail("v2", r#"SELECT * FROM "Order""#, "42P01")
    .run("v2", r#"INSERT INTO "table" VALUES (1)"#)
    .at_rest(r#"SELECT "new 'one'" FROM "user""#, &["x'7"])
    .tell()
    .await;
}

#[tokio::test]
async fn identifiers_may_be_in_any_script() {
    story("CREATE TABLE Größe (日本 int PRIMARY KEY, имя text, \"ÄÖ\" int); INSERT INTO Größe VALUES (1, 'Анна', 2)")
        .draft("größer'", "ALTER TABLE Größe RENAME TO μέγεθος; ALTER TABLE μέγεθος RENAME имя TO όνομα; ALTER TABLE μέγεθος ADD שם text; ALTER TABLE μέγεθος DROP \"ÄÖ\"")
        .transform("μέγεθος", "שם = имя || \"ÄÖ\"", "\"ÄÖ\" = length(שם)")
        .see("größer'", "SELECT 日本, όνομα, שם FROM μέγεθος", &["1|Анна|Анна2"])
        .run("größer'", "UPDATE μέγεθος SET όνομα = 'Zoë', שם = '😀'")
        .see("Ausgabe\"1\"", "SELECT * FROM Größe", &["1|Zoë|1"])
        .root("Ausgabe\"1\"")
        .tell()
        .await;
}

/// 63 bytes, told apart by the last one only.
const LONG: &str = "\
CREATE TABLE t12345678901234567890123456789012345678901234567890123456789_1 (
    c12345678901234567890123456789012345678901234567890123456789_1 int PRIMARY KEY,
    c12345678901234567890123456789012345678901234567890123456789_2 text,
    c12345678901234567890123456789012345678901234567890123456789_3 int CONSTRAINT k12345678901234567890123456789012345678901234567890123456789_1 CHECK (c12345678901234567890123456789012345678901234567890123456789_3 > 0));
INSERT INTO t12345678901234567890123456789012345678901234567890123456789_1 VALUES (1, 'x', 2);
";

#[tokio::test]
async fn identifiers_may_be_as_long_as_can_be() {
    story(LONG)
        .draft(
            "v2",
            "ALTER TABLE t12345678901234567890123456789012345678901234567890123456789_1 RENAME TO t12345678901234567890123456789012345678901234567890123456789_2;
             ALTER TABLE t12345678901234567890123456789012345678901234567890123456789_2 ALTER c12345678901234567890123456789012345678901234567890123456789_3 TYPE bigint;
             ALTER TABLE t12345678901234567890123456789012345678901234567890123456789_2 ALTER c12345678901234567890123456789012345678901234567890123456789_2 SET NOT NULL;
             CREATE INDEX i12345678901234567890123456789012345678901234567890123456789_1 ON t12345678901234567890123456789012345678901234567890123456789_2 (c12345678901234567890123456789012345678901234567890123456789_2)",
        )
        .transform(
            "t12345678901234567890123456789012345678901234567890123456789_2",
            "c12345678901234567890123456789012345678901234567890123456789_2 = coalesce(c12345678901234567890123456789012345678901234567890123456789_2, '-')",
            "",
        )
        .run("v1", "INSERT INTO t12345678901234567890123456789012345678901234567890123456789_1 VALUES (2, NULL, 7)")
        .see("v2", "SELECT * FROM t12345678901234567890123456789012345678901234567890123456789_2 ORDER BY 1", &["1|x|2", "2|-|7"])
        .fail("v1", "UPDATE t12345678901234567890123456789012345678901234567890123456789_1 SET c12345678901234567890123456789012345678901234567890123456789_3 = 0", "23514")
        .tell()
        .await;
}

#[tokio::test]
async fn names_that_we_would_take_may_be_taken() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int, \"a$v2\" int, \"a~edition not null\" int); CREATE TABLE \"t$base\" (x int); CREATE TABLE \"t$v2\" (x int);
         CREATE FUNCTION forward_2_1() RETURNS int LANGUAGE sql AS 'SELECT 1'; INSERT INTO t VALUES (1, 2, 3, 4)",
    )
    .draft("v2", "ALTER TABLE t ALTER a TYPE bigint; ALTER TABLE t RENAME \"a$v2\" TO \"a$v3\"; ALTER TABLE t ADD \"a$v2\" text DEFAULT 'x'")
    .run("v1", "UPDATE t SET a = 20, \"a$v2\" = 30")
    .see("v2", "SELECT a, \"a$v3\", \"a$v2\" FROM t", &["20|30|x"])
    .draft("v3", "ALTER TABLE t ALTER a TYPE numeric")
    .allow("lossy-cast")
    .tell()
    .await;
}

/// Which of several indexes and constraints over the same columns has another name is told by what they say.
#[tokio::test]
async fn twins_are_told_apart_when_one_is_renamed() {
    const INDEXES: &str = "SELECT c.relname, x.indpred IS NOT NULL, x.indoption FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid \
        WHERE x.indrelid = 't'::regclass ORDER BY 1";
    const CHECKS: &str = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'c' ORDER BY 1";
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b int, CONSTRAINT one UNIQUE (a), CONSTRAINT low CHECK (a > 0), CONSTRAINT top CHECK (a < 100));
         CREATE UNIQUE INDEX two ON t (a); CREATE INDEX i1 ON t (b); CREATE INDEX i2 ON t (b) WHERE b > 0; CREATE INDEX i3 ON t (b DESC); INSERT INTO t VALUES (1, 1, 1)")
        .draft("v2", "ALTER INDEX two RENAME TO zwei; ALTER INDEX i2 RENAME TO i0; ALTER TABLE t RENAME CONSTRAINT top TO cap; ALTER TABLE t ADD c text")
        .see("v1", INDEXES, &["i1|f|0", "i2|t|0", "i3|f|3", "one|f|0", "t_pkey|f|0", "two|f|0"])
        .see("v2", INDEXES, &["i0|t|0", "i1|f|0", "i3|f|3", "one|f|0", "t_pkey|f|0", "zwei|f|0"])
        .see("v1", CHECKS, &["low|CHECK ((a > 0))", "top|CHECK ((a < 100))"])
        .see("v2", CHECKS, &["cap|CHECK ((a < 100))", "low|CHECK ((a > 0))"])
        .fail("v2", "INSERT INTO t VALUES (2, 100)", "23514")
        .run("v2", "INSERT INTO t (id, a) VALUES (3, 1) ON CONFLICT ON CONSTRAINT one DO NOTHING")
        .tell()
        .await;
}

/// What a catalogue query is told by name, as a parameter or put together.
#[tokio::test]
async fn names_that_only_the_server_knows_mean_the_editions() {
    const BASE: &str = "CREATE TABLE users (id serial PRIMARY KEY, name text); CREATE TABLE legacy (id int); CREATE TABLE a (x int); CREATE TABLE b (y int, z int);
        CREATE TABLE \"Odd T\" (id int CONSTRAINT \"Odd K\" UNIQUE)";
    const DRAFT: &str = "ALTER TABLE users RENAME TO people; ALTER TABLE people ADD word text; DROP TABLE legacy; CREATE TABLE audit (id serial PRIMARY KEY);
        ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b; ALTER TABLE \"Odd T\" ALTER id TYPE bigint";
    const NAMES: &[&str] = &[
        "public.users",
        "public.people",
        "people",
        " Public . \"people\" ",
        "public.legacy",
        "public.audit",
        "public.audit_pkey",
        "public.audit_id_seq",
        "public.a",
        "public.b",
        "public.\"Odd T\"",
        "public.users_id_seq",
        "public.nope",
        "nowhere.users",
        "pg_catalog.pg_class",
        "1259",
        "-",
        "a.b.c.d",
        "",
    ];
    const QUESTIONS: &[&str] = &[
        "SELECT $1::text::regclass::text",
        "SELECT count(*)::text FROM pg_attribute WHERE attrelid = ($1 || '')::regclass AND attnum > 0",
        "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = CAST($1::varchar AS regclass) AND attnum > 0",
        "SELECT to_regclass($1)::text",
        "SELECT has_table_privilege($1, 'SELECT')::text",
        "SELECT has_table_privilege(current_user, $1, 'SELECT')::text",
        "SELECT has_any_column_privilege($1, 'SELECT')::text",
        "SELECT relkind::text FROM pg_class WHERE oid = lower($1)::regclass AND relkind <> 'i'",
    ];
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &["lossy-cast"]).await;
    for edition in ["v1", "v2"] {
        let (oracle, session) = (world.in_blueprint(edition).await, world.session(OWNER, edition).await);
        for question in QUESTIONS {
            for name in NAMES {
                let mut heard = Vec::new();
                for asked in [&oracle, &session] {
                    heard.push(match asked.client().query_one(*question, &[name]).await {
                        Ok(row) => row.get::<_, Option<String>>(0).unwrap_or_default(),
                        Err(error) => error
                            .as_db_error()
                            .map_or_else(|| format!("{error:?}"), |error| format!("{error}")),
                    });
                }
                assert_eq!(heard[1], heard[0], "{edition}: {question}, {name:?}");
            }
        }
        // Shown by the name that it is stored under, if another edition has that.
        let row = session
            .client()
            .query_one("SELECT to_regclass($1) IS NULL", &[&"public.\"Odd K\""])
            .await
            .unwrap();
        assert!(!row.get::<_, bool>(0), "{edition}");
        let table = if edition == "v1" { "public.users" } else { "public.people" };
        let row = session
            .client()
            .query_one("SELECT pg_get_serial_sequence($1, $2), $3::regclass::text", &[&table, &"id", &table])
            .await
            .unwrap();
        assert_eq!((row.get(0), Some(row.get(1))), ("public.users_id_seq", table.strip_prefix("public.")));
    }
    world.end().await;
}
