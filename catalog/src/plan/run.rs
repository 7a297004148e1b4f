//! What stands on a shared table for some of its editions only: a trigger, a policy. One physical object serves a *run*: editions one after the other that
//! have it in the same words. A run that not all editions of the table belong to is gated by `edition.id`. What stands follows from the live editions
//! alone; every operation brings it from what follows from the editions before to what follows from those after.

use std::{collections::BTreeMap, ops::RangeInclusive};

use crate::{
    layout::Mapping,
    model::{Edition, EditionId, Name, Schema, TableId},
    sql,
    sql::Sql,
};

/// What one edition has on its tables.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) edition: &'a Edition,
    pub(super) logical: &'a Schema,
    pub(super) physical: &'a Schema,
    pub(super) mapping: &'a Mapping,
}

/// Which editions an operation goes from and to.
pub(super) enum Passage<'a> {
    /// The last sight comes.
    Arrival,
    /// The last sight goes.
    Departure,
    /// The first sight goes; the others' places when it is gone.
    Retirement(&'a BTreeMap<EditionId, Mapping>),
}

/// Which sights are live before and after an operation on `count` of them.
pub(super) fn lives(passage: &Passage<'_>, count: usize) -> (RangeInclusive<usize>, RangeInclusive<usize>) {
    let last = count.saturating_sub(1);
    let without_last = 0..=last.saturating_sub(1);
    match passage {
        Passage::Arrival => (without_last, 0..=last),
        Passage::Departure => (0..=last, without_last),
        Passage::Retirement(_) => (0..=last, 1..=last),
    }
}

/// Editions one after the other, by their position, that have a thing of a table in the same words.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) table: TableId,
    pub(super) name: &'a Name,
    pub(super) first: usize,
    pub(super) last: usize,
}

/// The runs of everything that `named` finds on tables of each sight.
pub(super) fn runs<'a>(
    sights: &[Sight<'a>],
    named: impl Fn(&'a Schema) -> Vec<(TableId, &'a Name)>,
    same: impl Fn(&Sight<'a>, &Sight<'a>, TableId, &Name) -> bool,
) -> Vec<Run<'a>> {
    let mut found: Vec<Run<'a>> = Vec::new();
    for (position, sight) in sights.iter().enumerate() {
        let things = named(sight.logical).into_iter();
        for (table, name) in things.filter(|(table, _)| sight.logical.table(*table).is_some()) {
            let known = found
                .iter_mut()
                .find(|run| run.table == table && run.name == name && run.last + 1 == position);
            let continues =
                |run: &Run<'_>| sights.get(run.last).is_some_and(|before| same(before, sight, table, name));
            match known {
                Some(run) if continues(run) => run.last = position,
                _ => found.push(Run { table, name, first: position, last: position }),
            }
        }
    }
    found
}

/// The part of a run that is live.
pub(super) struct Extent {
    /// Position of its first edition.
    pub(super) first: usize,
    /// Whether the table has no older edition.
    pub(super) begins: bool,
    /// Which writers and readers it is for.
    pub(super) gate: Gate,
}

/// What of the editions `first` to `last` of a table is live.
pub(super) fn extent(
    sights: &[Sight<'_>],
    live: &RangeInclusive<usize>,
    table: TableId,
    (first, last): (usize, usize),
) -> Option<Extent> {
    let (first, last) = (first.max(*live.start()), last.min(*live.end()));
    if first > last {
        return None;
    }
    let having =
        |position: &usize| sights.get(*position).is_some_and(|sight| sight.logical.table(table).is_some());
    let begins = live.clone().find(having) == Some(first);
    let ends = live.clone().rev().find(having) == Some(last);
    let id = |position: usize| sights.get(position).map(|sight| sight.edition.id);
    let gate = Gate { from: id(first).filter(|_| !begins), before: id(last + 1).filter(|_| !ends) };
    Some(Extent { first, begins, gate })
}

/// Which editions' sessions something is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gate {
    /// From this edition on.
    pub(super) from: Option<EditionId>,
    /// Before this edition.
    pub(super) before: Option<EditionId>,
}

impl Gate {
    /// The condition; a session without an edition counts as the root.
    pub(super) fn condition(self) -> Option<Sql> {
        let session = "COALESCE(NULLIF(pg_catalog.current_setting('edition.id', true), '')::integer, 0)";
        let session = Sql::trusted(session);
        match (self.from, self.before) {
            (None, None) => None,
            (Some(from), None) => Some(sql!("{} >= {}", session, from)),
            (None, Some(before)) => Some(sql!("{} < {}", session, before)),
            (Some(from), Some(before)) => Some(sql!("{} >= {} AND {} < {}", session, from, session, before)),
        }
    }
}
