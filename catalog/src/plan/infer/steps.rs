//! What statements that run once, at publish, leave to those behind them: these can no longer be told from one row.

use std::collections::{BTreeMap, BTreeSet};

use super::InferInput;
use crate::{
    blueprint::NotedStatement,
    model::{ColumnId, Name, TableId},
    sql::{
        DataChange, DataStatement, RelationName,
        lexer::{Lexer, Token},
    },
};

/// What the steps so far have changed and read.
#[derive(Debug, Default)]
pub(super) struct StepsSoFar {
    /// Columns of which a step has set some rows; `None`: any.
    set: BTreeMap<TableId, Option<BTreeSet<ColumnId>>>,
    read: Vec<Mention>,
}

/// The tables that a step names, and the names of columns that it may mean.
#[derive(Debug)]
struct Mention {
    tables: BTreeSet<TableId>,
    names: BTreeSet<String>,
    /// Whether it reads all columns that were there.
    reads_all: bool,
}

impl StepsSoFar {
    /// A statement about this table becomes a step, which sets these columns of it.
    pub(super) fn add(
        &mut self,
        table: TableId,
        noted: &NotedStatement,
        text: &str,
        columns: Option<BTreeSet<ColumnId>>,
    ) {
        let tables = noted.reads.iter().flatten().copied().chain([table]).collect();
        self.read.push(Mention::of(text, tables));
        let set = self.set.entry(table).or_insert_with(|| Some(BTreeSet::new()));
        match (set, columns) {
            (Some(set), Some(columns)) => set.extend(columns),
            (set, _) => *set = None,
        }
    }

    /// Whether an UPDATE of one row reads what a step has set.
    pub(super) fn have_set(&self, table: TableId, read: &BTreeSet<ColumnId>) -> bool {
        match self.set.get(&table) {
            None => false,
            Some(None) => true,
            Some(Some(columns)) => !columns.is_disjoint(read),
        }
    }

    /// Whether a step has read a column that is changed now: in the draft it read what was there before. `is_new`: the draft has added it.
    pub(super) fn have_read(&self, table: TableId, column: &Name, is_new: bool) -> bool {
        self.read.iter().any(|step| {
            let reads = step.names.contains(column.as_str()) || step.reads_all && !is_new;
            step.tables.contains(&table) && reads
        })
    }
}

impl Mention {
    fn of(text: &str, tables: BTreeSet<TableId>) -> Self {
        let bytes = text.as_bytes();
        let tokens: Vec<Token> = Lexer::new(bytes).collect();
        // Not that of count(*), nor of a product.
        let is_before_all = |token: &Token| {
            let is = |word| token.is_word(bytes, word);
            is("select")
                || is("distinct")
                || is("all")
                || token.is_symbol(bytes, b',')
                || token.is_symbol(bytes, b'.')
        };
        let reads_all = tokens.windows(2).any(|pair| match pair {
            [before, star] => star.is_symbol(bytes, b'*') && is_before_all(before),
            _ => false,
        });
        let names_table = tokens.first().is_some_and(|first| first.is_word(bytes, "insert"))
            && tokens.iter().any(|token| token.is_word(bytes, "table"));
        let names = tokens.iter().filter_map(|token| token.name(text)).collect();
        Self { tables, names, reads_all: reads_all || names_table }
    }
}

/// Why a statement cannot be run at publish as it stands: what it names has another name by then, or another thing has its name.
pub(super) fn renamed_since(
    input: &InferInput<'_>,
    noted: &NotedStatement,
    statement: &DataStatement,
    table: TableId,
) -> bool {
    let means_now = |name: &RelationName| super::named(input, input.child, name);
    if means_now(&statement.table) != Some(table) {
        return true;
    }
    let reads = match &statement.change {
        DataChange::Other { reads, .. } => reads.as_slice(),
        DataChange::Update { .. } | DataChange::Columns { .. } => &[],
    };
    // Of a text of several statements the note has the tables of one.
    let same_number = noted.reads.len() == reads.len();
    let mut moved = reads.iter().zip(&noted.reads);
    if same_number && moved.any(|(name, then)| then.is_some_and(|then| means_now(name) != Some(then))) {
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

/// The columns of a table that names of then mean.
pub(super) fn columns_of<'a>(
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
