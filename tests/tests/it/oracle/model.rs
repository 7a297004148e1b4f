//! Editions in memory: what a write through one of them must show in all others. It knows nothing of views, triggers or physical
//! columns, only the rules of DESIGN sections 2 and 5.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::{ColumnId, Expression, Kind, Row, Value};

/// A table's identity, across editions and names.
pub(crate) type TableId = u32;

/// A column as one edition sees it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) id: ColumnId,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) not_null: bool,
    pub(crate) default: Option<Value>,
}

/// A table as one edition sees it; besides, every table has a key `id`.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) id: TableId,
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
}

/// An edition's schema.
#[derive(Clone, Debug)]
pub(crate) struct Edition {
    pub(crate) name: String,
    pub(crate) tables: Vec<Table>,
}

/// The transforms between an edition and the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hop {
    /// Column of the child, from columns of the parent.
    pub(crate) forward: BTreeMap<ColumnId, Expression>,
    /// Column of the parent, from columns of the child.
    pub(crate) reverse: BTreeMap<ColumnId, Expression>,
}

/// All live editions and their contents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) editions: Vec<Edition>,
    /// One fewer than editions.
    pub(crate) hops: Vec<Hop>,
    /// Key → the row as each live edition sees it (empty where an edition lacks the table).
    pub(crate) rows: BTreeMap<TableId, BTreeMap<i64, Vec<Row>>>,
}

impl Edition {
    pub(crate) fn table(&self, id: TableId) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }
}

impl Table {
    pub(crate) fn column(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    fn default(&self, id: ColumnId) -> Value {
        self.column(id).and_then(|column| column.default.clone()).unwrap_or(Value::Null)
    }
}

/// A row of the neighbour before and after a write; `None`: it is new.
struct Written<'a> {
    before: Option<&'a Row>,
    after: &'a Row,
}

/// The row on the other side of a hop: what is shared, what transforms give whose sources changed, what was there, or what is the default.
fn cross(
    to: &Table,
    from: &Table,
    transforms: &BTreeMap<ColumnId, Expression>,
    written: &Written<'_>,
    there: &Row,
) -> Row {
    let changed = |expression: &Expression| match written.before {
        None => true,
        Some(before) => expression.sources().iter().any(|id| before.get(id) != written.after.get(id)),
    };
    let value = |column: &Column| match transforms.get(&column.id) {
        Some(expression) if changed(expression) => expression.eval(written.after),
        None if from.column(column.id).is_some() => written.after[&column.id].clone(),
        _ if written.before.is_none() => to.default(column.id),
        _ => there[&column.id].clone(),
    };
    to.columns.iter().map(|column| (column.id, value(column))).collect()
}

impl Model {
    /// A row is inserted through an edition; columns that are not given have its defaults.
    pub(crate) fn insert(&mut self, edition: usize, table: TableId, key: i64, given: &Row) {
        let columns = &self.editions[edition].table(table).unwrap().columns;
        let value = |column: &Column| {
            given.get(&column.id).or(column.default.as_ref()).cloned().unwrap_or(Value::Null)
        };
        let row: Row = columns.iter().map(|column| (column.id, value(column))).collect();
        let rows = self.spread(edition, table, None, row);
        self.rows.entry(table).or_default().insert(key, rows);
    }

    /// Columns of a row are set through an edition.
    pub(crate) fn update(&mut self, edition: usize, table: TableId, key: i64, set: &Row) {
        let before = self.rows[&table][&key].clone();
        let mut row = before[edition].clone();
        row.extend(set.clone());
        let rows = self.spread(edition, table, Some(&before), row);
        self.rows.get_mut(&table).unwrap().insert(key, rows);
    }

    /// The row in every edition, once `edition` sees it as `row`: forward hop by hop to the leaf, then back to the root.
    fn spread(&self, edition: usize, table: TableId, before: Option<&Vec<Row>>, row: Row) -> Vec<Row> {
        let nothing = Row::new();
        let mut rows = vec![Row::new(); self.editions.len()];
        rows[edition] = row;
        let mut carry = |from: usize, to: usize, transforms: &BTreeMap<ColumnId, Expression>| {
            let sides = (self.editions[from].table(table), self.editions[to].table(table));
            let (Some(source), Some(target)) = sides else { return false };
            let written = Written { before: before.map(|rows| &rows[from]), after: &rows[from] };
            rows[to] = cross(target, source, transforms, &written, before.map_or(&nothing, |rows| &rows[to]));
            true
        };
        for to in edition + 1..self.editions.len() {
            if !carry(to - 1, to, &self.hops[to - 1].forward) {
                break;
            }
        }
        for to in (0..edition).rev() {
            if !carry(to + 1, to, &self.hops[to].reverse) {
                break;
            }
        }
        rows
    }

    /// A row is deleted through any edition.
    pub(crate) fn delete(&mut self, table: TableId, key: i64) {
        self.rows.get_mut(&table).unwrap().remove(&key);
    }

    /// A child of the leaf is published: rows that are there are backfilled.
    pub(crate) fn publish(&mut self, child: Edition, hop: Hop) {
        let leaf = self.editions.last().unwrap();
        for (id, rows) in &mut self.rows {
            for row in rows.values_mut() {
                let last = row.last().unwrap();
                let computed = match (leaf.table(*id), child.table(*id)) {
                    (Some(parent), Some(table)) => {
                        let written = Written { before: None, after: last };
                        cross(table, parent, &hop.forward, &written, &Row::new())
                    }
                    _ => Row::new(),
                };
                row.push(computed);
            }
        }
        self.editions.push(child);
        self.hops.push(hop);
    }

    /// The leaf is rolled back, and what it alone stored given up.
    pub(crate) fn roll_back(&mut self) {
        self.editions.pop();
        self.hops.pop();
        self.forget(|row| {
            row.pop();
        });
    }

    /// The root is retired.
    pub(crate) fn retire(&mut self) {
        self.editions.remove(0);
        self.hops.remove(0);
        self.forget(|row| {
            row.remove(0);
        });
    }

    fn forget(&mut self, take_out: impl Fn(&mut Vec<Row>)) {
        self.rows.values_mut().flat_map(BTreeMap::values_mut).for_each(take_out);
        let known: BTreeSet<TableId> =
            self.editions.iter().flat_map(|edition| edition.tables.iter().map(|table| table.id)).collect();
        self.rows.retain(|id, _| known.contains(id));
    }

    /// What an edition sees in a table, in the order of the keys.
    pub(crate) fn contents(&self, edition: usize, table: &Table) -> Vec<String> {
        let Some(rows) = self.rows.get(&table.id) else { return Vec::new() };
        rows.iter()
            .map(|(key, row)| {
                let mut fields = vec![key.to_string()];
                fields.extend(table.columns.iter().map(|column| row[edition][&column.id].to_string()));
                fields.join("|")
            })
            .collect()
    }
}
