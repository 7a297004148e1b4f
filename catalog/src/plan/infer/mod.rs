//! What a draft's statements say about how values of the parent become values of the child, so that nobody has to say it again.
//!
//! The statements are run over one symbolic row: each column of a table starts as the parent's column of that name (a new one as the
//! constant that it was added with, as far as the statements tell, or else its default), and `UPDATE t SET b = f(a) WHERE c` makes `b` read `CASE WHEN c THEN f(a) ELSE b END`, with
//! whatever `a`, `b` and `c` read by then put in their places. What a column of the child reads at the end is its forward transform.
//! What cannot be computed from one row is a data step: run once.

mod agree;
mod idiom;
mod relaxed;
mod row;
mod steps;
mod volatile;

pub use agree::{Agreement, agreements};

use std::collections::{BTreeMap, BTreeSet};

use row::SymbolicRow;
use steps::{Place, StepsSoFar, renamed_since};

use super::{Code, Finding};
use crate::{
    blueprint::NotedStatement,
    model::{
        ColumnId, Direction, EditionName, Generated, Name, OnError, Origin, QualifiedName, Schema, Table,
        TableId, Transform, View,
    },
    sql::{DataChange, DataStatement, Sql, data_statements},
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
    /// What rows that are there get in columns that the draft adds, by the statements that added them and changed their types; in words of the draft's own
    /// migrations, to be computed there.
    pub constants: Vec<AddedConstant>,
    /// Statements to run once at publish, as they stand, in this order: the table's schema and the text.
    pub steps: Vec<DataStep>,
    /// What is to be said about all of it.
    pub findings: Vec<Finding>,
}

/// An expression without columns that a new column's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedConstant {
    /// The table.
    pub table: TableId,
    /// The column.
    pub column: ColumnId,
    /// Its value.
    pub expression: Sql,
}

impl AddedConstant {
    /// The transform that gives the value.
    pub fn transform(&self, table: &Table, value: &Sql) -> Option<Transform> {
        let column = table.column(self.column)?;
        Some(transform(table, Direction::Forward, &column.name, value.as_str()))
    }
}

/// A statement that publish runs once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataStep {
    /// The table that it changes, as the child names it.
    pub table: QualifiedName,
    /// The statement.
    pub text: String,
    /// What to run in its place: the same over the stored tables, where editioning views do not take it.
    pub stored: Option<Sql>,
    /// Whether it is an INSERT.
    pub inserts: bool,
    /// Whether it is a DELETE.
    pub deletes: bool,
    /// Whether rows that the draft holds may be what it has inserted there: it gives rows in the draft, too.
    pub leaves_rows: bool,
    /// The tables that it names besides; None if it names something else, too.
    pub reads: Option<Vec<TableId>>,
}

impl DataStep {
    /// Its beginning, in one line.
    pub fn shown(&self) -> String {
        shown(&self.text)
    }
}

/// Infers transforms and data steps from what a draft's migrations ran.
pub fn infer(input: &InferInput<'_>) -> Inferred {
    let mut rows: BTreeMap<TableId, SymbolicRow<'_>> = BTreeMap::new();
    let mut inferred = Inferred::default();
    let mut filled = BTreeSet::new();
    let mut so_far = StepsSoFar::default();
    let mut withdrawn = BTreeSet::new();
    for noted in input.statements {
        for statement in data_statements(&noted.text) {
            let table = table_of(input, noted, &statement);
            let says_more =
                !matches!(&statement.change, DataChange::Columns { usings, .. } if usings.is_empty());
            let Some((table, after)) = table.and_then(|id| Some((id, input.child.table(id)?))) else {
                match table {
                    _ if !says_more => {}
                    // A table that the draft drops takes its rows with it.
                    Some(id) => {
                        if let Some(view) = view(input, id) {
                            if let Some(place) = inferred.not_understood(input, &view.name, &statement) {
                                so_far.add(input, (noted, &statement), id, place);
                            }
                            so_far.taint(input, (noted, &statement), id);
                        }
                    }
                    None => inferred.findings.push(of_unknown_table(input, &statement)),
                }
                continue;
            };
            let before = input.parent.table(table);
            if input.carried.contains(&table) || has_left_rows(input, table, &filled, (noted, &statement)) {
                continue;
            }
            let ran = (noted, &statement);
            if before.is_some() {
                inferred.withdraw(&so_far.overtaken_by(input, ran, table), &mut withdrawn, &statement);
            }
            let concerned = so_far.concern(input, ran, table);
            let understood = !concerned
                && before.is_some_and(|before| {
                    let row = rows.entry(table).or_insert_with(|| SymbolicRow::new(input, before, after));
                    row.run(noted, &statement)
                });
            so_far.see_added(input, ran, table);
            if !understood && says_more {
                if runs_at_publish(&statement) && renamed_since(input, noted, &statement, table) {
                    inferred.findings.push(named_otherwise(&after.name, &statement));
                } else if let Some(place) = inferred.not_understood(input, &after.name, &statement) {
                    so_far.add(input, ran, table, place);
                }
                so_far.taint(input, ran, table);
                if before.is_none() {
                    filled.insert(table);
                }
            }
        }
    }
    let mut number = 0..;
    inferred.steps.retain(|_| number.next().is_none_or(|number| !withdrawn.contains(&number)));
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
    /// Where the step stands that it becomes.
    fn not_understood(
        &mut self,
        input: &InferInput<'_>,
        table: &QualifiedName,
        statement: &DataStatement,
    ) -> Option<Place> {
        let subject = format!("table {}", table.pretty());
        let shown = shown(&statement.text);
        if !runs_at_publish(statement) {
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
            return None;
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
            DataChange::Update { .. } | DataChange::Columns { .. } => (false, false, &[][..]),
        };
        self.steps.push(DataStep {
            table: table.clone(),
            text: statement.text.clone(),
            stored: None,
            inserts,
            deletes,
            leaves_rows: false,
            reads: reads.iter().map(|name| named(input, input.child, name)).collect(),
        });
        Some((self.steps.len() - 1, self.findings.len() - 1))
    }

    /// Findings take the place of steps that read what a later statement changes.
    fn withdraw(&mut self, steps: &BTreeSet<Place>, withdrawn: &mut BTreeSet<usize>, later: &DataStatement) {
        for (step, finding) in steps {
            let (Some(gone), Some(finding)) = (self.steps.get(*step), self.findings.get_mut(*finding)) else {
                continue;
            };
            if withdrawn.insert(*step) {
                *finding = overtaken(gone, later);
            }
        }
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
            if row.is_constant(*id) {
                let (table, column) = (row.child.id, *id);
                self.constants.push(AddedConstant { table, column, expression: expression.clone() });
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

/// Whether publish can run a statement that no transform says.
fn runs_at_publish(statement: &DataStatement) -> bool {
    match &statement.change {
        DataChange::Update { .. } => true,
        DataChange::Other { runs_alone, .. } => *runs_alone,
        DataChange::Columns { .. } => false,
    }
}

/// A statement that would mean other things at publish.
fn named_otherwise(table: &QualifiedName, statement: &DataStatement) -> Finding {
    let message = format!(
        "a statement of the draft names tables or columns that the draft has renamed since, so publish cannot run it: {}",
        shown(&statement.text)
    );
    Finding::new(Code::NotInferred, format!("table {}", table.pretty()), message).with_fix(
        "run what it did through the edition once it is published, and accept that publish leaves it out: --allow not-inferred",
    )
}

/// A step that would read other values at publish.
fn overtaken(step: &DataStep, later: &DataStatement) -> Finding {
    let message = format!(
        "a statement of the draft reads values that a later one changes ({}), so publish cannot run it: {}",
        shown(&later.text),
        step.shown()
    );
    Finding::new(Code::NotInferred, format!("table {}", step.table.pretty()), message).with_fix(
        "run what it did through the edition once it is published, and accept that publish leaves it out: --allow not-inferred",
    )
}

/// A temporary table, or one that has another name since.
fn of_unknown_table(input: &InferInput<'_>, statement: &DataStatement) -> Finding {
    let message = format!("no transform can be inferred from: {}", shown(&statement.text));
    let fix = format!(
        "say what it does by edition transform {} TABLE --forward 'column = <expression>', or accept that it is left out: --allow not-inferred",
        input.edition
    );
    Finding::new(Code::NotInferred, format!("table {}", statement.table.1.as_str()), message).with_fix(fix)
}

fn shown(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect()
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
/// `filled`: tables of the draft's own that get further rows by statements before it.
fn has_left_rows(
    input: &InferInput<'_>,
    table: TableId,
    filled: &BTreeSet<TableId>,
    (noted, statement): (&NotedStatement, &DataStatement),
) -> bool {
    let is_whole = |id: TableId| input.parent.table(id).is_none() && !filled.contains(&id);
    // What nobody knows, or is no table, may have had rows of the parent's.
    let has_rows = |read: &Option<TableId>| {
        let known = read.filter(|id| input.child.table(*id).is_some());
        known.is_some_and(|id| input.carried.contains(&id) || is_whole(id))
    };
    let reads_them = || noted.reads.iter().all(has_rows);
    match &statement.change {
        DataChange::Other { inserts: true, upserts: false, .. } => reads_them(),
        DataChange::Other { .. } => is_whole(table) && reads_them(),
        DataChange::Update { .. } | DataChange::Columns { .. } => is_whole(table),
    }
}

fn named(input: &InferInput<'_>, known: &Schema, (schema, name): &(Option<Name>, Name)) -> Option<TableId> {
    let schemas: Vec<&Name> =
        schema.as_ref().map_or_else(|| input.editioned.iter().collect(), |schema| vec![schema]);
    schemas
        .iter()
        .find_map(|schema| Some(known.table_named(&QualifiedName::new((*schema).clone(), name.clone()))?.id))
}

#[cfg(test)]
mod tests;
