//! `edition drop`.

use catalog::{Result, model::EditionName, operation};
use clap::Args;
use serde::Serialize;

use super::Context;

/// Give up a draft
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition drop v2")]
pub(crate) struct Drop {
    /// The draft
    name: EditionName,
}

/// For `--json`.
#[derive(Debug, Serialize)]
struct Dropped {
    changed: bool,
}

impl Drop {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let progress = context.output.progress();
        let outcome = operation::drop_draft(&target, &self.name, &progress).await;
        progress.finish();
        context.output.show(&Dropped { changed: outcome? }, |dropped| {
            let name = &self.name;
            if dropped.changed {
                format!("the draft {name} and its blueprint are gone")
            } else {
                format!("there is no draft {name}; nothing to do")
            }
        })
    }
}
