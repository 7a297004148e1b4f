//! What each kind of step does, and how each is undone.

use super::Runner;
use crate::{
    archive,
    backfill::{self, BackfillSpec, FailingRow},
    blueprint,
    error::{Error, ErrorKind, Result},
    event::Event,
    introspection,
    model::{Edition, EditionId, EditionState, Epoch, QualifiedName},
    plan::{Step, StepKind},
    sql,
    sql::{Sql, join},
    store::{self, Verb},
};
use tokio_postgres::{SimpleQueryMessage, error::SqlState};

impl Runner<'_> {
    pub(super) async fn execute(&mut self, number: i32, step: &Step) -> Result<()> {
        match &step.kind {
            StepKind::Transaction { statements } => {
                let mark = self.mark(number, "done");
                self.transaction(step, statements, &mark).await?;
                // Publishing replaces hardly anything that a session sees.
                if self.verb != Verb::Publish || step.is_reflected {
                    introspection::follow(&self.connection, &step.tables).await?;
                }
                Ok(())
            }
            StepKind::Announce { statements, states, .. } => {
                let mark = self.mark(number, "done");
                self.announce(statements, states, &mark).await
            }
            StepKind::Index { statement, index } => {
                self.build_index(step, statement, index).await?;
                self.done(number).await
            }
            StepKind::Parts(parts) => {
                self.complete(step, parts).await?;
                self.done(number).await
            }
            StepKind::Scan { statements } => {
                for statement in statements {
                    if let Err(error) = self.scan(step, statement).await {
                        return Err(self.with_culprit(step, error).await);
                    }
                }
                self.done(number).await
            }
            StepKind::Verify { checks } => {
                for (label, query) in checks {
                    self.check(label, query).await?;
                }
                self.done(number).await
            }
            StepKind::Backfill { table, assignments, null_on_error, pending, primary_key, search_path } => {
                let spec = BackfillSpec {
                    table: table.clone(),
                    child: self.edition.id,
                    assignments: assignments.clone(),
                    null_on_error: null_on_error.clone(),
                    pending: pending.clone(),
                    search_path: search_path.clone(),
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
                for what in &loaded.homeless {
                    let text = format!("not loaded, because the edition has no place for it: {what}");
                    self.events.emit(Event::Note { text });
                }
                self.tally.rows_loaded += loaded.rows;
                self.tally.rows_not_loaded += loaded.skipped;
                self.done(number).await
            }
            StepKind::Save { tables, new_tables } => {
                let path =
                    self.archive.clone().ok_or_else(|| needs_file(self.verb, self.edition, "--save"))?;
                let edition = &self.edition.name;
                let rows = archive::save(self.target, &path, edition, tables, new_tables).await?;
                self.tally.rows_saved = Some(rows);
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

    pub(super) async fn done(&self, number: i32) -> Result<()> {
        Ok(self.connection.batch_execute(self.mark(number, "done").as_str()).await?)
    }

    pub(super) async fn undo_step(&mut self, number: i32, step: &Step) -> Result<()> {
        let mark = self.mark(number, "undone");
        if self.has_lost_its_partition(step).await? {
            return Ok(self.connection.batch_execute(mark.as_str()).await?);
        }
        match &step.kind {
            StepKind::Parts(parts) => {
                self.drop_unfinished_parts(step, parts).await?;
                Ok(self.connection.batch_execute(mark.as_str()).await?)
            }
            StepKind::Announce { states_before, .. } => {
                self.announce(&step.inverse, states_before, &mark).await
            }
            StepKind::Index { .. } => {
                for statement in &step.inverse {
                    self.alone(step, statement).await?;
                }
                Ok(self.connection.batch_execute(mark.as_str()).await?)
            }
            _ => {
                self.transaction(step, &step.inverse, &mark).await?;
                introspection::follow(&self.connection, &step.tables).await
            }
        }
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
        introspection::refresh(self.target, &transaction).await?;
        let epoch = store::bump_epoch(&transaction).await?;
        transaction.batch_execute(mark.as_str()).await?;
        transaction.commit().await?;
        self.acknowledged(epoch).await?;
        introspection::withdraw(&self.connection).await
    }

    pub(super) async fn acknowledged(&self, epoch: Epoch) -> Result<()> {
        self.events.emit(Event::Waiting { what: format!("the proxies to take up epoch {epoch}") });
        store::wait_for_acknowledgement(&*self.connection, epoch, self.patience.proxies).await
    }

    /// A valid index of that name is taken as built. The INVALID leftover of an earlier try, or of one that gave way, is dropped.
    pub(super) async fn build_index(
        &mut self,
        step: &Step,
        statement: &Sql,
        index: &QualifiedName,
    ) -> Result<()> {
        let mut patience = self.lock_patience();
        loop {
            match self.is_valid(index).await? {
                Some(true) => return Ok(()),
                Some(false) => {
                    self.alone(step, &sql!("DROP INDEX CONCURRENTLY IF EXISTS {}", index)).await?;
                }
                None => {}
            }
            if self.try_alone(step, statement, &mut patience).await? {
                return Ok(());
            }
        }
    }

    /// `None`: there is no such index.
    pub(super) async fn is_valid(&self, index: &QualifiedName) -> Result<Option<bool>> {
        let name = sql!("{}", index).to_string();
        let query =
            "SELECT indisvalid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($1)::oid";
        let found = self.connection.query_opt(query, &[&name]).await?;
        Ok(found.map(|row| row.try_get(0)).transpose()?)
    }

    /// PostgreSQL says that some row breaks a rule, and not which.
    async fn with_culprit(&self, step: &Step, error: Error) -> Error {
        let Some(query) =
            step.culprit.as_ref().filter(|_| error.sqlstate() == Some(SqlState::CHECK_VIOLATION))
        else {
            return error;
        };
        let found = self.connection.query_opt(query.as_str(), &[]).await;
        let Ok(Some(Ok(key))) = found.map(|row| row.map(|row| row.try_get::<_, String>(0))) else {
            // Gone meanwhile, or not to be had.
            return error;
        };
        let row = FailingRow {
            table: step.relations.first().map(QualifiedName::pretty).unwrap_or_default(),
            column: None,
            message: format!("{error}, for example by the row {key}"),
            key,
            sqlstate: SqlState::CHECK_VIOLATION.code().to_owned(),
        };
        Error::new(ErrorKind::Database, row.message.clone())
            .with_hint("change that row or the forward transform, then run the same command again")
            .with_source(row)
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
        let filled = backfill::run(self.target, self.operation, number, spec, options, self.events);
        let outcome = Box::pin(self.lock.holding(filled)).await?;
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
}

/// A killed operation that reads or writes a file is resumed with that file.
fn needs_file(verb: Verb, edition: &Edition, option: &str) -> Error {
    let verb = verb.as_str();
    Error::new(
        ErrorKind::Usage,
        format!("this {verb} of edition \"{}\" was begun with {option}", edition.name),
    )
    .with_hint(format!("edition {verb} {} {option} FILE", edition.name))
}
