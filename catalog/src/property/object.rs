//! What a property belongs to, as statements name it.

use crate::{
    ddl::function_object,
    model::{Function, Name, QualifiedName},
    sql,
    sql::Sql,
};

/// An object that has properties.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A table.
    Table(&'a QualifiedName),
    /// A column of a table.
    Column {
        /// The table.
        table: &'a QualifiedName,
        /// The column.
        column: &'a Name,
    },
    /// An index that no constraint owns; it is in its table's schema.
    Index {
        /// The table.
        table: &'a QualifiedName,
        /// The index.
        index: &'a Name,
    },
    /// A constraint of a table, with the index that a key has.
    Constraint {
        /// The table.
        table: &'a QualifiedName,
        /// The constraint.
        constraint: &'a Name,
    },
    /// A sequence.
    Sequence(&'a QualifiedName),
    /// A view.
    View(&'a QualifiedName),
    /// A materialized view.
    MaterializedView(&'a QualifiedName),
    /// A function, procedure, aggregate or operator.
    Function(&'a Function),
    /// A type that is no domain.
    Type(&'a QualifiedName),
    /// A domain.
    Domain(&'a QualifiedName),
}

impl Object<'_> {
    /// The kind in [`RULES`](super::RULES), and in messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Table(_) => "table",
            Self::Column { .. } => "column",
            Self::Index { .. } => "index",
            Self::Constraint { .. } => "constraint",
            Self::Sequence(_) => "sequence",
            Self::View(_) | Self::MaterializedView(_) => "view",
            Self::Function(_) => "function",
            Self::Type(_) | Self::Domain(_) => "type",
        }
    }

    /// What COMMENT ON and ALTER … OWNER TO call it.
    pub fn named(&self) -> Sql {
        match self {
            Self::Table(name) => sql!("TABLE {}", name),
            Self::Column { table, column } => sql!("COLUMN {}.{}", table, column),
            Self::Index { .. } => sql!("INDEX {}", self.relation()),
            Self::Constraint { table, constraint } => sql!("CONSTRAINT {} ON {}", constraint, table),
            Self::Sequence(name) => sql!("SEQUENCE {}", name),
            Self::View(name) => sql!("VIEW {}", name),
            Self::MaterializedView(name) => sql!("MATERIALIZED VIEW {}", name),
            Self::Function(function) => function_object(function),
            Self::Type(name) => sql!("TYPE {}", name),
            Self::Domain(name) => sql!("DOMAIN {}", name),
        }
    }

    /// The relation that it is, or that it is a part of; an index or a key is named as the index.
    pub(super) fn relation(&self) -> Sql {
        match self {
            Self::Table(name)
            | Self::Sequence(name)
            | Self::View(name)
            | Self::MaterializedView(name)
            | Self::Type(name)
            | Self::Domain(name) => {
                sql!("{}", name)
            }
            Self::Column { table, .. } => sql!("{}", table),
            Self::Index { table, index } => sql!("{}.{}", table.schema, index),
            Self::Constraint { table, constraint } => sql!("{}.{}", table.schema, constraint),
            Self::Function(function) => sql!("{}", function.name),
        }
    }

    /// The table that it is a part of.
    pub(super) fn table(&self) -> Option<&QualifiedName> {
        match self {
            Self::Table(table)
            | Self::Column { table, .. }
            | Self::Index { table, .. }
            | Self::Constraint { table, .. } => Some(table),
            _ => None,
        }
    }

    /// Its own last name, for a part of a table.
    pub(super) fn part(&self) -> Option<&Name> {
        match self {
            Self::Column { column: name, .. }
            | Self::Index { index: name, .. }
            | Self::Constraint { constraint: name, .. } => Some(name),
            _ => None,
        }
    }
}
