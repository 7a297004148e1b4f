//! Triggers on tables, per edition: see [`run`](super::run). A trigger whose run does not begin where the table does has the edition's name as a suffix, so
//! that it never meets what the older editions call so.

mod body;
mod statement;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use self::{body::Reading, statement::gated};
use crate::{
    ddl::function_in,
    error::{Error, Result},
    layout::Mapping,
    model::{EditionId, Function, Name, QualifiedName, Schema, Table, TableId, Trigger},
    sql,
    sql::{Literal, Sql, lexer::Lexer},
};

use super::{
    Code, Finding,
    run::{Extent, Passage, Run, Sight, extent, lives, runs},
};

/// A trigger as it stands.
#[derive(Clone, PartialEq, Eq)]
struct Standing {
    name: Name,
    create: Sql,
    enabled: String,
    comment: Option<String>,
    /// The edition's copy of the function, over physical columns.
    copy: Option<Copy>,
}

#[derive(Clone, PartialEq, Eq)]
struct Copy {
    function: QualifiedName,
    create: Sql,
}

/// What becomes of the triggers of one table.
pub(super) struct Change {
    /// The table.
    pub(super) table: TableId,
    /// Triggers that the editions which stay never fire.
    dropped: Vec<Standing>,
    /// Triggers of the new root that give way to others, when everything has its name.
    replaced: Vec<Standing>,
    /// Functions that stay in use.
    kept: BTreeSet<QualifiedName>,
    /// What has to be done at a retire as soon as columns get their names, in words from before.
    renewed: Vec<Sql>,
    /// Functions that these no longer call.
    given_up: BTreeSet<QualifiedName>,
    /// What is made in the end.
    made: Vec<Sql>,
}

impl Change {
    fn new(table: TableId) -> Self {
        Self {
            table,
            dropped: Vec::new(),
            replaced: Vec::new(),
            kept: BTreeSet::new(),
            renewed: Vec::new(),
            given_up: BTreeSet::new(),
            made: Vec::new(),
        }
    }

    /// At a retire, before any column gets its name: drops triggers that the editions which stay never fire, and brings those of younger editions to
    /// what they are from now on. The table stands under this name.
    pub(super) fn first_on(&self, table: &QualifiedName) -> Vec<Sql> {
        let waiting = functions(&self.replaced);
        let free = |function: &QualifiedName| !self.kept.contains(function) && !waiting.contains(function);
        let mut statements: Vec<Sql> =
            self.dropped.iter().map(|standing| standing.drop_from(table)).collect();
        statements.extend(self.renewed.iter().cloned());
        let unused: BTreeSet<_> = functions(&self.dropped).into_iter().chain(self.given_up.clone()).collect();
        statements.extend(unused.iter().filter(|function| free(function)).map(drop_function));
        statements
    }

    /// Everything else, under the table's later name; atomic, so that no write misses a trigger.
    pub(super) fn rest_on(&self, table: &QualifiedName) -> Vec<Sql> {
        // Drops first: a name that one gives up may be taken by another.
        let mut statements: Vec<Sql> =
            self.replaced.iter().map(|standing| standing.drop_from(table)).collect();
        let unused = functions(&self.replaced);
        let unused = unused.iter().filter(|function| !self.kept.contains(*function));
        statements.extend(unused.map(drop_function));
        statements.extend(self.made.iter().cloned());
        statements
    }

    /// Both, of a table that keeps its name.
    pub(super) fn all_on(&self, table: &QualifiedName) -> Vec<Sql> {
        self.first_on(table).into_iter().chain(self.rest_on(table)).collect()
    }
}

/// The copies that triggers call.
fn functions(standing: &[Standing]) -> BTreeSet<QualifiedName> {
    standing.iter().filter_map(|standing| Some(standing.copy.as_ref()?.function.clone())).collect()
}

fn drop_function(function: &QualifiedName) -> Sql {
    sql!("DROP FUNCTION IF EXISTS {}()", function)
}

/// The statements of one operation, by table. `at`: where a table stands when they are run.
pub(super) fn changes<'a>(
    sights: &[Sight<'a>],
    passage: &Passage<'_>,
    at: impl Fn(TableId, Moment) -> Option<QualifiedName>,
) -> Result<Vec<Change>> {
    let mut changes: BTreeMap<TableId, Change> = BTreeMap::new();
    let mut kept: BTreeMap<TableId, BTreeSet<QualifiedName>> = BTreeMap::new();
    let (earlier, later) = lives(passage, sights.len());
    let settled = match passage {
        Passage::Arrival | Passage::Departure => None,
        Passage::Retirement(after) => Some(*after),
    };
    let named =
        |schema: &'a Schema| schema.triggers.iter().map(|trigger| (trigger.table, &trigger.name)).collect();
    for run in runs(sights, named, same_words) {
        let before = standing(sights, &earlier, &run, None)?;
        let after = standing(sights, &later, &run, settled)?;
        let called = after.as_ref().and_then(|after| Some(after.copy.as_ref()?.function.clone()));
        kept.entry(run.table).or_default().extend(called);
        if before == after {
            continue;
        }
        let (Some(now), Some(table)) = (at(run.table, Moment::Before), at(run.table, Moment::After)) else {
            continue;
        };
        let change = changes.entry(run.table).or_insert_with(|| Change::new(run.table));
        // What is worded as things stand before a retire has to be made before they get their names.
        let is_younger = settled.is_some() && !begins_at(sights, &later, &run);
        match (before, after) {
            (Some(before), None) => change.dropped.push(before),
            (None, Some(after)) => change.made.extend(after.create_on(&table)),
            (Some(before), Some(after)) if before.is_same_trigger(&after) => {
                let copy = after.copy.map(|copy| copy.create);
                if settled.is_some() { change.renewed.extend(copy) } else { change.made.extend(copy) }
            }
            (Some(before), Some(after)) if is_younger => {
                change.renewed.push(before.drop_from(&now));
                change.renewed.extend(after.create_on(&now));
                change.given_up.extend(before.copy.map(|copy| copy.function));
            }
            (Some(before), Some(after)) => {
                let own = settled.map(|settled| renewed_copy(sights, &earlier, &run, settled)).transpose()?;
                change.renewed.extend(own.flatten().map(|copy| copy.create));
                change.replaced.push(before);
                change.made.extend(after.create_on(&table));
            }
            (None, None) => {}
        }
    }
    for change in changes.values_mut() {
        change.kept = kept.remove(&change.table).unwrap_or_default();
    }
    Ok(changes.into_values().collect())
}

/// Before an operation has given names, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Before,
    After,
}

/// Whether what is live of a run begins with the oldest edition.
fn begins_at(sights: &[Sight<'_>], live: &RangeInclusive<usize>, run: &Run<'_>) -> bool {
    let part = extent(sights, live, run.table, (run.first, run.last));
    part.is_some_and(|part| part.first == *live.start())
}

/// The copy that a trigger of the new root calls until everything has its name, over columns that have theirs.
fn renewed_copy(
    sights: &[Sight<'_>],
    live: &RangeInclusive<usize>,
    run: &Run<'_>,
    settled: &BTreeMap<EditionId, Mapping>,
) -> Result<Option<Copy>> {
    let part = extent(sights, live, run.table, (run.first, run.last));
    let Some(sight) = part.and_then(|part| sights.get(part.first)) else { return Ok(None) };
    let Some(trigger) = find(sight, sight.physical, run.table, run.name) else { return Ok(None) };
    if copy(sight, sight.mapping, trigger)?.is_none() {
        return Ok(None);
    }
    let mapping = settled.get(&sight.edition.id).unwrap_or(sight.mapping);
    let own = sight.logical.functions.iter().find(|function| Some(function.id) == trigger.function);
    let spliced = reading(sight, mapping, trigger).and_then(|(_, reading)| reading.spliced);
    match spliced.or_else(|| own.map(|own| own.definition.clone())) {
        Some(definition) => copied(sight, trigger, &definition).map(Some),
        None => Ok(None),
    }
}

fn find<'a>(sight: &Sight<'a>, schema: &'a Schema, table: TableId, name: &Name) -> Option<&'a Trigger> {
    sight.logical.table(table)?;
    schema.triggers.iter().find(|trigger| trigger.table == table && &trigger.name == name)
}

/// Whether a trigger means the same for two neighbours, the physical table being one: the same columns, under the same names. Where columns stand changes
/// with a retire, and two triggers must not become one by it.
fn same_words(a: &Sight<'_>, b: &Sight<'_>, table: TableId, name: &Name) -> bool {
    let words = |sight: &Sight<'_>| {
        let trigger = find(sight, sight.physical, table, name)?;
        let spliced = reading(sight, sight.mapping, trigger).and_then(|(_, reading)| reading.spliced);
        let by_number = by_number(sight, trigger);
        let comment = trigger.comment.clone();
        Some((
            trigger.definition.clone(),
            trigger.enabled.clone(),
            comment,
            spliced.as_deref().map(body_of).map(str::to_owned),
            by_number.as_deref().map(body_of).map(str::to_owned),
        ))
    };
    words(a) == words(b)
}

/// The function with the numbers of the columns that it names, wherever they stand.
fn by_number(sight: &Sight<'_>, trigger: &Trigger) -> Option<String> {
    let function = sight.logical.functions.iter().find(|function| Some(function.id) == trigger.function)?;
    let columns = sight.logical.table(trigger.table)?.columns.iter();
    let numbers: BTreeMap<&str, Name> = columns
        .filter_map(|column| Some((column.name.as_str(), Name::new(column.id.to_string()).ok()?)))
        .collect();
    body::read(function, &numbers.iter().map(|(name, number)| (*name, number)).collect()).spliced
}

/// A definition without its head, which names the function.
fn body_of(definition: &str) -> &str {
    definition.split_once("\nAS ").map_or(definition, |(_, body)| body)
}

/// The function of a trigger, read for the columns that this edition has under other names.
fn reading<'a>(sight: &Sight<'a>, mapping: &Mapping, trigger: &Trigger) -> Option<(&'a Function, Reading)> {
    let id = trigger.function?;
    let function = sight.logical.functions.iter().find(|function| function.id == id)?;
    let table = sight.logical.table(trigger.table)?;
    let physical = sight.physical.functions.iter().find(|function| function.id == id)?;
    Some((physical, body::read(function, &renamed(table, mapping))))
}

fn renamed<'a>(table: &'a Table, mapping: &'a Mapping) -> BTreeMap<&'a str, &'a Name> {
    let Some(place) = mapping.tables.get(&table.id) else { return BTreeMap::new() };
    let columns = table.columns.iter().map(|column| (column.name.as_str(), place.column(column)));
    columns.filter(|(logical, physical)| *logical != physical.as_str()).collect()
}

/// How a run stands while just these editions are live. `settled`: the first of them is the root, and all stand as given.
fn standing(
    sights: &[Sight<'_>],
    live: &RangeInclusive<usize>,
    run: &Run<'_>,
    settled: Option<&BTreeMap<EditionId, Mapping>>,
) -> Result<Option<Standing>> {
    let Some(Extent { first, begins, gate }) = extent(sights, live, run.table, (run.first, run.last)) else {
        return Ok(None);
    };
    let missing = || Error::bug("a trigger is not in its edition's schema");
    let sight = sights.get(first).ok_or_else(missing)?;
    let is_root = settled.is_some() && first == *live.start();
    let words = if is_root { sight.logical } else { sight.physical };
    let trigger = find(sight, words, run.table, run.name).ok_or_else(missing)?;
    let mapping = settled.and_then(|settled| settled.get(&sight.edition.id)).unwrap_or(sight.mapping);
    let name = if begins {
        trigger.name.clone()
    } else {
        trigger.name.with_suffix(&format!("${}", sight.edition.name))
    };
    let copy = copy(sight, mapping, trigger)?;
    let create = gated(&trigger.definition, &name, gate, copy.as_ref().map(|copy| &copy.function))?;
    let (enabled, comment) = (trigger.enabled.clone(), trigger.comment.clone());
    Ok(Some(Standing { name, create, enabled, comment, copy }))
}

fn copy(sight: &Sight<'_>, mapping: &Mapping, trigger: &Trigger) -> Result<Option<Copy>> {
    match reading(sight, mapping, trigger) {
        Some((_, Reading { spliced: Some(definition), .. })) => copied(sight, trigger, &definition).map(Some),
        _ => Ok(None),
    }
}

/// The trigger's function under a name of its table's, with the body of `definition`.
fn copied(sight: &Sight<'_>, trigger: &Trigger, definition: &str) -> Result<Copy> {
    let function = sight.physical.functions.iter().find(|function| Some(function.id) == trigger.function);
    let function = function.ok_or_else(|| Error::bug("a trigger's function is not there"))?;
    let table =
        sight.logical.table(trigger.table).ok_or_else(|| Error::bug("a trigger's table is not there"))?;
    let place = sight
        .edition
        .name
        .schema_for(&table.name.schema)
        .map_err(|error| Error::refused(error.to_string()))?;
    // The words of the body are the edition's own; what surrounds it must say where things stand.
    let unknown =
        || Error::bug(format!("PostgreSQL deparsed function {} in an unknown form", function.name.pretty()));
    let head = function.definition.split_once("\nAS ").map(|(head, _)| head).ok_or_else(unknown)?;
    let definition = format!("{head}\nAS {}", body_of(definition));
    let renamed = function.name.name.with_suffix(&format!("${}", table.name.name.as_str()));
    let worded = Function { definition, ..function.clone() };
    let copied = function_in(&worded, &place).and_then(|copied| renamed_function(&copied, &renamed));
    let copied = copied.ok_or_else(unknown)?;
    Ok(Copy { function: copied.name, create: Sql::trusted(copied.definition) })
}

fn renamed_function(function: &Function, name: &Name) -> Option<Function> {
    let text = function.definition.as_str();
    // CREATE OR REPLACE FUNCTION schema . name (…
    let place = Lexer::new(text.as_bytes()).nth(6)?;
    let definition = format!("{}{}{}", text.get(..place.start)?, name.quoted(), text.get(place.end..)?);
    let name = QualifiedName::new(function.name.schema.clone(), name.clone());
    Some(Function { name, definition, ..function.clone() })
}

impl Standing {
    fn is_same_trigger(&self, other: &Self) -> bool {
        let function = |standing: &Self| standing.copy.as_ref().map(|copy| copy.function.clone());
        self.create == other.create
            && self.enabled == other.enabled
            && self.comment == other.comment
            && function(self) == function(other)
    }

    fn drop_from(&self, table: &QualifiedName) -> Sql {
        sql!("DROP TRIGGER IF EXISTS {} ON {}", self.name, table)
    }

    fn create_on(&self, table: &QualifiedName) -> Vec<Sql> {
        let mut statements: Vec<Sql> = self.copy.iter().map(|copy| copy.create.clone()).collect();
        statements.push(self.create.clone());
        let state = match self.enabled.as_str() {
            "D" => Some("DISABLE"),
            "R" => Some("ENABLE REPLICA"),
            "A" => Some("ENABLE ALWAYS"),
            _ => None,
        };
        let state =
            state.map(|state| sql!("ALTER TABLE {} {} TRIGGER {}", table, Sql::trusted(state), self.name));
        statements.extend(state);
        if let Some(comment) = &self.comment {
            statements.push(sql!("COMMENT ON TRIGGER {} ON {} IS {}", self.name, table, Literal(comment)));
        }
        statements
    }
}

/// What is to be said of triggers that the youngest edition fires on these tables, which it stores otherwise than its parent does.
pub(super) fn findings(sight: &Sight<'_>, altered: &BTreeSet<TableId>) -> Vec<Finding> {
    let mut found = Vec::new();
    for trigger in &sight.logical.triggers {
        let Some(table) = sight.logical.table(trigger.table) else { continue };
        let renamed = renamed(table, sight.mapping);
        let subject = format!("trigger {} on {}", trigger.name.as_str(), trigger.on.pretty());
        let read = reading(sight, sight.mapping, trigger);
        let argument = trigger.arguments.iter().find(|argument| renamed.contains_key(argument.as_str()));
        let unclear = read.as_ref().and_then(|(_, reading)| reading.unclear.clone());
        let in_rows = read
            .as_ref()
            .filter(|_| trigger.transition_tables)
            .and_then(|(function, _)| body::mentions(function, &renamed).map(str::to_owned));
        if let Some(column) = unclear.or(argument.cloned()).or(in_rows) {
            let message = format!(
                "its function finds column \"{column}\" by name in the stored row, where the draft's column has another name until the older editions are retired"
            );
            found.push(
                Finding::new(Code::TriggerNamesColumn, subject, message)
                    .with_fix("keep the column as it is in this draft, or write the trigger function in PL/pgSQL with NEW.column"),
            );
        } else if altered.contains(&trigger.table) && read.is_some_and(|(_, reading)| reading.whole_row) {
            let message = "its function takes the row as a whole, and will see the stored row with the columns of all live editions";
            found.push(
                Finding::new(Code::TriggerSeesWholeRow, subject, message).with_fix(
                    "name the columns in the function, or accept it: --allow trigger-sees-whole-row",
                ),
            );
        }
    }
    found
}
