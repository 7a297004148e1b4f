//! `edition sessions`.

use catalog::{Result, model::EditionName, operation};
use clap::Args;

use super::{Context, list::minute};
use crate::output::Table;

/// List the sessions that go through proxies
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition sessions v1")]
pub(crate) struct Sessions {
    /// Only those of this edition
    edition: Option<EditionName>,
}

impl Sessions {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let sessions = operation::sessions(&context.target()?, self.edition.as_ref()).await?;
        context.output.show(&sessions, |sessions| {
            if sessions.is_empty() {
                return match &self.edition {
                    Some(edition) => format!("no sessions of {edition}"),
                    None => "no sessions".to_owned(),
                };
            }
            let mut table =
                Table::new(["EDITION", "PID", "USER", "APPLICATION", "CLIENT", "SINCE", "STATE"]).right(1);
            for session in sessions {
                table.row([
                    session.edition.to_string(),
                    session.backend_pid.to_string(),
                    session.user.clone(),
                    session.application.clone(),
                    session.client.clone(),
                    minute(&session.connected_at),
                    session.state.clone().unwrap_or_default(),
                ]);
            }
            table.text()
        })
    }
}
