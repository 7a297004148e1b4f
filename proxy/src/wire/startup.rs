//! What a client may send before it has a session: a startup packet, a request for encryption, a cancel request
//! (PostgreSQL docs, 55.7). Kept as bytes, so that what is not ours to change leaves as it came.

use thiserror::Error;

/// PostgreSQL's own limit (MAX_STARTUP_PACKET_LENGTH).
pub(crate) const PACKET_BYTES_MAX: usize = 10_000;
/// A length field and a code.
const PACKET_BYTES_MIN: usize = 8;

const CANCEL: u32 = 80_877_102;
const SSL: u32 = 80_877_103;
const GSSENC: u32 = 80_877_104;

/// The packet that asks for TLS.
pub(crate) const SSL_REQUEST: [u8; PACKET_BYTES_MIN] = {
    let [a, b, c, d] = SSL.to_be_bytes();
    [0, 0, 0, 8, a, b, c, d]
};

/// Why bytes are not a first packet.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum StartupError {
    /// The length field is out of bounds: probably not a PostgreSQL client at all.
    #[error("invalid length of startup packet")]
    Length,
    /// Neither 3.x nor one of the requests that may come here.
    #[error("unsupported frontend protocol {0}.{1}: editiond supports 3.x")]
    Protocol(u32, u32),
    /// Parameters that do not end where the packet ends.
    #[error("invalid startup packet layout: expected terminator as last byte")]
    Layout,
    /// No `user`.
    #[error("no PostgreSQL user name specified in startup packet")]
    NoUser,
}

impl StartupError {
    /// As PostgreSQL classes it.
    pub(crate) fn sqlstate(&self) -> &'static str {
        match self {
            Self::Protocol(..) => "0A000",
            Self::NoUser => "28000",
            Self::Length | Self::Layout => "08P01",
        }
    }

    /// For a request for encryption where none may come (any more).
    pub(crate) fn out_of_place(request: &FirstPacket) -> Self {
        let code = if matches!(request, FirstPacket::GssEnc) { GSSENC } else { SSL };
        Self::Protocol(code >> 16, code & 0xffff)
    }
}

/// The first packet of a connection.
#[derive(Debug)]
pub(crate) enum FirstPacket {
    /// Wants a session.
    Startup(Startup),
    /// Wants TLS; the answer is one byte.
    Ssl,
    /// Wants GSSAPI encryption; the answer is one byte.
    GssEnc,
    /// Wants a running statement stopped: process id and secret, as the server gave them.
    Cancel(Box<[u8]>),
}

/// How long the packet is whose length field is this, or why it cannot be one.
pub(crate) fn packet_len(field: [u8; 4]) -> Result<usize, StartupError> {
    let len = usize::try_from(u32::from_be_bytes(field)).unwrap_or(usize::MAX);
    if (PACKET_BYTES_MIN..=PACKET_BYTES_MAX).contains(&len) { Ok(len) } else { Err(StartupError::Length) }
}

impl FirstPacket {
    /// Reads a packet without its length field.
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, StartupError> {
        let (code, body) = packet.split_first_chunk::<4>().ok_or(StartupError::Length)?;
        match u32::from_be_bytes(*code) {
            SSL => Ok(Self::Ssl),
            GSSENC => Ok(Self::GssEnc),
            CANCEL => Ok(Self::Cancel(body.into())),
            version if version >> 16 == 3 => Startup::parse(version, body).map(Self::Startup),
            version => Err(StartupError::Protocol(version >> 16, version & 0xffff)),
        }
    }
}

/// The packet that cancels what the server process behind `key` runs.
pub(crate) fn cancel_packet(key: &[u8]) -> Vec<u8> {
    let len = u32::try_from(key.len() + PACKET_BYTES_MIN).unwrap_or(u32::MAX);
    [&len.to_be_bytes(), &CANCEL.to_be_bytes(), key].concat()
}

/// A startup packet: protocol version and parameters in their order, values as bytes in whatever encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Startup {
    version: u32,
    parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Startup {
    fn parse(version: u32, mut body: &[u8]) -> Result<Self, StartupError> {
        let mut parameters = Vec::new();
        loop {
            let name = take_string(&mut body)?;
            if name.is_empty() {
                break;
            }
            parameters.push((name.to_vec(), take_string(&mut body)?.to_vec()));
        }
        if !body.is_empty() {
            return Err(StartupError::Layout);
        }
        let startup = Self { version, parameters };
        if startup.get("user").is_none_or(<[u8]>::is_empty) { Err(StartupError::NoUser) } else { Ok(startup) }
    }

    /// The value of a parameter; the last one if it was given twice, as the server takes it.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.parameters.iter().rfind(|(known, _)| known == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The value of a run-time setting given as a parameter: the server compares the names of settings without
    /// regard to case.
    pub(crate) fn setting(&self, name: &str) -> Option<&[u8]> {
        self.parameters
            .iter()
            .rfind(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    /// Removes a run-time setting however it is spelt.
    pub(crate) fn remove_setting(&mut self, name: &str) {
        self.parameters.retain(|(known, _)| !known.eq_ignore_ascii_case(name.as_bytes()));
    }

    /// Gives a parameter this value, in its place if it is there, else at the end.
    pub(crate) fn set(&mut self, name: &str, value: &[u8]) {
        match self.parameters.iter_mut().rfind(|(known, _)| known == name.as_bytes()) {
            Some((_, present)) => present.splice(.., value.iter().copied()).for_each(drop),
            None => self.push(name, value),
        }
    }

    /// Adds a parameter at the end, where it wins over everything before it.
    pub(crate) fn push(&mut self, name: &str, value: &[u8]) {
        self.parameters.push((name.as_bytes().to_vec(), value.to_vec()));
    }

    /// The packet.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut packet = vec![0; 4];
        packet.extend(self.version.to_be_bytes());
        for (name, value) in &self.parameters {
            for text in [name, value] {
                packet.extend(text);
                packet.push(0);
            }
        }
        packet.push(0);
        let len = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        packet.splice(..4, len.to_be_bytes()).for_each(drop);
        packet
    }
}

/// Cuts a NUL-terminated string off the front.
fn take_string<'a>(body: &mut &'a [u8]) -> Result<&'a [u8], StartupError> {
    let end = body.iter().position(|byte| *byte == 0).ok_or(StartupError::Layout)?;
    let (text, rest) = body.split_at(end);
    *body = rest.get(1..).unwrap_or_default();
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: &[u8] = b"\x00\x03\x00\x00user\0ann\0database\0app\0\0";

    fn startup(packet: &[u8]) -> Startup {
        match FirstPacket::parse(packet).unwrap() {
            FirstPacket::Startup(startup) => startup,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_packet_that_is_not_changed_leaves_as_it_came() {
        let encoded = startup(PLAIN).encode();
        assert_eq!(&encoded[4..], PLAIN);
        assert_eq!(packet_len([encoded[0], encoded[1], encoded[2], encoded[3]]), Ok(encoded.len()));
    }

    #[test]
    fn the_last_of_two_equal_parameters_counts_and_settings_fold_case() {
        let packet = startup(b"\x00\x03\x00\x02user\0ann\0Search_Path\0a\0search_path\0b\0\0");
        assert_eq!(packet.setting("search_path"), Some(&b"b"[..]));
        let mut without = packet.clone();
        without.remove_setting("search_path");
        assert_eq!(&without.encode()[4..], b"\x00\x03\x00\x02user\0ann\0\0");
    }

    #[test]
    fn malformed_packets_are_named() {
        let fails = |packet: &[u8]| FirstPacket::parse(packet).unwrap_err();
        assert_eq!(fails(b"\x00\x02\x00\x00user\0ann\0\0"), StartupError::Protocol(2, 0));
        assert_eq!(fails(b"\x00\x03\x00\x00user\0ann\0"), StartupError::Layout);
        assert_eq!(fails(b"\x00\x03\x00\x00user\0ann\0\0junk"), StartupError::Layout);
        assert_eq!(fails(b"\x00\x03\x00\x00database\0app\0\0"), StartupError::NoUser);
        assert_eq!(packet_len(10_001_u32.to_be_bytes()), Err(StartupError::Length));
        assert_eq!(packet_len(*b"GET "), Err(StartupError::Length));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic_and_written_back(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut packet = vec![0, 3, 0, 0];
            packet.extend(&bytes);
            if let Ok(FirstPacket::Startup(startup)) = FirstPacket::parse(&packet) {
                prop_assert_eq!(&startup.encode()[4..], &packet[..]);
            }
        }
    }
}
