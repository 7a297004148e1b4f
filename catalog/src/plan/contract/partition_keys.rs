//! The primary key of a partitioned table that takes the place of an older one. While both editions were live it was a unique index, and PostgreSQL makes no
//! constraint of an index with parts: each partition gets another one, without anybody waiting, and these become the key in the place of the first.

use super::{Contraction, End};
use crate::{
    ddl::index_keys,
    model::{Constraint, ConstraintKind, Name, QualifiedName, Table, TableId},
    plan::{
        Lock, Step, StepKind,
        tighten::{Standing, Standings, attach},
    },
    sql,
    sql::Sql,
};

/// Ends the name of an index that waits to become a part of the key.
const WAITING: &str = "~key";

impl Contraction<'_> {
    /// Indexes for what [`promote_key_of_parts`](Self::promote_key_of_parts) does.
    pub(super) fn build_keys_of_parts(&self) -> Vec<Step> {
        let kept = self.table_ids().into_iter().filter(|id| self.is_kept(*id) && self.input.end == End::Root);
        kept.flat_map(|id| self.build_key_of_parts(id)).collect()
    }

    fn build_key_of_parts(&self, id: TableId) -> Vec<Step> {
        let Some((live, key, index)) = self.key_of_parts(id) else { return Vec::new() };
        let Some(keys) = key.as_index().and_then(|key| index_keys(&key, &live.name)) else {
            return Vec::new();
        };
        let leaves = parts(live, live.id, index).into_iter().filter(|part| part.is_leaf);
        leaves
            .map(|part| {
                let waiting = part.index.with_suffix(WAITING);
                let statement =
                    sql!("CREATE UNIQUE INDEX CONCURRENTLY {} ON {}{}", waiting, part.table.name, keys);
                let title = format!("build index {} on {}", waiting.as_str(), part.table.name.pretty());
                let index = QualifiedName::new(part.table.name.schema.clone(), waiting);
                let relations = vec![part.table.name.clone()];
                Step::new(title, StepKind::Index { statement, index }, Lock::ShareUpdateExclusive, relations)
                    .touching(self.input.chain.size(&part.table.name))
            })
            .collect()
    }

    /// The key takes the names of the index that it replaces; others are given with all the rest.
    pub(super) fn promote_key_of_parts(&self, id: TableId) -> Option<Vec<Sql>> {
        let (live, key, index) = self.key_of_parts(id)?;
        let beside =
            |table: &QualifiedName, name: &Name| QualifiedName::new(table.schema.clone(), name.clone());
        let whole = |table: &QualifiedName, name: &Name| {
            sql!("ALTER TABLE ONLY {} ADD CONSTRAINT {} {}", table, name, Sql::trusted(&key.definition))
        };
        let mut statements = vec![sql!("DROP INDEX {}", beside(&live.name, index)), whole(&live.name, index)];
        for part in parts(live, live.id, index) {
            let table = &part.table.name;
            statements.push(if part.is_leaf {
                attach(table, part.index, &part.index.with_suffix(WAITING), "PRIMARY KEY", key)
            } else {
                whole(table, part.index)
            });
            let of = beside(part.of.0, part.of.1);
            statements.push(sql!("ALTER INDEX {} ATTACH PARTITION {}", of, beside(table, part.index)));
        }
        Some(statements)
    }

    /// The table as it stands, the new root's key, and the index that stands for it.
    fn key_of_parts(&self, id: TableId) -> Option<(&Table, &Constraint, &Name)> {
        let (live, root) = (self.live(id)?, self.new_root.physical.table(id)?);
        live.partitioning.as_ref()?;
        let key = root.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)?;
        match Standings::of(live, root).constraint(key)? {
            Standing::Constraint(_) => None,
            Standing::Index(index) => Some((live, key, index)),
        }
    }
}

/// A partition's part of an index.
struct Part<'a> {
    table: &'a Table,
    index: &'a Name,
    /// The table and the index that it is a part of.
    of: (&'a QualifiedName, &'a Name),
    is_leaf: bool,
}

/// All parts of an index, each behind the one that it is a part of.
fn parts<'a>(live: &'a Table, id: TableId, index: &'a Name) -> Vec<Part<'a>> {
    let mut found: Vec<Part<'_>> = Vec::new();
    let mut waiting = vec![(id, &live.name, index)];
    while let Some((id, name, index)) = waiting.pop() {
        for part in live.partitioning.iter().flat_map(|tree| tree.parts_of(id)) {
            let own = part.table.indexes.iter().find(|own| own.part_of.as_ref() == Some(index));
            let Some(own) = own else { continue };
            waiting.push((part.table.id, &part.table.name, &own.name));
            found.push(Part {
                table: &part.table,
                index: &own.name,
                of: (name, index),
                is_leaf: part.is_leaf(),
            });
        }
    }
    found
}
