//! Rows of `edition.journal`: what was done, by whom, and what would undo it.

use serde::Serialize;
use tokio_postgres::{GenericClient, Row};

use super::rfc3339;
use crate::{
    error::Result,
    model::{Name, OperationId},
};

/// An entry to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewEntry<'a> {
    /// The operation and the number of the step in it; `None` for verbs that are one step.
    pub step: Option<(OperationId, i32)>,
    /// Of which edition.
    pub edition: &'a str,
    /// init, create, publish …
    pub verb: &'a str,
    /// For people.
    pub title: &'a str,
    /// What is run.
    pub statement: Option<&'a str>,
    /// What would undo it.
    pub inverse: Option<&'a str>,
    /// started, done, undone, failed
    pub state: &'a str,
    /// More about it; for an intent, the name of the database that is being made or dropped.
    pub detail: Option<&'a str>,
}

/// An entry as read.
#[derive(Clone, Debug, Serialize)]
pub struct JournalEntry {
    /// Order.
    pub id: i64,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// Of which edition.
    pub edition: String,
    /// init, create, publish …
    pub verb: String,
    /// Step number within an operation.
    pub step: Option<i32>,
    /// For people.
    pub title: String,
    /// started, done, undone, failed
    pub state: String,
    /// What was run.
    pub statement: Option<String>,
    /// What would undo it.
    pub inverse: Option<String>,
    /// Who.
    pub role: String,
}

/// Appends an entry and returns its id.
pub async fn append(client: &impl GenericClient, entry: &NewEntry<'_>) -> Result<i64> {
    let (operation, step) = entry.step.map(|(operation, step)| (operation.get(), step)).unzip();
    let row = client
        .query_one(
            "INSERT INTO edition.journal \
             (operation_id, step, edition_name, verb, title, statement, inverse, state, detail, finished_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $8 <> 'started' THEN clock_timestamp() END) RETURNING id",
            &[
                &operation,
                &step,
                &entry.edition,
                &entry.verb,
                &entry.title,
                &entry.statement,
                &entry.inverse,
                &entry.state,
                &entry.detail,
            ],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// Appends the entry of an operation's step, or updates the one that an earlier try of the same step left. A step that is done stays so whatever
/// fails after it has been committed: only undoing it makes it another.
pub async fn record_step(client: &impl GenericClient, entry: &NewEntry<'_>) -> Result<i64> {
    let (operation, step) = entry.step.map(|(operation, step)| (operation.get(), step)).unzip();
    let updated = client
        .query_opt(
            "UPDATE edition.journal SET detail = coalesce($4, detail), \
             state = CASE WHEN state = 'done' AND $3 IN ('started', 'failed') THEN state ELSE $3 END, \
             finished_at = CASE WHEN state = 'done' THEN finished_at WHEN $3 <> 'started' THEN clock_timestamp() END \
             WHERE operation_id = $1 AND step = $2 RETURNING id",
            &[&operation, &step, &entry.state, &entry.detail],
        )
        .await?;
    match updated {
        Some(row) => Ok(row.try_get(0)?),
        None => append(client, entry).await,
    }
}

/// Ends an entry that was appended as `started`.
pub async fn mark_entry(
    client: &impl GenericClient,
    id: i64,
    state: &str,
    detail: Option<&str>,
) -> Result<()> {
    client
        .execute(
            "UPDATE edition.journal SET state = $2, detail = coalesce($3, detail), finished_at = clock_timestamp() WHERE id = $1",
            &[&id, &state, &detail],
        )
        .await?;
    Ok(())
}

/// The numbers of an operation's steps that are done, ascending.
pub async fn steps_done(client: &impl GenericClient, operation: OperationId) -> Result<Vec<i32>> {
    let rows = client
        .query(
            "SELECT step FROM edition.journal WHERE operation_id = $1 AND state = 'done' AND step IS NOT NULL ORDER BY step",
            &[&operation.get()],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Entries outside operations that were started for this blueprint database and never ended: a runner was killed
/// while it made or dropped that database.
pub async fn intents(client: &impl GenericClient, blueprint: &Name) -> Result<Vec<i64>> {
    let rows = client
        .query(
            "SELECT id FROM edition.journal WHERE operation_id IS NULL AND state = 'started' AND detail = $1 ORDER BY id",
            &[&blueprint.as_str()],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The newest `limit` entries, oldest first.
pub async fn recent(client: &impl GenericClient, limit: usize) -> Result<Vec<JournalEntry>> {
    let text = concat!(
        "SELECT * FROM (SELECT id, ",
        rfc3339!("started_at"),
        " AS started_at, ",
        rfc3339!("finished_at"),
        " AS finished_at, edition_name, verb, step, title, state, statement, inverse, role_name ",
        "FROM edition.journal ORDER BY id DESC LIMIT $1) AS newest ORDER BY id"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    client.query(text, &[&limit]).await?.iter().map(line).collect()
}

fn line(row: &Row) -> Result<JournalEntry> {
    Ok(JournalEntry {
        id: row.try_get("id")?,
        started_at: row.try_get("started_at")?,
        finished_at: row.try_get("finished_at")?,
        edition: row.try_get("edition_name")?,
        verb: row.try_get("verb")?,
        step: row.try_get("step")?,
        title: row.try_get("title")?,
        state: row.try_get("state")?,
        statement: row.try_get("statement")?,
        inverse: row.try_get("inverse")?,
        role: row.try_get("role_name")?,
    })
}
