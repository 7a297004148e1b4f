//! A client that keeps every message that it gets.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

/// For one statement; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// Query.
    Simple,
    /// Parse, Bind, Describe, Execute, Sync.
    Extended,
}

/// One message of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What kind.
    pub tag: u8,
    /// Without the length.
    pub body: Vec<u8>,
}

impl Message {
    /// The fields of an error, if it is one.
    fn told(&self) -> Option<String> {
        (self.tag == b'E').then(|| String::from_utf8_lossy(&self.body).replace('\0', " "))
    }
}

/// A session.
pub struct Wire {
    stream: BufReader<TcpStream>,
}

impl Wire {
    /// Logs in without a password.
    pub async fn open(port: u16, parameters: &[(&str, &str)]) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let mut wire = Self { stream: BufReader::new(stream) };
        let mut body = vec![0, 3, 0, 0];
        for (name, value) in parameters {
            body.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        body.push(0);
        let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
        wire.stream.write_all(&length.to_be_bytes()).await?;
        wire.stream.write_all(&body).await?;
        match wire.until_ready(None).await?.0.iter().find_map(Message::told) {
            Some(error) => Err(io::Error::other(error)),
            None => Ok(wire),
        }
    }

    /// Runs one text; `lines` go to a COPY that asks for them. Also tells whether one did.
    pub async fn run(
        &mut self,
        protocol: Protocol,
        sql: &str,
        lines: Option<&[u8]>,
    ) -> io::Result<(Vec<Message>, bool)> {
        let text = format!("{sql}\0");
        let bytes = match protocol {
            Protocol::Simple => frame(b'Q', text.as_bytes())?,
            Protocol::Extended => [
                frame(b'P', format!("\0{text}\0\0").as_bytes())?,
                frame(b'B', b"\0\0\0\0\0\0\0\0")?,
                frame(b'D', b"P\0")?,
                frame(b'E', b"\0\0\0\0\0")?,
                frame(b'S', b"")?,
            ]
            .concat(),
        };
        timeout(PATIENCE, async {
            self.stream.write_all(&bytes).await?;
            // A COPY from the client swallows the Sync that came with it.
            let again = if protocol == Protocol::Extended { frame(b'S', b"")? } else { Vec::new() };
            self.until_ready(Some((lines, again))).await
        })
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Parse, Bind and Execute of each text and one Sync, at once.
    pub async fn pipeline(&mut self, texts: &[&str]) -> io::Result<Vec<Message>> {
        let mut bytes = Vec::new();
        for text in texts {
            bytes.extend(frame(b'P', format!("\0{text}\0\0\0").as_bytes())?);
            bytes.extend(frame(b'B', b"\0\0\0\0\0\0\0\0")?);
            bytes.extend(frame(b'E', b"\0\0\0\0\0")?);
        }
        bytes.extend(frame(b'S', b"")?);
        self.exchange(&bytes).await
    }

    /// Sends messages, of which the last is answered by ReadyForQuery.
    pub async fn exchange(&mut self, bytes: &[u8]) -> io::Result<Vec<Message>> {
        let answer = async {
            self.stream.write_all(bytes).await?;
            Ok(self.until_ready(None).await?.0)
        };
        timeout(PATIENCE, answer).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn until_ready(
        &mut self,
        copy: Option<(Option<&[u8]>, Vec<u8>)>,
    ) -> io::Result<(Vec<Message>, bool)> {
        let (mut messages, mut asked) = (Vec::new(), false);
        loop {
            let message = match self.message().await {
                Ok(message) => message,
                // Why the session was ended.
                Err(error) => {
                    return Err(messages
                        .iter()
                        .rev()
                        .find_map(Message::told)
                        .map_or(error, io::Error::other));
                }
            };
            let tag = message.tag;
            messages.push(message);
            match (tag, &copy) {
                (b'Z', _) => return Ok((messages, asked)),
                (b'G', Some((lines, again))) => {
                    asked = true;
                    let answer = match lines {
                        Some(lines) => [frame(b'd', lines)?, frame(b'c', b"")?].concat(),
                        None => frame(b'f', b"no lines\0")?,
                    };
                    self.stream.write_all(&answer).await?;
                    self.stream.write_all(again).await?;
                }
                _ => {}
            }
        }
    }

    async fn message(&mut self) -> io::Result<Message> {
        let tag = self.stream.read_u8().await?;
        let length = usize::try_from(self.stream.read_u32().await?).map_err(io::Error::other)?;
        let mut body = vec![0; length.saturating_sub(4)];
        self.stream.read_exact(&mut body).await?;
        Ok(Message { tag, body })
    }
}

/// A message of a client.
pub fn frame(tag: u8, body: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
    Ok([&[tag], length.to_be_bytes().as_slice(), body].concat())
}
