//! Columns of domains that have rules, or a volatile default: PostgreSQL adds one only by writing the whole table anew (tablecmds.c,
//! ATExecAddColumn).

use crate::{
    error::Result,
    layout::{ChildLayout, ColumnFate},
    model::{Column, ColumnId, Schema, Volatility},
    plan::{BYTES_BUILT_AT_ONCE, Chain, Code, Finding, Hop},
    target::Connection,
};

/// What decides about such a column.
pub(super) struct RuledInput<'a> {
    /// How large the tables are.
    pub(super) chain: &'a Chain,
    /// Which columns are added.
    pub(super) layout: &'a ChildLayout,
    /// The draft.
    pub(super) child: &'a Schema,
    /// Which columns get a value of their own for each row.
    pub(super) hop: &'a Hop,
}

/// A domain's rules and default are its own and those of the domain that it is over.
const RULED: &str = "\
WITH RECURSIVE line (domain, id) AS ( \
  SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype = 'd' \
  UNION ALL SELECT line.domain, t.typbasetype FROM line JOIN pg_catalog.pg_type t ON t.oid = line.id WHERE t.typtype = 'd') \
SELECT a.attrelid, a.attnum, bool_or(t.typnotnull), bool_or(t.typnotnull OR ruled.so), bool_or(changes.so) \
FROM pg_catalog.pg_attribute a JOIN line ON line.domain = a.atttypid JOIN pg_catalog.pg_type t ON t.oid = line.id \
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid)) AS ruled (so) \
CROSS JOIN LATERAL (SELECT coalesce(t.typdefaultbin::text, '') ~ '\\{NEXTVALUEEXPR' OR EXISTS ( \
  SELECT FROM regexp_matches(t.typdefaultbin::text, ':(?:funcid|opfuncid) (\\d+)', 'g') AS found (ids) \
  JOIN pg_catalog.pg_proc p ON p.oid = found.ids[1]::oid WHERE p.provolatile = 'v')) AS changes (so) \
WHERE a.attnum > 0 AND NOT a.attisdropped AND (t.typnotnull OR ruled.so OR changes.so) \
GROUP BY 1, 2";

/// What is to be said about them: nothing about small tables, which are rewritten within the lock budget.
pub(super) async fn ruled_domains(blueprint: &Connection, input: &RuledInput<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for row in blueprint.query(RULED, &[]).await? {
        let column = (row.try_get(0)?, ColumnId::new(row.try_get(1)?));
        let domain =
            Domain { refuses_null: row.try_get(2)?, ruled: row.try_get(3)?, changes: row.try_get(4)? };
        findings.extend(judge(input, column, &domain));
    }
    Ok(findings)
}

/// What a column's domain has.
struct Domain {
    /// NOT NULL.
    refuses_null: bool,
    /// Any rule.
    ruled: bool,
    /// A default that may be another one for each row.
    changes: bool,
}

fn judge(input: &RuledInput<'_>, (table, column): (u32, ColumnId), domain: &Domain) -> Option<Finding> {
    let place = input.layout.inherited.iter().find(|place| place.id.get() == table)?;
    if place.fates.get(&column)? == &ColumnFate::Shared {
        return None;
    }
    let table = input.child.table(place.id)?;
    let column = table.column(column)?;
    let physical = place.child.column(column);
    let mut hops = input.hop.triggers.get(&place.id).into_iter().flat_map(|hop| &hop.forward);
    let is_computed = hops.any(|assignment| &assignment.target == physical);
    let subject = format!("table {}, column {}", table.name.pretty(), column.name.as_str());
    if domain.refuses_null && (is_computed || !has_value_at_once(column)) {
        let message = "its domain takes no NULL, so rows that are there cannot wait for their value";
        return Some(
            Finding::new(Code::RewritesTable, subject, message.to_owned())
                .with_fix("put NOT NULL on the column instead of the domain"),
        );
    }
    // A value of its own keeps the domain's default away.
    let takes_default = domain.changes && !is_computed && column.default.is_none();
    if !domain.ruled && !takes_default {
        return None;
    }
    let (rows, bytes) = input.chain.size(&place.child.physical);
    (bytes > BYTES_BUILT_AT_ONCE).then(|| {
        let message = format!(
            "adding a column whose domain has {} rewrites the table: nobody can use it while about {rows} rows are rewritten",
            if domain.ruled { "constraints" } else { "a volatile default" },
        );
        let instead = if domain.ruled { "use the domain's base type with a CHECK constraint on the column" } else { "put the default on the column" };
        Finding::new(Code::BlocksWriters, subject, message)
            .with_fix(format!("{instead}; or choose a quiet time, and accept it: --allow blocks-writers"))
    })
}

/// Whether ADD COLUMN itself gives a value to the rows that are there.
fn has_value_at_once(column: &Column) -> bool {
    column.default.is_some() && column.default_volatility != Volatility::Volatile
}
