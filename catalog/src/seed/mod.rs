//! Seed rows: what the migrations of a draft did to rows of its blueprint, relative to the rows that the fork put there, and how
//! the same is done to the live database.
//!
//! A blueprint is empty but for the bookkeeping tables of migration tools, whose rows are copied in when it is forked ([`fork_rows`]), so
//! that a tool goes on where it was. Values are carried as PostgreSQL's own text under fixed settings ([`set_output`]); JSON would
//! lose digits of numbers.

mod bookkeeping;
mod earlier;
mod fork;
mod read;
mod text;

pub use bookkeeping::BookkeepingTables;
pub use fork::fork_rows;
pub use read::read_seeds;
pub use text::{
    cells_of, equal_cells, insert_values, key_of, literal, names_to, parents_first, path_to, set_output,
    text_array,
};

use crate::model::{ColumnId, TableId};

/// A row as text, one cell a column; `None` is NULL.
pub type Cells = Vec<Option<String>>;

/// What a draft did to rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seeds {
    /// Tables whose rows differ from those at the fork.
    pub tables: Vec<SeedTable>,
    /// Every sequence of the blueprint.
    pub sequences: Vec<SequenceState>,
    /// Whether the draft began with rows of earlier drafts.
    pub with_earlier: bool,
}

/// What a draft did to the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedTable {
    /// Which.
    pub table: TableId,
    /// Whether its rows were copied at the fork: a migration tool's own table.
    pub is_bookkeeping: bool,
    /// The columns of all cells below; generated ones are left out.
    pub columns: Vec<ColumnId>,
    /// In the order in which they stand in the table.
    pub inserted: Vec<Cells>,
    /// Before and after.
    pub updated: Vec<(Cells, Cells)>,
    /// As they were.
    pub deleted: Vec<Cells>,
}

impl SeedTable {
    /// How many rows were touched.
    pub fn rows(&self) -> usize {
        self.inserted.len() + self.updated.len() + self.deleted.len()
    }
}

/// Where a sequence stands; `None`: it was never used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceState {
    /// `pg_class.oid` in the blueprint.
    pub id: u32,
    /// The column that owns it.
    pub owner: Option<(TableId, ColumnId)>,
    /// `last_value` when the draft was forked.
    pub at_fork: Option<i64>,
    /// `last_value` now.
    pub now: Option<i64>,
}

impl Seeds {
    /// Whether `value` of `column` was drawn from the column's sequence within the draft: then it means nothing to the live
    /// database, whose sequence gives another one.
    pub fn was_drawn(&self, table: TableId, column: ColumnId, value: i64) -> bool {
        self.sequences.iter().any(|sequence| {
            sequence.owner == Some((table, column))
                && sequence.now.is_some_and(|now| value <= now)
                && sequence.at_fork.is_none_or(|before| value > before)
        })
    }
}
