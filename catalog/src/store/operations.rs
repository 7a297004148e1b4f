//! Rows of `edition.operations`: one run of publish, rollback or retire, with the plan that it follows.

use serde_json::Value;
use tokio_postgres::{GenericClient, Row};

use crate::{
    error::{Error, Result},
    model::{EditionId, OperationId},
};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Opens a draft.
    Publish,
    /// Takes the leaf back to draft.
    Rollback,
    /// Ends the root.
    Retire,
}

impl Verb {
    /// The form in the catalogue and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Rollback => "rollback",
            Self::Retire => "retire",
        }
    }
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// Going on, or waiting to be resumed.
    Running,
    /// Going back, or waiting to be resumed in that.
    Undoing,
    /// Ended as asked.
    Done,
    /// Ended with nothing left of it.
    Undone,
}

impl OperationState {
    /// The form in the catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Undoing => "undoing",
            Self::Done => "done",
            Self::Undone => "undone",
        }
    }
}

/// An operation that has begun and not ended.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its id.
    pub id: OperationId,
    /// Of which edition.
    pub edition: EditionId,
    /// What it does.
    pub verb: Verb,
    /// `Running` or `Undoing`.
    pub state: OperationState,
    /// The stored plan, as it was written.
    pub plan: Value,
}

fn from_row(row: &Row) -> Result<Operation> {
    let (verb, state): (&str, &str) = (row.try_get("verb")?, row.try_get("state")?);
    let unknown =
        |what: &str| Error::bug(format!("the catalogue holds an unknown value \"{what}\" in an operation"));
    Ok(Operation {
        id: OperationId::new(row.try_get("id")?),
        edition: EditionId::new(row.try_get("edition_id")?),
        verb: match verb {
            "publish" => Verb::Publish,
            "rollback" => Verb::Rollback,
            "retire" => Verb::Retire,
            other => return Err(unknown(other)),
        },
        state: match state {
            "running" => OperationState::Running,
            "undoing" => OperationState::Undoing,
            "done" => OperationState::Done,
            "undone" => OperationState::Undone,
            other => return Err(unknown(other)),
        },
        plan: row.try_get("plan")?,
    })
}

/// The operation that has not ended, if there is one (there is never more than one).
pub async fn running_operation(client: &impl GenericClient) -> Result<Option<Operation>> {
    client
        .query_opt(
            "SELECT id, edition_id, verb, state, plan FROM edition.operations WHERE state IN ('running', 'undoing')",
            &[],
        )
        .await?
        .as_ref()
        .map(from_row)
        .transpose()
}

/// Begins an operation with this plan.
pub async fn insert_operation(
    client: &impl GenericClient,
    edition: EditionId,
    verb: Verb,
    plan: &Value,
) -> Result<OperationId> {
    let row = client
        .query_one(
            "INSERT INTO edition.operations (edition_id, verb, state, plan) VALUES ($1, $2, 'running', $3) RETURNING id",
            &[&edition.get(), &verb.as_str(), plan],
        )
        .await?;
    Ok(OperationId::new(row.try_get(0)?))
}

/// Turns a running operation around, or on again.
pub async fn set_operation_state(
    client: &impl GenericClient,
    id: OperationId,
    state: OperationState,
) -> Result<()> {
    client
        .execute(
            "UPDATE edition.operations SET state = $2, \
             finished_at = CASE WHEN $2 IN ('done', 'undone') THEN clock_timestamp() END WHERE id = $1",
            &[&id.get(), &state.as_str()],
        )
        .await?;
    Ok(())
}

/// Ends an operation: `Done` or `Undone`.
pub async fn finish_operation(
    client: &impl GenericClient,
    id: OperationId,
    state: OperationState,
) -> Result<()> {
    if !matches!(state, OperationState::Done | OperationState::Undone) {
        return Err(Error::bug("an operation ends as done or undone"));
    }
    set_operation_state(client, id, state).await
}
