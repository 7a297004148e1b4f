//! `edition sync`.

use std::process::ExitCode;

use catalog::{
    Result,
    diff::Diff,
    operation::{self, Synced},
};
use clap::Args;

use super::{Context, diff::text as changes};

/// `edition sync` would be refused; documented in `edition --help`.
const REFUSED: u8 = 1;

/// Take in what was altered directly in the live database, past any edition
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition sync --dry-run
  edition sync

The live database is only read; the blueprints of its edition and of the draft are brought to it.")]
pub(crate) struct Sync {
    /// Only show what is different
    #[arg(long)]
    dry_run: bool,
}

impl Sync {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let target = context.target()?;
        let progress = context.output.progress();
        let outcome = operation::sync(&target, self.dry_run, &progress).await;
        progress.finish();
        let outcome = outcome?;
        context.output.show(&outcome, text)?;
        Ok(if outcome.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) })
    }
}

fn text(outcome: &Synced) -> String {
    if outcome.changes.is_empty() && outcome.refused.is_empty() {
        return "the live database is what the catalogue says; nothing to do".to_owned();
    }
    let mut parts = vec![changes(&Diff { changes: outcome.changes.clone() })];
    if !outcome.refused.is_empty() {
        parts.push(format!("cannot be taken in:\n  {}", outcome.refused.join("\n  ")));
    }
    parts.push(match outcome.editions.as_slice() {
        [] if !outcome.refused.is_empty() => {
            "next: undo what cannot be taken in; edition sync refuses until then".to_owned()
        }
        [] => "next: edition sync takes it in".to_owned(),
        editions => format!("taken into {}", editions.join(" and ")),
    });
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}
