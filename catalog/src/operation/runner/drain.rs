//! Waiting until nobody uses an edition.

use std::time::{Duration, Instant};

use super::Runner;
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    model::{EditionId, EditionName},
    store::{self, ProxySession},
};

impl Runner<'_> {
    pub(super) async fn drain(&mut self, edition: EditionId) -> Result<()> {
        let begun = Instant::now();
        let mut forced = false;
        loop {
            let sessions = store::proxy_sessions(&*self.connection, Some(edition)).await?;
            if sessions.is_empty() {
                return Ok(());
            }
            let over = begun.elapsed() >= self.patience.drain.unwrap_or_default();
            if over && self.patience.force && !forced {
                forced = true;
                let transaction = self.connection.transaction().await?;
                store::set_setting(&transaction, &drain_setting(edition), "now").await?;
                let epoch = store::bump_epoch(&transaction).await?;
                transaction.commit().await?;
                self.acknowledged(epoch).await?;
                continue;
            }
            if over
                && (!forced
                    || begun.elapsed() >= self.patience.drain.unwrap_or_default() + self.patience.proxies)
            {
                return Err(in_use(&self.edition.name, &sessions));
            }
            self.events.emit(Event::Waiting {
                what: format!("{} sessions to leave edition {}", sessions.len(), self.edition.name),
            });
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// What is said of sessions that are in the way.
pub(in crate::operation) fn in_use(edition: &EditionName, sessions: &[ProxySession]) -> Error {
    let names: Vec<String> = sessions
        .iter()
        .take(5)
        .map(|session| {
            format!(
                "pid {} ({}@{}, {})",
                session.backend_pid, session.user, session.client, session.application
            )
        })
        .collect();
    let text = format!("{} sessions use edition \"{edition}\": {}", sessions.len(), names.join("; "));
    Error::new(ErrorKind::Busy, text).with_hint(
        "move them to a newer edition, or give them time with --drain 5m (then end them with --force)",
    )
}

/// The setting that tells proxies to end an edition's sessions: `idle` (between transactions) or `now`.
pub(in crate::operation) fn drain_setting(edition: EditionId) -> String {
    format!("drain:{edition}")
}
