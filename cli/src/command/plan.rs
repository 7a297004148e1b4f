//! `edition plan`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use catalog::{
    Error, ErrorKind, Result,
    model::{Direction, EditionName, Origin, Transform},
    operation,
    plan::{Artefact, Finding, PlannedStep, Severity, Work, class_of},
};
use clap::Args;
use owo_colors::OwoColorize;

use super::{
    Context,
    allowing::{Allowing, Words},
};
use crate::output::{self, brief, thousands};

/// How much of a statement people are shown.
const STATEMENT_WIDTH: usize = 140;

/// Show what publishing a draft would do, and every risk, without doing it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition plan v2
  edition plan v2 --sql | less
  edition plan v2 --allow-file edition.allow --out v2.json
  edition publish v2 --plan v2.json --allow-file edition.allow

Exit code 1 means that publish would be refused, 7 that a finding needs a word that was not given.
edition explain CODE tells more about a finding; docs/plan.schema.json describes --json and --out.")]
pub(crate) struct Plan {
    /// The draft
    name: EditionName,

    #[command(flatten)]
    allowing: Allowing,

    /// Write the plan to a file that publish --plan takes
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Only the statements, as a commented SQL script
    #[arg(long, conflicts_with = "json")]
    sql: bool,
}

impl Plan {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let words = self.allowing.words()?;
        let plan = Artefact::of(&operation::plan(&context.target()?, &self.name).await?)?;
        if let Some(file) = &self.out {
            let document = serde_json::to_string_pretty(&plan)
                .map_err(|error| Error::bug(format!("a plan is not JSON: {error}")))?;
            std::fs::write(file, document + "\n").map_err(|error| {
                Error::new(ErrorKind::Environment, format!("cannot write {}: {error}", file.display()))
            })?;
        }
        if self.sql {
            output::print(&as_sql(&plan, &words))?;
        } else {
            context.output.show(&plan, |plan| as_text(plan, &words, self.out.as_deref()))?;
        }
        Ok(ExitCode::from(exit_code(&plan, &words)))
    }
}

/// Documented in `edition --help`.
fn exit_code(plan: &Artefact, words: &Words) -> u8 {
    if plan.refused {
        1
    } else if plan.findings.iter().all(|finding| words.accept(finding)) {
        0
    } else {
        7
    }
}

fn as_text(plan: &Artefact, words: &Words, out: Option<&Path>) -> String {
    let mut text = format!("{} {} on {}\n", "plan:".bold(), plan.edition, plan.parent);
    section(&mut text, "findings", &plan.findings, |finding| finding_text(finding, words));
    section(&mut text, "transforms", &plan.transforms, |transform| transform_text(transform, &plan.findings));
    if !plan.steps.is_empty() {
        text.push_str(&format!("\n{}  {}\n", "steps".bold(), total(plan).dimmed()));
    }
    for step in &plan.steps {
        text.push_str(&step_text(step));
    }
    text.push_str(&format!("\n{}\n", verdict(plan, words, out)));
    text
}

/// `[4 steps; about 3 min; all can be undone until the next retire]`
fn total(plan: &Artefact) -> String {
    let undone = if plan.steps.iter().all(|step| step.reversible) {
        "all can be undone"
    } else {
        "not all can be undone"
    };
    format!("[{} steps; {} by a rough estimate; {undone}]", plan.steps.len(), about(plan.estimate_ms))
}

fn section<T>(text: &mut String, heading: &str, items: &[T], line: impl FnMut(&T) -> String) {
    if items.is_empty() {
        return;
    }
    text.push_str(&format!("\n{}\n", heading.bold()));
    text.extend(items.iter().map(line));
}

fn finding_text(finding: &Finding, words: &Words) -> String {
    let severity = match finding.severity {
        Severity::Refused => "refused".red().bold().to_string(),
        Severity::NeedsWord if words.accept(finding) => "allowed".green().to_string(),
        Severity::NeedsWord => "needs a word".yellow().bold().to_string(),
        Severity::Notice => "notice".cyan().to_string(),
    };
    let fix = finding.fix.as_ref().map(|fix| format!("    {} {fix}\n", "help:".cyan())).unwrap_or_default();
    format!("  {severity}  {}  {}: {}\n{fix}", finding.code.bold(), finding.subject, finding.message)
}

fn transform_text(transform: &Transform, findings: &[Finding]) -> String {
    let arrow = match transform.direction {
        Direction::Forward => "→",
        Direction::Reverse => "←",
    };
    let inferred = match transform.origin {
        Origin::Inferred => format!("  (inferred, {})", class_of(transform, findings)).dimmed().to_string(),
        Origin::Author => String::new(),
    };
    format!(
        "  {arrow} {}.{}  {} = {}  on error: {}{inferred}\n",
        transform.schema.as_str(),
        transform.table.as_str(),
        transform.column.as_str(),
        transform.expression,
        transform.on_error.as_str(),
    )
}

/// Each statement in one line, cut if need be; `--sql` has them whole.
fn step_text(step: &PlannedStep) -> String {
    let mut text = format!("  {:>2}. {}  {}\n", step.number, step.title, cost(step).dimmed());
    for statement in lines(step) {
        let mut lines = statement.lines();
        let first = lines.next().unwrap_or_default();
        let mut shown: String = first.chars().take(STATEMENT_WIDTH).collect();
        if shown.len() < first.len() || lines.next().is_some() {
            shown.push_str(" …");
        }
        text.push_str(&format!("      {}\n", shown.dimmed()));
    }
    text
}

/// What a step locks, reads or writes, and costs: `[ACCESS EXCLUSIVE on public.users; metadata only]`.
fn cost(step: &PlannedStep) -> String {
    let on =
        if step.relations.is_empty() { String::new() } else { format!(" on {}", step.relations.join(", ")) };
    let lock = (step.lock != "none").then(|| format!("{}{on}", step.lock));
    let rows = (step.rows > 0).then(|| format!("about {} rows", thousands(step.rows)));
    let bytes = (step.bytes > 0).then(|| size(step.bytes));
    let grows = !matches!(step.work, Work::Metadata | Work::Wait | Work::Drop);
    let time = grows.then(|| about(step.estimate_ms));
    let undo = (!step.reversible).then(|| "cannot be undone".to_owned());
    let parts: Vec<_> =
        [lock, Some(step.work.to_string()), rows, bytes, time, undo].into_iter().flatten().collect();
    format!("[{}]", parts.join("; "))
}

fn about(milliseconds: u64) -> String {
    format!("about {}", brief(Duration::from_millis(milliseconds)))
}

/// `512 bytes`, `12 kB`, `3 MB`, as `pg_size_pretty` rounds.
fn size(bytes: u64) -> String {
    let units = [(1_u64 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
    units.into_iter().find(|(unit, _)| bytes >= 10 * unit).map_or_else(
        || format!("{} bytes", thousands(bytes)),
        |(unit, name)| format!("{} {name}", thousands((bytes + unit / 2) / unit)),
    )
}

/// The statements of a step, with what PostgreSQL itself does not say.
fn lines(step: &PlannedStep) -> Vec<String> {
    let end = if step.work == Work::RowWrites { ";  -- by ranges of blocks" } else { ";" };
    let mut lines: Vec<String> =
        step.statements.iter().map(|statement| format!("{statement}{end}")).collect();
    if step.work == Work::Wait {
        lines.push("-- and wait until all proxies have acknowledged it".to_owned());
    }
    lines
}

fn as_sql(plan: &Artefact, words: &Words) -> String {
    let mut text = format!("-- publish {} on {}: {} steps\n", plan.edition, plan.parent, plan.steps.len());
    for finding in plan.findings.iter().filter(|finding| !words.accept(finding)) {
        let severity = if finding.severity == Severity::Refused { "refused" } else { "needs a word" };
        let told = format!("{severity} {}: {}: {}", finding.code, finding.subject, finding.message);
        text.extend(told.lines().map(|line| format!("-- {line}\n")));
    }
    for step in &plan.steps {
        text.push_str(&format!("\n-- step {}: {} {}\n", step.number, step.title, cost(step)));
        let mut lines = lines(step);
        if step.one_transaction {
            lines.insert(0, "BEGIN;".to_owned());
            lines.push("COMMIT;".to_owned());
        }
        text.extend(lines.into_iter().map(|line| line + "\n"));
    }
    text
}

fn verdict(plan: &Artefact, words: &Words, out: Option<&Path>) -> String {
    let refusals = plan.findings.iter().filter(|finding| finding.severity == Severity::Refused).count();
    if plan.refused {
        return format!("{} publish would be refused ({refusals} to solve, see above)", "no:".red().bold());
    }
    let file = out.map(|file| format!(" --plan {}", file.display())).unwrap_or_default();
    let words = words.options_for(&plan.findings);
    format!("{} edition publish {}{file}{words}", "next:".green().bold(), plan.edition)
}

#[cfg(test)]
mod tests {
    use catalog::{
        model::{Name, QualifiedName},
        plan::{Bindings, Code, Lock, Plan as Planned, Step, StepKind},
        sql::Sql,
    };

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn plan(findings: Vec<Finding>) -> Artefact {
        let users = QualifiedName::new(name("public"), name("users"));
        let assignments = vec![(name("first"), Sql::trusted("split_part(edition_row.name, ' ', 1)"))];
        let mut backfill = Step::new(
            "backfill public.users",
            StepKind::Backfill {
                table: users.clone(),
                assignments,
                null_on_error: Vec::new(),
                pending: Sql::trusted("edition_row.first IS NULL"),
                primary_key: vec![name("id")],
                search_path: Vec::new(),
            },
            Lock::None,
            Vec::new(),
        );
        backfill.rows = 1_200_000;
        backfill.bytes = 98 << 20;
        let add = Sql::trusted("ALTER TABLE public.users ADD COLUMN first text");
        let long = Sql::trusted("CREATE FUNCTION f() RETURNS trigger AS 'BEGIN\nEND'");
        let plan = Planned {
            bound_to: Bindings::default(),
            edition: EditionName::new("v2").unwrap(),
            parent: EditionName::new("v1").unwrap(),
            fingerprint: String::new(),
            draft_fingerprint: String::new(),
            steps: vec![
                Step::transaction("expand public.users", Lock::AccessExclusive, vec![users], vec![add, long]),
                backfill,
            ],
            findings,
            transforms: vec![Transform {
                schema: name("public"),
                table: name("users"),
                direction: Direction::Forward,
                column: name("first"),
                expression: "split_part(name, ' ', 1)".to_owned(),
                on_error: catalog::model::OnError::Reject,
                origin: Origin::Author,
            }],
        };
        Artefact::of(&plan).unwrap()
    }

    fn finding(code: Code) -> Finding {
        let finding = Finding::new(code, "table public.users, column first", "needs attention");
        match code.severity() {
            Severity::Refused => finding.with_fix("edition transform v2 users --forward …"),
            Severity::NeedsWord | Severity::Notice => finding,
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_plan_shows_steps_with_their_locks_and_sizes() {
        let word = finding(Code::TightensOlderEdition);
        insta::assert_snapshot!(plain(&as_text(&plan(vec![word]), &Words::default(), None)), @r#"
        plan: v2 on v1

        findings
          needs a word  E012 tightens-older-edition  table public.users, column first: needs attention

        transforms
          → public.users  first = split_part(name, ' ', 1)  on error: reject

        steps  [2 steps; about 1 min 0 s by a rough estimate; all can be undone]
           1. expand public.users  [ACCESS EXCLUSIVE on public.users; metadata only]
              ALTER TABLE public.users ADD COLUMN first text;
              CREATE FUNCTION f() RETURNS trigger AS 'BEGIN …
           2. backfill public.users  [writes rows in batches; about 1,200,000 rows; 98 MB; about 1 min 0 s]
              UPDATE "public"."users" AS edition_row SET "first" = split_part(edition_row.name, ' ', 1) WHERE edition_row.first IS NULL;  -- by ranges of  …

        next: edition publish v2 --allow tightens-older-edition
        "#);
    }

    #[test]
    fn a_refused_plan_says_what_to_solve() {
        let text =
            plain(&as_text(&plan(vec![finding(Code::NeedsForwardTransform)]), &Words::default(), None));
        assert!(text.contains("help: edition transform v2 users"), "{text}");
        assert!(text.ends_with("no: publish would be refused (1 to solve, see above)\n"), "{text}");
    }

    #[test]
    fn the_script_has_each_statement_whole() {
        insta::assert_snapshot!(as_sql(&plan(vec![finding(Code::Unsupported), finding(Code::KeptUntilRetire)]), &Words::default()), @r#"
        -- publish v2 on v1: 2 steps
        -- refused E001 unsupported: table public.users, column first: needs attention

        -- step 1: expand public.users [ACCESS EXCLUSIVE on public.users; metadata only]
        BEGIN;
        ALTER TABLE public.users ADD COLUMN first text;
        CREATE FUNCTION f() RETURNS trigger AS 'BEGIN
        END';
        COMMIT;

        -- step 2: backfill public.users [writes rows in batches; about 1,200,000 rows; 98 MB; about 1 min 0 s]
        UPDATE "public"."users" AS edition_row SET "first" = split_part(edition_row.name, ' ', 1) WHERE edition_row.first IS NULL;  -- by ranges of blocks
        "#);
    }

    #[test]
    fn the_exit_code_tells_refused_from_a_word_that_is_missing() {
        let none = Words::default();
        let word = Words::of([Code::TightensOlderEdition]);
        let tightens = plan(vec![finding(Code::TightensOlderEdition), finding(Code::KeptUntilRetire)]);
        assert_eq!(exit_code(&plan(Vec::new()), &none), 0);
        assert_eq!((exit_code(&tightens, &none), exit_code(&tightens, &word)), (7, 0));
        assert_eq!(exit_code(&plan(vec![finding(Code::Unsupported)]), &word), 1);
        let text = plain(&as_text(&tightens, &word, Some(Path::new("v2.json"))));
        let next = "next: edition publish v2 --plan v2.json --allow tightens-older-edition\n";
        assert!(text.contains("allowed  E012") && text.ends_with(next), "{text}");
    }

    #[test]
    fn sizes_read_as_postgresql_writes_them() {
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(10 << 10), "10 kB");
        assert_eq!(size(130 << 20), "130 MB");
    }
}
