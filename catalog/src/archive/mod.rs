//! What only the newer edition stored, kept in a file through a rollback: `rollback --save FILE` writes it, `publish --load FILE` reads it.
//!
//! One text file: a line of JSON that says what is in it, then per table its rows in COPY's text format ended by `\.`, then a line of
//! JSON with the counts, by which a file that was cut is known. It appears under its name only when it is whole and on disk.
//!
//! Loading gives way to what was written since: a row whose source columns changed keeps what the older edition made of it, a row that
//! is gone stays gone, and a row of a new table that no longer fits is passed over. All of these are counted, none is fatal.

mod apply;
mod facts;
mod file;
mod load;
mod save;
mod stage;

pub use load::{Loaded, load};
pub use save::save;

use serde::{Deserialize, Serialize};

use crate::{
    model::{Name, QualifiedName},
    sql,
    sql::{Sql, join},
};

/// A column under both its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedColumn {
    /// In the newer edition: what the file says, because it outlives a publication.
    pub logical: Name,
    /// At present.
    pub physical: Name,
}

/// A table that both editions have, with columns that only the newer one stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedTable {
    /// The table at present.
    pub physical: QualifiedName,
    /// Its name in the newer edition.
    pub logical: QualifiedName,
    /// The primary key, which both editions have; empty if there is none.
    pub key: Vec<ArchivedColumn>,
    /// The older edition's physical columns that the forward transforms read, in an order that does not depend on their physical names.
    pub sources: Vec<Name>,
    /// What only the newer edition stores.
    pub columns: Vec<ArchivedColumn>,
    /// Over `edition_row`: true where each of `columns` equals what the forward transforms give; such rows need no saving.
    pub recomputed: Sql,
}

/// A table that only the newer edition has; saved whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedNewTable {
    /// The table at present.
    pub physical: QualifiedName,
    /// Its name in the newer edition.
    pub logical: QualifiedName,
    /// All its columns.
    pub columns: Vec<ArchivedColumn>,
}

/// Output formats that the fingerprints of rows depend on, and policies as an error rather than as a filter.
const SETTINGS: &str = "SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = hex; SET lc_monetary = 'C'; SET row_security = off";

/// A fingerprint of what the forward transforms read in a row.
fn fingerprint(sources: &[Name]) -> Sql {
    let columns = join(sources.iter().map(|column| sql!("edition_row.{}", column)), ", ");
    sql!("encode(sha256(convert_to(ROW({})::text, getdatabaseencoding())), 'hex')", columns)
}
