//! CREATE … IF NOT EXISTS, DROP … IF EXISTS and what ALTER may skip: the server knows whether they change anything.

use super::*;

fn refusal(tag: &str) -> String {
    format!(
        "'cannot run {tag} in live edition \"v2\": its schema is frozen', 'Make the change in a child edition: edition create NAME. \
         Name the schema if the object is meant for one that is not editioned.')"
    )
}

fn create(tag: &str, named: &str) -> String {
    format!("CALL edition.create_if_missing('{tag}', {named}, {}", refusal(tag))
}

fn drop(tag: &str, (schemas, names): (&str, &str), cascades: bool) -> String {
    let list = |list: &str| format!("ARRAY[{list}]::pg_catalog.text[]");
    format!(
        "CALL edition.drop_if_there('{tag}', {}, {}, {cascades}, {}",
        list(schemas),
        list(names),
        refusal(tag)
    )
}

#[test]
fn whether_a_relation_is_there_is_looked_up_in_the_server() {
    let cases = [
        (
            "CREATE TABLE IF NOT EXISTS orders (id int REFERENCES public.users, m public.mood)",
            create("CREATE TABLE", "NULL, 'orders'"),
        ),
        (
            "create unlogged table if not exists public.\"It's\" as select 1 from public.users",
            create("CREATE TABLE AS", "'public', 'It''s'"),
        ),
        (
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT ';'",
            create("CREATE MATERIALIZED VIEW", "NULL, 'v'"),
        ),
        ("CREATE SEQUENCE IF NOT EXISTS \"public$v2\".s", create("CREATE SEQUENCE", "'public$v2', 's'")),
        ("DROP TABLE IF EXISTS users", drop("DROP TABLE", ("NULL", "'users'"), false)),
        (
            "DROP TABLE IF EXISTS other.x, pg_temp.y, Public.users, z CASCADE",
            drop("DROP TABLE", ("'other', 'pg_temp', 'public', NULL", "'x', 'y', 'users', 'z'"), true),
        ),
        ("DROP VIEW IF EXISTS v RESTRICT", drop("DROP VIEW", ("NULL", "'v'"), false)),
        ("DROP MATERIALIZED VIEW IF EXISTS v", drop("DROP MATERIALIZED VIEW", ("NULL", "'v'"), false)),
        ("DROP SEQUENCE IF EXISTS s", drop("DROP SEQUENCE", ("NULL", "'s'"), false)),
        ("DROP FOREIGN TABLE IF EXISTS f", drop("DROP FOREIGN TABLE", ("NULL", "'f'"), false)),
        // only the statement itself
        (
            " ; /* é */ BEGIN ;; CREATE TABLE IF NOT EXISTS a () /* b */ ; DROP TABLE IF EXISTS public.b ; SELECT 1 FROM public.users; ",
            format!(
                " ; /* é */ BEGIN ;; {} /* b */ ; {} ; SELECT 1 FROM \"public$v2\".users; ",
                create("CREATE TABLE", "NULL, 'a'"),
                drop("DROP TABLE", ("'public'", "'b'"), false)
            ),
        ),
        // not what is temporary or elsewhere
        (
            "CREATE TEMP TABLE IF NOT EXISTS t (a int); DROP TABLE IF EXISTS t, pg_temp.u, other.v",
            "=".to_owned(),
        ),
        ("CREATE TABLE IF NOT EXISTS other.t (a int)", "=".to_owned()),
        ("CREATE INDEX IF NOT EXISTS i ON plain (a); CREATE SCHEMA IF NOT EXISTS s", "=".to_owned()),
        (
            "CREATE TEMP TABLE users (a int); DROP VIEW IF EXISTS users",
            format!("CREATE TEMP TABLE users (a int); {}", drop("DROP VIEW", ("NULL", "'users'"), false)),
        ),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(sql, expected)| (*sql, expected.as_str())).collect();
    check(&cases);
}

#[test]
fn so_is_what_an_alteration_would_skip() {
    let table = |named: &str, skips, changes: &str, members: &str| {
        let list = |list: &str| format!("ARRAY[{list}]::pg_catalog.text[]");
        format!(
            "CALL edition.alter_if_needed({named}, {skips}, {}, {}, {}",
            list(changes),
            list(members),
            refusal("ALTER TABLE")
        )
    };
    let label = |found: &str, named: &str, label: &str| {
        format!(
            "CALL edition.add_label_if_missing('{found}', '{named}', '{label}', {}",
            refusal("ALTER TYPE")
        )
    };
    let cases = [
        (
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS \"It's\" int REFERENCES public.users",
            table("NULL, 'users'", false, "'add column'", "'It''s'"),
        ),
        (
            "ALTER TABLE IF EXISTS ONLY public.users ADD IF NOT EXISTS a int, DROP CONSTRAINT IF EXISTS k, DROP IF EXISTS b CASCADE;",
            table(
                "'public', 'users'",
                true,
                "'drop constraint', 'drop column', 'add column'",
                "'k', 'b', 'a'",
            ) + ";",
        ),
        (
            "ALTER TABLE IF EXISTS plain ADD a int, DROP COLUMN IF EXISTS b",
            table("NULL, 'plain'", true, "'other', 'drop column'", "'', 'b'"),
        ),
        (
            "ALTER TYPE public.mood ADD VALUE IF NOT EXISTS 'sad' BEFORE 'ok'",
            label("\"public$v2\".\"mood\"", "public.mood", "sad"),
        ),
        (
            "ALTER TYPE public.other ADD VALUE IF NOT EXISTS 'sad'",
            label("\"public\".\"other\"", "public.other", "sad"),
        ),
        ("ALTER TYPE \"Mood\" ADD VALUE IF NOT EXISTS 'it''s'", label("\"Mood\"", "Mood", "it''s")),
        // what is never skipped
        (
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS a int, ADD b int",
            "! 0A000: cannot run ALTER TABLE in live edition \"v2\": its schema is frozen".to_owned(),
        ),
        (
            "ALTER TYPE mood ADD VALUE 'sad'",
            "! 0A000: cannot run ALTER TYPE in live edition \"v2\": its schema is frozen".to_owned(),
        ),
        ("CREATE TEMP TABLE t (); ALTER TABLE t ADD COLUMN IF NOT EXISTS a int", "=".to_owned()),
        ("ALTER TABLE other.t ADD COLUMN IF NOT EXISTS a int", "=".to_owned()),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(sql, expected)| (*sql, expected.as_str())).collect();
    check(&cases);
}

#[test]
fn what_is_looked_up_has_the_tag_of_what_the_client_sent() {
    let sql = "SELECT 1; CREATE TABLE IF NOT EXISTS a (); ; DROP VIEW IF EXISTS b; CREATE TABLE IF NOT EXISTS other.c ()";
    let verdict =
        rewriter(PLAIN).judge(sql.as_bytes(), &VerdictCache::default(), &mut SessionTraits::default());
    let Verdict::Rewrite(rewritten) = verdict else { panic!("{verdict:?}") };
    let told: Vec<(usize, &str)> = rewritten
        .substitutes
        .iter()
        .map(|substitute| (substitute.statement, substitute.command.tag()))
        .collect();
    assert_eq!(told, [(1, "CREATE TABLE"), (2, "DROP VIEW")]);
}
