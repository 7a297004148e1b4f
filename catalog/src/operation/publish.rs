//! `publish`: open a draft for sessions, online.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;
use tokio::sync::watch;

use crate::{
    error::{Error, Result},
    event::Events,
    model::{Edition, EditionName},
    target::Target,
};

/// What `publish` may be told.
#[derive(Clone, Debug)]
pub struct PublishOptions {
    /// Finding codes that the operator accepts, for example `tightens-older-edition`.
    pub allow: Vec<String>,
    /// Rows per backfill transaction at most; the time budget may make it less.
    pub batch_size: u32,
    /// Backfill connections.
    pub jobs: u32,
    /// Pause the backfill while any replica lags more than this.
    pub max_lag: Duration,
    /// Share of the time that backfill connections sleep, 0.0 (full speed) to 0.95.
    pub throttle: f64,
    /// The longest wait for a lock in one try.
    pub lock_timeout: Duration,
    /// How long to try for one lock in all before giving up (the publish then pauses, nothing half-done).
    pub lock_patience: Duration,
    /// How long to wait for proxies to acknowledge.
    pub proxy_patience: Duration,
    /// A file that `rollback --save` wrote, to be loaded again.
    pub load: Option<PathBuf>,
    /// Turns true when the operator asks for a pause (Ctrl-C).
    pub pause: watch::Receiver<bool>,
}

/// What `publish` did.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// False if the edition was live already.
    pub changed: bool,
    /// The edition.
    pub edition: Edition,
    /// The longest time that one lock try held up others.
    pub longest_lock: Duration,
    /// Rows that got a value.
    pub rows_backfilled: u64,
    /// Connections' worth of rows from `--load` that were taken and passed over (changed meanwhile).
    pub rows_loaded: u64,
    /// See above.
    pub rows_not_loaded: u64,
}

/// Publishes, or resumes a publication that was paused or killed. A failing transform undoes everything.
pub async fn publish(
    target: &Target,
    name: &EditionName,
    options: &PublishOptions,
    events: &dyn Events,
) -> Result<Published> {
    let _ = (target, name, options, events);
    Err(Error::bug("publish is not built yet"))
}
