//! The direction from the client to the server.

use std::task::Context;

use super::{
    End, Relay, Scratch, Side,
    flow::{Input, Outgoing},
};
use crate::wire::{frame::Step, message::client};

impl Relay {
    /// Moves one read's worth. False: nothing to do now.
    #[inline]
    pub(super) fn pump_up(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Result<bool, End> {
        let to_server = |error| End::Broken(Side::Server, error);
        if !self.up.flush(cx, &mut self.server).map_err(to_server)? || self.turn.is_crowded() {
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

    fn up_buffer(&mut self, cx: &mut Context<'_>, buffer: &[u8], out: &mut Outgoing) -> Result<(), End> {
        let mut at = 0;
        while let Some(rest) = buffer.get(at..).filter(|rest| !rest.is_empty()) {
            match self.up.stepper.step(rest, |_, _| false) {
                Step::Rest(len) => {
                    out.raw(at..at + len);
                    at += len;
                }
                Step::Begin { tag, len } | Step::Whole { tag, len } => {
                    self.turn.client_sends(tag);
                    self.said_goodbye |= tag == client::TERMINATE;
                    out.raw(at..at + len);
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
}
