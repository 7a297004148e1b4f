//! The TLS settings in a connection string. `tokio_postgres` reads only a part of them, so they are taken out before
//! it reads the rest.

use std::{ops::Range, path::PathBuf};

use thiserror::Error;

use super::{Mode, ModeError, Settings};

/// What a connection string (or an environment like libpq's) says of TLS; nothing is filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// `sslmode`.
    pub mode: Option<Mode>,
    /// `sslrootcert`.
    pub root_certificate: Option<PathBuf>,
    /// `sslcert`.
    pub certificate: Option<PathBuf>,
    /// `sslkey`.
    pub key: Option<PathBuf>,
}

/// A TLS setting that cannot be followed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParameterError {
    /// The mode is none.
    #[error(transparent)]
    Mode(#[from] ModeError),
    /// libpq's word for the system's authorities.
    #[error("sslrootcert=system is not supported: name a file, such as /etc/ssl/certs/ca-certificates.crt")]
    SystemRoots,
}

impl Parameters {
    /// Takes `sslmode`, `sslrootcert`, `sslcert` and `sslkey` out of a connection string (URL or `name=value` words);
    /// gives them and the string without them. A string that is not well-formed comes back as it is: whoever
    /// reads it next says what is wrong.
    pub fn take_from(text: &str) -> Result<(Self, String), ParameterError> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let found = if is_url { in_query(text) } else { in_words(text) };
        let mut parameters = Self::default();
        let mut rest = String::with_capacity(text.len());
        let mut at = 0;
        for Found { name, value, range } in found {
            if parameters.set(&name, value)? {
                rest.push_str(text.get(at..range.start).unwrap_or_default());
                at = range.end;
            }
        }
        rest.push_str(text.get(at..).unwrap_or_default());
        Ok((parameters, rest))
    }

    /// Gives one setting by libpq's name for it. False: the name is no TLS setting.
    pub fn set(&mut self, name: &str, value: String) -> Result<bool, ParameterError> {
        match name {
            "sslmode" => self.mode = Some(value.parse()?),
            "sslrootcert" if value == "system" => return Err(ParameterError::SystemRoots),
            "sslrootcert" => self.root_certificate = Some(value.into()),
            "sslcert" => self.certificate = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What these leave open, `others` decide.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            mode: self.mode.or(others.mode),
            root_certificate: self.root_certificate.or(others.root_certificate),
            certificate: self.certificate.or(others.certificate),
            key: self.key.or(others.key),
        }
    }

    /// What these leave open, `settings` decide.
    #[must_use]
    pub fn over(self, settings: Settings) -> Settings {
        Settings {
            mode: self.mode.unwrap_or(settings.mode),
            root_certificate: self.root_certificate.or(settings.root_certificate),
            certificate: self.certificate.or(settings.certificate),
            key: self.key.or(settings.key),
        }
    }
}

/// One setting of a connection string, and the bytes that say it.
struct Found {
    name: String,
    value: String,
    range: Range<usize>,
}

/// The settings behind the `?` of a URL; each range has its `&` in it.
fn in_query(url: &str) -> Vec<Found> {
    // A `?` before the first `@` belongs to the credentials.
    let after_credentials = url.find('@').map_or(0, |at| at + 1);
    let Some(mark) = url.get(after_credentials..).and_then(|rest| rest.find('?')) else { return Vec::new() };
    let mut start = after_credentials + mark + 1;
    let mut found = Vec::new();
    for pair in url.get(start..).unwrap_or_default().split('&') {
        // with the `&` behind it, so that the first of several goes without a trace
        let end = (start + pair.len() + 1).min(url.len());
        if let Some((name, value)) = pair.split_once('=') {
            found.push(Found { name: decoded(name), value: decoded(value), range: start..end });
        }
        start = end;
    }
    found
}

/// Percent-decodes; what is no code stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let code = (first == b'%').then(|| behind.get(..2)).flatten();
        let byte = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The settings of `name = 'value'` words. Ends where it does not understand.
fn in_words(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut letters = text.char_indices().peekable();
    loop {
        while letters.next_if(|(_, letter)| letter.is_whitespace()).is_some() {}
        let Some(&(start, _)) = letters.peek() else { return found };
        let mut name = String::new();
        while let Some((_, letter)) = letters.next_if(|(_, letter)| !letter.is_whitespace() && *letter != '=')
        {
            name.push(letter);
        }
        while letters.next_if(|(_, letter)| letter.is_whitespace()).is_some() {}
        if letters.next_if(|(_, letter)| *letter == '=').is_none() {
            return found;
        }
        while letters.next_if(|(_, letter)| letter.is_whitespace()).is_some() {}
        let is_quoted = letters.next_if(|(_, letter)| *letter == '\'').is_some();
        let ends = |letter: char| if is_quoted { letter == '\'' } else { letter.is_whitespace() };
        let mut value = String::new();
        while let Some((_, letter)) = letters.next_if(|(_, letter)| !ends(*letter)) {
            match letter {
                '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        if is_quoted && letters.next().is_none() {
            return found;
        }
        let end = letters.peek().map_or(text.len(), |(at, _)| *at);
        found.push(Found { name, value, range: start..end });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> (Option<&'static str>, Option<String>, String) {
        let (parameters, rest) = Parameters::take_from(text).unwrap();
        let root = parameters.root_certificate.map(|path| path.display().to_string());
        (parameters.mode.map(Mode::as_str), root, rest)
    }

    #[test]
    fn tls_is_taken_out_of_urls_and_of_words() {
        for (text, mode, root, rest) in [
            ("postgres://a:b@h/d", None, None, "postgres://a:b@h/d"),
            ("postgres://h/d?sslmode=verify-full", Some("verify-full"), None, "postgres://h/d?"),
            (
                "postgresql://a:?sslmode=no@h/d?connect_timeout=1&sslmode=require&sslrootcert=%2Fa%20b&keepalives=0",
                Some("require"),
                Some("/a b"),
                "postgresql://a:?sslmode=no@h/d?connect_timeout=1&keepalives=0",
            ),
            (
                "postgres://a@h/d?connect_timeout=1&sslmode=disable",
                Some("disable"),
                None,
                "postgres://a@h/d?connect_timeout=1&",
            ),
            ("host=h sslmode=require user=a", Some("require"), None, "host=h  user=a"),
            (
                "sslrootcert = '/a\\' b' password='sslmode=x' sslmode=verify-ca",
                Some("verify-ca"),
                Some("/a' b"),
                " password='sslmode=x' ",
            ),
            ("host='open sslmode=require", None, None, "host='open sslmode=require"),
            ("", None, None, ""),
        ] {
            assert_eq!(taken(text), (mode, root.map(str::to_owned), rest.to_owned()), "{text}");
            let (_, rest) = Parameters::take_from(text).unwrap();
            if !text.contains("open") {
                assert!(rest.parse::<tokio_postgres::Config>().is_ok(), "{rest}");
            }
        }
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        let fails = |text: &str| Parameters::take_from(text).unwrap_err().to_string();
        assert!(fails("host=h sslmode=allow").contains("\"allow\" is no TLS mode"));
        assert!(fails("postgres://h/d?sslrootcert=system").contains("name a file"));
    }
}
