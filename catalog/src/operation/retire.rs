//! `retire`: end the root edition and contract.

use std::time::Duration;

use serde::Serialize;

use crate::{
    error::{Error, Result},
    event::Events,
    model::EditionName,
    target::Target,
};

/// What `retire` may be told.
#[derive(Clone, Debug)]
pub struct RetireOptions {
    /// How long sessions of the root may take to leave; None: refuse if there are any.
    pub drain: Option<Duration>,
    /// End the sessions that are still there after `drain`.
    pub force: bool,
    /// The longest wait for a lock in one try.
    pub lock_timeout: Duration,
    /// How long to try for one lock in all.
    pub lock_patience: Duration,
    /// How long to wait for proxies to acknowledge.
    pub proxy_patience: Duration,
}

/// What `retire` did.
#[derive(Clone, Debug, Serialize)]
pub struct Retired {
    /// False if it was retired already.
    pub changed: bool,
    /// The root now.
    pub root: EditionName,
    /// Whether only one edition is live now: nothing of ours is left on the tables.
    pub at_rest: bool,
    /// The longest time that one lock try held up others.
    pub longest_lock: Duration,
}

/// Retires the root edition; resumes a retirement that was killed.
pub async fn retire(
    target: &Target,
    name: &EditionName,
    options: &RetireOptions,
    events: &dyn Events,
) -> Result<Retired> {
    let _ = (target, name, options, events);
    Err(Error::bug("retire is not built yet"))
}
