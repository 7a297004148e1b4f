//! Free physical names for what a child adds beside what is there.

use std::collections::BTreeSet;

use crate::model::{ColumnId, EditionName, Name, QualifiedName, Table};

/// Names that are in use within one name space (the columns of a table, the relations of a schema …).
#[derive(Clone, Debug, Default)]
pub struct TakenNames(BTreeSet<Name>);

impl TakenNames {
    /// Starts with these.
    pub fn new(names: impl IntoIterator<Item = Name>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Whether the name is in use.
    pub fn contains(&self, name: &Name) -> bool {
        self.0.contains(name)
    }

    /// The wanted name if it is free, else with the edition as a suffix, else with a number too; and takes it.
    pub fn take(&mut self, wanted: &Name, edition: &EditionName) -> Name {
        let suffixed = wanted.with_suffix(&format!("${edition}"));
        let free = std::iter::once(wanted.clone())
            .chain(std::iter::once(suffixed.clone()))
            .chain((2..=u32::MAX).map(|number| suffixed.with_suffix(&format!("_{number}"))))
            .find(|name| !self.0.contains(name))
            .unwrap_or(suffixed);
        self.0.insert(free.clone());
        free
    }
}

/// The check that stands for NOT NULL of a physical column until all rows have been looked at.
pub fn not_null_check(column: &Name) -> Name {
    column.with_suffix("~edition not null")
}

/// The sequence that numbers rows in a column which is to be an identity, until all have a number and it can be one.
pub fn interim_counter(edition: &EditionName, table: &Table, column: ColumnId) -> Option<QualifiedName> {
    let schema = edition.schema_for(&table.name.schema).ok()?;
    let name = Name::new(format!("edition~{}_{column}", table.id)).ok()?;
    Some(QualifiedName::new(schema, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_plain_name_then_suffixes_then_numbers() {
        let edition = EditionName::new("v2").unwrap();
        let name = Name::new("balance").unwrap();
        let mut taken = TakenNames::default();
        let names: Vec<String> = (0..3).map(|_| String::from(taken.take(&name, &edition))).collect();
        assert_eq!(names, ["balance", "balance$v2", "balance$v2_2"]);
    }
}
