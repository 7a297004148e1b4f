//! A session in a draft. Statements that change data run there on empty tables and leave no trace but their text, from which the plan
//! infers transforms; so once one has succeeded it is noted in the draft's blueprint, by the session itself and within its
//! transaction: what is rolled back was never noted.

use catalog::sql::{DataStatement, data_statements, note_statements};

use super::edition::{Fate, Hold};
use crate::wire::message::{self, Report, client, server};

/// A session that is in a draft.
#[derive(Debug, Default)]
pub(super) struct InDraft {
    /// To be noted when the present batch is answered without an error.
    noted: Vec<DataStatement>,
    hold: Hold,
    /// A statement of our own runs, whose answer is not the client's.
    interlude: bool,
}

impl InDraft {
    /// Looks at a Query or a Parse.
    pub(super) fn statement(&mut self, tag: u8, frame: &[u8]) {
        let text = match tag {
            client::QUERY => message::query_text(frame),
            _ => message::parse_parts(frame).map(|(_, text, _)| text),
        };
        let Some(text) = text.and_then(|text| std::str::from_utf8(text).ok()) else { return };
        let found = data_statements(text.trim_end_matches('\0'));
        if !found.is_empty() {
            self.noted.extend(found);
            self.hold = if tag == client::QUERY { Hold::UntilAnswered } else { Hold::AfterSync };
        }
    }

    /// A Sync is passed on.
    pub(super) fn sync(&mut self) {
        if self.hold == Hold::AfterSync {
            self.hold = Hold::UntilAnswered;
        }
    }

    /// Whether the client has to wait until everything is answered.
    pub(super) fn holds(&self) -> bool {
        self.hold == Hold::UntilAnswered || self.interlude
    }

    /// Everything is answered: the client may go on, unless there is something to note first.
    pub(super) fn release(&mut self, in_failed_transaction: bool) -> Option<(u8, Vec<u8>)> {
        if self.interlude {
            return None;
        }
        self.hold = Hold::Free;
        let noted = std::mem::take(&mut self.noted);
        if noted.is_empty() || in_failed_transaction {
            return None;
        }
        self.interlude = true;
        Some((client::QUERY, message::query(note_statements(&noted).as_str().as_bytes())))
    }

    /// Takes note of a message of the server to the client.
    pub(super) fn heed(&mut self, tag: u8) {
        if !self.interlude && matches!(tag, server::ERROR | server::COPY_IN) {
            // Nothing of the batch has happened, or the client must speak before it is answered.
            self.noted.clear();
            self.hold = Hold::Free;
        }
    }

    /// Whether the server's messages answer a statement of our own.
    pub(super) fn is_interlude(&self) -> bool {
        self.interlude
    }

    /// Looks at a message of the server other than ReadyForQuery.
    pub(super) fn server_message(&self, tag: u8) -> Fate {
        match (self.interlude, tag) {
            (false, _) => Fate::Forward,
            (true, server::ERROR) => {
                let what = "terminating connection because its statements could not be noted in the draft";
                Fate::End(Report::fatal("57P01", what))
            }
            (true, _) => Fate::Swallow,
        }
    }

    /// The server is ready. True: that was the answer to a statement of our own.
    pub(super) fn ready(&mut self) -> bool {
        std::mem::take(&mut self.interlude)
    }
}
