//! The verbs that only read: list, status, sessions, log, diff.

use serde::Serialize;

use super::{
    footing::adopted,
    resuming::{command, steps},
};
use crate::{
    blueprint,
    diff::{self, Diff, Reviewed},
    error::Result,
    model::{Edition, EditionName, EditionState},
    store::{self, JournalEntry, ProxySession},
    target::{Connection, Target},
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
    /// Proxies that take sessions or have some.
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
    /// The command that goes on with it.
    pub command: String,
}

/// A proxy that takes sessions or has some.
#[derive(Clone, Debug, Serialize)]
pub struct ProxyRow {
    /// Where it listens.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The newest epoch that it applies.
    pub acked_epoch: i64,
    /// Whether its lease is valid: without, it takes no new sessions and hears of nothing.
    pub has_lease: bool,
    /// Its sessions.
    pub sessions: u64,
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

/// All editions that are not retired, root first.
pub async fn list(target: &Target) -> Result<Vec<Edition>> {
    let connection = adopted(target).await?;
    store::editions(&*connection).await
}

/// The database at a glance; also answers for a database that was never adopted.
pub async fn status(target: &Target) -> Result<Status> {
    let connection = target.connect().await?;
    if !store::is_adopted(&*connection).await? {
        return Ok(Status {
            adopted: false,
            editions: Vec::new(),
            running: None,
            proxies: Vec::new(),
            sessions: Vec::new(),
        });
    }
    let editions = store::editions(&*connection).await?;
    let proxies = store::proxies(&*connection).await?;
    let held = store::proxy_sessions(&*connection, None).await?;
    let count =
        |edition: &Edition| held.iter().filter(|session| session.edition == edition.id).count() as u64;
    Ok(Status {
        adopted: true,
        running: running(&connection).await?,
        proxies: proxies
            .into_iter()
            .map(|proxy| ProxyRow {
                address: proxy.address,
                version: proxy.version,
                acked_epoch: proxy.acked_epoch.get(),
                has_lease: proxy.has_lease,
                sessions: proxy.sessions,
            })
            .collect(),
        sessions: editions.iter().map(|edition| (edition.name.clone(), count(edition))).collect(),
        editions,
    })
}

async fn running(connection: &Connection) -> Result<Option<RunningOperation>> {
    let Some(operation) = store::running_operation(&**connection).await? else { return Ok(None) };
    // One that retire has all but ended is not among the others.
    let edition = store::edition_by_id(&**connection, operation.edition).await?;
    Ok(Some(RunningOperation {
        verb: operation.verb.as_str().to_owned(),
        command: command(&operation, &edition.name)?,
        edition: edition.name,
        state: operation.state.as_str().to_owned(),
        done: store::steps_done(&**connection, operation.id).await?.len(),
        of: steps(&operation)?.len(),
    }))
}

/// Sessions that go through proxies, of one edition or of all.
pub async fn sessions(target: &Target, edition: Option<&EditionName>) -> Result<Vec<SessionRow>> {
    let connection = adopted(target).await?;
    let wanted = match edition {
        Some(name) => Some(store::require_edition(&*connection, name).await?.id),
        None => None,
    };
    let editions = store::editions(&*connection).await?;
    let held = store::proxy_sessions(&*connection, wanted).await?;
    let row = |session: ProxySession| {
        let edition = editions.iter().find(|edition| edition.id == session.edition)?;
        Some(SessionRow {
            edition: edition.name.clone(),
            backend_pid: session.backend_pid,
            user: session.user,
            application: session.application,
            client: session.client,
            connected_at: session.connected_at,
            state: session.state,
        })
    };
    Ok(held.into_iter().filter_map(row).collect())
}

/// The newest `limit` journal entries, oldest first.
pub async fn log(target: &Target, limit: usize) -> Result<Vec<JournalEntry>> {
    let connection = adopted(target).await?;
    store::recent(&*connection, limit).await
}

/// What changes from one edition's logical schema to another's.
pub async fn compare(target: &Target, from: &EditionName, to: &EditionName) -> Result<Diff> {
    Ok(comparison(target, from, to).await?.diff)
}

/// The same, and whom each change would break of those who know the older schema.
pub async fn review(target: &Target, from: &EditionName, to: &EditionName) -> Result<Vec<Reviewed>> {
    let comparison = comparison(target, from, to).await?;
    Ok(diff::review(comparison.diff, &comparison.to))
}

async fn comparison(target: &Target, from: &EditionName, to: &EditionName) -> Result<blueprint::Comparison> {
    let connection = adopted(target).await?;
    let from = store::require_edition(&*connection, from).await?;
    let to = store::require_edition(&*connection, to).await?;
    let mut older = target.connect_blueprint(&from.blueprint).await?;
    let mut newer = target.connect_blueprint(&to.blueprint).await?;
    let draft = if from.state == EditionState::Draft { &older } else { &newer };
    let schemas = blueprint::managed_with(&*connection, &**draft).await?;
    let before = blueprint::read_database(&mut older, &schemas).await?;
    blueprint::compare(&mut newer, &schemas, before).await
}
