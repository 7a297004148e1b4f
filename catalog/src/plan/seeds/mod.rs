//! The step that does to the live database what a draft's migrations did to rows of its blueprint: through the child's own view of each
//! table and under its marker, so that crossedition triggers serve the older editions; in one transaction, so that it happens once.

mod data_steps;
mod record;

pub use data_steps::leave_out_doubtful;
pub(super) use data_steps::{Moment, data_steps};

use std::collections::{BTreeMap, BTreeSet};

use self::record::Record;
use super::{Code, ExpandInput, Finding, Lock, Severity, Step, TakeBackInput, chain::path_along, take_back};
use crate::{
    error::Result,
    layout::InheritedTable,
    model::{Column, ColumnId, Name, QualifiedName, Table, TableId},
    seed::{
        Cells, SeedTable, Seeds, insert_values, key_of, literal, names_to, parents_first, path_to, set_output,
    },
    sql,
    sql::{Literal, Sql, join},
};

/// Rows in one INSERT: few enough to read in a plan.
const ROWS_AT_ONCE: usize = 100;

/// Rows of new tables, for the moment when the tables have been made: columns that older tables get may point at them. Those that wait
/// for rows of older tables come with [`seed`].
pub(super) fn seed_new_tables(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Result<Option<Step>> {
    let writer = Writer::new(input)?;
    let is_early = |id: TableId| writer.is_new(id) && !writer.waits_for_older_rows(id);
    let rows = writer.rows_of(is_early, findings);
    Ok((!rows.statements.is_empty()).then(|| writer.step("carry the draft's rows of new tables", rows)))
}

/// All other rows, through the child's views; sequences; and what is to be said about it.
pub(super) fn seed(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Result<Option<Step>> {
    let writer = Writer::new(input)?;
    let is_late = |id: TableId| !writer.is_new(id) || writer.waits_for_older_rows(id);
    let mut rows = writer.rows_of(is_late, findings);
    let sequences = writer.sequences();
    if rows.statements.is_empty() && sequences.is_empty() {
        return Ok(None);
    }
    rows.statements.splice(0..0, writer.draw_keys());
    rows.statements.extend(sequences);
    Ok(Some(writer.step("carry the draft's rows", rows).undone_by(undoing(input, &writer))))
}

/// What one step carries.
#[derive(Default)]
struct Rows {
    statements: Vec<Sql>,
    relations: Vec<QualifiedName>,
    count: usize,
}

/// What undoing the publication takes back.
fn undoing(input: &ExpandInput<'_>, writer: &Writer<'_>) -> Vec<Sql> {
    let tables = input.seeds.tables.iter().map(|seed| seed.table).filter(|id| !writer.is_new(*id)).collect();
    let doomed: Vec<QualifiedName> = input.layout.created.values().cloned().collect();
    let input = TakeBackInput {
        chain: input.chain,
        edition: input.draft.id,
        logical: input.child,
        physical: input.physical,
        path: &writer.path,
        tables: &tables,
        doomed: &doomed,
    };
    take_back(&input, |table| writer.place(table.id).map(|place| place.child.clone()))
}

struct Writer<'a> {
    input: &'a ExpandInput<'a>,
    seeds: &'a Seeds,
    /// For each editioned schema those that go before it in the child's sessions.
    path: Vec<(Name, Vec<Name>)>,
    /// All of the child's tables, what others point at first.
    ordered: Vec<&'a Table>,
    /// Keys of inherited tables that were drawn in the draft by rows that are carried.
    drawn: BTreeMap<(TableId, ColumnId), BTreeSet<i64>>,
}

impl<'a> Writer<'a> {
    fn new(input: &'a ExpandInput<'a>) -> Result<Self> {
        let tables: Vec<&Table> = input.child.tables.iter().collect();
        Ok(Self {
            input,
            seeds: input.seeds,
            path: childs_path(input)?,
            ordered: parents_first(&tables),
            drawn: drawn_keys(input),
        })
    }

    fn rows_of(&self, is_meant: impl Fn(TableId) -> bool, findings: &mut Vec<Finding>) -> Rows {
        let mut rows = Rows::default();
        for table in self.ordered.iter().filter(|table| is_meant(table.id)) {
            let Some(seed) = self.seed_of(table.id) else { continue };
            findings.push(told(self.input, table, seed));
            let changes = self.changes(table, seed, findings);
            if !changes.is_empty() {
                rows.count += seed.rows();
                rows.statements.push(path_to(&table.name.schema, &self.path));
                rows.statements.extend(changes);
                rows.relations.extend(self.physical(table.id));
            }
        }
        rows
    }

    fn step(&self, title: &str, rows: Rows) -> Step {
        let mut statements = vec![sql!("SET LOCAL edition.id = '{}'", self.input.draft.id), set_output()];
        statements.extend(rows.statements);
        Step::transaction(title, Lock::RowExclusive, rows.relations, statements)
            .touching((u64::try_from(rows.count).unwrap_or_default(), 0))
    }

    /// Whether rows of a new table can point, by way of other new tables too, at rows that are carried to older tables.
    fn waits_for_older_rows(&self, id: TableId) -> bool {
        let mut reached = BTreeSet::from([id]);
        let mut waiting = vec![id];
        while let Some(table) = waiting.pop().and_then(|id| self.input.child.table(id)) {
            let targets = table.constraints.iter().filter_map(|constraint| constraint.references.as_ref());
            for (target, _) in targets {
                if !self.is_new(*target) && self.seed_of(*target).is_some() {
                    return true;
                }
                if self.is_new(*target) && reached.insert(*target) {
                    waiting.push(*target);
                }
            }
        }
        false
    }

    fn seed_of(&self, table: TableId) -> Option<&'a SeedTable> {
        self.seeds.tables.iter().find(|seed| seed.table == table)
    }

    fn place(&self, table: TableId) -> Option<&'a InheritedTable> {
        self.input.layout.inherited.iter().find(|place| place.id == table)
    }

    fn is_new(&self, table: TableId) -> bool {
        self.place(table).is_none()
    }

    fn physical(&self, table: TableId) -> Option<QualifiedName> {
        self.input.layout.mapping.tables.get(&table).map(|mapping| mapping.physical.clone())
    }

    /// Deletions before insertions: a key may have changed hands.
    fn changes(&self, table: &Table, seed: &SeedTable, findings: &mut Vec<Finding>) -> Vec<Sql> {
        let columns: Vec<&Column> = seed.columns.iter().filter_map(|id| table.column(*id)).collect();
        if self.is_new(table.id) {
            // What a rollback saved of a new table holds its seed rows, as they were then.
            let rows = if self.input.load { &[] } else { seed.inserted.as_slice() };
            let target = sql!("{}", table.name.name);
            return self
                .inserts(table, &columns, rows)
                .map(|rows| insert_values(&target, &columns, &rows))
                .collect();
        }
        let key = key_of(table, &columns);
        let mut statements = Vec::new();
        if key.is_none() && !(seed.updated.is_empty() && seed.deleted.is_empty()) {
            findings.push(keyless(table));
        }
        if let Some(key) = &key {
            let record = Record { edition: self.input.draft.id.get(), table, columns: &columns };
            statements.extend(seed.deleted.iter().map(|row| record.deleted(row, key)));
            statements.extend(seed.updated.iter().map(|(before, after)| record.updated(before, after, key)));
        }
        let record = Record { edition: self.input.draft.id.get(), table, columns: &columns };
        statements.extend(self.inserts(table, &columns, &seed.inserted).map(|rows| record.inserted(&rows)));
        statements
    }

    /// Rows as expressions, in portions.
    fn inserts(
        &self,
        table: &'a Table,
        columns: &[&'a Column],
        rows: &'a [Cells],
    ) -> impl Iterator<Item = Vec<Vec<Sql>>> {
        let columns = columns.to_vec();
        rows.chunks(ROWS_AT_ONCE).map(move |chunk| {
            let expression = |row: &Cells| {
                columns
                    .iter()
                    .zip(row)
                    .map(|(column, cell)| self.value(table, column, cell.as_deref()))
                    .collect()
            };
            chunk.iter().map(expression).collect()
        })
    }

    /// A constant, or the key that the live sequence gave for one that the draft's gave.
    fn value(&self, table: &Table, column: &Column, cell: Option<&str>) -> Sql {
        let drawn = cell.and_then(|text| text.parse::<i64>().ok()).and_then(|key| {
            let (table, column) = origin(table, column.id);
            self.is_drawn(table, column, key).then_some((table, column, key))
        });
        match drawn {
            Some((of, key_column, key)) => sql!(
                "CAST((SELECT live_key FROM edition.seed_keys WHERE edition_id = {} AND table_id = {} AND column_id = {} AND draft_key = {}) AS {})",
                self.input.draft.id,
                of.get(),
                key_column.get(),
                key,
                Sql::trusted(&column.type_name)
            ),
            None => literal(cell),
        }
    }

    fn is_drawn(&self, table: TableId, column: ColumnId, key: i64) -> bool {
        self.drawn.get(&(table, column)).is_some_and(|keys| keys.contains(&key))
    }

    /// Draws a live key for each that the draft drew.
    fn draw_keys(&self) -> Vec<Sql> {
        let statements = self.drawn.iter().filter_map(|((table, column), keys)| {
            let place = self.place(*table)?;
            let parents = place.parent.columns.get(column)?;
            let name = sql!("{}", place.parent.physical);
            Some(sql!(
                "INSERT INTO edition.seed_keys (edition_id, table_id, column_id, draft_key, live_key) \
                 SELECT {}, {}, {}, key, pg_catalog.nextval(pg_catalog.pg_get_serial_sequence({}, {})::regclass) \
                 FROM pg_catalog.unnest(ARRAY[{}]::bigint[]) AS key",
                self.input.draft.id,
                table.get(),
                column.get(),
                Literal(name.as_str()),
                Literal(parents.as_str()),
                join(keys.iter(), ", ")
            ))
        });
        statements.collect()
    }

    /// Sequences that the draft introduced stand where the draft left them.
    fn sequences(&self) -> Vec<Sql> {
        let known = |id: u32| {
            let leaf = self.input.chain.leaf();
            leaf.is_some_and(|leaf| leaf.logical.sequences.iter().any(|sequence| sequence.id.get() == id))
        };
        let moved = self.seeds.sequences.iter().filter_map(|state| {
            let last = state.now?;
            let listed = self.input.physical.sequences.iter().find(|sequence| sequence.id.get() == state.id);
            let name = match (listed, state.owner) {
                (Some(sequence), _) if !known(state.id) => {
                    let name = sql!("{}", sequence.name);
                    sql!("{}::regclass", Literal(name.as_str()))
                }
                (None, Some((table, column))) if self.is_new(table) => {
                    let physical = sql!("{}", self.physical(table)?);
                    let column = &self.input.physical.table(table)?.column(column)?.name;
                    sql!(
                        "pg_catalog.pg_get_serial_sequence({}, {})::regclass",
                        Literal(physical.as_str()),
                        Literal(column.as_str())
                    )
                }
                _ => return None,
            };
            Some(sql!("SELECT pg_catalog.setval({}, {})", name, last))
        });
        moved.collect()
    }
}

/// The column whose values a column holds: itself, or what its foreign key points at.
fn origin(table: &Table, column: ColumnId) -> (TableId, ColumnId) {
    let pointed = table.constraints.iter().find_map(|constraint| {
        let position = constraint.columns.iter().position(|id| *id == column)?;
        let (target, columns) = constraint.references.as_ref()?;
        Some((*target, *columns.get(position)?))
    });
    pointed.unwrap_or((table.id, column))
}

fn drawn_keys(input: &ExpandInput<'_>) -> BTreeMap<(TableId, ColumnId), BTreeSet<i64>> {
    let is_inherited = |id: TableId| input.layout.inherited.iter().any(|place| place.id == id);
    let mut drawn: BTreeMap<(TableId, ColumnId), BTreeSet<i64>> = BTreeMap::new();
    for seed in input.seeds.tables.iter().filter(|seed| is_inherited(seed.table)) {
        for (position, column) in seed.columns.iter().enumerate() {
            let cells = seed.inserted.iter().filter_map(|row| row.get(position)?.as_deref()?.parse().ok());
            let keys: BTreeSet<i64> =
                cells.filter(|key| input.seeds.was_drawn(seed.table, *column, *key)).collect();
            if !keys.is_empty() {
                drawn.insert((seed.table, *column), keys);
            }
        }
    }
    drawn
}

/// The `search_path` of the child's sessions, `first` before other editioned schemas.
pub(super) fn childs_search_path(input: &ExpandInput<'_>, first: &Name) -> Result<Vec<Name>> {
    Ok(names_to(first, &childs_path(input)?))
}

/// For each editioned schema those that go before it in the child's sessions: its own, then its ancestors' but the root's.
fn childs_path(input: &ExpandInput<'_>) -> Result<Vec<(Name, Vec<Name>)>> {
    let ancestors = input.chain.members.iter().skip(1).rev().map(|member| &member.edition.name);
    let line: Vec<_> = std::iter::once(&input.draft.name).chain(ancestors).collect();
    path_along(&input.chain.editioned, &line)
}

fn told(input: &ExpandInput<'_>, table: &Table, seed: &SeedTable) -> Finding {
    let is_new = input.layout.created.contains_key(&table.id);
    let counts: Vec<String> =
        [(seed.inserted.len(), "inserted"), (seed.updated.len(), "updated"), (seed.deleted.len(), "deleted")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
    let others = match (is_new, seed.is_bookkeeping) {
        (true, _) => "",
        (false, true) => "; migration tools of older editions see that in the shared table",
        (false, false) => "; older editions see that, too",
    };
    Finding {
        severity: Severity::Notice,
        code: Code::SeedRows,
        subject: format!("table {}", table.name.pretty()),
        message: format!(
            "rows that the draft changed are carried to the live database: {}{others}",
            counts.join(", ")
        ),
        fix: None,
    }
}

/// Without a key the rows that the draft changed cannot be found again.
fn keyless(table: &Table) -> Finding {
    Finding {
        severity: Severity::Refused,
        code: Code::SeedRowsWithoutKey,
        subject: format!("table {}", table.name.pretty()),
        message: "the draft updated or deleted rows of a table without a primary key or unique constraint, so they cannot be found in the live database"
            .to_owned(),
        fix: Some("give the table a key, or take the change back in the draft".to_owned()),
    }
}
