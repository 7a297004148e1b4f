//! A connection to a client or a server: over TCP, in clear or in TLS, or over a unix socket.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use catalog::tls::{Mode, Tls};
use rustls_pki_types::{CertificateDer, ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use crate::{config::Address, listen::Acceptor, wire::startup};

/// How long one attempt to reach a server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that vanished without a word is noticed after about two minutes.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(60))
    .with_interval(Duration::from_secs(10))
    .with_retries(6);

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// What is left when a TLS handshake fails or is given up: nobody can be spoken to any more.
    Lost,
}

impl Stream {
    /// Connects, with as much TLS as `tls` says.
    pub(crate) async fn connect(address: &Address, tls: &Tls) -> io::Result<Self> {
        let connecting = async {
            match address {
                Address::Tcp { host, port } => {
                    let connect = || async { Self::tcp(TcpStream::connect((host.as_str(), *port)).await?) };
                    match connect().await?.encrypt(host, tls).await {
                        // In clear is as good: nothing has been proved or promised.
                        Err(error) if tls.mode() == Mode::Prefer => {
                            tracing::debug!(server = %address, %error, "TLS failed; going on in clear");
                            connect().await
                        }
                        encrypted => encrypted,
                    }
                }
                Address::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
            }
        };
        timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Asks the server for TLS and does the handshake.
    async fn encrypt(self, host: &str, tls: &Tls) -> io::Result<Self> {
        let Self::Tcp(mut stream) = self else { return Ok(self) };
        if tls.mode() == Mode::Disable {
            return Ok(Self::Tcp(stream));
        }
        stream.write_all(&startup::SSL_REQUEST).await?;
        match stream.read_u8().await? {
            b'S' => {}
            b'N' if tls.mode() == Mode::Prefer => return Ok(Self::Tcp(stream)),
            b'N' => return Err(io::Error::other("the server does not support TLS, which is required")),
            _ => return Err(io::Error::other("the server's answer to the request for TLS is none")),
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(tls.client_config()).connect(name, stream).await?;
        Ok(Self::Tls(Box::new(stream.into())))
    }

    /// Does the handshake that a client has asked for. Should it fail, or the returned future be dropped, the
    /// connection is [`Stream::Lost`].
    pub(crate) async fn accept_tls(&mut self, acceptor: &Acceptor) -> io::Result<()> {
        match std::mem::replace(self, Self::Lost) {
            Self::Tcp(stream) => {
                let stream = TlsAcceptor::from(acceptor.config()).accept(stream).await?;
                *self = Self::Tls(Box::new(stream.into()));
            }
            other => *self = other,
        }
        Ok(())
    }

    /// Whether the first byte that a client sends begins a TLS handshake; the byte stays where it is.
    pub(crate) async fn begins_with_tls(&self) -> io::Result<bool> {
        const HANDSHAKE: u8 = 0x16;
        match self {
            Self::Tcp(stream) => {
                let mut first = [0];
                Ok(stream.peek(&mut first).await? == 1 && first == [HANDSHAKE])
            }
            Self::Unix(_) | Self::Tls(_) | Self::Lost => Ok(false),
        }
    }

    /// Whether TLS could be spoken here.
    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// Whether TLS is spoken.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// The protocol that both sides named in the handshake.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        match self {
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
            Self::Tcp(_) | Self::Unix(_) | Self::Lost => None,
        }
    }

    /// The peer's own certificate.
    pub(crate) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        match self {
            Self::Tls(stream) => stream.get_ref().1.peer_certificates()?.first(),
            Self::Tcp(_) | Self::Unix(_) | Self::Lost => None,
        }
    }

    /// Wraps a TCP connection: no delay for short messages, keepalive for lost peers.
    pub(crate) fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&KEEPALIVE)?;
        Ok(Self::Tcp(stream))
    }

    /// Reads what is there. `Ready(0)` is the end.
    #[inline]
    pub(crate) fn poll_read_into(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = match self {
            Self::Tls(stream) => poll_read_records(stream, cx, &mut buffer),
            _ => Pin::new(self).poll_read(cx, &mut buffer),
        };
        match read {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Hands to the kernel what was written and is still in this process: TLS keeps what it has encrypted until the
    /// kernel takes it.
    #[inline]
    pub(crate) fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tcp(_) | Self::Unix(_) | Self::Lost => Poll::Ready(Ok(())),
        }
    }
}

/// As many records as there are and fit, so that they are passed on by one write.
fn poll_read_records(
    stream: &mut TlsStream<TcpStream>,
    cx: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let before = buffer.filled().len();
        let is_end = match Pin::new(&mut *stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => buffer.filled().len() == before,
            // Whoever leaves without a word has left: the protocol inside says whether that was in order.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => true,
            // Met again by the next read.
            Poll::Ready(Err(_)) | Poll::Pending if before > 0 => return Poll::Ready(Ok(())),
            other => return other,
        };
        if is_end || buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
    }
}

macro_rules! delegate {
    ($self:ident, $method:ident ( $($argument:expr),* )) => {
        match $self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Self::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Self::Tls(stream) => Pin::new(stream).$method($($argument),*),
            Self::Lost => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    };
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown(cx))
    }
}
