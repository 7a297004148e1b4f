//! Indexes and statistics objects come, go and change.

use edition_tests::{Dice, Shape, TableShape};

use super::{
    Kind, column_that, condition, fresh, is_number, is_text, kind, qualified, quoted, table_and_column,
};

pub(super) const KINDS: &[Kind] = &[
    kind("create index", 6, create),
    kind("create unique index", 2, create_unique),
    kind("create special index", 2, create_special),
    kind("drop index", 3, drop),
    kind("rename index", 2, rename),
    kind("index storage", 1, storage),
    kind("index statistics target", 1, statistics_target),
    kind("create statistics", 1, create_statistics),
];

fn create(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let (table, name, index) = (qualified(target), quoted(&column.name), quoted(&fresh(dice, "index")));
    let other = quoted(&dice.pick(&target.columns)?.name);
    let condition = condition(column);
    Some(match dice.below(7) {
        0 => format!("CREATE INDEX {index} ON {table} ({name} DESC NULLS LAST)"),
        1 => format!("CREATE INDEX {index} ON {table} ({name}, {other})"),
        2 => format!("CREATE INDEX {index} ON {table} ({name}) INCLUDE ({other})"),
        3 => format!("CREATE INDEX {index} ON {table} ({name}) WHERE {condition}"),
        4 => format!("CREATE INDEX ON {table} ({name}) WITH (fillfactor = 70)"),
        5 => format!("CREATE INDEX {index} ON {table} USING hash ({name})"),
        _ => format!("CREATE INDEX {index} ON {table} ({name})"),
    })
}

fn create_unique(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let nulls = dice.word(&["", "", " NULLS NOT DISTINCT"]);
    let index = quoted(&fresh(dice, "unique"));
    Some(format!("CREATE UNIQUE INDEX {index} ON {} ({}){nulls}", qualified(target), quoted(&column.name)))
}

fn create_special(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = column_that(dice, shape, |_, c| {
        is_text(c) || is_number(c) || c.base == "jsonb" || c.base == "_text"
    })?;
    let (table, name, index) = (qualified(target), quoted(&column.name), quoted(&fresh(dice, "special")));
    let what = match column.base.as_str() {
        "jsonb" | "_text" => format!("USING gin ({name})"),
        _ if is_text(column) && dice.chance(50) => format!("(lower({name}) text_pattern_ops)"),
        _ if is_text(column) => format!("({name} COLLATE \"C\" text_pattern_ops)"),
        _ if dice.chance(50) => format!("(({name} + 1), {name})"),
        _ => format!("USING brin ({name})"),
    };
    Some(format!("CREATE INDEX {index} ON {table} {what}"))
}

fn any_index<'a>(dice: &mut Dice, shape: &'a Shape) -> Option<(&'a TableShape, &'a String)> {
    let all: Vec<(&TableShape, &String)> = shape
        .tables
        .iter()
        .filter(|table| !table.partition)
        .flat_map(|table| table.indexes.iter().map(move |index| (table, index)))
        .collect();
    dice.pick(&all).copied()
}

fn drop(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, index) = any_index(dice, shape)?;
    Some(format!("DROP INDEX {}.{}", quoted(&target.schema), quoted(index)))
}

fn rename(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, index) = any_index(dice, shape)?;
    let name = quoted(&fresh(dice, "index"));
    Some(format!("ALTER INDEX {}.{} RENAME TO {name}", quoted(&target.schema), quoted(index)))
}

fn storage(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, index) = any_index(dice, shape)?;
    let what = dice.word(&["SET (fillfactor = 60)", "RESET (fillfactor)"]);
    Some(format!("ALTER INDEX {}.{} {what}", quoted(&target.schema), quoted(index)))
}

fn statistics_target(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, index) = any_index(dice, shape)?;
    Some(format!(
        "ALTER INDEX {}.{} ALTER COLUMN 1 SET STATISTICS 300",
        quoted(&target.schema),
        quoted(index)
    ))
}

fn create_statistics(dice: &mut Dice, shape: &Shape) -> Option<String> {
    let (target, column) = table_and_column(dice, shape)?;
    let other = dice.pick(&target.columns)?;
    let kinds = dice.word(&["", "(ndistinct)", "(dependencies, mcv)"]);
    let name = quoted(&fresh(dice, "stats"));
    Some(format!(
        "CREATE STATISTICS {name} {kinds} ON {}, {} FROM {}",
        quoted(&column.name),
        quoted(&other.name),
        qualified(target)
    ))
}
