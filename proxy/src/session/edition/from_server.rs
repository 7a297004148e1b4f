//! What a session in an edition makes of the server's answers.

use catalog::model::EditionId;

use super::{Fate, Hold, InEdition, Restore, STATEMENT_BYTES_MAX, statements};
use crate::{
    report,
    wire::message::{self, Report, server},
};

/// Errors and notices that are longer are passed on unlooked-at; they can quote a statement.
const REPORT_BYTES_MAX: usize = STATEMENT_BYTES_MAX;

impl InEdition {
    /// Which of the server's messages must be whole.
    #[inline]
    pub(in super::super) fn wants(&self, tag: u8, len: usize) -> bool {
        match tag {
            server::PARAMETER_STATUS => len <= REPORT_BYTES_MAX,
            server::ERROR => {
                (self.interlude || self.refusals.any() || self.may_switch() || self.rewords())
                    && len <= REPORT_BYTES_MAX
            }
            server::NOTICE => (self.may_switch() || self.rewords()) && len <= REPORT_BYTES_MAX,
            server::PARSE_COMPLETE | server::CLOSE_COMPLETE => true,
            server::COMMAND_COMPLETE | server::ROW_DESCRIPTION | server::DATA_ROW => self.interlude,
            _ => false,
        }
    }

    /// Looks at a message of the server that was [wanted](Self::wants). An edition in the answer: the session
    /// is there now.
    pub(in super::super) fn server_message(
        &mut self,
        tag: u8,
        frame: &[u8],
        batch: u64,
    ) -> (Fate, Option<EditionId>) {
        match tag {
            server::PARSE_COMPLETE => {
                let ours = self.prepared.parse_complete(batch);
                self.positions.forget_before(batch, self.prepared.taken(batch));
                (swallow_if(ours), None)
            }
            server::CLOSE_COMPLETE => (swallow_if(self.prepared.close_complete(batch)), None),
            server::PARAMETER_STATUS => {
                if let Some(on) = message::standard_strings(frame) {
                    self.traits.standard_strings = on;
                }
                (Fate::Forward, None)
            }
            server::NOTICE => match self.mark.read(frame) {
                Some(edition) => {
                    self.moved_to(edition);
                    (Fate::Swallow, Some(edition))
                }
                None => (self.reworded(frame, batch), None),
            },
            server::ERROR if self.interlude => {
                let report = Report::fatal(
                    "57P01",
                    "terminating connection because it could not be kept in its edition",
                );
                (Fate::End(report), None)
            }
            server::ERROR => match self.refusals.take(frame) {
                Some(report) => (Fate::Replace(report.encode()), None),
                None if self.may_switch() && statements::failed_in_transaction(frame) => {
                    (Fate::Replace(statements::in_transaction().encode()), None)
                }
                None => match statements::kept_by_a_view(frame).filter(|_| self.may_switch()) {
                    Some(report) => (Fate::Replace(report.encode()), None),
                    None => (self.reworded(frame, batch), None),
                },
            },
            _ => (Fate::Swallow, None),
        }
    }

    /// The server is ready. True: that was the answer to a statement of our own.
    #[inline]
    pub(in super::super) fn ready(&mut self, batch: u64) -> bool {
        self.refusals.forget_before(batch);
        self.prepared.forget_before(batch);
        self.positions.forget_before(batch, 0);
        std::mem::take(&mut self.interlude)
    }

    /// An error or a notice in the words of the edition.
    #[cold]
    fn reworded(&mut self, frame: &[u8], batch: u64) -> Fate {
        let edits = self.positions.at(batch, self.prepared.taken(batch));
        match report::translate(frame, self.vocabulary.as_deref(), edits) {
            Some(report) => Fate::Replace(report),
            None => Fate::Forward,
        }
    }

    /// Whether errors and notices may read otherwise in this edition.
    #[inline]
    fn rewords(&self) -> bool {
        self.vocabulary.is_some() || self.positions.any()
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
        self.prepared.clear();
        self.sql_prepared.clear();
        self.take_up(self.database.generation());
    }
}

fn swallow_if(ours: bool) -> Fate {
    if ours { Fate::Swallow } else { Fate::Forward }
}
