//! Views, functions and triggers.

use serde::{Deserialize, Serialize};

use super::{ColumnId, Grant, Index, Name, QualifiedName, TableId};

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
    /// Tables by whose primary key it groups, so that it may read their other columns.
    #[serde(default)]
    pub groups_by: Vec<TableId>,
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

/// What a [`Function`] is, for ALTER and DROP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FunctionKind {
    /// A function; a window function, too.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// An operator: a function that is called by a sign.
    Operator,
}

impl FunctionKind {
    /// `FUNCTION`, `PROCEDURE`, `AGGREGATE` or `OPERATOR`.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Function => "FUNCTION",
            Self::Procedure => "PROCEDURE",
            Self::Aggregate => "AGGREGATE",
            Self::Operator => "OPERATOR",
        }
    }

    /// The same within a sentence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Operator => "operator",
        }
    }
}

/// A function, procedure, aggregate or operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// `pg_proc.oid` in the blueprint; an operator's `pg_operator.oid`.
    pub id: u32,
    /// Name in this edition.
    pub name: QualifiedName,
    /// `pg_get_function_identity_arguments`; of an operator both types, with NONE for a prefix operator's left one.
    pub arguments: String,
    /// What it is.
    pub kind: FunctionKind,
    /// The whole CREATE statement, but an operator's [`links`](Self::links).
    pub definition: String,
    /// An operator's commutator and negator, as options of CREATE OPERATOR. PostgreSQL holds each pair on both sides, so only the operators that
    /// are meant may name each other, and no copies of them.
    #[serde(default)]
    pub links: Option<String>,
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
    /// Tables by whose primary key its parsed body groups.
    #[serde(default)]
    pub groups_by: Vec<TableId>,
    /// Tables and views of whose rows its signature speaks (an argument, the result, or an array of them), by blueprint id.
    #[serde(default)]
    pub row_types: Vec<TableId>,
    /// Its own `SET search_path`, as stored, unless it is IMMUTABLE and so reads no table.
    pub search_path: Option<String>,
}

#[cfg(test)]
impl Function {
    /// A function of schema `public` with nothing but arguments and a definition.
    pub(crate) fn sample(name: Name, arguments: &str, definition: &str) -> Self {
        let owner = name.clone();
        Self {
            id: 1,
            name: QualifiedName::new(Name::new("public").unwrap(), name),
            arguments: arguments.to_owned(),
            kind: FunctionKind::Function,
            definition: definition.to_owned(),
            links: None,
            owner,
            grants: Vec::new(),
            properties: Vec::new(),
            depends: Vec::new(),
            reads: Vec::new(),
            groups_by: Vec::new(),
            row_types: Vec::new(),
            search_path: None,
        }
    }
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
