//! Transforms as PostgreSQL reads them and as the model computes them.

use std::{collections::BTreeMap, fmt};

/// A column's identity, across editions and names.
pub(crate) type ColumnId = u32;
/// One row as one edition sees it, without its key.
pub(crate) type Row = BTreeMap<ColumnId, Value>;

/// The types of the oracle's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    /// numeric(10,2)
    Money,
}

/// A value of such a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    /// In hundredths.
    Money(i64),
}

/// What a transform computes from the row of the neighbour.
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Same(ColumnId),
    Constant(Value),
    Upper(ColumnId),
    PlusOne(ColumnId),
    Tenth(ColumnId),
    TimesTen(ColumnId),
    /// The part of a text before or after its first dash.
    Part(ColumnId, usize),
    Joined(ColumnId, ColumnId),
    IntToText(ColumnId),
    /// NULL for a text that is no small integer.
    TextToInt(ColumnId),
    IntToMoney(ColumnId),
    /// Rounds half away from zero, as numeric's cast does.
    MoneyToInt(ColumnId),
    OrElse(ColumnId, Value),
}

const NULL: Value = Value::Null;

impl Kind {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Int => "integer",
            Self::Text => "text",
            Self::Money => "numeric(10,2)",
        }
    }

    /// Some value of the type; a byte decides which.
    pub(crate) fn value(self, byte: u8) -> Value {
        const WORDS: [&str; 9] = ["", "a", "b-c", "Ada-Lovelace", "12", "-7", "x-y-z", "it's ß", "007"];
        match self {
            Self::Int => Value::Int(i64::from(byte) - 40),
            Self::Text => Value::Text(WORDS[usize::from(byte) % WORDS.len()].to_owned()),
            Self::Money => Value::Money(i64::from(byte) * 25 - 1000),
        }
    }
}

impl Value {
    /// A literal.
    pub(crate) fn sql(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Int(_) | Self::Money(_) => self.to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
        }
    }
}

/// As PostgreSQL prints it; NULL as the kit shows it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("∅"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
            Self::Money(cents) => {
                let sign = if *cents < 0 { "-" } else { "" };
                write!(f, "{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
            }
        }
    }
}

impl Expression {
    /// The columns that it reads: it runs again when one of them changes.
    pub(crate) fn sources(&self) -> Vec<ColumnId> {
        match *self {
            Self::Constant(_) => Vec::new(),
            Self::Joined(a, b) => vec![a, b],
            Self::Same(a)
            | Self::Upper(a)
            | Self::PlusOne(a)
            | Self::Tenth(a)
            | Self::TimesTen(a)
            | Self::Part(a, _)
            | Self::IntToText(a)
            | Self::TextToInt(a)
            | Self::IntToMoney(a)
            | Self::MoneyToInt(a)
            | Self::OrElse(a, _) => vec![a],
        }
    }

    /// The text that an author gives, over the names that the neighbour has.
    pub(crate) fn sql(&self, name: impl Fn(ColumnId) -> String) -> String {
        match self {
            Self::Same(a) => name(*a),
            Self::Constant(value) => value.sql(),
            Self::Upper(a) => format!("upper({})", name(*a)),
            Self::PlusOne(a) => format!("{} + 1", name(*a)),
            Self::Tenth(a) => format!("{} / 10", name(*a)),
            Self::TimesTen(a) => format!("{} * 10", name(*a)),
            Self::Part(a, 0) => format!("split_part({}, '-', 1)", name(*a)),
            Self::Part(a, _) => {
                let a = name(*a);
                format!("CASE WHEN strpos({a}, '-') > 0 THEN substr({a}, strpos({a}, '-') + 1) END")
            }
            Self::Joined(a, b) => format!("coalesce({}, '') || coalesce('-' || {}, '')", name(*a), name(*b)),
            Self::IntToText(a) => format!("{}::text", name(*a)),
            Self::TextToInt(a) => {
                let a = name(*a);
                format!("CASE WHEN {a} ~ '^-?[0-9]{{1,8}}$' THEN {a}::integer END")
            }
            Self::IntToMoney(a) => format!("{}::numeric(10,2)", name(*a)),
            Self::MoneyToInt(a) => format!("{}::integer", name(*a)),
            Self::OrElse(a, value) => format!("coalesce({}, {})", name(*a), value.sql()),
        }
    }

    /// What it gives for a row.
    pub(crate) fn eval(&self, row: &Row) -> Value {
        let value = |id: &ColumnId| row.get(id).unwrap_or(&NULL).clone();
        let int = |id: &ColumnId, f: fn(i64) -> Value| match value(id) {
            Value::Int(number) => f(number),
            _ => Value::Null,
        };
        let text = |id: &ColumnId, f: &dyn Fn(&str) -> Value| match value(id) {
            Value::Text(text) => f(&text),
            _ => Value::Null,
        };
        match self {
            Self::Same(a) => value(a),
            Self::Constant(value) => value.clone(),
            Self::Upper(a) => text(a, &|t| Value::Text(t.to_ascii_uppercase())),
            Self::PlusOne(a) => int(a, |n| Value::Int(n + 1)),
            Self::Tenth(a) => int(a, |n| Value::Int(n / 10)),
            Self::TimesTen(a) => int(a, |n| Value::Int(n * 10)),
            Self::Part(a, 0) => text(a, &|t| Value::Text(t.split('-').next().unwrap_or_default().to_owned())),
            Self::Part(a, _) => text(a, &|t| match t.split_once('-') {
                Some((_, rest)) => Value::Text(rest.to_owned()),
                None => Value::Null,
            }),
            Self::Joined(a, b) => {
                let first = match value(a) {
                    Value::Text(text) => text,
                    _ => String::new(),
                };
                let second = match value(b) {
                    Value::Text(text) => format!("-{text}"),
                    _ => String::new(),
                };
                Value::Text(first + &second)
            }
            Self::IntToText(a) => int(a, |n| Value::Text(n.to_string())),
            Self::TextToInt(a) => text(a, &|t| {
                let digits = t.strip_prefix('-').unwrap_or(t);
                let fits =
                    (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
                if fits { Value::Int(t.parse().unwrap()) } else { Value::Null }
            }),
            Self::IntToMoney(a) => int(a, |n| Value::Money(n * 100)),
            Self::MoneyToInt(a) => match value(a) {
                Value::Money(cents) => Value::Int((cents.abs() + 50) / 100 * cents.signum()),
                _ => Value::Null,
            },
            Self::OrElse(a, other) => match value(a) {
                Value::Null => other.clone(),
                value => value,
            },
        }
    }
}
