//! How long an operation waits, and for what.

use std::time::Duration;

/// How an operation waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest wait for a lock in one try.
    pub lock_timeout: Duration,
    /// How long to try for one lock in all; then the operation pauses, nothing half-done.
    pub locks: Duration,
    /// How long proxies may take to acknowledge.
    pub proxies: Duration,
    /// How long sessions of an edition that ends may take to leave; None: refuse if there are any.
    pub drain: Option<Duration>,
    /// Whether the sessions that are still there after `drain` are ended.
    pub force: bool,
}

impl Default for Patience {
    /// What the command line says when it is told nothing.
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_millis(50),
            locks: Duration::from_secs(5 * 60),
            proxies: Duration::from_secs(30),
            drain: None,
            force: false,
        }
    }
}
