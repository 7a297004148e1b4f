//! Worker threads: each runs its sessions on a single-threaded runtime of its own, so that nothing of a session
//! is shared or locked.

use std::{
    io::{self, Write},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    net::{TcpStream, UnixStream},
    runtime::{Builder, LocalOptions},
    sync::{Notify, mpsc, oneshot},
    task::spawn_local,
};

use crate::{
    catalogue::{Catalogue, Database},
    session::{self, Roster, SessionRow, Shared, Stream, Surroundings},
    settings::Settings,
    wire::message::Report,
};

/// How often it is looked whether clients stand still, at most and at least: a quarter of their time otherwise.
const STALLS_LOOKED_AT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(15));
/// How long statements under way are waited for before a new reading is acknowledged.
const SETTLING_TIME: Duration = Duration::from_secs(1);

/// A connection that no runtime owns yet.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(std::net::TcpStream, String),
    Unix(std::os::unix::net::UnixStream),
}

impl Accepted {
    /// Sends an error and closes; gives up if the client does not take it at once.
    pub(crate) fn refuse(self, report: &Report) {
        let message = report.encode();
        // The stream does not block; an empty socket buffer takes a short message whole.
        let written = match self {
            Self::Tcp(mut stream, _) => stream.write(&message),
            Self::Unix(mut stream) => stream.write(&message),
        };
        if let Err(error) = written {
            tracing::debug!(%error, "refusal not delivered");
        }
    }

    fn into_stream(self) -> io::Result<(Stream, String)> {
        match self {
            Self::Tcp(stream, peer) => Ok((Stream::tcp(TcpStream::from_std(stream)?)?, peer)),
            Self::Unix(stream) => Ok((Stream::Unix(UnixStream::from_std(stream)?), "local".to_owned())),
        }
    }
}

enum Command {
    Close,
    Serve(Accepted),
    Report(Arc<Database>, oneshot::Sender<Vec<SessionRow>>),
    Settle(Arc<Database>, oneshot::Sender<()>),
    EndAll(Report),
}

/// The workers, for those who hand them work.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    workers: Arc<[Worker]>,
    /// Rung when a session has ended.
    left: Arc<Notify>,
}

#[derive(Debug)]
struct Worker {
    commands: mpsc::UnboundedSender<Command>,
    sessions: Arc<AtomicUsize>,
}

/// The threads themselves; they begin with [`WorkerThreads::start`] and end when the last [`Workers`] is gone.
pub(crate) struct WorkerThreads {
    inboxes: Vec<(mpsc::UnboundedReceiver<Command>, Arc<AtomicUsize>)>,
    left: Arc<Notify>,
}

impl Workers {
    /// So many workers; their threads wait to be started.
    pub(crate) fn new(count: usize) -> (Self, WorkerThreads) {
        let left = Arc::new(Notify::new());
        let (workers, inboxes) = (0..count)
            .map(|_| {
                let (commands, inbox) = mpsc::unbounded_channel();
                let sessions = Arc::new(AtomicUsize::new(0));
                (Worker { commands, sessions: sessions.clone() }, (inbox, sessions))
            })
            .unzip::<_, _, Vec<_>, Vec<_>>();
        (Self { workers: workers.into(), left: left.clone() }, WorkerThreads { inboxes, left })
    }

    /// Sessions on all threads, logins included.
    pub(crate) fn sessions(&self) -> usize {
        self.workers.iter().map(|worker| worker.sessions.load(Ordering::Relaxed)).sum()
    }

    /// Gives the connection to the worker with the fewest sessions.
    pub(crate) fn serve(&self, accepted: Accepted) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.sessions.load(Ordering::Relaxed))
        else {
            return;
        };
        worker.sessions.fetch_add(1, Ordering::Relaxed);
        if worker.commands.send(Command::Serve(accepted)).is_err() {
            worker.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The sessions of `database`. When it returns, no session judges a message by an older reading any more.
    pub(crate) async fn report(&self, database: &Arc<Database>) -> Vec<SessionRow> {
        let asked: Vec<_> = self
            .workers
            .iter()
            .map(|worker| {
                let (reply, answer) = oneshot::channel();
                worker.commands.send(Command::Report(database.clone(), reply)).map(|()| answer)
            })
            .collect();
        let mut rows = Vec::new();
        for answer in asked.into_iter().flatten() {
            rows.extend(answer.await.unwrap_or_default());
        }
        rows
    }

    /// Waits until no statement of `database`'s sessions that was judged by an older reading is still to be parsed by the server:
    /// until all that was sent is answered, or has been under way for so long that it must have begun.
    pub(crate) async fn settle(&self, database: &Arc<Database>) {
        let asked: Vec<_> = self
            .workers
            .iter()
            .map(|worker| {
                let (reply, answer) = oneshot::channel();
                worker.commands.send(Command::Settle(database.clone(), reply)).map(|()| answer)
            })
            .collect();
        for answer in asked.into_iter().flatten() {
            // A worker that is gone has no sessions.
            let _ = answer.await;
        }
    }

    /// Tells every session to end.
    pub(crate) fn end_all(&self, report: &Report) {
        for worker in &*self.workers {
            // A worker that is gone has no sessions.
            drop(worker.commands.send(Command::EndAll(report.clone())));
        }
    }

    /// Ends the threads, and whatever still runs on them.
    pub(crate) fn close(&self) {
        for worker in &*self.workers {
            drop(worker.commands.send(Command::Close));
        }
    }

    /// Waits until no session is left.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.sessions() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl WorkerThreads {
    /// Starts the threads.
    pub(crate) fn start(
        self,
        settings: &Arc<ArcSwap<Settings>>,
        catalogue: &Arc<Catalogue>,
        shared: &Shared,
    ) -> io::Result<Vec<JoinHandle<()>>> {
        let ids = Arc::new(AtomicU64::new(1));
        self.inboxes
            .into_iter()
            .enumerate()
            .map(|(index, (inbox, sessions))| {
                let surroundings = (settings.clone(), catalogue.clone(), shared.clone(), ids.clone());
                let left = self.left.clone();
                std::thread::Builder::new().name(format!("editiond-{index}")).spawn(move || {
                    let (settings, catalogue, shared, ids) = surroundings;
                    let roster = Roster::default();
                    let surroundings = Rc::new(Surroundings { settings, catalogue, shared, roster });
                    work(inbox, &surroundings, &Counter { sessions, left, ids });
                })
            })
            .collect()
    }
}

#[derive(Clone)]
struct Counter {
    sessions: Arc<AtomicUsize>,
    left: Arc<Notify>,
    ids: Arc<AtomicU64>,
}

/// A session that counts; it is counted out however its task ends.
struct Presence(Counter);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
        self.0.left.notify_waiters();
    }
}

/// A worker thread's life.
fn work(mut inbox: mpsc::UnboundedReceiver<Command>, surroundings: &Rc<Surroundings>, counter: &Counter) {
    let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start a worker");
            return;
        }
    };
    runtime.block_on(async {
        spawn_local(watch_stalls(surroundings.clone()));
        while let Some(command) = inbox.recv().await {
            match command {
                Command::Close => return,
                Command::Serve(accepted) => {
                    let presence = Presence(counter.clone());
                    let surroundings = surroundings.clone();
                    spawn_local(async move {
                        let id = presence.0.ids.fetch_add(1, Ordering::Relaxed);
                        match accepted.into_stream() {
                            Ok((client, peer)) => session::serve(client, peer, id, &surroundings).await,
                            Err(error) => tracing::debug!(%error, "connection lost before it began"),
                        }
                        drop(presence);
                    });
                }
                Command::Report(database, reply) => {
                    // The asker may have run into its deadline.
                    drop(reply.send(surroundings.roster.rows(&database)));
                }
                Command::Settle(database, reply) => {
                    let roster = surroundings.roster.clone();
                    spawn_local(async move {
                        roster.settle(database, SETTLING_TIME).await;
                        // The asker may have run into its deadline.
                        let _ = reply.send(());
                    });
                }
                Command::EndAll(report) => surroundings.roster.end_all(&report),
            }
        }
    });
}

/// Looks now and then whether a client stands still in the middle of a message.
async fn watch_stalls(surroundings: Rc<Surroundings>) {
    loop {
        let patience = surroundings.settings.load().stall_timeout;
        tokio::time::sleep((patience / 4).clamp(STALLS_LOOKED_AT.0, STALLS_LOOKED_AT.1)).await;
        if !patience.is_zero() {
            surroundings.roster.end_stalled(patience);
        }
    }
}
