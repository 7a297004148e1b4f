//! The verbs that only read: list, status, sessions, log, diff.

use serde::Serialize;

use crate::{
    diff::Diff,
    error::{Error, Result},
    model::{Edition, EditionName},
    target::Target,
};

/// The database at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Not adopted: everything else is empty.
    pub adopted: bool,
    /// All editions that are not retired, root first.
    pub editions: Vec<Edition>,
    /// An unfinished operation: verb, edition, done steps of all steps.
    pub running: Option<RunningOperation>,
    /// Proxies with a live lease: address, version, acknowledged epoch.
    pub proxies: Vec<ProxyRow>,
    /// Sessions per edition name.
    pub sessions: Vec<(EditionName, u64)>,
}

/// An operation that has begun and not ended.
#[derive(Clone, Debug, Serialize)]
pub struct RunningOperation {
    /// publish, rollback, retire
    pub verb: String,
    /// Of which edition.
    pub edition: EditionName,
    /// running or undoing
    pub state: String,
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub of: usize,
}

/// A proxy with a live lease.
#[derive(Clone, Debug, Serialize)]
pub struct ProxyRow {
    /// Where it listens.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The newest epoch that it applies.
    pub acked_epoch: i64,
}

/// One session as its proxy reported it, joined with `pg_stat_activity`.
#[derive(Clone, Debug, Serialize)]
pub struct SessionRow {
    /// Its edition.
    pub edition: EditionName,
    /// The server process.
    pub backend_pid: i32,
    /// Role.
    pub user: String,
    /// `application_name` at connect.
    pub application: String,
    /// Client address as the proxy saw it.
    pub client: String,
    /// RFC 3339.
    pub connected_at: String,
    /// `pg_stat_activity.state`, if we may see it.
    pub state: Option<String>,
}

/// One line of the journal.
#[derive(Clone, Debug, Serialize)]
pub struct JournalEntry {
    /// Order.
    pub id: i64,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// Of which edition.
    pub edition: String,
    /// init, create, publish …
    pub verb: String,
    /// Step number within an operation.
    pub step: Option<i32>,
    /// For people.
    pub title: String,
    /// started, done, undone, failed
    pub state: String,
    /// What was run.
    pub statement: Option<String>,
    /// What would undo it.
    pub inverse: Option<String>,
    /// Who.
    pub role: String,
}

/// All editions that are not retired, root first.
pub async fn list(target: &Target) -> Result<Vec<Edition>> {
    let _ = target;
    Err(Error::bug("list is not built yet"))
}

/// The database at a glance; also answers for a database that was never adopted.
pub async fn status(target: &Target) -> Result<Status> {
    let _ = target;
    Err(Error::bug("status is not built yet"))
}

/// Sessions that proxies with a live lease hold, of one edition or of all.
pub async fn sessions(target: &Target, edition: Option<&EditionName>) -> Result<Vec<SessionRow>> {
    let _ = (target, edition);
    Err(Error::bug("sessions is not built yet"))
}

/// The newest `limit` journal entries, oldest first.
pub async fn log(target: &Target, limit: usize) -> Result<Vec<JournalEntry>> {
    let _ = (target, limit);
    Err(Error::bug("log is not built yet"))
}

/// What changes from one edition's logical schema to another's.
pub async fn compare(target: &Target, from: &EditionName, to: &EditionName) -> Result<Diff> {
    let _ = (target, from, to);
    Err(Error::bug("diff is not built yet"))
}
