//! The verbs. Each function connects by its [`Target`](crate::target::Target), takes the runner lock where it changes anything,
//! is idempotent, journals what it did, and returns a serialisable outcome; progress goes to an
//! [`Events`](crate::event::Events).

mod chain;
mod closing;
mod create;
mod data_steps;
mod default;
mod deinit;
mod domains;
mod footing;
mod inference;
mod init;
mod inspect;
mod ownership;
mod patience;
mod planning;
mod publish;
mod resuming;
mod retire;
mod rollback;
mod runner;
mod sync;
mod transform;

pub use crate::store::JournalEntry;
pub use create::{CreateOptions, Created, create, drop_draft};
pub use default::{DefaultChanged, set_default};
pub use deinit::{DeinitOptions, Deinitialised, deinit};
pub use init::{InitOptions, Initialised, init};
pub use inspect::{
    ProxyRow, RunningOperation, SessionRow, Status, compare, list, log, review, sessions, status,
};
pub use patience::Patience;
pub use planning::plan;
pub use publish::{PublishOptions, Published, publish};
pub use retire::{Retired, retire};
pub use rollback::{KeepData, RollbackOptions, RolledBack, Saved, rollback};
pub use sync::{Synced, sync};
pub use transform::{TransformOptions, Transformed, collect_transforms, transform};

use std::path::PathBuf;

/// Client programs of PostgreSQL that some verbs run; found by the caller (who may look at the environment).
#[derive(Clone, Debug)]
pub struct Programs {
    /// `pg_dump`, at least as new as the server.
    pub pg_dump: PathBuf,
    /// `psql`.
    pub psql: PathBuf,
}
