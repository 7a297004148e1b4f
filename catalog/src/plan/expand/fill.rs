//! The backfill of a table's new columns, and the look at what it did.

use super::{ExpandInput, TableView};
use crate::{
    ddl::AssignmentKind,
    error::Result,
    model::{Name, OnError, QualifiedName},
    physical::ROW_ALIAS,
    plan::{Fill, Lock, Step, StepKind, seeds},
    sql,
    sql::{Sql, join},
};

/// One step for each table that stores rows: the table itself, or its partitions.
pub(super) fn backfill(input: &ExpandInput<'_>, table: &TableView<'_>) -> Result<Vec<Step>> {
    let assignments: Vec<(Name, Sql)> = input
        .hop
        .backfilled(table.place.id)
        .map(|fill| (fill.target.clone(), fill.expression.clone()))
        .collect();
    if assignments.is_empty() {
        return Ok(Vec::new());
    }
    let physical = &table.place.child.physical;
    let row = row_alias();
    // In populate mode every write of an older edition sets all of these, so only rows that were there before are still NULL.
    let pending = join(
        assignments.iter().map(|(column, _)| sql!("{}.{} IS NOT DISTINCT FROM NULL", row, column)),
        " OR ",
    );
    let null_on_error: Vec<Name> = input
        .hop
        .triggers
        .get(&table.place.id)
        .into_iter()
        .flat_map(|hop| &hop.forward)
        .filter(|a| a.on_error == OnError::Null)
        .map(|a| a.target.clone())
        .collect();
    let primary_key: Vec<Name> = table
        .parent
        .primary_key()
        .iter()
        .filter_map(|id| table.place.parent.columns.get(id).cloned())
        .collect();
    let search_path = seeds::childs_search_path(input, &table.child.name.schema)?;
    let step = |store: QualifiedName| {
        let kind = StepKind::Backfill {
            table: store.clone(),
            assignments: assignments.clone(),
            null_on_error: null_on_error.clone(),
            pending: pending.clone(),
            primary_key: primary_key.clone(),
            search_path: search_path.clone(),
        };
        let title = format!("backfill {}", store.pretty());
        let size = input.chain.size(&store);
        let is_partition = store != *physical;
        let step = Step::new(title, kind, Lock::None, vec![store]).touching(size);
        if is_partition { step.of_partition() } else { step }
    };
    Ok(input.chain.stores(physical).into_iter().map(step).collect())
}

fn row_alias() -> Name {
    Name::new(ROW_ALIAS).unwrap_or_else(|_| unreachable!("a constant that is a name"))
}

/// How much of a table the look at a backfill reads, in bytes: all of a small one, and of a large one pages chosen at random, so that it
/// takes no longer.
const VERIFIED: u64 = 16 << 20;

/// Counts nothing that a trigger guarantees; looks for rows that the backfill should have reached and did not.
///
/// Meant for the moment after the backfill: what the child writes later need not follow from what its parent has.
pub(super) fn verify(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Option<Step> {
    let row = row_alias();
    let mut checks = Vec::new();
    for table in tables {
        let Some(hop) = input.hop.triggers.get(&table.place.id) else { continue };
        let percentage = percentage_verified(input, &table.place.child.physical);
        for Fill { target, expression, is_repeatable, .. } in input.hop.backfilled(table.place.id) {
            let transform = hop.forward.iter().any(|a| {
                &a.target == target && a.kind == AssignmentKind::Transform && a.on_error == OnError::Reject
            });
            // What was loaded from a rollback's file differs on purpose.
            if !transform || !is_repeatable || input.load {
                continue;
            }
            let label =
                format!("{}.{} agrees with its forward transform", hop.table.pretty(), target.as_str());
            let query = sql!(
                "SELECT {}.ctid::text FROM {} AS {} TABLESAMPLE SYSTEM ({}) WHERE ROW({}.{})::record OPERATOR(pg_catalog.*<>) ROW(CAST({} AS {}))::record LIMIT 1",
                row,
                hop.table,
                row,
                percentage,
                row,
                target,
                expression,
                type_of(table, target)
            );
            checks.push((label, query));
        }
    }
    (!checks.is_empty())
        .then(|| Step::new("verify", StepKind::Verify { checks }, Lock::AccessShare, Vec::new()))
}

/// For `TABLESAMPLE SYSTEM`, which chooses pages (PostgreSQL docs, SELECT).
fn percentage_verified(input: &ExpandInput<'_>, table: &QualifiedName) -> Sql {
    match input.chain.size(table).1 {
        0..=VERIFIED => sql!("100"),
        bytes => sql!("100.0 * {} / {}", VERIFIED, bytes),
    }
}

fn type_of(table: &TableView<'_>, physical: &Name) -> Sql {
    let found = table.shape.columns.iter().find(|column| &column.physical == physical);
    Sql::trusted(found.map_or("text", |column| column.type_name.as_str()))
}
