//! How one edition sees one physical table.

use crate::model::{Column, ColumnId, EditionId, Grant, Identity, Name, QualifiedName, Table};

use super::TableMapping;

/// One edition's sight of one table, columns in physical order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whose.
    pub edition: EditionId,
    /// The logical name.
    pub name: QualifiedName,
    /// The physical table.
    pub physical: QualifiedName,
    /// The columns.
    pub columns: Vec<ShapeColumn>,
    /// Table privileges.
    pub grants: Vec<Grant>,
}

/// A column of a [`Shape`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeColumn {
    /// Identity.
    pub id: ColumnId,
    /// The name in this edition.
    pub name: Name,
    /// The physical column.
    pub physical: Name,
    /// NOT NULL in this edition.
    pub not_null: bool,
    /// Default, in physical words.
    pub default: Option<String>,
    /// Whether it counts by itself: whatever the stored column has as a default or an identity is what it counts with.
    pub counts: bool,
    /// Its type, in physical words.
    pub type_name: String,
    /// Column privileges.
    pub grants: Vec<Grant>,
}

impl Shape {
    /// Joins the logical table, the same table read under physical names, and the order of the physical columns.
    /// Columns that the order does not list yet (about to be added) come last, in logical order.
    pub fn new(
        edition: EditionId,
        logical: &Table,
        in_physical_words: &Table,
        mapping: &TableMapping,
        physical_order: &[Name],
    ) -> Self {
        let mut columns: Vec<ShapeColumn> = logical
            .columns
            .iter()
            .map(|column| {
                let physical = in_physical_words.column(column.id).unwrap_or(column);
                Self::column(column, physical, mapping)
            })
            .collect();
        let place = |name: &Name| physical_order.iter().position(|known| known == name).unwrap_or(usize::MAX);
        columns.sort_by_key(|column| (place(&column.physical), column.id));
        Self {
            edition,
            name: logical.name.clone(),
            physical: mapping.physical.clone(),
            columns,
            grants: logical.grants.clone(),
        }
    }

    fn column(logical: &Column, physical: &Column, mapping: &TableMapping) -> ShapeColumn {
        ShapeColumn {
            id: logical.id,
            name: logical.name.clone(),
            physical: mapping.column(logical).clone(),
            not_null: logical.not_null,
            default: physical.default.clone(),
            counts: logical.identity != Identity::None,
            type_name: physical.type_name.clone(),
            grants: logical.grants.clone(),
        }
    }

    /// Whether a physical column is part of this shape.
    pub fn uses(&self, physical: &Name) -> bool {
        self.columns.iter().any(|column| &column.physical == physical)
    }
}

/// Whether all these editions can use the physical table itself: each sees every column that any of them needs, under its
/// physical name, with the same default, and the table under its physical name and in one schema.
///
/// `own_schema`: a table in the schema of the edition that introduced it counts as standing under its name, because the
/// search_path of that edition and of its children leads there.
pub fn is_plain(shapes: &[&Shape]) -> bool {
    let Some(first) = shapes.first() else { return true };
    shapes.iter().all(|shape| {
        shape.name.name == shape.physical.name
            && shape.name.schema == first.name.schema
            && shape.columns.len() == first.columns.len()
            && shape.columns.iter().zip(&first.columns).all(|(a, b)| {
                let same_default = a.default == b.default || a.counts || b.counts;
                a.name == a.physical && a.physical == b.physical && same_default
            })
    })
}
