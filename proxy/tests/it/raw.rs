//! A client made of bytes.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    /// Process id and secret.
    pub(crate) key: Vec<u8>,
}

pub(crate) fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

pub(crate) fn query(sql: &str) -> Vec<u8> {
    frame(b'Q', format!("{sql}\0").as_bytes())
}

/// Parse, Bind, Execute of the unnamed statement without parameters.
pub(crate) fn extended(sql: &str) -> Vec<u8> {
    let parse = frame(b'P', format!("\0{sql}\0\0\0").as_bytes());
    [parse, frame(b'B', b"\0\0\0\0\0\0\0\0"), frame(b'E', b"\0\0\0\0\0")].concat()
}

pub(crate) fn sync() -> Vec<u8> {
    frame(b'S', b"")
}

impl Raw {
    pub(crate) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, key: Vec::new() }
    }

    /// Connects and logs in without a password.
    pub(crate) async fn login(port: u16, database: &str, options: &str) -> Self {
        let mut raw = Self::connect(port).await;
        let body = format!("\0\u{3}\0\0user\0postgres\0database\0{database}\0options\0{options}\0\0");
        let len = u32::try_from(body.len() + 4).unwrap();
        raw.send(&[&len.to_be_bytes(), body.as_bytes()].concat()).await;
        for (tag, body) in raw.until_ready().await {
            assert_ne!(tag, b'E', "{}", String::from_utf8_lossy(&body));
            if tag == b'K' {
                raw.key = body;
            }
        }
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn message(&mut self) -> (u8, Vec<u8>) {
        let reading = async {
            let mut header = [0; 5];
            self.stream.read_exact(&mut header).await.unwrap();
            let [tag, len @ ..] = header;
            let mut body = vec![0; usize::try_from(u32::from_be_bytes(len)).unwrap() - 4];
            self.stream.read_exact(&mut body).await.unwrap();
            (tag, body)
        };
        timeout(DEADLINE, reading).await.unwrap()
    }

    /// All messages up to and with ReadyForQuery.
    pub(crate) async fn until_ready(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut messages = Vec::new();
        loop {
            let message = self.message().await;
            let is_last = message.0 == b'Z';
            messages.push(message);
            if is_last {
                return messages;
            }
        }
    }

    /// Sends, and gives the tags of what comes back up to ReadyForQuery, with the transaction status behind.
    pub(crate) async fn tags(&mut self, bytes: &[u8]) -> String {
        self.send(bytes).await;
        self.tags_until_ready().await
    }

    pub(crate) async fn tags_until_ready(&mut self) -> String {
        let messages = self.until_ready().await;
        let mut tags: String = messages.iter().map(|(tag, _)| char::from(*tag)).collect();
        tags.extend(messages.last().and_then(|(_, body)| body.first()).map(|status| char::from(*status)));
        tags
    }

    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut byte = [0; 1];
        matches!(timeout(DEADLINE, self.stream.read(&mut byte)).await.unwrap(), Ok(0) | Err(_))
    }
}
