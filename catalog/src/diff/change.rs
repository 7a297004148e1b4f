//! The changes a diff can name. Tables and columns are told apart by id, so a rename is a rename; everything else by id
//! first and by name second (ALTER TYPE gives indexes and constraints new ids).

use serde::Serialize;

use crate::model::{ColumnId, FunctionKind, Grant, Name, QualifiedName, TableId};

/// All changes, tables first, in a stable order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The changes.
    pub changes: Vec<Change>,
}

/// One change, from the older schema to the newer. Names are the newer schema's unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the variants' and fields' names are the documentation")]
pub enum Change {
    TableCreated {
        table: TableId,
        name: QualifiedName,
    },
    TableDropped {
        table: TableId,
        name: QualifiedName,
    },
    TableRenamed {
        table: TableId,
        from: QualifiedName,
        to: QualifiedName,
    },
    ColumnAdded {
        table: TableId,
        name: QualifiedName,
        column: ColumnId,
        column_name: Name,
    },
    ColumnDropped {
        table: TableId,
        name: QualifiedName,
        column: ColumnId,
        column_name: Name,
    },
    ColumnRenamed {
        table: TableId,
        name: QualifiedName,
        column: ColumnId,
        from: Name,
        to: Name,
    },
    ColumnTypeChanged {
        table: TableId,
        name: QualifiedName,
        column: ColumnId,
        column_name: Name,
        from: String,
        to: String,
    },
    ColumnDefaultChanged {
        table: TableId,
        name: QualifiedName,
        column: ColumnId,
        column_name: Name,
        from: Option<String>,
        to: Option<String>,
    },
    ColumnNotNullSet {
        table: TableId,
        name: QualifiedName,
        column: ColumnId,
        column_name: Name,
    },
    ColumnNotNullDropped {
        table: TableId,
        name: QualifiedName,
        column: ColumnId,
        column_name: Name,
    },
    ConstraintAdded {
        table: TableId,
        name: QualifiedName,
        constraint: Name,
        definition: String,
    },
    ConstraintDropped {
        table: TableId,
        name: QualifiedName,
        constraint: Name,
        definition: String,
    },
    ConstraintRenamed {
        table: TableId,
        name: QualifiedName,
        from: Name,
        to: Name,
    },
    IndexAdded {
        table: TableId,
        name: QualifiedName,
        index: Name,
        definition: String,
    },
    IndexDropped {
        table: TableId,
        name: QualifiedName,
        index: Name,
        definition: String,
    },
    IndexRenamed {
        table: TableId,
        name: QualifiedName,
        from: Name,
        to: Name,
    },
    PartitionAdded {
        table: TableId,
        name: QualifiedName,
        partition: QualifiedName,
        bound: String,
    },
    PartitionDropped {
        table: TableId,
        name: QualifiedName,
        partition: QualifiedName,
    },
    PartitionRenamed {
        table: TableId,
        name: QualifiedName,
        from: QualifiedName,
        to: QualifiedName,
    },
    ViewCreated {
        view: TableId,
        name: QualifiedName,
    },
    SequenceCreated {
        sequence: TableId,
        name: QualifiedName,
    },
    SequenceDropped {
        sequence: TableId,
        name: QualifiedName,
    },
    SequenceRenamed {
        sequence: TableId,
        from: QualifiedName,
        to: QualifiedName,
        /// Whether a column owns it, so that statements seldom name it.
        owned: bool,
    },
    FunctionCreated {
        kind: FunctionKind,
        function: u32,
        name: QualifiedName,
        arguments: String,
    },
    TypeCreated {
        type_id: u32,
        name: QualifiedName,
    },
    /// An extension, a statistics object …: see [`WAYS`](crate::property::WAYS).
    AccessoryAdded {
        kind: String,
        identity: String,
    },
    AccessoryDropped {
        kind: String,
        identity: String,
    },
    AccessoryChanged {
        kind: String,
        identity: String,
        from: String,
        to: String,
    },
    TypeDropped {
        type_id: u32,
        name: QualifiedName,
    },
    /// A property of [`RULES`](crate::property::RULES); `None` is PostgreSQL's default.
    PropertyChanged {
        kind: String,
        identity: String,
        property: String,
        from: Option<String>,
        to: Option<String>,
    },
    OwnerChanged {
        kind: String,
        identity: String,
        from: Name,
        to: Name,
    },
    PrivilegesChanged {
        kind: String,
        identity: String,
        granted: Vec<Grant>,
        revoked: Vec<Grant>,
    },
    /// A function, view or trigger that only the newer schema has, where no other variant says more.
    ObjectCreated {
        kind: String,
        identity: String,
    },
    /// One that both have, in different words; the identity is the older schema's.
    ObjectChanged {
        kind: String,
        identity: String,
        what: String,
    },
    /// One that only the older schema has.
    ObjectDropped {
        kind: String,
        identity: String,
    },
    /// Recognised, and refused by name: dropped or altered types and sequences; policies, grants,
    /// owners, properties, other schemas …
    Unsupported {
        kind: String,
        identity: String,
        what: String,
    },
}
