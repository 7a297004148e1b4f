//! Constraints come, go and change.

use edition_tests::{ConstraintShape, Dice, Shape, TableShape};

use super::{Kind, column_that, columns::harmless_check, fresh, is_number, kind, qualified, quoted, table};

pub(super) const KINDS: &[Kind] = &[
    kind("add check", 4, add_check),
    kind("add check not valid", 1, add_check_not_valid),
    kind("add check no inherit", 1, add_check_no_inherit),
    kind("add unique", 3, add_unique),
    kind("add unique nulls not distinct", 1, add_unique_nulls),
    kind("add foreign key", 4, add_foreign_key),
    kind("add exclusion", 1, add_exclusion),
    kind("add primary key", 2, add_primary_key),
    kind("change primary key", 1, change_primary_key),
    kind("drop constraint", 4, drop),
    kind("rename constraint", 2, rename),
    kind("alter constraint", 1, alter),
    kind("validate constraint", 1, validate),
];

fn add_check(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (table, condition) = harmless_check(dice, shape)?;
    Some(format!("ALTER TABLE {table} ADD CONSTRAINT {} CHECK ({condition})", quoted(&fresh(dice, "check"))))
}

fn add_check_not_valid(dice: &mut Dice, shape: &Shape) -> Option<String> {
    add_check(dice, shape).map(|add| format!("{add} NOT VALID"))
}

fn add_check_no_inherit(dice: &mut Dice, shape: &Shape) -> Option<String> {
    add_check(dice, shape).map(|add| format!("{add} NO INHERIT"))
}

fn two_columns(dice: &mut Dice, target: &TableShape) -> Option<String> {
    let (one, other) = (dice.pick(&target.columns)?, dice.pick(&target.columns)?);
    let one_only = one.name == other.name || dice.chance(50);
    Some(if one_only { quoted(&one.name) } else { format!("{}, {}", quoted(&one.name), quoted(&other.name)) })
}

fn add_unique(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let columns = two_columns(dice, target)?;
    let include = match dice.pick(&target.columns) {
        Some(column) if dice.chance(15) => format!(" INCLUDE ({})", quoted(&column.name)),
        _ => String::new(),
    };
    let deferrable = dice.word(&["", "", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"]);
    let name = quoted(&fresh(dice, "unique"));
    Some(format!(
        "ALTER TABLE {} ADD CONSTRAINT {name} UNIQUE ({columns}){include}{deferrable}",
        qualified(target)
    ))
}

fn add_unique_nulls(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    Some(format!(
        "ALTER TABLE {} ADD UNIQUE NULLS NOT DISTINCT ({})",
        qualified(target),
        two_columns(dice, target)?
    ))
}

fn add_foreign_key(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let referred = table(dice, shape)?;
    let [key] = referred.key() else { return None };
    let type_name = &referred.column(key)?.type_name;
    let (target, column) = column_that(dice, shape, |_, c| &c.type_name == type_name)?;
    let action = dice.word(&[
        "",
        " ON DELETE CASCADE",
        " ON DELETE SET NULL",
        " ON UPDATE CASCADE ON DELETE RESTRICT",
        " DEFERRABLE INITIALLY DEFERRED",
        " NOT VALID",
    ]);
    Some(format!(
        "ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({}){action}",
        qualified(target),
        quoted(&column.name),
        qualified(referred),
        quoted(key)
    ))
}

fn add_exclusion(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| is_number(c))?;
    let (table, name) = (qualified(target), quoted(&column.name));
    Some(format!(
        "ALTER TABLE {table} ADD CONSTRAINT {} EXCLUDE USING btree ({name} WITH =)",
        quoted(&fresh(dice, "excl"))
    ))
}

fn add_primary_key(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let without: Vec<&TableShape> = shape.tables.iter().filter(|table| table.key().is_empty()).collect();
    let target = dice.pick(&without)?;
    Some(format!("ALTER TABLE {} ADD PRIMARY KEY ({})", qualified(target), two_columns(dice, target)?))
}

fn change_primary_key(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let target = table(dice, shape)?;
    let key = target.constraints.iter().find(|constraint| constraint.kind == 'p')?;
    let (table, old) = (qualified(target), quoted(&key.name));
    let columns = two_columns(dice, target)?;
    Some(format!("ALTER TABLE {table} DROP CONSTRAINT {old}, ADD CONSTRAINT {old} PRIMARY KEY ({columns})"))
}

fn constraint_that<'a>(
    dice: &mut Dice,
    shape: &'a Shape,
    fits: impl Fn(&ConstraintShape) -> bool,
) -> Option<(&'a TableShape, &'a ConstraintShape)> {
    let all: Vec<(&TableShape, &ConstraintShape)> = shape
        .tables
        .iter()
        .filter(|table| !table.partition)
        .flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)))
        .filter(|(_, constraint)| fits(constraint))
        .collect();
    dice.pick(&all).copied()
}

fn drop(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, constraint) = constraint_that(dice, shape, |_| true)?;
    let cascade = dice.word(&["", " CASCADE"]);
    Some(format!("ALTER TABLE {} DROP CONSTRAINT {}{cascade}", qualified(target), quoted(&constraint.name)))
}

fn rename(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, constraint) = constraint_that(dice, shape, |_| true)?;
    let name = quoted(&fresh(dice, "rule"));
    Some(format!(
        "ALTER TABLE {} RENAME CONSTRAINT {} TO {name}",
        qualified(target),
        quoted(&constraint.name)
    ))
}

fn alter(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, constraint) = constraint_that(dice, shape, |constraint| constraint.kind == 'f')?;
    let how = dice.word(&["DEFERRABLE", "DEFERRABLE INITIALLY DEFERRED", "NOT DEFERRABLE"]);
    Some(format!("ALTER TABLE {} ALTER CONSTRAINT {} {how}", qualified(target), quoted(&constraint.name)))
}

fn validate(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, constraint) = constraint_that(dice, shape, |rule| rule.definition.ends_with("NOT VALID"))?;
    Some(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(target), quoted(&constraint.name)))
}
