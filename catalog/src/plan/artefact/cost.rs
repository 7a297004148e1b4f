//! What a step does to data, and how long that may take. The rates are assumptions on the slow side for a database on a network disk; they
//! are there to tell seconds from hours, and are printed as an estimate.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::StepKind;

/// What a step does to data. No step ever rewrites a table under a lock that stops its readers or writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Changes the system catalogues only: short, whatever the size of the table.
    Metadata,
    /// Reads the whole table, while reads and writes go on.
    Scan,
    /// Reads the whole table twice and writes an index, while reads and writes go on.
    IndexBuild,
    /// Writes a new version of every row that needs a value, batch by batch, while reads and writes go on.
    RowWrites,
    /// Copies rows from or to a file.
    Copy,
    /// Waits for proxies or sessions.
    Wait,
    /// Drops a blueprint database.
    Drop,
}

/// A transaction over system catalogues, with a retry or two for its locks.
const METADATA_MS: u64 = 50;
/// Proxies apply a new epoch and acknowledge it.
const WAIT_MS: u64 = 1_000;
/// A sequential scan.
const SCAN_BYTES_PER_MS: u64 = 100_000;
/// Two scans, a sort and the index itself.
const BUILD_BYTES_PER_MS: u64 = 20_000;
/// Updated rows, with their indexes and the write-ahead log, over the usual two connections.
const WRITE_ROWS_PER_MS: u64 = 20;
/// The same where rows are wide.
const WRITE_BYTES_PER_MS: u64 = 10_000;
/// Rows through a file.
const COPY_ROWS_PER_MS: u64 = 50;

impl Work {
    /// What a step of this kind does.
    pub fn of(kind: &StepKind) -> Self {
        match kind {
            StepKind::Transaction { .. } => Self::Metadata,
            StepKind::Scan { .. } | StepKind::Verify { .. } => Self::Scan,
            StepKind::Index { .. } | StepKind::Parts(_) => Self::IndexBuild,
            StepKind::Backfill { .. } => Self::RowWrites,
            StepKind::Load { .. } | StepKind::Save { .. } => Self::Copy,
            StepKind::Announce { .. } | StepKind::Drain { .. } => Self::Wait,
            StepKind::DropBlueprint { .. } => Self::Drop,
        }
    }

    /// How long it may take for so many rows and bytes.
    pub fn estimate_ms(self, rows: u64, bytes: u64) -> u64 {
        match self {
            Self::Metadata | Self::Drop => METADATA_MS,
            Self::Wait => WAIT_MS,
            Self::Scan => METADATA_MS + bytes / SCAN_BYTES_PER_MS,
            Self::IndexBuild => METADATA_MS + bytes / BUILD_BYTES_PER_MS,
            Self::RowWrites => METADATA_MS + (rows / WRITE_ROWS_PER_MS).max(bytes / WRITE_BYTES_PER_MS),
            Self::Copy => METADATA_MS + rows / COPY_ROWS_PER_MS,
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata only",
            Self::Scan => "scans",
            Self::IndexBuild => "builds an index",
            Self::RowWrites => "writes rows in batches",
            Self::Copy => "copies rows",
            Self::Wait => "waits",
            Self::Drop => "drops",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_costs_the_same_for_any_size_and_writes_grow_with_it() {
        assert_eq!(Work::Metadata.estimate_ms(0, 0), Work::Metadata.estimate_ms(1 << 30, 1 << 40));
        let (small, large) =
            (Work::RowWrites.estimate_ms(1_000, 1 << 16), Work::RowWrites.estimate_ms(1_000_000, 1 << 26));
        assert!(large > 100 * small, "{small} {large}");
    }
}
