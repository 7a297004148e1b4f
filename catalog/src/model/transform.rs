//! Transforms: how a value of one edition becomes a value of its neighbour.

use serde::{Deserialize, Serialize};

use super::Name;

/// Which way a transform goes along the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the parent's columns to a child's column.
    Forward,
    /// From the child's columns to a parent's column.
    Reverse,
}

impl Direction {
    /// The form in the catalogue and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Reverse => "reverse",
        }
    }
}

/// What happens to a write whose value cannot be transformed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The write fails with the error of the expression.
    #[default]
    Reject,
    /// The other edition sees NULL.
    Null,
}

impl OnError {
    /// The form in the catalogue and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Null => "null",
        }
    }
}

/// Who gave a transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// `edition transform`, or `edition.forward`/`edition.reverse` inside the draft.
    Author,
    /// Worked out by the plan (a cast, a default).
    Inferred,
}

/// One assignment: `column = expression`, in the words of the editions, not of the physical table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transform {
    /// The table's schema as the child names it.
    pub schema: Name,
    /// The table as the child names it.
    pub table: Name,
    /// Forward or reverse.
    pub direction: Direction,
    /// Forward: a column of the child. Reverse: a column of the parent.
    pub column: Name,
    /// SQL over the source edition's columns; a reverse one may also read the parent's present value as `old.column`.
    pub expression: String,
    /// Policy for values that do not fit.
    pub on_error: OnError,
    /// Who gave it.
    pub origin: Origin,
}
