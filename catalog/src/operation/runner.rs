//! Runs the steps of one stored plan, each exactly once over any number of interruptions, and undoes them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rand::RngExt as _;
use tokio_postgres::{SimpleQueryMessage, error::SqlState};

use crate::{
    archive,
    backfill::{self, BackfillOptions, BackfillSpec},
    blueprint,
    error::{Error, ErrorKind, Result},
    event::{Event, Events},
    model::{Edition, EditionId, EditionState, Epoch, OperationId, QualifiedName},
    plan::{Lock, Step, StepKind},
    sql,
    sql::{Sql, join},
    store::{self, NewEntry, Verb},
    target::{Connection, Target},
};

/// How an operation waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The longest wait for a lock in one try.
    pub(super) lock_timeout: Duration,
    /// How long to try for one lock in all.
    pub(super) locks: Duration,
    /// How long proxies may take to acknowledge.
    pub(super) proxies: Duration,
    /// How long sessions may take to leave.
    pub(super) drain: Option<Duration>,
    /// Whether sessions are ended after that.
    pub(super) force: bool,
}

/// What happened on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) longest_lock: Duration,
    pub(super) rows_backfilled: u64,
    pub(super) rows_loaded: u64,
    pub(super) rows_not_loaded: u64,
    pub(super) rows_saved: u64,
}

/// One operation at work.
pub(super) struct Runner<'a> {
    pub(super) target: &'a Target,
    pub(super) connection: Connection,
    pub(super) operation: OperationId,
    pub(super) edition: &'a Edition,
    pub(super) verb: Verb,
    pub(super) patience: Patience,
    pub(super) backfill: Option<BackfillOptions>,
    pub(super) archive: Option<std::path::PathBuf>,
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
        let states = self.states().await?;
        if states.values().any(|state| state == "done") {
            // A killed runner may have announced without waiting.
            self.acknowledged(store::current_epoch(&*self.connection).await?).await?;
        }
        for (number, step) in numbered(steps).take(count) {
            if states.get(&number).is_some_and(|state| state == "done") {
                continue;
            }
            self.pause_asked()?;
            let begun = Instant::now();
            let shown = usize::try_from(number).unwrap_or_default();
            self.events.emit(Event::StepStarted { step: shown, of: steps.len(), title: step.title.clone() });
            self.record(number, step, "started", None).await?;
            if let Err(error) = self.execute(number, step).await {
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

    /// Undoes what was done, newest first.
    pub(super) async fn undo(&mut self, steps: &[Step]) -> Result<()> {
        let states = self.states().await?;
        for (number, step) in numbered(steps).rev() {
            let Some(state) = states.get(&number).filter(|state| *state != "undone") else { continue };
            // Only what happens in one transaction is sure not to have happened when the journal does not say so.
            let partial = matches!(
                step.kind,
                StepKind::Index { .. } | StepKind::Scan { .. } | StepKind::Backfill { .. }
            );
            if state != "done" && !partial {
                continue;
            }
            self.events.emit(Event::Note { text: format!("undoing: {}", step.title) });
            self.undo_step(number, step).await?;
        }
        Ok(())
    }

    /// Whether a step after the first `steps` has begun.
    pub(super) async fn is_past(&self, steps: usize) -> Result<bool> {
        let last = i32::try_from(steps).unwrap_or(i32::MAX);
        Ok(self.states().await?.keys().any(|number| *number > last))
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

    async fn execute(&mut self, number: i32, step: &Step) -> Result<()> {
        match &step.kind {
            StepKind::Transaction { statements } => {
                let mark = self.mark(number, "done");
                self.transaction(step, statements, &mark).await
            }
            StepKind::Announce { statements, states, .. } => {
                let mark = self.mark(number, "done");
                self.announce(statements, states, &mark).await
            }
            StepKind::Index { statement, index } => {
                self.build_index(step, statement, index).await?;
                self.done(number).await
            }
            StepKind::Scan { statements } => {
                for statement in statements {
                    self.scan(step, statement).await?;
                }
                self.done(number).await
            }
            StepKind::Verify { checks } => {
                for (label, query) in checks {
                    self.check(label, query).await?;
                }
                self.done(number).await
            }
            StepKind::Backfill { table, assignments, pending, primary_key } => {
                let spec = BackfillSpec {
                    table: table.clone(),
                    child: self.edition.id,
                    assignments: assignments.clone(),
                    pending: pending.clone(),
                    primary_key: primary_key.clone(),
                };
                self.fill(number, &spec).await?;
                self.done(number).await
            }
            StepKind::Load { tables, new_tables } => {
                let path =
                    self.archive.clone().ok_or_else(|| needs_file(self.verb, self.edition, "--load"))?;
                let (edition, child) = (&self.edition.name, self.edition.id);
                let loaded = archive::load(self.target, &path, edition, child, tables, new_tables).await?;
                self.tally.rows_loaded += loaded.rows;
                self.tally.rows_not_loaded += loaded.skipped;
                self.done(number).await
            }
            StepKind::Save { tables, new_tables } => {
                let path =
                    self.archive.clone().ok_or_else(|| needs_file(self.verb, self.edition, "--save"))?;
                let edition = &self.edition.name;
                self.tally.rows_saved +=
                    archive::save(self.target, &path, edition, tables, new_tables).await?;
                self.done(number).await
            }
            StepKind::Drain { edition } => {
                self.drain(*edition).await?;
                self.done(number).await
            }
            StepKind::DropBlueprint { blueprint } => {
                blueprint::drop_blueprint(self.target, blueprint).await?;
                self.done(number).await
            }
        }
    }

    async fn done(&self, number: i32) -> Result<()> {
        Ok(self.connection.batch_execute(self.mark(number, "done").as_str()).await?)
    }

    async fn undo_step(&mut self, number: i32, step: &Step) -> Result<()> {
        let mark = self.mark(number, "undone");
        match &step.kind {
            StepKind::Announce { states_before, .. } => {
                self.announce(&step.inverse, states_before, &mark).await
            }
            StepKind::Index { .. } => {
                for statement in &step.inverse {
                    self.alone(step, statement).await?;
                }
                Ok(self.connection.batch_execute(mark.as_str()).await?)
            }
            _ => self.transaction(step, &step.inverse, &mark).await,
        }
    }

    /// Everything in one transaction and one round trip, so that locks are held for as short as can be; tried again while a lock is not to be
    /// had. `synchronous_commit` is off because a commit that a crash loses was not journalled either.
    ///
    /// What locks no table (making functions) comes first; from there to the end the server's clock tells how long others were held up at most.
    async fn transaction(&mut self, step: &Step, statements: &[Sql], mark: &Sql) -> Result<()> {
        let lines =
            |statements: &[Sql]| join(statements.iter().map(|statement| sql!("{};\n", statement)), "");
        let locking = statements
            .iter()
            .position(|statement| !statement.as_str().starts_with("CREATE OR REPLACE FUNCTION"))
            .unwrap_or(statements.len());
        let (before, locking) = statements.split_at(locking);
        let text = sql!(
            "BEGIN; SET LOCAL lock_timeout = {}; SET LOCAL synchronous_commit = off; {}SELECT extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000; {}{}; \
             SELECT extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000; COMMIT",
            self.lock_timeout_ms(),
            lines(before),
            lines(locking),
            mark
        );
        self.retrying(step, &text).await
    }

    fn lock_timeout_ms(&self) -> u64 {
        u64::try_from(self.patience.lock_timeout.as_millis()).unwrap_or(50).max(1)
    }

    /// One statement that must not be in a transaction block.
    async fn alone(&mut self, step: &Step, statement: &Sql) -> Result<()> {
        let millis = u64::try_from(self.patience.locks.as_millis()).unwrap_or(60_000).max(1);
        self.connection.batch_execute(&format!("SET lock_timeout = {millis}")).await?;
        let outcome = self.retrying(step, statement).await;
        self.connection.batch_execute("RESET lock_timeout").await?;
        outcome
    }

    /// A statement that scans under a lock that stops nobody, so it may wait for that lock behind an autovacuum, but with a
    /// budget: what waits for a lock can make others wait.
    async fn scan(&mut self, step: &Step, statement: &Sql) -> Result<()> {
        let text = sql!("BEGIN; SET LOCAL lock_timeout = {}; {}; COMMIT", self.lock_timeout_ms(), statement);
        self.retrying(step, &text).await
    }

    async fn retrying(&mut self, step: &Step, text: &Sql) -> Result<()> {
        let begun = Instant::now();
        let mut attempt = 0_u32;
        loop {
            let error = match self.connection.simple_query(text.as_str()).await {
                Ok(messages) => {
                    if step.lock >= Lock::ShareRowExclusive {
                        self.held(step, between(&messages));
                    }
                    return Ok(());
                }
                Err(error) => error,
            };
            if self.connection.is_closed() {
                return Err(error.into());
            }
            self.connection.batch_execute("ROLLBACK").await?;
            let code = error.code();
            if code != Some(&SqlState::LOCK_NOT_AVAILABLE) && code != Some(&SqlState::T_R_DEADLOCK_DETECTED) {
                return Err(self.failed(step, error));
            }
            attempt += 1;
            let blocker = self.blocker(&step.relations).await?;
            let relation = step.relations.first().map(QualifiedName::pretty).unwrap_or_default();
            if begun.elapsed() >= self.patience.locks {
                return Err(no_lock(step, &relation, attempt, blocker.as_deref()));
            }
            self.events.emit(Event::LockRetry { relation, attempt, blocker });
            tokio::time::sleep(back_off(attempt)).await;
        }
    }

    fn held(&mut self, step: &Step, held: Duration) {
        self.tally.longest_lock = self.tally.longest_lock.max(held);
        let relation = step.relations.first().map(QualifiedName::pretty).unwrap_or_default();
        self.events.emit(Event::LockHeld { relation, held });
    }

    fn failed(&self, step: &Step, error: tokio_postgres::Error) -> Error {
        let cause = error.as_db_error().map_or_else(
            || error.to_string(),
            |db| {
                let detail = db.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
                format!("{}{detail}", db.message())
            },
        );
        Error::new(ErrorKind::Database, format!("{} failed: {cause}", step.title)).with_source(error)
    }

    /// Who has a lock on these relations, besides us.
    async fn blocker(&self, relations: &[QualifiedName]) -> Result<Option<String>> {
        let names: Vec<String> = relations.iter().map(|name| sql!("{}", name).to_string()).collect();
        let row = self
            .connection
            .query_opt(
                "SELECT l.pid, a.application_name, a.backend_type, a.state, extract(epoch FROM clock_timestamp() - a.xact_start)::float8 \
                 FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid) \
                 WHERE l.granted AND l.locktype = 'relation' AND l.pid <> pg_catalog.pg_backend_pid() \
                   AND l.relation IN (SELECT pg_catalog.to_regclass(name)::oid FROM pg_catalog.unnest($1::text[]) AS name) \
                 ORDER BY a.xact_start NULLS LAST LIMIT 1",
                &[&names],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (pid, application): (i32, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let (kind, state, age): (Option<String>, Option<String>, Option<f64>) =
            (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
        let who =
            application.filter(|name| !name.is_empty()).or(kind).unwrap_or_else(|| "session".to_owned());
        let state = state.map(|state| format!(", {state}")).unwrap_or_default();
        let age = age.map(|seconds| format!(", transaction open for {seconds:.1} s")).unwrap_or_default();
        Ok(Some(format!("pid {pid} ({who}{state}{age})")))
    }

    /// Changes the catalogue and waits until the proxies go by it.
    async fn announce(
        &mut self,
        statements: &[Sql],
        states: &[(EditionId, EditionState)],
        mark: &Sql,
    ) -> Result<()> {
        let transaction = self.connection.transaction().await?;
        transaction.batch_execute(join(statements.iter().map(|s| sql!("{};\n", s)), "").as_str()).await?;
        for (edition, state) in states {
            store::set_state(&transaction, *edition, *state).await?;
        }
        let epoch = store::bump_epoch(&transaction).await?;
        transaction.batch_execute(mark.as_str()).await?;
        transaction.commit().await?;
        self.acknowledged(epoch).await
    }

    async fn acknowledged(&self, epoch: Epoch) -> Result<()> {
        self.events.emit(Event::Waiting { what: format!("the proxies to take up epoch {epoch}") });
        store::wait_for_acknowledgement(&*self.connection, epoch, self.patience.proxies).await
    }

    /// An INVALID leftover of an earlier try is dropped; a valid index of that name is taken as built.
    async fn build_index(&mut self, step: &Step, statement: &Sql, index: &QualifiedName) -> Result<()> {
        let name = sql!("{}", index).to_string();
        let found = self
            .connection
            .query_opt("SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($1)::oid", &[&name])
            .await?;
        match found.map(|row| row.try_get::<_, bool>(0)).transpose()? {
            Some(true) => return Ok(()),
            Some(false) => self.alone(step, &sql!("DROP INDEX CONCURRENTLY IF EXISTS {}", index)).await?,
            None => {}
        }
        self.alone(step, statement).await
    }

    async fn check(&self, label: &str, query: &Sql) -> Result<()> {
        let rows = self.connection.simple_query(query.as_str()).await?;
        let offending = rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("?").to_owned()),
            _ => None,
        });
        match offending {
            None => Ok(()),
            Some(key) => Err(Error::new(
                ErrorKind::Database,
                format!("verification failed: {label}; it does not for the row at {key}"),
            )),
        }
    }

    async fn fill(&mut self, number: i32, spec: &BackfillSpec) -> Result<()> {
        let options =
            self.backfill.as_ref().ok_or_else(|| Error::bug("this operation has no backfill options"))?;
        let outcome = backfill::run(self.target, self.operation, number, spec, options, self.events).await?;
        self.tally.rows_backfilled += outcome.rows_changed;
        self.refuse_failures().await
    }

    /// What a populate-mode trigger could not transform while the application went on.
    async fn refuse_failures(&self) -> Result<()> {
        let row = self
            .connection
            .query_opt(
                "SELECT table_name, column_name, error_message FROM edition.failures ORDER BY id LIMIT 1",
                &[],
            )
            .await?;
        let Some(row) = row else { return Ok(()) };
        let (table, column, message): (String, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        Err(Error::new(
            ErrorKind::Database,
            format!("a row that an older edition wrote meanwhile cannot be transformed: table {table}, column {column}: {message}"),
        )
        .with_hint("make the transform cover that value, or give it with --on-error null"))
    }

    async fn drain(&mut self, edition: EditionId) -> Result<()> {
        let begun = Instant::now();
        let mut forced = false;
        loop {
            let sessions = store::proxy_sessions(&*self.connection, Some(edition)).await?;
            if sessions.is_empty() {
                return Ok(());
            }
            let over = begun.elapsed() >= self.patience.drain.unwrap_or_default();
            if over && self.patience.force && !forced {
                forced = true;
                let transaction = self.connection.transaction().await?;
                store::set_setting(&transaction, &drain_setting(edition), "now").await?;
                let epoch = store::bump_epoch(&transaction).await?;
                transaction.commit().await?;
                self.acknowledged(epoch).await?;
                continue;
            }
            if over
                && (!forced
                    || begun.elapsed() >= self.patience.drain.unwrap_or_default() + self.patience.proxies)
            {
                let names: Vec<String> = sessions
                    .iter()
                    .take(5)
                    .map(|session| {
                        format!(
                            "pid {} ({}@{}, {})",
                            session.backend_pid, session.user, session.client, session.application
                        )
                    })
                    .collect();
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!("{} sessions use edition \"{}\": {}", sessions.len(), self.edition.name, names.join("; ")),
                )
                .with_hint("move them to a newer edition, or give them time with --drain 5m (then end them with --force)"));
            }
            self.events.emit(Event::Waiting {
                what: format!("{} sessions to leave edition {}", sessions.len(), self.edition.name),
            });
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The setting that tells proxies to end an edition's sessions: `idle` (between transactions) or `now`.
pub(super) fn drain_setting(edition: EditionId) -> String {
    format!("drain:{edition}")
}

/// The time between the two clock readings of a transaction, in microseconds of the server's clock; zero without them.
fn between(messages: &[SimpleQueryMessage]) -> Duration {
    let mut readings = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.split('.').next()?.parse::<u64>().ok(),
        _ => None,
    });
    match (readings.next(), readings.next()) {
        (Some(first), Some(second)) => Duration::from_micros(second.saturating_sub(first)),
        _ => Duration::ZERO,
    }
}

/// A killed operation that reads or writes a file is resumed with that file.
fn needs_file(verb: Verb, edition: &Edition, option: &str) -> Error {
    let verb = verb.as_str();
    Error::new(
        ErrorKind::Busy,
        format!("this {verb} of edition \"{}\" was begun with {option}", edition.name),
    )
    .with_hint(format!("edition {verb} {} {option} FILE", edition.name))
}

fn numbered(steps: &[Step]) -> impl DoubleEndedIterator<Item = (i32, &Step)> {
    let numbers = 1..=i32::try_from(steps.len()).unwrap_or(i32::MAX);
    numbers.zip(steps.iter()).collect::<Vec<_>>().into_iter()
}

fn no_lock(step: &Step, relation: &str, attempts: u32, blocker: Option<&str>) -> Error {
    let blocker = blocker.map(|who| format!("; {who} holds a lock on it")).unwrap_or_default();
    Error::new(
        ErrorKind::Busy,
        format!("could not lock {relation} for \"{}\" in {attempts} short tries{blocker}; nothing was left half-done", step.title),
    )
    .with_hint("run the same command again to go on, or give it longer with --lock-patience")
}

/// 10 ms doubling to half a second, with jitter so that we do not keep step with a periodic blocker.
fn back_off(attempt: u32) -> Duration {
    let ceiling = 10_u64 << attempt.min(6);
    Duration::from_millis(rand::rng().random_range(ceiling / 2..=ceiling))
}
