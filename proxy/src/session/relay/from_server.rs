//! The direction from the server to the client.

use std::task::Context;

use super::{
    End, Relay, Scratch, Side,
    flow::{Input, Outgoing},
};
use crate::wire::{
    frame::{HEADER_BYTES, Step},
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
        let mut at = 0;
        while let Some(rest) = buffer.get(at..).filter(|rest| !rest.is_empty()) {
            match self.down.stepper.step(rest, |tag, _| tag == server::READY) {
                Step::Rest(len) => {
                    out.raw(at..at + len);
                    at += len;
                }
                Step::Begin { tag, len } => {
                    match tag {
                        server::COPY_IN => self.turn.server_copies_in(),
                        server::ERROR => self.turn.server_fails(),
                        _ => {}
                    }
                    out.raw(at..at + len);
                    at += len;
                }
                Step::Whole { len, .. } => {
                    self.turn.server_ready(rest.get(HEADER_BYTES).copied().unwrap_or_default());
                    out.raw(at..at + len);
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
}
