//! At a retire, constraints and indexes get the names that the new root gives them, and its primary key becomes one.
//!
//! A name may still be in use: by a constraint that gets another one (two exchange their names), by an index of another table, by a table that is
//! dropped. Then the object waits under a name that nobody uses until everything that goes is gone.

use std::collections::BTreeSet;

use super::Contraction;
use crate::{
    layout::TakenNames,
    model::{ConstraintKind, Name, QualifiedName, TableId},
    plan::{
        Lock, Step,
        tighten::{Standing, Standings, attach},
    },
    sql,
    sql::Sql,
};

/// One object that gets another name.
struct Renaming {
    is_constraint: bool,
    from: Name,
    to: Name,
    /// The name that it waits under, if the wanted one is in use.
    between: Option<Name>,
}

impl Contraction<'_> {
    /// The unique index that stands for the new root's primary key takes its place; the old one is gone by now.
    pub(super) fn promote_key(&self, id: TableId, physical: &QualifiedName) -> Option<Sql> {
        let (live, root) = (self.live(id)?, self.new_root.physical.table(id)?);
        let key = root.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)?;
        match Standings::of(live, root).constraint(key)? {
            // That of a partitioned table is in place by now.
            _ if live.partitioning.is_some() => None,
            Standing::Constraint(_) => None,
            Standing::Index(index) => Some(attach(physical, index, index, "PRIMARY KEY", key)),
        }
    }

    /// The first round: names that are free are taken, for the others a name is kept ready.
    pub(super) fn take_names(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        self.renamings(id)
            .into_iter()
            .map(|renaming| {
                rename(physical, &renaming, &renaming.from, renaming.between.as_ref().unwrap_or(&renaming.to))
            })
            .collect()
    }

    /// The second round: what waited for its name gets it.
    pub(super) fn take_names_that_were_in_use(&self) -> Vec<Step> {
        let tables = self.table_ids().into_iter().filter(|id| self.is_kept(*id));
        tables
            .filter_map(|id| {
                let standing = self.standing(id)?;
                let physical = self.moves.get(&id).map_or(standing, |(_, to)| to.clone());
                let statements: Vec<Sql> = self
                    .renamings(id)
                    .into_iter()
                    .filter_map(|renaming| {
                        Some(rename(&physical, &renaming, renaming.between.as_ref()?, &renaming.to))
                    })
                    .collect();
                let title = format!("name constraints and indexes of {}", physical.pretty());
                (!statements.is_empty()).then(|| {
                    Step::transaction(title, Lock::AccessExclusive, vec![physical], statements).of_table(id)
                })
            })
            .collect()
    }

    fn renamings(&self, id: TableId) -> Vec<Renaming> {
        let (Some(live), Some(root)) = (self.live(id), self.new_root.physical.table(id)) else {
            return Vec::new();
        };
        let standings = Standings::of(live, root);
        let constraints = standings.constraints.iter().map(|(wanted, standing)| match standing {
            // By now it is a constraint.
            Standing::Constraint(name) | Standing::Index(name) => (true, *name, &wanted.name),
        });
        let indexes = standings.indexes.iter().map(|(wanted, name)| (false, *name, &wanted.name));
        let in_use = self.names_in_use(id);
        let changed = constraints.chain(indexes).filter(|(_, from, to)| from != to);
        let numbered = changed.enumerate().map(|(number, (is_constraint, from, to))| {
            let between = in_use.contains(to).then(|| {
                Name::new(format!("edition~{id}_{number}"))
                    .unwrap_or_else(|_| unreachable!("short and not empty"))
            });
            Renaming { is_constraint, from: from.clone(), to: to.clone(), between }
        });
        let numbered: Vec<Renaming> = numbered.collect();
        // What is there for a younger edition only gives way first.
        let wanted: BTreeSet<&Name> = numbered.iter().map(|renaming| &renaming.to).collect();
        let of_root: BTreeSet<&Name> = standings
            .constraints
            .iter()
            .map(|(_, standing)| match standing {
                Standing::Constraint(name) | Standing::Index(name) => *name,
            })
            .chain(standings.indexes.iter().map(|(_, name)| *name))
            .collect();
        let doomed: BTreeSet<Name> = self
            .doomed_constraints(id, false)
            .into_iter()
            .chain(self.doomed_constraints(id, true))
            .chain(self.doomed_indexes(id))
            .collect();
        let constraints = live.constraints.iter().map(|constraint| (true, &constraint.name));
        let indexes = live.indexes.iter().map(|index| (false, &index.name));
        let in_the_way = constraints
            .chain(indexes)
            .filter(|(_, name)| wanted.contains(name) && !of_root.contains(name) && !doomed.contains(*name));
        let mut taken = TakenNames::new(in_use.iter().cloned());
        let younger = self.remaining.get(1).map_or(&self.new_root.edition.name, |next| &next.edition.name);
        let giving_way: Vec<Renaming> = in_the_way
            .map(|(is_constraint, name)| {
                let (from, to) = (name.clone(), taken.take(name, younger));
                Renaming { is_constraint, from, to, between: None }
            })
            .collect();
        giving_way.into_iter().chain(numbered).collect()
    }

    /// Names of relations and constraints around a table, without those that its own step drops.
    fn names_in_use(&self, id: TableId) -> BTreeSet<Name> {
        let Some(standing) = self.standing(id) else { return BTreeSet::new() };
        let around = [Some(&standing.schema), self.moves.get(&id).map(|(_, to)| &to.schema)];
        let dropped: BTreeSet<Name> = self
            .doomed_constraints(id, false)
            .into_iter()
            .chain(self.doomed_constraints(id, true))
            .chain(self.doomed_indexes(id))
            .collect();
        let live = &self.input.chain.live;
        let relations = crate::plan::names::relations(live).map(|name| (&name.schema, &name.name, false));
        let trees = live.tables.iter().flat_map(|table| {
            std::iter::once(table).chain(table.partitions().iter().map(|part| &part.table))
        });
        let of_tables = trees.flat_map(|table| {
            let own = table.name == standing;
            let constraints = table.constraints.iter().map(move |c| (&table.name.schema, &c.name, own));
            constraints.chain(table.indexes.iter().map(move |index| (&table.name.schema, &index.name, own)))
        });
        relations
            .chain(of_tables)
            .filter(|(schema, _, _)| around.contains(&Some(*schema)))
            .filter(|(_, name, own)| !(*own && dropped.contains(*name)))
            .map(|(_, name, _)| name.clone())
            .collect()
    }
}

fn rename(physical: &QualifiedName, renaming: &Renaming, from: &Name, to: &Name) -> Sql {
    if renaming.is_constraint {
        sql!("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", physical, from, to)
    } else {
        sql!("ALTER INDEX {} RENAME TO {}", QualifiedName::new(physical.schema.clone(), from.clone()), to)
    }
}
