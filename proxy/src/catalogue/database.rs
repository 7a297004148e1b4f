//! One adopted database as sessions see it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use catalog::{
    model::{EditionId, Name},
    snapshot::{Snapshot, SnapshotEdition},
};
use tokio_postgres::Client;

use crate::{
    report::Vocabulary,
    rewrite::{Rewriter, VerdictCache},
    row_origins::RowOrigins,
};

/// An adopted database. The watcher writes, sessions read.
#[derive(Debug)]
pub(crate) struct Database {
    name: String,
    reading: ArcSwap<Reading>,
    /// Grows with each reading, so that a session can tell by one load that its own is old.
    generation: AtomicU64,
    /// Grows when a session starts, ends or changes its edition.
    sessions_version: AtomicU64,
    lease: Mutex<Option<Instant>>,
    control: ArcSwapOption<Client>,
    verdicts: VerdictCache,
}

/// What the catalogue said at one epoch.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Its contents.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Editions whose sessions are to end.
    pub(crate) drains: HashMap<EditionId, Drain>,
    /// For the sessions of each edition.
    pub(crate) rewriters: HashMap<EditionId, Arc<Rewriter>>,
    /// For the reports of the server to the sessions of each edition whose names are not the physical ones.
    pub(crate) vocabularies: HashMap<EditionId, Arc<Vocabulary>>,
    /// For row descriptions to the sessions of each edition that has views.
    pub(crate) row_origins: HashMap<EditionId, Arc<RowOrigins>>,
}

/// How sessions of an edition are to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drain {
    /// When idle outside a transaction.
    Idle,
    /// Whatever they do.
    Now,
}

impl Reading {
    pub(super) fn new(snapshot: Arc<Snapshot>, drains: HashMap<EditionId, Drain>) -> Self {
        let rewriter =
            |edition: &SnapshotEdition| (edition.id, Arc::new(Rewriter::new(snapshot.clone(), edition.id)));
        let rewriters = snapshot.editions.iter().map(rewriter).collect();
        let vocabulary = |edition: &SnapshotEdition| Some((edition.id, Arc::new(Vocabulary::new(edition)?)));
        let vocabularies = snapshot.editions.iter().filter_map(vocabulary).collect();
        let row_origins = |edition: &SnapshotEdition| Some((edition.id, Arc::new(RowOrigins::new(edition)?)));
        let row_origins = snapshot.editions.iter().filter_map(row_origins).collect();
        Self { snapshot, drains, rewriters, vocabularies, row_origins }
    }

    /// How sessions of `edition` are to end, if they are: because its operator says so, or because it was a
    /// draft and its blueprint is about to become the plan.
    pub(crate) fn drain(&self, edition: EditionId, was_draft: bool) -> Option<Drain> {
        use catalog::model::EditionState::{Draft, Live};
        let state = self.snapshot.edition_by_id(edition).map(|edition| edition.state);
        match state {
            Some(Live) if !was_draft => None,
            Some(Draft) if was_draft => None,
            _ if was_draft => Some(Drain::Idle),
            _ => self.drains.get(&edition).copied(),
        }
    }
}

impl Database {
    pub(super) fn new(name: &str, reading: Reading) -> Self {
        Self {
            name: name.to_owned(),
            reading: ArcSwap::from_pointee(reading),
            generation: AtomicU64::new(0),
            sessions_version: AtomicU64::new(0),
            lease: Mutex::new(None),
            control: ArcSwapOption::empty(),
            verdicts: VerdictCache::default(),
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is known of texts; one for each database, because epochs and edition ids repeat among databases.
    pub(crate) fn verdicts(&self) -> &VerdictCache {
        &self.verdicts
    }

    /// The newest reading.
    pub(crate) fn reading(&self) -> Arc<Reading> {
        self.reading.load_full()
    }

    /// The edition of the newest reading, if it is open to sessions or a draft.
    pub(crate) fn edition(&self, id: EditionId) -> Option<SnapshotEdition> {
        self.reading.load().snapshot.edition_by_id(id).cloned()
    }

    /// Which reading is the newest.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn publish(&self, reading: Reading) {
        self.reading.store(Arc::new(reading));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// To be called after a session has started, ended or changed its edition.
    pub(crate) fn sessions_changed(&self) {
        self.sessions_version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn sessions_version(&self) -> u64 {
        self.sessions_version.load(Ordering::Acquire)
    }

    /// Whether new sessions may start.
    pub(crate) fn lease_is_valid(&self) -> bool {
        let until = *self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// The lease is valid until then, or for longer if that is known already.
    pub(super) fn lease_until(&self, until: Instant) {
        let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        *lease = (*lease).max(Some(until));
    }

    pub(super) fn use_control(&self, client: Option<Arc<Client>>) {
        self.control.store(client);
    }

    fn control(&self) -> Result<Arc<Client>, ControlError> {
        self.control.load_full().ok_or(ControlError::Lost)
    }

    /// The `search_path` that a session of `user` has if it asks for none (role in database, role, database,
    /// server).
    pub(crate) async fn search_path_of(&self, user: &str) -> Result<String, ControlError> {
        let row = self.control()?.query_one(SEARCH_PATH, &[&user]).await?;
        Ok(row.try_get(0)?)
    }

    /// Whether `user` may connect to `blueprint`.
    pub(crate) async fn may_connect(&self, user: &str, blueprint: &Name) -> Result<bool, ControlError> {
        let row = self.control()?.query_one(MAY_CONNECT, &[&user, &blueprint.as_str()]).await?;
        Ok(row.try_get(0)?)
    }
}

/// The control connection could not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// It is being made again.
    #[error("the connection to the catalogue is lost")]
    Lost,
    /// It failed just now.
    #[error("the catalogue cannot be asked: {0}")]
    Failed(#[from] tokio_postgres::Error),
}

/// As `process_settings` in the server: role in database, role, database. The server's own default shows in
/// `reset_val` only if our own role has no such setting (the control role is asked like any other); if it has,
/// PostgreSQL's built-in default must do.
const SEARCH_PATH: &str = "
SELECT coalesce(
  (SELECT pg_catalog.substr(setting, pg_catalog.strpos(setting, '=') + 1)
   FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS setting
   WHERE setting ILIKE 'search\\_path=%'
     AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
     AND s.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $1))
   ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1),
  (SELECT CASE WHEN EXISTS (
       SELECT FROM pg_catalog.pg_db_role_setting AS s, pg_catalog.unnest(s.setconfig) AS setting
       WHERE setting ILIKE 'search\\_path=%'
         AND s.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user))
     THEN boot_val ELSE reset_val END
   FROM pg_catalog.pg_settings WHERE name = 'search_path'))";

const MAY_CONNECT: &str = "
SELECT coalesce((SELECT pg_catalog.has_database_privilege(r.oid, d.oid, 'CONNECT')
                 FROM pg_catalog.pg_roles r, pg_catalog.pg_database d
                 WHERE r.rolname = $1 AND d.datname = $2), false)";

#[cfg(test)]
mod tests {
    use catalog::model::{EditionName, EditionState, Epoch};

    use super::*;

    #[test]
    fn sessions_end_when_told_and_drafts_when_they_are_no_longer_drafts() {
        let id = EditionId::new(1);
        let reading = |state, drain: Option<Drain>| {
            let snapshot = Arc::new(Snapshot {
                server_version: 0,
                epoch: Epoch::new(1),
                schemas: Vec::new(),
                editions: vec![SnapshotEdition {
                    id,
                    name: EditionName::new("v1").unwrap(),
                    state,
                    is_default: true,
                    blueprint: Name::new("app$v1").unwrap(),
                    path: Vec::new(),
                    names: catalog::snapshot::NameMap::default(),
                }],
                reflected: catalog::snapshot::Reflected::default(),
            });
            Reading::new(snapshot, drain.into_iter().map(|drain| (id, drain)).collect())
        };
        let live = reading(EditionState::Live, Some(Drain::Now));
        assert_eq!(live.drain(id, false), None);
        let retiring = reading(EditionState::Retiring, None);
        assert_eq!(retiring.drain(id, false), None);
        let told = reading(EditionState::Retiring, Some(Drain::Idle));
        assert_eq!(told.drain(id, false), Some(Drain::Idle));
        let publishing = reading(EditionState::Publishing, None);
        assert_eq!(publishing.drain(id, true), Some(Drain::Idle));
        assert_eq!(reading(EditionState::Draft, None).drain(id, true), None);
    }
}
