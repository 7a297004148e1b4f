//! What every verb starts from: a connection to an adopted database, and (if it changes anything) the runner lock.

use crate::{
    error::{Error, Result},
    introspection,
    model::{EditionName, Name},
    store::{self, NewEntry, RunnerLock},
    target::{Connection, Target},
};

/// A connection to a database that must be adopted.
pub(super) async fn adopted(target: &Target) -> Result<Connection> {
    let connection = target.connect().await?;
    refuse_proxy(&connection).await?;
    if store::is_adopted(&*connection).await? {
        return Ok(connection);
    }
    Err(Error::refused(format!("database \"{}\" is not under management yet", target.database()))
        .with_hint("edition init"))
}

/// A session of an edition sees that edition's tables, and may not change them: `edition.id` is what the proxy has told the server of it.
pub(super) async fn refuse_proxy(connection: &Connection) -> Result<()> {
    let row =
        connection.query_one("SELECT pg_catalog.current_setting('edition.id', true) <> ''", &[]).await?;
    if row.try_get::<_, Option<bool>>(0)? != Some(true) {
        return Ok(());
    }
    Err(Error::refused(
        "this connection goes through editiond, and the edition command needs the server itself",
    )
    .with_hint(
        "set EDITION_DATABASE_URL to the server's own address; DATABASE_URL may stay the application's",
    ))
}

/// The same, as the only runner, with a catalogue that is up to date. Keep the lock to the end of the verb.
pub(super) async fn alone(target: &Target) -> Result<(RunnerLock, Connection)> {
    let lock = RunnerLock::acquire(target).await?;
    let mut connection = adopted(target).await?;
    lock.enlist(&connection).await?;
    let transaction = connection.transaction().await?;
    store::install(&transaction).await?;
    transaction.commit().await?;
    if store::running_operation(&*connection).await?.is_none() {
        // The last announcement may have been killed before it did that, or a session was reading.
        introspection::withdraw(&connection).await?;
    }
    Ok((lock, connection))
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
