//! The messages that we write ourselves, and the few fields that we read from the server's.

use std::borrow::Cow;

/// Tags that mean something to us. From the client:
pub(crate) mod client {
    pub(crate) const QUERY: u8 = b'Q';
    pub(crate) const PARSE: u8 = b'P';
    pub(crate) const BIND: u8 = b'B';
    pub(crate) const DESCRIBE: u8 = b'D';
    pub(crate) const EXECUTE: u8 = b'E';
    pub(crate) const CLOSE: u8 = b'C';
    pub(crate) const SYNC: u8 = b'S';
    pub(crate) const FUNCTION_CALL: u8 = b'F';
    pub(crate) const COPY_DATA: u8 = b'd';
    pub(crate) const COPY_DONE: u8 = b'c';
    pub(crate) const COPY_FAIL: u8 = b'f';
    pub(crate) const TERMINATE: u8 = b'X';
    pub(crate) const PASSWORD: u8 = b'p';
}

/// Tags that mean something to us. From the server:
pub(crate) mod server {
    pub(crate) const AUTHENTICATION: u8 = b'R';
    pub(crate) const BACKEND_KEY: u8 = b'K';
    pub(crate) const READY: u8 = b'Z';
    pub(crate) const ERROR: u8 = b'E';
    pub(crate) const NOTICE: u8 = b'N';
    pub(crate) const COPY_IN: u8 = b'G';
    pub(crate) const PARAMETER_STATUS: u8 = b'S';
    pub(crate) const PARSE_COMPLETE: u8 = b'1';
    pub(crate) const BIND_COMPLETE: u8 = b'2';
    pub(crate) const CLOSE_COMPLETE: u8 = b'3';
    pub(crate) const NO_DATA: u8 = b'n';
    pub(crate) const ROW_DESCRIPTION: u8 = b'T';
    pub(crate) const PORTAL_SUSPENDED: u8 = b's';
    pub(crate) const EMPTY_QUERY: u8 = b'I';
    pub(crate) const DATA_ROW: u8 = b'D';
    pub(crate) const COPY_DATA: u8 = b'd';
    pub(crate) const COMMAND_COMPLETE: u8 = b'C';
}

/// The whole of a Terminate message.
pub(crate) const TERMINATE: [u8; 5] = [client::TERMINATE, 0, 0, 0, 4];

/// An error as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) severity: Severity,
    pub(crate) sqlstate: Cow<'static, str>,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    /// 1-based, in characters of the client's statement.
    pub(crate) position: Option<usize>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

impl Report {
    /// The session ends, and why.
    pub(crate) fn fatal(sqlstate: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Fatal,
            sqlstate: sqlstate.into(),
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
        }
    }

    /// A statement fails, and why.
    pub(crate) fn error(sqlstate: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, ..Self::fatal(sqlstate, message) }
    }

    /// Adds what happened in more words.
    #[must_use]
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// An ErrorResponse.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let position = self.position.map(|position| position.to_string());
        let fields = [
            (b'S', Some(self.severity.as_str())),
            (b'V', Some(self.severity.as_str())),
            (b'C', Some(&*self.sqlstate)),
            (b'M', Some(self.message.as_str())),
            (b'D', self.detail.as_deref()),
            (b'H', self.hint.as_deref()),
            (b'P', position.as_deref()),
        ];
        let mut body = Vec::new();
        for (field, text) in fields.into_iter().filter_map(|(field, text)| Some((field, text?))) {
            body.push(field);
            body.extend(text.bytes().filter(|byte| *byte != 0));
            body.push(0);
        }
        body.push(0);
        frame(server::ERROR, &body)
    }
}

/// A tag, a length and this body.
pub(crate) fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(tag);
    bytes.extend(u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A field of an ErrorResponse or NoticeResponse (whole frame).
pub(crate) fn report_field(frame: &[u8], wanted: u8) -> Option<&[u8]> {
    frame
        .get(super::frame::HEADER_BYTES..)?
        .split(|byte| *byte == 0)
        .filter_map(<[u8]>::split_first)
        .find(|(field, _)| **field == wanted)
        .map(|(_, text)| text)
}

/// The first value of a DataRow frame (whole); None if there is none, or it is NULL.
pub(crate) fn first_value(frame: &[u8]) -> Option<&[u8]> {
    let (_count, rest) = frame.get(super::frame::HEADER_BYTES..)?.split_at_checked(2)?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(i32::from_be_bytes(*len)).ok()?)
}

/// The statement text in a Query frame (whole), without its NUL.
pub(crate) fn query_text(frame: &[u8]) -> Option<&[u8]> {
    frame.get(super::frame::HEADER_BYTES..)?.strip_suffix(b"\0")
}

/// A Parse frame (whole) in three parts: the statement's name with its NUL, the text without its own, the
/// parameter types.
pub(crate) fn parse_parts(frame: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let body = frame.get(super::frame::HEADER_BYTES..)?;
    let name_end = body.iter().position(|byte| *byte == 0)? + 1;
    let (name, rest) = body.split_at_checked(name_end)?;
    let text_end = rest.iter().position(|byte| *byte == 0)?;
    let (text, types) = rest.split_at_checked(text_end)?;
    Some((name, text, types.get(1..)?))
}

/// The names, with their NULs, of portal and prepared statement in a Bind frame.
pub(crate) fn bound(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let (portal, rest) = first_name(frame.get(super::frame::HEADER_BYTES..)?)?;
    Some((portal, first_name(rest)?.0))
}

/// The name, with its NUL, of the portal in an Execute frame.
pub(crate) fn executed_portal(frame: &[u8]) -> Option<&[u8]> {
    Some(first_name(frame.get(super::frame::HEADER_BYTES..)?)?.0)
}

/// A name with its NUL, and what is behind it.
fn first_name(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = body.iter().position(|byte| *byte == 0)? + 1;
    body.split_at_checked(end)
}

/// The name, with its NUL, of the prepared statement in a Describe or Close frame; None if that is about a portal.
pub(crate) fn named_statement(frame: &[u8]) -> Option<&[u8]> {
    frame.get(super::frame::HEADER_BYTES..)?.strip_prefix(b"S")
}

/// The name, with its NUL, of the portal in a Describe or Close frame; None if that is about a prepared statement.
pub(crate) fn named_portal(frame: &[u8]) -> Option<&[u8]> {
    frame.get(super::frame::HEADER_BYTES..)?.strip_prefix(b"P")
}

/// A Close of this prepared statement.
pub(crate) fn close_statement(name: &[u8]) -> Vec<u8> {
    frame(client::CLOSE, &[b"S", name].concat())
}

/// A Close of this portal.
pub(crate) fn close_portal(name: &[u8]) -> Vec<u8> {
    frame(client::CLOSE, &[b"P", name].concat())
}

/// A Bind of a statement without parameters, for results as text.
pub(crate) fn bind(portal: &[u8], statement: &[u8]) -> Vec<u8> {
    frame(client::BIND, &[portal, statement, &[0; 6]].concat())
}

/// An Execute of this portal to its end.
pub(crate) fn execute(portal: &[u8]) -> Vec<u8> {
    frame(client::EXECUTE, &[portal, &[0; 4]].concat())
}

/// Where a column of a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// The OID of a table; 0: it comes from none.
    pub(crate) table: u32,
    /// `attnum`
    pub(crate) column: i16,
}

impl Origin {
    /// In a RowDescription.
    pub(crate) const BYTES: usize = 6;

    /// As it stands there.
    pub(crate) fn encode(self) -> Vec<u8> {
        [self.table.to_be_bytes().as_slice(), &self.column.to_be_bytes()].concat()
    }
}

/// The origins of the columns in a RowDescription frame (whole), each with its place in it; as many as can be read.
pub(crate) fn column_origins(frame: &[u8]) -> impl Iterator<Item = (usize, Origin)> {
    /// Type, its length and modifier, and the format.
    const BEHIND: usize = 12;
    let mut at = super::frame::HEADER_BYTES + 2;
    std::iter::from_fn(move || {
        let (name, rest) = first_name(frame.get(at..)?)?;
        let (table, rest) = rest.split_first_chunk()?;
        let (column, rest) = rest.split_first_chunk()?;
        rest.get(..BEHIND)?;
        let place = at + name.len();
        at = place + Origin::BYTES + BEHIND;
        let origin = Origin { table: u32::from_be_bytes(*table), column: i16::from_be_bytes(*column) };
        Some((place, origin))
    })
}

/// Name and value in a ParameterStatus frame (whole).
pub(crate) fn parameter(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = frame.get(super::frame::HEADER_BYTES..)?.strip_suffix(b"\0")?;
    let name_end = body.iter().position(|byte| *byte == 0)?;
    Some((body.get(..name_end)?, body.get(name_end + 1..)?))
}

/// The name of `search_path`, as it stands in a ParameterStatus frame.
pub(crate) const SEARCH_PATH: &[u8] = b"search_path\0";

/// The value of `search_path` if that is what a ParameterStatus frame reports.
pub(crate) fn reported_path(frame: &[u8]) -> Option<&str> {
    let value = frame.get(super::frame::HEADER_BYTES..)?.strip_prefix(SEARCH_PATH)?;
    std::str::from_utf8(value.strip_suffix(b"\0")?).ok()
}

/// A Query with this text.
pub(crate) fn query(text: &[u8]) -> Vec<u8> {
    frame(client::QUERY, &[text, b"\0"].concat())
}

/// A Parse with these parts (see [`parse_parts`]).
pub(crate) fn parse(name: &[u8], text: &[u8], types: &[u8]) -> Vec<u8> {
    frame(client::PARSE, &[name, text, b"\0", types].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_an_error_response_byte_by_byte() {
        let report = Report::fatal("3D000", "no").with_hint("yes");
        assert_eq!(report.encode(), b"E\x00\x00\x00\x23SFATAL\0VFATAL\0C3D000\0Mno\0Hyes\0\0");
        assert_eq!(report_field(&report.encode(), b'H'), Some(&b"yes"[..]));
        assert_eq!(report_field(&report.encode(), b'D'), None);
    }

    #[test]
    fn statements_are_found_in_their_frames_and_put_back() {
        let parsed = parse(b"s1\0", b"SELECT 1", b"\x00\x01\x00\x00\x00\x17");
        assert_eq!(
            parse_parts(&parsed),
            Some((&b"s1\0"[..], &b"SELECT 1"[..], &b"\x00\x01\x00\x00\x00\x17"[..]))
        );
        assert_eq!(query_text(&query(b"SELECT 1")), Some(&b"SELECT 1"[..]));
        assert_eq!(query_text(b"Q\x00\x00\x00\x05x"), None);
        assert_eq!(parse_parts(b"P\x00\x00\x00\x06ab"), None);
        let names = (&b"portal\0"[..], &b"s1\0"[..]);
        assert_eq!(bound(&frame(client::BIND, b"portal\0s1\0rest")), Some(names));
        assert_eq!(bound(&frame(client::BIND, b"portal\0s1")), None);
        assert_eq!(executed_portal(&frame(client::EXECUTE, b"p\0\0\0\0\0")), Some(&b"p\0"[..]));
        assert_eq!(named_portal(&frame(client::CLOSE, b"Pp\0")), Some(&b"p\0"[..]));
        let status = frame(server::PARAMETER_STATUS, b"TimeZone\0UTC\0");
        assert_eq!(parameter(&status), Some((&b"TimeZone"[..], &b"UTC"[..])));
        assert_eq!(parameter(&frame(server::PARAMETER_STATUS, b"TimeZone\0")), None);
    }
}
