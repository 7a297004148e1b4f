//! One step of an operation: what it runs, which lock it takes, how it is undone. Stored as JSON in the catalogue, so that a
//! killed operation resumes exactly what was planned.

use serde::{Deserialize, Serialize};

use crate::{
    archive::{ArchivedNewTable, ArchivedTable},
    model::{EditionId, EditionState, Name, QualifiedName, TableId},
    sql::Sql,
};

/// A table lock by its name in the PostgreSQL manual (13.3), weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// No lock on a table of the user's.
    None,
    /// Only conflicts with ACCESS EXCLUSIVE.
    AccessShare,
    /// What every write takes; other writes go on.
    RowExclusive,
    /// Reads and writes go on.
    ShareUpdateExclusive,
    /// Reads go on.
    ShareRowExclusive,
    /// Nothing goes on, for milliseconds.
    AccessExclusive,
}

impl Lock {
    /// The name in the manual.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AccessShare => "ACCESS SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// For people: `expand public.users`.
    pub title: String,
    /// What it is.
    pub kind: StepKind,
    /// The strongest lock, and on what.
    pub lock: Lock,
    /// The relations locked, as people write them.
    pub relations: Vec<QualifiedName>,
    /// Rows read or written, by estimate; 0: metadata only.
    pub rows: u64,
    /// Bytes read or written, by estimate.
    pub bytes: u64,
    /// What must not be found before the operation starts: a label, and a query for an offending row's place.
    pub preflight: Vec<(String, Sql)>,
    /// What undoes it; of the same kind where that matters (an announcement is undone by an announcement).
    pub inverse: Vec<Sql>,
    /// Whether a publication has the reflected catalogues look up right after it what names lead to; other operations always do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reflected: bool,
    /// The tables that names lead to otherwise after it, if it can be nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableId>,
    /// What gives the key of a row that breaks the rule which it validates, for the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<Sql>,
    /// Whether its first relation is a partition, which maintenance may detach or drop meanwhile: then nothing is left to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_partition: bool,
}

/// An index of a partitioned table, and what is looked for in its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The index of the whole.
    pub index: QualifiedName,
    /// Whether it is unique.
    pub unique: bool,
    /// From USING on.
    pub keys: Sql,
    /// What each partition must have.
    pub wanted: WantedPart,
}

/// What an index of a partition is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum WantedPart {
    /// A part of the index of the whole.
    Index,
    /// The same, with a key of its own.
    Key {
        /// PRIMARY KEY or UNIQUE.
        keyword: Sql,
        /// What follows when it is made of an index.
        deferrable: Sql,
        /// The key in its own words.
        definition: Sql,
    },
    /// Beside the part that it has, another one of the same make and its name with this suffix, which waits to become a key.
    Waiting {
        /// The suffix.
        suffix: String,
    },
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
        /// The index.
        index: QualifiedName,
    },
    /// Sees to it that every partition has what an index of the whole table needs of it, those included that maintenance has made since the plan was.
    Parts(Parts),
    /// Set-based update of one physical table by block ranges.
    Backfill {
        /// The physical table.
        table: QualifiedName,
        /// Physical column and the expression over `edition_row`.
        assignments: Vec<(Name, Sql)>,
        /// Columns among them that become NULL where their expression fails.
        #[serde(default)]
        null_on_error: Vec<Name>,
        /// Which rows still need it, over `edition_row`.
        pending: Sql,
        /// For naming a row that fails.
        primary_key: Vec<Name>,
        /// What the child's sessions look names up in: the application's triggers may have to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        search_path: Vec<Name>,
    },
    /// VALIDATE CONSTRAINT and other statements that scan but do not block.
    Scan {
        /// In order, each in a transaction of its own; running one again does no harm.
        statements: Vec<Sql>,
    },
    /// Rows that contradict a law; none may be found.
    Verify {
        /// What is verified, for people, and a query that yields offending rows' keys.
        checks: Vec<(String, Sql)>,
    },
    /// Loads what a rollback saved; only in plans made for `--load`.
    Load {
        /// Tables with columns of the edition's own.
        tables: Vec<ArchivedTable>,
        /// Tables of the edition's own.
        new_tables: Vec<ArchivedNewTable>,
    },
    /// Saves what the edition alone stored; only in plans of a rollback that keeps it.
    Save {
        /// Tables with columns of the edition's own.
        tables: Vec<ArchivedTable>,
        /// Tables of the edition's own.
        new_tables: Vec<ArchivedNewTable>,
    },
    /// Changes the catalogue and the epoch in one transaction, and waits until every proxy with a live lease has acknowledged it.
    Announce {
        /// Changes of our own tables.
        statements: Vec<Sql>,
        /// Edition states after it.
        states: Vec<(EditionId, EditionState)>,
        /// Edition states after its undoing.
        states_before: Vec<(EditionId, EditionState)>,
    },
    /// Waits until no session of the edition is left.
    Drain {
        /// The edition.
        edition: EditionId,
    },
    /// Drops a blueprint database.
    DropBlueprint {
        /// The database.
        blueprint: Name,
    },
}

impl Step {
    /// Whether it can be half done: it is sure not to have happened only if it was not begun. What happens in one transaction has not happened while
    /// the journal does not say so.
    pub fn is_partial(&self) -> bool {
        matches!(
            self.kind,
            StepKind::Index { .. }
                | StepKind::Parts(_)
                | StepKind::Scan { .. }
                | StepKind::Backfill { .. }
                | StepKind::DropBlueprint { .. }
        )
    }

    /// A step that changes metadata in one transaction.
    pub fn transaction(
        title: impl Into<String>,
        lock: Lock,
        relations: Vec<QualifiedName>,
        statements: Vec<Sql>,
    ) -> Self {
        Self::new(title, StepKind::Transaction { statements }, lock, relations)
    }

    /// A step of any kind, metadata only, with nothing to undo.
    pub fn new(title: impl Into<String>, kind: StepKind, lock: Lock, relations: Vec<QualifiedName>) -> Self {
        Self {
            title: title.into(),
            kind,
            lock,
            relations,
            rows: 0,
            bytes: 0,
            preflight: Vec::new(),
            inverse: Vec::new(),
            is_reflected: false,
            tables: Vec::new(),
            culprit: None,
            of_partition: false,
        }
    }

    /// Says that its first relation is a partition.
    #[must_use]
    pub fn of_partition(mut self) -> Self {
        self.of_partition = true;
        self
    }

    /// Adds the query that names a row which makes it fail.
    #[must_use]
    pub fn naming(mut self, culprit: Sql) -> Self {
        self.culprit = Some(culprit);
        self
    }

    /// Adds what undoes it.
    #[must_use]
    pub fn undone_by(mut self, inverse: Vec<Sql>) -> Self {
        self.inverse = inverse;
        self
    }

    /// Has what it does to names shown in the catalogues at once.
    #[must_use]
    pub fn reflected(mut self) -> Self {
        self.is_reflected = true;
        self
    }

    /// Says that it is about this table, and what belongs to it, and nothing else.
    #[must_use]
    pub fn of_table(mut self, table: TableId) -> Self {
        self.tables.push(table);
        self
    }

    /// Adds a query for rows that would make it fail.
    #[must_use]
    pub fn unless_found(mut self, label: String, query: Sql) -> Self {
        self.preflight.push((label, query));
        self
    }

    /// Takes those queries back: an earlier step changes what they would find.
    #[must_use]
    pub fn whatever_is_found(mut self) -> Self {
        self.preflight.clear();
        self
    }

    /// Adds the size of what it reads or writes.
    #[must_use]
    pub fn touching(mut self, (rows, bytes): (u64, u64)) -> Self {
        self.rows = rows;
        self.bytes = bytes;
        self
    }

    /// Queries that yield the place of a row which would make this step fail.
    pub fn preflight(&self) -> &[(String, Sql)] {
        &self.preflight
    }

    /// Every statement that it runs, for `plan --sql` and the journal.
    pub fn statements(&self) -> Vec<&Sql> {
        match &self.kind {
            StepKind::Transaction { statements }
            | StepKind::Scan { statements }
            | StepKind::Announce { statements, .. } => statements.iter().collect(),
            StepKind::Index { statement, .. } => vec![statement],
            StepKind::Verify { checks } => checks.iter().map(|(_, query)| query).collect(),
            StepKind::Backfill { .. }
            | StepKind::Parts(_)
            | StepKind::Load { .. }
            | StepKind::Save { .. }
            | StepKind::Drain { .. }
            | StepKind::DropBlueprint { .. } => Vec::new(),
        }
    }
}
