//! One edition's map from logical to physical names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Column, ColumnId, Name, QualifiedName, Schema, Table, TableId};

/// Where the tables of one edition are. A table that is not listed is physically what it is logically.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Tables that some live edition sees otherwise than as they stand.
    pub tables: BTreeMap<TableId, TableMapping>,
    /// Sequences, views, functions and types that live in the schema of the edition that introduced or changed them: the object's
    /// blueprint id → that schema. Of a function or view that both have but not alike, each edition has one of its own.
    pub moved: BTreeMap<u32, Name>,
    /// Sequences that stand under the name that an older edition gives them: the blueprint id → that name.
    #[serde(default)]
    pub renamed: BTreeMap<u32, Name>,
}

/// Sequences of `schema` that stand under another name: that which the oldest of the live editions that have them gives them.
pub fn renamed_sequences<'a>(
    schema: &Schema,
    older: &(impl Iterator<Item = &'a Schema> + Clone),
) -> BTreeMap<u32, Name> {
    let standing = |id| older.clone().flat_map(|schema| &schema.sequences).find(move |known| known.id == id);
    schema
        .sequences
        .iter()
        .filter_map(|sequence| Some((sequence.id.get(), standing(sequence.id)?.name.name.clone(), sequence)))
        .filter(|(_, name, sequence)| *name != sequence.name.name)
        .map(|(id, name, _)| (id, name))
        .collect()
}

/// Where one table of one edition is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableMapping {
    /// The physical table.
    pub physical: QualifiedName,
    /// The schema of this edition's editioning view; `None`: the edition uses the physical table itself.
    pub view_schema: Option<Name>,
    /// Physical names of all its columns.
    pub columns: BTreeMap<ColumnId, Name>,
}

impl TableMapping {
    /// A table that means itself.
    pub fn identity(table: &Table) -> Self {
        Self {
            physical: table.name.clone(),
            view_schema: None,
            columns: table.columns.iter().map(|column| (column.id, column.name.clone())).collect(),
        }
    }

    /// The physical name of a column.
    pub fn column<'a>(&'a self, column: &'a Column) -> &'a Name {
        self.columns.get(&column.id).unwrap_or(&column.name)
    }
}

impl Mapping {
    /// Where `table` is.
    pub fn table(&self, table: &Table) -> TableMapping {
        self.tables.get(&table.id).cloned().unwrap_or_else(|| TableMapping::identity(table))
    }

    /// The schema in which an object that is not a table stands.
    pub fn place<'a>(&'a self, id: u32, name: &'a QualifiedName) -> &'a Name {
        self.moved.get(&id).unwrap_or(&name.schema)
    }

    /// Every schema, other than the editioned ones, that something of this edition lives in.
    pub fn foreign_schemas(&self, editioned: &[Name]) -> Vec<Name> {
        let tables = self.tables.values().map(|mapping| &mapping.physical.schema);
        let mut schemas: Vec<Name> =
            tables.chain(self.moved.values()).filter(|schema| !editioned.contains(schema)).cloned().collect();
        schemas.sort();
        schemas.dedup();
        schemas
    }
}
