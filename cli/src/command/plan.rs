//! `edition plan`.

use std::process::ExitCode;

use catalog::{
    Result,
    model::{Direction, EditionName, Name, Origin, QualifiedName, Transform},
    operation,
    plan::{Finding, Lock, Plan as Outcome, Severity, Step, StepKind},
    sql,
    sql::{Sql, join},
};
use clap::Args;
use owo_colors::OwoColorize;

use super::Context;
use crate::output::{self, thousands};

/// How much of a statement people are shown.
const STATEMENT_WIDTH: usize = 140;

/// Show what publishing a draft would do, and every risk, without doing it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition plan v2
  edition plan v2 --sql | less

Exit code 1 means that publish would be refused.")]
pub(crate) struct Plan {
    /// The draft
    name: EditionName,

    /// Only the statements, as a commented SQL script
    #[arg(long, conflicts_with = "json")]
    sql: bool,
}

impl Plan {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let plan = operation::plan(&context.target()?, &self.name).await?;
        if self.sql {
            output::print(&as_sql(&plan))?;
        } else {
            context.output.show(&plan, as_text)?;
        }
        let refused = plan.findings.iter().any(|finding| finding.severity == Severity::Refused);
        Ok(ExitCode::from(u8::from(refused)))
    }
}

fn as_text(plan: &Outcome) -> String {
    let mut text = format!("{} {} on {}\n", "plan:".bold(), plan.edition, plan.parent);
    section(&mut text, "findings", &plan.findings, finding_text);
    section(&mut text, "transforms", &plan.transforms, transform_text);
    text.push_str(&format!("\n{}\n", "steps".bold()));
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&step_text(index + 1, step));
    }
    text.push_str(&format!("\n{}\n", verdict(plan)));
    text
}

fn section<T>(text: &mut String, heading: &str, items: &[T], line: impl FnMut(&T) -> String) {
    if items.is_empty() {
        return;
    }
    text.push_str(&format!("\n{}\n", heading.bold()));
    text.extend(items.iter().map(line));
}

fn finding_text(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Refused => "refused".red().bold().to_string(),
        Severity::NeedsWord => format!("needs --allow {}", finding.code.slug()).yellow().bold().to_string(),
        Severity::Notice => "notice".cyan().to_string(),
    };
    let fix = finding.fix.as_ref().map(|fix| format!("    {} {fix}\n", "help:".cyan())).unwrap_or_default();
    let number = finding.code.number();
    format!("  {number}  {severity}  {}: {}\n{fix}", finding.subject, finding.message)
}

fn transform_text(transform: &Transform) -> String {
    let arrow = match transform.direction {
        Direction::Forward => "→",
        Direction::Reverse => "←",
    };
    let inferred = match transform.origin {
        Origin::Inferred => "  (inferred)".dimmed().to_string(),
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
fn step_text(number: usize, step: &Step) -> String {
    let mut text = format!("  {number:>2}. {}  {}\n", step.title, cost(step).dimmed());
    for statement in statements(step) {
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

/// What a step locks and reads or writes: `ACCESS EXCLUSIVE on public.users`, `1,000,000 rows, 120 MB`.
fn cost(step: &Step) -> String {
    let lock = match step.lock {
        Lock::None => None,
        lock => {
            let relations: Vec<_> = step.relations.iter().map(QualifiedName::pretty).collect();
            let on =
                if relations.is_empty() { String::new() } else { format!(" on {}", relations.join(", ")) };
            Some(format!("{}{on}", lock.as_str()))
        }
    };
    let rows = (step.rows > 0).then(|| format!("about {} rows", thousands(step.rows)));
    let bytes = (step.bytes > 0).then(|| size(step.bytes));
    let parts: Vec<_> = [lock, rows, bytes].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("[{}]", parts.join("; ")) }
}

/// `512 bytes`, `12 kB`, `3 MB`, as `pg_size_pretty` rounds.
fn size(bytes: u64) -> String {
    let units = [(1_u64 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")];
    units.into_iter().find(|(unit, _)| bytes >= 10 * unit).map_or_else(
        || format!("{} bytes", thousands(bytes)),
        |(unit, name)| format!("{} {name}", thousands((bytes + unit / 2) / unit)),
    )
}

/// The statements of a step, for people and for `--sql`.
fn statements(step: &Step) -> Vec<String> {
    let mut lines: Vec<String> =
        step.statements().into_iter().map(|statement| format!("{statement};")).collect();
    match &step.kind {
        StepKind::Backfill { table, assignments, pending, .. } => {
            lines.push(backfill(table, assignments, pending));
        }
        StepKind::Announce { .. } => {
            lines.push("-- announce to the proxies, and wait until all have acknowledged".to_owned());
        }
        StepKind::Verify { .. } => lines.push("-- none of these may find a row".to_owned()),
        StepKind::Transaction { .. }
        | StepKind::Index { .. }
        | StepKind::Scan { .. }
        | StepKind::Load { .. }
        | StepKind::Save { .. }
        | StepKind::Drain { .. }
        | StepKind::DropBlueprint { .. } => {}
    }
    lines
}

/// What a backfill comes to; it runs by ranges of blocks.
fn backfill(table: &QualifiedName, assignments: &[(Name, Sql)], pending: &Sql) -> String {
    let set = join(assignments.iter().map(|(column, value)| sql!("{} = {}", column, value)), ", ");
    sql!("UPDATE {} AS edition_row SET {} WHERE {};  -- by ranges of blocks", table, set, pending).to_string()
}

fn as_sql(plan: &Outcome) -> String {
    let mut text = format!("-- publish {} on {}: {} steps\n", plan.edition, plan.parent, plan.steps.len());
    for (index, step) in plan.steps.iter().enumerate() {
        text.push_str(&format!("\n-- step {}: {} {}\n", index + 1, step.title, cost(step)));
        let one_transaction = matches!(step.kind, StepKind::Transaction { .. });
        let mut lines = statements(step);
        if one_transaction {
            lines.insert(0, "BEGIN;".to_owned());
            lines.push("COMMIT;".to_owned());
        }
        text.extend(lines.into_iter().map(|line| line + "\n"));
    }
    text
}

fn verdict(plan: &Outcome) -> String {
    let of = |severity| plan.findings.iter().filter(move |finding| finding.severity == severity);
    let refusals = of(Severity::Refused).count();
    if refusals > 0 {
        return format!("{} publish would be refused ({refusals} to solve, see above)", "no:".red().bold());
    }
    let mut words: Vec<_> =
        of(Severity::NeedsWord).map(|finding| format!(" --allow {}", finding.code.slug())).collect();
    words.sort();
    words.dedup();
    format!("{} edition publish {}{}", "next:".green().bold(), plan.edition, words.concat())
}

#[cfg(test)]
mod tests {
    use catalog::plan::Code;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn plan(findings: Vec<Finding>) -> Outcome {
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
            },
            Lock::None,
            Vec::new(),
        );
        backfill.rows = 1_200_000;
        backfill.bytes = 98 << 20;
        let add = Sql::trusted("ALTER TABLE public.users ADD COLUMN first text");
        let long = Sql::trusted("CREATE FUNCTION f() RETURNS trigger AS 'BEGIN\nEND'");
        Outcome {
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
        }
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
        insta::assert_snapshot!(plain(&as_text(&plan(vec![word]))), @r#"
        plan: v2 on v1

        findings
          E012  needs --allow tightens-older-edition  table public.users, column first: needs attention

        transforms
          → public.users  first = split_part(name, ' ', 1)  on error: reject

        steps
           1. expand public.users  [ACCESS EXCLUSIVE on public.users]
              ALTER TABLE public.users ADD COLUMN first text;
              CREATE FUNCTION f() RETURNS trigger AS 'BEGIN …
           2. backfill public.users  [about 1,200,000 rows; 98 MB]
              UPDATE "public"."users" AS edition_row SET "first" = split_part(edition_row.name, ' ', 1) WHERE edition_row.first IS NULL;  -- by ranges of  …

        next: edition publish v2 --allow tightens-older-edition
        "#);
    }

    #[test]
    fn a_refused_plan_says_what_to_solve() {
        let text = plain(&as_text(&plan(vec![finding(Code::NeedsForwardTransform)])));
        assert!(text.contains("help: edition transform v2 users"), "{text}");
        assert!(text.ends_with("no: publish would be refused (1 to solve, see above)\n"), "{text}");
    }

    #[test]
    fn the_script_has_each_statement_whole() {
        insta::assert_snapshot!(as_sql(&plan(Vec::new())), @r#"
        -- publish v2 on v1: 2 steps

        -- step 1: expand public.users [ACCESS EXCLUSIVE on public.users]
        BEGIN;
        ALTER TABLE public.users ADD COLUMN first text;
        CREATE FUNCTION f() RETURNS trigger AS 'BEGIN
        END';
        COMMIT;

        -- step 2: backfill public.users [about 1,200,000 rows; 98 MB]
        UPDATE "public"."users" AS edition_row SET "first" = split_part(edition_row.name, ' ', 1) WHERE edition_row.first IS NULL;  -- by ranges of blocks
        "#);
    }

    #[test]
    fn sizes_read_as_postgresql_writes_them() {
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(10 << 10), "10 kB");
        assert_eq!(size(130 << 20), "130 MB");
    }
}
