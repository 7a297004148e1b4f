//! What every verb starts from: a connection to an adopted database, and (if it changes anything) the runner lock.

use crate::{
    error::{Error, Result},
    model::{EditionName, Name},
    store::{self, NewEntry, RunnerLock},
    target::{Connection, Target},
};

/// A connection to a database that must be adopted.
pub(super) async fn adopted(target: &Target) -> Result<Connection> {
    let connection = target.connect().await?;
    if store::is_adopted(&*connection).await? {
        return Ok(connection);
    }
    Err(Error::refused(format!("database \"{}\" is not under management yet", target.database()))
        .with_hint("edition init"))
}

/// The same, as the only runner, with a catalogue that is up to date. Keep the lock to the end of the verb.
pub(super) async fn alone(target: &Target) -> Result<(RunnerLock, Connection)> {
    let lock = RunnerLock::acquire(target).await?;
    let mut connection = adopted(target).await?;
    lock.enlist(&connection).await?;
    let transaction = connection.transaction().await?;
    store::install(&transaction).await?;
    transaction.commit().await?;
    Ok((lock, connection))
}

/// Refuses while a publication, rollback or retirement has begun and not ended.
pub(super) async fn refuse_running_operation(connection: &Connection) -> Result<()> {
    let Some(operation) = store::running_operation(&**connection).await? else { return Ok(()) };
    let editions = store::editions(&**connection).await?;
    let name = editions
        .iter()
        .find(|edition| edition.id == operation.edition)
        .map_or_else(|| operation.edition.to_string(), |edition| edition.name.to_string());
    let verb = operation.verb.as_str();
    Err(Error::refused(format!("a {verb} of edition \"{name}\" has begun and not ended"))
        .with_hint(format!("finish it first: edition {verb} {name}")))
}

/// Writes down that a blueprint database is about to be made or dropped: should the runner be killed meanwhile, the next one
/// knows that what it finds is ours.
pub(super) async fn intend(
    connection: &Connection,
    edition: &EditionName,
    verb: &str,
    title: &str,
    blueprint: &Name,
) -> Result<i64> {
    store::append(
        &**connection,
        &NewEntry {
            edition: edition.as_str(),
            verb,
            title,
            state: "started",
            detail: Some(blueprint.as_str()),
            ..NewEntry::default()
        },
    )
    .await
}

/// Drops what a killed runner left of this blueprint, if it was ours, and closes its journal entries.
pub(super) async fn clear_leftovers(
    target: &Target,
    connection: &Connection,
    blueprint: &Name,
) -> Result<()> {
    let intents = store::intents(&**connection, blueprint).await?;
    if intents.is_empty() {
        return Ok(());
    }
    crate::blueprint::drop_blueprint(target, blueprint).await?;
    for intent in intents {
        store::mark_entry(&**connection, intent, "undone", None).await?;
    }
    Ok(())
}
