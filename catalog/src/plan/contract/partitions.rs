//! Partitions: those that only the edition that goes had, and, at a retire, the names that the new root gives to partitions and to their indexes.

use super::{Contraction, End};
use crate::{
    model::{Name, Partition, QualifiedName, Table, TableId},
    plan::{
        Lock, Step,
        expand::drop_if_empty,
        tighten::{Standing, Standings},
    },
    sql,
    sql::Sql,
};

impl Contraction<'_> {
    /// At a rollback those that the edition added, unless they have rows; at a retire those that the new root has dropped. One that somebody detached is
    /// nobody's any more.
    pub(super) fn gone_partitions(&self) -> Vec<Step> {
        let kept = self.table_ids().into_iter().filter(|id| self.is_kept(*id));
        kept.filter_map(|id| self.gone_partitions_of(id)).collect()
    }

    fn gone_partitions_of(&self, id: TableId) -> Option<Step> {
        let (live, gone) = (self.live(id)?, self.gone.physical.table(id)?);
        let is_kept = |partition: &Partition| {
            // One that a draft dropped and made again is the same: nothing was made for it at its publish.
            let is_it = |other: &Partition| {
                other.table.id == partition.table.id
                    || other.table.name == partition.table.name && other.bound == partition.bound
            };
            let mut sights = self.remaining.iter().filter_map(|member| member.physical.table(id));
            sights.any(|table| table.partitions().iter().any(is_it))
        };
        let mut statements = Vec::new();
        // Parts before what they are parts of.
        for part in gone.partitions().iter().rev().filter(|part| !is_kept(part)) {
            let Some(name) = self.input.chain.partition_name(id, part.table.id) else { continue };
            let Some(standing) = live.partitions().iter().find(|known| known.table.name == *name) else {
                continue;
            };
            let of = name_of(live, standing.of);
            match self.input.end {
                End::Leaf => statements.push(drop_if_empty(of, name)),
                End::Root => {
                    statements.push(sql!("ALTER TABLE {} DETACH PARTITION {}", of, name));
                    statements.push(sql!("DROP TABLE {}", name));
                }
            }
        }
        (!statements.is_empty()).then(|| {
            let title = format!("drop partitions of {}", live.name.pretty());
            Step::transaction(title, Lock::AccessExclusive, vec![live.name.clone()], statements)
        })
    }

    /// At the very end, when everything else has its name.
    pub(super) fn name_partitions(&self) -> Vec<Step> {
        let kept = self.table_ids().into_iter().filter(|id| self.is_kept(*id));
        kept.filter_map(|id| self.name_partitions_of(id)).collect()
    }

    fn name_partitions_of(&self, id: TableId) -> Option<Step> {
        let (live, wanted) = (self.live(id)?, self.new_root.physical.table(id)?);
        let logical = self.new_root.logical.table(id)?;
        if live.partitions().is_empty() {
            return None;
        }
        let mut names = Names { statements: Vec::new(), second: Vec::new() };
        for part in wanted.partitions() {
            let Some(standing) = self.input.chain.partition_name(id, part.table.id) else { continue };
            let to = &logical.partitioning.as_ref()?.partition(part.table.id)?.table.name;
            let is_there = live.partitions().iter().any(|known| known.table.name == *standing);
            if is_there && standing.name != to.name {
                names.add("TABLE", &QualifiedName::new(to.schema.clone(), standing.name.clone()), &to.name);
            }
        }
        let root = indexes_of(live, wanted);
        self.name_indexes(live, live.id, wanted, wanted.id, &root, &mut names);
        let Names { statements, second } = names;
        let statements: Vec<Sql> = statements.into_iter().chain(second).collect();
        let settled = self.moves.get(&id).map_or(&live.name, |(_, to)| to);
        (!statements.is_empty()).then(|| {
            let title = format!("name partitions of {}, and their indexes", settled.pretty());
            Step::transaction(title, Lock::AccessExclusive, vec![settled.clone()], statements)
        })
    }

    /// Walks both trees: an index of a partition is the one that belongs to the same index of its parent. `known`: what each index of the parent is
    /// called in the blueprint, and as it stands.
    fn name_indexes(
        &self,
        live: &Table,
        standing_of: TableId,
        wanted: &Table,
        wanted_of: TableId,
        known: &[(Name, Name)],
        names: &mut Names,
    ) {
        for standing in live.partitioning.iter().flat_map(|tree| tree.parts_of(standing_of)) {
            let Some(part) = self.input.chain.drawn_partition(wanted, &standing.table.name) else { continue };
            if part.of != wanted_of {
                continue;
            }
            let found: Vec<(Name, Name)> = known
                .iter()
                .filter_map(|(drawn, now)| {
                    Some((part_of(&part.table, drawn)?.clone(), part_of(&standing.table, now)?.clone()))
                })
                .collect();
            let schema = self.logical_schema(wanted.id, part.table.id).unwrap_or(&standing.table.name.schema);
            for (to, from) in found.iter().filter(|(to, from)| to != from) {
                names.add("INDEX", &QualifiedName::new(schema.clone(), from.clone()), to);
            }
            self.name_indexes(live, standing.table.id, wanted, part.table.id, &found, names);
        }
    }

    /// Where a partition stands once everything is settled.
    pub(super) fn logical_schema(&self, table: TableId, partition: TableId) -> Option<&Name> {
        let tree = self.new_root.logical.table(table)?.partitioning.as_ref()?;
        Some(&tree.partition(partition)?.table.name.schema)
    }
}

/// Renamings in two rounds, so that names can be exchanged. What maintenance has dropped meanwhile needs no name.
struct Names {
    statements: Vec<Sql>,
    second: Vec<Sql>,
}

impl Names {
    fn add(&mut self, kind: &'static str, from: &QualifiedName, to: &Name) {
        let between = Name::new(format!("edition~part {}", self.second.len()))
            .unwrap_or_else(|_| unreachable!("short and not empty"));
        let kind = Sql::trusted(kind);
        self.statements.push(sql!("ALTER {} IF EXISTS {} RENAME TO {}", kind, from, between));
        let now = QualifiedName::new(from.schema.clone(), between);
        self.second.push(sql!("ALTER {} IF EXISTS {} RENAME TO {}", kind, now, to));
    }
}

/// Every index and key of a table: its name, and the name that it stands under.
fn indexes_of(live: &Table, wanted: &Table) -> Vec<(Name, Name)> {
    let standings = Standings::of(live, wanted);
    let keys = standings.constraints.iter().filter(|(key, _)| key.index.is_some());
    let keys = keys
        .map(|(key, Standing::Constraint(name) | Standing::Index(name))| (key.name.clone(), (*name).clone()));
    let indexes = standings.indexes.iter().map(|(index, name)| (index.name.clone(), (*name).clone()));
    keys.chain(indexes).collect()
}

/// The index of a partition that belongs to this one of its parent.
fn part_of<'a>(table: &'a Table, index: &Name) -> Option<&'a Name> {
    let keys =
        table.constraints.iter().filter(|key| key.index.is_some()).map(|key| (&key.name, &key.part_of));
    let mut all = keys.chain(table.indexes.iter().map(|index| (&index.name, &index.part_of)));
    all.find(|(_, of)| of.as_ref() == Some(index)).map(|(name, _)| name)
}

fn name_of(live: &Table, id: TableId) -> &QualifiedName {
    let mut parts = live.partitions().iter().map(|part| &part.table);
    parts.find(|known| known.id == id).map_or(&live.name, |known| &known.name)
}
