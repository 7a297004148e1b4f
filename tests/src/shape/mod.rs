//! What a database holds, as far as one must know it to think of a statement or a row.

use serde::Deserialize;

use crate::{Failure, Session};

/// Everything in the schemas of the application.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Shape {
    /// Ordinary and partitioned tables, partitions too.
    pub tables: Vec<TableShape>,
    /// Views and materialized views.
    pub views: Vec<ViewShape>,
    /// Names of sequences that no column owns.
    pub sequences: Vec<String>,
    /// Functions, procedures and aggregates.
    pub routines: Vec<RoutineShape>,
    /// Enums, domains and composite types.
    pub types: Vec<TypeShape>,
}

/// A table.
#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "properties that have nothing to do with each other")]
pub struct TableShape {
    /// Its OID, which the blueprints of a chain share.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// It has partitions.
    pub partitioned: bool,
    /// It is one.
    pub partition: bool,
    /// Row security is on.
    pub row_security: bool,
    /// It has a parent or children.
    pub inherits: bool,
    /// In order.
    pub columns: Vec<ColumnShape>,
    /// All but those of NOT NULL.
    pub constraints: Vec<ConstraintShape>,
    /// Names of those that belong to no constraint.
    pub indexes: Vec<String>,
    /// Columns of unique indexes, those of constraints included.
    pub unique_columns: Vec<String>,
    /// Names.
    pub triggers: Vec<String>,
    /// Names.
    pub policies: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "properties that have nothing to do with each other")]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// As `format_type` writes it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// `pg_type.typname` of the type below a domain.
    pub base: String,
    /// `pg_type.typtype` of the same.
    pub kind: char,
    /// The longest text that it takes.
    pub length: Option<usize>,
    /// Of an enum.
    pub labels: Vec<String>,
    /// NOT NULL.
    pub not_null: bool,
    /// It has a default that is no generation expression.
    pub default: bool,
    /// GENERATED … AS IDENTITY.
    pub identity: bool,
    /// GENERATED ALWAYS AS (…).
    pub generated: bool,
}

/// A table constraint.
#[derive(Clone, Debug, Deserialize)]
pub struct ConstraintShape {
    /// Its name.
    pub name: String,
    /// `pg_constraint.contype`.
    pub kind: char,
    /// `pg_get_constraintdef`.
    pub definition: String,
    /// Columns of this table.
    pub columns: Vec<String>,
    /// Schema and name of the table that a foreign key refers to.
    pub target: Option<(String, String)>,
    /// Columns of that table.
    pub target_columns: Vec<String>,
}

/// A view.
#[derive(Clone, Debug, Deserialize)]
pub struct ViewShape {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// A materialized one.
    pub materialized: bool,
    /// Its query.
    pub definition: String,
    /// In order.
    pub columns: Vec<ColumnShape>,
}

/// A function or the like.
#[derive(Clone, Debug, Deserialize)]
pub struct RoutineShape {
    /// `pg_proc.prokind`.
    pub kind: char,
    /// Its name.
    pub name: String,
    /// Name and argument types.
    pub signature: String,
    /// It returns `trigger`.
    pub trigger: bool,
}

/// A type.
#[derive(Clone, Debug, Deserialize)]
pub struct TypeShape {
    /// Its name.
    pub name: String,
    /// `pg_type.typtype`.
    pub kind: char,
    /// Of an enum.
    pub labels: Vec<String>,
    /// Of a domain.
    pub constraints: Vec<String>,
}

impl Shape {
    /// Reads the database that the session is in.
    pub async fn read(session: &Session) -> Result<Self, Failure> {
        let rows = session.try_ask(include_str!("shape.sql")).await?.rows;
        Ok(serde_json::from_str(rows.first().unwrap()).unwrap())
    }

    /// The table of this name.
    pub fn table(&self, schema: &str, name: &str) -> Option<&TableShape> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }
}

impl TableShape {
    /// The columns of the primary key; empty if there is none.
    pub fn key(&self) -> &[String] {
        self.constraints.iter().find(|constraint| constraint.kind == 'p').map_or(&[], |key| &key.columns)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl ColumnShape {
    /// Whether a statement may give it a value.
    pub fn is_writable(&self) -> bool {
        !self.generated && !self.identity
    }
}
