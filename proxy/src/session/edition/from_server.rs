//! What a session in an edition makes of the server's answers.

use std::borrow::Cow;

use catalog::model::EditionId;

use super::{super::path_report, Fate, Hold, InEdition, Purpose, Restore, STATEMENT_BYTES_MAX, statements};
use crate::{
    report,
    wire::{
        encoding::ClientEncoding,
        frame::HEADER_BYTES,
        message::{self, Report, server},
    },
};

/// Errors and notices that are longer are passed on unlooked-at; they can quote a statement.
const REPORT_BYTES_MAX: usize = STATEMENT_BYTES_MAX;

impl InEdition {
    /// Which of the server's messages must be whole.
    #[inline]
    pub(in super::super) fn wants(&self, tag: u8, len: usize) -> bool {
        if self.interlude.is_answered_by(tag) {
            return true;
        }
        match tag {
            server::PARAMETER_STATUS => len <= REPORT_BYTES_MAX,
            server::ERROR => {
                (self.refusals.any() || self.may_switch() || self.moving_to.is_some() || self.rewords())
                    && len <= REPORT_BYTES_MAX
            }
            server::NOTICE => (self.may_switch() || self.rewords()) && len <= REPORT_BYTES_MAX,
            server::PARSE_COMPLETE | server::CLOSE_COMPLETE => true,
            server::COMMAND_COMPLETE => self.tags.awaits() || self.endings.any(),
            server::ROW_DESCRIPTION => self.may_read_stored() && len <= REPORT_BYTES_MAX,
            _ => false,
        }
    }

    /// Looks at a message of the server that was [wanted](Self::wants).
    pub(in super::super) fn server_message(
        &mut self,
        tag: u8,
        frame: &[u8],
        (batch, completions): (u64, u64),
    ) -> Fate {
        if self.interlude.is_answered_by(tag) {
            return self.answer_to_ours(tag, frame);
        }
        match tag {
            server::PARSE_COMPLETE => {
                let ours = self.prepared.parse_complete(batch);
                self.positions.forget_before(batch, self.prepared.taken(batch));
                swallow_if(ours)
            }
            server::CLOSE_COMPLETE => swallow_if(self.prepared.close_complete(batch)),
            server::PARAMETER_STATUS => {
                self.reported.take(frame);
                self.traits.standard_strings = self.reported.standard_strings;
                let own = path_report::own(frame, &self.reading().snapshot);
                replace_by(own)
            }
            server::NOTICE => match self.mark.read(frame) {
                Some(edition) => {
                    self.moving_to = Some(edition);
                    Fate::Swallow
                }
                None => self.reworded(frame, batch),
            },
            server::ERROR => match self.ours(frame) {
                Some(report) => Fate::Replace(in_encoding(self.reported.encoding, &report.encode())),
                None => self.reworded(frame, batch),
            },
            server::COMMAND_COMPLETE => {
                self.end_statements(frame, batch);
                replace_by(self.tags.completed(batch, completions))
            }
            server::ROW_DESCRIPTION => {
                let origins = self.row_origins.as_ref();
                replace_by(origins.and_then(|origins| origins.translate(frame)))
            }
            _ => Fate::Forward,
        }
    }

    /// What answers a statement of our own.
    fn answer_to_ours(&mut self, tag: u8, frame: &[u8]) -> Fate {
        match tag {
            server::DATA_ROW => self.answer(frame),
            server::ERROR if !self.interlude.is_struck_by(frame) => return Fate::Forward,
            server::ERROR
                if self.interlude.is_in_vain() && self.interlude.purpose() == Some(&Purpose::Restoring) =>
            {
                return Fate::End(Report::fatal(
                    "57P01",
                    "terminating connection because it could not be kept in its edition",
                ));
            }
            _ => {}
        }
        Fate::Swallow
    }

    /// What the client sees in the place of an error that a statement of ours, or one that we changed, was to have.
    fn ours(&mut self, frame: &[u8]) -> Option<Report> {
        // The server takes back all that the batch has done.
        self.moving_to = None;
        let refusal = self.refusals.take(frame);
        if refusal.is_some() || !self.may_switch() {
            return refusal;
        }
        if statements::failed_in_transaction(frame) {
            return Some(statements::in_transaction());
        }
        statements::kept_by_a_view(frame)
    }

    /// The server is ready. True: that was the answer to a statement of our own. An edition: the session is there from now on.
    #[inline]
    pub(in super::super) fn ready(
        &mut self,
        batch: u64,
        in_failed_transaction: bool,
    ) -> (bool, Option<EditionId>) {
        self.refusals.forget_before(batch);
        self.prepared.forget_before(batch);
        self.positions.forget_before(batch, 0);
        self.tags.forget_before(batch);
        self.endings.forget_before(batch);
        let moved_to = self.moving_to.take();
        if let Some(edition) = moved_to {
            self.moved_to(edition);
        }
        let ended = self.interlude.end();
        let is_ours = ended.is_some();
        if let Some((purpose, outcome)) = ended {
            self.ended(&purpose, outcome, in_failed_transaction);
        }
        (is_ours, moved_to)
    }

    /// An error or a notice in the words of the edition.
    #[cold]
    fn reworded(&mut self, frame: &[u8], batch: u64) -> Fate {
        let encoding = self.reported.encoding;
        let edits = self.positions.at(batch, self.prepared.taken(batch));
        let said = frame.split_at_checked(HEADER_BYTES).and_then(|(_, body)| encoding.decode(body));
        let translated = match (frame.first(), said) {
            (Some(tag), Some(Cow::Owned(said))) => {
                report::translate(&message::frame(*tag, &said), self.vocabulary.as_deref(), edits)
            }
            _ => report::translate(frame, self.vocabulary.as_deref(), edits),
        };
        translated.map_or(Fate::Forward, |report| Fate::Replace(in_encoding(encoding, &report)))
    }

    /// Whether a message of the server answers a statement of our own.
    #[inline]
    pub(in super::super) fn is_answered_by(&self, tag: u8) -> bool {
        self.interlude.is_answered_by(tag)
    }

    /// Whether a row description may tell of stored tables.
    #[inline]
    fn may_read_stored(&self) -> bool {
        self.is_rewritten && self.row_origins.is_some()
    }

    /// Whether errors and notices may read otherwise in this edition.
    #[inline]
    fn rewords(&self) -> bool {
        // What stands for a client's statement has a context of its own, which at rest only its tag remembers.
        self.vocabulary.is_some() || self.positions.any() || self.tags.awaits()
    }

    fn may_switch(&self) -> bool {
        !self.switches.is_empty() || self.hold == Hold::UntilAnswered
    }

    fn moved_to(&mut self, edition: EditionId) {
        self.edition = edition;
        self.traits.switched = edition != self.started_in;
        self.restore = Restore::NotNeeded;
        // The switch has deallocated them.
        self.switches.clear();
        self.resets.clear();
        self.prepared.clear();
        self.sql_prepared.clear();
        self.tags.clear();
        self.traits.path_restarts();
        self.take_up(self.database.generation());
    }
}

/// A report, which is in UTF-8, as a client of this encoding reads it.
fn in_encoding(encoding: ClientEncoding, report: &[u8]) -> Vec<u8> {
    let (header, body) = report.split_at_checked(HEADER_BYTES).unwrap_or_default();
    message::frame(header.first().copied().unwrap_or(server::ERROR), &encoding.encode_or_mark(body))
}

fn replace_by(message: Option<Vec<u8>>) -> Fate {
    message.map_or(Fate::Forward, Fate::Replace)
}

fn swallow_if(ours: bool) -> Fate {
    if ours { Fate::Swallow } else { Fate::Forward }
}
