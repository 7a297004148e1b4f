//! Plays a history, one step after the other, on a live and on a plain database.

use std::{collections::BTreeSet, fmt, time::Duration};

use catalog::{ErrorKind, event::Silent, operation, plan::Severity, sql};
use edition_tests::{Dice, InEdition, Pair, Shape, Writes, Wrong, change, edition, fill, told};
use tokio::time::timeout;

use crate::{
    advice::Advice,
    history::{History, Step},
    obstacle, psql,
};

/// How long anything of a step may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rows that a table gets when it is empty.
const ROWS: usize = 3;
/// How often a plan may ask for transforms.
const ROUNDS_OF_ADVICE: usize = 5;

/// The application's schemas, the usual one first.
const SCHEMAS: &str = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname <> 'public', nspname";

/// A finding that stops a plan.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) subject: String,
    pub(crate) message: String,
    pub(crate) fix: Option<String>,
}

/// What became of a step.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Published and retired; codes of findings that needed a word, how many transforms there were, which were given by us, and rows that had to
    /// go first because PostgreSQL itself does not make the change with them.
    Automatic { words: Vec<String>, transforms: usize, given: Vec<String>, cleared: Vec<String> },
    /// Refused.
    Refused(Vec<Refused>),
    /// Rows that were there stood in the way.
    Stopped(String),
    /// Accepted, and then it failed or differed.
    Bug(String),
    /// PostgreSQL itself does not take the file here.
    NotPlain(String),
    /// Run plainly, as it was asked for.
    Plain,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Automatic { words, transforms, given, cleared } => {
                write!(f, "{}", if given.is_empty() { "automatic" } else { "with transforms" })?;
                if *transforms > 0 {
                    write!(f, ", {transforms} transforms")?;
                }
                for (what, list) in [("words", words), ("given", given), ("first", cleared)] {
                    if !list.is_empty() {
                        write!(f, ", {what}: {}", list.join("; "))?;
                    }
                }
                Ok(())
            }
            Self::Refused(findings) => {
                let codes: BTreeSet<&str> = findings.iter().map(|refused| refused.code.as_str()).collect();
                write!(f, "REFUSED {}", codes.into_iter().collect::<Vec<_>>().join(" "))
            }
            Self::Stopped(why) => write!(f, "stopped by rows: {}", first_line(why)),
            Self::Bug(what) => write!(f, "BUG {}", first_line(what)),
            Self::NotPlain(why) => write!(f, "not for this server: {}", first_line(why)),
            Self::Plain => write!(f, "plain"),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A history that is being played.
pub(crate) struct Play {
    pair: Pair,
    root: u32,
    dice: Dice,
    adopted: bool,
    /// The plain database has made the present step.
    took_plainly: bool,
}

fn name(number: u32) -> String {
    format!("v{number}")
}

impl Play {
    /// Two empty databases.
    pub(crate) async fn begin(_: &History) -> Self {
        let pair = Pair::new("").await.unwrap_or_else(|error| panic!("an empty database: {error}"));
        Self { pair, root: 1, dice: Dice::new(1), adopted: false, took_plainly: false }
    }

    /// The step without an edition.
    pub(crate) async fn plainly(&mut self, step: &Step) -> Outcome {
        let outcome = obstacle::run_plainly(&self.pair, &step.sql).await;
        self.adopted = false;
        outcome.map_or_else(|complaint| Outcome::NotPlain(complaint.text), |()| Outcome::Plain)
    }

    /// The step as an edition; whatever becomes of it, both databases have made it afterwards.
    pub(crate) async fn step(&mut self, step: &Step) -> Outcome {
        if !self.adopted
            && let Err(error) = self.adopt().await
        {
            return Outcome::Bug(error);
        }
        let outcome = match timeout(PATIENCE, self.edition(step)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Bug(format!("nothing came of it in {PATIENCE:?}")),
        };
        match outcome {
            Outcome::Automatic { .. } => outcome,
            other => {
                if !matches!(other, Outcome::NotPlain(_)) && !self.took_plainly {
                    let _ = obstacle::run_plainly(&self.pair, &step.sql).await;
                }
                self.adopted = false;
                other
            }
        }
    }

    /// Both databases alike, with rows, the live one under management.
    async fn adopt(&mut self) -> Result<(), String> {
        self.fill_plain().await;
        self.pair.copy_plain().await;
        self.root = 1;
        let schemas = self.pair.in_plain().await.ask(SCHEMAS).await;
        let schemas: Vec<&str> = schemas.iter().map(String::as_str).collect();
        self.pair.init("v1", &schemas).await.map_err(|error| format!("init: {error}"))?;
        self.adopted = true;
        Ok(())
    }

    async fn fill_plain(&mut self) -> Vec<Wrong> {
        let place = self.pair.writer_in_plain().await;
        fill_empty(&place, &mut self.dice).await
    }

    async fn edition(&mut self, step: &Step) -> Outcome {
        self.took_plainly = false;
        let (parent, child) = (name(self.root), name(self.root + 1));
        // Tables that fail without us are no fault of ours.
        let failing = self.write(&parent, &[]).await;
        let mut cleared = match obstacle::clear_live(&self.pair, &step.sql).await {
            Ok(cleared) => cleared,
            Err(complaint) => return Outcome::NotPlain(complaint.text),
        };
        let with_rows = match self.draft(&child, step).await {
            Ok(with_rows) => with_rows,
            Err(outcome) => return outcome,
        };
        let (mut words, transforms, given) =
            match self.publish_with_advice(&parent, &child, &mut cleared).await {
                Ok(published) => published,
                Err(outcome) => {
                    // The plain database has not made the step yet.
                    let before = self.pair.dump_plain().await.without_moments();
                    let difference = self.pair.dump_live().await.without_moments().difference(&before);
                    if !difference.is_empty() {
                        return Outcome::Bug(format!("undo: {outcome}; not all was undone\n{difference}"));
                    }
                    return outcome;
                }
            };
        let mut wrong = Vec::new();
        wrong.extend(self.write(&child, &[]).await);
        let parents = self.write(&parent, &failing).await;
        // Accepted by this word: deletions that fire triggers of the draft's tables in sessions of the parent.
        if !words.iter().any(|word| word == "restricts-older-edition") {
            wrong.extend(parents);
        }
        if let Err(error) = self.pair.retire(&parent, &child).await {
            return Outcome::Bug(format!("retire: {error}"));
        }
        self.root += 1;
        if let Err(complaint) = obstacle::run_plainly(&self.pair, &step.sql).await {
            return Outcome::Bug(format!("plain: it fails in the plain database only: {}", complaint.text));
        }
        self.took_plainly = true;
        let live = self.pair.dump_live().await.without_moments();
        let difference = live.difference(&self.pair.dump_plain().await.without_moments());
        if !difference.is_empty() {
            return Outcome::Bug(format!("differs: after retire (- is, + should be)\n{difference}"));
        }
        let plainly_wrong = self.fill_plain().await;
        wrong.retain(|wrong| !plainly_wrong.iter().any(|plain| plain.table == wrong.table));
        if let Some(Wrong { statement, failure, .. }) = wrong.first() {
            return Outcome::Bug(format!("write: a session fails: {failure:?}\n{statement}"));
        }
        words.extend(with_rows.then(|| "(create --with-rows)".to_owned()));
        Outcome::Automatic { words, transforms, given, cleared }
    }

    /// Makes the draft and migrates it; statements are noted as `edition create --from` notes them. If it needs rows of earlier drafts, it gets
    /// them: true.
    async fn draft(&self, child: &str, step: &Step) -> Result<bool, Outcome> {
        let verbs = &self.pair.verbs;
        if let Err(error) = verbs.try_create(child).await {
            return Err(Outcome::Bug(format!("create: {}", told(&error))));
        }
        let blueprint = self.pair.blueprint(child);
        let mut migrated = psql::run(verbs, &blueprint, &step.sql).await;
        let needs_rows = migrated.as_ref().is_err_and(|complaint| complaint.code == "23503");
        if needs_rows {
            self.pair.drop_draft(child).await.map_err(|error| Outcome::Bug(format!("drop: {error}")))?;
            verbs.create_with_rows(child).await;
            migrated = psql::run(verbs, &blueprint, &step.sql).await;
        }
        match migrated {
            Ok(()) => {}
            // A row that only the live database has: the adoption was after the migration that made it.
            Err(complaint) if needs_rows => {
                let subject = "rows of earlier migrations".to_owned();
                let code = "(draft)".to_owned();
                return Err(Outcome::Refused(vec![Refused {
                    code,
                    subject,
                    message: complaint.text,
                    fix: None,
                }]));
            }
            Err(complaint) => {
                return Err(Outcome::Bug(format!("draft: it fails in a draft only: {}", complaint.text)));
            }
        }
        let statements = sql::data_statements(&step.sql);
        if !statements.is_empty() {
            let session = self.pair.in_blueprint(child).await;
            if let Err(failure) = session.try_ask(sql::note_statements(&statements).as_str()).await {
                return Err(Outcome::Bug(format!("note: {failure:?}")));
            }
        }
        Ok(needs_rows)
    }

    /// Publishes; as long as the plan asks for transforms that we can think of, it gets them.
    async fn publish_with_advice(
        &self,
        parent: &str,
        child: &str,
        cleared: &mut Vec<String>,
    ) -> Result<(Vec<String>, usize, Vec<String>), Outcome> {
        let mut given = Vec::new();
        for _ in 0..ROUNDS_OF_ADVICE {
            match self.publish(child).await {
                Ok((words, transforms)) => return Ok((words, transforms, given)),
                Err(Outcome::Refused(findings)) => {
                    let (Ok(older), Ok(newer)) = (
                        Shape::read(&self.pair.in_blueprint(parent).await).await,
                        Shape::read(&self.pair.in_blueprint(child).await).await,
                    ) else {
                        return Err(Outcome::Refused(findings));
                    };
                    let advice = Advice { pair: &self.pair, parent, child, older, newer };
                    let more = advice.give(&findings).await;
                    if more.is_empty() {
                        return Err(Outcome::Refused(findings));
                    }
                    given.extend(more);
                }
                Err(Outcome::Stopped(why)) => match obstacle::clear_named(&self.pair, &why).await {
                    Some(what) if !cleared.contains(&what) => cleared.push(what),
                    _ => return Err(Outcome::Stopped(why)),
                },
                Err(outcome) => return Err(outcome),
            }
        }
        Err(Outcome::Bug(format!("advice: it has no end: {}", given.join("; "))))
    }

    async fn publish(&self, child: &str) -> Result<(Vec<String>, usize), Outcome> {
        let verbs = &self.pair.verbs;
        let plan = match operation::plan(&verbs.target, &edition(child)).await {
            Ok(plan) => plan,
            Err(error) if error.kind() == ErrorKind::Refused => {
                let (code, subject, fix) = ("(plan)".to_owned(), String::new(), None);
                return Err(Outcome::Refused(vec![Refused { code, subject, message: told(&error), fix }]));
            }
            Err(error) => return Err(Outcome::Bug(format!("plan: {}", told(&error)))),
        };
        let of =
            |severity: Severity| plan.findings.iter().filter(move |finding| finding.severity == severity);
        let refused: Vec<Refused> = of(Severity::Refused)
            .map(|finding| Refused {
                code: finding.code.slug().to_owned(),
                subject: finding.subject.clone(),
                message: finding.message.clone(),
                fix: finding.fix.clone(),
            })
            .collect();
        if !refused.is_empty() {
            return Err(Outcome::Refused(refused));
        }
        let words: BTreeSet<String> =
            of(Severity::NeedsWord).map(|finding| finding.code.slug().to_owned()).collect();
        let allowed: Vec<&str> = words.iter().map(String::as_str).collect();
        match verbs.try_publish(child, &allowed, &Silent).await {
            Ok(_) => Ok((words.into_iter().collect(), plan.transforms.len())),
            Err(error) if is_about_rows(&error) => Err(Outcome::Stopped(told(&error))),
            Err(error) => Err(Outcome::Bug(format!("publish: {}", told(&error)))),
        }
    }

    /// Writes as an application of the edition would; gives what failed, except in tables that failed before.
    async fn write(&mut self, writer: &str, failing: &[Wrong]) -> Vec<Wrong> {
        let Ok(shape) = Shape::read(&self.pair.in_blueprint(writer).await).await else { return Vec::new() };
        let place = self.pair.in_edition(writer).await;
        let Writes { wrong: mut all, .. } = fill(&place, &shape, &mut self.dice, 1).await;
        all.extend(change(&place, &shape, &mut self.dice).await.wrong);
        all.retain(|wrong| !failing.iter().any(|before| before.table == wrong.table));
        all
    }

    /// Drops the databases.
    pub(crate) async fn end(self) {
        self.pair.end().await;
    }
}

/// Rows for tables that have none; gives what failed.
async fn fill_empty(place: &InEdition, dice: &mut Dice) -> Vec<Wrong> {
    let Ok(mut shape) = Shape::read(&place.session).await else { return Vec::new() };
    let mut empty = Vec::new();
    for table in &shape.tables {
        let any = format!("SELECT 1 FROM {} LIMIT 1", place.relation(&table.schema, &table.name));
        empty.push(place.session.try_ask(&any).await.is_ok_and(|answer| answer.rows.is_empty()));
    }
    let mut keep = empty.into_iter();
    shape.tables.retain(|_| keep.next().unwrap_or(false));
    fill(place, &shape, dice, ROWS).await.wrong
}

/// Whether rows that are there forbid what the migration asks for.
fn is_about_rows(error: &catalog::Error) -> bool {
    let text = told(error);
    ["rows that are there", "could not create unique index", "violates", "contains null values"]
        .iter()
        .any(|sign| text.contains(sign))
        || error
            .sqlstate()
            .is_some_and(|state| state.code().starts_with("22") || state.code().starts_with("23"))
}
