//! `rollback`: take the leaf back to draft.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use super::{
    chain::{load_chain, load_hops, standing},
    closing::{close, closing, refuse_if_used},
    footing::alone,
    patience::Patience,
    publish::{abandon, is_open},
    resuming::{refuse_running_operation, saves, steps},
    runner::{Runner, Tally},
};
use crate::{
    error::{Error, Result},
    event::Events,
    model::{Edition, EditionName, EditionState, QualifiedName, TableId},
    plan::{
        Archived, Chain, ContractInput, End, Lock, Step, StepKind, TakeBackInput, contract, stored_by_leaf,
        take_back,
    },
    store::{self, Operation, OperationState, Verb},
    target::{Connection, Target},
};

/// What becomes of data that only the newer edition stored.
#[derive(Clone, Debug)]
pub enum KeepData {
    /// Written to a file that `publish --load` takes.
    Save(PathBuf),
    /// Given up, by an explicit word.
    Discard,
}

/// What `rollback` may be told.
#[derive(Clone, Debug)]
pub struct RollbackOptions {
    /// Required.
    pub keep: KeepData,
    /// How to wait.
    pub patience: Patience,
}

/// What `rollback` did.
#[derive(Clone, Debug, Serialize)]
pub struct RolledBack {
    /// False if the edition was a draft already.
    pub changed: bool,
    /// The edition, a draft again.
    pub edition: Edition,
    /// What became of what it alone had stored.
    pub saved: Saved,
    /// Rows written to the file.
    pub rows_saved: u64,
    /// The longest time that one lock try held up others.
    pub longest_lock: Duration,
}

/// What a rollback wrote to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Saved {
    /// This run wrote it.
    Now,
    /// An earlier run of the same rollback had done so.
    Earlier,
    /// Nothing: the rollback was begun so.
    Discarded,
    /// Nothing: the edition had never been open, so it had stored nothing.
    NeverOpen,
}

/// Rolls the leaf back to draft; also undoes a publication that did not finish.
pub async fn rollback(
    target: &Target,
    name: &EditionName,
    options: &RollbackOptions,
    events: &dyn Events,
) -> Result<RolledBack> {
    let (lock, mut connection) = alone(target).await?;
    let edition = store::require_edition(&*connection, name).await?;
    let patience = options.patience;
    let mut running = store::running_operation(&*connection).await?;
    if let Some(publication) = running.take_if(|running| is_open_publication(running, &edition)) {
        // Its runner was stopped after the last step: what there is to take back is an open edition, with what it has stored.
        store::finish_operation(&*connection, publication.id, OperationState::Done).await?;
    }
    let (operation, steps) = match running {
        Some(running) if running.edition == edition.id && running.verb == Verb::Publish => {
            let tally = abandon(target, (&lock, connection), &edition, running, patience, events).await?;
            return outcome(target, name, true, Saved::NeverOpen, tally).await;
        }
        Some(running) if running.edition == edition.id && running.verb == Verb::Rollback => {
            let steps = steps(&running)?;
            (running.id, steps)
        }
        Some(_) => {
            refuse_running_operation(&connection).await?;
            return Err(Error::bug("an operation is running and is not refused"));
        }
        None if edition.state == EditionState::Draft => {
            return outcome(target, name, false, Saved::NeverOpen, Tally::default()).await;
        }
        None => {
            let steps = begin(target, &mut connection, &edition, options).await?;
            refuse_if_used(&mut connection, &edition, patience).await?;
            let plan = serde_json::to_value(&steps)?;
            (store::insert_operation(&*connection, edition.id, Verb::Rollback, &plan).await?, steps)
        }
    };
    let runner = Runner {
        lock: &lock,
        target,
        connection,
        operation,
        edition: &edition,
        verb: Verb::Rollback,
        patience,
        backfill: None,
        archive: options.keep.path(),
        events,
        tally: Tally::default(),
    };
    let tally = close(runner, &steps).await?;
    drop(lock);
    let saved = match tally.rows_saved {
        Some(_) => Saved::Now,
        None if saves(&steps) => Saved::Earlier,
        None => Saved::Discarded,
    };
    outcome(target, name, true, saved, tally).await
}

fn is_open_publication(running: &Operation, edition: &Edition) -> bool {
    running.edition == edition.id && running.verb == Verb::Publish && is_open(edition)
}

async fn outcome(
    target: &Target,
    name: &EditionName,
    changed: bool,
    saved: Saved,
    tally: Tally,
) -> Result<RolledBack> {
    let connection = target.connect().await?;
    let edition = store::require_edition(&*connection, name).await?;
    let rows_saved = tally.rows_saved.unwrap_or_default();
    Ok(RolledBack { changed, edition, saved, rows_saved, longest_lock: tally.longest_lock })
}

impl KeepData {
    fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Save(path) => Some(path.clone()),
            Self::Discard => None,
        }
    }
}

async fn begin(
    target: &Target,
    connection: &mut Connection,
    edition: &Edition,
    options: &RollbackOptions,
) -> Result<Vec<Step>> {
    let editions = store::editions(&**connection).await?;
    let live = standing(&editions);
    let is_leaf = live.last().is_some_and(|leaf| leaf.id == edition.id);
    let name = &edition.name;
    if let (false, Some(leaf)) = (is_leaf, live.last()) {
        return Err(Error::refused(format!(
            "only the newest edition can be rolled back, and that is \"{}\"",
            leaf.name
        ))
        .with_hint(format!("edition rollback {} --save FILE", leaf.name)));
    }
    if edition.parent.is_none() || live.len() < 2 {
        return Err(Error::refused(format!(
            "edition \"{name}\" is the only live one: there is nothing to go back to"
        )));
    }
    if edition.is_default {
        let parent = live.iter().rev().nth(1).map(|parent| parent.name.to_string()).unwrap_or_default();
        return Err(Error::refused(format!("edition \"{name}\" is the default edition"))
            .with_hint(format!("make another one the default first: edition default {parent}")));
    }
    if let Some(draft) = store::draft(&**connection).await? {
        return Err(Error::refused(format!("edition \"{}\" is a draft on top of \"{name}\"", draft.name))
            .with_hint(format!("publish it, or give it up: edition drop {}", draft.name)));
    }
    let chain = load_chain(target, connection, &live).await?;
    let hops = load_hops(connection).await?;
    let mut steps = closing(edition.id, EditionState::RollingBack, name);
    if let KeepData::Save(_) = &options.keep {
        let Archived { tables, new_tables } = stored_by_leaf(&chain, &hops)?;
        let kind = StepKind::Save { tables, new_tables };
        steps.push(Step::new("save what only this edition stored", kind, Lock::None, Vec::new()));
    }
    let take_back = take_back_seeds(connection, &chain).await?;
    steps.extend(contract(&ContractInput { chain: &chain, end: End::Leaf, hops: &hops, take_back })?);
    Ok(steps)
}

/// Takes back the rows that the leaf's publication carried, as far as they are as it left them.
async fn take_back_seeds(connection: &Connection, chain: &Chain) -> Result<Option<Step>> {
    let (leaf, elders) = chain.members.split_last().ok_or_else(|| Error::bug("no edition is live"))?;
    let of_elders = |id: TableId| elders.iter().any(|member| member.logical.table(id).is_some());
    let seeded = store::seeded_tables(&**connection, leaf.edition.id).await?;
    let doomed: Vec<QualifiedName> = leaf
        .logical
        .tables
        .iter()
        .filter(|table| !of_elders(table.id))
        .map(|table| leaf.mapping.table(table).physical)
        .collect();
    let input = TakeBackInput {
        chain,
        edition: leaf.edition.id,
        logical: &leaf.logical,
        physical: &leaf.physical,
        path: &chain.path_of(leaf)?,
        tables: &seeded.into_iter().filter(|id| of_elders(*id)).collect(),
        doomed: &doomed,
    };
    let statements = take_back(&input, |table| Some(leaf.mapping.table(table)));
    let tables = leaf.logical.tables.iter().filter(|table| input.tables.contains(&table.id));
    let relations = tables.map(|table| leaf.mapping.table(table).physical).chain(doomed.clone()).collect();
    Ok((!statements.is_empty()).then(|| {
        let lock = if doomed.is_empty() { Lock::RowExclusive } else { Lock::AccessExclusive };
        Step::transaction("take back the rows that the draft brought", lock, relations, statements)
    }))
}
