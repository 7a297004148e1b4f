//! The direction from the client to the server.

use std::task::Context;

use super::{
    super::{
        draft::InDraft,
        edition::{InEdition, Question, STATEMENT_BYTES_MAX, Treatment},
    },
    End, Relay, Scratch, Side,
    flow::{Input, Outgoing},
};
use crate::wire::{
    frame::{self, Need, Step},
    message::client,
};

/// What is looked at of a Bind: the names of portal and statement are in it, if they are no longer than anybody's.
const FRONT_BYTES: usize = 4096;

impl Relay {
    /// Moves one read's worth. False: nothing to do now.
    #[inline]
    pub(super) fn pump_up(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Result<bool, End> {
        let to_server = |error| End::Broken(Side::Server, error);
        self.let_go();
        if !self.up.flush(cx, &mut self.server).map_err(to_server)? || self.is_client_held() {
            return Ok(false);
        }
        let input = self.up.input(cx, &mut self.client, &mut scratch.read);
        match input.map_err(|error| End::Broken(Side::Client, error))? {
            Input::Fresh(read) => {
                let buffer = scratch.read.get(..read).unwrap_or_default();
                self.up_buffer(cx, buffer, &mut scratch.out)?;
            }
            Input::Held(buffer) => self.up_buffer(cx, &buffer, &mut scratch.out)?,
            Input::Nothing => return Ok(false),
            Input::Ended => {
                self.said_goodbye = true;
                self.up.pass_end_on(cx, &mut self.server);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing is read from the client until the server has answered more.
    #[inline]
    pub(super) fn is_client_held(&self) -> bool {
        // What has begun goes on to its end: nothing of ours can go in between.
        let is_between_frames = self.up.stepper.at_boundary();
        is_between_frames
            && (self.turn.is_crowded()
                || self.edition.as_ref().is_some_and(InEdition::holds)
                || self.draft.as_ref().is_some_and(InDraft::holds))
    }

    /// Ends the client's waiting when everything is answered; a statement of our own may come first.
    #[inline]
    fn let_go(&mut self) {
        if !self.up.stepper.at_boundary() {
            return;
        }
        if let Some(edition) = self.edition.as_mut().filter(|edition| edition.holds())
            && !self.turn.is_busy()
            && let Some(own) = edition.release(self.turn.is_failed())
        {
            self.turn.client_sends(client::SYNC);
            self.up.put(&own);
        }
        if let Some(edition) = self.edition.as_mut().filter(|edition| !edition.holds())
            && !self.turn.is_busy()
            && let Some(own) = edition.between_messages(self.turn.is_failed())
        {
            self.turn.client_sends(client::SYNC);
            self.up.put(&own);
        }
        if let Some(draft) = self.draft.as_mut().filter(|draft| draft.holds())
            && !self.turn.is_busy()
            && let Some(own) = draft.release(self.turn.is_failed())
        {
            self.turn.client_sends(client::SYNC);
            self.up.put(&own);
        }
    }

    fn up_buffer(&mut self, cx: &mut Context<'_>, buffer: &[u8], out: &mut Outgoing) -> Result<(), End> {
        out.clear();
        let mut at = 0;
        while let Some(rest) = buffer.get(at..).filter(|rest| !rest.is_empty()) {
            if self.is_client_held() {
                self.up.hold(rest, 0);
                break;
            }
            // The rows of a COPY.
            let rows = self.up.stepper.run_of(client::COPY_DATA, rest);
            if rows > 0 {
                out.raw(at..at + rows);
                at += rows;
                continue;
            }
            let need = |tag, len| need(self.edition.as_ref(), self.draft.as_ref(), tag, len);
            let before = self.up.stepper;
            let step = self.up.stepper.step(rest, need);
            if let Step::Whole { tag, len } | Step::Begin { tag: tag @ client::BIND, len } = step {
                let question = self.question(tag, rest.split_at_checked(len).unwrap_or_default());
                if question != Question::None {
                    self.up.stepper = before;
                    if let Question::Now(question) = question {
                        self.turn.client_sends(client::SYNC);
                        out.own(question);
                    }
                    continue;
                }
            }
            match step {
                Step::Rest(len) => {
                    out.raw(at..at + len);
                    at += len;
                }
                Step::Begin { tag, len } => {
                    if let Treatment::Precede(message) =
                        self.treat_front(tag, rest.get(..len).unwrap_or_default())
                    {
                        out.own(message);
                    }
                    self.note(tag);
                    out.raw(at..at + len);
                    at += len;
                }
                Step::Whole { tag, len } => {
                    match self.treat(tag, rest.get(..len).unwrap_or_default()) {
                        Treatment::Forward => out.raw(at..at + len),
                        Treatment::Replace(message) => out.own(message),
                        Treatment::Precede(message) => {
                            out.own(message);
                            out.raw(at..at + len);
                        }
                    }
                    self.note(tag);
                    at += len;
                }
                Step::Hold(need) => {
                    self.up.hold(rest, need);
                    break;
                }
                Step::Malformed => return Err(End::Malformed(Side::Client)),
            }
        }
        self.up.send(cx, &mut self.server, buffer, out).map_err(|error| End::Broken(Side::Server, error))
    }

    /// What the server must be asked before the message is treated, behind which others have come; the client is held until it has answered.
    #[inline]
    fn question(&mut self, tag: u8, (frame, behind): (&[u8], &[u8])) -> Question {
        let Some(edition) = self.edition.as_mut().filter(|edition| edition.may_ask()) else {
            return Question::None;
        };
        let begins_pipeline = match tag {
            client::PARSE => has_before_sync(behind, &[client::PARSE]),
            client::BIND => has_before_sync(behind, &[client::PARSE, client::BIND]),
            _ => false,
        };
        edition.question((tag, frame), begins_pipeline, &self.turn)
    }

    #[inline]
    fn treat(&mut self, tag: u8, frame: &[u8]) -> Treatment {
        if let Some(draft) = &mut self.draft {
            draft.client_message(tag, frame);
        }
        let Some(edition) = &mut self.edition else { return Treatment::Forward };
        match tag {
            client::QUERY => edition.query(frame, self.turn.batch()),
            client::PARSE => edition.parse(frame, self.turn.batch()),
            client::EXECUTE => {
                edition.execute(frame, self.turn.batch(), self.turn.executions() + 1);
                Treatment::Forward
            }
            client::DESCRIBE => edition.describe(frame, self.turn.batch()),
            client::CLOSE => {
                edition.close(frame, self.turn.batch());
                Treatment::Forward
            }
            _ => Treatment::Forward,
        }
    }

    /// A frame of which the front is here goes to the server; a Parse that is too long to look at counts all the same.
    #[inline]
    fn treat_front(&mut self, tag: u8, front: &[u8]) -> Treatment {
        if let (Some(draft), client::BIND) = (&mut self.draft, tag) {
            draft.client_message(tag, front);
        }
        match (&mut self.edition, tag) {
            (Some(edition), client::PARSE) => edition.long_parse(self.turn.batch()),
            (Some(edition), client::BIND) if edition.looks_at_uses() => {
                return edition.bind(front, self.turn.batch(), self.turn.executions() > 0);
            }
            _ => {}
        }
        Treatment::Forward
    }

    /// Takes note of a frame that goes to the server.
    #[inline]
    fn note(&mut self, tag: u8) {
        let copies_for_a_query = self.turn.copies_for_a_query();
        self.turn.client_sends(tag);
        match tag {
            client::COPY_DONE | client::COPY_FAIL if copies_for_a_query => {
                self.edition.iter_mut().for_each(InEdition::copied);
            }
            // The server takes no notice of one amid the rows of a COPY.
            client::SYNC if !self.turn.is_copying_in() => {
                self.edition.iter_mut().for_each(InEdition::sync);
                self.draft.iter_mut().for_each(InDraft::sync);
            }
            client::TERMINATE => self.said_goodbye = true,
            _ => {}
        }
    }
}

/// How much of a frame of the client's must be there before it is passed on.
#[inline]
fn need(edition: Option<&InEdition>, draft: Option<&InDraft>, tag: u8, len: usize) -> Need {
    let is_looked_at = match (edition, draft, tag) {
        (Some(_), _, client::QUERY | client::PARSE | client::CLOSE)
        | (None, Some(_), client::QUERY | client::PARSE) => true,
        (Some(edition), _, client::BIND | client::DESCRIBE) => edition.looks_at_uses(),
        (Some(edition), _, client::EXECUTE) => edition.looks_at_executions(),
        (None, Some(draft), client::BIND | client::EXECUTE | client::CLOSE) => draft.follows(),
        _ => false,
    };
    match tag {
        _ if !is_looked_at => Need::Nothing,
        // Its values may be long.
        client::BIND => Need::Front(FRONT_BYTES),
        _ => Need::whole_if(len <= STATEMENT_BYTES_MAX),
    }
}

/// Whether more than one statement has been sent at once: one of `tags` comes before a Sync.
fn has_before_sync(mut behind: &[u8], tags: &[u8]) -> bool {
    while let Some((tag, len)) = frame::first(behind) {
        match tag {
            tag if tags.contains(&tag) => return true,
            client::SYNC | client::QUERY => return false,
            _ => behind = behind.get(len..).unwrap_or_default(),
        }
    }
    false
}
