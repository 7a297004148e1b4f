//! `retire`: end the root edition and contract.

use std::time::Duration;

use serde::Serialize;

use super::{
    chain::{load_chain, load_hops, standing},
    closing::{close, closing, refuse_if_used},
    footing::alone,
    patience::Patience,
    resuming::refuse_running_operation,
    runner::{Runner, Tally},
};
use crate::{
    error::{Error, Result},
    event::Events,
    model::{Edition, EditionName, EditionState},
    plan::{ContractInput, End, Lock, Step, StepKind, contract},
    store::{self, Operation, Verb},
    target::{Connection, Target},
};

/// What `retire` did.
#[derive(Clone, Debug, Serialize)]
pub struct Retired {
    /// False if it was retired already.
    pub changed: bool,
    /// The root now.
    pub root: EditionName,
    /// Whether only one edition is live now: nothing of ours is left on the tables.
    pub at_rest: bool,
    /// The longest time that one lock try held up others.
    pub longest_lock: Duration,
}

/// Retires the root edition; resumes a retirement that was killed.
pub async fn retire(
    target: &Target,
    name: &EditionName,
    patience: Patience,
    events: &dyn Events,
) -> Result<Retired> {
    let (lock, mut connection) = alone(target).await?;
    let running = store::running_operation(&*connection).await?;
    if running.is_none() && was_retired(&connection, name).await? {
        return outcome(target, false, Tally::default()).await;
    }
    let (edition, operation, steps) = match running {
        Some(running) if running.verb == Verb::Retire => {
            // The last step drops the blueprint after the edition is gone, so it is looked up by id.
            let edition = edition_by_id(&connection, &running).await?;
            if &edition.name != name {
                refuse_running_operation(&connection).await?;
            }
            (edition, running.id, serde_json::from_value(running.plan)?)
        }
        Some(_) => {
            refuse_running_operation(&connection).await?;
            return Err(Error::bug("an operation is running and is not refused"));
        }
        None => {
            let edition = store::require_edition(&*connection, name).await?;
            let steps = begin(target, &mut connection, &edition).await?;
            refuse_if_used(&mut connection, &edition, patience).await?;
            let plan = serde_json::to_value(&steps)?;
            let operation = store::insert_operation(&*connection, edition.id, Verb::Retire, &plan).await?;
            (edition, operation, steps)
        }
    };
    let runner = Runner {
        lock: &lock,
        target,
        connection,
        operation,
        edition: &edition,
        verb: Verb::Retire,
        patience,
        backfill: None,
        archive: None,
        events,
        tally: Tally::default(),
    };
    let tally = close(runner, &steps).await?;
    drop(lock);
    outcome(target, true, tally).await
}

async fn outcome(target: &Target, changed: bool, tally: Tally) -> Result<Retired> {
    let connection = target.connect().await?;
    let live = standing(&store::editions(&*connection).await?);
    let root = live.first().ok_or_else(|| Error::bug("no edition is live"))?.name.clone();
    Ok(Retired { changed, root, at_rest: live.len() == 1, longest_lock: tally.longest_lock })
}

async fn was_retired(connection: &Connection, name: &EditionName) -> Result<bool> {
    let row = connection
        .query_one(
            "SELECT EXISTS (SELECT FROM edition.editions WHERE name = $1 AND state = 'retired') \
             AND NOT EXISTS (SELECT FROM edition.editions WHERE name = $1 AND state <> 'retired')",
            &[&name.as_str()],
        )
        .await?;
    Ok(row.try_get(0)?)
}

async fn edition_by_id(connection: &Connection, running: &Operation) -> Result<Edition> {
    store::edition_by_id(&**connection, running.edition).await
}

async fn begin(target: &Target, connection: &mut Connection, edition: &Edition) -> Result<Vec<Step>> {
    let editions = store::editions(&**connection).await?;
    let live = standing(&editions);
    let name = &edition.name;
    if edition.state == EditionState::Draft {
        return Err(Error::refused(format!("edition \"{name}\" is a draft, it was never live"))
            .with_hint(format!("give it up: edition drop {name}")));
    }
    let root = live.first().ok_or_else(|| Error::bug("no edition is live"))?;
    if root.id != edition.id {
        return Err(Error::refused(format!(
            "only the oldest edition can be retired, and that is \"{}\"",
            root.name
        ))
        .with_hint(format!("edition retire {}", root.name)));
    }
    let Some(next) = live.get(1) else {
        return Err(Error::refused(format!("edition \"{name}\" is the only live one"))
            .with_hint("publish a newer one first; or leave edition management: edition deinit"));
    };
    if edition.is_default {
        return Err(Error::refused(format!("edition \"{name}\" is the default edition"))
            .with_hint(format!("make another one the default first: edition default {}", next.name)));
    }
    let chain = load_chain(target, connection, &live).await?;
    let hops = load_hops(connection).await?;
    let mut steps = closing(edition.id, EditionState::Retiring, name);
    steps.extend(contract(&ContractInput { chain: &chain, end: End::Root, hops: &hops, take_back: None })?);
    let kind = StepKind::DropBlueprint { blueprint: edition.blueprint.clone() };
    steps.push(Step::new(
        format!("drop blueprint {}", edition.blueprint.as_str()),
        kind,
        Lock::None,
        Vec::new(),
    ));
    Ok(steps)
}
