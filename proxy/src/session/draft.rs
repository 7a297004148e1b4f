//! A session in a draft. Statements that change data run there on empty tables and leave no trace but their text, from which the plan
//! infers transforms; so once one has succeeded it is noted in the draft's blueprint, by the session itself and within its
//! transaction: what is rolled back was never noted.

use std::collections::HashMap;

use catalog::sql::{DataStatement, data_statements, note_statements};

use super::{
    edition::{Fate, Hold},
    interlude::Interlude,
};
use crate::wire::message::{self, Report, client, server};

/// Prepared statements that are followed; what is beyond is noted as if it were executed at once.
const FOLLOWED_MAX: usize = 1024;

/// A session that is in a draft.
#[derive(Debug, Default)]
pub(super) struct InDraft {
    /// Prepared statements that change data, by their names with the NUL.
    statements: HashMap<Vec<u8>, Vec<DataStatement>>,
    /// Portals of such.
    portals: HashMap<Vec<u8>, Vec<DataStatement>>,
    /// To be noted when the present batch is answered without an error.
    noted: Vec<DataStatement>,
    hold: Hold,
    /// What is being noted.
    interlude: Interlude<Vec<DataStatement>>,
}

impl InDraft {
    /// Looks at a message of the client, of a Bind at the front at least.
    pub(super) fn client_message(&mut self, tag: u8, frame: &[u8]) {
        match tag {
            client::QUERY => {
                let found = message::query_text(frame).map(changes).unwrap_or_default();
                self.note(&found, Hold::UntilAnswered);
            }
            client::PARSE => {
                let Some((name, text, _)) = message::parse_parts(frame) else { return };
                let found = changes(text);
                if self.statements.len() >= FOLLOWED_MAX && !found.is_empty() {
                    self.note(&found, Hold::AfterSync);
                } else {
                    put(&mut self.statements, name, found);
                }
            }
            client::BIND => {
                let Some((portal, name)) = message::bound(frame) else { return };
                let found = self.statements.get(name).cloned().unwrap_or_default();
                put(&mut self.portals, portal, found);
            }
            client::EXECUTE => {
                let found =
                    message::executed_portal(frame).and_then(|portal| self.portals.get(portal)).cloned();
                self.note(&found.unwrap_or_default(), Hold::AfterSync);
            }
            client::CLOSE => {
                message::named_statement(frame).and_then(|name| self.statements.remove(name));
                message::named_portal(frame).and_then(|name| self.portals.remove(name));
            }
            _ => {}
        }
    }

    /// Whether messages of the client that use prepared statements must be looked at.
    #[inline]
    pub(super) fn follows(&self) -> bool {
        !self.statements.is_empty() || !self.portals.is_empty()
    }

    fn note(&mut self, found: &[DataStatement], hold: Hold) {
        if !found.is_empty() {
            self.noted.extend_from_slice(found);
            self.hold = hold;
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
        self.hold == Hold::UntilAnswered || self.interlude.is_under_way()
    }

    /// Everything is answered: the client may go on, unless there is something to note first.
    pub(super) fn release(&mut self, in_failed_transaction: bool) -> Option<Vec<u8>> {
        if self.interlude.is_under_way() {
            return None;
        }
        self.hold = Hold::Free;
        let noted = std::mem::take(&mut self.noted);
        if noted.is_empty() || in_failed_transaction {
            return None;
        }
        let text = note_statements(&noted);
        Some(self.interlude.begin(noted, text.as_str().as_bytes()))
    }

    /// Takes note of a message of the server to the client.
    pub(super) fn heed(&mut self, tag: u8) {
        if !self.interlude.is_under_way() && matches!(tag, server::ERROR | server::COPY_IN) {
            // Nothing of the batch has happened, or the client must speak before it is answered.
            self.noted.clear();
            self.hold = Hold::Free;
        }
    }

    /// Whether a message of the server answers a statement of our own.
    pub(super) fn is_answered_by(&self, tag: u8) -> bool {
        self.interlude.is_answered_by(tag)
    }

    /// Looks at a message of the server other than ReadyForQuery.
    pub(super) fn server_message(&mut self, tag: u8, frame: &[u8]) -> Fate {
        if !self.interlude.is_answered_by(tag) || tag == server::ERROR && !self.interlude.is_struck_by(frame)
        {
            return Fate::Forward;
        }
        if self.interlude.is_in_vain() {
            let what = "terminating connection because its statements could not be noted in the draft";
            return Fate::End(Report::fatal("57P01", what));
        }
        Fate::Swallow
    }

    /// The server is ready. True: that was the answer to a statement of our own.
    pub(super) fn ready(&mut self, in_failed_transaction: bool) -> bool {
        let Some((noting, outcome)) = self.interlude.end() else { return false };
        // What a cancel has struck is noted again, unless the statements themselves are taken back with their transaction.
        if outcome.is_err() && !in_failed_transaction {
            self.noted = noting;
            self.hold = Hold::UntilAnswered;
        }
        true
    }
}

/// What a text changes.
fn changes(text: &[u8]) -> Vec<DataStatement> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    data_statements(text.trim_end_matches('\0'))
}

fn put(known: &mut HashMap<Vec<u8>, Vec<DataStatement>>, name: &[u8], found: Vec<DataStatement>) {
    if found.is_empty() {
        known.remove(name);
    } else {
        known.insert(name.to_vec(), found);
    }
}
