//! One table that stays: what only the edition that goes used is dropped; at a retire its columns, defaults and constraints take the new root's names
//! and values.

use std::{collections::BTreeSet, iter};

use super::{Contraction, End};
use crate::{
    ddl::{drop_hop, rewritten_functions, view_default, view_defaults},
    layout::Shape,
    model::{ColumnId, ConstraintKind, Generated, Name, QualifiedName, Sequence, Table, TableId},
    plan::{
        Lock, Member, Step,
        tighten::{Standing, Standings},
        triggers,
    },
    sql,
    sql::Sql,
};

impl Contraction<'_> {
    /// Physical columns that only the edition that goes uses.
    pub(super) fn doomed_columns(&self, id: TableId) -> Vec<Name> {
        let Some(shape) = self.shape(self.gone, id) else { return Vec::new() };
        let kept: Vec<Shape> = self.remaining.iter().filter_map(|member| self.shape(member, id)).collect();
        let mut doomed: Vec<Name> = shape
            .columns
            .iter()
            .map(|column| column.physical.clone())
            .filter(|physical| !kept.iter().any(|shape| shape.uses(physical)))
            .collect();
        // A generated column goes before those that it reads.
        let is_generated = |name: &Name| {
            let column = self.live(id).and_then(|live| live.column_named(name.as_str()));
            column.is_some_and(|column| column.generated != Generated::None)
        };
        doomed.sort_by_key(|name| !is_generated(name));
        doomed
    }

    /// Live constraints that only the edition that goes has.
    pub(super) fn doomed_constraints(&self, id: TableId, foreign_keys: bool) -> Vec<Name> {
        let Some(live) = self.live(id) else { return Vec::new() };
        let standing = |member: &Member| -> BTreeSet<Name> {
            let Some(wanted) = member.physical.table(id) else { return BTreeSet::new() };
            let standing = Standings::of(live, wanted).constraints.into_iter();
            standing
                .filter_map(|(_, standing)| match standing {
                    Standing::Constraint(name) => Some(name.clone()),
                    Standing::Index(_) => None,
                })
                .collect()
        };
        let kept: BTreeSet<Name> = self.remaining.iter().flat_map(|member| standing(member)).collect();
        let gone = standing(self.gone);
        live.constraints
            .iter()
            .filter(|constraint| (constraint.kind == ConstraintKind::ForeignKey) == foreign_keys)
            .map(|constraint| constraint.name.clone())
            .filter(|name| gone.contains(name) && !kept.contains(name))
            .collect()
    }

    /// Live indexes that only the edition that goes has, those included that stand for its primary key.
    pub(super) fn doomed_indexes(&self, id: TableId) -> Vec<Name> {
        let Some(live) = self.live(id) else { return Vec::new() };
        let standing = |member: &Member| -> BTreeSet<Name> {
            let Some(table) = member.physical.table(id) else { return BTreeSet::new() };
            let standings = Standings::of(live, table);
            let keys = standings.constraints.into_iter().filter_map(|(_, key)| match key {
                Standing::Constraint(_) => None,
                Standing::Index(name) => Some(name),
            });
            standings.indexes.into_iter().map(|(_, name)| name).chain(keys).cloned().collect()
        };
        let kept: BTreeSet<Name> = self.remaining.iter().flat_map(|member| standing(member)).collect();
        standing(self.gone).into_iter().filter(|name| !kept.contains(name)).collect()
    }

    pub(super) fn contract_table(&self, id: TableId, triggers: Option<&triggers::Change>) -> Option<Step> {
        let physical = self.standing(id).filter(|_| self.is_kept(id))?;
        let mut statements = self.rewritten_functions(id);
        statements.extend(self.drop_gone_view(id));
        let mut relations = BTreeSet::new();
        // Triggers before the columns that they may be bound to. Those of a new root wait until everything has its name.
        let mut alter = self.gone_triggers(&physical, triggers);
        alter.extend(self.drop_gone_hop(id));
        alter.extend(self.hand_over_sequences(id, &physical));
        for name in self.doomed_constraints(id, false) {
            alter.push(sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", physical, name));
        }
        for name in self.doomed_indexes(id) {
            alter.push(sql!("DROP INDEX IF EXISTS {}", QualifiedName::new(physical.schema.clone(), name)));
        }
        let identity = self.carry_identity(id, &physical);
        alter.extend(identity.iter().map(|(make, _)| make.clone()));
        for column in self.doomed_columns(id) {
            alter.push(sql!("ALTER TABLE {} DROP COLUMN IF EXISTS {}", physical, column));
        }
        alter.extend(identity.into_iter().map(|(_, name)| name));
        alter.extend(self.drop_identity(id, &physical));
        alter.extend(self.relax_not_null(id, &physical));
        alter.extend(self.restrict_identity(id, &physical));
        if self.input.end == End::Root {
            alter.extend(self.promote_key_of_parts(id));
            alter.extend(self.rename_columns(id, &physical));
            alter.extend(self.settle_defaults(id, &physical));
            alter.extend(self.promote_key(id, &physical));
            alter.extend(self.take_names(id, &physical));
        }
        alter.extend(self.tell_of_columns(id));
        if statements.is_empty() && alter.is_empty() {
            return None;
        }
        let lock = if alter.is_empty() { Lock::None } else { Lock::AccessExclusive };
        relations.insert(physical.clone());
        statements.extend(alter);
        let title = format!("contract {}", physical.pretty());
        Some(Step::transaction(title, lock, relations.into_iter().collect(), statements).of_table(id))
    }

    fn gone_triggers(&self, physical: &QualifiedName, triggers: Option<&triggers::Change>) -> Vec<Sql> {
        let Some(change) = triggers else { return Vec::new() };
        match self.input.end {
            End::Root => change.first_on(physical),
            End::Leaf => change.all_on(physical),
        }
    }

    fn drop_gone_hop(&self, id: TableId) -> Vec<Sql> {
        self.hop_of(id, self.gone_hop()).map(drop_hop).unwrap_or_default()
    }

    /// Bodies of the triggers that stay, where columns are renamed under them or numbers come from another one.
    fn rewritten_functions(&self, id: TableId) -> Vec<Sql> {
        self.remaining_hops()
            .filter(|hop| hop.table_id == id)
            .map(|hop| (hop, self.renamed(hop)))
            .filter(|(hop, renamed)| *hop != renamed || self.renames.contains_key(&id))
            .flat_map(|(_, renamed)| rewritten_functions(&renamed))
            .collect()
    }

    pub(super) fn drop_gone_view(&self, id: TableId) -> Option<Sql> {
        let table = self.gone.logical.table(id)?;
        let schema = self.gone.mapping.table(table).view_schema?;
        Some(sql!("DROP VIEW IF EXISTS {}", QualifiedName::new(schema, table.name.name.clone())))
    }

    /// A sequence that belongs to a column of which the new root has a duplicate goes over to that one.
    fn hand_over_sequences(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        let owned = |sequence: &&Sequence| sequence.owned_by.is_some_and(|(table, _)| table == id);
        let column = |member: &Member, column: ColumnId| {
            let table = member.logical.table(id)?;
            Some(member.mapping.table(table).column(table.column(column)?).clone())
        };
        let sequences = self.new_root.physical.sequences.iter().filter(owned);
        sequences
            .filter_map(|sequence| {
                let (_, holder) = sequence.owned_by?;
                let gone = self.gone.physical.sequences.iter().find(|known| known.id == sequence.id)?;
                let (before, after) = (column(self.gone, gone.owned_by?.1)?, column(self.new_root, holder)?);
                (before != after)
                    .then(|| sql!("ALTER SEQUENCE {} OWNED BY {}.{}", sequence.name, physical, after))
            })
            .collect()
    }

    /// NOT NULL that only the edition that goes asked for.
    fn relax_not_null(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        let Some(live) = self.live(id) else { return Vec::new() };
        let Some(gone) = self.shape(self.gone, id) else { return Vec::new() };
        let kept: Vec<Shape> = self.remaining.iter().filter_map(|member| self.shape(member, id)).collect();
        live.columns
            .iter()
            .filter(|column| column.not_null)
            .filter(|column| gone.columns.iter().any(|known| known.physical == column.name && known.not_null))
            .filter(|column| {
                let mut users = kept
                    .iter()
                    .flat_map(|s| &s.columns)
                    .filter(|known| known.physical == column.name)
                    .peekable();
                users.peek().is_some() && users.all(|known| !known.not_null)
            })
            .flat_map(|column| {
                let parts = self.relaxed_parts(id, &column.name).into_iter();
                iter::once(physical)
                    .chain(parts)
                    .map(|table| sql!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table, column.name))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Partitions that do not have the column as NOT NULL of their own in any remaining edition. From PostgreSQL 18 on, a key that was built on a
    /// partition leaves it there as the partition's own, which its parent does not take away.
    fn relaxed_parts(&self, id: TableId, column: &Name) -> Vec<&QualifiedName> {
        let is_not_null =
            |part: &Table| part.column_named(column.as_str()).is_some_and(|known| known.not_null);
        let parts = self.live(id).map(Table::partitions).unwrap_or_default();
        let standing = parts.iter().map(|part| &part.table).filter(|part| is_not_null(part));
        standing
            .filter(|part| {
                let sights = self.remaining.iter().filter_map(|member| member.physical.table(id));
                let mut drawn =
                    sights.filter_map(|table| self.input.chain.drawn_partition(table, &part.name)).peekable();
                drawn.peek().is_some() && drawn.all(|drawn| !is_not_null(&drawn.table))
            })
            .map(|part| &part.name)
            .collect()
    }

    fn rename_columns(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        let Some(renames) = self.renames.get(&id) else { return Vec::new() };
        let between =
            |index: usize| Name::new(format!("edition~{index}")).unwrap_or_else(|_| unreachable!("short"));
        // In two rounds, so that swapped names do not meet.
        let first = renames.keys().enumerate().map(|(index, from)| {
            sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", physical, from, between(index))
        });
        let second = renames
            .values()
            .enumerate()
            .map(|(index, to)| sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", physical, between(index), to));
        first.chain(second).collect()
    }

    /// The table's own defaults become the new root's; views of younger editions keep theirs.
    fn settle_defaults(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        let (Some(root), Some(live)) = (self.shape(self.new_root, id), self.live(id)) else {
            return Vec::new();
        };
        let present = |column: &Name| live.column_named(column.as_str()).and_then(|c| c.default.clone());
        let mut statements: Vec<Sql> = root
            .columns
            .iter()
            .filter(|column| !column.counts && present(&column.physical) != column.default)
            .map(|column| {
                let name = self.name_after(id, &column.physical);
                match &column.default {
                    Some(default) => {
                        sql!(
                            "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}",
                            physical,
                            name,
                            Sql::trusted(default)
                        )
                    }
                    None => sql!("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", physical, name),
                }
            })
            .collect();
        if statements.is_empty() {
            return statements;
        }
        let after = |column: &Name| {
            root.columns
                .iter()
                .find(|known| &known.physical == column)
                .map_or_else(|| present(column), |known| known.default.clone())
        };
        for member in &self.remaining {
            let Some(shape) = self.shape(member, id) else { continue };
            let view = member.logical.table(id).and_then(|table| member.mapping.table(table).view_schema);
            if let Some(schema) = view {
                let now = |name: &Name| {
                    let column = shape.columns.iter().find(|column| &column.name == name)?;
                    view_default(column, present(&column.physical).as_deref())
                };
                statements.extend(view_defaults(&shape, &schema, after, now));
            }
        }
        statements
    }
}
