//! The proxy as a whole.

use std::{io, sync::Arc, thread::JoinHandle, time::Duration};

use arc_swap::ArcSwap;
use tokio::task::{JoinSet, spawn_blocking};

use crate::{
    Address, Config, ConfigError,
    catalogue::{Catalogue, Identity},
    listen::{Accepted, Listener, WorkerThreads, Workers},
    session::Shared,
    settings::Settings,
    wire::message::Report,
};

/// Pause after a failed accept (no file descriptors left, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long sessions may take to end once they are told to.
const END_TIME: Duration = Duration::from_secs(15);

/// Why the proxy did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration lacks something.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: Address,
        /// Why.
        source: io::Error,
    },
    /// No thread to be had.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

/// A running proxy. It must be ended with [`drain`](Proxy::drain) or [`stop`](Proxy::stop); dropping it
/// abandons its sessions.
pub struct Proxy {
    addresses: Vec<Address>,
    settings: Arc<ArcSwap<Settings>>,
    catalogue: Arc<Catalogue>,
    workers: Workers,
    threads: Vec<JoinHandle<()>>,
    /// Accepting tasks, one a listener.
    accepting: JoinSet<()>,
}

impl Proxy {
    /// Looks whether the configuration is complete and its files can be used; starts nothing.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn check(config: Config) -> Result<(), ConfigError> {
        Settings::load(config).map(drop)
    }

    /// Binds all addresses and begins to serve. The present tokio runtime accepts and watches catalogues;
    /// sessions run on threads of their own.
    ///
    /// # Errors
    /// If the configuration is incomplete or an address cannot be bound; nothing is left behind then.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let settings = Settings::load(config)?;
        let mut listeners = Vec::new();
        for address in &settings.listen {
            let bound = Listener::bind(address, settings.socket_mode).await;
            listeners.push(bound.map_err(|source| StartError::Listen { address: address.clone(), source })?);
        }
        let addresses = listeners.iter().map(Listener::address).collect::<io::Result<Vec<_>>>()?;
        let identity = Identity {
            id: random_uuid(),
            address: addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(", "),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let (workers, threads) = Workers::new(settings.threads.get());
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let catalogue = Catalogue::new(settings.clone(), identity, workers.clone());
        let threads = WorkerThreads::start(threads, &settings, &catalogue, &Shared::default())?;
        let mut accepting = JoinSet::new();
        for listener in listeners {
            accepting.spawn(accept(listener, workers.clone(), settings.clone()));
        }
        tracing::info!(addresses = ?addresses.iter().map(Address::to_string).collect::<Vec<_>>(), "listening");
        Ok(Self { addresses, settings, catalogue, workers, threads, accepting })
    }

    /// Where it listens, in the order of [`Config::listen`], with the ports that the system chose.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Sessions at the moment, logins included.
    pub fn sessions(&self) -> usize {
        self.workers.sessions()
    }

    /// Takes a new configuration for what starts from now on: servers, control role, TLS (its files are read again),
    /// limits and time-outs. Addresses and threads stay as they are until a restart; the answer says whether they
    /// differ.
    ///
    /// # Errors
    /// If the configuration is incomplete or a file cannot be used; the present one stays then.
    pub fn reload(&self, config: Config) -> Result<bool, ConfigError> {
        let settings = Settings::load(config)?;
        let present = self.settings.load();
        let needs_restart = present.listen != settings.listen || present.threads != settings.threads;
        self.settings.store(Arc::new(settings));
        Ok(needs_restart)
    }

    /// Stops listening, waits until the last session leaves or [`Config::drain_timeout`] is over, then ends.
    /// May be abandoned for [`stop`](Proxy::stop).
    pub async fn drain(&mut self) {
        self.accepting.shutdown().await;
        let patience = self.settings.load().drain_timeout;
        tracing::info!(sessions = self.sessions(), ?patience, "draining");
        if tokio::time::timeout(patience, self.workers.empty()).await.is_err() {
            tracing::warn!(sessions = self.sessions(), "sessions are still there after the drain time-out");
        }
    }

    /// Stops listening, ends all sessions, takes the proxy out of the catalogues and waits for its threads.
    pub async fn stop(mut self) {
        self.accepting.shutdown().await;
        self.workers.end_all(&Report::fatal("57P01", "terminating connection due to administrator command"));
        if tokio::time::timeout(END_TIME, self.workers.empty()).await.is_err() {
            tracing::warn!(sessions = self.sessions(), "sessions do not end");
        }
        self.catalogue.close().await;
        let Self { workers, catalogue, threads, .. } = self;
        workers.close();
        drop(catalogue);
        let joined = spawn_blocking(move || threads.into_iter().try_for_each(JoinHandle::join)).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("a worker thread panicked");
        }
        tracing::info!("stopped");
    }
}

async fn accept(listener: Listener, workers: Workers, settings: Arc<ArcSwap<Settings>>) {
    loop {
        match listener.accept().await {
            Ok(accepted) if workers.sessions() >= settings.load().max_sessions => refuse(accepted),
            Ok(accepted) => workers.serve(accepted),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Says no without reading anything: there is no room to wait for what the client has to say.
fn refuse(accepted: Accepted) {
    tracing::warn!("connection refused: too many sessions");
    accepted.refuse(&Report::fatal("53300", "sorry, too many clients already"));
}

/// A random (version 4) UUID.
fn random_uuid() -> String {
    let bits = (rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}
