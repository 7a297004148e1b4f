//! Rows of the catalogue as statements: they are part of stored plans, so they are text.

use std::collections::BTreeMap;

use super::rules::put_rules;
use crate::{
    ddl::HopTriggers,
    error::Result,
    layout::Shape,
    model::{EditionId, Name, QualifiedName, Table, TableId},
    sql,
    sql::{Literal, Sql, join},
};

/// From now on editions manage the schema.
pub(super) fn put_schema(schema: &Name, introduced_by: EditionId) -> Sql {
    sql!(
        "INSERT INTO edition.schemas (position, schema_name, introduced_by) SELECT max(position) + 1, {}, {} FROM edition.schemas",
        Literal(schema.as_str()),
        introduced_by
    )
}

/// They no longer do.
pub(super) fn delete_schema(schema: &Name) -> Sql {
    sql!("DELETE FROM edition.schemas WHERE schema_name = {}", Literal(schema.as_str()))
}

/// Replaces the rows of `edition.tables` and `edition.columns` of one edition and table; of one with a view, those of `edition.constraints`
/// and `edition.indexes`, too.
pub(super) fn put_table(shape: &Shape, logical: &Table, view_schema: Option<&Name>) -> Vec<Sql> {
    let table = logical.id;
    let view =
        view_schema.map_or_else(|| Sql::trusted("NULL"), |schema| sql!("{}", Literal(schema.as_str())));
    let mut statements = vec![
        delete_table(shape.edition, table),
        sql!(
            "INSERT INTO edition.tables (edition_id, table_id, schema_name, table_name, physical_schema, physical_name, view_schema) VALUES ({}, {}, {}, {}, {}, {}, {})",
            shape.edition,
            table.get(),
            Literal(shape.name.schema.as_str()),
            Literal(shape.name.name.as_str()),
            Literal(shape.physical.schema.as_str()),
            Literal(shape.physical.name.as_str()),
            view
        ),
    ];
    if !shape.columns.is_empty() {
        let rows = join(
            shape.columns.iter().enumerate().map(|(position, column)| {
                sql!(
                    "({}, {}, {}, {}, {}, {})",
                    shape.edition,
                    table.get(),
                    column.id.get(),
                    Literal(column.name.as_str()),
                    Literal(column.physical.as_str()),
                    position
                )
            }),
            ", ",
        );
        statements.push(sql!(
            "INSERT INTO edition.columns (edition_id, table_id, column_id, column_name, physical_name, position) VALUES {}",
            rows
        ));
    }
    if view_schema.is_some() {
        statements.extend(put_rules(shape.edition, logical));
    }
    statements
}

/// The rows while the edition's view of a table comes or goes: names stay those of the table, and what a view cannot take is told of the table
/// itself. That is right with and without the view, if the table stands as the edition sees it.
pub(super) fn put_table_between(shape: &Shape, logical: &Table) -> Vec<Sql> {
    put_table(shape, logical, Some(&logical.name.schema))
}

/// Moves the epoch on with the transaction that changes a table, where no words are right both before and after it: the proxies learn of it
/// the moment that it is so. Whoever needs to know that they have waits for a later announcement.
pub(super) fn tell_proxies() -> Sql {
    Sql::trusted(
        "WITH moved AS (UPDATE edition.epoch SET epoch = epoch + 1 RETURNING epoch) \
         SELECT pg_catalog.pg_notify('edition', moved.epoch::text) FROM moved",
    )
}

/// Removes the rows of one edition and table (its columns, constraints and indexes go along).
pub(super) fn delete_table(edition: EditionId, table: TableId) -> Sql {
    sql!("DELETE FROM edition.tables WHERE edition_id = {} AND table_id = {}", edition, table.get())
}

/// What a name means that is not an editioning view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NameRow {
    /// relation, function or type
    pub(super) class: &'static str,
    /// The logical name.
    pub(super) name: QualifiedName,
    /// Where it is; `None`: a tombstone.
    pub(super) physical_schema: Option<Name>,
}

/// Replaces all rows of `edition.names` of one edition.
pub(super) fn put_names(edition: EditionId, rows: &[NameRow]) -> Vec<Sql> {
    let mut statements = vec![delete_names(edition)];
    if !rows.is_empty() {
        let values = join(
            rows.iter().map(|row| {
                let schema = row
                    .physical_schema
                    .as_ref()
                    .map_or_else(|| Sql::trusted("NULL"), |s| sql!("{}", Literal(s.as_str())));
                sql!(
                    "({}, {}, {}, {}, {})",
                    edition,
                    Literal(row.class),
                    Literal(row.name.schema.as_str()),
                    Literal(row.name.name.as_str()),
                    schema
                )
            }),
            ", ",
        );
        statements.push(sql!(
            "INSERT INTO edition.names (edition_id, class, schema_name, object_name, physical_schema) VALUES {}",
            values
        ));
    }
    statements
}

/// Removes all rows of `edition.names` of one edition.
pub(super) fn delete_names(edition: EditionId) -> Sql {
    sql!("DELETE FROM edition.names WHERE edition_id = {}", edition)
}

/// Replaces all rows of `edition.places` of one edition.
pub(super) fn put_places(edition: EditionId, moved: &BTreeMap<u32, Name>) -> Vec<Sql> {
    let mut statements = vec![delete_places(edition)];
    if !moved.is_empty() {
        let values = join(
            moved.iter().map(|(id, schema)| sql!("({}, {}, {})", edition, id, Literal(schema.as_str()))),
            ", ",
        );
        statements.push(sql!(
            "INSERT INTO edition.places (edition_id, object_id, physical_schema) VALUES {}",
            values
        ));
    }
    statements
}

/// Removes all rows of `edition.places` of one edition.
pub(super) fn delete_places(edition: EditionId) -> Sql {
    sql!("DELETE FROM edition.places WHERE edition_id = {}", edition)
}

/// Replaces the row of `edition.hops`.
pub(super) fn put_hop(hop: &HopTriggers) -> Result<Vec<Sql>> {
    let json = serde_json::to_string(hop)?;
    Ok(vec![
        sql!(
            "DELETE FROM edition.hops WHERE edition_id = {} AND table_id = {}",
            hop.child,
            hop.table_id.get()
        ),
        sql!(
            "INSERT INTO edition.hops (edition_id, table_id, triggers) VALUES ({}, {}, {})",
            hop.child,
            hop.table_id.get(),
            Literal(&json)
        ),
    ])
}

/// Removes the rows of `edition.hops` of one child.
pub(super) fn delete_hops(child: EditionId) -> Sql {
    sql!("DELETE FROM edition.hops WHERE edition_id = {}", child)
}
