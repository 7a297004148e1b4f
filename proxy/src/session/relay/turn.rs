//! Whose turn it is: what the client has sent that the server must answer with ReadyForQuery, and the
//! transaction status of the last one.

use std::collections::VecDeque;

use crate::wire::message::client;

/// A client that pipelines more than this without reading an answer has to wait.
const AWAITED_MAX: usize = 64 * 1024;

/// The state of the conversation.
#[derive(Debug, Default)]
pub(in super::super) struct Turn {
    /// Query, Sync and FunctionCall that are not answered yet, by their tags.
    awaited: VecDeque<u8>,
    /// How many ReadyForQuery have come.
    answered: u64,
    status: Status,
    /// Between CopyInResponse and the client's CopyDone or CopyFail the server ignores Sync.
    copying_in: bool,
    /// Whether there was something after the last Sync that waits for the next one.
    unsynced: bool,
    /// How many Executes there were after it.
    executions: u64,
    /// How many statements the server has completed since its last ReadyForQuery.
    completions: u64,
}

/// Transaction status as ReadyForQuery has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Status {
    /// Before the first ReadyForQuery.
    #[default]
    Unknown,
    /// Outside a transaction.
    Idle,
    /// In a transaction block.
    InTransaction,
    /// In a failed transaction block.
    Failed,
}

impl Turn {
    /// A frame of the client goes to the server.
    #[inline]
    pub(in super::super) fn client_sends(&mut self, tag: u8) {
        match tag {
            client::SYNC if self.copying_in => {}
            client::QUERY | client::SYNC | client::FUNCTION_CALL => {
                self.unsynced = false;
                self.executions = 0;
                self.awaited.push_back(tag);
            }
            client::COPY_DONE | client::COPY_FAIL => self.copying_in = false,
            client::PARSE | client::BIND | client::DESCRIBE | client::EXECUTE | client::CLOSE => {
                self.unsynced = true;
                self.executions += u64::from(tag == client::EXECUTE);
            }
            _ => {}
        }
    }

    /// The server answers with ReadyForQuery.
    #[inline]
    pub(in super::super) fn server_ready(&mut self, status: u8) {
        self.awaited.pop_front();
        self.answered += 1;
        self.completions = 0;
        self.copying_in = false;
        self.status = match status {
            b'I' => Status::Idle,
            b'T' => Status::InTransaction,
            b'E' => Status::Failed,
            _ => Status::Unknown,
        };
    }

    /// The server waits for COPY data. Sync that was sent behind an Execute is swallowed by the server; the
    /// client sends another when it is done.
    pub(in super::super) fn server_copies_in(&mut self) {
        self.copying_in = true;
        let kept = usize::from(self.awaited.front() == Some(&client::QUERY));
        self.awaited.truncate(kept);
        self.unsynced = kept == 0;
    }

    /// Whether the server waits for COPY data, and for those that a Query asked for.
    pub(in super::super) fn copies_for_a_query(&self) -> bool {
        self.copying_in && self.awaited.front() == Some(&client::QUERY)
    }

    /// Whether the server waits for COPY data.
    pub(in super::super) fn is_copying_in(&self) -> bool {
        self.copying_in
    }

    /// The server reports an error, which ends a COPY.
    pub(in super::super) fn server_fails(&mut self) {
        self.copying_in = false;
    }

    /// Which ReadyForQuery answers what the client sends now.
    pub(in super::super) fn batch(&self) -> u64 {
        self.answered + self.awaited.len() as u64
    }

    /// Which ReadyForQuery comes next.
    pub(in super::super) fn next_answer(&self) -> u64 {
        self.answered
    }

    /// How many Executes have been sent after the last Sync.
    pub(in super::super) fn executions(&self) -> u64 {
        self.executions
    }

    /// The server has run a statement, or a portal as far as it was asked to.
    #[inline]
    pub(in super::super) fn server_completes(&mut self) {
        self.completions += 1;
    }

    /// How many it has since its last ReadyForQuery.
    pub(in super::super) fn completions(&self) -> u64 {
        self.completions
    }

    /// Whether the transaction block has failed.
    pub(in super::super) fn is_failed(&self) -> bool {
        self.status == Status::Failed
    }

    /// Outside a transaction, with nothing under way.
    pub(in super::super) fn is_idle(&self) -> bool {
        self.status == Status::Idle && self.awaited.is_empty() && !self.unsynced && !self.copying_in
    }

    /// How many ReadyForQuery will have come when all that was sent is answered, and how many have.
    pub(in super::super) fn progress(&self) -> (u64, u64) {
        (self.batch() + u64::from(self.unsynced), self.answered)
    }

    /// Whether the server owes an answer.
    pub(in super::super) fn is_busy(&self) -> bool {
        !self.awaited.is_empty() || self.unsynced || self.copying_in
    }

    /// Whether the server answers nothing more before it gets a Sync or the end of a COPY.
    pub(in super::super) fn is_amid_a_batch(&self) -> bool {
        self.unsynced || self.copying_in
    }

    /// Whether the client has sent so much that the answers must come first.
    pub(in super::super) fn is_crowded(&self) -> bool {
        self.awaited.len() >= AWAITED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(idle: bool) -> Turn {
        Turn { status: if idle { Status::Idle } else { Status::InTransaction }, ..Turn::default() }
    }

    #[test]
    fn idle_means_answered_and_outside_a_transaction() {
        let mut turn = turn(true);
        turn.client_sends(b'Q');
        assert!(!turn.is_idle());
        turn.client_sends(b'Q');
        turn.server_ready(b'I');
        assert!(!turn.is_idle());
        turn.server_ready(b'T');
        assert!(!turn.is_idle() && !turn.is_busy());
        turn.client_sends(b'P');
        assert!(turn.is_busy());
        turn.client_sends(b'S');
        turn.server_ready(b'I');
        assert!(turn.is_idle());
    }

    #[test]
    fn a_sync_behind_copy_is_swallowed_whenever_it_is_sent() {
        // libpq: Execute and Sync at once, and another Sync when the data is sent.
        let mut early = turn(true);
        for tag in *b"PBES" {
            early.client_sends(tag);
        }
        early.server_copies_in();
        for tag in *b"ddcS" {
            early.client_sends(tag);
        }
        early.server_ready(b'I');
        assert!(early.is_idle());
        // Simple protocol: the Query itself stays awaited.
        let mut simple = turn(true);
        simple.client_sends(b'Q');
        simple.server_copies_in();
        for tag in *b"dc" {
            simple.client_sends(tag);
        }
        simple.server_ready(b'I');
        assert!(simple.is_idle());
    }
}
