//! `edition retire`.

use catalog::{Result, model::EditionName, operation};
use clap::Args;

use super::{
    Context,
    waits::{Leaving, Waits},
};
use crate::output::brief;

/// End the oldest edition and drop what only it used
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition retire v1 --drain 10min")]
pub(crate) struct Retire {
    /// The oldest edition
    name: EditionName,

    #[command(flatten)]
    leaving: Leaving,

    #[command(flatten)]
    waits: Waits,
}

impl Retire {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let patience = self.waits.patience(Some(&self.leaving));
        let progress = context.output.progress();
        let outcome = operation::retire(&target, &self.name, patience, &progress).await;
        progress.finish();
        context.output.show(&outcome?, |outcome| {
            let (name, root) = (&self.name, &outcome.root);
            if !outcome.changed {
                return format!("{name} is retired already; nothing to do");
            }
            let held = brief(outcome.longest_lock);
            let rest = if outcome.at_rest { "; it is the only one, and its tables are plain again" } else { "" };
            format!("{name} is retired; no lock held others up for longer than {held}\nthe oldest edition is now {root}{rest}")
        })
    }
}
