//! Plays a history, one step after the other, on a live and on a plain database.

use std::{collections::BTreeSet, fmt, io::Write as _, process::Stdio, time::Duration};

use catalog::{
    ErrorKind,
    event::Silent,
    model::OnError,
    operation::{self, TransformOptions},
    plan::Severity,
};
use edition_tests::{
    Dice, InEdition, OWNER, Pair, Shape, TableShape, Writes, Wrong, change, edition, fill, server, told,
    value,
};
use tokio::time::timeout;

use crate::history::{History, Step};

/// How long anything of a step may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Rows that a table gets when it is empty.
const ROWS: usize = 3;

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
    /// Published and retired; codes of findings that needed a word, how many transforms there were, and which were given by us.
    Automatic { words: Vec<String>, transforms: usize, given: Vec<String> },
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
            Self::Automatic { words, transforms: 0, .. } if words.is_empty() => write!(f, "automatic"),
            Self::Automatic { words, transforms, given } => {
                let how = if given.is_empty() { "automatic" } else { "with transforms" };
                write!(
                    f,
                    "{how}, {transforms} transforms, words: {}, given: {}",
                    words.join(" "),
                    given.join("; ")
                )
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
        let outcome = self.run_plain(step).await;
        self.adopted = false;
        outcome.map_or_else(Outcome::NotPlain, |()| Outcome::Plain)
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
                    let _ = self.run_plain(step).await;
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
        self.pair.init("v1", &["public"]).await.map_err(|error| format!("init: {error}"))?;
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
        let before = self.pair.dump_live().await;
        if let Err(error) = self.pair.verbs.try_create(&child).await {
            return Outcome::Bug(format!("create: {}", told(&error)));
        }
        let blueprint = edition(&child).blueprint_for(&self.pair.live).map(|name| name.as_str().to_owned());
        let blueprint = blueprint.unwrap_or_default();
        if let Err(why) = self.psql(&blueprint, step).await {
            return match self.run_plain(step).await {
                Ok(()) => {
                    self.took_plainly = true;
                    Outcome::Bug(format!("draft: it fails in a draft only: {why}"))
                }
                Err(_) => Outcome::NotPlain(why),
            };
        }
        let mut given = Vec::new();
        let mut published = self.publish(&child).await;
        if let Err(Outcome::Refused(findings)) = &published
            && let Some(transforms) = self.advise(&parent, &child, findings).await
        {
            given = transforms;
            published = self.publish(&child).await;
        }
        let (words, transforms) = match published {
            Ok(published) => published,
            Err(outcome) => {
                let difference = self.pair.dump_live().await.difference(&before);
                if !difference.is_empty() {
                    return Outcome::Bug(format!("undo: {outcome}; not all was undone\n{difference}"));
                }
                return outcome;
            }
        };
        let mut wrong = Vec::new();
        wrong.extend(self.write(&child, &[]).await);
        wrong.extend(self.write(&parent, &failing).await);
        if let Err(error) = self.pair.retire(&parent, &child).await {
            return Outcome::Bug(format!("retire: {error}"));
        }
        self.root += 1;
        if let Err(why) = self.run_plain(step).await {
            return Outcome::Bug(format!("plain: it fails in the plain database only: {why}"));
        }
        self.took_plainly = true;
        let difference = self.pair.dump_live().await.difference(&self.pair.dump_plain().await);
        if !difference.is_empty() {
            return Outcome::Bug(format!("differs: after retire (- is, + should be)\n{difference}"));
        }
        let plainly_wrong = self.fill_plain().await;
        wrong.retain(|wrong| !plainly_wrong.iter().any(|plain| plain.table == wrong.table));
        if let Some(Wrong { statement, failure, .. }) = wrong.first() {
            return Outcome::Bug(format!("write: a session fails: {failure:?}\n{statement}"));
        }
        Outcome::Automatic { words, transforms, given }
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

    /// Where all that is missing is transforms: gives constants, as an author might who has nothing better. None if it cannot.
    async fn advise(&self, parent: &str, child: &str, findings: &[Refused]) -> Option<Vec<String>> {
        let mut given = Vec::new();
        for refused in findings {
            let (command, _) = refused.fix.as_deref()?.split_once(" = <expression>'")?;
            let command = command.strip_prefix(&format!("edition transform {child} "))?;
            let (table, direction, column) = ["forward", "reverse"].iter().find_map(|direction| {
                let (table, column) = command.split_once(&format!(" --{direction} '"))?;
                Some((table, *direction, column))
            })?;
            let table = table.trim_matches('\'');
            let of = if direction == "forward" { child } else { parent };
            let shape = Shape::read(&self.pair.in_blueprint(of).await).await.ok()?;
            let constant = self.constant(&shape, table, column, parent).await?;
            let assignment = format!("{column} = {constant}");
            let options = TransformOptions {
                edition: edition(child),
                table: table.to_owned(),
                forward: if direction == "forward" { vec![assignment.clone()] } else { Vec::new() },
                reverse: if direction == "reverse" { vec![assignment.clone()] } else { Vec::new() },
                on_error: OnError::Reject,
                replace: false,
            };
            operation::transform(&self.pair.verbs.target, &options).await.ok()?;
            given.push(format!("{table} {direction} {assignment}"));
        }
        Some(given)
    }

    /// A value for a column: one that a foreign key allows, or any of the type.
    async fn constant(&self, shape: &Shape, table: &str, column: &str, parent: &str) -> Option<String> {
        let plain = |text: &str| text.replace('"', "");
        let found = |shape: &&TableShape| plain(table) == shape.name;
        let table = shape.tables.iter().find(found)?;
        let column = table.column(&plain(column))?;
        let mut keys = table.constraints.iter().filter(|rule| rule.target.is_some());
        let key = keys.find(|rule| rule.columns.contains(&column.name));
        let value = match key.and_then(|key| Some((key.target.as_ref()?, key.target_columns.first()?))) {
            Some(((schema, name), referred)) => {
                let place = self.pair.in_edition(parent).await;
                let target = place.relation(schema, name);
                let any = format!("SELECT quote_literal(\"{referred}\"::text) FROM {target} LIMIT 1");
                place.session.try_ask(&any).await.ok()?.rows.first()?.clone()
            }
            None => value(table, column, &mut Dice::new(11))?,
        };
        Some(format!("{value}::{}", column.type_name))
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

    /// The step in the plain database; if rows that we thought of stand in its way, without them.
    async fn run_plain(&mut self, step: &Step) -> Result<(), String> {
        let plain = self.pair.plain.clone();
        self.pair.keep_plain().await;
        if self.psql(&plain, step).await.is_ok() {
            return Ok(());
        }
        self.pair.restore_plain().await;
        let session = self.pair.in_plain().await;
        let shape = Shape::read(&session).await.map_err(|failure| format!("{failure:?}"))?;
        for table in shape.tables.iter().filter(|table| !table.partition) {
            let name = format!("\"{}\".\"{}\"", table.schema, table.name);
            let _ = session.try_ask(&format!("TRUNCATE {name} CASCADE")).await;
        }
        drop(session);
        let outcome = self.psql(&plain, step).await;
        if outcome.is_err() {
            self.pair.restore_plain().await;
        }
        outcome
    }

    /// Runs the step as its tool would: statement by statement, stopping at the first error.
    async fn psql(&self, database: &str, step: &Step) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().and_then(|mut file| {
            file.write_all(step.sql.as_bytes())?;
            Ok(file)
        });
        let file = file.map_err(|error| error.to_string())?;
        let output = tokio::process::Command::new(&self.pair.verbs.programs.psql)
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", OWNER, "-d", database])
            .args(["-p", &server().await.port().to_string()])
            .arg("-f")
            .arg(file.path())
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(text.lines().find(|line| line.contains("ERROR")).unwrap_or(&text).to_owned())
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
