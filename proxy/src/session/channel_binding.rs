//! SCRAM channel binding where TLS ends here. A client binds its proof to the certificate that it sees, which is ours;
//! the server checks it against its own. The two agree only if they are the same certificate. Else the mechanism is
//! taken off the list. A client that could have used it then says so (gs2 flag `y`) within what its proof covers, and a
//! server that has offered it must take that for an attack: such a login cannot succeed.

use super::stream::Stream;
use crate::{
    listen::Acceptor,
    wire::{
        frame::HEADER_BYTES,
        message::{self, Report},
    },
};

/// AuthenticationSASL.
const SASL: &[u8] = &[0, 0, 0, 10];
const WITH_BINDING: &[u8] = b"SCRAM-SHA-256-PLUS";

/// What becomes of the server's offer of channel binding in one login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Client and server see the same certificate, or the server does not speak TLS with us and offers nothing.
    Passes,
    /// Taken off the list, if it is there.
    Withheld,
    /// Was there and was taken off.
    Struck,
}

impl Offer {
    /// Decides from what both sides see. `acceptor` is what the client's handshake was made with.
    pub(super) fn between(client: &Stream, acceptor: Option<&Acceptor>, server: &Stream) -> Self {
        let ours = acceptor.filter(|_| client.is_tls()).map(Acceptor::certificate);
        match server.peer_certificate() {
            None => Self::Passes,
            theirs if theirs == ours => Self::Passes,
            Some(_) => Self::Withheld,
        }
    }

    /// What the client is sent in place of an authentication message; None: as it came.
    pub(super) fn edit(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        if *self == Self::Passes {
            return None;
        }
        let list = frame.get(HEADER_BYTES..)?.strip_prefix(SASL)?;
        let names: Vec<&[u8]> = list.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
        if !names.contains(&WITH_BINDING) {
            return None;
        }
        *self = Self::Struck;
        let mut body = SASL.to_vec();
        for name in names.into_iter().filter(|name| *name != WITH_BINDING) {
            body.extend(name);
            body.push(0);
        }
        body.push(0);
        Some(message::frame(message::server::AUTHENTICATION, &body))
    }

    /// Why the client's answer (SASLInitialResponse) must fail, if it must.
    pub(super) fn refuse(self, answer: &[u8]) -> Option<Report> {
        let is_lost = self == Self::Struck && gs2_flag(answer) == Some(b'y');
        is_lost.then(|| {
            Report::fatal("28000", "channel binding does not reach from the client to the server")
                .with_detail(
                    "The client and the server support SCRAM channel binding, but TLS ends at editiond, which has another certificate than the server.",
                )
                .with_hint(
                    "Connect with channel_binding=disable; or give editiond the server's own certificate and key (--tls-certificate), \
                     so that channel binding passes through; or turn TLS to the server off (--server-tls disable).",
                )
        })
    }
}

/// The first byte of the client's first SCRAM message: `n` (no channel binding), `y` (the server has none), `p` (bound).
fn gs2_flag(frame: &[u8]) -> Option<u8> {
    let body = frame.get(HEADER_BYTES..)?;
    let name_end = body.iter().position(|byte| *byte == 0)?;
    body.get(name_end + 5).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(names: &[u8]) -> Vec<u8> {
        message::frame(b'R', &[SASL, names, b"\0"].concat())
    }

    fn first(flag: &[u8]) -> Vec<u8> {
        message::frame(b'p', &[b"SCRAM-SHA-256\0\0\0\0\x09", flag, b",,n=,r=x"].concat())
    }

    #[test]
    fn the_mechanism_is_struck_and_only_it() {
        let both = offer(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0");
        let mut withheld = Offer::Withheld;
        assert_eq!(withheld.edit(&both), Some(offer(b"SCRAM-SHA-256\0")));
        assert_eq!(withheld, Offer::Struck);
        let mut plain = Offer::Withheld;
        assert_eq!(plain.edit(&offer(b"SCRAM-SHA-256\0")), None);
        assert_eq!(plain.edit(b"R\0\0\0\x08\0\0\0\0"), None);
        assert_eq!(plain, Offer::Withheld);
        assert_eq!(Offer::Passes.edit(&both), None);
    }

    #[test]
    fn a_client_that_would_have_bound_is_told_why_it_cannot() {
        assert!(Offer::Struck.refuse(&first(b"y")).is_some());
        assert!(Offer::Struck.refuse(&first(b"n")).is_none());
        assert!(Offer::Withheld.refuse(&first(b"y")).is_none());
        assert!(Offer::Struck.refuse(b"p\0\0\0\x06a\0").is_none());
    }
}
