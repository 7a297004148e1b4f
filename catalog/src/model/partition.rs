//! How a table is cut into partitions. To editions, a partitioned table is one table: its partitions are where its rows are stored, and have
//! the columns, constraints and indexes of their parent, besides what each may have of its own.

use serde::{Deserialize, Serialize};

use super::{Name, Table, TableId};

/// What makes a table a partitioned one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partitioning {
    /// What follows PARTITION BY: `RANGE (at)`.
    pub key: String,
    /// Every column that the key reads.
    pub key_columns: Vec<Name>,
    /// Partitions of all levels, each behind the one that it is a part of.
    pub partitions: Vec<Partition>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// The table that it is a part of: the partitioned table itself, or a partition that is cut again.
    pub of: TableId,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: String,
    /// What every row of it meets (`pg_get_partition_constraintdef`); none of a default partition without siblings.
    pub rule: Option<String>,
    /// What follows PARTITION BY, if it is cut again.
    pub key: Option<String>,
    /// Every column that its own key reads.
    pub key_columns: Vec<Name>,
    /// The partition as a table: what it has from its parent, and what is its own. Its column numbers are its own.
    pub table: Table,
}

impl Partition {
    /// Whether rows are stored in it.
    pub fn is_leaf(&self) -> bool {
        self.key.is_none()
    }

    /// Whether it takes what no other takes.
    pub fn is_default(&self) -> bool {
        self.bound == "DEFAULT"
    }
}

impl Partitioning {
    /// The partitions of one table of the tree.
    pub fn parts_of(&self, id: TableId) -> impl Iterator<Item = &Partition> {
        self.partitions.iter().filter(move |partition| partition.of == id)
    }

    /// The partition with this id.
    pub fn partition(&self, id: TableId) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.table.id == id)
    }

    /// The columns that any key of the tree reads: a row lies where it does because of them.
    pub fn placing_columns(&self) -> impl Iterator<Item = &Name> {
        self.key_columns.iter().chain(self.partitions.iter().flat_map(|partition| &partition.key_columns))
    }
}
