//! Reading what a draft did to rows: those of its blueprint now, against those at its fork.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{GenericClient, IsolationLevel};

use super::{
    Cells, SeedTable, Seeds, SequenceState,
    earlier::at,
    text::{cells_of, key_of, set_output},
};
use crate::{
    blueprint::rows_in,
    error::{Error, Result},
    model::{Column, ColumnId, RowSecurity, Schema, Table, TableId},
    sql,
    sql::{Sql, join},
    target::Connection,
};

/// A draft holds what migrations insert; what is more belongs into the live database by another way.
const ROWS_MAX: i64 = 50_000;

/// The rows that a fork began with, by table.
type Forked = BTreeMap<TableId, Vec<(Vec<i16>, Cells)>>;

/// Reads a draft's blueprint. Refuses more than 50,000 rows in one table.
pub async fn read_seeds(blueprint: &mut Connection, schema: &Schema) -> Result<Seeds> {
    let transaction =
        blueprint.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await?;
    transaction.batch_execute(set_output().as_str()).await?;
    transaction.batch_execute(unforced(schema).as_str()).await?;
    let known: bool = transaction
        .query_one("SELECT pg_catalog.to_regclass('edition.forked_rows') IS NOT NULL", &[])
        .await?
        .try_get(0)?;
    let forked = if known { forked_rows(&transaction).await? } else { Forked::new() };
    let kept = kept_keys(&transaction).await?;
    let full = rows_in(&transaction, schema).await?;
    let sequences = sequences(&transaction, known).await?;
    let mut seeds = Seeds { tables: Vec::new(), sequences, with_earlier: !kept.is_empty() };
    let none = BTreeSet::new();
    for table in &schema.tables {
        let before = forked.get(&table.id);
        if before.is_none() && !full.contains(&table.name) {
            continue;
        }
        let kept = kept.get(&table.id).unwrap_or(&none);
        let found = compared(&transaction, table, before.map_or(&[], Vec::as_slice), kept).await?;
        if found.rows() > 0 {
            seeds.tables.push(SeedTable { is_bookkeeping: before.is_some(), ..found });
        }
    }
    transaction.rollback().await?;
    Ok(seeds)
}

/// Lets us, who own the draft's tables, see rows that FORCE ROW LEVEL SECURITY hides from their owner, until the transaction is rolled back.
fn unforced(schema: &Schema) -> Sql {
    let forced = schema.tables.iter().filter(|table| RowSecurity::of(table).forced);
    let statements = forced.map(|table| sql!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY;", table.name));
    sql!("SET LOCAL lock_timeout = '10s'; {}", join(statements, " "))
}

async fn forked_rows(client: &impl GenericClient) -> Result<Forked> {
    let mut forked = Forked::new();
    let rows =
        client.query("SELECT table_id, column_ids, cells FROM edition.forked_rows ORDER BY id", &[]).await?;
    for row in rows {
        let row_of = (row.try_get(1)?, row.try_get(2)?);
        forked.entry(TableId::new(row.try_get(0)?)).or_default().push(row_of);
    }
    Ok(forked)
}

/// The keys of rows that the fork kept of earlier drafts; a blueprint that was forked before there were any has none.
async fn kept_keys(client: &impl GenericClient) -> Result<BTreeMap<TableId, BTreeSet<Cells>>> {
    let mut kept: BTreeMap<TableId, BTreeSet<Cells>> = BTreeMap::new();
    let known = "SELECT pg_catalog.to_regclass('edition.kept_keys') IS NOT NULL";
    if !client.query_one(known, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(kept);
    }
    for row in client.query("SELECT table_id, cells FROM edition.kept_keys", &[]).await? {
        kept.entry(TableId::new(row.try_get(0)?)).or_default().insert(row.try_get(1)?);
    }
    Ok(kept)
}

async fn sequences(client: &impl GenericClient, known: bool) -> Result<Vec<SequenceState>> {
    let at_fork = if known {
        "(SELECT f.last_value FROM edition.forked_sequences f WHERE f.sequence_id = c.oid)"
    } else {
        "NULL::bigint"
    };
    let rows = client
        .query(
            &format!(
                "SELECT c.oid, d.refobjid, d.refobjsubid::int2, {at_fork}, pg_catalog.pg_sequence_last_value(c.oid) \
                 FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_depend d \
                   ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 \
                   AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
                 WHERE c.relkind = 'S' ORDER BY c.oid"
            ),
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let owner: (Option<u32>, Option<i16>) = (row.try_get(1)?, row.try_get(2)?);
            Ok(SequenceState {
                id: row.try_get(0)?,
                owner: owner
                    .0
                    .zip(owner.1)
                    .map(|(table, column)| (TableId::new(table), ColumnId::new(column))),
                at_fork: row.try_get(3)?,
                now: row.try_get(4)?,
            })
        })
        .collect()
}

async fn compared(
    client: &impl GenericClient,
    table: &Table,
    before: &[(Vec<i16>, Cells)],
    kept: &BTreeSet<Cells>,
) -> Result<SeedTable> {
    let columns: Vec<&Column> = cells_of(table).collect();
    let cells = join(columns.iter().map(|column| sql!("{}::text", column.name)), ", ");
    let question =
        sql!("SELECT ARRAY[{}]::text[] FROM {} ORDER BY ctid LIMIT {}", cells, table.name, ROWS_MAX + 1);
    let rows = client.query(question.as_str(), &[]).await?;
    if i64::try_from(rows.len()).unwrap_or(i64::MAX) > ROWS_MAX {
        return Err(Error::refused(format!(
            "the draft holds more than {ROWS_MAX} rows in table {}",
            table.name.pretty()
        ))
        .with_hint("TRUNCATE it in the draft and load the rows through the edition once it is published"));
    }
    let now: Vec<Cells> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let before: Vec<Cells> = before.iter().map(|(ids, cells)| projected(ids, cells, &columns)).collect();
    let key = key_of(table, &columns);
    let is_kept = |row: &Cells| key.as_ref().is_some_and(|key| kept.contains(&at(key, row)));
    let now = now.into_iter().filter(|row| !is_kept(row)).collect();
    let (inserted, updated, deleted) = difference(before, now, key.as_deref());
    Ok(SeedTable {
        table: table.id,
        is_bookkeeping: false,
        columns: columns.iter().map(|column| column.id).collect(),
        inserted,
        updated,
        deleted,
    })
}

/// A row of the fork in the columns of today.
pub(super) fn projected(ids: &[i16], cells: &Cells, columns: &[&Column]) -> Cells {
    columns
        .iter()
        .map(|column| {
            let position = ids.iter().position(|id| *id == column.id.get())?;
            cells.get(position).cloned().flatten()
        })
        .collect()
}

type Difference = (Vec<Cells>, Vec<(Cells, Cells)>, Vec<Cells>);

/// What came, what changed (told by `key`), what went.
fn difference(before: Vec<Cells>, now: Vec<Cells>, key: Option<&[usize]>) -> Difference {
    let mut gone: BTreeMap<Cells, usize> = BTreeMap::new();
    for row in before {
        *gone.entry(row).or_default() += 1;
    }
    let mut inserted = Vec::new();
    for row in now {
        match gone.get_mut(&row).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => inserted.push(row),
        }
    }
    let mut deleted: Vec<Cells> =
        gone.into_iter().flat_map(|(row, count)| std::iter::repeat_n(row, count)).collect();
    let mut updated = Vec::new();
    if let Some(key) = key {
        let key_of =
            |row: &Cells| key.iter().map(|position| row.get(*position).cloned().flatten()).collect::<Cells>();
        let mut by_key: BTreeMap<Cells, Cells> = deleted.into_iter().map(|row| (key_of(&row), row)).collect();
        inserted.retain(|row| match by_key.remove(&key_of(row)) {
            Some(old) => {
                updated.push((old, row.clone()));
                false
            }
            None => true,
        });
        deleted = by_key.into_values().collect();
    }
    (inserted, updated, deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Cells {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn a_key_tells_a_changed_row_from_a_new_one() {
        let before = vec![row(&["1", "a"]), row(&["2", "b"]), row(&["3", "c"])];
        let now = vec![row(&["1", "a"]), row(&["2", "B"]), row(&["4", "d"])];
        let (inserted, updated, deleted) = difference(before.clone(), now.clone(), Some(&[0]));
        assert_eq!(inserted, [row(&["4", "d"])]);
        assert_eq!(updated, [(row(&["2", "b"]), row(&["2", "B"]))]);
        assert_eq!(deleted, [row(&["3", "c"])]);
        let (inserted, updated, deleted) = difference(before, now, None);
        assert_eq!((inserted.len(), updated.len(), deleted.len()), (2, 0, 2));
    }

    #[test]
    fn equal_rows_are_counted() {
        let (inserted, _, deleted) = difference(vec![row(&["x"])], vec![row(&["x"]), row(&["x"])], None);
        assert_eq!((inserted, deleted), (vec![row(&["x"])], Vec::new()));
    }
}
