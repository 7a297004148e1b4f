//! Rewritten statements that the server has not taken yet: should it find fault with one, the error's position is told in
//! the client's own text.

use std::collections::VecDeque;

use crate::rewrite::Edits;

/// For the rest, positions are those in the text that the server got.
const WAITING_MAX: usize = 1024;

/// What was rewritten, in the order in which it went to the server.
#[derive(Debug, Default)]
pub(super) struct Positions(VecDeque<Waiting>);

#[derive(Debug)]
struct Waiting {
    batch: u64,
    /// Which Parse of the batch it is; a Query has its batch for itself.
    number: u64,
    edits: Edits,
}

impl Positions {
    /// A rewritten text goes to the server.
    pub(super) fn add(&mut self, batch: u64, number: u64, edits: Edits) {
        if self.0.len() < WAITING_MAX {
            self.0.push_back(Waiting { batch, number, edits });
        }
    }

    /// Whether the position of any error may be off.
    #[inline]
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// What was replaced in the text that the server is at.
    pub(super) fn at(&self, batch: u64, number: u64) -> Option<&Edits> {
        let waiting = self.0.iter().find(|waiting| (waiting.batch, waiting.number) == (batch, number))?;
        Some(&waiting.edits)
    }

    /// Forgets what the server has taken or skipped: all before this place.
    #[inline]
    pub(super) fn forget_before(&mut self, batch: u64, number: u64) {
        while self.0.front().is_some_and(|waiting| (waiting.batch, waiting.number) < (batch, number)) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_belong_to_one_statement_of_one_batch() {
        let mut positions = Positions::default();
        positions.add(3, 0, Edits::default());
        positions.add(3, 2, Edits::default());
        positions.add(4, 0, Edits::default());
        assert!(positions.at(3, 0).is_some() && positions.at(3, 1).is_none());
        positions.forget_before(3, 1);
        assert!(positions.at(3, 0).is_none() && positions.at(3, 2).is_some());
        positions.forget_before(4, 0);
        assert!(positions.at(3, 2).is_none() && positions.at(4, 0).is_some());
        positions.forget_before(5, 0);
        assert!(!positions.any());
    }
}
