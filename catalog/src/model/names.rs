//! Names as PostgreSQL stores them: up to 63 bytes, any character but NUL, compared byte by byte, never folded here.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

/// Why a text cannot be a name.
#[derive(Debug, ThisError, PartialEq, Eq)]
pub enum NameError {
    /// The empty string.
    #[error("a name must not be empty")]
    Empty,
    /// PostgreSQL would cut it, silently.
    #[error("name \"{0}\" is {1} bytes long, more than the 63 that PostgreSQL keeps")]
    TooLong(String, usize),
    /// A NUL byte.
    #[error("a name must not contain a NUL byte")]
    Nul,
    /// An edition name with a character that would be ambiguous in `database@edition` or in a schema name.
    #[error("edition name \"{0}\" must not contain {1:?}")]
    Forbidden(String, char),
}

/// A table, column, schema, constraint … name. Unquoted inside; quoted only by [`Name::quoted`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// `NAMEDATALEN - 1` of a stock build.
    pub const BYTES_MAX: usize = 63;

    /// Checks length and bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.contains('\0') {
            return Err(NameError::Nul);
        }
        if text.len() > Self::BYTES_MAX {
            let len = text.len();
            return Err(NameError::TooLong(text, len));
        }
        Ok(Self(text))
    }

    /// The stored form, for comparing and for query parameters. Never put this into SQL text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form for SQL text: always in double quotes, so that no keyword list is needed. The only place that quotes.
    pub fn quoted(&self) -> Quoted<'_> {
        Quoted(&self.0)
    }

    /// This name with `suffix` appended; cut and marked with a hash of the whole when that would pass 63 bytes, so
    /// that two long names never meet in one.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        let whole = format!("{}{suffix}", self.0);
        if whole.len() <= Self::BYTES_MAX {
            return Self(whole);
        }
        let tail = format!("~{:08x}", fnv1a(whole.as_bytes()));
        let mut cut = Self::BYTES_MAX - tail.len();
        while !whole.is_char_boundary(cut) {
            cut -= 1;
        }
        Self(format!("{}{tail}", whole.get(..cut).unwrap_or_default()))
    }
}

/// FNV-1a, folded to 32 bits: stable across builds, which the standard hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u32 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let folded = (hash >> 32) ^ (hash & u64::from(u32::MAX));
    u32::try_from(folded).unwrap_or_default()
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// A name inside double quotes, for SQL text (PostgreSQL docs, 4.1.1).
pub struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for (index, part) in self.0.split('"').enumerate() {
            if index > 0 {
                f.write_str("\"\"")?;
            }
            f.write_str(part)?;
        }
        f.write_str("\"")
    }
}

/// `schema.name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Name,
    /// The object within it.
    pub name: Name,
}

impl QualifiedName {
    /// Joins the two.
    pub fn new(schema: Name, name: Name) -> Self {
        Self { schema, name }
    }

    /// For messages to people: unquoted, as typed in documents.
    pub fn pretty(&self) -> String {
        format!("{}.{}", self.schema.as_str(), self.name.as_str())
    }
}

/// The name of an edition: a [`Name`] that is also safe in `database@edition` and in `schema$edition`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EditionName(Name);

impl EditionName {
    /// Checks the characters: no `@`, `$`, `/`, white space or control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let name = Name::new(text)?;
        let bad = name
            .as_str()
            .chars()
            .find(|c| matches!(c, '@' | '$' | '/') || c.is_whitespace() || c.is_control());
        match bad {
            Some(c) => Err(NameError::Forbidden(name.0, c)),
            None => Ok(Self(name)),
        }
    }

    /// The stored form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The schema that holds what `schema` looks like in this edition: `public$v2`.
    pub fn schema_for(&self, schema: &Name) -> Result<Name, NameError> {
        Name::new(format!("{}${}", schema.as_str(), self.as_str()))
    }

    /// The blueprint database of this edition: `app$v2`.
    pub fn blueprint_for(&self, database: &str) -> Result<Name, NameError> {
        Name::new(format!("{database}${}", self.as_str()))
    }
}

impl TryFrom<String> for EditionName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl FromStr for EditionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<EditionName> for String {
    fn from(name: EditionName) -> Self {
        name.0.0
    }
}

impl fmt::Display for EditionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quoting_doubles_quotes_and_keeps_the_rest() {
        assert_eq!(Name::new("a\"b c").unwrap().quoted().to_string(), "\"a\"\"b c\"");
    }

    #[test]
    fn names_that_postgresql_would_cut_are_refused() {
        assert!(Name::new("ä".repeat(31)).is_ok());
        assert!(matches!(Name::new("ä".repeat(32)), Err(NameError::TooLong(_, 64))));
        assert!(EditionName::new("v 2").is_err());
        assert!(EditionName::new("v$2").is_err());
    }

    proptest! {
        #[test]
        fn a_suffixed_name_fits_and_long_ones_stay_distinct(a in "\\PC{1,20}", b in "\\PC{1,20}") {
            prop_assume!(a != b);
            if let (Ok(a), Ok(b)) = (Name::new(a), Name::new(b)) {
                let long = "x".repeat(60);
                let left = a.with_suffix(&long);
                let right = b.with_suffix(&long);
                prop_assert!(left.as_str().len() <= Name::BYTES_MAX);
                prop_assert_ne!(left, right);
            }
        }
    }
}
