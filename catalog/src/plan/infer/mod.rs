//! What a draft's statements say about how values of the parent become values of the child, so that nobody has to say it again.
//!
//! The statements are run over one symbolic row: each column of a table starts as the parent's column of that name (a new one as the
//! default that it was added with), and `UPDATE t SET b = f(a) WHERE c` makes `b` read `CASE WHEN c THEN f(a) ELSE b END`, with
//! whatever `a`, `b` and `c` read by then put in their places. What a column of the child reads at the end is its forward transform.
//! What cannot be computed from one row is a data step: run once.

mod agree;
mod idiom;
mod relaxed;

pub use agree::{Agreement, agreements};

use std::collections::{BTreeMap, BTreeSet};

use super::{Code, Finding, transforms::as_text};
use crate::{
    blueprint::NotedStatement,
    model::{
        Column, ColumnId, ConstraintKind, Direction, EditionName, Generated, Name, OnError, Origin,
        QualifiedName, Schema, Table, TableId, Transform, View, Volatility,
    },
    sql,
    sql::{DataChange, DataStatement, Expression, Sql, data_statements},
};

/// What inference works from.
pub struct InferInput<'a> {
    /// The draft.
    pub edition: &'a EditionName,
    /// Its parent.
    pub parent: &'a Schema,
    /// Its own schema.
    pub child: &'a Schema,
    /// The editioned schemas, which unqualified names are looked up in.
    pub editioned: &'a [Name],
    /// What its migrations ran.
    pub statements: &'a [NotedStatement],
    /// Given by the author: these win.
    pub given: &'a [Transform],
    /// Tables whose rows are carried as they are (bookkeeping tables): no statement about them needs to be understood.
    pub carried: &'a BTreeSet<TableId>,
    /// What rows that were there got in columns of the draft's own, where their default does not say so any more.
    pub added_with: &'a AddedWith,
}

/// Constants that `ADD COLUMN … DEFAULT` gave to the rows that were there: PostgreSQL keeps them whatever becomes of the default.
pub type AddedWith = BTreeMap<(TableId, ColumnId), Sql>;

/// What was inferred.
#[derive(Clone, Debug, Default)]
pub struct Inferred {
    /// For columns that the author gave none for.
    pub transforms: Vec<Transform>,
    /// Statements to run once at publish, as they stand, in this order: the table's schema and the text.
    pub steps: Vec<DataStep>,
    /// What is to be said about all of it.
    pub findings: Vec<Finding>,
}

/// A statement that publish runs once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataStep {
    /// The table that it changes, as the child names it.
    pub table: QualifiedName,
    /// The statement.
    pub text: String,
    /// Whether it is an INSERT.
    pub inserts: bool,
    /// Whether it is a DELETE.
    pub deletes: bool,
    /// The tables that it names besides; None if it names something else, too.
    pub reads: Option<Vec<TableId>>,
}

/// Infers transforms and data steps from what a draft's migrations ran.
pub fn infer(input: &InferInput<'_>) -> Inferred {
    let mut rows: BTreeMap<TableId, SymbolicRow<'_>> = BTreeMap::new();
    let mut inferred = Inferred::default();
    for noted in input.statements {
        for statement in data_statements(&noted.text) {
            let table = table_of(input, noted, &statement);
            let Some((table, after)) = table.and_then(|id| Some((id, input.child.table(id)?))) else {
                match table {
                    // A table that the draft drops takes its rows with it.
                    Some(id) => {
                        if let Some(view) = view(input, id) {
                            inferred.not_understood(input, &view.name, &statement);
                        }
                    }
                    None => inferred.findings.push(of_unknown_table(input, &statement)),
                }
                continue;
            };
            let before = input.parent.table(table);
            if input.carried.contains(&table) || has_left_rows(input, before, noted, &statement) {
                continue;
            }
            let understood = before.is_some_and(|before| {
                let row = rows.entry(table).or_insert_with(|| SymbolicRow::new(input, before, after));
                row.run(noted, &statement)
            });
            if !understood {
                inferred.not_understood(input, &after.name, &statement);
            }
        }
    }
    for (table, column) in input.added_with.keys() {
        let (Some(before), Some(after)) = (input.parent.table(*table), input.child.table(*table)) else {
            continue;
        };
        let row = rows.entry(*table).or_insert_with(|| SymbolicRow::new(input, before, after));
        if let (None, Some(value)) = (row.cells.get(column), row.added_with(*column).cloned()) {
            row.cells.insert(*column, value);
        }
    }
    for row in rows.values() {
        inferred.take(input, row);
    }
    for (transform, finding) in relaxed::reverses(input) {
        let known = |known: &Transform| {
            (&known.schema, &known.table, &known.column)
                == (&transform.schema, &transform.table, &transform.column)
        };
        if !inferred.transforms.iter().any(known) {
            inferred.transforms.push(transform);
            inferred.findings.push(finding);
        }
    }
    inferred
}

impl Inferred {
    fn not_understood(&mut self, input: &InferInput<'_>, table: &QualifiedName, statement: &DataStatement) {
        let deletes_nothing =
            !matches!(statement.change, DataChange::Other { .. } | DataChange::Update { .. });
        let subject = format!("table {}", table.pretty());
        let shown = shown(statement);
        if deletes_nothing || matches!(statement.change, DataChange::Other { runs_alone: false, .. }) {
            self.findings.push(Finding {
                severity: Code::NotInferred.severity(),
                code: Code::NotInferred,
                subject,
                message: format!("no transform can be inferred from: {shown}"),
                fix: Some(format!(
                    "edition transform {} {} --forward 'column = <expression>', or accept it: --allow not-inferred",
                    input.edition,
                    table.name.as_str()
                )),
            });
            return;
        }
        self.findings.push(Finding {
            severity: Code::DataStep.severity(),
            code: Code::DataStep,
            subject,
            message: format!("publish runs this statement of the draft once, in the new edition: {shown}"),
            fix: Some("take it back in the draft, or accept it: --allow data-step".to_owned()),
        });
        let (inserts, deletes, reads) = match &statement.change {
            DataChange::Other { inserts, deletes, reads, .. } => (*inserts, *deletes, reads.as_slice()),
            DataChange::Update { .. } | DataChange::Using(_) => (false, false, &[][..]),
        };
        self.steps.push(DataStep {
            table: table.clone(),
            text: statement.text.clone(),
            inserts,
            deletes,
            reads: reads.iter().map(|name| named(input, input.child, name)).collect(),
        });
    }

    /// What the columns of one table read at the end.
    fn take(&mut self, input: &InferInput<'_>, row: &SymbolicRow<'_>) {
        let given = |direction: Direction, column: &Name| {
            input.given.iter().any(|transform| {
                transform.direction == direction
                    && (&transform.schema, &transform.table) == (&row.child.name.schema, &row.child.name.name)
                    && &transform.column == column
            })
        };
        for (id, expression) in row.changed() {
            let Some(column) = row.child.column(*id).filter(|column| column.generated == Generated::None)
            else {
                continue;
            };
            if given(Direction::Forward, &column.name) {
                continue;
            }
            self.transforms.push(transform(row.child, Direction::Forward, &column.name, expression.as_str()));
            if let Some(before) = row.parent.column(*id)
                && !given(Direction::Reverse, &before.name)
            {
                self.findings.push(lossy(
                    row,
                    &before.name,
                    "the older edition gets the value as it is written here",
                ));
            }
        }
        for (column, expression) in idiom::reverses(row.parent, row.child, &row.cells) {
            if !given(Direction::Reverse, &column) {
                self.findings.push(lossy(
                    row,
                    &column,
                    "it is put together from the columns that it was taken apart into",
                ));
                self.transforms.push(transform(row.child, Direction::Reverse, &column, expression.as_str()));
            }
        }
    }
}

/// A temporary table, or one that has another name since.
fn of_unknown_table(input: &InferInput<'_>, statement: &DataStatement) -> Finding {
    let message = format!("no transform can be inferred from: {}", shown(statement));
    let fix = format!(
        "say what it does by edition transform {} TABLE --forward 'column = <expression>', or accept that it is left out: --allow not-inferred",
        input.edition
    );
    Finding::new(Code::NotInferred, format!("table {}", statement.table.1.as_str()), message).with_fix(fix)
}

fn shown(statement: &DataStatement) -> String {
    statement.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect()
}

fn transform(table: &Table, direction: Direction, column: &Name, expression: &str) -> Transform {
    Transform {
        schema: table.name.schema.clone(),
        table: table.name.name.clone(),
        direction,
        column: column.clone(),
        expression: expression.to_owned(),
        on_error: OnError::Reject,
        origin: Origin::Inferred,
    }
}

fn lossy(row: &SymbolicRow<'_>, column: &Name, how: &str) -> Finding {
    Finding {
        severity: Code::LossyButKept.severity(),
        code: Code::LossyButKept,
        subject: format!("table {}, column {}, reverse", row.child.name.pretty(), column.as_str()),
        message: format!("inferred: {how}; where nobody edits it, the older value stays"),
        fix: None,
    }
}

/// The table that a statement means: noted when it ran, or by its name in the child or the parent.
fn table_of(input: &InferInput<'_>, noted: &NotedStatement, statement: &DataStatement) -> Option<TableId> {
    if noted.table.is_some() {
        return noted.table;
    }
    [input.child, input.parent].into_iter().find_map(|known| named(input, known, &statement.table))
}

fn view<'a>(input: &InferInput<'a>, id: TableId) -> Option<&'a View> {
    [input.child, input.parent].into_iter().flat_map(|schema| &schema.views).find(|view| view.id == id)
}

/// Whether all that a statement did is seen in the rows of the blueprint, which are carried: it worked on rows that the draft itself made.
fn has_left_rows(
    input: &InferInput<'_>,
    before: Option<&Table>,
    noted: &NotedStatement,
    statement: &DataStatement,
) -> bool {
    // What nobody knows, or is no table, may have had rows of the parent's.
    let has_rows = |read: &Option<TableId>| {
        let known = read.filter(|id| input.child.table(*id).is_some());
        known.is_some_and(|id| input.carried.contains(&id) || input.parent.table(id).is_none())
    };
    match &statement.change {
        DataChange::Other { upserts: true, .. } => before.is_none(),
        DataChange::Other { inserts: true, .. } => noted.reads.iter().all(has_rows),
        _ => before.is_none(),
    }
}

fn named(input: &InferInput<'_>, known: &Schema, (schema, name): &(Option<Name>, Name)) -> Option<TableId> {
    let schemas: Vec<&Name> =
        schema.as_ref().map_or_else(|| input.editioned.iter().collect(), |schema| vec![schema]);
    schemas
        .iter()
        .find_map(|schema| Some(known.table_named(&QualifiedName::new((*schema).clone(), name.clone()))?.id))
}

/// One row of an inherited table: what each column reads, in words of the parent.
struct SymbolicRow<'a> {
    input: &'a InferInput<'a>,
    parent: &'a Table,
    child: &'a Table,
    /// Columns that statements have set.
    cells: BTreeMap<ColumnId, Sql>,
}

impl<'a> SymbolicRow<'a> {
    fn new(input: &'a InferInput<'a>, parent: &'a Table, child: &'a Table) -> Self {
        Self { input, parent, child, cells: BTreeMap::new() }
    }

    fn added_with(&self, id: ColumnId) -> Option<&'a Sql> {
        self.input.added_with.get(&(self.child.id, id)).filter(|_| self.parent.column(id).is_none())
    }

    fn changed(&self) -> impl Iterator<Item = (&ColumnId, &Sql)> {
        self.cells.iter()
    }

    /// Runs a statement; false, with nothing changed, if it cannot be understood.
    fn run(&mut self, noted: &NotedStatement, statement: &DataStatement) -> bool {
        self.after(noted, statement).map(|cells| self.cells.extend(cells)).is_some()
    }

    fn after(&self, noted: &NotedStatement, statement: &DataStatement) -> Option<Vec<(ColumnId, Sql)>> {
        let reading = Reading { row: self, noted, statement };
        match &statement.change {
            DataChange::Update { assignments, condition, .. } => {
                let condition = match condition {
                    Some(condition) => Some(reading.expression(condition)?),
                    None => None,
                };
                let assign = |(name, value): &(Name, Expression)| {
                    let column = reading.column(name)?;
                    let value = reading.expression(value)?;
                    let value = match &condition {
                        Some(condition) => {
                            sql!("CASE WHEN {} THEN {} ELSE {} END", condition, value, self.cell(column)?)
                        }
                        None => value,
                    };
                    (!self.holds_together(column)).then_some((column, value))
                };
                assignments.iter().map(assign).collect()
            }
            DataChange::Using(list) => {
                let mut cells = Vec::new();
                for (name, value) in list {
                    let column = reading.column(name)?;
                    match self.enum_text(column) {
                        None => cells.push((column, reading.expression(value)?)),
                        Some(_) if is_cast_of(value, name) => {}
                        // The type may have got another name since.
                        Some(_) => {
                            let uncast = value.without_cast();
                            cells.push((column, reading.expression(uncast.as_ref().unwrap_or(value))?));
                        }
                    }
                }
                Some(cells)
            }
            DataChange::Other { .. } => None,
        }
    }

    /// What a column reads now.
    fn cell(&self, id: ColumnId) -> Option<Sql> {
        if let Some(cell) = self.cells.get(&id) {
            return Some(sql!("({})", cell));
        }
        if let Some(text) = self.enum_text(id) {
            return Some(sql!("({})", text));
        }
        if let Some(column) = self.parent.column(id) {
            return (column.generated == Generated::None).then(|| sql!("{}", column.name));
        }
        if let Some(value) = self.added_with(id) {
            return Some(sql!("({})", value));
        }
        let column = self.child.column(id)?;
        match &column.default {
            Some(default) if column.default_volatility != Volatility::Volatile => {
                Some(sql!("({})", Sql::trusted(default)))
            }
            Some(_) => None,
            None => Some(sql!("CAST(NULL AS {})", Sql::trusted(&column.type_name))),
        }
    }

    /// Statements compare a column whose enum the draft changes with labels of either: it is read as the text that it is in the draft.
    fn enum_text(&self, id: ColumnId) -> Option<Sql> {
        let (before, after) = (self.parent.column(id)?, self.child.column(id)?);
        let (parent, child) = (self.input.parent, self.input.child);
        as_text(&sql!("{}", before.name), (parent, &before.of()), (child, &after.of()))
    }

    /// Whether other rows know this one by an inherited column, so that it cannot have another value in each edition.
    fn holds_together(&self, id: ColumnId) -> bool {
        let keys = [ConstraintKind::PrimaryKey, ConstraintKind::ForeignKey];
        let mut constraints =
            self.parent.constraints.iter().filter(|constraint| keys.contains(&constraint.kind));
        self.parent.column(id).is_some() && constraints.any(|constraint| constraint.columns.contains(&id))
    }
}

/// `column::text::type`
fn is_cast_of(value: &Expression, column: &Name) -> bool {
    let mut inner = value.clone();
    while let Some(uncast) = inner.without_cast() {
        inner = uncast;
    }
    matches!(inner.columns(), [only] if &only.name == column && only.range == (0..inner.text().len()))
}

/// The names of one statement.
struct Reading<'a> {
    row: &'a SymbolicRow<'a>,
    noted: &'a NotedStatement,
    statement: &'a DataStatement,
}

impl Reading<'_> {
    /// The column that a name meant when the statement ran. What was noted at the end of a longer text has forgotten columns that the text dropped:
    /// those the parent knows. One of the child's that the note does not know came later.
    fn column(&self, name: &Name) -> Option<ColumnId> {
        let of = |table: &Table| table.column_named(name.as_str()).map(|column: &Column| column.id);
        let noted = self.noted.names.get(name.as_str()).copied();
        let in_child = || self.noted.names.is_empty().then(|| of(self.row.child)).flatten();
        noted.or_else(in_child).or_else(|| of(self.row.parent))
    }

    /// An expression in words of the parent, in parentheses of its own.
    fn expression(&self, expression: &Expression) -> Option<Sql> {
        let alias = match &self.statement.change {
            DataChange::Update { alias: Some(alias), .. } => alias,
            _ => &self.statement.table.1,
        };
        let value = expression.substitute(|qualifier, name| {
            qualifier
                .is_none_or(|qualifier| qualifier == alias)
                .then(|| self.row.cell(self.column(name)?))
                .flatten()
        });
        value.ok().map(|value| sql!("({})", value))
    }
}

#[cfg(test)]
mod tests;
