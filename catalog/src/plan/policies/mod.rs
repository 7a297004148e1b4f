//! Row-level security per edition: see [`run`](super::run). PostgreSQL binds policies to the stored table, which all editions read, so a policy that not all
//! of them have is stored with the test of `edition.id` in its expressions. Where only some editions have row security (or have the owner under it), the
//! others pass by a policy of ours.

mod findings;
mod words;

use std::{collections::BTreeMap, ops::RangeInclusive};

pub(super) use self::findings::findings;
use self::words::{Bypass, create, pass};
use crate::{
    error::{Error, Result},
    model::{Name, Policy, QualifiedName, RowSecurity, Schema, TableId},
    sql,
    sql::{Literal, Sql},
};

use super::run::{Extent, Passage, Run, Sight, extent, lives, runs};

/// What becomes of the row security of one table.
pub(super) struct Change {
    /// The table.
    pub(super) table: TableId,
    /// Policies that the editions which stay do not have.
    dropped: Vec<Name>,
    /// Policies of younger editions at a retire, what stands and what is to stand: in words from before it.
    renewed: Vec<(Option<Name>, Standing)>,
    replaced: Vec<Name>,
    made: Vec<Standing>,
    flags: Vec<Sql>,
}

impl Change {
    /// Drops policies that the editions which stay do not have, and brings those of younger editions to what they are from now on, while the table stands
    /// under this name.
    pub(super) fn first_on(&self, table: &QualifiedName) -> Vec<Sql> {
        let dropped = self.dropped.iter().map(|name| drop_policy(name, table));
        let renewed = self.renewed.iter().flat_map(|(before, after)| {
            before.iter().map(|name| drop_policy(name, table)).chain(after.create_on(table))
        });
        dropped.chain(renewed).collect()
    }

    /// Everything else, for a table under this name; atomic, so that nobody sees a row too many or too few.
    pub(super) fn rest_on(&self, table: &QualifiedName) -> Vec<Sql> {
        let drops = self.replaced.iter().map(|name| drop_policy(name, table));
        let made = self.made.iter().flat_map(|standing| standing.create_on(table));
        let flags = self.flags.iter().map(|flag| sql!("ALTER TABLE {} {}", table, flag));
        drops.chain(made).chain(flags).collect()
    }

    /// Both, of a table that keeps its name.
    pub(super) fn all_on(&self, table: &QualifiedName) -> Vec<Sql> {
        self.first_on(table).into_iter().chain(self.rest_on(table)).collect()
    }

    fn none(table: TableId) -> Self {
        Self {
            table,
            dropped: Vec::new(),
            renewed: Vec::new(),
            replaced: Vec::new(),
            made: Vec::new(),
            flags: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        let nothing_new = self.renewed.is_empty() && self.made.is_empty() && self.flags.is_empty();
        self.dropped.is_empty() && self.replaced.is_empty() && nothing_new
    }

    /// `is_younger`: at a retire, the words of what is to stand are from before it.
    fn add(&mut self, before: Option<Standing>, after: Option<Standing>, is_younger: bool) {
        match (before, after) {
            (before, after) if before == after => {}
            (Some(before), None) => self.dropped.push(before.name),
            (before, Some(after)) if is_younger => {
                self.renewed.push((before.map(|before| before.name), after));
            }
            (before, after) => {
                self.replaced.extend(before.map(|before| before.name));
                self.made.extend(after);
            }
        }
    }
}

fn drop_policy(name: &Name, table: &QualifiedName) -> Sql {
    sql!("DROP POLICY IF EXISTS {} ON {}", name, table)
}

/// A policy as it stands.
#[derive(Clone, PartialEq, Eq)]
struct Standing {
    name: Name,
    /// What follows the table's name in CREATE POLICY.
    body: Sql,
    comment: Option<String>,
}

impl Standing {
    fn create_on(&self, table: &QualifiedName) -> Vec<Sql> {
        let comment = self
            .comment
            .as_ref()
            .map(|comment| sql!("COMMENT ON POLICY {} ON {} IS {}", self.name, table, Literal(comment)));
        std::iter::once(sql!("CREATE POLICY {} ON {} {}", self.name, table, self.body))
            .chain(comment)
            .collect()
    }
}

/// What becomes of the row security of each table.
pub(super) fn changes(sights: &[Sight<'_>], passage: &Passage<'_>) -> Result<Vec<Change>> {
    let mut changes: BTreeMap<TableId, Change> = BTreeMap::new();
    let (earlier, later) = lives(passage, sights.len());
    let settled = matches!(passage, Passage::Retirement(_));
    for run in runs(sights, names, same_words) {
        let before = standing(sights, &earlier, &run, false)?;
        let after = standing(sights, &later, &run, settled)?;
        let part = extent(sights, &later, run.table, (run.first, run.last));
        let is_younger = settled && part.is_some_and(|part| part.first != *later.start());
        changes.entry(run.table).or_insert_with(|| Change::none(run.table)).add(before, after, is_younger);
    }
    let tables = sights.iter().flat_map(|sight| sight.logical.tables.iter().map(|table| table.id));
    for table in tables {
        let change = changes.entry(table).or_insert_with(|| Change::none(table));
        if !change.flags.is_empty() {
            continue;
        }
        // A table that nobody has yet has no flags; one that nobody has any more goes.
        let before = in_force(sights, &earlier, table).unwrap_or_default();
        let Some(after) = in_force(sights, &later, table) else { continue };
        change.flags = flags(before, after);
    }
    let passes = changes.values_mut().filter(|change| in_force(sights, &later, change.table).is_some());
    for change in passes {
        let [before, after] = [&earlier, &later].map(|live| pass_policy(sights, live, change.table));
        change.add(before?, after?, false);
    }
    Ok(changes.into_values().filter(|change| !change.is_empty()).collect())
}

fn names(schema: &Schema) -> Vec<(TableId, &Name)> {
    schema.policies.iter().map(|policy| (policy.table, &policy.name)).collect()
}

fn find<'a>(sight: &Sight<'_>, schema: &'a Schema, table: TableId, name: &Name) -> Option<&'a Policy> {
    sight.logical.table(table)?;
    schema.policies.iter().find(|policy| policy.table == table && &policy.name == name)
}

/// Whether a policy means the same for two neighbours, the physical table being one.
fn same_words(a: &Sight<'_>, b: &Sight<'_>, table: TableId, name: &Name) -> bool {
    let words = |sight: &Sight<'_>| {
        let policy = find(sight, sight.physical, table, name)?;
        Some((security(sight, table)?, policy.clone()))
    };
    words(a) == words(b)
}

fn security(sight: &Sight<'_>, table: TableId) -> Option<RowSecurity> {
    sight.logical.table(table).map(RowSecurity::of)
}

/// The row security that a table needs while these editions are live. Where none has it enabled, its oldest edition says all.
fn in_force(sights: &[Sight<'_>], live: &RangeInclusive<usize>, table: TableId) -> Option<RowSecurity> {
    let all: Vec<RowSecurity> =
        live.clone().filter_map(|position| security(sights.get(position)?, table)).collect();
    let enabled = all.iter().any(|one| one.enabled);
    let forced = all.iter().any(|one| one.enabled && one.forced);
    all.first().map(|oldest| if enabled { RowSecurity { enabled, forced } } else { *oldest })
}

fn flags(before: RowSecurity, after: RowSecurity) -> Vec<Sql> {
    let word = |differs: bool, now: bool, on: &str, off: &str| {
        differs.then(|| Sql::trusted(if now { on } else { off }))
    };
    let enabled = word(
        before.enabled != after.enabled,
        after.enabled,
        "ENABLE ROW LEVEL SECURITY",
        "DISABLE ROW LEVEL SECURITY",
    );
    let forced = word(
        before.forced != after.forced,
        after.forced,
        "FORCE ROW LEVEL SECURITY",
        "NO FORCE ROW LEVEL SECURITY",
    );
    enabled.into_iter().chain(forced).collect()
}

/// How a run stands while just these editions are live. `settled`: the first of them is the root, and everything has its names.
fn standing(
    sights: &[Sight<'_>],
    live: &RangeInclusive<usize>,
    run: &Run<'_>,
    settled: bool,
) -> Result<Option<Standing>> {
    let Some(Extent { first, begins, gate }) = extent(sights, live, run.table, (run.first, run.last)) else {
        return Ok(None);
    };
    let missing = || Error::bug("a policy is not in its edition's schema");
    let sight = sights.get(first).ok_or_else(missing)?;
    let own = security(sight, run.table).ok_or_else(missing)?;
    let table = in_force(sights, live, run.table).ok_or_else(missing)?;
    // Policies that are not in force must not restrict those who have row security; with nobody to meet them, the oldest edition's are kept.
    if table.enabled && !own.enabled || !table.enabled && !begins {
        return Ok(None);
    }
    let gate = gate.condition().filter(|_| table.enabled);
    let words = if settled && first == *live.start() { sight.logical } else { sight.physical };
    let policy = find(sight, words, run.table, run.name).ok_or_else(missing)?;
    let name = if begins {
        policy.name.clone()
    } else {
        policy.name.with_suffix(&format!("${}", sight.edition.name))
    };
    let exempt = owner(sights, live, run.table).filter(|_| !own.forced);
    let body = create(policy, gate.as_ref(), exempt);
    Ok(Some(Standing { name, body, comment: policy.comment.clone() }))
}

/// Who owns the stored table: the oldest edition says so, the others' owners come at its retire.
fn owner<'a>(sights: &[Sight<'a>], live: &RangeInclusive<usize>, table: TableId) -> Option<&'a Name> {
    live.clone().find_map(|position| Some(&sights.get(position)?.logical.table(table)?.owner))
}

/// Lets those editions pass that do not have the row security which others need.
fn pass_policy(
    sights: &[Sight<'_>],
    live: &RangeInclusive<usize>,
    table: TableId,
) -> Result<Option<Standing>> {
    let Some(needed) = in_force(sights, live, table).filter(|needed| needed.enabled) else { return Ok(None) };
    let mut groups: Vec<(RowSecurity, usize, usize)> = Vec::new();
    for position in live.clone() {
        let Some(own) = sights.get(position).and_then(|sight| security(sight, table)) else { continue };
        match groups.last_mut() {
            Some((known, _, last)) if *known == own => *last = position,
            _ => groups.push((own, position, position)),
        }
    }
    let bypasses = groups.iter().filter_map(|(own, first, last)| {
        let owner = match (own.enabled, needed.forced && !own.forced) {
            (false, _) => None,
            (true, true) => Some(owner(sights, live, table)?),
            (true, false) => return None,
        };
        let gate = extent(sights, live, table, (*first, *last))?.gate.condition()?;
        Some(Bypass { gate, owner })
    });
    let bypasses: Vec<Bypass<'_>> = bypasses.collect();
    let name = Name::new("edition~pass").map_err(|error| Error::bug(error.to_string()))?;
    Ok(pass(&bypasses).map(|body| Standing { name, body, comment: None }))
}
