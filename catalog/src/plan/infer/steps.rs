//! What statements that run once, at publish, leave to those behind them: these can no longer be told from one row.

use std::collections::{BTreeMap, BTreeSet};

use super::{InferInput, named, row::is_cast_of, view};
use crate::{
    blueprint::NotedStatement,
    model::{ColumnId, Name, TableId, TypeKind, View},
    sql::{
        ColumnChange, DataChange, DataStatement, Expression, RelationName,
        lexer::{Lexer, Token},
    },
};

/// What the steps so far have changed and read.
#[derive(Debug, Default)]
pub(super) struct StepsSoFar {
    /// Columns of which a step has set some rows, or what has not been understood; `None`: any.
    set: BTreeMap<TableId, Option<BTreeSet<ColumnId>>>,
    read: Vec<Mention>,
    /// How many steps had been there when the draft added a column.
    added: BTreeMap<(TableId, ColumnId), usize>,
}

/// Where a step and its finding stand.
pub(super) type Place = (usize, usize);

/// A statement that ran, and the note of it.
pub(super) type Ran<'a> = (&'a NotedStatement, &'a DataStatement);

/// The tables that a step names, and the names of columns that it may mean.
#[derive(Debug)]
struct Mention {
    place: Place,
    tables: BTreeSet<TableId>,
    names: BTreeSet<String>,
    /// Columns that views read which it names.
    beneath: BTreeSet<(TableId, ColumnId)>,
    /// Whether it reads all columns that were there.
    reads_all: bool,
}

impl StepsSoFar {
    /// A statement about this table has become a step.
    pub(super) fn add(
        &mut self,
        input: &InferInput<'_>,
        (noted, statement): Ran<'_>,
        table: TableId,
        place: Place,
    ) {
        let tables: BTreeSet<TableId> = noted.reads.iter().flatten().copied().chain([table]).collect();
        let beneath = beneath(input, &tables);
        let names = Lexer::new(statement.text.as_bytes()).filter_map(|token| token.name(&statement.text));
        let (names, reads_all) = (names.collect(), reads_all(statement));
        self.read.push(Mention { place, tables, names, beneath, reads_all });
    }

    /// A statement about this table can be told from one row no more: nor can the columns that it sets.
    pub(super) fn taint(&mut self, input: &InferInput<'_>, (noted, statement): Ran<'_>, table: TableId) {
        if view(input, table).is_some() {
            self.set
                .extend(beneath(input, &BTreeSet::from([table])).into_iter().map(|(table, _)| (table, None)));
        }
        let columns = sets(statement).map(|sets| columns_of(input, noted, table, &sets));
        let set = self.set.entry(table).or_insert_with(|| Some(BTreeSet::new()));
        match (set, columns) {
            (Some(set), Some(columns)) => set.extend(columns),
            (set, _) => *set = None,
        }
    }

    /// Keeps in mind when the draft added columns.
    pub(super) fn see_added(&mut self, input: &InferInput<'_>, (noted, statement): Ran<'_>, table: TableId) {
        let DataChange::Columns { changes, .. } = &statement.change else { return };
        let added = changes.iter().filter_map(|change| match change {
            ColumnChange::Added { name, .. } => Some(name),
            ColumnChange::Retyped { .. } => None,
        });
        for column in columns_of(input, noted, table, added) {
            if input.parent.table(table).is_none_or(|parent| parent.column(column).is_none()) {
                self.added.entry((table, column)).or_insert(self.read.len());
            }
        }
    }

    /// Whether what an UPDATE or a USING does to one row cannot be told, because it reads what steps set; or whether an UPDATE has to come after them, because
    /// it changes what they read.
    pub(super) fn concern(
        &self,
        input: &InferInput<'_>,
        (noted, statement): Ran<'_>,
        table: TableId,
    ) -> bool {
        let (values, kept, set) = match &statement.change {
            DataChange::Update { assignments, condition, .. } => {
                let values: Vec<&Expression> =
                    assignments.iter().map(|(_, value)| value).chain(condition).collect();
                let set: Vec<&Name> = assignments.iter().map(|(column, _)| column).collect();
                // Rows that do not fulfil the condition keep what they have.
                (values, if condition.is_some() { set.clone() } else { Vec::new() }, set)
            }
            DataChange::Columns { .. } => {
                let (kept, values) = usings(input, (noted, statement), table).unzip();
                (values, kept, Vec::new())
            }
            DataChange::Other { .. } => return false,
        };
        let read = values.iter().flat_map(|value| value.columns()).map(|column| &column.name);
        self.have_set(table, &columns_of(input, noted, table, read.chain(kept)))
            || set.iter().any(|column| {
                self.readers(table, column, &columns_of(input, noted, table, [*column])).next().is_some()
            })
    }

    /// Steps that read what a USING changes: in the draft they read what was there before, and they cannot come before it.
    pub(super) fn overtaken_by(
        &self,
        input: &InferInput<'_>,
        (noted, statement): Ran<'_>,
        table: TableId,
    ) -> BTreeSet<Place> {
        let readers = |column| {
            let ids = columns_of(input, noted, table, [column]);
            self.readers(table, column, &ids).map(|step| step.place).collect::<Vec<_>>()
        };
        usings(input, (noted, statement), table).flat_map(|(column, _)| readers(column)).collect()
    }

    fn have_set(&self, table: TableId, read: &BTreeSet<ColumnId>) -> bool {
        match self.set.get(&table) {
            None => false,
            Some(None) => true,
            Some(Some(columns)) => !columns.is_disjoint(read),
        }
    }

    /// The steps that have read a column, by its name or its number.
    fn readers(
        &self,
        table: TableId,
        name: &Name,
        ids: &BTreeSet<ColumnId>,
    ) -> impl Iterator<Item = &Mention> {
        self.read.iter().enumerate().filter_map(move |(number, step)| {
            let was_there =
                |id: &ColumnId| self.added.get(&(table, *id)).is_none_or(|before| *before <= number);
            let by_table = step.tables.contains(&table)
                && (step.names.contains(name.as_str()) || step.reads_all && ids.iter().any(was_there));
            let by_view = || ids.iter().any(|id| step.beneath.contains(&(table, *id)));
            (by_table || by_view()).then_some(step)
        })
    }
}

/// The columns that a statement sets in rows that are there; `None`: any.
fn sets(statement: &DataStatement) -> Option<Vec<Name>> {
    match &statement.change {
        DataChange::Update { assignments, .. } => {
            Some(assignments.iter().map(|(column, _)| column.clone()).collect())
        }
        DataChange::Other { sets, .. } => sets.clone(),
        DataChange::Columns { usings, .. } => Some(usings.iter().map(|(column, _)| column.clone()).collect()),
    }
}

/// Every USING that may change a value: a label that becomes the same one of another enum is none.
fn usings<'a>(
    input: &InferInput<'_>,
    (noted, statement): Ran<'a>,
    table: TableId,
) -> impl Iterator<Item = (&'a Name, &'a Expression)> {
    let usings = match &statement.change {
        DataChange::Columns { usings, .. } => usings.as_slice(),
        DataChange::Update { .. } | DataChange::Other { .. } => &[],
    };
    let is_enum = move |column: &Name| {
        let ids = columns_of(input, noted, table, [column]);
        let column = ids.first().and_then(|id| input.child.table(table)?.column(*id));
        let known = column.and_then(|column| input.child.type_def(column.type_id?));
        known.is_some_and(|known| known.kind == TypeKind::Enum)
    };
    let changes = move |column: &Name, value: &Expression| !(is_cast_of(value, column) && is_enum(column));
    usings.iter().map(|(column, value)| (column, value)).filter(move |(column, value)| changes(column, value))
}

/// What the views among relations read.
fn beneath(input: &InferInput<'_>, relations: &BTreeSet<TableId>) -> BTreeSet<(TableId, ColumnId)> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut waiting: Vec<TableId> = relations.iter().copied().collect();
    while let Some(relation) = waiting.pop() {
        if let Some(view) = view(input, relation).filter(|_| seen.insert(relation)) {
            found.extend(view.reads.iter().copied());
            waiting.extend(view.reads.iter().map(|(read, _)| *read));
        }
    }
    found
}

/// Whether a statement reads whole rows: `*`, but not that of count(*), nor of a product; `TABLE t`; `to_jsonb(t)`.
fn reads_all(statement: &DataStatement) -> bool {
    let bytes = statement.text.as_bytes();
    let tokens: Vec<Token> = Lexer::new(bytes).collect();
    let is = |token: &Token, words: &[&str]| words.iter().any(|word| token.is_word(bytes, word));
    let is_one_of =
        |token: &Token, symbols: &[u8]| symbols.iter().any(|symbol| token.is_symbol(bytes, *symbol));
    let star = tokens.windows(2).any(|pair| match pair {
        [before, star] => {
            star.is_symbol(bytes, b'*')
                && (is(before, &["select", "distinct", "all"]) || is_one_of(before, b",."))
        }
        _ => false,
    });
    let by_table = tokens.first().is_some_and(|first| is(first, &["insert"]))
        && tokens.iter().any(|token| is(token, &["table"]));
    let rows = row_names(statement, &tokens);
    let by_row = tokens.windows(3).any(|three| match three {
        [before, row, after] => {
            row.name(&statement.text).is_some_and(|name| rows.contains(&name))
                && (is_one_of(before, b"(,") || is(before, &["select", "distinct", "all"]))
                && (is_one_of(after, b"),:") || is(after, &["from", "as"]))
        }
        _ => false,
    });
    star || by_table || by_row
}

/// Names that stand for a row of a table: the table's own, and what follows it.
fn row_names(statement: &DataStatement, tokens: &[Token]) -> BTreeSet<String> {
    let (text, bytes) = (statement.text.as_str(), statement.text.as_bytes());
    let reads = match &statement.change {
        DataChange::Other { reads, .. } => reads.as_slice(),
        DataChange::Update { .. } | DataChange::Columns { .. } => &[],
    };
    let tables = || reads.iter().chain([&statement.table]).map(|(_, table)| table.as_str());
    let names_table =
        |token: &Token| token.name(text).is_some_and(|name| tables().any(|table| table == name));
    let behind = (0..tokens.len()).filter(|at| tokens.get(*at).is_some_and(names_table)).filter_map(|at| {
        let is_as = tokens.get(at + 1)?.is_word(bytes, "as");
        tokens.get(if is_as { at + 2 } else { at + 1 })?.name(text)
    });
    behind.chain(tables().map(str::to_owned)).collect()
}

/// Why a statement cannot be run at publish as it stands: what it names has another name by then, or another thing has its name.
pub(super) fn renamed_since(
    input: &InferInput<'_>,
    noted: &NotedStatement,
    statement: &DataStatement,
    table: TableId,
) -> bool {
    if named(input, input.child, &statement.table) != Some(table) {
        return true;
    }
    // Relations that editions do not manage have numbers that nobody knows here.
    let is_managed = |id: TableId| {
        [input.child, input.parent].iter().any(|known| known.table(id).is_some()) || view(input, id).is_some()
    };
    let has_moved = |name: &RelationName, then: TableId| {
        let now = named(input, input.child, name).or_else(|| view_named(input, name));
        now != Some(then) && (now.is_some() || is_managed(then))
    };
    let reads = match &statement.change {
        DataChange::Other { reads, .. } => reads.as_slice(),
        DataChange::Update { .. } | DataChange::Columns { .. } => &[],
    };
    // Of a text of several statements the note has the tables of one.
    let same_number = noted.reads.len() == reads.len();
    let mut moved = reads.iter().zip(&noted.reads);
    if same_number && moved.any(|(name, then)| then.is_some_and(|then| has_moved(name, then))) {
        return true;
    }
    let Some(now) = input.child.table(table) else { return true };
    let moved: BTreeSet<&str> = noted
        .names
        .iter()
        .filter(|(name, then)| now.column_named(name).is_some_and(|column| column.id != **then))
        .map(|(name, _)| name.as_str())
        .collect();
    let text = statement.text.as_str();
    let names = |name: Option<String>| name.is_some_and(|name| moved.contains(name.as_str()));
    !moved.is_empty() && Lexer::new(text.as_bytes()).any(|token| names(token.name(text)))
}

fn view_named(input: &InferInput<'_>, (schema, name): &RelationName) -> Option<TableId> {
    let is_meant = |view: &&View| {
        let (of, called) = (&view.name.schema, &view.name.name);
        called == name && schema.as_ref().map_or_else(|| input.editioned.contains(of), |schema| schema == of)
    };
    input.child.views.iter().find(is_meant).map(|view| view.id)
}

/// The columns of a table that names of then mean.
fn columns_of<'a>(
    input: &InferInput<'_>,
    noted: &NotedStatement,
    table: TableId,
    names: impl IntoIterator<Item = &'a Name>,
) -> BTreeSet<ColumnId> {
    let known = [input.child.table(table), input.parent.table(table)];
    let now =
        |name: &Name| known.iter().flatten().find_map(|table| Some(table.column_named(name.as_str())?.id));
    names
        .into_iter()
        .filter_map(|name| noted.names.get(name.as_str()).copied().or_else(|| now(name)))
        .collect()
}
