//! Partitions that were attached with rows while editions were live: no trigger has seen these rows, so the newer edition has no values for them, and retire
//! would drop the only ones that there are.

use super::{Contraction, End};
use crate::{
    ddl::{AssignmentKind, HopTriggers},
    model::{Name, QualifiedName},
    physical::{ROW_ALIAS, over_row_alias},
    plan::{Lock, Step, StepKind},
    sql,
    sql::{Literal, Sql, join},
};

impl Contraction<'_> {
    /// Looks for such rows, before anything is dropped.
    pub(super) fn look_for_attached_rows(&self) -> Option<Step> {
        if self.input.end == End::Leaf {
            return None;
        }
        let checks: Vec<(String, Sql)> = self
            .table_ids()
            .into_iter()
            .filter_map(|id| {
                let hop = self.hop_of(id, self.gone_hop())?;
                self.live(id)?.partitioning.as_ref()?;
                let missing = missing_values(hop);
                let stores = self.input.chain.stores(&hop.table).into_iter();
                Some(stores.filter_map(move |store| check(hop, &store, missing.as_deref()?)))
            })
            .flatten()
            .collect();
        (!checks.is_empty()).then(|| {
            let kind = StepKind::Verify { checks };
            Step::new("look for partitions that were attached with rows", kind, Lock::AccessShare, Vec::new())
        })
    }
}

/// Columns that a row of an older edition's should have values in, each with its value over [`ROW_ALIAS`].
fn missing_values(hop: &HopTriggers) -> Option<Vec<(Name, Sql)>> {
    let computed = hop.forward.iter().filter(|assignment| assignment.kind != AssignmentKind::Default);
    let values: Vec<(Name, Sql)> = computed
        .filter_map(|assignment| {
            Some((assignment.target.clone(), over_row_alias(assignment.expression.as_str()).ok()?))
        })
        .collect();
    (!values.is_empty()).then_some(values)
}

/// Rows that are no younger than the place of their partition, if that is younger than the hop, and lack a value. Ages are those of the transactions that
/// made them (docs, System Columns): nothing is read of a partition that was there before.
fn check(hop: &HopTriggers, store: &QualifiedName, missing: &[(Name, Sql)]) -> Option<(String, Sql)> {
    let row = Name::new(ROW_ALIAS).ok()?;
    let lacks = |(column, value): &(Name, Sql)| {
        sql!("{}.{} IS NOT DISTINCT FROM NULL AND ({}) IS DISTINCT FROM NULL", row, column, value)
    };
    let lacking = join(missing.iter().map(lacks), " OR ");
    let relation = sql!("{}", store);
    let attached = sql!(
        "(SELECT min(pg_catalog.age(place.xmin)) FROM pg_catalog.pg_partition_ancestors({}::pg_catalog.regclass) AS above \
         JOIN pg_catalog.pg_inherits AS place ON place.inhrelid = above.relid)",
        Literal(relation.as_str())
    );
    let function = sql!("{}()", hop.forward_function());
    let table = sql!("{}", hop.table);
    // The retire of an older edition may have replaced the function, not the trigger.
    let made = sql!(
        "(SELECT max(pg_catalog.age(made.xmin)) FROM pg_catalog.pg_trigger AS made \
         WHERE made.tgrelid = {}::pg_catalog.regclass AND made.tgfoid = pg_catalog.to_regprocedure({}))",
        Literal(table.as_str()),
        Literal(function.as_str())
    );
    let query = sql!(
        "SELECT {}.ctid::text FROM ONLY {} AS {} WHERE {} < {} AND pg_catalog.age({}.xmin) >= {} AND ({}) LIMIT 1",
        row,
        store,
        row,
        attached,
        made,
        row,
        attached,
        lacking
    );
    let set = join(missing.iter().map(|(column, value)| sql!("{} = {}", column, value)), ", ");
    let mend = sql!("UPDATE ONLY {} AS {} SET {} WHERE {}", store, row, set, lacking);
    let label = format!(
        "partition {} has values for the newer edition in the rows that it was attached with (if not: {mend})",
        store.pretty()
    );
    Some((label, query))
}
