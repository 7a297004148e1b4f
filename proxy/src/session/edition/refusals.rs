//! Refused statements. The server gets, in the place of each, a statement that fails in parse analysis: at the
//! same point of either protocol where the refused one would have failed, with the same consequences for
//! transaction and pipeline. Its text is a mark by which its error is known, and replaced by the one that the
//! client is to see. If the server never gets to it (the batch failed before), nothing comes back and nothing
//! is replaced.

use std::collections::VecDeque;

use crate::wire::message::{self, Report};

/// Refusals that wait for their errors; a client that pipelines more of them sees the server's error for the rest.
const WAITING_MAX: usize = 1024;

/// Refusals whose errors have not come yet.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    waiting: VecDeque<Waiting>,
    numbered: u64,
}

#[derive(Debug)]
struct Waiting {
    batch: u64,
    mark: String,
    report: Report,
    is_interruption: bool,
}

impl Refusals {
    /// The text that makes the server fail.
    pub(super) fn add(&mut self, batch: u64, report: Report) -> Vec<u8> {
        self.numbered += 1;
        let mark = format!("editiond refused this statement ({})", self.numbered);
        let text = format!("SELECT \"{mark}\"");
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(Waiting { batch, mark, report, is_interruption: false });
        }
        text.into_bytes()
    }

    /// The same for a statement before which something of ours was cancelled; in a transaction, that has failed by it.
    pub(super) fn interrupt(&mut self, batch: u64, report: Report) -> Vec<u8> {
        let text = self.add(batch, report);
        if let Some(waiting) = self.waiting.back_mut() {
            waiting.is_interruption = true;
        }
        text
    }

    /// Whether any error may be one of ours.
    #[inline]
    pub(super) fn any(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The report that replaces this error, if it is one of ours.
    pub(super) fn take(&mut self, error: &[u8]) -> Option<Report> {
        let text = String::from_utf8_lossy(message::report_field(error, b'M')?);
        let in_failed_transaction = message::report_field(error, b'C') == Some(b"25P02");
        let is_meant = |waiting: &Waiting| {
            text.contains(&waiting.mark) || in_failed_transaction && waiting.is_interruption
        };
        let at = self.waiting.iter().position(is_meant)?;
        Some(self.waiting.remove(at)?.report)
    }

    /// Forgets what belongs to batches before `batch`: the server has skipped it.
    #[inline]
    pub(super) fn forget_before(&mut self, batch: u64) {
        while self.waiting.front().is_some_and(|waiting| waiting.batch < batch) {
            self.waiting.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Vec<u8> {
        Report::error("42703", text).encode()
    }

    #[test]
    fn an_error_is_replaced_by_its_refusal_and_no_other() {
        let mut refusals = Refusals::default();
        let first = String::from_utf8(refusals.add(0, Report::error("42P01", "one"))).unwrap();
        refusals.add(0, Report::error("42P01", "two"));
        assert_eq!(first, "SELECT \"editiond refused this statement (1)\"");
        assert_eq!(refusals.take(&error("column \"x\" does not exist")), None);
        let second = "column \"editiond refused this statement (2)\" does not exist";
        assert_eq!(refusals.take(&error(second)).unwrap().message, "two");
        assert!(refusals.any());
        refusals.forget_before(1);
        assert!(!refusals.any());
    }
}
