//! Options that publish, rollback and retire share: how long to wait for locks, proxies and sessions.

use std::time::Duration;

use catalog::operation::Patience;
use clap::Args;

/// Locks and proxies.
#[derive(Debug, Args)]
pub(super) struct Waits {
    /// The longest that one try for a lock may make others wait
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "50ms")]
    pub(super) lock_timeout: Duration,

    /// How long to try for one lock in all before pausing
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "5min")]
    pub(super) lock_patience: Duration,

    /// How long to wait for proxies to acknowledge a change
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "30s")]
    pub(super) proxy_patience: Duration,
}

impl Waits {
    /// `leaving`: for an operation that ends an edition.
    pub(super) fn patience(&self, leaving: Option<&Leaving>) -> Patience {
        Patience {
            lock_timeout: self.lock_timeout,
            locks: self.lock_patience,
            proxies: self.proxy_patience,
            drain: leaving.and_then(|leaving| leaving.drain),
            force: leaving.is_some_and(|leaving| leaving.force),
        }
    }
}

/// Sessions of an edition that ends.
#[derive(Debug, Args)]
pub(super) struct Leaving {
    /// How long the edition's sessions may take to leave; without it, any session is a reason to refuse
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(super) drain: Option<Duration>,

    /// End the sessions that are still there after --drain
    #[arg(long)]
    pub(super) force: bool,
}
