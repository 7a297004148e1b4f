//! What PostgreSQL binds to a function by its OID.

use serde::{Deserialize, Serialize};

use super::{ColumnId, TableId};

/// Something that calls a function and keeps calling the same one, whichever bears its name later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The function, by blueprint id.
    pub function: u32,
    /// What calls it.
    pub user: User,
    /// The same as PostgreSQL describes it: `operator +(integer,integer)`.
    pub described: String,
}

/// What calls a function. Functions, views, triggers and policies are not listed: they are told by their own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// A column's default.
    Default(TableId, ColumnId),
    /// A generated column.
    Generated(TableId, ColumnId),
    /// A table's constraint or index.
    Rule(TableId),
    /// A domain's default or constraint, a range's function.
    Type(u32),
    /// An object that exists once for all editions: an operator, a cast, an event trigger …
    Shared,
}
