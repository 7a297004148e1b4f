//! What the demo says: one line as things happen, and the table at the end.

use std::{
    io::Write,
    time::{Duration, SystemTime},
};

use edition_tests::{Finished, Transaction};

/// The longest that one try for a lock may hold others up: the product's default.
const LOCK_BUDGET: Duration = Duration::from_millis(50);

/// One line for people.
pub(crate) fn say(text: &str) {
    // when nobody reads, the exit code still tells
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Everything that the table is made of.
pub(crate) struct Report {
    phases: Vec<(&'static str, SystemTime)>,
    end: SystemTime,
    finished: Vec<Finished>,
    locks: Vec<(&'static str, Duration)>,
    wrong: Vec<String>,
    checks: usize,
}

impl Report {
    /// Empty.
    pub(crate) fn new() -> Self {
        let end = SystemTime::now();
        Self {
            phases: Vec::new(),
            end,
            finished: Vec::new(),
            locks: Vec::new(),
            wrong: Vec::new(),
            checks: 0,
        }
    }

    /// A phase begins, and with it the one before ends.
    pub(crate) fn phase(&mut self, name: &'static str) {
        say(&format!("== {name}"));
        self.phases.push((name, SystemTime::now()));
    }

    /// The last phase ends.
    pub(crate) fn end(&mut self) {
        self.end = SystemTime::now();
    }

    /// A version's pgbench has ended.
    pub(crate) fn finished(&mut self, finished: Finished) {
        self.finished.push(finished);
    }

    /// How long a verb's locks held others up at most.
    pub(crate) fn lock(&mut self, verb: &'static str, held: Duration) {
        self.locks.push((verb, held));
    }

    /// The books were compared.
    pub(crate) fn check(&mut self, phase: &str, wrong: Vec<String>) {
        self.checks += 1;
        let verdict = if wrong.is_empty() { "agree to the cent" } else { "DO NOT AGREE" };
        say(&format!("   the books of {phase} {verdict}"));
        self.wrong.extend(wrong.into_iter().map(|text| format!("{phase}: {text}")));
    }

    /// Two schemas were compared.
    pub(crate) fn schema(&mut self, moment: &str, difference: Vec<String>) {
        self.checks += 1;
        let verdict =
            if difference.is_empty() { "equals that of plain DDL" } else { "DIFFERS from that of plain DDL" };
        say(&format!("   the schema {moment} {verdict}"));
        self.wrong.extend(difference.into_iter().map(|text| format!("schema {moment}: {text}")));
    }

    /// Prints the table, then everything that went wrong. Returns whether nothing did.
    pub(crate) fn print(&self) -> bool {
        let mut versions: Vec<_> = self.finished.iter().map(|finished| finished.version.as_str()).collect();
        versions.sort_unstable();
        versions.dedup();
        say(&format!(
            "\n{:<18} {:>7} {:>8} {:>13} {:>9} {:>14}",
            "PHASE", "SECONDS", "VERSION", "TRANSACTIONS", "FAILURES", "LONGEST STALL"
        ));
        let mut failures = 0;
        for (index, (name, start)) in self.phases.iter().enumerate() {
            let end = self.phases.get(index + 1).map_or(self.end, |(_, start)| *start);
            let seconds = end.duration_since(*start).unwrap_or_default().as_secs_f64();
            let mut first = true;
            for version in &versions {
                let Some(row) = Row::of(&self.finished, version, *start, end) else { continue };
                failures += row.failures;
                let (name, seconds) =
                    if first { (*name, format!("{seconds:.1}")) } else { ("", String::new()) };
                first = false;
                let (transactions, failed, stall) = (row.transactions, row.failures, row.stall.as_millis());
                say(&format!(
                    "{name:<18} {seconds:>7} {version:>8} {transactions:>13} {failed:>9} {stall:>11} ms"
                ));
            }
        }
        say("\nlongest time that one lock try held others up (budget 50 ms):");
        for (verb, held) in &self.locks {
            let mark = if *held > LOCK_BUDGET { "  OVER BUDGET" } else { "" };
            say(&format!("  {verb:<18} {:>6.1} ms{mark}", held.as_secs_f64() * 1000.0));
        }
        for text in self.finished.iter().flat_map(|finished| &finished.failures) {
            say(&format!("failed: {}", text.1));
        }
        self.wrong.iter().for_each(|text| say(&format!("wrong: {text}")));
        let good = failures == 0 && self.wrong.is_empty();
        say(&format!(
            "\n{} failed transactions, {} of {} checks wrong: {}",
            failures,
            self.wrong.len(),
            self.checks,
            if good { "the demo passed" } else { "THE DEMO FAILED" }
        ));
        good
    }
}

/// One version in one phase.
struct Row {
    transactions: usize,
    failures: usize,
    stall: Duration,
}

impl Row {
    /// None if the version did not run in that phase.
    fn of(finished: &[Finished], version: &str, start: SystemTime, end: SystemTime) -> Option<Self> {
        let during = |time: SystemTime| time >= start && time < end;
        let loads: Vec<_> = finished.iter().filter(|finished| finished.version == version).collect();
        let transactions: Vec<&Transaction> = loads
            .iter()
            .flat_map(|load| &load.transactions)
            .filter(|transaction| during(transaction.end))
            .collect();
        let failures = loads.iter().flat_map(|load| &load.failures).filter(|(time, _)| during(*time)).count();
        if transactions.is_empty() && failures == 0 {
            return None;
        }
        let stall = transactions.iter().map(|transaction| transaction.took).max().unwrap_or_default();
        Some(Self { transactions: transactions.len(), failures, stall })
    }
}
