//! Columns come, go and change.

use edition_tests::{Dice, Shape};

use super::{
    Kind, column_that, condition, fresh, is_number, is_text, kind, qualified, quoted, table,
    table_and_column, type_and_constant,
};

pub(super) const KINDS: &[Kind] = &[
    kind("add column", 8, add),
    kind("add column with default", 6, add_with_default),
    kind("add column not null", 4, add_not_null),
    kind("add column with volatile default", 2, add_volatile),
    kind("add generated column", 2, add_generated),
    kind("add identity column", 1, add_identity),
    kind("add column with check", 2, add_checked),
    kind("add column with reference", 3, add_reference),
    kind("drop column", 4, drop),
    kind("rename column", 6, rename),
    kind("swap columns", 1, swap),
    kind("set default", 3, set_default),
    kind("drop default", 2, drop_default),
    kind("set not null", 3, set_not_null),
    kind("drop not null", 3, drop_not_null),
    kind("widen type", 4, widen),
    kind("type with using", 3, change_with_using),
    kind("collation", 1, collate),
    kind("identity of column", 1, identity),
    kind("drop generation", 1, drop_expression),
];

fn add(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let (type_name, _) = type_and_constant(dice, shape);
    Some(format!("ALTER TABLE {} ADD COLUMN {} {type_name}", qualified(target), quoted(&fresh(dice, "c"))))
}

fn add_with_default(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let (type_name, constant) = type_and_constant(dice, shape);
    let name = quoted(&fresh(dice, "c"));
    Some(format!("ALTER TABLE {} ADD COLUMN {name} {type_name} DEFAULT {constant}", qualified(target)))
}

fn add_not_null(dice: &mut Dice, shape: &Shape) -> Option<String> {
    add_with_default(dice, shape).map(|add| format!("{add} NOT NULL"))
}

fn add_volatile(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let what = dice.word(&[
        "uuid DEFAULT gen_random_uuid() NOT NULL",
        "timestamp with time zone DEFAULT clock_timestamp()",
        "timestamp with time zone DEFAULT now() NOT NULL",
        "double precision DEFAULT random()",
        "bigserial",
    ]);
    Some(format!("ALTER TABLE {} ADD COLUMN {} {what}", qualified(target), quoted(&fresh(dice, "v"))))
}

fn add_generated(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| !c.generated && (is_number(c) || is_text(c)))?;
    let source = quoted(&column.name);
    let what = if is_number(column) {
        format!("numeric GENERATED ALWAYS AS ({source} * 2) STORED")
    } else {
        format!("text GENERATED ALWAYS AS (upper({source})) STORED")
    };
    Some(format!("ALTER TABLE {} ADD COLUMN {} {what}", qualified(target), quoted(&fresh(dice, "g"))))
}

fn add_identity(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let mode = dice.word(&["ALWAYS", "BY DEFAULT"]);
    let name = quoted(&fresh(dice, "i"));
    Some(format!("ALTER TABLE {} ADD COLUMN {name} bigint GENERATED {mode} AS IDENTITY", qualified(target)))
}

fn add_checked(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let name = quoted(&fresh(dice, "k"));
    Some(format!(
        "ALTER TABLE {} ADD COLUMN {name} integer DEFAULT 5 CHECK ({name} BETWEEN 0 AND 9)",
        qualified(target)
    ))
}

fn add_reference(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, referred) = (table(dice, shape)?, table(dice, shape)?);
    let [key] = referred.key() else { return None };
    let (name, action) =
        (quoted(&fresh(dice, "r")), dice.word(&["", " ON DELETE CASCADE", " ON UPDATE SET NULL"]));
    let type_name = &referred.column(key)?.type_name;
    Some(format!(
        "ALTER TABLE {} ADD COLUMN {name} {type_name} REFERENCES {}{action}",
        qualified(target),
        qualified(referred)
    ))
}

fn drop(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let cascade = dice.word(&["", "", " CASCADE"]);
    Some(format!("ALTER TABLE {} DROP COLUMN {}{cascade}", qualified(target), quoted(&column.name)))
}

fn rename(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let name = quoted(&fresh(dice, "c"));
    Some(format!("ALTER TABLE {} RENAME COLUMN {} TO {name}", qualified(target), quoted(&column.name)))
}

fn swap(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let (one, other) = (dice.pick(&target.columns)?, dice.pick(&target.columns)?);
    let (table, one, other) = (qualified(target), quoted(&one.name), quoted(&other.name));
    Some(format!(
        "ALTER TABLE {table} RENAME {one} TO between; ALTER TABLE {table} RENAME {other} TO {one}; \
         ALTER TABLE {table} RENAME between TO {other}"
    ))
}

fn set_default(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| c.is_writable() && (is_number(c) || is_text(c)))?;
    let value = dice.word(&["'41'", "'42'", "NULL"]);
    Some(format!(
        "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {value}",
        qualified(target),
        quoted(&column.name)
    ))
}

fn drop_default(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| c.default)?;
    Some(format!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", qualified(target), quoted(&column.name)))
}

fn set_not_null(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| !c.not_null)?;
    Some(format!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", qualified(target), quoted(&column.name)))
}

fn drop_not_null(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| c.not_null && !c.identity)?;
    Some(format!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", qualified(target), quoted(&column.name)))
}

fn widen(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let wider = |base: &str| match base {
        "int2" => Some("integer"),
        "int4" => Some("bigint"),
        "varchar" => Some("text"),
        "float4" => Some("double precision"),
        "date" => Some("timestamp without time zone"),
        "numeric" => Some("numeric(20,4)"),
        _ => None,
    };
    let (target, column) = column_that(dice, shape, |_, c| wider(&c.base).is_some())?;
    let type_name = wider(&column.base)?;
    Some(format!("ALTER TABLE {} ALTER COLUMN {} TYPE {type_name}", qualified(target), quoted(&column.name)))
}

fn change_with_using(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| is_number(c) || c.base == "bool")?;
    let (table, name) = (qualified(target), quoted(&column.name));
    Some(format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE text USING {name}::text"))
}

fn collate(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| is_text(c))?;
    let (table, name) = (qualified(target), quoted(&column.name));
    Some(format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE {} COLLATE \"C\"", column.type_name))
}

fn identity(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| c.identity || c.base.starts_with("int"))?;
    let what = if column.identity {
        dice.word(&[
            "DROP IDENTITY",
            "SET GENERATED BY DEFAULT",
            "SET GENERATED ALWAYS",
            "SET INCREMENT BY 3",
            "RESTART WITH 5000",
        ])
    } else {
        "ADD GENERATED BY DEFAULT AS IDENTITY"
    };
    Some(format!("ALTER TABLE {} ALTER COLUMN {} {what}", qualified(target), quoted(&column.name)))
}

fn drop_expression(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| c.generated)?;
    Some(format!("ALTER TABLE {} ALTER COLUMN {} DROP EXPRESSION", qualified(target), quoted(&column.name)))
}

/// For other modules: a check that rows meet.
pub(super) fn harmless_check(dice: &mut Dice, shape: &Shape) -> Option<(String, String)> {
    let (target, column) = table_and_column(dice, shape)?;
    Some((qualified(target), condition(column)))
}
