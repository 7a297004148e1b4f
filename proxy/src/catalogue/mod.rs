//! What the proxy knows of the databases behind it, and how it stays known: one watcher a database, on the
//! accepting thread's runtime, holding one control connection; sessions on any thread read what it published
//! without a lock.

mod control;
mod database;
mod lease;
mod watcher;

use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{runtime::Handle, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub(crate) use database::{Database, Drain, Reading};
pub(crate) use watcher::Identity;
use watcher::Watcher;

use crate::{listen::Workers, settings::Settings};

/// How long a session waits for the first word about its database.
const FIRST_WORD: Duration = Duration::from_secs(8);
/// Databases watched at a time: clients that have not yet shown a password can name any.
const WATCHED_MAX: usize = 1000;

/// What is known of one database.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// Nothing yet.
    Unknown,
    /// It has no catalogue, or does not exist: the server alone deals with the session.
    Plain,
    /// It has a catalogue.
    Adopted(Arc<Database>),
    /// It could not be asked, for this reason.
    Unreachable(String),
}

/// All databases that clients have asked for lately.
pub(crate) struct Catalogue {
    settings: Arc<ArcSwap<Settings>>,
    identity: Identity,
    workers: Workers,
    runtime: Handle,
    watched: Mutex<Watched>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Watched {
    standings: HashMap<String, watch::Receiver<Standing>>,
    watchers: JoinSet<()>,
}

impl Catalogue {
    /// Starts watching when the first session asks. Watchers run on the present runtime.
    pub(crate) fn new(settings: Arc<ArcSwap<Settings>>, identity: Identity, workers: Workers) -> Arc<Self> {
        let (watched, stop) = (Mutex::default(), CancellationToken::new());
        Arc::new(Self { settings, identity, workers, runtime: Handle::current(), watched, stop })
    }

    /// What is known of `database`; waits a little if nothing is yet.
    pub(crate) async fn standing(self: &Arc<Self>, database: &str) -> Standing {
        let Some(mut standing) = self.receiver(database) else {
            return Standing::Unreachable("too many databases are being asked for".to_owned());
        };
        let known = standing.wait_for(|standing| !matches!(standing, Standing::Unknown));
        match tokio::time::timeout(FIRST_WORD, known).await {
            Ok(Ok(standing)) => standing.clone(),
            Ok(Err(_)) => Standing::Unreachable("the watcher ended".to_owned()),
            Err(_) => Standing::Unreachable("no answer in time".to_owned()),
        }
    }

    fn receiver(self: &Arc<Self>, database: &str) -> Option<watch::Receiver<Standing>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        while watched.watchers.try_join_next().is_some() {}
        let full = watched.standings.len() >= WATCHED_MAX;
        let entry = match watched.standings.entry(database.to_owned()) {
            hash_map::Entry::Occupied(entry) => return Some(entry.get().clone()),
            hash_map::Entry::Vacant(_) if full => return None,
            hash_map::Entry::Vacant(entry) => entry,
        };
        let (sender, receiver) = watch::channel(Standing::Unknown);
        entry.insert(receiver.clone());
        let (catalogue, name) = (self.clone(), database.to_owned());
        watched.watchers.spawn_on(
            async move {
                let task = Watcher {
                    database: name.clone(),
                    settings: &catalogue.settings,
                    identity: &catalogue.identity,
                    workers: &catalogue.workers,
                    standing: &sender,
                    stop: &catalogue.stop,
                };
                task.run().await;
                catalogue.watched.lock().unwrap_or_else(PoisonError::into_inner).standings.remove(&name);
            },
            &self.runtime,
        );
        Some(receiver)
    }

    /// Ends all watchers; each takes the proxy's rows out of its database.
    pub(crate) async fn close(&self) {
        self.stop.cancel();
        let mut watchers =
            std::mem::take(&mut self.watched.lock().unwrap_or_else(PoisonError::into_inner).watchers);
        while watchers.join_next().await.is_some() {}
    }
}
