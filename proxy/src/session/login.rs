//! From the first byte to ReadyForQuery: the client's first packets, then the server's own authentication,
//! relayed message by message, so that no secret is kept or even understood here.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::Stream;
use crate::wire::{
    frame::{HEADER_BYTES, Step, Stepper},
    message::{self, Report},
    startup::{self, FirstPacket},
};

/// The longest message that may occur in a login (a token; PostgreSQL's own limit is 64 kB) and the longest
/// from the server.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// Why a login came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// The client left or its connection broke; nobody is there to be told.
    #[error("the client left: {0}")]
    ClientGone(io::Error),
    /// The server ended it; the client has been given whatever the server said.
    #[error("the server ended the login{}", .0.as_deref().map(|code| format!(" ({code})")).unwrap_or_default())]
    ServerGone(Option<String>),
    /// We end it; the client is to be told.
    #[error("{}", .0.message)]
    Refused(Report),
}

impl LoginError {
    fn malformed(whose: &str) -> Self {
        Self::Refused(Report::fatal(
            "08P01",
            format!("invalid message from the {whose} during authentication"),
        ))
    }
}

/// Reads the client's first packet; asks for encryption are answered with no on the way. `inbox` holds what
/// came after it.
pub(crate) async fn first_packet(
    client: &mut Stream,
    inbox: &mut BytesMut,
) -> Result<FirstPacket, LoginError> {
    // One question about each kind of encryption, then it must be something else.
    for _ in 0..3 {
        fill(client, inbox, 4).await.map_err(LoginError::ClientGone)?;
        let field = inbox.first_chunk::<4>().copied().unwrap_or_default();
        let refused =
            |error: startup::StartupError| LoginError::Refused(Report::fatal("08P01", error.to_string()));
        let len = startup::packet_len(field).map_err(refused)?;
        fill(client, inbox, len).await.map_err(LoginError::ClientGone)?;
        let packet = inbox.split_to(len);
        match FirstPacket::parse(packet.get(4..).unwrap_or_default()).map_err(refused)? {
            FirstPacket::Ssl | FirstPacket::GssEnc => {
                client.write_all(b"N").await.map_err(LoginError::ClientGone)?;
            }
            other => return Ok(other),
        }
    }
    Err(LoginError::malformed("client"))
}

/// What is known when the server is ready.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    /// Process id and secret as the server gave them: what a cancel request must repeat.
    pub(crate) key: Box<[u8]>,
    /// The session's `standard_conforming_strings`.
    pub(crate) standard_strings: bool,
    /// ReadyForQuery and whatever followed; not yet passed on.
    pub(crate) from_server: BytesMut,
    /// What the client sent already; not yet passed on.
    pub(crate) from_client: BytesMut,
}

impl LoggedIn {
    /// The server process.
    pub(crate) fn backend_pid(&self) -> i32 {
        self.key.first_chunk::<4>().map_or(0, |pid| i32::from_be_bytes(*pid))
    }
}

/// Relays the authentication until the server is ready.
pub(crate) async fn relay(
    client: &mut Stream,
    server: &mut Stream,
    mut from_client: BytesMut,
) -> Result<LoggedIn, LoginError> {
    let mut key = Box::default();
    let mut standard_strings = true;
    let mut inbox = BytesMut::new();
    let mut error_code = None;
    loop {
        let mut passed = 0;
        let mut asks_client = false;
        let mut ready = false;
        while let Some(frame) = next_frame(inbox.get(passed..).unwrap_or_default())? {
            match frame.first().copied() {
                Some(message::server::READY) => {
                    ready = true;
                    break;
                }
                Some(message::server::BACKEND_KEY) => {
                    key = frame.get(HEADER_BYTES..).unwrap_or_default().into();
                }
                Some(message::server::AUTHENTICATION) => asks_client = wants_answer(frame),
                Some(message::server::PARAMETER_STATUS) => {
                    standard_strings = message::standard_strings(frame).unwrap_or(standard_strings);
                }
                Some(message::server::ERROR) => {
                    error_code = message::report_field(frame, b'C')
                        .map(|code| String::from_utf8_lossy(code).into_owned());
                }
                _ => {}
            }
            passed += frame.len();
            if asks_client {
                break;
            }
        }
        if passed > 0 {
            client.write_all(&inbox.split_to(passed)).await.map_err(LoginError::ClientGone)?;
        }
        if ready {
            return Ok(LoggedIn { key, standard_strings, from_server: inbox, from_client });
        }
        if asks_client {
            let answer = client_answer(client, &mut from_client).await?;
            server.write_all(&answer).await.map_err(|_| LoginError::ServerGone(None))?;
        }
        let read =
            server.read_buf(&mut inbox).await.map_err(|_| LoginError::ServerGone(error_code.clone()))?;
        if read == 0 {
            return Err(LoginError::ServerGone(error_code));
        }
    }
}

/// The whole frame at the front, if it is there.
fn next_frame(buffer: &[u8]) -> Result<Option<&[u8]>, LoginError> {
    if buffer.is_empty() {
        return Ok(None);
    }
    match Stepper::default().step(buffer, |_, len| len <= MESSAGE_BYTES_MAX) {
        Step::Whole { len, .. } => Ok(buffer.get(..len)),
        Step::Hold(_) => Ok(None),
        Step::Begin { .. } | Step::Rest(_) | Step::Malformed => Err(LoginError::malformed("server")),
    }
}

/// Whether an authentication message waits for the client: all but Ok (0) and SASLFinal (12) do.
fn wants_answer(frame: &[u8]) -> bool {
    let kind = frame.get(HEADER_BYTES..).and_then(<[u8]>::first_chunk::<4>);
    kind.is_some_and(|kind| !matches!(u32::from_be_bytes(*kind), 0 | 12))
}

async fn client_answer(client: &mut Stream, inbox: &mut BytesMut) -> Result<BytesMut, LoginError> {
    loop {
        if !inbox.is_empty() {
            let is_answer = |tag, len| tag == message::client::PASSWORD && len <= MESSAGE_BYTES_MAX;
            match Stepper::default().step(inbox, is_answer) {
                Step::Whole { len, .. } => return Ok(inbox.split_to(len)),
                Step::Hold(_) => {}
                Step::Begin { tag: message::client::TERMINATE, .. } => {
                    return Err(LoginError::ClientGone(io::ErrorKind::ConnectionAborted.into()));
                }
                Step::Begin { .. } | Step::Rest(_) | Step::Malformed => {
                    return Err(LoginError::malformed("client"));
                }
            }
        }
        let read = client.read_buf(inbox).await.map_err(LoginError::ClientGone)?;
        if read == 0 {
            return Err(LoginError::ClientGone(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// Reads until `inbox` holds `len` bytes, never much more: what follows the first packet belongs to the session.
async fn fill(client: &mut Stream, inbox: &mut BytesMut, len: usize) -> io::Result<()> {
    while inbox.remaining() < len {
        inbox.reserve(len - inbox.remaining());
        if client.read_buf(inbox).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
