//! A statement of our own that the server runs between two messages of the client. It goes by the extended protocol under names of our own, so that the
//! client's unnamed statement, which a Query would end (docs, 55.2.3), stays. What the server has to say of other things meanwhile
//! (notifications, parameters) is for the client.

use crate::wire::message::{self, Report, client, server};

/// Statement and portal, with the NUL; a name that no driver gives.
pub(super) const NAME: &[u8] = b"editiond~\0";
/// So often a statement is sent that a cancel or a timeout strikes, which was meant for one of the client's.
const TRIES: u32 = 3;
/// What answers the messages of one.
const ANSWERS: [u8; 8] = [
    server::PARSE_COMPLETE,
    server::BIND_COMPLETE,
    server::CLOSE_COMPLETE,
    server::ROW_DESCRIPTION,
    server::NO_DATA,
    server::DATA_ROW,
    server::COMMAND_COMPLETE,
    server::ERROR,
];

/// At most one, for some purpose `P`.
#[derive(Debug)]
pub(super) struct Interlude<P> {
    purpose: Option<P>,
    /// What the server said against it.
    objection: Option<Report>,
    /// How often in a row it has failed.
    failures: u32,
}

impl<P> Default for Interlude<P> {
    fn default() -> Self {
        Self { purpose: None, objection: None, failures: 0 }
    }
}

impl<P> Interlude<P> {
    /// What the server gets for it. Its last message is a Sync.
    pub(super) fn begin(&mut self, purpose: P, text: &[u8]) -> Vec<u8> {
        self.purpose = Some(purpose);
        [
            // One that failed may have left it behind.
            message::close_statement(NAME),
            message::parse(NAME, text, &[0, 0]),
            message::bind(NAME, NAME),
            message::execute(NAME),
            message::close_portal(NAME),
            message::close_statement(NAME),
            message::frame(client::SYNC, &[]),
        ]
        .concat()
    }

    /// Whether one is under way.
    #[inline]
    pub(super) fn is_under_way(&self) -> bool {
        self.purpose.is_some()
    }

    /// What it is for.
    pub(super) fn purpose(&self) -> Option<&P> {
        self.purpose.as_ref()
    }

    /// The same, to keep the answers with it.
    pub(super) fn purpose_mut(&mut self) -> Option<&mut P> {
        self.purpose.as_mut()
    }

    /// Whether a message of the server answers it.
    #[inline]
    pub(super) fn is_answered_by(&self, tag: u8) -> bool {
        self.is_under_way() && ANSWERS.contains(&tag)
    }

    /// An error of the server answers it. False: the server ends the session, and says why.
    pub(super) fn is_struck_by(&mut self, error: &[u8]) -> bool {
        let field = |wanted| message::report_field(error, wanted).map(String::from_utf8_lossy);
        let ends = field(b'V').is_some_and(|severity| matches!(&*severity, "FATAL" | "PANIC"));
        if !ends {
            self.failures += 1;
            let sqlstate = field(b'C').unwrap_or_default().into_owned();
            self.objection = Some(Report::error(sqlstate, field(b'M').unwrap_or_default()));
        }
        !ends
    }

    /// Whether it has failed too often to be tried again.
    pub(super) fn is_in_vain(&self) -> bool {
        self.failures >= TRIES
    }

    /// The server is ready: what it was for, and how it went.
    #[inline]
    pub(super) fn end(&mut self) -> Option<(P, Result<(), Report>)> {
        let purpose = self.purpose.take()?;
        let outcome = self.objection.take().map_or(Ok(()), Err);
        if outcome.is_ok() {
            self.failures = 0;
        }
        Some((purpose, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strikes_is_told_at_the_end_and_what_ends_the_session_is_not_ours() {
        let mut interlude = Interlude::default();
        assert!(interlude.begin((), b"SELECT 1").ends_with(b"S\0\0\0\x04"));
        assert!(interlude.is_answered_by(b'E') && !interlude.is_answered_by(b'A'));
        let cancelled = Report::error("57014", "canceling statement due to user request");
        assert!(interlude.is_struck_by(&cancelled.encode()));
        assert_eq!(interlude.end(), Some(((), Err(cancelled))));
        assert_eq!(interlude.end(), None);
        assert!(!interlude.is_answered_by(b'E'));
        interlude.begin((), b"SELECT 1");
        assert!(!interlude.is_struck_by(&Report::fatal("57P01", "shutting down").encode()));
        assert_eq!(interlude.end(), Some(((), Ok(()))));
    }

    #[test]
    fn three_failures_in_a_row_are_enough() {
        let mut interlude = Interlude::default();
        for in_vain in [false, false, true] {
            interlude.begin((), b"SELECT 1");
            assert!(interlude.is_struck_by(&Report::error("57014", "canceled").encode()));
            assert_eq!(interlude.is_in_vain(), in_vain);
            assert!(interlude.end().is_some_and(|((), outcome)| outcome.is_err()));
        }
        interlude.begin((), b"SELECT 1");
        interlude.end();
        assert!(!interlude.is_in_vain());
    }
}
