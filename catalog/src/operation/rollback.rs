//! `rollback`: take the leaf back to draft.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use crate::{
    error::{Error, Result},
    event::Events,
    model::{Edition, EditionName},
    target::Target,
};

/// What becomes of data that only the newer edition stored.
#[derive(Clone, Debug)]
pub enum KeepData {
    /// Written to a file that `publish --load` takes.
    Save(PathBuf),
    /// Given up, by an explicit word.
    Discard,
}

/// What `rollback` may be told.
#[derive(Clone, Debug)]
pub struct RollbackOptions {
    /// Required.
    pub keep: KeepData,
    /// How long sessions of the edition may take to leave; None: refuse if there are any.
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

/// What `rollback` did.
#[derive(Clone, Debug, Serialize)]
pub struct RolledBack {
    /// False if the edition was a draft already.
    pub changed: bool,
    /// The edition, a draft again.
    pub edition: Edition,
    /// Rows written to the file.
    pub rows_saved: u64,
    /// The longest time that one lock try held up others.
    pub longest_lock: Duration,
}

/// Rolls the leaf back to draft; also undoes a publication that did not finish.
pub async fn rollback(
    target: &Target,
    name: &EditionName,
    options: &RollbackOptions,
    events: &dyn Events,
) -> Result<RolledBack> {
    let _ = (target, name, options, events);
    Err(Error::bug("rollback is not built yet"))
}
