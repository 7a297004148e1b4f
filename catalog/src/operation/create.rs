//! `create`: fork the leaf's blueprint into a draft.

use std::path::PathBuf;

use serde::Serialize;
use tokio_postgres::error::SqlState;

use super::{
    Programs,
    footing::{alone, clear_leftovers, intend},
    init::does_not_fit,
    resuming::refuse_running_operation,
};
use crate::{
    blueprint,
    blueprint::Script,
    error::{Error, Result},
    event::{Event, Events},
    model::{Edition, EditionName, EditionState, Name},
    seed::fork_rows,
    snapshot::Snapshot,
    sql::{data_statements, note_statements},
    store::{self, NewEntry},
    target::{Connection, Target},
};

/// What `create` may be told.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// The new edition.
    pub name: EditionName,
    /// SQL files to run in the draft, in order, each in one transaction; `-` is standard input.
    pub from: Vec<PathBuf>,
    /// Whether the draft begins with the rows that earlier drafts inserted; else it has none.
    pub with_rows: bool,
    /// Free text.
    pub comment: Option<String>,
    /// `psql` runs the files.
    pub programs: Programs,
}

/// What `create` did.
#[derive(Clone, Debug, Serialize)]
pub struct Created {
    /// False if this draft was there already.
    pub changed: bool,
    /// The draft.
    pub edition: Edition,
}

/// Creates a draft as a child of the leaf; a failing file leaves no draft behind.
pub async fn create(target: &Target, options: &CreateOptions, events: &dyn Events) -> Result<Created> {
    let blueprint = options.name.blueprint_for(target.database()).map_err(|error| does_not_fit(&error))?;
    let (_lock, mut connection) = alone(target).await?;
    for schema in store::schemas(&*connection).await? {
        options.name.schema_for(&schema).map_err(|error| does_not_fit(&error))?;
    }
    if let Some(edition) = store::edition_named(&*connection, &options.name).await? {
        return created_before(target, &mut connection, options, edition, events).await;
    }
    refuse_running_operation(&connection).await?;
    let parent = live_leaf(&connection).await?;

    clear_leftovers(target, &connection, &blueprint).await?;
    if blueprint::exists(target, &blueprint).await? {
        return Err(Error::refused(format!("database \"{}\" exists already", blueprint.as_str())).with_hint(
            "it would be the blueprint of this draft: drop or rename it, or choose another name",
        ));
    }
    let intent =
        intend(&connection, &options.name, "create", "fork the parent's blueprint", &blueprint).await?;
    if let Err(error) = make(target, &mut connection, options, (&parent, &blueprint), events).await {
        // A database of that name that somebody made in this very moment is not ours to drop.
        if error.sqlstate() != Some(SqlState::DUPLICATE_DATABASE) {
            blueprint::drop_blueprint(target, &blueprint).await?;
        }
        store::mark_entry(&*connection, intent, "failed", None).await?;
        return Err(error);
    }

    let transaction = connection.transaction().await?;
    let edition = store::insert_edition(
        &transaction,
        &options.name,
        Some(parent.id),
        EditionState::Draft,
        &blueprint,
        options.comment.as_deref(),
    )
    .await?;
    store::mark_entry(&transaction, intent, "done", None).await?;
    let epoch = store::bump_epoch(&transaction).await?;
    transaction.commit().await?;
    store::tell_proxies(&*connection, epoch).await?;
    Ok(Created { changed: true, edition })
}

/// The edition is there: fine if it is a draft; a draft that lost its blueprint (a kill while it was dropped) is made anew.
async fn created_before(
    target: &Target,
    connection: &mut Connection,
    options: &CreateOptions,
    edition: Edition,
    events: &dyn Events,
) -> Result<Created> {
    if edition.state != EditionState::Draft {
        return Err(Error::refused(format!(
            "edition \"{}\" exists already and is {}",
            edition.name,
            edition.state.as_str()
        ))
        .with_hint("choose another name; edition list shows all"));
    }
    if blueprint::exists(target, &edition.blueprint).await?
        && store::intents(&**connection, &edition.blueprint).await?.is_empty()
    {
        if !options.from.is_empty() {
            events.emit(Event::Note {
                text: format!("draft {} was there already: its files were not run again", edition.name),
            });
        }
        return Ok(Created { changed: false, edition });
    }
    let editions = store::editions(&**connection).await?;
    let parent = editions
        .iter()
        .find(|candidate| Some(candidate.id) == edition.parent)
        .ok_or_else(|| Error::bug(format!("draft \"{}\" has no parent", edition.name)))?;
    clear_leftovers(target, connection, &edition.blueprint).await?;
    let title = "fork the parent's blueprint again";
    let intent = intend(connection, &edition.name, "create", title, &edition.blueprint).await?;
    make(target, connection, options, (parent, &edition.blueprint), events).await?;
    store::mark_entry(&**connection, intent, "done", None).await?;
    Ok(Created { changed: true, edition })
}

/// The leaf, which must be live: a chain has one open draft at its end.
async fn live_leaf(connection: &Connection) -> Result<Edition> {
    let leaf = store::leaf(&**connection).await?;
    match leaf.state {
        EditionState::Live => Ok(leaf),
        EditionState::Draft => Err(Error::refused(format!(
            "edition \"{}\" is a draft still: a database has one draft at a time, and a draft cannot have a child",
            leaf.name
        ))
        .with_hint(format!("publish it first: edition publish {}; or give it up: edition drop {}", leaf.name, leaf.name))),
        state => Err(Error::refused(format!("edition \"{}\" is {}", leaf.name, state.as_str()))
            .with_hint("finish what was begun with it first: edition status")),
    }
}

async fn make(
    target: &Target,
    connection: &mut Connection,
    options: &CreateOptions,
    (parent, blueprint): (&Edition, &Name),
    events: &dyn Events,
) -> Result<()> {
    let scripts: Vec<Script> = options.from.iter().map(|file| Script::read(file)).collect::<Result<_>>()?;
    blueprint::fork(target, &parent.blueprint, blueprint, &options.name).await?;
    let snapshot = Snapshot::load(connection).await?;
    let path = snapshot.edition_by_id(parent.id).map(|edition| edition.path.clone()).unwrap_or_default();
    let mut fork = target.connect_blueprint(blueprint).await?;
    fork_rows(connection, &mut fork, parent.id, &path, options.with_rows).await?;
    drop(fork);
    let config = target.blueprint_config(blueprint.as_str());
    for script in &scripts {
        if script.is_empty() {
            events.emit(Event::Note { text: format!("{} is empty: nothing was run", script.name()) });
            continue;
        }
        events.emit(Event::Note { text: format!("running {}", script.name()) });
        script.run(&options.programs.psql, &config, target.blueprint_tls()).await?;
        note_data_statements(target, blueprint, script).await?;
    }
    Ok(())
}

/// Notes the statements of a file from which transforms are inferred. They have run on empty tables, so nothing else tells of them.
async fn note_data_statements(target: &Target, blueprint: &Name, script: &Script) -> Result<()> {
    // What psql could read and we cannot (another encoding) has nothing to infer from.
    let Some(text) = script.text() else { return Ok(()) };
    let statements = data_statements(text);
    if !statements.is_empty() {
        let connection = target.connect_blueprint(blueprint).await?;
        connection.batch_execute(note_statements(&statements).as_str()).await?;
    }
    Ok(())
}

/// Gives up a draft: drops its blueprint and its transforms. False if it was given up before.
pub async fn drop_draft(target: &Target, name: &EditionName, events: &dyn Events) -> Result<bool> {
    let (_lock, mut connection) = alone(target).await?;
    refuse_running_operation(&connection).await?;
    let Some(edition) = store::edition_named(&*connection, name).await? else {
        let blueprint = name.blueprint_for(target.database()).map_err(|error| does_not_fit(&error))?;
        clear_leftovers(target, &connection, &blueprint).await?;
        return was_draft(&connection, name).await;
    };
    if edition.state != EditionState::Draft {
        return Err(Error::refused(format!("edition \"{name}\" is {}, not a draft", edition.state.as_str())).with_hint(
            format!("edition rollback {name} --save FILE takes the newest live edition back to draft; edition retire ends the oldest"),
        ));
    }
    give_up(target, &mut connection, &edition, events).await?;
    Ok(true)
}

/// Whether an edition of this name ended as a draft, so that dropping it again is nothing to do.
async fn was_draft(connection: &Connection, name: &EditionName) -> Result<bool> {
    let row = connection
        .query_one("SELECT EXISTS (SELECT FROM edition.editions WHERE name = $1)", &[&name.as_str()])
        .await?;
    if row.try_get(0)? {
        return Ok(false);
    }
    store::require_edition(&**connection, name).await.map(|_| false)
}

/// Ends a draft. Its blueprint goes first: a draft without one is what the next run recognises.
pub(super) async fn give_up(
    target: &Target,
    connection: &mut Connection,
    edition: &Edition,
    events: &dyn Events,
) -> Result<()> {
    events.emit(Event::Note { text: format!("dropping database {}", edition.blueprint.as_str()) });
    blueprint::drop_blueprint(target, &edition.blueprint).await?;
    let transaction = connection.transaction().await?;
    store::delete_transforms(&transaction, edition.id, None).await?;
    store::set_state(&transaction, edition.id, EditionState::Retired).await?;
    let entry = NewEntry {
        edition: edition.name.as_str(),
        verb: "drop",
        title: "give up the draft",
        state: "done",
        ..NewEntry::default()
    };
    store::append(&transaction, &entry).await?;
    for intent in store::intents(&transaction, &edition.blueprint).await? {
        store::mark_entry(&transaction, intent, "undone", None).await?;
    }
    let epoch = store::bump_epoch(&transaction).await?;
    transaction.commit().await?;
    store::tell_proxies(&**connection, epoch).await?;
    Ok(())
}
