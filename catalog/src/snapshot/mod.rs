//! What a proxy knows of one database's catalogue: a value that is loaded whole, shared, and replaced whole when the
//! epoch moves. Pure data plus look-ups; it is read by [`Snapshot::load`].

mod load;

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use crate::model::{EditionId, EditionName, EditionState, Epoch, Name};

/// One consistent reading of the catalogue.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which reading.
    pub epoch: Epoch,
    /// `server_version_num` of the server, e.g. 150004.
    pub server_version: u32,
    /// The database's editioned schemas, in the order of `init --schemas`.
    pub schemas: Vec<Name>,
    /// All editions that are not retired, root first (so: by id).
    pub editions: Vec<SnapshotEdition>,
    /// What shows the system catalogues as an edition sees them.
    pub reflected: Reflected,
}

/// The relations and functions of pg_catalog and information_schema that have a reflection, of the same name, in schema `edition_catalog`. None
/// at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Reflected {
    /// Relations.
    pub relations: HashSet<String>,
    /// Functions.
    pub functions: HashSet<String>,
}

impl Reflected {
    /// Whether nothing is reflected: then all live editions see the same, which is what stands.
    pub fn is_empty(&self) -> bool {
        self.relations.is_empty() && self.functions.is_empty()
    }
}

/// One edition in a [`Snapshot`].
#[derive(Clone, Debug)]
pub struct SnapshotEdition {
    /// Its id, the value of `edition.id` in its sessions.
    pub id: EditionId,
    /// Its name.
    pub name: EditionName,
    /// Its state: only `Live` and `Draft` take sessions.
    pub state: EditionState,
    /// Whether it is the default.
    pub is_default: bool,
    /// Where its sessions go while it is a draft.
    pub blueprint: Name,
    /// For each editioned schema: the schemas to put before it in `search_path`, own one first, then those of its ancestors
    /// that are not the root (they hold what younger editions inherit), e.g. `public$v3`, `public$v2` for public.
    pub path: Vec<(Name, Vec<Name>)>,
    /// Names of this edition that do not mean `schema.name` as it physically stands. Empty at rest: then nothing is ever
    /// rewritten.
    pub names: NameMap,
}

/// The names of one edition that need care.
#[derive(Clone, Debug, Default)]
pub struct NameMap {
    /// (editioned schema, relation name) → what it is. Relations share one name space: tables, views, sequences, indexes.
    pub relations: HashMap<(Name, Name), Relation>,
    /// (editioned schema, function name) → the schema that holds this edition's version.
    pub functions: HashMap<(Name, Name), Name>,
    /// (editioned schema, sign) → the schema that holds this edition's version of an operator.
    pub operators: HashMap<(Name, Name), Name>,
    /// (editioned schema, type name) → the schema that holds it.
    pub types: HashMap<(Name, Name), Name>,
}

impl NameMap {
    /// Whether no name needs care.
    pub fn is_empty(&self) -> bool {
        self.relations.is_empty()
            && self.functions.is_empty()
            && self.operators.is_empty()
            && self.types.is_empty()
    }

    /// Whether some table is seen through a view.
    pub fn has_views(&self) -> bool {
        self.relations.values().any(|relation| matches!(relation, Relation::View(_)))
    }
}

/// A relation name that needs care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Physically present under `schema.name`, or in a schema of this edition's path, but not in this edition: answer 42P01.
    Tombstone,
    /// A real table, sequence or user view that lives in another schema (under the same name).
    Moved {
        /// Where it lives.
        schema: Name,
    },
    /// An editioning view over a physical table.
    View(Box<ViewRelation>),
}

/// An editioning view, with all that a rewrite to the physical table needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRelation {
    /// The schema of the view; its name is the logical one.
    pub schema: Name,
    /// The physical table.
    pub physical_schema: Name,
    /// The physical table.
    pub physical_name: Name,
    /// The numbers under which the server knows view and table; `None` if one of them is not there.
    pub numbers: Option<Numbers>,
    /// Logical column → physical column, in the view's order.
    pub columns: Vec<(Name, Name)>,
    /// All columns that the physical table has, in its own order; also those of other editions.
    pub stored_columns: Vec<Name>,
    /// Those of its primary key, which may be that of another edition.
    pub stored_key: Vec<Name>,
    /// The partitions that it had when the snapshot was taken, at whatever depth: the server names them in its reports.
    pub partitions: Vec<Partition>,
    /// Those of them that are generated.
    pub generated_columns: Vec<Name>,
    /// The logical columns that have a default in the view. For others DEFAULT means NULL there, except in an INSERT.
    pub view_defaults: Vec<Name>,
    /// Those of which that is another one than the stored column's: an INSERT into the physical table would not apply it.
    pub own_defaults: Vec<Name>,
    /// The stored columns that have their numbers from another column at an INSERT, and no default: those of retyped `serial` and identity columns.
    pub numbered: Vec<Name>,
    /// Its constraints as this edition knows them, by name.
    pub constraints: Vec<ViewConstraint>,
    /// Its indexes, those behind constraints included, by name.
    pub indexes: Vec<ViewIndex>,
}

/// OIDs and column numbers of an editioning view and its table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Numbers {
    /// The view.
    pub view: u32,
    /// The physical table.
    pub stored: u32,
    /// `attnum` in the physical table and in the view, of each column that the view shows.
    pub columns: Vec<(i16, i16)>,
}

/// A partition of the table that an editioning view shows. Its columns are called as the table's are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Partition {
    /// Where it stands.
    pub schema: Name,
    /// Its name.
    pub name: Name,
    /// Its columns in its own order, if that is not the table's.
    pub stored_columns: Option<Vec<Name>>,
}

/// A constraint of the table that an editioning view shows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ViewConstraint {
    /// Its name in this edition.
    pub name: Name,
    /// What it is called on the physical table; of a primary key that older editions keep from being one, the name of the unique index that
    /// stands for it. `None`: nothing does by itself.
    pub physical_name: Option<Name>,
    /// What kind.
    pub kind: ViewConstraintKind,
    /// This edition's columns, in key order; empty if it is about none in particular.
    pub columns: Vec<Name>,
}

/// `pg_constraint.contype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ViewConstraintKind {
    /// PRIMARY KEY
    #[serde(rename = "p")]
    PrimaryKey,
    /// UNIQUE
    #[serde(rename = "u")]
    Unique,
    /// FOREIGN KEY
    #[serde(rename = "f")]
    ForeignKey,
    /// CHECK
    #[serde(rename = "c")]
    Check,
    /// EXCLUDE
    #[serde(rename = "x")]
    Exclusion,
    /// NOT NULL, from PostgreSQL 18 on.
    #[serde(rename = "n")]
    NotNull,
    /// Whatever later servers add.
    #[serde(rename = "?")]
    Other,
}

/// An index of the table that an editioning view shows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ViewIndex {
    /// Its name in this edition; its schema is the table's.
    pub name: Name,
    /// What it is called in the physical table's schema; `None`: there is none.
    pub physical_name: Option<Name>,
    /// UNIQUE?
    pub is_unique: bool,
    /// This edition's columns that it reads; in key order if a constraint is behind it.
    pub columns: Vec<Name>,
}

impl ViewRelation {
    /// The index that this edition knows by this name.
    pub fn index(&self, name: &str) -> Option<&ViewIndex> {
        self.indexes.iter().find(|index| index.name.as_str() == name)
    }
}

impl Snapshot {
    /// The edition with this name.
    pub fn edition(&self, name: &str) -> Option<&SnapshotEdition> {
        self.editions.iter().find(|edition| edition.name.as_str() == name)
    }

    /// The edition with this id.
    pub fn edition_by_id(&self, id: EditionId) -> Option<&SnapshotEdition> {
        self.editions.iter().find(|edition| edition.id == id)
    }

    /// Whether there is no edition beside the root but drafts: then nothing in the live database is there for editions.
    pub fn is_at_rest(&self) -> bool {
        self.editions.iter().filter(|edition| edition.state != EditionState::Draft).count() <= 1
    }

    /// Where a session that names none goes.
    pub fn default_edition(&self) -> Option<&SnapshotEdition> {
        self.editions.iter().find(|edition| edition.is_default)
    }
}
