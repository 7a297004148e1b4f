//! A logical schema as read from one blueprint. Definitions are PostgreSQL's own deparsed text, read with an empty
//! `search_path`, so that every name in them is qualified and two texts are equal exactly if the objects are.

use serde::{Deserialize, Serialize};

use super::{ColumnId, Function, Name, Policy, QualifiedName, Table, TableId, Trigger, TypeDef, View};

/// Everything in the editioned schemas of one blueprint, sorted by id or name so that equal schemas are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Ordinary and partitioned tables, without partitions (which are with their table) and without tables that inherit.
    pub tables: Vec<Table>,
    /// Views and materialized views, in dependency order: a view stands after those it reads.
    pub views: Vec<View>,
    /// Sequences, owned ones included (identity sequences are part of their column and not listed).
    pub sequences: Vec<Sequence>,
    /// Functions and procedures (not of extensions).
    pub functions: Vec<Function>,
    /// Triggers on tables and views.
    pub triggers: Vec<Trigger>,
    /// Row-level policies.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Enums, domains, free-standing composite and range types.
    pub types: Vec<TypeDef>,
    /// Extensions, collations, statistics objects, publications, default privileges.
    #[serde(default)]
    pub accessories: Vec<Accessory>,
    /// Foreign keys of tables that editions do not manage.
    #[serde(default)]
    pub pointers: Vec<Pointer>,
    /// All else that DDL can make, by kind and definition: compared, and refused by name when it differs.
    pub others: Vec<OtherObject>,
}

impl Schema {
    /// The table with this id.
    pub fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }

    /// The table with this name.
    pub fn table_named(&self, name: &QualifiedName) -> Option<&Table> {
        self.tables.iter().find(|table| &table.name == name)
    }

    /// The type with this id.
    pub fn type_def(&self, id: u32) -> Option<&TypeDef> {
        self.types.iter().find(|definition| definition.id == id)
    }
}

/// A schema that a draft makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSchema {
    /// In all editions.
    pub name: Name,
    /// Owner role.
    pub owner: Name,
    /// Privileges of others.
    pub grants: Vec<Grant>,
    /// Its comment.
    pub comment: Option<String>,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// `pg_class.oid` in the blueprint.
    pub id: TableId,
    /// Name in this edition.
    pub name: QualifiedName,
    /// `AS bigint START WITH … INCREMENT BY … MINVALUE … MAXVALUE … CACHE … [NO] CYCLE`.
    pub options: String,
    /// OWNED BY.
    pub owned_by: Option<(TableId, ColumnId)>,
    /// Owner role.
    pub owner: Name,
    /// Privileges.
    pub grants: Vec<Grant>,
    /// Comment and persistence.
    pub properties: Vec<String>,
}

/// One entry of an ACL, exploded (`aclexplode`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// `None` is PUBLIC.
    pub grantee: Option<Name>,
    /// SELECT, INSERT …
    pub privilege: String,
    /// WITH GRANT OPTION
    pub grantable: bool,
}

/// An object that is made and unmade as a whole: no part of it is changed on its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Accessory {
    /// `extension`, `statistics object` …
    pub kind: String,
    /// `pg_identify_object(…).identity`: unique within the kind.
    pub identity: String,
    /// The statements that make it, as PostgreSQL shows it; two of the same text are the same thing.
    pub make: String,
    /// The statements that take it away, whether or not it is there.
    pub unmake: String,
    /// Its owner, if it has one that can be told apart.
    pub owner: Option<Name>,
    /// The beginning of the statement that changes the owner.
    pub owning: Option<String>,
    /// The table that it is about.
    #[serde(default)]
    pub table: Option<TableId>,
}

/// A foreign key of a table that editions do not manage: it is bound to what it points at, whatever a draft makes of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// What has it, for people: `partitioned table public.events`.
    pub from: String,
    /// The constraint.
    pub constraint: Name,
    /// The table pointed at.
    pub target: TableId,
    /// Its columns.
    pub columns: Vec<ColumnId>,
}

/// An object of a kind that editions do not version yet, or of a schema that is not editioned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OtherObject {
    /// For people: `materialized view`, `policy`, `trigger`, `extension` …
    pub kind: String,
    /// `pg_identify_object(…).identity`: unique within the kind, and what a message names.
    pub identity: String,
    /// Whatever shows a change: a definition, or its catalogue row as JSON without OIDs that differ between databases.
    pub definition: String,
    /// The table or view that it is, or that it belongs to and goes with (trigger, policy, rule …). Not part of what is compared.
    #[serde(default)]
    pub table: Option<TableId>,
}
