//! The direction from the server to the client.

use std::task::Context;

use super::{
    super::edition::{Fate, InEdition},
    End, Relay, Scratch, Side,
    flow::{Input, Outgoing},
};
use crate::wire::{
    frame::{HEADER_BYTES, Need, Step},
    message::server,
};

impl Relay {
    /// Moves one read's worth. False: nothing to do now.
    #[inline]
    pub(super) fn pump_down(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Result<bool, End> {
        if !self.down.flush(cx, &mut self.client).map_err(|error| End::Broken(Side::Client, error))? {
            return Ok(false);
        }
        let input = self.down.input(cx, &mut self.server, &mut scratch.read);
        match input.map_err(|error| End::Broken(Side::Server, error))? {
            Input::Fresh(read) => {
                let buffer = scratch.read.get(..read).unwrap_or_default();
                self.down_buffer(cx, buffer, &mut scratch.out)?;
            }
            Input::Held(buffer) => self.down_buffer(cx, &buffer, &mut scratch.out)?,
            Input::Nothing => return Ok(false),
            Input::Ended => return Err(if self.said_goodbye { End::Client } else { End::Server }),
        }
        Ok(true)
    }

    fn down_buffer(&mut self, cx: &mut Context<'_>, buffer: &[u8], out: &mut Outgoing) -> Result<(), End> {
        out.clear();
        let mut at = 0;
        while let Some(rest) = buffer.get(at..).filter(|rest| !rest.is_empty()) {
            let rows = self.rows_at_the_front(rest);
            if rows > 0 {
                out.raw(at..at + rows);
                at += rows;
                continue;
            }
            let need = |tag, len| {
                let is_wanted = tag == server::READY
                    || self.edition.as_ref().is_some_and(|edition| edition.wants(tag, len))
                    || self.draft.as_ref().is_some_and(|draft| draft.is_answered_by(tag));
                Need::whole_if(is_wanted)
            };
            match self.down.stepper.step(rest, need) {
                Step::Rest(len) => {
                    out.raw(at..at + len);
                    at += len;
                }
                Step::Begin { tag, len } => {
                    self.heed(tag);
                    out.raw(at..at + len);
                    at += len;
                }
                Step::Whole { tag, len } => {
                    self.heed(tag);
                    match self.fate(tag, rest.get(..len).unwrap_or_default()) {
                        Fate::Forward => out.raw(at..at + len),
                        Fate::Replace(message) => out.own(message),
                        Fate::Swallow => {}
                        Fate::End(report) => return Err(End::Ordered(report)),
                    }
                    at += len;
                }
                Step::Hold(need) => {
                    self.down.hold(rest, need);
                    break;
                }
                Step::Malformed => return Err(End::Malformed(Side::Server)),
            }
        }
        self.down.send(cx, &mut self.client, buffer, out).map_err(|error| End::Broken(Side::Client, error))
    }

    /// How many bytes at the front are rows for the client.
    #[inline]
    fn rows_at_the_front(&self, buffer: &[u8]) -> usize {
        match buffer.first() {
            Some(&tag @ (server::DATA_ROW | server::COPY_DATA)) if !self.is_ours(tag) => {
                self.down.stepper.run_of(tag, buffer)
            }
            _ => 0,
        }
    }

    /// Whether a message of the server answers a statement of our own.
    #[inline]
    fn is_ours(&self, tag: u8) -> bool {
        self.edition.as_ref().is_some_and(|edition| edition.is_answered_by(tag))
            || self.draft.as_ref().is_some_and(|draft| draft.is_answered_by(tag))
    }

    /// Takes note of a frame of the server.
    #[inline]
    fn heed(&mut self, tag: u8) {
        if let Some(draft) = &mut self.draft {
            draft.heed(tag);
        }
        match tag {
            server::COPY_IN => {
                self.turn.server_copies_in();
                self.edition.iter_mut().for_each(InEdition::copies_in);
            }
            server::ERROR => {
                if self.turn.copies_for_a_query() {
                    self.edition.iter_mut().for_each(InEdition::copied);
                }
                self.turn.server_fails();
            }
            server::COMMAND_COMPLETE | server::PORTAL_SUSPENDED | server::EMPTY_QUERY => {
                self.turn.server_completes();
            }
            _ => {}
        }
    }

    #[inline]
    fn fate(&mut self, tag: u8, frame: &[u8]) -> Fate {
        if tag == server::READY {
            self.turn.server_ready(frame.get(HEADER_BYTES).copied().unwrap_or_default());
            let next = self.turn.next_answer();
            let is_failed = self.turn.is_failed();
            let (is_ours, moved_to) =
                self.edition.as_mut().map_or((false, None), |edition| edition.ready(next, is_failed));
            if let Some(moved_to) = moved_to {
                self.seat.moved_to(moved_to);
            }
            let is_ours = is_ours || self.draft.as_mut().is_some_and(|draft| draft.ready(is_failed));
            return if is_ours { Fate::Swallow } else { Fate::Forward };
        }
        if let Some(draft) = &mut self.draft {
            return draft.server_message(tag, frame);
        }
        let batch = self.turn.next_answer();
        let Some(edition) = &mut self.edition else { return Fate::Forward };
        edition.server_message(tag, frame, (batch, self.turn.completions()))
    }
}
