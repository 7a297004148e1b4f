//! Do forward and reverse transforms undo each other? Asked of the real rows, a sample of them, before anything is done.

use crate::{
    ddl::{Assignment, AssignmentKind, HopTriggers},
    model::{Name, QualifiedName, Schema, TableId},
    physical::{ROW_ALIAS, over_row_alias},
    plan::{Chain, Fill, Hop},
    sql,
    sql::{Sql, join},
};

/// Rows looked at in one table.
const SAMPLE_ROWS: u64 = 1_000;
/// Counter-examples shown.
const EXAMPLES: u64 = 3;

/// One question to the live database.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The physical table.
    pub table: QualifiedName,
    /// The parent's column, for people.
    pub column: Name,
    /// Gives the keys of rows whose value does not come back, as text.
    pub query: Sql,
}

/// For each column that a hop's reverse transforms set from what its forward ones gave: which rows do not get their value back. `physical`:
/// the child's schema under physical names.
pub fn agreements(chain: &Chain, hop: &Hop, physical: &Schema) -> Vec<Agreement> {
    let tables = hop.triggers.iter();
    tables.flat_map(|(id, triggers)| of_table(chain, hop, physical, *id, triggers)).collect()
}

fn of_table(
    chain: &Chain,
    hop: &Hop,
    physical: &Schema,
    id: TableId,
    triggers: &HopTriggers,
) -> Vec<Agreement> {
    let Some(table) = physical.table(id) else { return Vec::new() };
    let given = hop.fills(id).iter().filter_map(|Fill { target, expression, .. }| {
        let type_name = &table.column_named(target.as_str())?.type_name;
        Some(sql!("CAST({} AS {}) AS {}", expression, Sql::trusted(type_name), target))
    });
    let given = join(given, ", ");
    if given.as_str().is_empty() {
        return Vec::new();
    }
    let Some(standing) = chain.live.table_named(&triggers.table) else { return Vec::new() };
    let is_transform = |assignment: &&Assignment| assignment.kind == AssignmentKind::Transform;
    let questions = triggers.reverse.iter().filter(is_transform).filter_map(|assignment| {
        let column = standing.column_named(assignment.target.as_str())?;
        let reverse = over_row_alias(assignment.expression.as_str()).ok()?;
        let row = Sql::trusted(ROW_ALIAS);
        let query = sql!(
            "SELECT {} FROM (SELECT {}.*, {} FROM (SELECT * FROM {}{} LIMIT {}) AS {} OFFSET 0) AS {} \
             WHERE CAST(CAST({} AS {}) AS text) IS DISTINCT FROM CAST({}.{} AS text) LIMIT {}",
            key(chain, id, &row),
            row,
            given,
            triggers.table,
            sampling(chain, &triggers.table),
            SAMPLE_ROWS,
            row,
            row,
            reverse,
            Sql::trusted(&column.type_name),
            row,
            assignment.target,
            EXAMPLES
        );
        Some(Agreement { table: triggers.table.clone(), column: assignment.label.clone(), query })
    });
    questions.collect()
}

/// What names a row for people: its primary key.
fn key(chain: &Chain, id: TableId, row: &Sql) -> Sql {
    let columns = chain.leaf().and_then(|leaf| {
        let table = leaf.logical.table(id)?;
        let mapping = leaf.mapping.table(table);
        let parts = table.primary_key().iter().filter_map(|id| {
            let column = mapping.columns.get(id)?;
            Some(sql!("CAST({}.{} AS text)", row, column))
        });
        let parts: Vec<Sql> = parts.collect();
        (!parts.is_empty()).then(|| join(parts, " || ', ' || "))
    });
    columns.unwrap_or_else(|| Sql::trusted("'a row without a key'"))
}

/// Blocks from all over a large table; a small one is read from its beginning.
fn sampling(chain: &Chain, table: &QualifiedName) -> Sql {
    let (rows, _) = chain.size(table);
    match rows / (SAMPLE_ROWS * 10) {
        0 | 1 => Sql::trusted(""),
        // Ten times what is wanted, for blocks are not equally full.
        parts => sql!(" TABLESAMPLE SYSTEM (100.0 / {})", parts),
    }
}
