//! `edition log`.

use catalog::{
    Result,
    operation::{self, JournalEntry},
};
use clap::Args;

use super::Context;
use crate::output::Table;

/// Show the journal: what was done, by whom, and what would undo it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  edition log --limit 20\n  edition log --sql")]
pub(crate) struct Log {
    /// How many of the newest entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,

    /// Also show the SQL of each entry and of its inverse
    #[arg(long)]
    sql: bool,
}

impl Log {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let entries = operation::log(&context.target()?, self.limit).await?;
        context.output.show(&entries, |entries| {
            if self.sql {
                entries.iter().map(with_sql).collect::<Vec<_>>().join("\n")
            } else {
                table(entries)
            }
        })
    }
}

fn table(entries: &[JournalEntry]) -> String {
    let mut table = Table::new(["TIME", "ROLE", "EDITION", "VERB", "STEP", "STATE", "WHAT"]).right(4);
    for entry in entries {
        table.row([
            second(&entry.started_at),
            entry.role.clone(),
            entry.edition.clone(),
            entry.verb.clone(),
            entry.step.map(|step| step.to_string()).unwrap_or_default(),
            entry.state.clone(),
            entry.title.clone(),
        ]);
    }
    table.text()
}

/// A runnable script: everything but the SQL is a comment.
fn with_sql(entry: &JournalEntry) -> String {
    let mut text = format!(
        "-- {} {} {} {}: {} ({})\n",
        second(&entry.started_at),
        entry.role,
        entry.verb,
        entry.edition,
        entry.title,
        entry.state
    );
    if let Some(statement) = &entry.statement {
        text.push_str(statement);
        text.push('\n');
    }
    if let Some(inverse) = entry.inverse.as_deref().filter(|inverse| !inverse.is_empty()) {
        text.push_str("-- undone by:\n");
        text.extend(inverse.lines().map(|line| format!("--   {line}\n")));
    }
    text
}

fn second(time: &str) -> String {
    time.get(..19).map_or_else(|| time.to_owned(), |short| short.replace('T', " "))
}
