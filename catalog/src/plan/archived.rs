//! What only the newer edition stores: what `rollback --save` writes and `publish --load` reads.

use std::collections::BTreeSet;

use crate::{
    archive::{ArchivedColumn, ArchivedNewTable, ArchivedTable},
    ddl::{AssignmentKind, HopTriggers},
    error::{Error, Result},
    layout::{ColumnFate, TableMapping},
    model::{ColumnId, Generated, Name, Table, Volatility},
    physical::{ROW_ALIAS, over_row_alias},
    sql,
    sql::{Sql, join},
};

use super::{Chain, ExpandInput};

/// Tables with columns of the newer edition's own, and tables that only it has.
#[derive(Clone, Debug, Default)]
pub struct Archived {
    /// Both editions have them.
    pub tables: Vec<ArchivedTable>,
    /// Only the newer one has them.
    pub new_tables: Vec<ArchivedNewTable>,
}

/// One table as its newer edition has it.
struct Side<'a> {
    logical: &'a Table,
    /// The same under physical names.
    physical: &'a Table,
    mapping: &'a TableMapping,
    /// Columns that only this edition stores.
    own: BTreeSet<ColumnId>,
    hop: Option<&'a HopTriggers>,
    /// The physical columns in an order that outlives their names.
    order: Vec<Name>,
}

/// What the leaf alone stores, for a rollback.
pub fn stored_by_leaf(chain: &Chain, hops: &[HopTriggers]) -> Result<Archived> {
    let (leaf, elders) = chain.members.split_last().ok_or_else(|| Error::bug("no edition is live"))?;
    let mut archived = Archived::default();
    for logical in &leaf.logical.tables {
        let mapping = leaf.mapping.table(logical);
        let physical = leaf.physical.table(logical.id).unwrap_or(logical);
        let sharing: Vec<TableMapping> = elders
            .iter()
            .filter_map(|member| Some(member.mapping.table(member.logical.table(logical.id)?)))
            .collect();
        if sharing.is_empty() {
            archived.new_tables.push(new_table(logical, &mapping));
            continue;
        }
        let is_taken =
            |name: &Name| sharing.iter().any(|other| other.columns.values().any(|known| known == name));
        let own = logical
            .columns
            .iter()
            .filter(|column| !is_taken(mapping.column(column)) && column.generated == Generated::None)
            .map(|column| column.id)
            .collect();
        let hop = hops.iter().find(|hop| hop.table_id == logical.id && hop.child == leaf.edition.id);
        let order = chain.physical_order(&mapping.physical);
        archived.tables.extend(table(&Side { logical, physical, mapping: &mapping, own, hop, order })?);
    }
    Ok(archived)
}

/// What the child alone will store, for a publication that loads it again.
pub(super) fn stored_by_child(input: &ExpandInput<'_>) -> Result<Archived> {
    let mut archived = Archived::default();
    for logical in &input.child.tables {
        let Some(mapping) = input.layout.mapping.tables.get(&logical.id) else { continue };
        let physical = input.physical.table(logical.id).unwrap_or(logical);
        let Some(place) = input.layout.inherited.iter().find(|place| place.id == logical.id) else {
            archived.new_tables.push(new_table(logical, mapping));
            continue;
        };
        let own = place.fates.iter().filter(|(_, fate)| **fate != ColumnFate::Shared).map(|(id, _)| *id);
        let is_stored = |id: &ColumnId| logical.column(*id).is_some_and(|c| c.generated == Generated::None);
        let own = own.filter(is_stored).collect();
        let hop = input.hop.triggers.get(&logical.id);
        let order = input.chain.physical_order(&mapping.physical);
        archived.tables.extend(table(&Side { logical, physical, mapping, own, hop, order })?);
    }
    Ok(archived)
}

fn columns<'a>(side: &'a Side<'_>, ids: impl IntoIterator<Item = &'a ColumnId>) -> Vec<ArchivedColumn> {
    ids.into_iter()
        .filter_map(|id| side.logical.column(*id))
        .map(|column| both_names(column, side.mapping))
        .collect()
}

fn both_names(column: &crate::model::Column, mapping: &TableMapping) -> ArchivedColumn {
    ArchivedColumn { logical: column.name.clone(), physical: mapping.column(column).clone() }
}

fn new_table(logical: &Table, mapping: &TableMapping) -> ArchivedNewTable {
    let stored = logical.columns.iter().filter(|column| column.generated == Generated::None);
    ArchivedNewTable {
        physical: mapping.physical.clone(),
        logical: logical.name.clone(),
        columns: stored.map(|column| both_names(column, mapping)).collect(),
    }
}

fn table(side: &Side<'_>) -> Result<Option<ArchivedTable>> {
    if side.own.is_empty() {
        return Ok(None);
    }
    let read: BTreeSet<&Name> =
        side.hop.iter().flat_map(|hop| &hop.forward).flat_map(|a| &a.sources).map(|(name, _)| name).collect();
    let recomputed = side.own.iter().map(|id| recomputed(side, *id)).collect::<Result<Vec<Sql>>>()?;
    Ok(Some(ArchivedTable {
        physical: side.mapping.physical.clone(),
        logical: side.logical.name.clone(),
        key: columns(side, side.logical.primary_key()),
        sources: side.order.iter().filter(|name| read.contains(name)).cloned().collect(),
        columns: columns(side, &side.own),
        recomputed: join(recomputed, " AND "),
    }))
}

/// Whether a column holds just what a new publication would give it anyway.
fn recomputed(side: &Side<'_>, id: ColumnId) -> Result<Sql> {
    let missing = || Error::bug("a column of the archive is not in its schema");
    let column = side.physical.column(id).ok_or_else(missing)?;
    let name = side.logical.column(id).map(|logical| side.mapping.column(logical)).ok_or_else(missing)?;
    let row = Name::new(ROW_ALIAS).map_err(|error| Error::bug(error.to_string()))?;
    let given =
        match side.hop.and_then(|hop| hop.forward.iter().find(|assignment| &assignment.target == name)) {
            Some(assignment) if assignment.kind == AssignmentKind::Default => None,
            Some(assignment) => Some(over_row_alias(assignment.expression.as_str())?),
            None if column.default_volatility == Volatility::Volatile => None,
            None => Some(Sql::trusted(column.default.as_deref().unwrap_or("NULL"))),
        };
    Ok(match given {
        // A value of its own in each row: never given twice.
        None => Sql::trusted("false"),
        Some(expression) => {
            let type_name = Sql::trusted(&column.type_name);
            sql!(
                "ROW({}.{})::record OPERATOR(pg_catalog.*=) ROW(CAST({} AS {}))::record",
                row,
                name,
                expression,
                type_name
            )
        }
    })
}
