//! Which partition as it stands is which one of a blueprint. Partitions come and go by maintenance, without an edition, so either may lack the other.

use super::Chain;
use crate::model::{Partition, QualifiedName, Table, TableId};

impl Chain {
    /// What a partition that stands under `standing` is in `blueprint`, some edition's sight of the table.
    pub(super) fn drawn_partition<'a>(
        &self,
        blueprint: &'a Table,
        standing: &QualifiedName,
    ) -> Option<&'a Partition> {
        let mut sights = self.members.iter().filter_map(|member| member.physical.table(blueprint.id));
        let id = sights.find_map(|table| {
            table.partitions().iter().find(|part| part.table.name == *standing).map(|part| part.table.id)
        });
        let drawn = blueprint.partitions().iter();
        match id {
            Some(id) => drawn.clone().find(|part| part.table.id == id),
            None => drawn.clone().find(|part| part.table.name == *standing),
        }
    }

    /// The name that a partition of an edition stands under: the one that the oldest of the live editions that have it gives it.
    pub(super) fn partition_name(&self, table: TableId, partition: TableId) -> Option<&QualifiedName> {
        let mut sights = self.members.iter().filter_map(|member| member.physical.table(table));
        sights.find_map(|table| Some(&table.partitioning.as_ref()?.partition(partition)?.table.name))
    }
}
