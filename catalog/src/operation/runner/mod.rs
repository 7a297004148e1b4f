//! Runs the steps of one stored plan, each exactly once over any number of interruptions, and undoes them.

mod drain;
mod execute;
mod locking;
mod parts;

pub(super) use drain::{drain_setting, in_use};

use std::{
    collections::BTreeMap,
    iter,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::chain::standing;
use super::patience::Patience;
use crate::{
    backfill::BackfillOptions,
    error::{Error, ErrorKind, Result},
    event::{Event, Events},
    introspection,
    model::{Edition, Name, OperationId},
    plan::{Step, path_along},
    sql,
    sql::{Sql, join},
    store::{self, NewEntry, RunnerLock, Verb},
    target::{Connection, Target},
};

/// What happened on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) longest_lock: Duration,
    pub(super) rows_backfilled: u64,
    pub(super) rows_loaded: u64,
    pub(super) rows_not_loaded: u64,
    /// `None`: this run wrote no file.
    pub(super) rows_saved: Option<u64>,
}

/// One operation at work.
pub(super) struct Runner<'a> {
    pub(super) lock: &'a RunnerLock,
    pub(super) target: &'a Target,
    pub(super) connection: Connection,
    pub(super) operation: OperationId,
    pub(super) edition: &'a Edition,
    pub(super) verb: Verb,
    pub(super) patience: Patience,
    pub(super) backfill: Option<BackfillOptions>,
    pub(super) archive: Option<PathBuf>,
    pub(super) events: &'a dyn Events,
    pub(super) tally: Tally,
}

impl Runner<'_> {
    /// Runs what is not done yet.
    pub(super) async fn run(&mut self, steps: &[Step]) -> Result<()> {
        self.run_first(steps, steps.len()).await
    }

    /// Runs what is not done yet of the first `count` steps.
    pub(super) async fn run_first(&mut self, steps: &[Step], count: usize) -> Result<()> {
        let path = sql!("SET search_path = {}", join(&self.path().await?, ", "));
        self.connection.batch_execute(path.as_str()).await?;
        let states = self.states().await?;
        if states.values().any(|state| state == "done") {
            // A killed runner may have announced without waiting, and left the catalogues' reflections as they were.
            self.acknowledged(store::current_epoch(&*self.connection).await?).await?;
            introspection::catch_up(&self.connection).await?;
        }
        for (number, step) in numbered(steps).take(count) {
            if states.get(&number).is_some_and(|state| state == "done") {
                continue;
            }
            self.pause_asked()?;
            self.lock.require()?;
            let begun = Instant::now();
            let shown = usize::try_from(number).unwrap_or_default();
            self.events.emit(Event::StepStarted { step: shown, of: steps.len(), title: step.title.clone() });
            self.record(number, step, "started", None).await?;
            let mut outcome = if self.has_lost_its_partition(step).await? {
                self.done(number).await
            } else {
                self.execute(number, step).await
            };
            if outcome.is_err() && !self.connection.is_closed() && self.has_lost_its_partition(step).await? {
                outcome = self.done(number).await;
            }
            if let Err(error) = outcome {
                let state = if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Paused) {
                    "started"
                } else {
                    "failed"
                };
                // The connection may be what failed; then the journal says `started`, which is as true.
                let _ = self.record(number, step, state, Some(&error.to_string())).await;
                return Err(error);
            }
            self.events.emit(Event::StepDone { step: shown, elapsed: begun.elapsed() });
        }
        Ok(())
    }

    /// The `search_path` of the edition's sessions: functions of the application that a step calls find by it what they do not qualify. What we
    /// write ourselves is qualified.
    async fn path(&self) -> Result<Vec<Name>> {
        let editions = store::editions(&*self.connection).await?;
        let older = standing(&editions);
        let ancestors = older.iter().skip(1).rev().filter(|edition| edition.id < self.edition.id);
        let line: Vec<_> =
            iter::once(&self.edition.name).chain(ancestors.map(|edition| &edition.name)).collect();
        let schemas = path_along(&store::schemas(&*self.connection).await?, &line)?;
        Ok(schemas.into_iter().flat_map(|(schema, before)| before.into_iter().chain([schema])).collect())
    }

    /// Undoes what was done, newest first.
    pub(super) async fn undo(&mut self, steps: &[Step]) -> Result<()> {
        let states = self.states().await?;
        for (number, step) in numbered(steps).rev() {
            let Some(state) = states.get(&number).filter(|state| *state != "undone") else { continue };
            if state != "done" && !step.is_partial() {
                continue;
            }
            self.events.emit(Event::Note { text: format!("undoing: {}", step.title) });
            self.undo_step(number, step).await?;
        }
        Ok(())
    }

    /// Whether a step after the first `count` may have changed anything.
    pub(super) async fn is_past(&self, steps: &[Step], count: usize) -> Result<bool> {
        let states = self.states().await?;
        let has_changed = |(number, step): (i32, &Step)| {
            states.get(&number).is_some_and(|state| state == "done" || step.is_partial())
        };
        Ok(numbered(steps).skip(count).any(has_changed))
    }

    async fn states(&self) -> Result<BTreeMap<i32, String>> {
        let rows = self
            .connection
            .query(
                "SELECT step, state FROM edition.journal WHERE operation_id = $1 AND step IS NOT NULL",
                &[&self.operation.get()],
            )
            .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    fn pause_asked(&self) -> Result<()> {
        match &self.backfill {
            Some(options) if *options.pause.borrow() => Err(Error::new(ErrorKind::Paused, "paused as asked")
                .with_hint(format!("resume it: edition {} {}", self.verb.as_str(), self.edition.name))),
            _ => Ok(()),
        }
    }

    async fn record(&self, number: i32, step: &Step, state: &str, detail: Option<&str>) -> Result<()> {
        let text = join(step.statements(), ";\n");
        let inverse = join(&step.inverse, ";\n");
        let text = Some(text.as_str()).filter(|text| !text.is_empty());
        let inverse = Some(inverse.as_str()).filter(|text| !text.is_empty());
        let entry = NewEntry {
            step: Some((self.operation, number)),
            edition: self.edition.name.as_str(),
            verb: self.verb.as_str(),
            title: &step.title,
            statement: text,
            inverse,
            state,
            detail,
        };
        store::record_step(&*self.connection, &entry).await?;
        Ok(())
    }

    fn mark(&self, number: i32, state: &'static str) -> Sql {
        sql!(
            "UPDATE edition.journal SET state = '{}', finished_at = clock_timestamp() WHERE operation_id = {} AND step = {}",
            Sql::trusted(state),
            self.operation,
            number
        )
    }
}

fn numbered(steps: &[Step]) -> impl DoubleEndedIterator<Item = (i32, &Step)> {
    let numbers = 1..=i32::try_from(steps.len()).unwrap_or(i32::MAX);
    numbers.zip(steps.iter()).collect::<Vec<_>>().into_iter()
}
