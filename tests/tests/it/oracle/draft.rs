//! Random changes: a child edition, the DDL that makes it, and its transforms.

use std::collections::BTreeSet;

use super::{
    expression::{ColumnId, Expression, Kind, Value},
    model::{Column, Edition, Hop, Table, TableId},
};

/// One change. The two bytes choose the table, the column and the like among those that there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change(pub(crate) What, pub(crate) u8, pub(crate) u8);

/// Which change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    AddNullable,
    AddWithDefault,
    AddComputed,
    Drop,
    Rename,
    Swap,
    Retype,
    Split,
    Merge,
    Scale,
    SetNotNull,
    DropNotNull,
    RenameTable,
    NewTable,
    DropTable,
}

impl What {
    pub(crate) const ALL: [Self; 15] = [
        Self::AddNullable,
        Self::AddWithDefault,
        Self::AddComputed,
        Self::Drop,
        Self::Rename,
        Self::Swap,
        Self::Retype,
        Self::Split,
        Self::Merge,
        Self::Scale,
        Self::SetNotNull,
        Self::DropNotNull,
        Self::RenameTable,
        Self::NewTable,
        Self::DropTable,
    ];
}

/// A child in the making.
pub(crate) struct Draft {
    pub(crate) edition: Edition,
    pub(crate) hop: Hop,
    /// Statements, in order.
    pub(crate) ddl: Vec<String>,
    parent: Edition,
    /// Columns and tables that a change of this draft concerns already.
    touched: BTreeSet<ColumnId>,
    touched_tables: BTreeSet<TableId>,
    /// Names that are free again.
    free: Vec<(TableId, String)>,
    next_id: u32,
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn pick<T>(list: &[T], byte: u8) -> Option<&T> {
    if list.is_empty() { None } else { list.get(usize::from(byte) % list.len()) }
}

impl Draft {
    /// A copy of the parent. Ids from `next_id` on are free.
    pub(crate) fn of(parent: &Edition, name: String, next_id: u32) -> Self {
        Self {
            edition: Edition { name, tables: parent.tables.clone() },
            hop: Hop::default(),
            ddl: Vec::new(),
            parent: parent.clone(),
            touched: BTreeSet::new(),
            touched_tables: BTreeSet::new(),
            free: Vec::new(),
            next_id,
        }
    }

    /// The first id that is free now.
    pub(crate) fn next_id(&self) -> u32 {
        self.next_id
    }

    fn id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// A name for something new: sometimes one that needs quotes, sometimes one that was given up.
    fn name(&mut self, id: u32, table: TableId, byte: u8) -> String {
        let given_up = self.free.iter().position(|(of, _)| *of == table).filter(|_| byte.is_multiple_of(2));
        match (given_up, byte % 5) {
            (Some(place), _) => self.free.remove(place).1,
            (None, 0) => format!("Select \"{id}\""),
            _ => format!("c{id}"),
        }
    }

    /// Does what is asked for if there is something that it can be done to.
    pub(crate) fn apply(&mut self, change: Change) {
        let Change(what, a, b) = change;
        if matches!(what, What::NewTable) {
            return self.new_table(a, b);
        }
        let inherited: Vec<usize> = (0..self.edition.tables.len())
            .filter(|index| self.parent.table(self.edition.tables[*index].id).is_some())
            .collect();
        let Some(&index) = pick(&inherited, a) else { return };
        let table = self.edition.tables[index].clone();
        match what {
            What::DropTable if inherited.len() > 1 && !self.touched_tables.contains(&table.id) => {
                if table.columns.iter().all(|column| !self.touched.contains(&column.id)) {
                    self.edition.tables.remove(index);
                    self.ddl.push(format!("DROP TABLE {}", quoted(&table.name)));
                }
            }
            What::RenameTable if self.touched_tables.insert(table.id) => {
                let id = self.id();
                let name = if b.is_multiple_of(3) { format!("Order {id}") } else { format!("t{id}") };
                self.ddl.push(format!("ALTER TABLE {} RENAME TO {}", quoted(&table.name), quoted(&name)));
                self.edition.tables[index].name = name;
            }
            What::DropTable | What::RenameTable | What::NewTable => {}
            _ => {
                self.touched_tables.insert(table.id);
                self.change_column(index, what, b);
            }
        }
    }

    fn new_table(&mut self, a: u8, b: u8) {
        let id = self.id();
        let kinds = [Kind::Int, Kind::Text, Kind::Money];
        let columns: Vec<Column> = (0..=a % 3)
            .map(|index| Column {
                id: self.id(),
                name: format!("n{index}"),
                kind: *pick(&kinds, b.wrapping_add(index)).unwrap(),
                not_null: index == 0,
                default: (index != 1).then(|| pick(&kinds, b.wrapping_add(index)).unwrap().value(b)),
            })
            .collect();
        let table = Table { id, name: format!("t{id}"), columns };
        self.ddl.push(create_table(&table));
        self.edition.tables.push(table);
    }

    /// Columns of the table that this draft has not changed, of these kinds.
    fn candidates(&self, table: &Table, kinds: &[Kind]) -> Vec<Column> {
        let fits = |column: &&Column| kinds.contains(&column.kind) && !self.touched.contains(&column.id);
        table.columns.iter().filter(fits).cloned().collect()
    }

    fn change_column(&mut self, index: usize, what: What, byte: u8) {
        const ANY: &[Kind] = &[Kind::Int, Kind::Text, Kind::Money];
        let table = self.edition.tables[index].clone();
        let kind = *pick(ANY, byte).unwrap();
        let of = |kinds: &[Kind]| pick(&self.candidates(&table, kinds), byte / 4).cloned();
        match what {
            What::AddNullable => {
                self.add(index, kind, false, None, byte);
            }
            What::AddWithDefault => {
                self.add(index, kind, byte.is_multiple_of(2), Some(kind.value(byte)), byte);
            }
            What::AddComputed => {
                // A transform reads the parent's column, which may be renamed or changed here.
                let parent = self.parent.table(table.id).unwrap().clone();
                let Some(source) = pick(&parent.columns, byte / 4).cloned() else { return };
                let (kind, expression) = match source.kind {
                    Kind::Int if byte.is_multiple_of(2) => (Kind::Int, Expression::PlusOne(source.id)),
                    Kind::Int => (Kind::Text, Expression::IntToText(source.id)),
                    Kind::Text => (Kind::Text, Expression::Upper(source.id)),
                    Kind::Money => (Kind::Int, Expression::MoneyToInt(source.id)),
                };
                let added = self.add(index, kind, source.not_null, None, byte);
                self.hop.forward.insert(added, expression);
            }
            What::Drop => {
                let Some(column) = of(ANY) else { return };
                self.drop(index, &column);
                if column.not_null && column.default.is_none() || byte.is_multiple_of(4) {
                    self.hop.reverse.insert(column.id, Expression::Constant(column.kind.value(byte)));
                }
            }
            What::Rename => {
                let Some(column) = of(ANY) else { return };
                let name = self.name(self.next_id, table.id, byte);
                self.next_id += 1;
                self.free.push((table.id, column.name.clone()));
                self.alter(index, &format!("RENAME COLUMN {} TO {}", quoted(&column.name), quoted(&name)));
                self.changed(index, &column).name = name;
            }
            What::Swap => {
                let candidates = self.candidates(&table, ANY);
                let [first, .., last] = candidates.as_slice() else { return };
                let rename =
                    |from: &str, to: &str| format!("RENAME COLUMN {} TO {}", quoted(from), quoted(to));
                self.alter(index, &rename(&first.name, "between"));
                self.alter(index, &rename(&last.name, &first.name));
                self.alter(index, &rename("between", &last.name));
                self.changed(index, first).name.clone_from(&last.name);
                self.changed(index, last).name.clone_from(&first.name);
            }
            What::Retype => {
                let Some(column) = of(&[Kind::Int]).filter(|column| !column.not_null) else { return };
                let (kind, forward, reverse) = if byte.is_multiple_of(2) {
                    (Kind::Text, Expression::IntToText(column.id), Expression::TextToInt(column.id))
                } else {
                    (Kind::Money, Expression::IntToMoney(column.id), Expression::MoneyToInt(column.id))
                };
                self.alter(index, &format!("ALTER COLUMN {} DROP DEFAULT", quoted(&column.name)));
                self.alter(index, &format!("ALTER COLUMN {} TYPE {}", quoted(&column.name), kind.sql()));
                let changed = self.changed(index, &column);
                changed.kind = kind;
                changed.default = None;
                self.hop.forward.insert(column.id, forward);
                self.hop.reverse.insert(column.id, reverse);
            }
            What::Split => {
                let Some(column) = of(&[Kind::Text]) else { return };
                self.drop(index, &column);
                let first = self.add(index, Kind::Text, false, None, byte);
                let rest = self.add(index, Kind::Text, false, None, byte.wrapping_add(1));
                self.hop.forward.insert(first, Expression::Part(column.id, 0));
                self.hop.forward.insert(rest, Expression::Part(column.id, 1));
                self.hop.reverse.insert(column.id, Expression::Joined(first, rest));
            }
            What::Merge => {
                let candidates = self.candidates(&table, &[Kind::Text]);
                let [first, .., last] = candidates.as_slice() else { return };
                self.drop(index, first);
                self.drop(index, last);
                let merged = self.add(index, Kind::Text, true, None, byte);
                self.hop.forward.insert(merged, Expression::Joined(first.id, last.id));
                self.hop.reverse.insert(first.id, Expression::Part(merged, 0));
                let rest =
                    if last.not_null { Expression::Upper(merged) } else { Expression::Part(merged, 1) };
                self.hop.reverse.insert(last.id, rest);
            }
            What::Scale => {
                let Some(column) = of(&[Kind::Int]) else { return };
                self.drop(index, &column);
                let scaled = self.add(index, Kind::Int, column.not_null, None, byte);
                self.hop.forward.insert(scaled, Expression::Tenth(column.id));
                self.hop.reverse.insert(column.id, Expression::TimesTen(scaled));
            }
            What::SetNotNull => {
                let Some(column) = of(ANY).filter(|column| !column.not_null) else { return };
                self.alter(index, &format!("ALTER COLUMN {} SET NOT NULL", quoted(&column.name)));
                self.changed(index, &column).not_null = true;
                let value = column.kind.value(byte);
                self.hop.forward.insert(column.id, Expression::OrElse(column.id, value));
                self.hop.reverse.insert(column.id, Expression::Same(column.id));
            }
            What::DropNotNull => {
                let Some(column) = of(ANY).filter(|column| column.not_null) else { return };
                self.alter(index, &format!("ALTER COLUMN {} DROP NOT NULL", quoted(&column.name)));
                self.changed(index, &column).not_null = false;
                let value = column.kind.value(byte);
                self.hop.forward.insert(column.id, Expression::Same(column.id));
                self.hop.reverse.insert(column.id, Expression::OrElse(column.id, value));
            }
            What::RenameTable | What::NewTable | What::DropTable => {}
        }
    }

    fn alter(&mut self, index: usize, action: &str) {
        self.ddl.push(format!("ALTER TABLE {} {action}", quoted(&self.edition.tables[index].name)));
    }

    fn changed(&mut self, index: usize, column: &Column) -> &mut Column {
        self.touched.insert(column.id);
        self.edition.tables[index].columns.iter_mut().find(|other| other.id == column.id).unwrap()
    }

    fn drop(&mut self, index: usize, column: &Column) {
        self.touched.insert(column.id);
        self.alter(index, &format!("DROP COLUMN {}", quoted(&column.name)));
        let table = &mut self.edition.tables[index];
        table.columns.retain(|other| other.id != column.id);
        self.free.push((table.id, column.name.clone()));
    }

    fn add(
        &mut self,
        index: usize,
        kind: Kind,
        not_null: bool,
        default: Option<Value>,
        byte: u8,
    ) -> ColumnId {
        let id = self.id();
        let name = self.name(id, self.edition.tables[index].id, byte);
        let column = Column { id, name, kind, not_null, default };
        self.alter(index, &format!("ADD COLUMN {}", definition(&column)));
        self.touched.insert(id);
        self.edition.tables[index].columns.push(column);
        id
    }

    /// The texts of `edition transform`: table, forward, reverse.
    pub(crate) fn transforms(&self) -> Vec<(String, String, String)> {
        let mut given = Vec::new();
        for child in &self.edition.tables {
            let Some(parent) = self.parent.table(child.id) else { continue };
            let text = |to: &Table, from: &Table, all: &std::collections::BTreeMap<ColumnId, Expression>| {
                let name = |id: ColumnId| quoted(&from.column(id).unwrap().name);
                let assignments: Vec<String> = to
                    .columns
                    .iter()
                    .filter_map(|column| Some((column, all.get(&column.id)?)))
                    .map(|(column, expression)| {
                        format!("{} = {}", quoted(&column.name), expression.sql(name))
                    })
                    .collect();
                assignments.join(", ")
            };
            let forward = text(child, parent, &self.hop.forward);
            let reverse = text(parent, child, &self.hop.reverse);
            if !(forward.is_empty() && reverse.is_empty()) {
                given.push((quoted(&child.name), forward, reverse));
            }
        }
        given
    }
}

fn definition(column: &Column) -> String {
    let default =
        column.default.as_ref().map(|value| format!(" DEFAULT {}", value.sql())).unwrap_or_default();
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    format!("{} {}{default}{not_null}", quoted(&column.name), column.kind.sql())
}

/// The table, with its key, open to the application.
pub(crate) fn create_table(table: &Table) -> String {
    let name = quoted(&table.name);
    let key = "id bigint PRIMARY KEY".to_owned();
    let columns: Vec<String> = std::iter::once(key).chain(table.columns.iter().map(definition)).collect();
    let columns = columns.join(", ");
    format!("CREATE TABLE {name} ({columns}); GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO app")
}
