//! `host:port`, `[v6]:port`, or the path of a unix socket.

use std::{fmt, path::PathBuf, str::FromStr};

use thiserror::Error;

/// PostgreSQL's port.
const PORT: u16 = 5432;

/// Where to listen or to connect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host name or IP address, and a port.
    Tcp {
        /// Without brackets.
        host: String,
        /// May be 0 for listening.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
}

/// Not an address.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "\"{0}\" is not an address: write host:port, [v6]:port, /socket/folder:port or the path of a unix socket"
)]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError(text.to_owned());
        if text.starts_with('/') {
            return Ok(Self::Unix(socket_path(text)));
        }
        let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or_else(error)) {
            Some(bracketed) => {
                let (host, rest) = bracketed?;
                (host, rest.strip_prefix(':').or(rest.is_empty().then_some("5432")).ok_or_else(error)?)
            }
            None => match text.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => return Err(error()),
                Some(split) => split,
                None => (text, "5432"),
            },
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(error());
        }
        Ok(Self::Tcp { host: host.to_owned(), port: port.parse().map_err(|_| error())? })
    }
}

/// `/folder:5432` and `/folder` name PostgreSQL's socket in that folder; anything with `.s.` in its last part
/// is the socket itself.
fn socket_path(text: &str) -> PathBuf {
    let is_socket = |path: &str| path.rsplit('/').next().is_some_and(|name| name.contains(".s."));
    match text.rsplit_once(':') {
        Some((folder, port)) if port.parse::<u16>().is_ok() => {
            PathBuf::from(format!("{folder}/.s.PGSQL.{port}"))
        }
        _ if is_socket(text) || std::path::Path::new(text).extension().is_some() => PathBuf::from(text),
        _ => PathBuf::from(format!("{text}/.s.PGSQL.{PORT}")),
    }
}

/// Permissions of a socket file, as `chmod` takes them.
pub(super) fn permissions(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| format!("\"{text}\" is no octal mode such as 0770"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_to_write_an_address() {
        for (text, shown) in [
            ("db.example:6000", "db.example:6000"),
            ("localhost", "localhost:5432"),
            ("[::1]:6000", "[::1]:6000"),
            ("[::1]", "[::1]:5432"),
            ("/run/postgresql", "/run/postgresql/.s.PGSQL.5432"),
            ("/run/postgresql:6000", "/run/postgresql/.s.PGSQL.6000"),
            ("/run/postgresql/.s.PGSQL.6000", "/run/postgresql/.s.PGSQL.6000"),
            ("/tmp/editiond.sock", "/tmp/editiond.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown, "{text}");
        }
        for text in ["", ":5432", "host:port", "host:70000", "::1", "[::1", "[::1]x", "a b:1"] {
            assert_eq!(text.parse::<Address>(), Err(AddressError(text.to_owned())), "{text}");
        }
    }
}
