//! The ALTER statements that bring a blueprint to physical names.

use crate::{
    ddl::{function_object, move_type},
    layout::Mapping,
    model::{Function, Name, QualifiedName, Schema, Sequence, Table, View},
    sql,
    sql::{Sql, join},
};

use super::PhysicalRequest;

/// In two rounds, through names that nobody uses, so that swapped names do not meet.
pub fn rename_statements(logical: &Schema, mapping: &Mapping) -> Vec<Sql> {
    // Functions first, while the types of their arguments are where the logical schema says.
    let mut first: Vec<Sql> = logical
        .functions
        .iter()
        .filter_map(|function| Some((function, mapping.moved.get(&function.id)?)))
        .map(|(function, schema)| sql!("ALTER {} SET SCHEMA {}", function_object(function), schema))
        .collect();
    // A view may have the name that a table must get.
    first.extend(
        logical.views.iter().filter_map(|view| Some(move_view(view, mapping.moved.get(&view.id.get())?))),
    );
    let mut second = Vec::new();
    for table in &logical.tables {
        let Some(place) = mapping.tables.get(&table.id) else { continue };
        rename_columns(table, place.columns.iter().map(|(id, name)| (*id, name)), &mut first, &mut second);
        move_table(table, &place.physical, &mut first, &mut second);
        second.extend(move_partitions(table, &place.physical.schema));
    }
    for (id, schema) in &mapping.moved {
        second.extend(move_object(logical, mapping, *id, schema));
    }
    rename_sequences(logical, mapping, &mut second);
    first.extend(second);
    first
}

/// Last, when every sequence is in its schema; through names that nobody uses.
fn rename_sequences(logical: &Schema, mapping: &Mapping, statements: &mut Vec<Sql>) {
    let renamed: Vec<(QualifiedName, &Name)> = logical
        .sequences
        .iter()
        .filter_map(|sequence| {
            let with_table = sequence.owned_by.as_ref().and_then(|(table, _)| mapping.tables.get(table));
            let schema = mapping
                .moved
                .get(&sequence.id.get())
                .or(with_table.map(|place| &place.physical.schema))
                .unwrap_or(&sequence.name.schema);
            let standing = mapping.renamed.get(&sequence.id.get())?;
            Some((QualifiedName::new(schema.clone(), sequence.name.name.clone()), standing))
        })
        .collect();
    let between = |number: usize| temporary(format_args!("sequence~{number}"));
    for (number, (name, _)) in renamed.iter().enumerate() {
        statements.push(sql!("ALTER SEQUENCE {} RENAME TO {}", name, between(number)));
    }
    for (number, (name, standing)) in renamed.iter().enumerate() {
        let now = QualifiedName::new(name.schema.clone(), between(number));
        statements.push(sql!("ALTER SEQUENCE {} RENAME TO {}", now, standing));
    }
}

/// Functions that stand in an edition's schema and set `search_path` themselves find that edition's objects by it.
pub(super) fn search_path_statements(request: &PhysicalRequest<'_>) -> Vec<Sql> {
    let adapted = |function: &Function| {
        let place = request.mapping.moved.get(&function.id)?;
        let path = request.ancestry.search_path(function.search_path.as_ref()?, place, request.editioned)?;
        let arguments = Sql::trusted(&function.arguments);
        Some(sql!("ALTER ROUTINE {}({}) SET search_path = {}", function.name, arguments, join(&path, ", ")))
    };
    request.logical.functions.iter().filter_map(adapted).collect()
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

/// Partitions stand where their table stands, unless each stands where it is named.
fn move_partitions(table: &Table, schema: &Name) -> Vec<Sql> {
    if *schema == table.name.schema {
        return Vec::new();
    }
    let elsewhere = table.partitions().iter().filter(|part| part.table.name.schema != *schema);
    elsewhere.map(|part| sql!("ALTER TABLE {} SET SCHEMA {}", part.table.name, schema)).collect()
}

fn move_object(logical: &Schema, mapping: &Mapping, id: u32, schema: &Name) -> Vec<Sql> {
    if let Some(sequence) = logical.sequences.iter().find(|sequence| sequence.id.get() == id) {
        return move_sequence(mapping, sequence, schema);
    }
    logical.type_def(id).map(|definition| move_type(definition, schema)).into_iter().collect()
}

fn move_view(view: &View, schema: &Name) -> Sql {
    sql!("ALTER {} {} SET SCHEMA {}", Sql::trusted(view.keyword()), view.name, schema)
}

/// A sequence that a column owns moves with its table; where the table stays, the sequence has to be let go first
/// (PostgreSQL wants both in one schema).
fn move_sequence(mapping: &Mapping, sequence: &Sequence, schema: &Name) -> Vec<Sql> {
    let table_goes_there = sequence.owned_by.as_ref().is_some_and(|(table, _)| {
        mapping.tables.get(table).is_some_and(|place| &place.physical.schema == schema)
    });
    if table_goes_there {
        return Vec::new();
    }
    vec![
        sql!("ALTER SEQUENCE {} OWNED BY NONE", sequence.name),
        sql!("ALTER SEQUENCE {} SET SCHEMA {}", sequence.name, schema),
    ]
}
