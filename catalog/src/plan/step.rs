//! One step of an operation: what it runs, which lock it takes, how it is undone. Stored as JSON in the catalogue, so that a
//! killed operation resumes exactly what was planned.

use serde::{Deserialize, Serialize};

use crate::sql::Sql;

/// A table lock by its name in the PostgreSQL manual (13.3), weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// No lock on a table of the user's.
    None,
    /// Only conflicts with ACCESS EXCLUSIVE.
    AccessShare,
    /// Reads and writes go on.
    ShareUpdateExclusive,
    /// Reads go on.
    ShareRowExclusive,
    /// Nothing goes on, for milliseconds.
    AccessExclusive,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// For people: `expand public.users: add column first_name`.
    pub title: String,
    /// What it is.
    pub kind: StepKind,
    /// The strongest lock, and on what.
    pub lock: Lock,
    /// The relations locked.
    pub relations: Vec<String>,
    /// Rows read or written, by estimate; 0: metadata only.
    pub rows: u64,
    /// Bytes read or written, by estimate.
    pub bytes: u64,
    /// SQL that undoes it, in order (empty: nothing to undo).
    pub inverse: Vec<Sql>,
}

/// The kinds of step; each has its own way to be run again after a kill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepKind {
    /// Statements in one transaction, together with the journal row: it happened or it did not.
    Transaction {
        /// In order.
        statements: Vec<Sql>,
    },
    /// CREATE INDEX CONCURRENTLY: an INVALID leftover is dropped and built again.
    Index {
        /// The statement.
        statement: Sql,
        /// `schema.name` of the index, quoted.
        index: Sql,
    },
    /// Set-based update of one physical table by block ranges.
    Backfill {
        /// The physical table, quoted.
        table: Sql,
        /// Physical column and the expression over physical columns.
        assignments: Vec<(Sql, Sql)>,
        /// Which rows still need it, over physical columns.
        pending: Sql,
    },
    /// VALIDATE CONSTRAINT and other statements that scan but do not block.
    Scan {
        /// In order, each in a transaction of its own; running one again does no harm.
        statements: Vec<Sql>,
    },
    /// Bump the epoch and wait until every proxy with a live lease has acknowledged it.
    Announce,
}
