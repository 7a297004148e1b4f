//! From the startup packet to ReadyForQuery: the server's own authentication, relayed message by message, so that
//! no secret is kept or even understood here.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{channel_binding::Offer, path_report, reported::Reported, roster::Place, stream::Stream};
use crate::wire::{
    frame::{HEADER_BYTES, Need, Step, Stepper},
    message::{self, Report},
    startup::StartupError,
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
    /// What the client sent first cannot be a packet: like PostgreSQL, nothing is said to what may be no client at all.
    #[error("{0}")]
    NoClient(StartupError),
    /// The TLS handshake came to nothing; the client was told by an alert.
    #[error("TLS handshake failed: {0}")]
    Handshake(io::Error),
    /// The server ended it: with this SQLSTATE, which the client has been given, or without a word.
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

/// What is known when the server is ready.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    /// Process id and secret as the server gave them: what a cancel request must repeat.
    pub(crate) key: Box<[u8]>,
    /// What the server has reported of the session's settings.
    pub(super) reported: Reported,
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

/// Relays the authentication until the server is ready, in a live edition if `place` is one.
pub(crate) async fn relay(
    client: &mut Stream,
    server: &mut Stream,
    mut from_client: BytesMut,
    offer: Offer,
    place: Option<&Place>,
) -> Result<LoggedIn, LoginError> {
    let mut login = Login {
        key: Box::default(),
        reported: Reported::default(),
        error_code: None,
        offer,
        asks_client: false,
        place,
    };
    let mut from_server = BytesMut::new();
    loop {
        let (passed_on, is_ready) = login.take(&mut from_server)?;
        client.write_all(&passed_on).await.map_err(LoginError::ClientGone)?;
        if is_ready {
            client.flush().await.map_err(LoginError::ClientGone)?;
            let Login { key, reported, .. } = login;
            return Ok(LoggedIn { key, reported, from_server, from_client });
        }
        client.flush().await.map_err(LoginError::ClientGone)?;
        // A server that has asked may also go on by itself: it does so behind the last token of GSSAPI.
        tokio::select! {
            answer = client_answer(client, &mut from_client), if login.asks_client => {
                let answer = answer?;
                if let Some(report) = login.offer.refuse(&answer) {
                    return Err(LoginError::Refused(report));
                }
                login.asks_client = false;
                let sent = async { server.write_all(&answer).await?; server.flush().await };
                sent.await.map_err(|_| LoginError::ServerGone(None))?;
            }
            read = server.read_buf(&mut from_server) => {
                if !matches!(read, Ok(1..)) {
                    return Err(LoginError::ServerGone(login.error_code));
                }
            }
        }
    }
}

/// What was seen of a login so far.
struct Login<'a> {
    key: Box<[u8]>,
    reported: Reported,
    error_code: Option<String>,
    offer: Offer,
    /// The server has asked for something that the client has not given yet.
    asks_client: bool,
    place: Option<&'a Place>,
}

impl Login<'_> {
    /// Takes the whole messages off `inbox` that the client is to see now, and tells whether ReadyForQuery is next.
    fn take(&mut self, inbox: &mut BytesMut) -> Result<(Vec<u8>, bool), LoginError> {
        let mut passed_on = Vec::new();
        while let Some(frame) = next_frame(inbox)? {
            match frame.first().copied() {
                Some(message::server::READY) => return Ok((passed_on, true)),
                Some(message::server::BACKEND_KEY) => {
                    self.key = frame.get(HEADER_BYTES..).unwrap_or_default().into();
                }
                Some(message::server::AUTHENTICATION) => self.asks_client = wants_answer(frame),
                Some(message::server::PARAMETER_STATUS) => self.reported.take(frame),
                Some(message::server::ERROR) => {
                    self.error_code = message::report_field(frame, b'C')
                        .map(|code| String::from_utf8_lossy(code).into_owned());
                }
                _ => {}
            }
            match self.offer.edit(frame).or_else(|| self.own_path(frame)) {
                Some(edited) => passed_on.extend(edited),
                None => passed_on.extend_from_slice(frame),
            }
            let taken = frame.len();
            drop(inbox.split_to(taken));
        }
        Ok((passed_on, false))
    }

    /// A report of `search_path`, as the client asked for it.
    fn own_path(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let is_report = frame.first() == Some(&message::server::PARAMETER_STATUS);
        let place = self.place.filter(|_| is_report)?;
        path_report::own(frame, &place.database.reading().snapshot)
    }
}

/// The whole frame at the front, if it is there.
fn next_frame(buffer: &[u8]) -> Result<Option<&[u8]>, LoginError> {
    if buffer.is_empty() {
        return Ok(None);
    }
    match Stepper::default().step(buffer, |_, len| Need::whole_if(len <= MESSAGE_BYTES_MAX)) {
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
            let is_answer =
                |tag, len| Need::whole_if(tag == message::client::PASSWORD && len <= MESSAGE_BYTES_MAX);
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
