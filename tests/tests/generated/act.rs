//! One act: one draft, two or three, published, written to, and ended in one of the ways in which editions end.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use catalog::{
    ErrorKind,
    event::Silent,
    operation,
    plan::{Code, Finding, Severity},
    sql,
};
use edition_tests::{Dice, Dump, Failure, Pair, Session, Shape, Writes, Wrong, change, edition, fill, told};
use tokio::time::timeout;

use crate::{
    ddl,
    ddl::back::{self, Former},
    excuse::{
        bars_plain_update, commented_partition_indexes, drop_foreign_keys, forget_copied_comments,
        is_about_rows,
    },
    focus::Focus,
    rows,
    same_rows::{Rows, takes_partition, takes_partitions},
};

/// How long anything in an act may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// In how many acts of a hundred rows are compared with what plain DDL makes of them.
const ROWS_COMPARED: usize = 25;

/// How many younger drafts of a hundred go back on what an older edition had.
const GOING_BACK: usize = 60;

/// How many statements of a hundred do, in such a draft.
const STEPS_BACK: usize = 70;

/// The partitions of a database, by oid.
const PARTITIONS: &str = "SELECT oid::text FROM pg_class WHERE relispartition AND relkind IN ('r', 'p')";

/// How an act ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Every edition of the act is rolled back.
    RollBack,
    /// Every older edition retires.
    Retire,
    /// All of the act but the first, and then the older one retires.
    RollBackThenRetire,
    /// Older editions retire, and then the newest is rolled back.
    RetireThenRollBack,
}

impl End {
    fn chosen(dice: &mut Dice, drafts: usize) -> Self {
        match dice.below(100) {
            35..65 if drafts > 1 => {
                *dice.pick(&[Self::RollBackThenRetire, Self::RetireThenRollBack]).unwrap()
            }
            0..35 => Self::RollBack,
            _ => Self::Retire,
        }
    }

    /// How many of so many drafts stay.
    fn kept(self, drafts: usize) -> usize {
        match self {
            Self::RollBack => 0,
            Self::Retire => drafts,
            Self::RollBackThenRetire => drafts.min(1),
            Self::RetireThenRollBack => drafts.saturating_sub(1),
        }
    }
}

/// Statements, each with the name of its kind.
pub(crate) type Draft = Vec<(&'static str, String)>;

/// What an act does.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// What each draft gets.
    pub(crate) drafts: Vec<Draft>,
    /// How it ends.
    pub(crate) end: End,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Publication was refused: codes, and what they are about.
    Refused(Vec<(String, String)>),
    /// Rows that are there stood in the way, as they do for plain DDL; everything was undone. How it was said.
    Stopped(String),
    /// The application's own triggers keep all writers from a table, the backfill among them; everything was undone. Plain DDL rewrites a table
    /// without them.
    Barred,
    /// It all went well.
    Done,
    /// It did not.
    Bug(String),
}

/// Where statements come from.
enum Source<'a> {
    /// And an older edition that the draft may go back to.
    Chance(&'a mut Dice, Option<String>),
    Given(&'a Script),
}

/// A stage for acts: a pair of databases, whose root is known.
pub(crate) struct Acts {
    pub(crate) pair: Pair,
    root: u32,
    /// The live database's schema at the end of the last act: a dump is dear.
    seen: Option<Dump>,
    /// Whether something happened after which rows of these databases prove nothing any more.
    pub(crate) is_over: bool,
    /// How long each kind of work took in all.
    pub(crate) spent: BTreeMap<&'static str, Duration>,
}

/// What a rollback should give back.
struct Before {
    schema: Dump,
    /// By oid.
    partitions: Vec<String>,
}

pub(crate) enum Stop {
    Early(Outcome),
    Bug(String),
}

impl From<String> for Stop {
    fn from(what: String) -> Self {
        Self::Bug(what)
    }
}

fn name(number: u32) -> String {
    format!("v{number}")
}

impl Acts {
    /// The pair must have been adopted as v1.
    pub(crate) const fn new(pair: Pair) -> Self {
        Self { pair, root: 1, seen: None, is_over: false, spent: BTreeMap::new() }
    }

    /// Rows in every table.
    pub(crate) async fn fill(&self, dice: &mut Dice) {
        rows(&self.pair, &name(self.root), dice).await;
    }

    /// A random act, and what it was.
    pub(crate) async fn play(&mut self, dice: &mut Dice) -> (Script, Outcome) {
        let drafts = *dice.pick(&[1, 1, 1, 1, 2, 2, 2, 3, 3, 4]).unwrap();
        let end = End::chosen(dice, drafts);
        let mut script = Script { drafts: vec![Vec::new(); drafts], end };
        let outcome = self.perform(&mut script, Some(dice)).await;
        script.drafts.retain(|draft| !draft.is_empty());
        (script, outcome)
    }

    /// An act that is known.
    pub(crate) async fn repeat(&mut self, script: &Script) -> Outcome {
        self.perform(&mut script.clone(), None).await
    }

    async fn perform(&mut self, script: &mut Script, dice: Option<&mut Dice>) -> Outcome {
        match timeout(PATIENCE, self.scenes(script, dice)).await {
            Ok(Ok(())) => Outcome::Done,
            Ok(Err(Stop::Early(outcome))) => outcome,
            Ok(Err(Stop::Bug(what))) => Outcome::Bug(what),
            Err(_) => Outcome::Bug(format!("hangs: nothing came of it in {PATIENCE:?}")),
        }
    }

    async fn scenes(&mut self, script: &mut Script, mut dice: Option<&mut Dice>) -> Result<(), Stop> {
        let mut own = Dice::new(5);
        let mut before = vec![self.before().await];
        let first = self.root;
        let mut focus = dice.as_deref_mut().map_or(Focus::All, Focus::chosen);
        for index in 0..script.drafts.len() {
            let parent = first + u32::try_from(index).unwrap();
            let child = parent + 1;
            let begun = Instant::now();
            let created = self.pair.verbs.try_create(&name(child)).await;
            created.map_err(|error| format!("create: {}", told(&error)))?;
            self.took("create", begun);
            let wanted = match dice.as_deref_mut() {
                Some(dice) => {
                    let goes_back = index > 0 && dice.chance(GOING_BACK);
                    let older = first + u32::try_from(dice.below(index.max(1))).unwrap();
                    let older = goes_back.then(|| name(older));
                    Source::Chance(dice, older)
                }
                None => Source::Given(script),
            };
            let statements = self.migrate(&name(child), index, wanted, &mut focus).await;
            self.took("migrate", begun);
            let begun = Instant::now();
            let is_compared = index == 0 && dice.as_deref_mut().is_none_or(|dice| dice.chance(ROWS_COMPARED));
            let rows = if is_compared { self.rows_in_plain(&statements).await } else { None };
            self.took("rows", begun);
            script.drafts[index] = statements;
            if let Err(stop) = self.publish(&name(child), &name(parent)).await {
                let refused = matches!(stop, Stop::Early(Outcome::Refused(_)));
                // A refusal came before anything was begun.
                let unchanged = match before.last() {
                    Some(before) if !refused || dice.as_deref_mut().is_some_and(|dice| dice.chance(10)) => {
                        self.same("an edition that was not published", &before.schema).await
                    }
                    known => {
                        self.seen = known.map(|before| before.schema.clone());
                        Ok(())
                    }
                };
                self.pair.drop_draft(&name(child)).await.map_err(|error| format!("drop: {error}"))?;
                script.drafts.truncate(index + 1);
                unchanged?;
                // Younger drafts stand on rows that no plain database has.
                let stop = match (stop, script.drafts.first(), index) {
                    (Stop::Early(Outcome::Stopped(said)), Some(draft), 0) => {
                        self.why_stopped(draft, said).await
                    }
                    (stop, _, _) => stop,
                };
                if index > 0 {
                    self.end(first, parent, End::RollBack, &before, script).await?;
                }
                return Err(stop);
            }
            if let Some(rows) = rows {
                self.same_rows("publish", &name(child), rows).await?;
            }
            let begun = Instant::now();
            for writer in first..=child {
                self.write(&name(writer), dice.as_deref_mut().unwrap_or(&mut own)).await?;
            }
            self.took("write", begun);
            if index + 1 < script.drafts.len() {
                before.push(self.before().await);
            }
        }
        let last = first + u32::try_from(script.drafts.len()).unwrap();
        self.end(first, last, script.end, &before, script).await
    }

    fn took(&mut self, what: &'static str, since: Instant) {
        *self.spent.entry(what).or_default() += since.elapsed();
    }

    async fn before(&mut self) -> Before {
        let schema = match self.seen.take() {
            Some(seen) => seen,
            None => self.live_schema().await,
        };
        Before { schema, partitions: self.pair.in_live().await.ask(PARTITIONS).await }
    }

    async fn live_schema(&mut self) -> Dump {
        let begun = Instant::now();
        let dump = self.pair.dump_live().await;
        self.took("dump", begun);
        dump
    }

    /// Runs statements in the draft; gives those that PostgreSQL took.
    async fn migrate(
        &self,
        draft: &str,
        index: usize,
        source: Source<'_>,
        focus: &mut Focus,
    ) -> Vec<(&'static str, String)> {
        let session = self.pair.in_blueprint(draft).await;
        let mut taken = Vec::new();
        match source {
            Source::Given(script) => {
                for (kind, statement) in script.drafts.get(index).into_iter().flatten() {
                    if session.try_ask(statement).await.is_ok() {
                        note(&session, statement).await;
                        taken.push((*kind, statement.clone()));
                    }
                }
            }
            Source::Chance(dice, older) => {
                let kinds = ddl::chosen_kinds();
                let former = match older {
                    Some(older) => Some(Former::read(&self.pair.in_blueprint(&older).await).await),
                    None => None,
                };
                let count = *dice.pick(&[1, 1, 1, 2, 2, 3, 4, 6]).unwrap();
                let mut tries = 0;
                let mut shape = focus.of(Shape::read(&session).await.unwrap(), dice);
                while taken.len() < count && tries < count + 20 {
                    tries += 1;
                    let thought = match &former {
                        Some(former) if dice.chance(STEPS_BACK) => {
                            let now = Former::read(&session).await;
                            former.step(&now, dice).map(|step| (back::kind(&step), step))
                        }
                        _ => ddl::statement(dice, &kinds, &shape),
                    };
                    let Some((kind, statement)) = thought else { continue };
                    if session.try_ask(&statement).await.is_ok() {
                        note(&session, &statement).await;
                        taken.push((kind, statement));
                        if taken.len() < count {
                            shape = focus.of(Shape::read(&session).await.unwrap(), dice);
                        }
                    }
                }
            }
        }
        taken
    }

    /// Publishes with every word that a finding may need. Only a refusal is planned apart: a plan is dear, and publishing makes one.
    async fn publish(&mut self, draft: &str, parent: &str) -> Result<(), Stop> {
        let words = Code::ALL.iter().filter(|code| code.severity() == Severity::NeedsWord);
        let allowed: Vec<&str> = words.map(|code| code.slug()).collect();
        let begun = Instant::now();
        let published = self.pair.verbs.try_publish(draft, &allowed, &Silent).await;
        self.took("publish", begun);
        match published {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Refused => match self.refusals(draft).await? {
                none if none.is_empty() && is_about_rows(&error) => {
                    Err(Stop::Early(Outcome::Stopped(told(&error))))
                }
                none if none.is_empty() => Err(Stop::Bug(format!("publish: {}", told(&error)))),
                refused => Err(Stop::Early(Outcome::Refused(refused))),
            },
            Err(error) if self.bars_plain_writes(parent, &error).await => Err(Stop::Early(Outcome::Barred)),
            Err(error) if is_about_rows(&error) => Err(Stop::Early(Outcome::Stopped(told(&error)))),
            Err(error) => Err(Stop::Bug(format!("publish: {}", told(&error)))),
        }
    }

    /// The rows that stood in the way must stand in the way of the same statements in a plain copy, too, those of dropped partitions included; or of a
    /// write to all rows there.
    async fn why_stopped(&self, draft: &[(&'static str, String)], said: String) -> Stop {
        let copy = self.pair.in_tried_live().await;
        if bars_plain_update(&copy, &said).await {
            return Stop::Early(Outcome::Barred);
        }
        for (kind, statement) in draft {
            if !takes_partition(kind) && copy.try_ask(statement).await.is_err() {
                return Stop::Early(Outcome::Stopped(said));
            }
        }
        Stop::Bug(format!("publish: stopped by rows that plain DDL takes: {said}"))
    }

    /// Why the plan refuses the draft: codes, and what they are about.
    async fn refusals(&mut self, draft: &str) -> Result<Vec<(String, String)>, Stop> {
        let begun = Instant::now();
        let plan = operation::plan(&self.pair.verbs.target, &edition(draft)).await;
        self.took("plan", begun);
        match plan {
            Ok(plan) => {
                let refused =
                    plan.findings.into_iter().filter(|finding| finding.severity == Severity::Refused);
                let told = |finding: Finding| {
                    (finding.code.slug().to_owned(), format!("{}: {}", finding.subject, finding.message))
                };
                Ok(refused.map(told).collect())
            }
            Err(error) if error.kind() == ErrorKind::Refused => {
                Ok(vec![("(plan)".to_owned(), format!("{error}").chars().take(60).collect())])
            }
            Err(error) => Err(Stop::Bug(format!("plan: {}", told(&error)))),
        }
    }

    /// Rows and changes as an application of the edition would make them; whatever fails for another reason than its data is a bug.
    async fn write(&self, writer: &str, dice: &mut Dice) -> Result<(), Stop> {
        let shape = Shape::read(&self.pair.in_blueprint(writer).await).await.unwrap();
        let place = self.pair.in_edition(writer).await;
        let Writes { wrong: inserts, .. } = fill(&place, &shape, dice, 1).await;
        let Writes { wrong: updates, .. } = change(&place, &shape, dice).await;
        let Some(Wrong { statement, failure, .. }) = inserts.into_iter().chain(updates).next() else {
            return Ok(());
        };
        drop(place);
        let alike = |plain: &Failure| plain.code == failure.code && plain.message == failure.message;
        if self.fails_plainly(writer, &shape, alike).await {
            return Ok(());
        }
        Err(Stop::Bug(format!("write: a session fails: {failure:?}\nin {writer}: {statement}")))
    }

    /// Whether the application's own triggers keep every writer from a table, so that no backfill can write to it either.
    async fn bars_plain_writes(&self, parent: &str, error: &catalog::Error) -> bool {
        let Some(code) = error.sqlstate() else { return false };
        let (shape, said) = (Shape::read(&self.pair.in_blueprint(parent).await).await.unwrap(), told(error));
        let alike = |plain: &Failure| plain.code == code.code() && said.contains(&plain.message);
        self.fails_plainly(parent, &shape, alike).await
    }

    /// Whether writes fail in the same way in a plain database of the edition's schema: a trigger function does not follow the renaming of
    /// a column that it names.
    async fn fails_plainly(&self, writer: &str, shape: &Shape, alike: impl Fn(&Failure) -> bool) -> bool {
        let (place, mut dice) = (self.pair.in_tried_blueprint(writer).await, Dice::new(11));
        let mut shape = shape.clone();
        // A table whose rows must refer to rows that are there stays empty, unless its foreign keys are out of the way.
        for is_free in [false, true] {
            if is_free {
                drop_foreign_keys(&place.session).await;
                shape = Shape::read(&place.session).await.unwrap();
            }
            let mut found = fill(&place, &shape, &mut dice, 3).await.wrong;
            for _ in 0..10 {
                found.extend(change(&place, &shape, &mut dice).await.wrong);
            }
            if found.iter().any(|wrong| alike(&wrong.failure)) {
                return true;
            }
        }
        false
    }

    async fn end(
        &mut self,
        first: u32,
        last: u32,
        end: End,
        before: &[Before],
        script: &Script,
    ) -> Result<(), Stop> {
        let kept = end.kept(usize::try_from(last - first).unwrap());
        let middle = first + u32::try_from(kept).unwrap();
        let (kept, gone) = script.drafts.split_at(kept);
        let retires_first = end == End::RetireThenRollBack;
        if retires_first {
            self.retire(first, middle, kept).await?;
        }
        let is_as_before = kept.is_empty() || !retires_first;
        for leaf in (middle + 1..=last).rev() {
            let before = before.get(usize::try_from(leaf - first - 1).unwrap()).unwrap();
            self.roll_back(leaf, before, is_as_before).await?;
        }
        if !retires_first {
            self.retire(first, middle, kept).await?;
        }
        if kept.is_empty() {
            return Ok(());
        }
        self.equals_plain(kept, if gone.is_empty() { "retire" } else { "retire and rollback" }).await?;
        let begun = Instant::now();
        self.write(&name(middle), &mut Dice::new(9)).await?;
        self.took("write", begun);
        Ok(())
    }

    /// Rolls the newest edition back. `is_as_before`: no older one has retired since it was published.
    async fn roll_back(&mut self, leaf: u32, before: &Before, is_as_before: bool) -> Result<(), Stop> {
        let rows = self.rows_in(&name(leaf - 1)).await?;
        let begun = Instant::now();
        self.pair.rollback(&name(leaf)).await.map_err(|error| format!("rollback: {error}"))?;
        self.took("rollback", begun);
        self.same_rows("rollback", &name(leaf - 1), rows).await?;
        self.drop_kept_partitions(&before.partitions).await;
        if is_as_before {
            self.same("rollback", &before.schema).await?;
        }
        self.pair.drop_draft(&name(leaf)).await.map_err(|error| format!("drop: {error}"))?;
        Ok(())
    }

    /// Retires all editions from `first` on that are older than `last`, which the drafts led to.
    async fn retire(&mut self, first: u32, last: u32, drafts: &[Draft]) -> Result<(), Stop> {
        let is_compared = first < last && !drafts.iter().any(|draft| takes_partitions(draft));
        let rows = if is_compared { self.rows_in(&name(last)).await? } else { Rows::new() };
        let begun = Instant::now();
        for root in first..last {
            let outcome = self.pair.retire(&name(root), &name(root + 1)).await;
            outcome.map_err(|error| format!("retire: {error}"))?;
            self.root = root + 1;
        }
        self.took("retire", begun);
        self.same_rows("retire", &name(last), rows).await
    }

    /// The schema is what plain DDL makes of these drafts.
    async fn equals_plain(&mut self, drafts: &[Draft], what: &str) -> Result<(), Stop> {
        let plain = self.pair.in_plain().await;
        for (_, statement) in drafts.iter().flatten() {
            let retypes = statement.contains(" TYPE ");
            let commented = if retypes { commented_partition_indexes(&plain).await } else { Vec::new() };
            plain.try_ask(statement).await.map_err(|failure| format!("plain: {failure:?}"))?;
            if retypes {
                forget_copied_comments(&plain, &commented).await;
            }
        }
        let begun = Instant::now();
        let should = self.pair.dump_plain().await;
        self.took("dump", begun);
        self.same(what, &should).await
    }

    /// A rollback keeps a partition of the draft's that has rows (E027). It is taken away by hand here, whatever points at its rows, so that the
    /// rest can be compared. One without rows is left where it is, and counts as a difference.
    async fn drop_kept_partitions(&mut self, known: &[String]) {
        let live = self.pair.in_live_as_superuser().await;
        for partition in live.ask(PARTITIONS).await.iter().filter(|partition| !known.contains(partition)) {
            let names = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhrelid = ";
            let name = live.ask(&format!("{names}{partition}")).await.concat();
            let of = "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = ";
            let of = live.ask(&format!("{of}{partition}")).await.concat();
            if live.ask(&format!("SELECT 1 FROM {name} LIMIT 1")).await.is_empty() {
                continue;
            }
            live.run("SET session_replication_role = replica").await;
            live.run(&format!("DELETE FROM {name}")).await;
            live.run(&format!("ALTER TABLE {of} DETACH PARTITION {name}")).await;
            live.run(&format!("DROP TABLE {name}")).await;
            self.is_over = true;
        }
    }

    async fn same(&mut self, what: &str, should: &Dump) -> Result<(), Stop> {
        let is = self.live_schema().await;
        let difference = is.difference(should);
        self.seen = Some(is);
        if difference.is_empty() {
            return Ok(());
        }
        Err(Stop::Bug(format!("{what}: the schema differs (- is, + should be)\n{difference}")))
    }
}

/// As the proxy does it for sessions in a draft.
async fn note(session: &Session, statement: &str) {
    let noted = sql::data_statements(statement);
    if !noted.is_empty() {
        session.run(sql::note_statements(&noted).as_str()).await;
    }
}
