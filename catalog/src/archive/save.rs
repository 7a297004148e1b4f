//! Writing the archive.

use std::{path::Path, pin::pin, time::Duration};

use futures_util::StreamExt;
use tokio_postgres::{GenericClient, Transaction};

use super::{
    ArchivedColumn, ArchivedNewTable, ArchivedTable, SETTINGS,
    facts::TableFacts,
    file::{Content, Header, Reader, Section, StoredColumn, Writer},
    fingerprint,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::EditionName,
    sql,
    sql::{Sql, join},
    target::Target,
};

/// COPY gives something at least this often, or the server is gone.
const PROGRESS_DEADLINE: Duration = Duration::from_secs(300);

/// Saves to `path` what only `edition` stores, as of one moment, and returns how many rows that are.
///
/// # Errors
/// [`ErrorKind::Refused`], with nothing written, for rows that could not be loaded again: those of a table without a primary key and those with
/// an identity column that is always generated; also if `path` holds anything but an earlier archive of the same edition.
pub async fn save(
    target: &Target,
    path: &Path,
    edition: &EditionName,
    tables: &[ArchivedTable],
    new_tables: &[ArchivedNewTable],
) -> Result<u64> {
    refuse_other_files(path, edition).await?;
    let mut connection = target.connect().await?;
    connection.batch_execute(SETTINGS).await?;
    let transaction = connection
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let parts = parts(&transaction, tables, new_tables).await?;
    let header = Header::new(edition.clone(), parts.iter().map(|part| part.section.clone()).collect());
    let mut writer = Writer::create(path, &header).await?;
    for part in &parts {
        copy_out(&transaction, part, &mut writer).await?;
    }
    transaction.commit().await?;
    writer.finish().await
}

/// A section and the query that fills it.
struct Part {
    section: Section,
    query: Sql,
}

/// An archive of the same edition may be replaced (the same command, run again); anything else is not ours to touch.
async fn refuse_other_files(path: &Path, edition: &EditionName) -> Result<()> {
    if !tokio::fs::try_exists(path).await.unwrap_or(true) {
        return Ok(());
    }
    let ours = Reader::open(path).await.is_ok_and(|(_, header)| header.edition == *edition);
    if ours {
        return Ok(());
    }
    let text = format!("\"{}\" exists and is not an archive of edition {edition}", path.display());
    Err(Error::refused(text).with_hint("give another file to --save"))
}

async fn parts(
    client: &Transaction<'_>,
    tables: &[ArchivedTable],
    new_tables: &[ArchivedNewTable],
) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut unloadable = Vec::new();
    for table in tables {
        let facts = TableFacts::read(client, &table.physical).await?;
        let columns = facts.writable(&table.columns)?;
        if columns.is_empty() {
            continue;
        }
        if let Some(why) = unloadable_because(&facts, table, &columns)?
            && has_rows_to_save(client, table).await?
        {
            unloadable.push(format!("{} ({why})", table.logical.pretty()));
        }
        let key: Vec<&ArchivedColumn> = table.key.iter().collect();
        let selected = key.iter().map(|column| sql!("edition_row.{}", column.physical));
        let selected = selected
            .chain(std::iter::once(fingerprint(&table.sources)))
            .chain(columns.iter().map(|column| sql!("edition_row.{}", column.physical)));
        parts.push(Part {
            query: sql!(
                "SELECT {} FROM {} AS edition_row WHERE ({}) IS NOT TRUE",
                join(selected, ", "),
                table.physical,
                table.recomputed
            ),
            section: Section {
                table: table.logical.clone(),
                content: Content::NewerColumns,
                key: stored(&facts, &key)?,
                columns: stored(&facts, &columns)?,
            },
        });
    }
    if !unloadable.is_empty() {
        return Err(Error::refused(format!(
            "rows of these tables could not be loaded again: {}",
            unloadable.join(", ")
        ))
        .with_hint("give up what only the newer edition stored, with --discard-data"));
    }
    for table in new_tables {
        let facts = TableFacts::read(client, &table.physical).await?;
        let columns = facts.writable(&table.columns)?;
        let selected = join(columns.iter().map(|column| sql!("edition_row.{}", column.physical)), ", ");
        parts.push(Part {
            query: sql!("SELECT {} FROM {} AS edition_row", selected, table.physical),
            section: Section {
                table: table.logical.clone(),
                content: Content::WholeRows,
                key: Vec::new(),
                columns: stored(&facts, &columns)?,
            },
        });
    }
    Ok(parts)
}

fn unloadable_because(
    facts: &TableFacts,
    table: &ArchivedTable,
    columns: &[&ArchivedColumn],
) -> Result<Option<String>> {
    if table.key.is_empty() {
        return Ok(Some("it has no primary key".to_owned()));
    }
    for column in columns {
        if facts.column(&column.physical)?.identity_always {
            return Ok(Some(format!(
                "column \"{}\" is always generated as identity",
                column.logical.as_str()
            )));
        }
    }
    Ok(None)
}

async fn has_rows_to_save(client: &impl GenericClient, table: &ArchivedTable) -> Result<bool> {
    let text = sql!(
        "SELECT EXISTS (SELECT FROM {} AS edition_row WHERE ({}) IS NOT TRUE)",
        table.physical,
        table.recomputed
    );
    Ok(client.query_one(text.as_str(), &[]).await?.try_get(0)?)
}

fn stored(facts: &TableFacts, columns: &[&ArchivedColumn]) -> Result<Vec<StoredColumn>> {
    let mut stored = Vec::new();
    for column in columns {
        let type_name = facts.column(&column.physical)?.type_name.clone();
        stored.push(StoredColumn { name: column.logical.clone(), type_name });
    }
    Ok(stored)
}

async fn copy_out(client: &Transaction<'_>, part: &Part, writer: &mut Writer) -> Result<()> {
    writer.begin_section();
    let stream = client.copy_out(sql!("COPY ({}) TO STDOUT", part.query).as_str()).await?;
    let mut stream = pin!(stream);
    loop {
        let next = tokio::time::timeout(PROGRESS_DEADLINE, stream.next()).await;
        let next = next.map_err(|_| {
            let table = part.section.table.pretty();
            Error::new(ErrorKind::Database, format!("the database gave no row of {table} for five minutes"))
        })?;
        match next {
            Some(chunk) => writer.lines(&chunk?).await?,
            None => return writer.end_section().await,
        }
    }
}
