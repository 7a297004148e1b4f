//! An application that goes on all the time, and may not see a single failure.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use edition_tests::{APP, World};
use tokio::task::JoinHandle;

/// What version 1 does, again and again; `$` is a number that grows.
pub(crate) const OLD: &[&str] = &[
    "UPDATE users SET cents = cents + 1 WHERE id = 1 + $ % 2000",
    "UPDATE users SET name = 'Given$ Other$' WHERE id = 1 + $ % 2000",
    "INSERT INTO users (id, name) VALUES (10000 + $, 'New$ Comer$')",
    "SELECT * FROM public.users WHERE id = 10000 + $",
    "INSERT INTO orders (\"user\", price) VALUES (10000 + $, $)",
    "SELECT * FROM orders ORDER BY id DESC LIMIT 2",
];

/// What version 2 does.
pub(crate) const NEW: &[&str] = &[
    "UPDATE users SET cents = cents + 1 WHERE id = 1 + $ % 2000",
    "UPDATE users SET family = 'Fresh$' WHERE id = 1 + $ % 2000",
    "INSERT INTO users (id, given, family) VALUES (100000 + $, 'Newer$', 'Comer-$')",
    "SELECT * FROM public.users WHERE id = 100000 + $",
    "INSERT INTO purchases (\"user\", price) VALUES (100000 + $, $)",
    "SELECT * FROM purchases ORDER BY id DESC LIMIT 2",
    "INSERT INTO audits (note) VALUES ('$')",
];

/// A running application.
pub(crate) struct Application {
    over: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

impl Application {
    /// Starts in an edition.
    pub(crate) async fn start(world: &World, edition: &str, statements: &'static [&'static str]) -> Self {
        let session = world.session(APP, edition).await;
        let over = Arc::new(AtomicBool::new(false));
        let told = over.clone();
        let task = tokio::spawn(async move {
            let mut round = 0_u64;
            while !told.load(Ordering::Relaxed) {
                round += 1;
                for statement in statements {
                    session.run(&statement.replace('$', &round.to_string())).await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            round
        });
        Self { over, task }
    }

    /// Ends it. Panics if a statement failed.
    pub(crate) async fn stop(self) {
        self.over.store(true, Ordering::Relaxed);
        let rounds = self.task.await.expect("no statement fails");
        assert!(rounds > 1, "it did not run");
    }
}
