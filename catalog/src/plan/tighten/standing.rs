//! What of the live database an edition's constraint or index means.

use crate::{
    ddl::index_body,
    model::{Constraint, ConstraintKind, Index, Name, Table},
};

/// Constraints with the same kind and the same deparsed text are the same thing.
pub(in crate::plan) fn same(a: &Constraint, b: &Constraint) -> bool {
    a.kind == b.kind && a.definition == b.definition
}

/// Indexes that differ in nothing but their names are the same thing.
pub(in crate::plan) fn same_index(a: &Index, b: &Index) -> bool {
    a.unique == b.unique && index_body(a) == index_body(b)
}

/// How a constraint of an edition stands in the live database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plan) enum Standing<'a> {
    /// As a constraint.
    Constraint(&'a Name),
    /// A primary key, as a unique index: a table can have only one, and an older edition's is there until that edition is gone.
    Index(&'a Name),
}

/// What stands in the live database for each constraint and index of one edition's table. Each live one stands for one wanted one at most:
/// an edition may well have two of the same definition.
pub(in crate::plan) struct Standings<'l, 'w> {
    /// What stands for a constraint.
    pub(in crate::plan) constraints: Vec<(&'w Constraint, Standing<'l>)>,
    /// The name of what stands for an index.
    pub(in crate::plan) indexes: Vec<(&'w Index, &'l Name)>,
}

impl<'l, 'w> Standings<'l, 'w> {
    /// Of several that fit, the one with the wanted name is taken. A check may also be the one with its name alone, because PostgreSQL may word
    /// a definition that it read from a dump otherwise than the original.
    pub(in crate::plan) fn of(live: &'l Table, wanted: &'w Table) -> Self {
        let mut constraints = Pairing::new(&live.constraints, &wanted.constraints);
        constraints.pair(|live, wanted| same(live, wanted) && live.name == wanted.name);
        constraints.pair(same);
        let mut indexes = Pairing::new(&live.indexes, &wanted.indexes);
        indexes.pair(|live, wanted| same_index(live, wanted) && live.name == wanted.name);
        let key = constraints.left().find(|constraint| constraint.kind == ConstraintKind::PrimaryKey);
        let key = key.and_then(|key| Some((key, indexes.take(|free| index_of_key(free, key))?)));
        indexes.pair(same_index);
        indexes.pair(|live, wanted| live.name == wanted.name);
        constraints.pair(|live, wanted| {
            let is_known_by_name = matches!(
                wanted.kind,
                ConstraintKind::Check | ConstraintKind::Exclusion | ConstraintKind::Other
            );
            is_known_by_name && live.kind == wanted.kind && live.name == wanted.name
        });
        let found = constraints.found.into_iter();
        let found = found.map(|(live, wanted)| (wanted, Standing::Constraint(&live.name)));
        let key = key.map(|(key, index)| (key, Standing::Index(&index.name)));
        Self {
            constraints: found.chain(key).collect(),
            indexes: indexes.found.into_iter().map(|(live, wanted)| (wanted, &live.name)).collect(),
        }
    }

    /// What stands for this constraint.
    pub(in crate::plan) fn constraint(&self, wanted: &Constraint) -> Option<Standing<'l>> {
        let mut found = self.constraints.iter();
        found.find(|(known, _)| known.name == wanted.name).map(|(_, standing)| *standing)
    }
}

/// Of what an edition's table has, what goes beyond the number that any live edition has of the same: two of them may each know one of two that are
/// alike by another name. `is_parents`: the parent has it, so it is no news.
pub(in crate::plan) fn surplus<'w, T>(
    wanted: &'w [T],
    known: &[&[T]],
    same: impl Fn(&T, &T) -> bool,
    is_parents: impl Fn(&T) -> bool,
) -> Vec<&'w T> {
    let ranked = || wanted.iter().enumerate().map(|(at, one)| ((!is_parents(one), at), one));
    let is_beyond = |(rank, one): &((bool, usize), &T)| {
        let count = |known: &&[T]| known.iter().filter(|known| same(known, one)).count();
        let there = known.iter().map(count).max().unwrap_or(0);
        let before = ranked().filter(|(other_rank, other)| other_rank < rank && same(other, one)).count();
        there > 0 && before >= there
    };
    ranked().filter(is_beyond).map(|(_, one)| one).collect()
}

/// The index that a primary key is kept as. A unique index over the same columns may stand beside it.
fn index_of_key<'l>(free: &[&'l Index], key: &Constraint) -> Option<&'l Index> {
    let body = key.as_index()?;
    let alike: Vec<&'l Index> = free.iter().filter(|index| same_index(index, &body)).copied().collect();
    let derived = format!("{}$", key.name.as_str());
    let named = |fits: &dyn Fn(&str) -> bool| alike.iter().find(|index| fits(index.name.as_str())).copied();
    named(&|name| name == key.name.as_str())
        .or_else(|| named(&|name| name.starts_with(&derived)))
        .or_else(|| alike.first().copied())
}

/// Finds partners, each for one.
struct Pairing<'l, 'w, T> {
    free: Vec<&'l T>,
    wanted: Vec<&'w T>,
    found: Vec<(&'l T, &'w T)>,
}

impl<'l, 'w, T> Pairing<'l, 'w, T> {
    fn new(live: &'l [T], wanted: &'w [T]) -> Self {
        Self { free: live.iter().collect(), wanted: wanted.iter().collect(), found: Vec::new() }
    }

    fn pair(&mut self, fits: impl Fn(&T, &T) -> bool) {
        for wanted in std::mem::take(&mut self.wanted) {
            match self.free.iter().position(|live| fits(live, wanted)) {
                Some(position) => self.found.push((self.free.remove(position), wanted)),
                None => self.wanted.push(wanted),
            }
        }
    }

    /// Those without a partner.
    fn left(&self) -> impl Iterator<Item = &'w T> {
        self.wanted.iter().copied()
    }

    /// Takes one away from those that are free.
    fn take(&mut self, choose: impl Fn(&[&'l T]) -> Option<&'l T>) -> Option<&'l T> {
        let chosen = choose(&self.free)?;
        self.free.retain(|free| !std::ptr::eq(*free, chosen));
        Some(chosen)
    }
}
