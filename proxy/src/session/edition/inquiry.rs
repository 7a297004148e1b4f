//! What only the server knows. Once a session has changed its `search_path` (and might have it back by a rollback, or changed again by something
//! prepared), the server is asked for it before a statement that cannot be judged without it: by `SHOW`, which takes no snapshot, between two
//! messages of the client, when nothing is under way.

use super::{super::relay::Turn, Hold, InEdition, Purpose};
use crate::{
    route,
    wire::message::{self, Report, client},
};

const QUESTION: &str = "SHOW search_path";

/// What comes before a message of the client.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Question {
    None,
    /// There is one, when everything is answered.
    Later,
    /// This goes to the server, with a Sync at its end.
    Now(Vec<u8>),
}

impl InEdition {
    /// Whether a text may be one that cannot be judged unless the server is asked.
    #[inline]
    pub(in super::super) fn may_ask(&self) -> bool {
        self.traits.is_path_lost()
    }

    /// What must be asked before this message is looked at. In the middle of a batch, or of a transaction that has failed, there is no asking.
    /// `begins_pipeline`: it is the first of several statements.
    pub(in super::super) fn question(
        &mut self,
        message: (u8, &[u8]),
        begins_pipeline: bool,
        turn: &Turn,
    ) -> Question {
        let failed = self.interrupted.is_some() || turn.is_failed() && !turn.is_busy();
        if failed
            || turn.is_amid_a_batch()
            || !self.is_question_due(message, begins_pipeline && turn.is_idle())
        {
            return Question::None;
        }
        if turn.is_busy() {
            self.hold = Hold::BeforeQuestion;
            return Question::Later;
        }
        Question::Now(self.begin(Purpose::Question { is_settled: turn.is_idle() }, QUESTION.to_owned()))
    }

    fn is_question_due(&mut self, (tag, frame): (u8, &[u8]), begins_pipeline: bool) -> bool {
        if begins_pipeline && self.traits.is_path_worth_asking() {
            // Nothing can be asked amid the pipeline.
            let edition = self.rewriter.as_ref().and_then(|rewriter| rewriter.edition());
            return edition.is_some_and(|edition| !edition.names.is_empty());
        }
        let sql = match tag {
            client::QUERY => message::query_text(frame),
            client::PARSE => message::parse_parts(frame).map(|(_, sql, _)| sql),
            _ => None,
        };
        let Some(sql) = sql.and_then(|sql| self.reported.encoding.decode(sql)) else { return false };
        self.keep_up();
        let verdicts = self.database.verdicts();
        self.rewriter.as_ref().is_some_and(|rewriter| rewriter.wants_path(&sql, verdicts, &self.traits))
    }

    /// Why the client's next statement must fail: something that had to come before it did.
    pub(super) fn interruption(&mut self) -> Option<Report> {
        self.interrupted.take()
    }

    /// A row of the server for us.
    pub(super) fn answer(&mut self, frame: &[u8]) {
        let Some(Purpose::Question { is_settled }) = self.interlude.purpose() else { return };
        let is_settled = *is_settled;
        let said = message::first_value(frame).and_then(|said| self.reported.encoding.decode(said));
        let path = said.as_deref().and_then(|said| std::str::from_utf8(said).ok()).and_then(route::split);
        let reading = self.reading();
        let ours = |schema: &&str| {
            let mut schemas = reading.snapshot.editions.iter().flat_map(|edition| &edition.path);
            schemas.any(|(_, before)| before.iter().any(|name| name.as_str() == *schema))
        };
        let path = path.unwrap_or_default();
        self.traits.path_is(path.iter().map(String::as_str).filter(|schema| !ours(schema)), is_settled);
    }
}
