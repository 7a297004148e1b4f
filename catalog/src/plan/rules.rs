//! What a table's constraints and indexes are called in an edition, as rows of the catalogue: the proxies translate by them, and
//! introspection shows them.

use crate::{
    model::{Column, Constraint, ConstraintKind, EditionId, Index, Name, Table, TableId},
    sql,
    sql::{Literal, Sql, join},
};

/// Rows of `edition.constraints` and `edition.indexes` of a table whose row in `edition.tables` is new. What they are called physically is
/// looked up when the statements run, because the names are given out by the steps before.
pub(super) fn put_rules(edition: EditionId, table: &Table) -> Vec<Sql> {
    let constraints: Vec<Sql> = table
        .constraints
        .iter()
        .map(|constraint| constraint_row(edition, table, constraint))
        .chain(table.columns.iter().filter_map(|column| not_null_row(edition, table.id, column)))
        .collect();
    let keys = table.constraints.iter().filter_map(Constraint::as_index);
    let indexes: Vec<Sql> =
        table.indexes.iter().cloned().chain(keys).map(|index| index_row(edition, table, &index)).collect();
    let mut statements = Vec::new();
    if !constraints.is_empty() {
        statements.push(sql!(
            "INSERT INTO edition.constraints (edition_id, table_id, constraint_name, kind, columns, definition, target_id) VALUES {}",
            join(constraints, ", ")
        ));
    }
    if !indexes.is_empty() {
        statements.push(sql!(
            "INSERT INTO edition.indexes (edition_id, table_id, index_name, is_unique, columns, definition) VALUES {}",
            join(indexes, ", ")
        ));
    }
    if !statements.is_empty() {
        statements.push(sql!("SELECT edition.find_standing({}, {})", edition, table.id.get()));
    }
    statements
}

fn constraint_row(edition: EditionId, table: &Table, constraint: &Constraint) -> Sql {
    let kind = match constraint.kind {
        ConstraintKind::PrimaryKey => "p",
        ConstraintKind::Unique => "u",
        ConstraintKind::Check => "c",
        ConstraintKind::ForeignKey => "f",
        ConstraintKind::Exclusion => "x",
        ConstraintKind::Other => "?",
    };
    let columns = constraint.columns.iter().filter_map(|id| table.column(*id)).map(|column| &column.name);
    let target = constraint
        .references
        .as_ref()
        .map_or_else(|| Sql::trusted("NULL::oid"), |(id, _)| sql!("{}", id.get()));
    sql!(
        "({}, {}, {}, {}, {}, {}, {})",
        edition,
        table.id.get(),
        Literal(constraint.name.as_str()),
        Literal(kind),
        names(columns),
        Literal(&constraint.definition),
        target
    )
}

fn not_null_row(edition: EditionId, table: TableId, column: &Column) -> Option<Sql> {
    let name = column.not_null_name.as_ref()?;
    Some(sql!(
        "({}, {}, {}, 'n', {}, {}, NULL)",
        edition,
        table.get(),
        Literal(name.as_str()),
        names([&column.name].into_iter()),
        Literal(sql!("NOT NULL {}", column.name).as_str())
    ))
}

fn index_row(edition: EditionId, table: &Table, index: &Index) -> Sql {
    let columns = index.columns.iter().filter_map(|id| table.column(*id)).map(|column| &column.name);
    let unique = if index.unique { "true" } else { "false" };
    sql!(
        "({}, {}, {}, {}, {}, {})",
        edition,
        table.id.get(),
        Literal(index.name.as_str()),
        Sql::trusted(unique),
        names(columns),
        Literal(&index.definition)
    )
}

fn names<'a>(columns: impl Iterator<Item = &'a Name>) -> Sql {
    let quoted = columns.map(|column| sql!("{}", Literal(column.as_str())));
    sql!("ARRAY[{}]::text[]", join(quoted, ", "))
}
