//! What the server reports of a session's settings that says how its texts are to be read.

use crate::wire::{encoding::ClientEncoding, message};

/// The settings as last reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported {
    /// `standard_conforming_strings`.
    pub(super) standard_strings: bool,
    /// `client_encoding`.
    pub(super) encoding: ClientEncoding,
}

impl Default for Reported {
    fn default() -> Self {
        Self { standard_strings: true, encoding: ClientEncoding::default() }
    }
}

impl Reported {
    /// Takes note of a ParameterStatus (whole frame).
    pub(super) fn take(&mut self, frame: &[u8]) {
        match message::parameter(frame) {
            Some((b"standard_conforming_strings", value)) => self.standard_strings = value == b"on",
            Some((b"client_encoding", value)) => self.encoding = ClientEncoding::named(value),
            _ => {}
        }
    }
}
