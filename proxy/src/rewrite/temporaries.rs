//! The temporary tables that a session has made.

use std::collections::BTreeSet;

use catalog::{
    model::Name,
    sql::lexer::{Token, TokenKind},
};

/// Names remembered for one session, in bytes.
const BYTES_MAX: usize = 256 << 10;
/// Between what a key is made of; no text holds it.
const MARK: u8 = 0xff;

/// What the session said in SQL. Nothing is ever taken out: a rollback can bring back what was dropped. Whether one is there the server knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Temporaries {
    names: BTreeSet<Box<[u8]>>,
    bytes: usize,
    /// Whether there were more names than are remembered.
    has_more: bool,
}

impl Temporaries {
    pub(super) fn extend(&mut self, names: &[Name]) {
        for name in names {
            let name = name.as_str().as_bytes();
            if self.names.contains(name) {
                continue;
            }
            if self.bytes + name.len() > BYTES_MAX {
                self.has_more = true;
                return;
            }
            self.bytes += name.len();
            self.names.insert(name.into());
        }
    }

    /// Whether the session made any.
    pub(super) fn are_any(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether the session made a table of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name.as_bytes())
    }

    /// Whether it may have.
    pub(super) fn may_have(&self, name: &str) -> bool {
        self.has_more || self.has(name)
    }

    /// What the judgement of a text can hang on: those that it names outside of literals.
    pub(super) fn add_to_key(&self, text: &str, tokens: &[Token], key: &mut Vec<u8>) {
        if self.names.is_empty() {
            return;
        }
        key.extend_from_slice(&[MARK, u8::from(self.has_more)]);
        if tokens.iter().any(|token| token.kind == TokenKind::UnicodeQuoted) {
            return self.add_all_to_key(key);
        }
        let mut folded = [0; Name::BYTES_MAX];
        for token in tokens {
            let bytes = token.bytes(text.as_bytes());
            let known = match token.kind {
                // Most are; none of them is copied to the heap.
                TokenKind::Word => folded.get_mut(..bytes.len()).and_then(|name| {
                    name.copy_from_slice(bytes);
                    name.make_ascii_lowercase();
                    self.names.get(&*name)
                }),
                TokenKind::Quoted => token.name(text).and_then(|name| self.names.get(name.as_bytes())),
                _ => None,
            };
            if let Some(name) = known {
                key.push(MARK);
                key.extend_from_slice(name);
            }
        }
    }

    /// The same of a text whose literals count.
    pub(super) fn add_all_to_key(&self, key: &mut Vec<u8>) {
        for name in &self.names {
            key.push(MARK);
            key.extend_from_slice(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use catalog::sql::lexer::Lexer;

    use super::*;

    fn made(names: &[&str]) -> Temporaries {
        let mut made = Temporaries::default();
        made.extend(&names.iter().map(|name| Name::new(*name).unwrap()).collect::<Vec<_>>());
        made
    }

    fn key(of: &Temporaries, text: &str) -> Vec<u8> {
        let mut key = Vec::new();
        of.add_to_key(text, &Lexer::new(text.as_bytes()).collect::<Vec<_>>(), &mut key);
        key
    }

    #[test]
    fn a_key_has_the_names_that_its_text_has() {
        let (one, other) = (made(&["users", "Ids"]), made(&["users", "jobs"]));
        for (text, same) in [
            ("TRUNCATE USERS", true),
            ("TRUNCATE \"Ids\"", false),
            ("TRUNCATE ids, jobs", false),
            ("SELECT 'jobs'", true),
            ("TRUNCATE U&\"\\0061\"", false),
        ] {
            assert_eq!(key(&one, text) == key(&other, text), same, "{text}");
        }
        assert_ne!(key(&one, "TRUNCATE users"), key(&made(&["ids"]), "TRUNCATE users"));
    }

    #[test]
    fn a_name_counts_once_and_too_many_are_known_to_be_more() {
        let mut made = made(&["users"; 100]);
        assert!(made.has("users") && !made.may_have("jobs"));
        for number in 0..10_000 {
            made.extend(&[
                Name::new(format!("a_name_of_a_temporary_table_that_is_rather_long_{number}")).unwrap()
            ]);
        }
        assert!(made.has("users") && made.may_have("jobs") && !made.has("jobs"));
    }
}
