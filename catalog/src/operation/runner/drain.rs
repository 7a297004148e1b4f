//! Waiting until nobody uses an edition.

use std::time::{Duration, Instant};

use super::Runner;
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    model::EditionId,
    store,
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
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!("{} sessions use edition \"{}\": {}", sessions.len(), self.edition.name, names.join("; ")),
                )
                .with_hint("move them to a newer edition, or give them time with --drain 5m (then end them with --force)"));
            }
            self.events.emit(Event::Waiting {
                what: format!("{} sessions to leave edition {}", sessions.len(), self.edition.name),
            });
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The setting that tells proxies to end an edition's sessions: `idle` (between transactions) or `now`.
pub(in crate::operation) fn drain_setting(edition: EditionId) -> String {
    format!("drain:{edition}")
}
