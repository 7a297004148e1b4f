//! One edition's physical names, and what the edition calls them.

use std::collections::HashMap;

use catalog::{
    layout::not_null_check,
    model::Name,
    snapshot::{Partition, Relation, SnapshotEdition, ViewRelation},
};

/// What the server's names mean in an edition. Built once per epoch and edition.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// A schema of ours → the editioned schema.
    schemas: HashMap<String, Name>,
    tables: Vec<Table>,
    /// (physical schema, physical table) → its place in `tables`.
    by_physical: HashMap<(String, String), usize>,
    /// What names that are taken get behind them: `$` and an edition.
    suffixes: Vec<String>,
}

/// A table that the edition sees through a view, or a partition of one.
#[derive(Debug)]
pub(super) struct Table {
    /// The editioned schema.
    pub(super) schema: Name,
    /// The edition's name for it.
    pub(super) name: Name,
    pub(super) physical_schema: Name,
    pub(super) physical_name: Name,
    /// Physical column → the edition's.
    columns: HashMap<String, Name>,
    /// All columns of the physical table in its order, also those of other editions; empty if not known.
    pub(super) stored: Vec<Name>,
    /// Physical constraint or index → the edition's.
    constraints: HashMap<String, Name>,
}

impl Vocabulary {
    /// `None` if the edition's names are the physical ones.
    pub(crate) fn new(edition: &SnapshotEdition) -> Option<Self> {
        if edition.names.is_empty() {
            return None;
        }
        let schemas = edition
            .path
            .iter()
            .flat_map(|(schema, before)| before.iter().map(|own| (own.as_str().to_owned(), schema.clone())))
            .collect();
        let tables: Vec<Table> = edition
            .names
            .relations
            .iter()
            .filter_map(|((schema, name), relation)| match relation {
                Relation::View(view) => Some((schema, name, view)),
                Relation::Moved { .. } | Relation::Tombstone => None,
            })
            .flat_map(|(schema, name, view)| {
                let partitions =
                    view.partitions.iter().map(|partition| Table::partition(schema, view, partition));
                std::iter::once(Table::new(schema, name, view)).chain(partitions)
            })
            .collect();
        let physical = |table: &Table| {
            (table.physical_schema.as_str().to_owned(), table.physical_name.as_str().to_owned())
        };
        let by_physical = tables.iter().enumerate().map(|(at, table)| (physical(table), at)).collect();
        let suffixes = edition
            .path
            .iter()
            .flat_map(|(schema, before)| {
                before.iter().filter_map(|own| own.as_str().strip_prefix(schema.as_str()))
            })
            .map(str::to_owned)
            .collect();
        Some(Self { schemas, tables, by_physical, suffixes })
    }

    /// The editioned schema that a schema of ours is part of.
    pub(super) fn schema(&self, physical: &str) -> Option<&str> {
        self.schemas.get(physical).map(Name::as_str)
    }

    /// The schemas of ours, and what they are part of.
    pub(super) fn schemas(&self) -> impl Iterator<Item = (&str, &Name)> {
        self.schemas.iter().map(|(own, schema)| (own.as_str(), schema))
    }

    /// The tables that the edition sees through views.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter()
    }

    /// The table of this physical name.
    pub(super) fn physical(&self, schema: &str, name: &str) -> Option<&Table> {
        let at = *self.by_physical.get(&(schema.to_owned(), name.to_owned()))?;
        self.tables.get(at)
    }

    /// The table that a physical name means where no schema is told, if it can be only one.
    pub(super) fn physical_unqualified(&self, name: &str) -> Option<&Table> {
        only(self.tables.iter().filter(|table| table.physical_name.as_str() == name))
    }

    /// The table that the edition calls so, if it can be only one.
    pub(super) fn named(&self, name: &str) -> Option<&Table> {
        only(self.tables.iter().filter(|table| table.name.as_str() == name))
    }

    /// Whether the edition has a table of this name that it sees through a view.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.name.as_str() == name)
    }

    /// What a physical column is called where no table is told, if it can be only one thing.
    pub(super) fn column_anywhere(&self, physical: &str) -> Option<&str> {
        let is_logical =
            self.tables.iter().any(|table| table.columns.values().any(|name| name.as_str() == physical));
        if is_logical {
            return None;
        }
        let mut names: Vec<&str> = self.tables.iter().filter_map(|table| table.column(physical)).collect();
        names.sort_unstable();
        names.dedup();
        only(names.into_iter())
    }

    /// What a physical constraint or index is called where no table is told, if it can be only one thing.
    pub(super) fn constraint_anywhere(&self, physical: &str) -> Option<&str> {
        only(self.tables.iter().filter_map(|table| table.constraint(physical)))
    }

    /// A name without what was put behind it because it was taken.
    pub(super) fn without_suffix<'n>(&'n self, name: &'n str) -> Option<&'n str> {
        self.suffixes.iter().find_map(|suffix| name.strip_suffix(suffix.as_str()))
    }
}

fn only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

impl Table {
    fn new(schema: &Name, name: &Name, view: &ViewRelation) -> Self {
        let columns = view.columns.iter();
        let constraints = view.constraints.iter().map(|it| (it.physical_name.as_ref(), &it.name));
        let indexes = view.indexes.iter().map(|it| (it.physical_name.as_ref(), &it.name));
        // where both have a name, reports say the constraint's
        let constraints = indexes
            .chain(constraints)
            .filter_map(|(physical, name)| Some((physical?.as_str().to_owned(), name.clone())));
        Self {
            schema: schema.clone(),
            name: name.clone(),
            physical_schema: view.physical_schema.clone(),
            physical_name: view.physical_name.clone(),
            columns: columns
                .map(|(logical, physical)| (physical.as_str().to_owned(), logical.clone()))
                .collect(),
            stored: view.stored_columns.clone(),
            constraints: constraints.collect(),
        }
    }

    /// A partition has no view; its columns are called as those of its table, its name is its own.
    fn partition(schema: &Name, view: &ViewRelation, partition: &Partition) -> Self {
        let schema = if partition.schema == view.physical_schema { schema } else { &partition.schema };
        Self {
            name: partition.name.clone(),
            physical_schema: partition.schema.clone(),
            physical_name: partition.name.clone(),
            stored: partition.stored_columns.clone().unwrap_or_else(|| view.stored_columns.clone()),
            constraints: HashMap::new(),
            ..Self::new(schema, &partition.name, view)
        }
    }

    /// The physical name as PostgreSQL writes it in the queries of foreign keys.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", self.physical_schema.quoted(), self.physical_name.quoted())
    }

    /// What the edition calls a physical column; `None` if it does not have it.
    pub(super) fn column(&self, physical: &str) -> Option<&str> {
        self.columns.get(physical).map(Name::as_str)
    }

    /// Whether there is such a physical column, whoever has it.
    pub(super) fn has_stored(&self, physical: &str) -> bool {
        self.columns.contains_key(physical) || self.stored.iter().any(|stored| stored.as_str() == physical)
    }

    /// What the edition calls a physical constraint or index.
    pub(super) fn constraint(&self, physical: &str) -> Option<&str> {
        self.constraints.get(physical).map(Name::as_str)
    }

    /// The physical column that may not be null because of this check of ours.
    pub(super) fn column_of_not_null_check(&self, constraint: &str) -> Option<&str> {
        self.columns.keys().map(String::as_str).find(|column| {
            Name::new(*column).is_ok_and(|column| not_null_check(&column).as_str() == constraint)
        })
    }

    /// Whether the edition has all columns that are stored, under the same names.
    pub(super) fn is_as_stored(&self) -> bool {
        !self.stored.is_empty()
            && self.stored.iter().all(|stored| self.column(stored.as_str()) == Some(stored.as_str()))
    }
}
