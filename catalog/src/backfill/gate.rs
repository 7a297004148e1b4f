//! When workers must wait or stop: a pause, another worker's failure, replicas that lag.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

/// Shared by the workers of one run; asked before each batch.
pub(super) struct Gate {
    pause: watch::Receiver<bool>,
    stop: AtomicBool,
    lag: Mutex<Option<String>>,
}

impl Gate {
    pub(super) fn new(pause: watch::Receiver<bool>) -> Self {
        Self { pause, stop: AtomicBool::new(false), lag: Mutex::new(None) }
    }

    /// Lets no worker begin another batch.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Lets workers begin batches again.
    pub(super) fn reopen(&self) {
        self.stop.store(false, Ordering::Relaxed);
    }

    /// Whether no batch may begin any more.
    pub(super) fn is_closed(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || *self.pause.borrow()
    }

    /// Why batches have to wait at the moment, for people.
    pub(super) fn lag(&self) -> Option<String> {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_lag(&self, reason: Option<String>) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// Sleeps, but not through a pause.
    pub(super) async fn sleep(&self, duration: Duration) {
        let mut pause = self.pause.clone();
        let paused = async {
            if pause.wait_for(|paused| *paused).await.is_err() {
                // Nobody is left who could ask for a pause.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = paused => {}
        }
    }
}
