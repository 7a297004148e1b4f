//! Prepared statements outlive what they were judged by: when an edition's names come to mean something else physically, the
//! server would go on with the old meaning and fail (or worse). So the session remembers the texts whose verdict another epoch
//! may change, judges them again at each new reading, and before the next Bind or Describe of one that reads differently now it
//! sends Close and Parse, whose answers the client does not see.

use std::collections::{HashMap, VecDeque};

use crate::{
    rewrite::{Command, Rewritten, Substitute},
    wire::{encoding::ClientEncoding, message},
};

/// Bytes of texts remembered for one session; statements beyond that keep the meaning that they were prepared with.
const REMEMBERED_BYTES_MAX: usize = 4 << 20;

/// The text that the server has, or should have, for a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// The client's own.
    AsGiven,
    /// Another in its place, in UTF-8.
    Rewritten {
        /// What the server gets.
        text: Box<[u8]>,
        /// What the client sent, if another command carries it out.
        command: Option<Command>,
    },
    /// We have closed it and do not know yet whether its new text was taken.
    Unknown,
}

impl From<&Rewritten> for Text {
    /// Of a text that is one statement.
    fn from(new: &Rewritten) -> Self {
        Self::Rewritten { text: new.text.as_bytes().into(), command: command(&new.substitutes) }
    }
}

/// What the client sent, of a text that is one statement.
pub(super) fn command(substitutes: &[Substitute]) -> Option<Command> {
    substitutes.first().map(|substitute| substitute.command)
}

/// What another judgement says of a statement.
#[derive(Debug)]
pub(super) enum Judged {
    /// The server should have this.
    As(Text),
    /// What the server has stays.
    Left,
    /// The server would have to be asked.
    Later,
}

/// A prepared statement whose verdict may change, as it is remembered.
#[derive(Debug)]
pub(super) struct Remembered<'a> {
    /// In UTF-8.
    pub(super) given: &'a [u8],
    pub(super) types: &'a [u8],
    /// What the server gets.
    pub(super) text: Text,
    /// After how many moves of names it was judged, if all was known then.
    pub(super) judged_after: Option<u64>,
}

/// A prepared statement whose verdict may change.
#[derive(Clone, Debug)]
struct Statement {
    /// In UTF-8, whatever the client speaks.
    given: Box<[u8]>,
    types: Box<[u8]>,
    at_server: Text,
    wanted: Text,
    /// After how many [moves](crate::rewrite::SessionTraits::moves) of names it was judged; `None`: it has to be judged as soon as the server can be asked.
    judged_after: Option<u64>,
    /// The batch in which it was last prepared again.
    renewed_in: Option<u64>,
}

impl Statement {
    fn reads_differently(&self) -> bool {
        self.at_server != self.wanted
    }

    /// Whether it must be looked at before it is used.
    fn is_due(&self) -> bool {
        self.reads_differently() || self.judged_after.is_none()
    }

    fn take(&mut self, judged: Judged) {
        match judged {
            Judged::As(text) => self.wanted = text,
            Judged::Left => {}
            Judged::Later => self.judged_after = None,
        }
    }

    fn bytes(&self) -> usize {
        self.given.len() + self.types.len()
    }

    /// With what surrounds them.
    fn bytes_under_way(&self) -> usize {
        size_of::<UnderWay>() + size_of::<Self>() + self.bytes()
    }
}

/// A message whose answer matters to us.
#[derive(Debug)]
struct UnderWay {
    place: Place,
    message: Message,
}

#[derive(Debug)]
enum Message {
    /// A Close of ours.
    Close,
    /// A Close of the client's, of a statement that is remembered.
    TheirClose(Vec<u8>),
    /// A Parse of the client's; the statement, if it is one to remember.
    Theirs(Vec<u8>, Option<Box<Statement>>),
    /// A Parse of ours, with this text.
    Ours(Vec<u8>, Text),
}

/// Which of the messages of its kind it is in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Parse { batch: u64, number: u64 },
    Close { batch: u64, number: u64 },
}

/// Parse and Close messages, or their answers, in the present batch.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    batch: u64,
    parses: u64,
    closes: u64,
}

impl Count {
    fn in_batch(&mut self, batch: u64) -> &mut Self {
        if self.batch != batch {
            *self = Self { batch, ..Self::default() };
        }
        self
    }

    fn parse(&mut self, batch: u64) -> Place {
        let count = self.in_batch(batch);
        let number = count.parses;
        count.parses += 1;
        Place::Parse { batch, number }
    }

    fn close(&mut self, batch: u64) -> Place {
        let count = self.in_batch(batch);
        let number = count.closes;
        count.closes += 1;
        Place::Close { batch, number }
    }
}

/// The statements of one session, by their names with the NUL.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    statements: HashMap<Vec<u8>, Statement>,
    bytes: usize,
    due: usize,
    under_way: VecDeque<UnderWay>,
    /// Of the statements in them.
    bytes_under_way: usize,
    sent: Count,
    answered: Count,
}

impl Prepared {
    /// How many Parse messages of the batch have gone to the server.
    pub(super) fn sent(&mut self, batch: u64) -> u64 {
        self.sent.in_batch(batch).parses
    }

    /// How many of them it has taken: the next one is what it is at, if it is at a Parse.
    pub(super) fn taken(&mut self, batch: u64) -> u64 {
        self.answered.in_batch(batch).parses
    }

    /// Whether any statement must be looked at before it is used. `moves`: of names, in the session.
    #[inline]
    pub(super) fn any_due(&self, moves: u64) -> bool {
        self.due > 0 || moves > 0 && !self.statements.is_empty()
    }

    /// The text of a statement that may read differently where names lead now.
    pub(super) fn to_judge(&self, name: &[u8], moves: u64, is_settled: bool) -> Option<&[u8]> {
        let statement = self.statements.get(name).filter(|_| !self.is_being_replaced(name))?;
        let holds = is_settled && statement.judged_after == Some(moves);
        (!holds).then_some(&statement.given)
    }

    /// Such a statement has been judged.
    pub(super) fn judged(&mut self, name: &[u8], judged: Judged, moves: u64) {
        if let Some(statement) = self.statements.get_mut(name) {
            let was_due = statement.is_due();
            statement.judged_after = Some(moves);
            statement.take(judged);
            self.due = self.due - usize::from(was_due) + usize::from(statement.is_due());
        }
    }

    /// Whether a Parse of the client's that is not answered yet takes its place.
    fn is_being_replaced(&self, name: &[u8]) -> bool {
        let replaces =
            |under_way: &UnderWay| matches!(&under_way.message, Message::Theirs(theirs, _) if theirs == name);
        self.under_way.iter().any(replaces)
    }

    /// Whether there is, or may be, something to forget.
    fn is_known(&self, name: &[u8]) -> bool {
        self.statements.contains_key(name) || self.is_being_replaced(name)
    }

    /// Whether the last message that is not answered yet does so already.
    fn is_being_forgotten(&self, name: &[u8]) -> bool {
        let last = self.under_way.back().map(|under_way| &under_way.message);
        matches!(last, Some(Message::Theirs(theirs, None)) if theirs == name)
    }

    /// The client's Parse goes to the server. `remembered`: if it may be judged otherwise later.
    pub(super) fn parse(&mut self, batch: u64, name: &[u8], remembered: Option<Remembered<'_>>) {
        let place = self.sent.parse(batch);
        // A server that has failed reads on to the Sync and answers nothing, however much the client sends.
        let remembered = remembered.filter(|_| self.bytes_under_way < REMEMBERED_BYTES_MAX);
        if remembered.is_none() && (!self.is_known(name) || self.is_being_forgotten(name)) {
            return;
        }
        let statement = remembered.map(|remembered| {
            Box::new(Statement {
                given: remembered.given.into(),
                types: remembered.types.into(),
                at_server: remembered.text.clone(),
                wanted: remembered.text,
                judged_after: remembered.judged_after,
                renewed_in: None,
            })
        });
        self.bytes_under_way += statement.as_deref().map_or(0, Statement::bytes_under_way);
        self.under_way.push_back(UnderWay { place, message: Message::Theirs(name.to_vec(), statement) });
    }

    /// The client's Close goes to the server. `name`: of a statement.
    pub(super) fn close(&mut self, batch: u64, name: Option<&[u8]>) {
        let place = self.sent.close(batch);
        if let Some(name) = name.filter(|name| self.is_known(name)) {
            self.under_way.push_back(UnderWay { place, message: Message::TheirClose(name.to_vec()) });
        }
    }

    /// What must go before a Bind or Describe of `name`, and what the client sent, if another command carries it out from now on.
    pub(super) fn renewal(
        &mut self,
        batch: u64,
        name: &[u8],
        encoding: ClientEncoding,
    ) -> Option<(Vec<u8>, Option<Command>)> {
        if self.is_being_replaced(name) {
            return None;
        }
        let statement = self.statements.get_mut(name)?;
        if !statement.reads_differently() || statement.renewed_in == Some(batch) {
            return None;
        }
        let (text, command) = match &statement.wanted {
            Text::AsGiven => (&statement.given, None),
            Text::Rewritten { text, command } => (text, *command),
            Text::Unknown => return None,
        };
        let text = encoding.encode(text.to_vec())?;
        let messages =
            [message::close_statement(name), message::parse(name, &text, &statement.types)].concat();
        let wanted = statement.wanted.clone();
        // stays due until the server has taken the new text
        statement.at_server = Text::Unknown;
        statement.renewed_in = Some(batch);
        let close = UnderWay { place: self.sent.close(batch), message: Message::Close };
        let parse = UnderWay { place: self.sent.parse(batch), message: Message::Ours(name.to_vec(), wanted) };
        self.under_way.extend([close, parse]);
        Some((messages, command))
    }

    /// Judges all remembered texts again.
    pub(super) fn judge_again(&mut self, mut judge: impl FnMut(&[u8]) -> Judged) {
        for statement in self.statements.values_mut() {
            let judged = judge(&statement.given);
            statement.take(judged);
        }
        for under_way in &mut self.under_way {
            if let Message::Theirs(_, Some(statement)) = &mut under_way.message {
                let judged = judge(&statement.given);
                statement.take(judged);
            }
        }
        self.count_due();
    }

    /// A ParseComplete of the server. True: it is the answer to a message of ours.
    pub(super) fn parse_complete(&mut self, batch: u64) -> bool {
        let place = self.answered.parse(batch);
        match self.answer_to(place) {
            Some(Message::Theirs(name, statement)) => {
                self.forget(&name);
                if let Some(statement) = statement {
                    self.remember(name, *statement);
                }
                false
            }
            Some(Message::Ours(name, text)) => {
                if let Some(statement) = self.statements.get_mut(&name) {
                    statement.at_server = text;
                }
                self.count_due();
                true
            }
            Some(Message::Close | Message::TheirClose(_)) | None => false,
        }
    }

    /// A CloseComplete of the server. True: it is the answer to a message of ours.
    pub(super) fn close_complete(&mut self, batch: u64) -> bool {
        let place = self.answered.close(batch);
        match self.answer_to(place) {
            Some(Message::TheirClose(name)) => {
                self.forget(&name);
                false
            }
            answered => answered.is_some(),
        }
    }

    /// Forgets messages of batches before `batch`: the server has skipped them.
    #[inline]
    pub(super) fn forget_before(&mut self, batch: u64) {
        while self.under_way.front().is_some_and(|under_way| under_way.place.batch() < batch) {
            self.next_under_way();
        }
    }

    /// Nothing is prepared any longer.
    pub(super) fn clear(&mut self) {
        self.statements.clear();
        self.bytes = 0;
        self.due = 0;
    }

    fn answer_to(&mut self, place: Place) -> Option<Message> {
        let is_next = self.under_way.front().is_some_and(|under_way| under_way.place == place);
        if is_next { self.next_under_way() } else { None }
    }

    fn next_under_way(&mut self) -> Option<Message> {
        let message = self.under_way.pop_front()?.message;
        if let Message::Theirs(_, Some(statement)) = &message {
            self.bytes_under_way = self.bytes_under_way.saturating_sub(statement.bytes_under_way());
        }
        Some(message)
    }

    fn remember(&mut self, name: Vec<u8>, statement: Statement) {
        if self.bytes + statement.bytes() > REMEMBERED_BYTES_MAX {
            tracing::debug!("too many prepared statements to remember them all");
            return;
        }
        self.bytes += statement.bytes();
        self.due += usize::from(statement.is_due());
        self.statements.insert(name, statement);
    }

    /// The server has it no longer.
    pub(super) fn forget(&mut self, name: &[u8]) {
        if let Some(statement) = self.statements.remove(name) {
            self.bytes -= statement.bytes();
            self.due -= usize::from(statement.is_due());
        }
    }

    fn count_due(&mut self) {
        self.due = self.statements.values().filter(|statement| statement.is_due()).count();
    }
}

impl Place {
    fn batch(self) -> u64 {
        match self {
            Self::Parse { batch, .. } | Self::Close { batch, .. } => batch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: ClientEncoding = ClientEncoding::Utf8;
    const GIVEN: &[u8] = b"SELECT * FROM public.t";

    fn rewritten() -> Text {
        Text::Rewritten { text: b"SELECT * FROM \"public$v1\".t"[..].into(), command: None }
    }

    fn as_given() -> Remembered<'static> {
        Remembered { given: GIVEN, types: b"\0\0", text: Text::AsGiven, judged_after: Some(0) }
    }

    /// A session that prepared `name` in batch 0, as given.
    fn session_with(name: &[u8]) -> Prepared {
        let mut prepared = Prepared::default();
        prepared.parse(0, name, Some(as_given()));
        assert!(!prepared.parse_complete(0));
        assert!(!prepared.statements.is_empty());
        prepared
    }

    #[test]
    fn a_statement_that_reads_differently_is_prepared_again_once() {
        let mut prepared = session_with(b"s\0");
        assert_eq!(prepared.renewal(1, b"s\0", UTF8), None);
        prepared.judge_again(|_| Judged::As(rewritten()));
        assert!(prepared.any_due(0));
        let (renewal, _) = prepared.renewal(1, b"s\0", UTF8).unwrap();
        let expected =
            [&b"C\0\0\0\x07Ss\0"[..], &message::parse(b"s\0", b"SELECT * FROM \"public$v1\".t", b"\0\0")]
                .concat();
        assert_eq!(renewal, expected);
        assert_eq!(prepared.renewal(1, b"s\0", UTF8), None, "a second Bind of the batch");
        assert!(prepared.close_complete(1));
        assert!(prepared.parse_complete(1));
        assert!(!prepared.any_due(0));
        assert_eq!(prepared.renewal(2, b"s\0", UTF8), None);
    }

    #[test]
    fn only_answers_to_messages_of_ours_are_kept_from_the_client() {
        let mut prepared = session_with(b"s\0");
        prepared.judge_again(|_| Judged::As(rewritten()));
        prepared.parse(1, b"other\0", None);
        prepared.close(1, None);
        prepared.renewal(1, b"s\0", UTF8).unwrap();
        prepared.parse(1, b"\0", Some(as_given()));
        let answers = [
            prepared.parse_complete(1),
            prepared.close_complete(1),
            prepared.close_complete(1),
            prepared.parse_complete(1),
            prepared.parse_complete(1),
        ];
        assert_eq!(answers, [false, false, true, true, false]);
    }

    #[test]
    fn what_a_failed_batch_skipped_is_done_again_in_the_next() {
        let mut prepared = session_with(b"s\0");
        prepared.judge_again(|_| Judged::As(rewritten()));
        assert!(prepared.renewal(1, b"s\0", UTF8).is_some());
        prepared.forget_before(2);
        prepared.parse(2, b"fresh\0", None);
        assert!(!prepared.parse_complete(2), "an answer of the next batch is not taken for ours");
        assert!(prepared.renewal(2, b"s\0", UTF8).is_some());
    }

    /// As a server does that has failed, until it gets a Sync.
    #[test]
    fn what_waits_for_answers_has_a_cap() {
        let given = vec![b' '; REMEMBERED_BYTES_MAX / 4];
        let mut prepared = session_with(b"s\0");
        for name in [b"\0".as_slice(), b"s\0"] {
            for _ in 0..1_000 {
                prepared.parse(1, name, Some(Remembered { given: &given, ..as_given() }));
            }
        }
        assert!(prepared.under_way.len() < 10, "{}", prepared.under_way.len());
        for _ in 0..2_000 {
            prepared.parse_complete(1);
        }
        assert!(prepared.statements.is_empty(), "what is not remembered any more is not prepared again");
        prepared.forget_before(2);
        assert_eq!((prepared.under_way.len(), prepared.bytes_under_way, prepared.bytes), (0, 0, 0));
    }

    #[test]
    fn a_statement_that_is_closed_in_its_own_batch_is_forgotten() {
        let mut prepared = Prepared::default();
        prepared.parse(1, b"s\0", Some(as_given()));
        prepared.close(1, Some(b"s\0"));
        assert!(!prepared.parse_complete(1));
        assert!(!prepared.close_complete(1));
        assert!(prepared.statements.is_empty());
    }

    #[test]
    fn a_statement_prepared_anew_or_closed_is_another_one() {
        let mut prepared = session_with(b"s\0");
        prepared.parse(1, b"s\0", None);
        prepared.parse_complete(1);
        assert!(prepared.statements.is_empty());
        let mut prepared = session_with(b"s\0");
        prepared.judge_again(|_| Judged::As(rewritten()));
        prepared.close(1, Some(b"s\0"));
        prepared.forget_before(2);
        assert!(prepared.any_due(0), "the server has skipped it");
        prepared.close(2, Some(b"s\0"));
        assert!(!prepared.close_complete(2), "the client's answer");
        assert!(prepared.statements.is_empty() && !prepared.any_due(0));
        assert_eq!(prepared.bytes, 0);
    }

    #[test]
    fn a_statement_that_is_being_replaced_is_not_brought_back() {
        let mut prepared = session_with(b"\0");
        prepared.judge_again(|_| Judged::As(rewritten()));
        prepared.parse(1, b"\0", None);
        assert_eq!(prepared.renewal(1, b"\0", UTF8), None, "a Bind in the same batch");
        assert_eq!(prepared.renewal(2, b"\0", UTF8), None, "and in a batch behind it");
        prepared.forget_before(3);
        assert!(
            prepared.renewal(3, b"\0", UTF8).is_some(),
            "the server skipped it, so the old one is still there"
        );
    }

    #[test]
    fn a_parse_that_crosses_a_new_reading_is_judged_by_it() {
        let mut prepared = Prepared::default();
        prepared.parse(0, b"s\0", Some(as_given()));
        prepared.judge_again(|_| Judged::As(rewritten()));
        prepared.parse_complete(0);
        assert!(prepared.any_due(0));
    }
}
