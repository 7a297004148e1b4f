//! `publish`: open a draft for sessions, online.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;
use tokio::sync::watch;
use tokio_postgres::error::SqlState;

use super::{
    footing::alone,
    patience::Patience,
    planning::plan_publication,
    resuming::refuse_running_operation,
    runner::{Runner, Tally},
};
use crate::{
    backfill::{BackfillOptions, unavailable},
    blueprint::{managed_with, read_database},
    error::{Error, ErrorKind, Result},
    event::{Event, Events},
    model::{Edition, EditionName, EditionState},
    plan::{Allowances, Artefact, Finding, Plan, Severity, Step, draft_fingerprint},
    store::{self, Operation, OperationState, RunnerLock, Verb},
    target::{Connection, Target},
};

/// What `publish` may be told.
#[derive(Clone, Debug)]
pub struct PublishOptions {
    /// Findings that the operator accepts.
    pub allow: Allowances,
    /// A plan that was reviewed: nothing else may be done.
    pub plan: Option<Artefact>,
    /// Rows per backfill transaction at most; the time budget may make it less.
    pub batch_size: u32,
    /// Backfill connections.
    pub jobs: u32,
    /// Pause the backfill while any replica lags more than this.
    pub max_lag: Duration,
    /// Share of the time that backfill connections sleep, 0.0 (full speed) to 0.95.
    pub throttle: f64,
    /// How to wait; no session has to leave.
    pub patience: Patience,
    /// A file that `rollback --save` wrote, to be loaded again.
    pub load: Option<PathBuf>,
    /// Turns true when the operator asks for a pause (Ctrl-C).
    pub pause: watch::Receiver<bool>,
}

impl Default for PublishOptions {
    /// Nothing accepted, one connection at full speed, and nobody who asks for a pause.
    fn default() -> Self {
        Self {
            allow: Allowances::default(),
            plan: None,
            batch_size: 10_000,
            jobs: 1,
            max_lag: Duration::from_secs(10),
            throttle: 0.0,
            patience: Patience::default(),
            load: None,
            pause: watch::channel(false).1,
        }
    }
}

/// What `publish` did.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// False if the edition was live already.
    pub changed: bool,
    /// The edition.
    pub edition: Edition,
    /// The longest time that one lock try held up others.
    pub longest_lock: Duration,
    /// Rows that got a value.
    pub rows_backfilled: u64,
    /// Rows that `--load` took.
    pub rows_loaded: u64,
    /// Rows that it passed over, because they changed meanwhile.
    pub rows_not_loaded: u64,
}

/// Publishes, or resumes a publication that was paused or killed. A failing transform undoes everything.
pub async fn publish(
    target: &Target,
    name: &EditionName,
    options: &PublishOptions,
    events: &dyn Events,
) -> Result<Published> {
    let (lock, mut connection) = alone(target).await?;
    let edition = store::require_edition(&*connection, name).await?;
    let running = store::running_operation(&*connection).await?;
    let resumed = running.is_some();
    let (operation, plan, undoing) = match running {
        Some(running) if running.edition == edition.id && running.verb == Verb::Publish => {
            let plan: Plan = serde_json::from_value(running.plan)?;
            refuse_other_plan(options, &plan)?;
            (running.id, plan, running.state == OperationState::Undoing && !is_open(&edition))
        }
        Some(_) => {
            refuse_running_operation(&connection).await?;
            return Err(Error::bug("an operation is running and is not refused"));
        }
        None if edition.state == EditionState::Live => return Ok(unchanged(edition)),
        None => {
            let plan = begin(target, &mut connection, &edition, options, events).await?;
            let operation = store::insert_operation(
                &*connection,
                edition.id,
                Verb::Publish,
                &serde_json::to_value(&plan)?,
            )
            .await?;
            (operation, plan, false)
        }
    };
    let mut runner = Runner {
        lock: &lock,
        target,
        connection,
        operation,
        edition: &edition,
        verb: Verb::Publish,
        patience: options.patience,
        backfill: Some(options.backfill()),
        archive: options.load.clone(),
        events,
        tally: Tally::default(),
    };
    if undoing {
        undo(&mut runner, &plan).await?;
        return Err(Error::refused(format!(
            "the earlier publication of \"{name}\" failed and has now been undone"
        ))
        .with_hint(format!("edition log shows why; then edition publish {name}")));
    }
    let outcome = if is_open(&edition) {
        runner.run(&plan.steps).await
    } else {
        run_unless_altered(&mut runner, &plan, resumed).await
    };
    if let Err(error) = outcome {
        return Err(give_up(&mut runner, &plan, error).await);
    }
    store::finish_operation(&*runner.connection, operation, OperationState::Done).await?;
    let tally = runner.tally;
    let edition = store::require_edition(&*runner.connection, name).await?;
    drop(lock);
    Ok(Published {
        changed: true,
        edition,
        longest_lock: tally.longest_lock,
        rows_backfilled: tally.rows_backfilled,
        rows_loaded: tally.rows_loaded,
        rows_not_loaded: tally.rows_not_loaded,
    })
}

/// Runs all the steps; before the last one, which opens the edition, and before a resumption the draft must still be what was planned.
async fn run_unless_altered(runner: &mut Runner<'_>, plan: &Plan, resumed: bool) -> Result<()> {
    if resumed {
        refuse_altered_draft(runner, plan).await?;
    }
    let (_, before_opening) = plan.steps.split_last().ok_or_else(|| Error::bug("a plan without steps"))?;
    runner.run_first(&plan.steps, before_opening.len()).await?;
    refuse_altered_draft(runner, plan).await?;
    runner.run(&plan.steps).await
}

async fn refuse_altered_draft(runner: &Runner<'_>, plan: &Plan) -> Result<()> {
    let mut blueprint = runner.target.connect_blueprint(&runner.edition.blueprint).await?;
    let editioned = managed_with(&*runner.connection, &*blueprint).await?;
    let schema = read_database(&mut blueprint, &editioned).await?;
    if draft_fingerprint(&schema)? == plan.draft_fingerprint {
        return Ok(());
    }
    Err(Error::refused(format!("draft \"{}\" was altered while it was being published", plan.edition))
        .with_hint(format!("the publication is undone; plan it again: edition plan {}", plan.edition)))
}

impl PublishOptions {
    fn backfill(&self) -> BackfillOptions {
        BackfillOptions {
            batch_size: self.batch_size,
            jobs: self.jobs,
            max_lag: self.max_lag,
            throttle: self.throttle,
            lock_timeout: self.patience.lock_timeout,
            pause: self.pause.clone(),
        }
    }
}

fn unchanged(edition: Edition) -> Published {
    Published {
        changed: false,
        edition,
        longest_lock: Duration::ZERO,
        rows_backfilled: 0,
        rows_loaded: 0,
        rows_not_loaded: 0,
    }
}

/// Plans, and refuses before anything was touched.
async fn begin(
    target: &Target,
    connection: &mut Connection,
    edition: &Edition,
    options: &PublishOptions,
    events: &dyn Events,
) -> Result<Plan> {
    if edition.state != EditionState::Draft {
        let state = edition.state.as_str();
        return Err(Error::refused(format!("edition \"{}\" is {state}, not a draft", edition.name))
            .with_hint("edition list shows where each edition stands"));
    }
    let plan = plan_publication(target, connection, edition, options.load.is_some()).await?;
    refuse_other_plan(options, &plan)?;
    let stopping: Vec<&Finding> =
        plan.findings.iter().filter(|finding| !options.allow.accept(finding)).collect();
    if !stopping.is_empty() {
        let lines: Vec<String> = stopping
            .iter()
            .map(|finding| {
                let fix = finding.fix.as_ref().map(|fix| format!(" ({fix})")).unwrap_or_default();
                format!("\n  {} {}: {}{fix}", finding.code, finding.subject, finding.message)
            })
            .collect();
        return Err(Error::refused(format!(
            "edition \"{}\" cannot be published:{}",
            edition.name,
            lines.concat()
        ))
        .with_hint(format!("edition plan {}", edition.name)));
    }
    for finding in plan.findings.iter().filter(|finding| finding.severity == Severity::Notice) {
        events.emit(Event::Note { text: format!("{}: {}", finding.subject, finding.message) });
    }
    preflight(connection, &plan).await?;
    connection.batch_execute("DELETE FROM edition.failures").await?;
    Ok(plan)
}

fn refuse_other_plan(options: &PublishOptions, plan: &Plan) -> Result<()> {
    match &options.plan {
        Some(reviewed) => reviewed.refuse_unless_same(&Artefact::of(plan)?),
        None => Ok(()),
    }
}

/// Rows that break a rule which older editions' rows must meet as well: better told before anything was done.
async fn preflight(connection: &Connection, plan: &Plan) -> Result<()> {
    for (label, query) in plan.steps.iter().flat_map(Step::preflight) {
        let found = match connection.query_opt(query.as_str(), &[]).await {
            // The rule calls a function of the draft's own, which is not there yet: the step that validates the rule will ask.
            Err(error) if error.code() == Some(&SqlState::INVALID_SCHEMA_NAME) => continue,
            found => found?,
        };
        if let Some(row) = found {
            let key: String = row.try_get(0)?;
            return Err(Error::refused(format!("rows that are there break {label}, for example the one at {key}"))
                .with_hint("correct the rows, or give a forward transform for the column so that the rule holds on the new one only"));
        }
    }
    Ok(())
}

async fn undo(runner: &mut Runner<'_>, plan: &Plan) -> Result<()> {
    store::set_operation_state(&*runner.connection, runner.operation, OperationState::Undoing).await?;
    runner.undo(&plan.steps).await?;
    store::finish_operation(&*runner.connection, runner.operation, OperationState::Undone).await
}

/// Whether its sessions may have stored what only it has: from the last step of its publication on, a rollback alone may take that away.
pub(super) fn is_open(edition: &Edition) -> bool {
    edition.state == EditionState::Live
}

/// What can succeed later stays as it is and is resumed by the same command; what cannot is undone, unless the edition is open already.
async fn give_up(runner: &mut Runner<'_>, plan: &Plan, error: Error) -> Error {
    if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Paused) {
        return error;
    }
    if error.is_passing() || runner.connection.is_closed() {
        return unavailable(error);
    }
    match store::edition_by_id(&*runner.connection, runner.edition.id).await {
        Ok(edition) if !is_open(&edition) => {}
        Ok(edition) => {
            let name = &edition.name;
            return error
                .with_hint(format!("{name} is open; this ends its publication: edition publish {name}"));
        }
        Err(_) => return error,
    }
    match undo(runner, plan).await {
        Ok(()) => error,
        Err(undoing) => Error::new(undoing.kind(), format!("{error}; and undoing it stopped: {undoing}"))
            .with_hint("run the same command again to finish the undoing")
            .with_source(error),
    }
}

/// Undoes a publication that began and did not end; for `rollback`.
pub(super) async fn abandon(
    target: &Target,
    (lock, connection): (&RunnerLock, Connection),
    edition: &Edition,
    running: Operation,
    patience: Patience,
    events: &dyn Events,
) -> Result<Tally> {
    let plan: Plan = serde_json::from_value(running.plan)?;
    let mut runner = Runner {
        lock,
        target,
        connection,
        operation: running.id,
        edition,
        verb: Verb::Publish,
        patience,
        backfill: None,
        archive: None,
        events,
        tally: Tally::default(),
    };
    undo(&mut runner, &plan).await?;
    Ok(runner.tally)
}
