//! `deinit`: the way out: removes the catalogue and all blueprints of a database at rest.

use serde::Serialize;

use super::resuming::refuse_running_operation;
use crate::{
    blueprint,
    error::{Error, Result},
    event::{Event, Events},
    model::{Edition, EditionState, Name},
    store::{self, RunnerLock},
    target::{Connection, Target},
};

/// What `deinit` may be told.
#[derive(Clone, Debug, Default)]
pub struct DeinitOptions {
    /// Also give up a draft, if there is one.
    pub discard_draft: bool,
}

/// What `deinit` did.
#[derive(Clone, Debug, Serialize)]
pub struct Deinitialised {
    /// False if the database was not adopted.
    pub changed: bool,
}

/// Removes everything of ours; refused while more than one edition is live. Blueprints go first and the catalogue last, so
/// that a killed run leaves what the next one needs to finish.
pub async fn deinit(target: &Target, options: &DeinitOptions, events: &dyn Events) -> Result<Deinitialised> {
    let _lock = RunnerLock::acquire(target).await?;
    let mut connection = target.connect().await?;
    if !store::catalogue_exists(&*connection).await? {
        return Ok(Deinitialised { changed: false });
    }
    refuse_running_operation(&connection).await?;
    let editions = store::editions(&*connection).await?;
    refuse_live_chain(&editions)?;
    if let Some(draft) = editions.iter().find(|edition| edition.state == EditionState::Draft)
        && !options.discard_draft
    {
        return Err(Error::refused(format!("edition \"{}\" is a draft that would be lost", draft.name))
            .with_hint("edition deinit --discard-draft gives it up"));
    }
    for database in blueprints(&connection, &editions).await? {
        events.emit(Event::Note { text: format!("dropping database {}", database.as_str()) });
        blueprint::drop_blueprint(target, &database).await?;
    }
    let transaction = connection.transaction().await?;
    // Heard by the proxies when this commits; they find the catalogue gone.
    store::bump_epoch(&transaction).await?;
    transaction
        .batch_execute("DROP SCHEMA IF EXISTS edition_catalog CASCADE; DROP SCHEMA edition CASCADE")
        .await?;
    transaction.commit().await?;
    Ok(Deinitialised { changed: true })
}

fn refuse_live_chain(editions: &[Edition]) -> Result<()> {
    let open: Vec<&Edition> =
        editions.iter().filter(|edition| edition.state != EditionState::Draft).collect();
    let [root, .., leaf] = open.as_slice() else { return Ok(()) };
    Err(Error::refused(format!(
        "{} editions are live, from \"{}\" to \"{}\"",
        open.len(),
        root.name,
        leaf.name
    ))
    .with_hint(format!(
        "leave one: edition retire {}, or edition rollback {} --save FILE",
        root.name, leaf.name
    )))
}

/// The databases that the catalogue names: of its editions, and of an init or create that was killed.
async fn blueprints(connection: &Connection, editions: &[Edition]) -> Result<Vec<Name>> {
    let mut names: Vec<Name> = editions.iter().rev().map(|edition| edition.blueprint.clone()).collect();
    let rows = connection
        .query(
            "SELECT DISTINCT detail FROM edition.journal \
             WHERE operation_id IS NULL AND state = 'started' AND verb IN ('init', 'create') AND detail IS NOT NULL",
            &[],
        )
        .await?;
    for row in &rows {
        let name = store::stored_name(row.try_get(0)?)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
