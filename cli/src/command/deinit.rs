//! `edition deinit`.

use catalog::{
    Result,
    operation::{self, DeinitOptions},
};
use clap::Args;

use super::Context;

/// Give a database back: remove the catalogue and all blueprints
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition deinit")]
pub(crate) struct Deinit {
    /// Also give up the draft, if there is one
    #[arg(long)]
    discard_draft: bool,
}

impl Deinit {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let progress = context.output.progress();
        let options = DeinitOptions { discard_draft: self.discard_draft };
        let outcome = operation::deinit(&target, &options, &progress).await;
        progress.finish();
        context.output.show(&outcome?, |outcome| {
            let database = target.database();
            if outcome.changed {
                format!("database {database} has no editions any more; nothing of ours is left in it")
            } else {
                format!("database {database} was not adopted; nothing to do")
            }
        })
    }
}
