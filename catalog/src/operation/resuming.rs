//! An operation that has begun and not ended: how it goes on.

use crate::{
    error::{Error, Result},
    model::EditionName,
    plan::{Plan, Step, StepKind},
    store::{self, Operation, Verb},
    target::Connection,
};

/// Refuses while a publication, rollback or retirement has begun and not ended.
pub(super) async fn refuse_running_operation(connection: &Connection) -> Result<()> {
    let Some(operation) = store::running_operation(&**connection).await? else { return Ok(()) };
    let name = store::edition_by_id(&**connection, operation.edition).await?.name;
    let verb = operation.verb.as_str();
    Err(Error::refused(format!("a {verb} of edition \"{name}\" has begun and not ended"))
        .with_hint(format!("finish it first: {}", command(&operation, &name)?)))
}

/// The steps that it follows.
pub(super) fn steps(operation: &Operation) -> Result<Vec<Step>> {
    let plan = operation.plan.clone();
    Ok(match operation.verb {
        Verb::Publish => serde_json::from_value::<Plan>(plan)?.steps,
        Verb::Rollback | Verb::Retire => serde_json::from_value(plan)?,
    })
}

/// The command that goes on with it, with the file that it was begun with left to be named.
pub(super) fn command(operation: &Operation, name: &EditionName) -> Result<String> {
    let steps = steps(operation)?;
    let file = match operation.verb {
        Verb::Publish if steps.iter().any(|step| matches!(step.kind, StepKind::Load { .. })) => {
            " --load FILE"
        }
        Verb::Rollback if saves(&steps) => " --save FILE",
        Verb::Rollback => " --discard-data",
        Verb::Publish | Verb::Retire => "",
    };
    Ok(format!("edition {} {name}{file}", operation.verb.as_str()))
}

/// Whether a rollback writes a file.
pub(super) fn saves(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step.kind, StepKind::Save { .. }))
}
