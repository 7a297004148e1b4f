//! Prepared statements that name an editioned schema outright. What `public.users` has to become changes with
//! the epoch, and a statement prepared before an epoch would run as it was understood then; so such texts are
//! remembered, and prepared anew, before the client's next batch, when the change touches them. Statements
//! without such names follow `search_path`, which the server looks after itself.

use catalog::model::Name;

use crate::wire::message;

/// Bytes of texts remembered for one session; what is beyond stays as it was prepared.
const REMEMBERED_BYTES_MAX: usize = 1 << 20;

/// The statements of one session.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    statements: Vec<Statement>,
    bytes: usize,
}

#[derive(Debug)]
struct Statement {
    /// With its NUL.
    name: Vec<u8>,
    /// The client's text.
    text: Vec<u8>,
    /// As in the Parse message.
    types: Vec<u8>,
    /// What the server was given in its place.
    sent: Option<Vec<u8>>,
}

impl Statement {
    fn bytes(&self) -> usize {
        self.name.len() + self.text.len() + self.types.len() + self.sent.as_ref().map_or(0, Vec::len)
    }

    fn sent(&self) -> &[u8] {
        self.sent.as_ref().unwrap_or(&self.text)
    }
}

impl Prepared {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Remembers a statement if its text names one of `schemas`. `sent` is what the server gets instead, if it
    /// is not the same.
    pub(super) fn remember(&mut self, parts: (&[u8], &[u8], &[u8]), sent: Option<&[u8]>, schemas: &[Name]) {
        let (name, text, types) = parts;
        self.forget(name);
        if !schemas.iter().any(|schema| may_qualify_by(text, schema.as_str())) {
            return;
        }
        let statement = Statement {
            name: name.into(),
            text: text.into(),
            types: types.into(),
            sent: sent.map(Into::into),
        };
        if self.bytes + statement.bytes() <= REMEMBERED_BYTES_MAX {
            self.bytes += statement.bytes();
            self.statements.push(statement);
        }
    }

    /// Forgets a statement that is closed.
    pub(super) fn forget(&mut self, name: &[u8]) {
        if let Some(at) = self.statements.iter().position(|statement| statement.name == name) {
            self.bytes -= self.statements.swap_remove(at).bytes();
        }
    }

    /// Forgets what a completed command has deallocated. After a DEALLOCATE of one statement, whose name the
    /// tag does not tell, all are forgotten: better an old meaning than a statement that the client no longer
    /// knows.
    pub(super) fn command_completed(&mut self, frame: &[u8]) {
        if message::command_tag(frame)
            .is_some_and(|tag| tag.starts_with(b"DEALLOCATE") || tag == b"DISCARD ALL")
        {
            *self = Self::default();
        }
    }

    /// The messages that prepare anew what `judge` now gives another text; None if that is nothing.
    pub(super) fn refresh(&mut self, mut judge: impl FnMut(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let mut messages = Vec::new();
        for statement in &mut self.statements {
            let fresh = judge(&statement.text);
            if fresh.as_ref().unwrap_or(&statement.text) == statement.sent() {
                continue;
            }
            self.bytes -= statement.bytes();
            statement.sent = fresh;
            self.bytes += statement.bytes();
            messages.extend(message::close_statement(&statement.name));
            messages.extend(message::parse(&statement.name, statement.sent(), &statement.types));
        }
        (!messages.is_empty()).then(|| [messages, message::SYNC.to_vec()].concat())
    }
}

/// Whether `text` may hold a name qualified by `schema`; a few false alarms cost nothing but memory.
fn may_qualify_by(text: &[u8], schema: &str) -> bool {
    let schema = schema.as_bytes();
    if schema.contains(&b'"') {
        return true;
    }
    let mut windows = text.windows(schema.len()).enumerate();
    windows.any(|(at, window)| {
        let mut behind = text.iter().skip(at + schema.len()).filter(|byte| !byte.is_ascii_whitespace());
        window.eq_ignore_ascii_case(schema)
            && match behind.next() {
                Some(b'"') => behind.next() == Some(&b'.'),
                other => other == Some(&b'.'),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schemas() -> [Name; 1] {
        [Name::new("public").unwrap()]
    }

    #[test]
    fn only_qualified_texts_are_remembered() {
        for (text, expected) in [
            ("SELECT * FROM public.users", true),
            ("SELECT * FROM PUBLIC . users", true),
            ("SELECT * FROM \"public\".users", true),
            ("SELECT * FROM users", false),
            ("SELECT 'public'", false),
            ("", false),
        ] {
            let mut prepared = Prepared::default();
            prepared.remember((b"s\0", text.as_bytes(), b"\0\0"), None, &schemas());
            assert_eq!(!prepared.is_empty(), expected, "{text}");
        }
    }

    #[test]
    fn only_what_changed_is_prepared_anew_and_only_once() {
        let mut prepared = Prepared::default();
        prepared.remember((b"a\0", b"SELECT public.a", b"\0\0"), None, &schemas());
        prepared.remember((b"b\0", b"SELECT public.b", b"\0\0"), Some(b"SELECT v1.b"), &schemas());
        let judge = |text: &[u8]| Some([&b"SELECT v1."[..], &text[text.len() - 1..]].concat());
        let expected =
            [message::close_statement(b"a\0"), message::parse(b"a\0", b"SELECT v1.a", b"\0\0")].concat();
        let messages = prepared.refresh(judge).unwrap();
        assert_eq!(messages, [expected, message::SYNC.to_vec()].concat());
        assert_eq!(prepared.refresh(judge), None);
        prepared.forget(b"a\0");
        prepared.command_completed(&message::frame(b'C', b"DEALLOCATE ALL\0"));
        assert!(prepared.is_empty() && prepared.bytes == 0);
    }
}
