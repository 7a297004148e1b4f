//! The ALTER statements that bring a blueprint to physical names.

use crate::{
    layout::Mapping,
    model::{Name, QualifiedName, Schema, Table},
    sql,
    sql::Sql,
};

/// In two rounds, through names that nobody uses, so that swapped names do not meet.
pub fn rename_statements(logical: &Schema, mapping: &Mapping) -> Vec<Sql> {
    let mut first = Vec::new();
    let mut second = Vec::new();
    for table in &logical.tables {
        let Some(place) = mapping.tables.get(&table.id) else { continue };
        rename_columns(table, place.columns.iter().map(|(id, name)| (*id, name)), &mut first, &mut second);
        move_table(table, &place.physical, &mut first, &mut second);
    }
    for (id, schema) in &mapping.moved {
        second.extend(move_object(logical, *id, schema));
    }
    first.extend(second);
    first
}

fn temporary(number: impl std::fmt::Display) -> Name {
    Name::new(format!("edition~{number}")).unwrap_or_else(|_| unreachable!("short and not empty"))
}

fn rename_columns<'a>(
    table: &Table,
    places: impl Iterator<Item = (crate::model::ColumnId, &'a Name)>,
    first: &mut Vec<Sql>,
    second: &mut Vec<Sql>,
) {
    for (id, physical) in places {
        let Some(column) = table.column(id).filter(|column| &column.name != physical) else { continue };
        let between = temporary(id);
        first.push(sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", table.name, column.name, between));
        // The table keeps its logical name until the second round is over: column renames come before table moves.
        second.push(sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", table_between(table), between, physical));
    }
}

/// Where a table stands between the rounds.
fn table_between(table: &Table) -> QualifiedName {
    QualifiedName::new(table.name.schema.clone(), temporary(table.id))
}

fn move_table(table: &Table, physical: &QualifiedName, first: &mut Vec<Sql>, second: &mut Vec<Sql>) {
    let between = table_between(table);
    first.push(sql!("ALTER TABLE {} RENAME TO {}", table.name, between.name));
    let mut at = between;
    if physical.schema != at.schema {
        second.push(sql!("ALTER TABLE {} SET SCHEMA {}", at, physical.schema));
        at.schema = physical.schema.clone();
    }
    second.push(sql!("ALTER TABLE {} RENAME TO {}", at, physical.name));
}

fn move_object(logical: &Schema, id: u32, schema: &Name) -> Option<Sql> {
    if let Some(sequence) = logical.sequences.iter().find(|sequence| sequence.id.get() == id) {
        // A sequence that a column owns moves with its table.
        let owned_by_moved = sequence.owned_by.is_some();
        return (!owned_by_moved).then(|| sql!("ALTER SEQUENCE {} SET SCHEMA {}", sequence.name, schema));
    }
    if let Some(view) = logical.views.iter().find(|view| view.id.get() == id) {
        return Some(sql!("ALTER VIEW {} SET SCHEMA {}", view.name, schema));
    }
    if let Some(function) = logical.functions.iter().find(|function| function.id == id) {
        let arguments = Sql::trusted(&function.arguments);
        let keyword = Sql::trusted(&function.keyword);
        return Some(sql!("ALTER {} {}({}) SET SCHEMA {}", keyword, function.name, arguments, schema));
    }
    let definition = logical.types.iter().find(|definition| definition.id == id)?;
    Some(sql!("ALTER TYPE {} SET SCHEMA {}", definition.name, schema))
}
