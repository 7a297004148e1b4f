//! A client's first packets: encryption is settled, then a session or a cancel request is asked for.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{login::LoginError, stream::Stream};
use crate::{
    listen::Acceptor,
    wire::{
        message::Report,
        startup::{self, FirstPacket, StartupError},
    },
};

/// What a client has not asked for yet: each kind of encryption at most once, as PostgreSQL has it.
struct Questions {
    tls: bool,
    gss: bool,
}

/// Reads up to the packet that asks for a session or a cancellation, and does what the ones before it ask for:
/// TLS if there is an `acceptor`, no GSSAPI encryption. `inbox` holds what came behind the packet.
pub(super) async fn first_packet(
    client: &mut Stream,
    inbox: &mut BytesMut,
    acceptor: Option<&Acceptor>,
) -> Result<FirstPacket, LoginError> {
    let acceptor = acceptor.filter(|_| client.is_tcp());
    let mut open = Questions { tls: true, gss: true };
    if let Some(acceptor) = acceptor
        && client.begins_with_tls().await.map_err(LoginError::ClientGone)?
    {
        begin_directly(client, acceptor).await?;
        open = Questions { tls: false, gss: false };
    }
    loop {
        let packet = read_packet(client, inbox).await?;
        match packet {
            FirstPacket::Ssl if open.tls => {
                refuse_early_data(inbox, "SSL")?;
                open.tls = false;
                match acceptor.filter(|_| client.is_tcp()) {
                    Some(acceptor) => {
                        answer(client, b"S").await?;
                        client.accept_tls(acceptor).await.map_err(LoginError::Handshake)?;
                        open.gss = false;
                    }
                    None => answer(client, b"N").await?,
                }
            }
            FirstPacket::GssEnc if open.gss => {
                refuse_early_data(inbox, "GSSAPI encryption")?;
                open.gss = false;
                answer(client, b"N").await?;
            }
            FirstPacket::Ssl | FirstPacket::GssEnc => {
                return Err(refusal(&StartupError::out_of_place(&packet)));
            }
            FirstPacket::Startup(_) if acceptor.is_some_and(|tls| tls.is_required) && !client.is_tls() => {
                let report = Report::fatal("28000", "this server takes sessions over TLS only");
                return Err(LoginError::Refused(
                    report.with_hint("Connect with sslmode=require or stronger."),
                ));
            }
            other => return Ok(other),
        }
    }
}

/// TLS without asking first, since PostgreSQL 17: the handshake must name the protocol, so that nothing that speaks
/// another one can be made to speak to us.
async fn begin_directly(client: &mut Stream, acceptor: &Acceptor) -> Result<(), LoginError> {
    client.accept_tls(acceptor).await.map_err(LoginError::Handshake)?;
    if client.alpn() == Some(catalog::tls::ALPN) {
        return Ok(());
    }
    let message = "received direct SSL connection request without ALPN protocol negotiation extension";
    Err(LoginError::Refused(Report::fatal("08P01", message)))
}

/// What follows a request for encryption in clear may have been slipped in on the way, and would be taken for the
/// client's own once the connection is encrypted (CVE-2021-23214).
fn refuse_early_data(inbox: &BytesMut, what: &str) -> Result<(), LoginError> {
    if inbox.is_empty() {
        return Ok(());
    }
    let report = Report::fatal("08P01", format!("received unencrypted data after {what} request"));
    Err(LoginError::Refused(report.with_detail(
        "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.",
    )))
}

async fn answer(client: &mut Stream, answer: &[u8; 1]) -> Result<(), LoginError> {
    client.write_all(answer).await.map_err(LoginError::ClientGone)
}

fn refusal(error: &StartupError) -> LoginError {
    if *error == StartupError::Length {
        return LoginError::NoClient(StartupError::Length);
    }
    LoginError::Refused(Report::fatal(error.sqlstate(), error.to_string()))
}

async fn read_packet(client: &mut Stream, inbox: &mut BytesMut) -> Result<FirstPacket, LoginError> {
    fill(client, inbox, 4).await?;
    let field = inbox.first_chunk::<4>().copied().unwrap_or_default();
    let len = startup::packet_len(field).map_err(|error| refusal(&error))?;
    fill(client, inbox, len).await?;
    let packet = inbox.split_to(len);
    FirstPacket::parse(packet.get(4..).unwrap_or_default()).map_err(|error| refusal(&error))
}

/// Reads until `inbox` holds `len` bytes. It may get more: that is the session's, or gives early data away.
async fn fill(client: &mut Stream, inbox: &mut BytesMut, len: usize) -> Result<(), LoginError> {
    const ROOM: usize = 1024;
    while inbox.remaining() < len {
        inbox.reserve(ROOM.max(len - inbox.remaining()));
        if client.read_buf(inbox).await.map_err(LoginError::ClientGone)? == 0 {
            return Err(LoginError::ClientGone(io::ErrorKind::UnexpectedEof.into()));
        }
    }
    Ok(())
}
