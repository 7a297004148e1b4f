//! The cursors of a backfill: rows of `edition.backfills`.
//!
//! A table is cut into more ranges than there are workers, so that they end together and a resumption may use more of them.
//! Blocks are counted once: what comes later is written under the populate-mode triggers.

use std::collections::VecDeque;

use tokio_postgres::{Client, GenericClient};

use super::{Run, statement::regclass};
use crate::{
    error::{Error, Result},
    model::QualifiedName,
    sql,
};

/// Ranges per worker.
const RANGES_PER_JOB: u64 = 4;
/// A range is not worth having with fewer blocks than this.
const RANGE_BLOCKS_MIN: u64 = 256;
/// How many blocks are looked at to guess how many rows a block holds, where PostgreSQL has no statistics.
const SAMPLE_BLOCKS: i64 = 16;

/// One row of `edition.backfills`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) number: i32,
    /// Where it was cut.
    first: u64,
    pub(super) next: u64,
    /// Exclusive.
    pub(super) end: u64,
    rows_changed: u64,
}

/// All cursors of one table.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    all: Vec<Range>,
    /// The file that block numbers were counted for.
    pub(super) filenode: u32,
    /// By estimate.
    pub(super) rows_per_block: f64,
    /// No line pointer is greater.
    pub(super) offset_max: u64,
}

impl Ranges {
    pub(super) fn unfinished(&self) -> VecDeque<Range> {
        self.all.iter().filter(|range| range.next < range.end).cloned().collect()
    }

    pub(super) fn blocks_total(&self) -> u64 {
        self.all.iter().map(|range| range.end - range.first.min(range.end)).sum()
    }

    pub(super) fn blocks_done(&self) -> u64 {
        self.all.iter().map(|range| range.next - range.first.min(range.next)).sum()
    }

    pub(super) fn rows_changed(&self) -> u64 {
        self.all.iter().map(|range| range.rows_changed).sum()
    }
}

/// The physical state of the table.
struct Measures {
    filenode: u32,
    blocks: u64,
    rows_per_block: f64,
    block_size: u64,
}

/// Takes up the cursors of an earlier run, or cuts the table into ranges. Cursors for a file that is no longer the table's are
/// made anew, because rows that were not done may have moved behind them.
pub(super) async fn prepare(client: &mut Client, run: &Run<'_>) -> Result<Ranges> {
    let transaction = client.transaction().await?;
    let measures = measure(&transaction, &run.spec.table).await?;
    let mut ranges = load(&transaction, run, measures.filenode).await?;
    if ranges.is_empty() {
        let rows_changed = discard(&transaction, run).await?;
        ranges = cut(measures.blocks, run.options.jobs);
        insert(&transaction, run, measures.filenode, &ranges, rows_changed).await?;
        if let Some(first) = ranges.first_mut() {
            first.rows_changed = rows_changed;
        }
    }
    transaction.commit().await?;
    Ok(Ranges {
        all: ranges,
        filenode: measures.filenode,
        rows_per_block: measures.rows_per_block,
        // every tuple needs a line pointer of 4 bytes and a header of 24
        offset_max: measures.block_size / 28,
    })
}

/// The file first, its size second: should the table be rewritten in between, the file no longer matches and we start over.
async fn measure(client: &impl GenericClient, table: &QualifiedName) -> Result<Measures> {
    let relation = regclass(table);
    let text = sql!(
        "SELECT pg_relation_filenode({}), current_setting('block_size')::bigint, \
                (SELECT CASE WHEN relpages > 0 AND reltuples > 0 THEN reltuples::float8 / relpages END FROM pg_class WHERE oid = {})",
        relation,
        relation
    );
    let row = client.query_one(text.as_str(), &[]).await?;
    let filenode: Option<u32> = row.try_get(0)?;
    let filenode =
        filenode.ok_or_else(|| Error::bug(format!("{} has no storage to fill in", table.pretty())))?;
    let block_size: i64 = row.try_get(1)?;
    let known: Option<f64> = row.try_get(2)?;
    let size: i64 =
        client.query_one(sql!("SELECT pg_relation_size({})", relation).as_str(), &[]).await?.try_get(0)?;
    let blocks = size / block_size.max(1);
    let rows_per_block = match known {
        Some(known) => known,
        None => sample(client, table, blocks.min(SAMPLE_BLOCKS)).await?,
    };
    Ok(Measures {
        filenode,
        blocks: unsigned(blocks),
        rows_per_block: rows_per_block.max(1.0),
        block_size: unsigned(block_size),
    })
}

async fn sample(client: &impl GenericClient, table: &QualifiedName, blocks: i64) -> Result<f64> {
    let text = sql!(
        "SELECT count(*)::float8 / greatest({}, 1) FROM ONLY {} AS edition_row WHERE edition_row.ctid < '({},0)'::tid",
        blocks,
        table,
        blocks
    );
    Ok(client.query_one(text.as_str(), &[]).await?.try_get(0)?)
}

async fn load(client: &impl GenericClient, run: &Run<'_>, filenode: u32) -> Result<Vec<Range>> {
    let rows = client
        .query(
            "SELECT range, next_block, end_block, rows_changed, \
                    lag(end_block, 1, 0::bigint) OVER (ORDER BY range) AS first_block FROM edition.backfills \
             WHERE operation_id = $1 AND step = $2 AND filenode = $3 ORDER BY range",
            &[&run.operation.get(), &run.step, &filenode],
        )
        .await?;
    let range = |row: &tokio_postgres::Row| -> Result<Range> {
        Ok(Range {
            number: row.try_get("range")?,
            first: unsigned(row.try_get("first_block")?),
            next: unsigned(row.try_get("next_block")?),
            end: unsigned(row.try_get("end_block")?),
            rows_changed: unsigned(row.try_get("rows_changed")?),
        })
    };
    rows.iter().map(range).collect()
}

/// Removes cursors of another file and returns how many rows they had changed.
async fn discard(client: &impl GenericClient, run: &Run<'_>) -> Result<u64> {
    let rows = client
        .query(
            "DELETE FROM edition.backfills WHERE operation_id = $1 AND step = $2 RETURNING rows_changed",
            &[&run.operation.get(), &run.step],
        )
        .await?;
    rows.iter().map(|row| Ok(unsigned(row.try_get(0)?))).sum()
}

async fn insert(
    client: &impl GenericClient,
    run: &Run<'_>,
    filenode: u32,
    ranges: &[Range],
    rows_changed_before: u64,
) -> Result<()> {
    for range in ranges {
        let rows_changed = if range.number == 0 { rows_changed_before } else { 0 };
        client
            .execute(
                "INSERT INTO edition.backfills (operation_id, step, range, filenode, next_block, end_block, rows_changed) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
                &[
                    &run.operation.get(),
                    &run.step,
                    &range.number,
                    &filenode,
                    &signed(range.next),
                    &signed(range.end),
                    &signed(rows_changed),
                ],
            )
            .await?;
    }
    Ok(())
}

/// Cuts so many blocks into ranges of nearly the same size; at least one, so that an empty table counts as done.
fn cut(blocks: u64, jobs: u32) -> Vec<Range> {
    let count = (u64::from(jobs) * RANGES_PER_JOB).min(blocks / RANGE_BLOCKS_MIN).max(1);
    (0_i32..)
        .zip(0..count)
        .map(|(number, place)| {
            let first = blocks * place / count;
            Range { number, first, next: first, end: blocks * (place + 1) / count, rows_changed: 0 }
        })
        .collect()
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_table_without_gap_or_overlap() {
        for (blocks, jobs, expected) in
            [(0, 4, 1), (1, 4, 1), (1_023, 4, 3), (100_000, 4, 16), (100_000, 0, 1)]
        {
            let ranges = cut(blocks, jobs);
            assert_eq!(ranges.len(), expected, "{blocks} blocks, {jobs} jobs");
            assert_eq!(ranges.first().unwrap().next, 0);
            assert_eq!(ranges.last().unwrap().end, blocks);
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].next));
        }
    }
}
