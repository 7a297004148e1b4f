//! `edition status`.

use catalog::{
    Result,
    operation::{self, ProxyRow, Status as Outcome},
};
use clap::Args;

use super::{Context, list};
use crate::output::Table;

/// Show the database at a glance: editions, what is under way, proxies, sessions
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition status")]
pub(crate) struct Status {}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let status = operation::status(&target).await?;
        context.output.show(&status, |status| text(target.database(), status))
    }
}

fn text(database: &str, status: &Outcome) -> String {
    if !status.adopted {
        return format!("database {database} has no editions yet\nnext: edition init");
    }
    let mut parts = vec![format!("database {database}"), list::table(&status.editions).text()];
    if let Some(running) = &status.running {
        parts.push(format!(
            "{} of {} is {}: {} of {} steps done; it goes on with: {}",
            running.verb, running.edition, running.state, running.done, running.of, running.command
        ));
    }
    parts.push(proxies(status));
    let sessions: Vec<_> = status
        .sessions
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(edition, count)| format!("{edition}: {count}"))
        .collect();
    if !sessions.is_empty() {
        parts.push(format!("sessions  {}", sessions.join(", ")));
    }
    parts.join("\n\n")
}

fn proxies(status: &Outcome) -> String {
    if status.proxies.is_empty() {
        return "no proxy serves this database at the moment".to_owned();
    }
    let mut table = Table::new(["PROXY", "VERSION", "EPOCH", "SESSIONS"]).right(2).right(3);
    for proxy in &status.proxies {
        let (epoch, sessions) = (proxy.acked_epoch.to_string(), proxy.sessions.to_string());
        table.row([proxy.address.clone(), proxy.version.clone(), epoch, sessions]);
    }
    let lost = status.proxies.iter().filter(|proxy| !proxy.has_lease);
    let warning = |proxy: &ProxyRow| {
        format!(
            "{} has lost touch with the catalogue: it takes no new sessions, and nothing is published while its old ones go on (see its log)",
            proxy.address
        )
    };
    std::iter::once(table.text()).chain(lost.map(warning)).collect::<Vec<_>>().join("\n")
}
