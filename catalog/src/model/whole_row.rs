//! What speaks of a table's row as a whole.

use serde::{Deserialize, Serialize};

use super::QualifiedName;

/// A policy, check constraint or index that speaks of a table's row as a whole, and so of columns that it does not name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeRow {
    /// The table, as the database that was read names it.
    pub table: QualifiedName,
    /// What speaks of its row, for people: `policy own on public.notes`.
    pub speaker: String,
    /// Whether it puts such a row together, or casts to one (`ROW('a', 1)::notes`), and does not only read one (`notes IS NOT NULL`).
    pub builds: bool,
}
