//! What came of it: for each verb, how long the applications' transactions took at most, and what ran meanwhile.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use edition_tests::{Finished, Transaction};

use crate::{
    diary::Diary,
    failures, ran_during,
    shop::{PROTOCOLS, Span},
};

/// The longest that one lock try may hold others up: the product's promise.
const LOCK_BUDGET: Duration = Duration::from_millis(50);
/// Which script writes into the ledger.
const LEDGER_SCRIPT: usize = 0;

/// Verbs and loads so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    verbs: Vec<(Span, Diary)>,
    finished: Vec<Finished>,
}

impl Report {
    /// Loads that have ended.
    pub(crate) fn add(&mut self, finished: Vec<Finished>) {
        self.finished.extend(finished);
    }

    /// A verb that has ended.
    pub(crate) fn verb(&mut self, span: Span, diary: Diary) {
        self.verbs.push((span, diary));
    }

    /// Every failed statement, with the steps that ran in the second before it.
    pub(crate) fn failures(&self) -> Vec<String> {
        let told = |(time, text): (SystemTime, String)| {
            let before = time - Duration::from_secs(1);
            let during = self.verbs.iter().filter(|(span, _)| span.start <= time && span.end >= before);
            let steps: Vec<String> = during
                .map(|(span, diary)| {
                    format!("{}: {}", span.name, diary.steps_between(before, time).join("; "))
                })
                .collect();
            format!("{text} (meanwhile: {})", steps.join(", "))
        };
        failures(&self.finished).into_iter().map(told).collect()
    }

    /// Transactions that wrote into the ledger.
    pub(crate) fn ledger_transactions(&self) -> usize {
        let of = |load: &Finished| {
            load.transactions.iter().filter(|transaction| transaction.script == LEDGER_SCRIPT).count()
        };
        self.finished.iter().map(of).sum()
    }

    /// While each verb ran, clients of each protocol went on.
    pub(crate) fn assert_that_nobody_starved(&self) {
        for (span, _) in &self.verbs {
            for protocol in PROTOCOLS {
                let of = |load: &&Finished| load.version.ends_with(protocol);
                let mut all = self.finished.iter().filter(of).flat_map(|load| &load.transactions);
                assert!(
                    all.any(|transaction| ran_during(transaction, span)),
                    "{protocol} during {}",
                    span.name
                );
            }
        }
    }

    /// A line for each verb, then the worst of all.
    pub(crate) fn print(&self) {
        say(&format!(
            "{:<20} {:>7} {:>13} {:>15} {:>13}  (target: a lock try holds nobody up for longer than {} ms)",
            "VERB",
            "SECONDS",
            "TRANSACTIONS",
            "LONGEST LOCK",
            "LONGEST STALL",
            LOCK_BUDGET.as_millis()
        ));
        for (span, diary) in &self.verbs {
            let during: Vec<&Transaction> = self
                .finished
                .iter()
                .flat_map(|load| &load.transactions)
                .filter(|transaction| ran_during(transaction, span))
                .collect();
            let seconds = span.end.duration_since(span.start).unwrap_or_default().as_secs_f64();
            let (lock, step) = diary.longest_lock();
            let over = if lock > LOCK_BUDGET { " OVER" } else { "" };
            let worst = during.iter().max_by_key(|transaction| transaction.took);
            let (stall, steps) = worst.map_or((Duration::ZERO, Vec::new()), |worst| {
                (worst.took, diary.steps_between(worst.end - worst.took, worst.end))
            });
            say(&format!(
                "{:<20} {seconds:>7.2} {:>13} {:>12.1} ms{over} {:>10} ms  lock: {step}, {} retries; stall: {}",
                span.name,
                during.len(),
                lock.as_secs_f64() * 1000.0,
                stall.as_millis(),
                diary.retries(),
                steps.join("; ")
            ));
        }
        let everything = self.finished.iter().flat_map(|load| &load.transactions);
        let quiet = everything
            .filter(|transaction| !self.verbs.iter().any(|(span, _)| ran_during(transaction, span)))
            .map(|transaction| transaction.took)
            .max();
        say(&format!("longest transaction while no verb ran: {} ms", quiet.unwrap_or_default().as_millis()));
    }
}

fn say(text: &str) {
    // past the test harness's capture: this is what a soak is run for
    let _ = writeln!(std::io::stderr(), "{text}");
}
