//! From the rows of `tables.sql` to tables with their partitions.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::model::{Name, Partition, Partitioning, Table, TableId};

/// How a table takes part in partitioning.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Part {
    of: Option<TableId>,
    bound: Option<String>,
    rule: Option<String>,
    key: Option<String>,
    key_columns: Vec<Name>,
}

/// One row of `tables.sql`.
pub(super) struct TableRow {
    pub(super) table: Table,
    /// What editions do not manage of it.
    pub(super) special: Option<String>,
    pub(super) part: Option<Part>,
}

/// Tables whole, and rows of what editions do not manage: `manages` tells for a table that is nobody's partition. A tree is managed as a whole or not
/// at all: one foreign table in it, and it is not.
pub(super) fn gather(
    rows: Vec<TableRow>,
    manages: impl Fn(&Table) -> bool,
) -> (Vec<Table>, Vec<(Table, String)>) {
    let (trees, mut rest): (Vec<TableRow>, Vec<TableRow>) = rows.into_iter().partition(|row| {
        row.special.is_none() && row.part.as_ref().is_none_or(|part| part.of.is_none()) && manages(&row.table)
    });
    let mut tables = Vec::new();
    for row in trees {
        let Some(Part { key: Some(key), key_columns, .. }) = row.part.clone() else {
            tables.push(row.table);
            continue;
        };
        let members = members(row.table.id, &rest);
        if rest.iter().any(|row| members.contains(&row.table.id) && row.special.is_some()) {
            rest.push(row);
            continue;
        }
        let (found, others): (Vec<TableRow>, Vec<TableRow>) =
            rest.into_iter().partition(|row| members.contains(&row.table.id));
        rest = others;
        let partitions = in_order(row.table.id, found);
        tables.push(Table { partitioning: Some(Partitioning { key, key_columns, partitions }), ..row.table });
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<(TableId, String)> =
        rest.iter().map(|row| (row.table.id, row.table.name.pretty())).collect();
    let rest = rest.into_iter().map(|row| {
        let words = in_words(&row, &names);
        (row.table, words)
    });
    (tables, rest.collect())
}

/// The ids of all partitions below a table.
fn members(root: TableId, rows: &[TableRow]) -> BTreeSet<TableId> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![root];
    while let Some(of) = waiting.pop() {
        let parts = rows.iter().filter(|row| row.part.as_ref().is_some_and(|part| part.of == Some(of)));
        for row in parts {
            if found.insert(row.table.id) {
                waiting.push(row.table.id);
            }
        }
    }
    found
}

/// Each behind the one that it is a part of.
fn in_order(root: TableId, rows: Vec<TableRow>) -> Vec<Partition> {
    let mut waiting = rows;
    let mut ordered: Vec<Partition> = Vec::new();
    let mut known = BTreeSet::from([root]);
    while !waiting.is_empty() {
        let (ready, later): (Vec<TableRow>, Vec<TableRow>) = waiting.into_iter().partition(|row| {
            row.part.as_ref().and_then(|part| part.of).is_some_and(|of| known.contains(&of))
        });
        if ready.is_empty() {
            break;
        }
        known.extend(ready.iter().map(|row| row.table.id));
        ordered.extend(ready.into_iter().filter_map(partition));
        waiting = later;
    }
    ordered
}

fn partition(row: TableRow) -> Option<Partition> {
    let Part { of, bound, rule, key, key_columns } = row.part?;
    Some(Partition { of: of?, bound: bound?, rule, key, key_columns, table: row.table })
}

/// What an ordinary table does not have.
fn in_words(row: &TableRow, names: &[(TableId, String)]) -> String {
    let part = row.part.as_ref();
    let of = part.and_then(|part| part.of).map(|of| {
        names.iter().find(|(id, _)| *id == of).map_or_else(|| of.to_string(), |(_, name)| name.clone())
    });
    let words = [
        part.and_then(|part| part.key.as_ref()).map(|key| format!("PARTITION BY {key}")),
        part.and_then(|part| part.bound.as_ref()).map(|bound| format!("PARTITION {bound}")),
        of.map(|of| format!("OF {of}")),
        row.special.clone(),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::QualifiedName;

    fn row(id: u32, of: Option<u32>, key: Option<&str>, special: Option<&str>) -> TableRow {
        let name = |text: &str| Name::new(text).unwrap();
        let table = Table {
            id: TableId::new(id),
            name: QualifiedName::new(name("public"), name(&format!("t{id}"))),
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            update_triggers: Vec::new(),
            owner: name("owner"),
            grants: Vec::new(),
            properties: Vec::new(),
            partitioning: None,
        };
        let part = Part {
            of: of.map(TableId::new),
            bound: of.map(|_| "DEFAULT".to_owned()),
            rule: None,
            key: key.map(str::to_owned),
            key_columns: Vec::new(),
        };
        let part = (of.is_some() || key.is_some()).then_some(part);
        TableRow { table, special: special.map(str::to_owned), part }
    }

    #[test]
    fn partitions_of_all_levels_go_with_their_table() {
        // A partition may be read before what it is a part of.
        let rows = vec![
            row(5, Some(4), None, None),
            row(1, None, None, None),
            row(3, None, Some("RANGE (at)"), None),
            row(4, Some(3), Some("HASH (id)"), None),
        ];
        let (tables, rest) = gather(rows, |_| true);
        assert!(rest.is_empty());
        let ids: Vec<u32> = tables[1].partitions().iter().map(|part| part.table.id.get()).collect();
        assert_eq!((tables.len(), ids), (2, vec![4, 5]));
        assert_eq!(tables[1].stores().len(), 1);
    }

    #[test]
    fn a_tree_with_a_foreign_table_in_it_is_not_managed() {
        let rows = vec![row(3, None, Some("RANGE (at)"), None), row(4, Some(3), None, Some("SERVER far"))];
        let (tables, rest) = gather(rows, |_| true);
        assert!(tables.is_empty());
        let words: Vec<&str> = rest.iter().map(|(_, words)| words.as_str()).collect();
        assert_eq!(words, ["PARTITION DEFAULT\nOF public.t3\nSERVER far", "PARTITION BY RANGE (at)"]);
    }
}
