//! A logical schema as read from one blueprint. Definitions are PostgreSQL's own deparsed text, read with an empty
//! `search_path`, so that every name in them is qualified and two texts are equal exactly if the objects are.

use serde::{Deserialize, Serialize};

use super::{ColumnId, Name, Policy, QualifiedName, TableId};

/// Everything in the editioned schemas of one blueprint, sorted by id or name so that equal schemas are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Ordinary tables (`relkind = 'r'`, not a partition, no inheritance parent).
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

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Identity through the chain.
    pub id: TableId,
    /// Name in this edition.
    pub name: QualifiedName,
    /// Live columns in `attnum` order.
    pub columns: Vec<Column>,
    /// Constraints except NOT NULL, sorted by name.
    pub constraints: Vec<Constraint>,
    /// Indexes that do not belong to a constraint, sorted by name.
    pub indexes: Vec<Index>,
    /// Names of enabled user triggers FOR EACH ROW that fire on UPDATE without a column list (a backfill would fire them).
    pub update_triggers: Vec<Name>,
    /// Owner role.
    pub owner: Name,
    /// Table privileges.
    pub grants: Vec<Grant>,
    /// Every further property that DDL can change (persistence, reloptions, RLS flags, replica identity, access method,
    /// tablespace, comment …), as `name=value`, sorted. Diffed and, when it differs, refused by name.
    pub properties: Vec<String>,
}

impl Column {
    /// Its type.
    pub fn of(&self) -> TypeUse {
        TypeUse { type_name: self.type_name.clone(), type_id: self.type_id }
    }
}

impl Table {
    /// The column with this id.
    pub fn column(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    /// The column with this name.
    pub fn column_named(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.as_str() == name)
    }

    /// The columns of the primary key, in key order; empty without one.
    pub fn primary_key(&self) -> &[ColumnId] {
        self.constraints
            .iter()
            .find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)
            .map_or(&[], |constraint| &constraint.columns)
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Identity within the table.
    pub id: ColumnId,
    /// Name in this edition.
    pub name: Name,
    /// `format_type(atttypid, atttypmod)` under an empty search_path.
    pub type_name: String,
    /// The type, or what it is an array of, by blueprint id; `None` for built-in ones.
    #[serde(default)]
    pub type_id: Option<u32>,
    /// The qualified collation if it is not the type's own.
    pub collation: Option<String>,
    /// `attnotnull`.
    pub not_null: bool,
    /// The name of the constraint behind it; none before PostgreSQL 18.
    #[serde(default)]
    pub not_null_name: Option<Name>,
    /// `pg_get_expr(adbin)` of an ordinary default.
    pub default: Option<String>,
    /// How far the default may be evaluated once for all rows: only a volatile one needs a value per row.
    pub default_volatility: Volatility,
    /// GENERATED … AS IDENTITY.
    pub identity: Identity,
    /// GENERATED ALWAYS AS (…).
    pub generated: Generated,
    /// Column privileges.
    pub grants: Vec<Grant>,
    /// Every further property that DDL can change (storage, compression, statistics target, options, comment …), as
    /// `name=value`, sorted.
    pub properties: Vec<String>,
}

/// `pg_attribute.attidentity`, with its sequence's options as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Not an identity column.
    None,
    /// GENERATED ALWAYS, with the options of `pg_sequence`, for example `START WITH 1 INCREMENT BY 1 …`.
    Always(String),
    /// GENERATED BY DEFAULT, with the options of `pg_sequence`.
    ByDefault(String),
}

/// `pg_attribute.attgenerated`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generated {
    /// An ordinary column.
    None,
    /// STORED, with its expression.
    Stored(String),
    /// VIRTUAL (PostgreSQL 18), with its expression.
    Virtual(String),
}

/// `pg_proc.provolatile`, the worst of all functions in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// Same arguments, same value, always.
    Immutable,
    /// Same value within one statement.
    Stable,
    /// Another value for each row.
    Volatile,
}

/// `pg_constraint.contype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `p`
    PrimaryKey,
    /// `u`
    Unique,
    /// `c`
    Check,
    /// `f`
    ForeignKey,
    /// `x`
    Exclusion,
    /// `t` and what later servers may add.
    Other,
}

/// A table constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// Name in this edition.
    pub name: Name,
    /// What kind.
    pub kind: ConstraintKind,
    /// `conkey`, in key order.
    pub columns: Vec<ColumnId>,
    /// For a foreign key: the table and columns it points at.
    pub references: Option<(TableId, Vec<ColumnId>)>,
    /// For a foreign key: whether deleting a referenced row can be refused (NO ACTION or RESTRICT). Re-keying is left out: nearly every
    /// foreign key forbids it, and nearly nobody does it.
    pub restricts_referenced: bool,
    /// `pg_get_constraintdef(oid)`.
    pub definition: String,
    /// `pg_get_indexdef` of the index that enforces it (primary key, unique, exclusion). The index bears the constraint's name.
    #[serde(default)]
    pub index: Option<String>,
    /// `convalidated`.
    pub validated: bool,
    /// Comment, if any.
    pub comment: Option<String>,
    /// What its definition does not show of the index behind a key (options, CLUSTER and replica-identity flags, comment …), as
    /// `name=value`, sorted.
    #[serde(default)]
    pub properties: Vec<String>,
}

impl Constraint {
    /// All its properties, the comment as one of them.
    pub fn all_properties(&self) -> Vec<String> {
        let comment = self.comment.iter().map(|comment| format!("comment={comment}"));
        comment.chain(self.properties.iter().cloned()).collect()
    }
}

impl Constraint {
    /// The index that enforces it, as an index of its own.
    pub fn as_index(&self) -> Option<Index> {
        Some(Index {
            name: self.name.clone(),
            unique: self.kind != ConstraintKind::Exclusion,
            columns: self.columns.clone(),
            definition: self.index.clone()?,
            properties: Vec::new(),
        })
    }
}

/// An index that no constraint owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Name in this edition (its schema is the table's).
    pub name: Name,
    /// UNIQUE?
    pub unique: bool,
    /// Every column that the keys, INCLUDE, expressions or predicate read (`pg_depend`), sorted.
    pub columns: Vec<ColumnId>,
    /// `pg_get_indexdef(oid)`: the whole CREATE INDEX statement.
    pub definition: String,
    /// CLUSTER / replica-identity flags, statistics targets, comment: refused when they differ.
    pub properties: Vec<String>,
}

/// A user's own view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// `pg_class.oid` in the blueprint.
    pub id: TableId,
    /// Name in this edition.
    pub name: QualifiedName,
    /// `pg_get_viewdef(oid)`.
    pub definition: String,
    /// Output columns: name and type.
    pub columns: Vec<(Name, String)>,
    /// Every (table or view, column) that it reads (`pg_depend` of its rule).
    pub reads: Vec<(TableId, ColumnId)>,
    /// Functions that it calls, by blueprint id.
    pub calls: Vec<u32>,
    /// Whether it stores its rows.
    pub materialized: bool,
    /// Indexes of a materialized view, sorted by name.
    pub indexes: Vec<Index>,
    /// Rules other than the one that makes it a view, sorted by name.
    pub rules: Vec<Rule>,
    /// Comments, defaults and privileges of single columns.
    pub details: Vec<ColumnDetail>,
    /// Owner role.
    pub owner: Name,
    /// Privileges on the view.
    pub grants: Vec<Grant>,
    /// reloptions, comment, access method, tablespace, as `name=value`, sorted.
    pub properties: Vec<String>,
}

impl View {
    /// `VIEW` or `MATERIALIZED VIEW`, for ALTER and DROP.
    pub const fn keyword(&self) -> &'static str {
        if self.materialized { "MATERIALIZED VIEW" } else { "VIEW" }
    }
}

/// A rule of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Name within the view.
    pub name: Name,
    /// `pg_get_ruledef(oid)`: the whole CREATE RULE statement.
    pub definition: String,
    /// Comment, if any.
    pub comment: Option<String>,
}

/// What a column of a view has beside its name and type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDetail {
    /// The column.
    pub name: Name,
    /// Comment, if any.
    pub comment: Option<String>,
    /// The default of an updatable view's column.
    pub default: Option<String>,
    /// Column privileges.
    pub grants: Vec<Grant>,
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

/// A function or procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// `pg_proc.oid` in the blueprint.
    pub id: u32,
    /// Name in this edition.
    pub name: QualifiedName,
    /// `pg_get_function_identity_arguments`.
    pub arguments: String,
    /// `FUNCTION`, `PROCEDURE` or `AGGREGATE`, for ALTER and DROP.
    pub keyword: String,
    /// `pg_get_functiondef` (for an aggregate: a readable description).
    pub definition: String,
    /// Owner role.
    pub owner: Name,
    /// Privileges.
    pub grants: Vec<Grant>,
    /// Comment.
    pub properties: Vec<String>,
    /// Tables, views, types and functions that its signature or its parsed body names, by blueprint id.
    pub depends: Vec<u32>,
    /// Columns that its parsed body names.
    #[serde(default)]
    pub reads: Vec<(TableId, ColumnId)>,
    /// Its own `SET search_path`, as stored, unless it is IMMUTABLE and so reads no table.
    pub search_path: Option<String>,
}

/// A trigger on a table or view, other than those that implement constraints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// `pg_trigger.oid` in the blueprint.
    pub id: u32,
    /// The table or view.
    pub table: TableId,
    /// The table's or view's name in this edition.
    pub on: QualifiedName,
    /// Name in this edition.
    pub name: Name,
    /// `pg_get_triggerdef(oid)`: the whole CREATE TRIGGER statement.
    pub definition: String,
    /// `pg_trigger.tgenabled`: `O`, `D`, `R` or `A`.
    pub enabled: String,
    /// The function that it calls, by blueprint id, if that is the application's.
    pub function: Option<u32>,
    /// Whether the function sees changed rows as a table (REFERENCING).
    pub transition_tables: bool,
    /// Its arguments, which may name columns.
    pub arguments: Vec<String>,
    /// Comment, if any.
    pub comment: Option<String>,
}

/// Which kind of type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// CREATE TYPE … AS ENUM
    Enum,
    /// CREATE DOMAIN
    Domain,
    /// CREATE TYPE … AS (…)
    Composite,
    /// CREATE TYPE … AS RANGE
    Range,
}

/// A free-standing type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeDef {
    /// `pg_type.oid` in the blueprint.
    pub id: u32,
    /// Name in this edition.
    pub name: QualifiedName,
    /// What kind.
    pub kind: TypeKind,
    /// Types and functions that it is made of, by blueprint id.
    #[serde(default)]
    pub uses: Vec<u32>,
    /// What its values are.
    #[serde(default)]
    pub body: TypeBody,
    /// The CREATE statements that make it (a domain's constraints included), without owner and grants.
    pub definition: String,
    /// Owner role.
    pub owner: Name,
    /// Privileges.
    pub grants: Vec<Grant>,
    /// Comment.
    pub properties: Vec<String>,
}

/// What the values of a type are, as far as one edition's must become another's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeBody {
    /// An enum's values in their order.
    Labels(Vec<Label>),
    /// A composite's attributes in their order.
    Attributes(Vec<Attribute>),
    /// A domain's.
    Base {
        /// What it is over.
        of: TypeUse,
        /// `NOT NULL` and the definitions of its checks.
        rules: Vec<String>,
    },
    /// Nothing that its editions could have in common.
    #[default]
    Opaque,
}

/// One value of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// `pg_enum.oid`, which renaming leaves as it is.
    pub id: u32,
    /// The value.
    pub text: String,
}

/// One attribute of a composite type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Identity within the type.
    pub id: ColumnId,
    /// Name in this edition.
    pub name: Name,
    /// Its type.
    pub of: TypeUse,
}

/// A type where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeUse {
    /// `format_type` under an empty search_path.
    pub type_name: String,
    /// The type, or what it is an array of, by blueprint id; `None` for built-in ones.
    pub type_id: Option<u32>,
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
