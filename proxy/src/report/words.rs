//! Message and hint: identifiers in quotes, and the few that PostgreSQL does not quote.

use catalog::model::Name;

use super::{Table, context, fields::Fields, vocabulary::Vocabulary};
use crate::rewrite::Edits;

/// A name may hold quotes itself, which PostgreSQL does not double in reports: so many ends are tried.
const ENDS_TRIED: usize = 8;
/// Quotes of PostgreSQL's translations.
const QUOTES: &[(char, char)] = &[('"', '"'), ('«', '»'), ('»', '«'), ('„', '“'), ('“', '”')];

/// Whose words a report is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// What execution met: physical names.
    Physical,
    /// What the statement says: the edition's names, but schemas of ours where they were put in.
    Statement,
    /// Values of the client's, among which nothing can be told to be a name.
    Values,
}

impl Speech {
    pub(super) fn of(sqlstate: &str) -> Self {
        match sqlstate {
            // a token of the text itself
            "42601" => Self::Values,
            // of a COPY, the only data errors that name a column
            "22P04" | "42501" | "428C9" => Self::Physical,
            other => match other.get(..2) {
                Some("00" | "01" | "23" | "25" | "40" | "44" | "55" | "57") => Self::Physical,
                Some("0A" | "2B" | "34" | "42" | "54") => Self::Statement,
                _ => Self::Values,
            },
        }
    }
}

/// Rewords message and hint.
pub(super) fn reword(
    fields: &mut Fields<'_>,
    vocabulary: &Vocabulary,
    table: Option<&Table>,
    edits: Option<&Edits>,
) {
    let sqlstate = fields.get(b'C').unwrap_or_default().to_owned();
    let speech = Speech::of(&sqlstate);
    if speech == Speech::Values {
        return;
    }
    let table = table.or_else(|| context::copied(fields, vocabulary));
    let words = Words { edits, generated: sqlstate == "428C9", ..Words::new(vocabulary, table, speech) };
    for field in [b'M', b'H'] {
        fields.replace(field, |text| {
            let text = words.quoted(text);
            let text = if sqlstate == "42501" { words.privilege(&text) } else { text };
            Some(words.without_our_schemas(text))
        });
    }
}

/// What is known about the names in a text.
pub(super) struct Words<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    /// The physical table that the text is about.
    pub(super) table: Option<&'a Table>,
    pub(super) speech: Speech,
    /// It is about a column of an unnamed table that computes or counts itself.
    pub(super) generated: bool,
    /// What was replaced in the statement.
    pub(super) edits: Option<&'a Edits>,
}

impl<'a> Words<'a> {
    pub(super) fn new(vocabulary: &'a Vocabulary, table: Option<&'a Table>, speech: Speech) -> Self {
        Self { vocabulary, table, speech, generated: false, edits: None }
    }

    /// `text` with the edition's names for those in quotes.
    pub(super) fn quoted(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| QUOTES.iter().any(|(open, _)| *open == c)) {
            let (before, opened) = rest.split_at(at);
            result.push_str(before);
            let Some(open) = opened.chars().next() else { break };
            let inside = opened.get(open.len_utf8()..).unwrap_or_default();
            result.push(open);
            rest = inside;
            if let Some((name, new)) = self.name_at(inside, open, last_word(&result)) {
                result.push_str(&new);
                rest = inside.get(name..).unwrap_or_default();
                // the closing quote opens nothing
                let close = rest.chars().next().map_or(0, char::len_utf8);
                result.push_str(rest.get(..close).unwrap_or_default());
                rest = rest.get(close..).unwrap_or_default();
            }
        }
        result.push_str(rest);
        result
    }

    /// The length of the physical name that `inside` begins with, and what the edition calls it.
    fn name_at(&self, inside: &str, open: char, kind: &str) -> Option<(usize, String)> {
        let (_, close) = QUOTES.iter().find(|(known, _)| *known == open)?;
        let ends =
            inside.match_indices(*close).map(|(at, _)| at).take_while(|at| *at <= 2 * Name::BYTES_MAX + 1);
        ends.take(ENDS_TRIED).find_map(|end| {
            let name = inside.get(..end)?.trim();
            Some((end, self.meaning(kind, name)?.to_owned()))
        })
    }

    fn meaning<'n>(&'n self, kind: &str, name: &'n str) -> Option<&'n str> {
        match kind.to_ascii_lowercase().as_str() {
            "schema" => self.vocabulary.schema(name),
            "column" if self.speech == Speech::Statement => self.column_put_in(name),
            _ if self.speech == Speech::Statement => None,
            "column" => self.column(name),
            "constraint" | "index" => self.constraint(name),
            "table" | "relation" => self.relation(name),
            "policy" => self.policy(name),
            // of a line of a COPY: `got "a", expected "b"`
            "got" | "expected" => None,
            // in another language, or in a phrase of its own: what the fields of the report say
            _ => {
                let table = self.table?;
                let is_table = table.physical_name.as_str() == name;
                is_table
                    .then_some(table.name.as_str())
                    .or_else(|| table.constraint(name))
                    .or_else(|| table.column(name))
            }
        }
    }

    fn column(&self, name: &str) -> Option<&str> {
        match self.table {
            Some(table) => table.column(name),
            None if self.generated => self.vocabulary.column_anywhere(name),
            None => None,
        }
    }

    /// One that the client did not write: the statement was given the physical table.
    fn column_put_in(&self, name: &str) -> Option<&str> {
        let edits = self.edits?;
        let was_put_in = Name::new(name).is_ok_and(|name| edits.put_in(&name));
        if was_put_in { self.vocabulary.column_anywhere(name) } else { None }
    }

    fn constraint(&self, name: &str) -> Option<&str> {
        let known = self.table.and_then(|table| table.constraint(name));
        known.or_else(|| self.vocabulary.constraint_anywhere(name))
    }

    /// A table, or an index, which PostgreSQL calls a relation, too.
    fn relation(&self, name: &str) -> Option<&str> {
        let known = self.table.filter(|table| table.physical_name.as_str() == name);
        let known = known.or_else(|| self.vocabulary.physical_unqualified(name));
        known.map(|table| table.name.as_str()).or_else(|| self.vocabulary.constraint_anywhere(name))
    }

    /// One that only some editions have bears their mark if its name was taken.
    fn policy<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        self.vocabulary.without_suffix(name)
    }

    /// `permission denied for view users`, `must be owner of table users`: kind and name without quotes. What is a view of ours
    /// is a table of the edition.
    fn privilege(&self, text: &str) -> String {
        for phrase in ["permission denied for ", "must be owner of "] {
            let Some(object) = text.strip_prefix(phrase) else { continue };
            let new = match object.split_once(' ') {
                Some(("view", name)) if self.vocabulary.has(name) => Some(format!("table {name}")),
                Some(("table", name)) => {
                    let table = self.vocabulary.physical_unqualified(name);
                    table.map(|table| format!("table {}", table.name.as_str()))
                }
                Some(("schema", name)) => {
                    self.vocabulary.schema(name).map(|schema| format!("schema {schema}"))
                }
                _ => None,
            };
            if let Some(new) = new {
                return format!("{phrase}{new}");
            }
        }
        text.to_owned()
    }

    /// `text` with editioned schemas for ours where they qualify a name: `"public$v2".users`, `public$v2.total_of(integer)`.
    pub(super) fn without_our_schemas(&self, mut text: String) -> String {
        for (own, schema) in self.vocabulary.schemas() {
            if text.contains(own) {
                let schema = schema.as_str();
                text = text
                    .replace(
                        &format!("\"{own}\"."),
                        &format!("{}.", super::identifier::quoted_if_needed(schema)),
                    )
                    .replace(&format!("{own}."), &format!("{schema}."))
                    .replace(&format!("\"{own}\""), &format!("\"{schema}\""));
            }
        }
        text
    }
}

/// The word before the quote that `text` ends with.
fn last_word(text: &str) -> &str {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    text.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}
