//! A column that may be NULL from now on: an older edition, which must never see NULL there, reads its own default instead.

use super::InferInput;
use crate::{
    model::{Column, ColumnId, Direction, Generated, Identity, Schema, Table, Transform, Volatility},
    plan::{Code, Finding, own::own_types},
    sql,
    sql::Sql,
};

/// Reverse transforms for columns that lost NOT NULL and have a default in the parent; each with what is to be said about it. Columns that keys,
/// triggers or generated columns lean on are left to the author: a column of the draft's own costs more there than it gives. One that the draft has a
/// copy of for its type's sake is converted and relaxed in one: see [`transforms`](crate::plan::transforms).
pub(super) fn reverses(input: &InferInput<'_>) -> Vec<(Transform, Finding)> {
    let mut found = Vec::new();
    let own = own_types(input.parent, input.child);
    for before in &input.parent.tables {
        let Some(after) = input.child.table(before.id) else { continue };
        if is_leant_on(input.parent, before) || is_leant_on(input.child, after) {
            continue;
        }
        for column in &before.columns {
            let Some(default) = constant_default(column) else { continue };
            let relaxed = after.column(column.id).filter(|now| {
                let is_given = input.given.iter().any(|transform| {
                    (&transform.schema, &transform.table) == (&after.name.schema, &after.name.name)
                        && (transform.column == now.name || transform.column == column.name)
                });
                column.not_null
                    && !now.not_null
                    && now.of() == column.of()
                    && !now.type_id.is_some_and(|id| own.contains(&id))
                    && !is_given
                    && !is_in_key(before, column.id)
                    && !is_in_key(after, column.id)
            });
            let Some(now) = relaxed else { continue };
            let expression = sql!("coalesce({}, {})", now.name, Sql::trusted(default));
            let transform = super::transform(after, Direction::Reverse, &column.name, expression.as_str());
            let finding = Finding::new(
                Code::LossyButKept,
                format!("table {}, column {}, reverse", after.name.pretty(), column.name.as_str()),
                format!(
                    "inferred: the draft drops NOT NULL; where it writes NULL, older editions read their default, {default}"
                ),
            );
            found.push((transform, finding));
        }
    }
    found
}

fn constant_default(column: &Column) -> Option<&str> {
    let plain = column.identity == Identity::None && column.generated == Generated::None;
    let constant = column.default_volatility != Volatility::Volatile;
    column.default.as_deref().filter(|_| plain && constant)
}

fn is_leant_on(schema: &Schema, table: &Table) -> bool {
    table.columns.iter().any(|column| column.generated != Generated::None)
        || schema.triggers.iter().any(|trigger| trigger.table == table.id)
}

fn is_in_key(table: &Table, column: ColumnId) -> bool {
    table
        .constraints
        .iter()
        .any(|constraint| constraint.index.is_some() && constraint.columns.contains(&column))
        || table
            .constraints
            .iter()
            .any(|constraint| constraint.references.is_some() && constraint.columns.contains(&column))
        || table.indexes.iter().any(|index| index.unique && index.columns.contains(&column))
}
