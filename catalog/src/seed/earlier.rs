//! What earlier drafts of a line inserted. The live database has it, and drafts begin without rows, so that any change of a table can be made in them;
//! but a migration may need a row that an earlier one inserted, so it is remembered and put back on request.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    BookkeepingTables, Cells,
    read::projected,
    text::{cells_of, insert_values, key_of, literal, parents_first, set_output, text_array},
};
use crate::{
    blueprint::{read_database, rows_in},
    error::Result,
    model::{Column, Name, Schema, TableId},
    sql,
    sql::{Sql, join},
    target::Connection,
};

/// Rows that one statement notes.
const NOTES_AT_ONCE: usize = 1000;

/// Remembers the rows of a new fork, which are those of its parent's blueprint, before it is emptied.
pub(super) async fn remember(
    live: &Connection,
    fork: &mut Connection,
    path: &[(Name, Vec<Name>)],
) -> Result<()> {
    if !holds_rows(fork).await? {
        return Ok(());
    }
    let schema = read_keyed(fork, path).await?;
    let full = rows_in(&**fork, &schema).await?;
    let bookkeeping = BookkeepingTables::load(&**live).await?;
    let elsewhere = redrawn(live).await?;
    let mut known = earlier_rows(fork).await?;
    let transaction = fork.transaction().await?;
    transaction.batch_execute(set_output().as_str()).await?;
    for table in schema.tables.iter().filter(|table| full.contains(&table.name)) {
        let columns: Vec<&Column> = cells_of(table).collect();
        let Some(key) = key_of(table, &columns) else { continue };
        if bookkeeping.holds(table.name.name.as_str()) || elsewhere.contains(&table.id) {
            continue;
        }
        let cells = join(columns.iter().map(|column| sql!("{}::text", column.name)), ", ");
        let question = sql!("SELECT ARRAY[{}]::text[] FROM {} ORDER BY ctid", cells, table.name);
        let ids = join(columns.iter().map(|column| sql!("{}", column.id.get())), ", ");
        let known = known.remove(&table.id).unwrap_or_default();
        let known: BTreeSet<Cells> =
            known.iter().map(|(ids, cells)| at(&key, &projected(ids, cells, &columns))).collect();
        let mut notes = Vec::new();
        for row in transaction.query(question.as_str(), &[]).await? {
            let row: Cells = row.try_get(0)?;
            if !known.contains(&at(&key, &row)) {
                notes.push(sql!(
                    "({}, ARRAY[{}]::int2[], {})",
                    table.id.get(),
                    ids,
                    text_array(row.iter().map(Option::as_deref))
                ));
            }
        }
        for notes in notes.chunks(NOTES_AT_ONCE) {
            let note = sql!(
                "INSERT INTO edition.earlier_rows (table_id, column_ids, cells) VALUES {}",
                join(notes.iter().cloned(), ", ")
            );
            transaction.batch_execute(note.as_str()).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

/// Puts back what earlier drafts inserted, as far as the tables of today take it, and notes the keys of all rows that are there then: the
/// application's own triggers may have made more.
pub(super) async fn put_back(fork: &mut Connection, path: &[(Name, Vec<Name>)]) -> Result<()> {
    let mut rows = earlier_rows(fork).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let schema = read_keyed(fork, path).await?;
    let bookkeeping: BTreeSet<TableId> = forked_tables(fork).await?;
    let mut transaction = fork.transaction().await?;
    transaction.batch_execute(set_output().as_str()).await?;
    for table in parents_first(&schema.tables.iter().collect::<Vec<_>>()) {
        let columns: Vec<&Column> = cells_of(table).collect();
        for (ids, cells) in rows.remove(&table.id).unwrap_or_default() {
            let row = projected(&ids, &cells, &columns);
            let values: Vec<Sql> = row.iter().map(|cell| literal(cell.as_deref())).collect();
            let insert = insert_values(&sql!("{}", table.name), &columns, &[values]);
            // One that points at what was not kept, or that a later rule forbids, is left out.
            let attempt = transaction.transaction().await?;
            match attempt.batch_execute(insert.as_str()).await {
                Ok(()) => attempt.commit().await?,
                Err(error) if error.as_db_error().is_some() => attempt.rollback().await?,
                Err(error) => return Err(error.into()),
            }
        }
    }
    for table in schema.tables.iter().filter(|table| !bookkeeping.contains(&table.id)) {
        let columns: Vec<&Column> = cells_of(table).collect();
        let Some(key) = key_of(table, &columns) else { continue };
        let cells = key.iter().filter_map(|position| columns.get(*position));
        let note = sql!(
            "INSERT INTO edition.kept_keys SELECT {}, ARRAY[{}]::text[] FROM {}",
            table.id.get(),
            join(cells.map(|column| sql!("{}::text", column.name)), ", "),
            table.name
        );
        transaction.batch_execute(note.as_str()).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Whether any table has rows; most forks have none, and reading a large schema to find that out would take longer than all else.
async fn holds_rows(fork: &Connection) -> Result<bool> {
    fork.batch_execute(
        "DO $$ DECLARE one regclass; found boolean := false; BEGIN \
         FOR one IN SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'edition') LOOP \
           EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s)', one) INTO found; EXIT WHEN found; \
         END LOOP; \
         PERFORM pg_catalog.set_config('edition.holds_rows', COALESCE(found, false)::text, false); END $$",
    )
    .await?;
    let row = fork.query_one("SELECT pg_catalog.current_setting('edition.holds_rows')::boolean", &[]).await?;
    Ok(row.try_get(0)?)
}

async fn read_keyed(fork: &mut Connection, path: &[(Name, Vec<Name>)]) -> Result<Schema> {
    let editioned: Vec<Name> = path.iter().map(|(schema, _)| schema.clone()).collect();
    read_database(fork, &editioned).await
}

/// Tables of which the live database gave other keys than a draft had drawn: a row under the draft's key would stand for another one.
async fn redrawn(live: &Connection) -> Result<BTreeSet<TableId>> {
    let rows = live
        .query("SELECT DISTINCT table_id FROM edition.seed_keys WHERE draft_key <> live_key", &[])
        .await?;
    rows.iter().map(|row| Ok(TableId::new(row.try_get(0)?))).collect()
}

async fn forked_tables(fork: &Connection) -> Result<BTreeSet<TableId>> {
    let rows = fork.query("SELECT DISTINCT table_id FROM edition.forked_rows", &[]).await?;
    rows.iter().map(|row| Ok(TableId::new(row.try_get(0)?))).collect()
}

async fn earlier_rows(fork: &Connection) -> Result<BTreeMap<TableId, Vec<(Vec<i16>, Cells)>>> {
    let mut found: BTreeMap<TableId, Vec<(Vec<i16>, Cells)>> = BTreeMap::new();
    let rows =
        fork.query("SELECT table_id, column_ids, cells FROM edition.earlier_rows ORDER BY id", &[]).await?;
    for row in rows {
        found.entry(TableId::new(row.try_get(0)?)).or_default().push((row.try_get(1)?, row.try_get(2)?));
    }
    Ok(found)
}

/// The cells at some positions.
pub(super) fn at(positions: &[usize], row: &Cells) -> Cells {
    positions.iter().map(|position| row.get(*position).cloned().flatten()).collect()
}
