//! Properties that PostgreSQL keeps beside a definition: storage, comments, privileges, row security, publications.

use edition_tests::{Dice, Shape};

use super::{Kind, column_that, fresh, is_text, kind, qualified, quoted, table, table_and_column};

pub(super) const KINDS: &[Kind] = &[
    kind("comment", 4, comment),
    kind("grant", 3, grant),
    kind("revoke", 1, revoke),
    kind("column grant", 1, column_grant),
    kind("default privileges", 1, default_privileges),
    kind("table storage", 2, table_storage),
    kind("column storage", 1, column_storage),
    kind("column compression", 1, column_compression),
    kind("column statistics", 1, column_statistics),
    kind("column options", 1, column_options),
    kind("row security", 2, row_security),
    kind("create policy", 1, create_policy),
    kind("drop policy", 1, drop_policy),
    kind("replica identity", 1, replica_identity),
    kind("publication", 1, publication),
    kind("extension", 1, extension),
    kind("schema", 1, schema),
];

fn comment(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let text = dice.word(&["'what it is for'", "'it''s another'", "NULL"]);
    let table = qualified(target);
    let on = match dice.below(6) {
        0 => format!("COLUMN {table}.{}", quoted(&column.name)),
        1 => format!("CONSTRAINT {} ON {table}", quoted(&dice.pick(&target.constraints)?.name)),
        2 => format!("INDEX {}.{}", quoted(&target.schema), quoted(dice.pick(&target.indexes)?)),
        3 => format!("VIEW {}", quoted(&dice.pick(&shape.views)?.name)),
        4 => format!("ROUTINE {}", dice.pick(&shape.routines)?.signature),
        _ => format!("TABLE {table}"),
    };
    Some(format!("COMMENT ON {on} IS {text}"))
}

fn grant(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let role = dice.word(&["app", "clerk", "PUBLIC"]);
    Some(match dice.below(4) {
        0 => format!("GRANT SELECT ON {} TO {role}", quoted(&dice.pick(&shape.views)?.name)),
        1 => format!("GRANT EXECUTE ON ROUTINE {} TO {role}", dice.pick(&shape.routines)?.signature),
        2 => format!("GRANT USAGE ON SEQUENCE {} TO {role}", quoted(dice.pick(&shape.sequences)?)),
        _ => {
            let what = dice.word(&["SELECT", "INSERT, UPDATE", "ALL", "TRUNCATE"]);
            format!("GRANT {what} ON {} TO {role}", qualified(table(dice, shape)?))
        }
    })
}

fn revoke(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let role = dice.word(&["app", "clerk", "PUBLIC"]);
    if dice.chance(30) {
        return Some(format!(
            "REVOKE EXECUTE ON ROUTINE {} FROM {role}",
            dice.pick(&shape.routines)?.signature
        ));
    }
    Some(format!("REVOKE ALL ON {} FROM {role}", qualified(table(dice, shape)?)))
}

fn column_grant(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let what = dice.word(&["SELECT", "UPDATE", "INSERT"]);
    Some(format!("GRANT {what} ({}) ON {} TO clerk", quoted(&column.name), qualified(target)))
}

fn default_privileges(dice: &mut Dice, _: &Shape) -> Option<String> {
    let what = dice.word(&[
        "GRANT SELECT ON TABLES TO clerk",
        "REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        "GRANT USAGE ON SEQUENCES TO app",
    ]);
    Some(format!("ALTER DEFAULT PRIVILEGES IN SCHEMA public {what}"))
}

fn table_storage(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let what = dice.word(&[
        "SET (fillfactor = 80)",
        "SET (autovacuum_enabled = false)",
        "RESET (fillfactor)",
        "SET (toast.autovacuum_enabled = false)",
        "SET UNLOGGED",
        "SET WITHOUT CLUSTER",
    ]);
    Some(format!("ALTER TABLE {} {what}", qualified(table(dice, shape)?)))
}

fn column_storage(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| is_text(c))?;
    let how = dice.word(&["EXTERNAL", "MAIN", "PLAIN", "EXTENDED"]);
    Some(format!("ALTER TABLE {} ALTER COLUMN {} SET STORAGE {how}", qualified(target), quoted(&column.name)))
}

fn column_compression(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| is_text(c))?;
    Some(format!(
        "ALTER TABLE {} ALTER COLUMN {} SET COMPRESSION pglz",
        qualified(target),
        quoted(&column.name)
    ))
}

fn column_statistics(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    Some(format!(
        "ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 500",
        qualified(target),
        quoted(&column.name)
    ))
}

fn column_options(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    Some(format!(
        "ALTER TABLE {} ALTER COLUMN {} SET (n_distinct = -0.5)",
        qualified(target),
        quoted(&column.name)
    ))
}

fn row_security(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let how = dice.word(&["ENABLE", "DISABLE", "NO FORCE"]);
    Some(format!("ALTER TABLE {} {how} ROW LEVEL SECURITY", qualified(table(dice, shape)?)))
}

fn create_policy(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let (name, column) = (quoted(&fresh(dice, "policy")), quoted(&column.name));
    let how = dice.word(&["", " AS RESTRICTIVE", " FOR SELECT", " FOR UPDATE TO app"]);
    Some(format!("CREATE POLICY {name} ON {}{how} USING ({column} IS NOT NULL)", qualified(target)))
}

fn drop_policy(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    Some(format!("DROP POLICY {} ON {}", quoted(dice.pick(&target.policies)?), qualified(target)))
}

fn replica_identity(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let how = dice.word(&["FULL", "NOTHING", "DEFAULT"]);
    Some(format!("ALTER TABLE {} REPLICA IDENTITY {how}", qualified(table(dice, shape)?)))
}

fn publication(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let name = quoted(&fresh(dice, "publication"));
    Some(format!("CREATE PUBLICATION {name} FOR TABLE {}", qualified(table(dice, shape)?)))
}

fn extension(dice: &mut Dice, _: &Shape) -> Option<String> {
    Some(format!(
        "CREATE EXTENSION IF NOT EXISTS {}",
        dice.word(&["pgcrypto", "pg_trgm", "citext", "hstore"])
    ))
}

fn schema(dice: &mut Dice, _: &Shape) -> Option<String> {
    let name = quoted(&fresh(dice, "schema"));
    Some(format!("CREATE SCHEMA {name}; CREATE TABLE {name}.apart (id integer PRIMARY KEY)"))
}
