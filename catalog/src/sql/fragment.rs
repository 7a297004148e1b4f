//! [`Sql`] and the [`sql!`](crate::sql!) macro: `format!` whose arguments must be quoting-safe. A bare `String` or `&str`
//! does not compile as an argument, so a raw name cannot slip into a statement.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::model::{EditionId, Name, OperationId, QualifiedName};

/// SQL text that was built by [`sql!`](crate::sql!), or deparsed by PostgreSQL itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sql(String);

impl Sql {
    /// For text that PostgreSQL deparsed (`pg_get_…def`, `format_type`) or that a parser accepted as what it is meant to be.
    /// The name is long on purpose: each call is a place to review.
    pub fn trusted(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to send.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A string constant (PostgreSQL docs, 4.1.2.1). With a backslash inside it becomes `E'…'`, so that it means the same
/// under either setting of `standard_conforming_strings`.
pub struct Literal<'a>(pub &'a str);

/// What may stand in an SQL text.
pub trait Fragment {
    /// Writes the quoted or otherwise safe form.
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl Fragment for Sql {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Fragment for Name {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.quoted().fmt(f)
    }
}

impl Fragment for QualifiedName {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema.quoted(), self.name.quoted())
    }
}

impl Fragment for Literal<'_> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.0.contains('\\');
        f.write_str(if escaped { "E'" } else { "'" })?;
        for c in self.0.chars() {
            match c {
                '\'' => f.write_str("''")?,
                '\\' => f.write_str("\\\\")?,
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("'")
    }
}

macro_rules! number_fragments {
    ($($number:ty),*) => {
        $(impl Fragment for $number {
            fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.fmt(f)
            }
        })*
    };
}

number_fragments!(i16, i32, i64, u32, u64, usize, EditionId, OperationId);

impl<T: Fragment + ?Sized> Fragment for &T {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).write(f)
    }
}

/// Makes a fragment printable by `format!`; used by [`sql!`](crate::sql!).
pub fn fragment<T: Fragment + ?Sized>(value: &T) -> impl Display + '_ {
    struct Shown<'a, T: ?Sized>(&'a T);
    impl<T: Fragment + ?Sized> Display for Shown<'_, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.write(f)
        }
    }
    Shown(value)
}

/// Fragments with a separator between them.
pub fn join<T: Fragment>(parts: impl IntoIterator<Item = T>, separator: &str) -> Sql {
    let parts: Vec<String> = parts.into_iter().map(|part| fragment(&part).to_string()).collect();
    Sql(parts.join(separator))
}

/// `format!` for SQL: positional `{}` only, every argument a [`Fragment`].
///
/// ```
/// use catalog::{model::Name, sql};
/// let table = Name::new("odd \"name").unwrap();
/// assert_eq!(sql!("DROP TABLE {}", table).as_str(), "DROP TABLE \"odd \"\"name\"");
/// ```
#[macro_export]
macro_rules! sql {
    ($format:literal $(, $argument:expr)* $(,)?) => {
        $crate::sql::Sql::trusted(format!($format $(, $crate::sql::fragment(&$argument))*))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(fragment(&Literal("it's")).to_string(), "'it''s'");
        assert_eq!(fragment(&Literal("a\\b'c")).to_string(), "E'a\\\\b''c'");
    }
}
