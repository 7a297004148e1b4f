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
        Severity::NeedsWord => format!("needs --allow {}", finding.code).yellow().bold().to_string(),
        Severity::Notice => "notice".cyan().to_string(),
    };
    let fix = finding.fix.as_ref().map(|fix| format!("    {} {fix}\n", "help:".cyan())).unwrap_or_default();
    format!("  {severity}  {}: {}\n{fix}", finding.subject, finding.message)
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

fn step_text(number: usize, step: &Step) -> String {
    let mut text = format!("  {number:>2}. {}  {}\n", step.title, cost(step).dimmed());
    for statement in statements(step) {
        text.extend(statement.lines().map(|line| format!("      {}\n", line.dimmed())));
    }
    text
}

/// What a step locks and reads or writes: `ACCESS EXCLUSIVE on public.users`, `1,000,000 rows, 120 MB`.
fn cost(step: &Step) -> String {
    let lock = match step.lock {
        Lock::None => None,
        lock => {
            let relations: Vec<_> = step.relations.iter().map(QualifiedName::pretty).collect();
            Some(format!("{} on {}", lock.as_str(), relations.join(", ")))
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
    let mut lines: Vec<String> = step.statements().into_iter().map(|statement| format!("{statement};")).collect();
    match &step.kind {
        StepKind::Backfill { table, assignments, pending, .. } => lines.push(backfill(table, assignments, pending)),
        StepKind::Announce { .. } => {
            lines.push("-- announce to the proxies, and wait until all have acknowledged".to_owned());
        }
        StepKind::Verify { .. } => lines.push("-- none of these may find a row".to_owned()),
        StepKind::Transaction { .. }
        | StepKind::Index { .. }
        | StepKind::Scan { .. }
        | StepKind::Load
        | StepKind::Save
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
        of(Severity::NeedsWord).map(|finding| format!(" --allow {}", finding.code)).collect();
    words.sort();
    words.dedup();
    format!("{} edition publish {}{}", "next:".green().bold(), plan.edition, words.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_postgresql_writes_them() {
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(10 << 10), "10 kB");
        assert_eq!(size(130 << 20), "130 MB");
    }
}
