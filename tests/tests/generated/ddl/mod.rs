//! Random statements of data definition: each kind looks at what is there and thinks of one statement. PostgreSQL may refuse it, then
//! it is passed over; so kinds need not know all the rules.

pub(crate) mod back;
mod columns;
mod constraints;
mod indexes;
mod objects;
mod properties;
mod tables;

use edition_tests::{ColumnShape, Dice, Shape, TableShape};

/// Thinks of a statement; None if nothing is there that it could be about.
pub(crate) type Thought = fn(&mut Dice, &Shape) -> Option<String>;

/// A kind of statement.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// For the tally.
    pub(crate) name: &'static str,
    /// How often it is chosen, compared with others.
    pub(crate) weight: usize,
    think: Thought,
}

const fn kind(name: &'static str, weight: usize, think: Thought) -> Kind {
    Kind { name, weight, think }
}

fn kinds() -> Vec<Kind> {
    [tables::KINDS, columns::KINDS, constraints::KINDS, indexes::KINDS, objects::KINDS, properties::KINDS]
        .concat()
}

/// All kinds, or those that `GENERATED_KINDS` names.
pub(crate) fn chosen_kinds() -> Vec<Kind> {
    let chosen = std::env::var("GENERATED_KINDS").unwrap_or_default();
    let chosen: Vec<&str> = chosen.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    kinds().into_iter().filter(|kind| chosen.is_empty() || chosen.contains(&kind.name)).collect()
}

/// A statement of a random kind.
pub(crate) fn statement(dice: &mut Dice, kinds: &[Kind], shape: &Shape) -> Option<(&'static str, String)> {
    let mut point = dice.below(kinds.iter().map(|kind| kind.weight).sum());
    for kind in kinds {
        match point.checked_sub(kind.weight) {
            None => return (kind.think)(dice, shape).map(|sql| (kind.name, sql)),
            Some(rest) => point = rest,
        }
    }
    None
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn qualified(table: &TableShape) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.name))
}

/// A new name; now and then one that needs quotes.
fn fresh(dice: &mut Dice, prefix: &str) -> String {
    let number = dice.below(10_000);
    match dice.below(12) {
        0 => format!("Select {prefix} \"{number}\""),
        1 => format!("{prefix}${number}"),
        _ => format!("{prefix}{number}"),
    }
}

/// A table that is its own (no partition).
fn table<'a>(dice: &mut Dice, shape: &'a Shape) -> Option<&'a TableShape> {
    let tables: Vec<&TableShape> = shape.tables.iter().filter(|table| !table.partition).collect();
    dice.pick(&tables).copied()
}

fn table_and_column<'a>(dice: &mut Dice, shape: &'a Shape) -> Option<(&'a TableShape, &'a ColumnShape)> {
    let table = table(dice, shape)?;
    Some((table, dice.pick(&table.columns)?))
}

/// A column of which `fits` is true, of any table.
fn column_that<'a>(
    dice: &mut Dice,
    shape: &'a Shape,
    fits: impl Fn(&TableShape, &ColumnShape) -> bool,
) -> Option<(&'a TableShape, &'a ColumnShape)> {
    let all: Vec<(&TableShape, &ColumnShape)> = shape
        .tables
        .iter()
        .filter(|table| !table.partition)
        .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
        .filter(|(table, column)| fits(table, column))
        .collect();
    dice.pick(&all).copied()
}

/// A type, and a constant of it.
fn type_and_constant(dice: &mut Dice, shape: &Shape) -> (String, String) {
    const PLAIN: [(&str, &str); 14] = [
        ("integer", "7"),
        ("bigint", "8"),
        ("smallint", "9"),
        ("text", "'word'"),
        ("character varying(80)", "'short'"),
        ("numeric(12,2)", "1.5"),
        ("boolean", "true"),
        ("timestamp with time zone", "'2024-01-01 00:00:00+00'"),
        ("date", "'2024-02-03'"),
        ("uuid", "'00000000-0000-4000-8000-000000000001'"),
        ("jsonb", "'{}'"),
        ("text[]", "'{}'"),
        ("double precision", "2.5"),
        ("bytea", "'\\x00'"),
    ];
    let enums: Vec<_> =
        shape.types.iter().filter(|found| found.kind == 'e' && !found.labels.is_empty()).collect();
    if let Some(found) = dice.pick(&enums).filter(|_| dice.clone().chance(15)) {
        let label = dice.pick(&found.labels).cloned().unwrap_or_default();
        return (quoted(&found.name), format!("'{}'", label.replace('\'', "''")));
    }
    let (name, constant) = dice.pick(&PLAIN).copied().unwrap_or(("integer", "1"));
    (name.to_owned(), constant.to_owned())
}

fn is_number(column: &ColumnShape) -> bool {
    matches!(column.base.as_str(), "int2" | "int4" | "int8" | "numeric" | "float8")
}

fn is_text(column: &ColumnShape) -> bool {
    matches!(column.base.as_str(), "text" | "varchar")
}

/// A condition on a column that holds for most rows.
fn condition(column: &ColumnShape) -> String {
    let name = quoted(&column.name);
    if is_number(column) {
        format!("{name} > -1000")
    } else if is_text(column) {
        format!("length({name}) < 4000")
    } else {
        format!("{name} IS NOT NULL OR true")
    }
}
