//! `edition rollback`.

use std::path::{Path, PathBuf};

use catalog::{
    Result,
    model::EditionName,
    operation::{self, KeepData, RollbackOptions, RolledBack, Saved},
};
use clap::Args;

use super::{
    Context,
    waits::{Leaving, Waits},
};
use crate::output::{brief, thousands};

/// Take the newest edition back to draft; also undoes a publish that did not finish
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition rollback v2 --save v2-data.jsonl
  edition rollback v2 --discard-data --drain 30s --force")]
pub(crate) struct Rollback {
    /// The newest edition
    name: EditionName,

    #[command(flatten)]
    keep: Keep,

    #[command(flatten)]
    leaving: Leaving,

    #[command(flatten)]
    waits: Waits,
}

/// One of the two must be said.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Keep {
    /// Save what only this edition stored to a file that publish --load takes
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Give up what only this edition stored
    #[arg(long)]
    discard_data: bool,
}

fn what_was_saved(outcome: &RolledBack, file: &Path) -> String {
    let (name, file) = (&outcome.edition.name, file.display());
    match outcome.saved {
        Saved::Now => format!(
            "saved {} rows; they come back with: edition publish {name} --load {file}",
            thousands(outcome.rows_saved)
        ),
        Saved::Earlier => {
            "what it alone had stored is in the file that an earlier run of this rollback wrote".to_owned()
        }
        Saved::Discarded => "nothing was saved: this rollback was begun with --discard-data".to_owned(),
        Saved::NeverOpen => {
            format!("nothing was saved: {name} had not been open yet, so it had stored nothing")
        }
    }
}

impl Rollback {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let file = self.keep.save.clone();
        let options = RollbackOptions {
            keep: self.keep.save.map_or(KeepData::Discard, KeepData::Save),
            patience: self.waits.patience(Some(&self.leaving)),
        };
        let progress = context.output.progress();
        let outcome = operation::rollback(&target, &self.name, &options, &progress).await;
        progress.finish();
        context.output.show(&outcome?, |outcome| {
            let name = &outcome.edition.name;
            if !outcome.changed {
                return format!("{name} is a draft already; nothing to do");
            }
            let held = brief(outcome.longest_lock);
            let mut text = format!("{name} is a draft again; no lock held others up for longer than {held}");
            if let Some(file) = file {
                text.push_str(&format!("\n{}", what_was_saved(outcome, &file)));
            }
            text
        })
    }
}
