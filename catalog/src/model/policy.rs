//! Row-level security as one edition has it.

use serde::{Deserialize, Serialize};

use super::{Name, QualifiedName, Table, TableId};

/// A row-level policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The table.
    pub table: TableId,
    /// The table's name in this edition.
    pub on: QualifiedName,
    /// Name in this edition.
    pub name: Name,
    /// `ALL`, `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    pub command: String,
    /// Whether it adds rows; one that is not takes rows away.
    pub permissive: bool,
    /// For whom; `None` is PUBLIC.
    pub roles: Vec<Option<Name>>,
    /// `pg_get_expr(polqual)`.
    pub using: Option<String>,
    /// `pg_get_expr(polwithcheck)`.
    pub check: Option<String>,
    /// Comment, if any.
    pub comment: Option<String>,
}

/// Whether a table's policies are in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowSecurity {
    /// ENABLE ROW LEVEL SECURITY
    pub enabled: bool,
    /// FORCE ROW LEVEL SECURITY: for the owner, too.
    pub forced: bool,
}

impl RowSecurity {
    /// As the table's properties say.
    pub fn of(table: &Table) -> Self {
        let has = |property: &str| table.properties.iter().any(|known| known == property);
        Self { enabled: has("row_security=true"), forced: has("force_row_security=true") }
    }
}
