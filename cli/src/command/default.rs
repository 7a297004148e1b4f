//! `edition default`.

use catalog::{Result, model::EditionName, operation};
use clap::Args;

use super::Context;

/// Choose the edition of sessions that name none
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition default v2")]
pub(crate) struct Default {
    /// A live edition
    name: EditionName,
}

impl Default {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let outcome = operation::set_default(&context.target()?, &self.name).await?;
        context.output.show(&outcome, |outcome| {
            let name = &self.name;
            if outcome.changed {
                format!("sessions that name no edition now get {name} (before: {})", outcome.before)
            } else {
                format!("{name} is the default already; nothing to do")
            }
        })
    }
}
