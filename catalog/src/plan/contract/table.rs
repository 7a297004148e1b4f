//! One table that stays: what only the edition that goes used is dropped; at a retire its columns, defaults and constraints take the new root's names
//! and values.

use std::collections::BTreeSet;

use super::{Contraction, End};
use crate::{
    ddl::{drop_hop, rewritten_functions, view_default, view_defaults},
    layout::Shape,
    model::{Constraint, Index, Name, QualifiedName, Table, TableId},
    plan::{
        Lock, Member, Step,
        tighten::{same, same_index},
    },
    sql,
    sql::Sql,
};

/// The live constraint that an edition's constraint means: the one with the same definition (and, among several, the same name), else the one
/// with its name, because PostgreSQL may word a definition that it read from a dump otherwise than the original.
pub(super) fn live_constraint<'a>(live: &'a Table, wanted: &Constraint) -> Option<&'a Name> {
    let alike = || live.constraints.iter().filter(|constraint| same(constraint, wanted));
    alike()
        .find(|constraint| constraint.name == wanted.name)
        .or_else(|| alike().next())
        .or_else(|| live.constraints.iter().find(|c| c.kind == wanted.kind && c.name == wanted.name))
        .map(|constraint| &constraint.name)
}

/// The same for an index.
pub(super) fn live_index<'a>(live: &'a Table, wanted: &Index) -> Option<&'a Name> {
    let alike = || live.indexes.iter().filter(|index| same_index(index, wanted));
    alike()
        .find(|index| index.name == wanted.name)
        .or_else(|| alike().next())
        .or_else(|| live.indexes.iter().find(|index| index.name == wanted.name))
        .map(|index| &index.name)
}

impl Contraction<'_> {
    /// Physical columns that only the edition that goes uses.
    fn doomed_columns(&self, id: TableId) -> Vec<Name> {
        let Some(shape) = self.shape(self.gone, id) else { return Vec::new() };
        let kept: Vec<Shape> = self.remaining.iter().filter_map(|member| self.shape(member, id)).collect();
        shape
            .columns
            .iter()
            .map(|column| column.physical.clone())
            .filter(|physical| !kept.iter().any(|shape| shape.uses(physical)))
            .collect()
    }

    /// Live constraints that only the edition that goes has.
    pub(super) fn doomed_constraints(&self, id: TableId, foreign_keys: bool) -> Vec<Name> {
        let Some(live) = self.live(id) else { return Vec::new() };
        let standing = |member: &Member| -> BTreeSet<Name> {
            let wanted =
                member.physical.table(id).map(|table| table.constraints.as_slice()).unwrap_or_default();
            wanted.iter().filter_map(|constraint| live_constraint(live, constraint)).cloned().collect()
        };
        let kept: BTreeSet<Name> = self.remaining.iter().flat_map(|member| standing(member)).collect();
        live.constraints
            .iter()
            .filter(|constraint| constraint.references.is_some() == foreign_keys)
            .map(|constraint| constraint.name.clone())
            .filter(|name| standing(self.gone).contains(name) && !kept.contains(name))
            .collect()
    }

    fn doomed_indexes(&self, id: TableId) -> Vec<Name> {
        let Some(live) = self.live(id) else { return Vec::new() };
        let standing = |member: &Member| -> BTreeSet<Name> {
            let wanted = member.physical.table(id).map(|table| table.indexes.as_slice()).unwrap_or_default();
            wanted.iter().filter_map(|index| live_index(live, index)).cloned().collect()
        };
        let kept: BTreeSet<Name> = self.remaining.iter().flat_map(|member| standing(member)).collect();
        standing(self.gone).into_iter().filter(|name| !kept.contains(name)).collect()
    }

    pub(super) fn contract_table(&self, id: TableId) -> Option<Step> {
        let physical = self.standing(id).filter(|_| self.is_kept(id))?;
        let mut statements = self.rewritten_functions(id);
        statements.extend(self.drop_gone_view(id));
        let mut relations = BTreeSet::new();
        let mut alter = self.drop_gone_hop(id);
        for name in self.doomed_constraints(id, false) {
            alter.push(sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", physical, name));
        }
        for name in self.doomed_indexes(id) {
            alter.push(sql!("DROP INDEX IF EXISTS {}", QualifiedName::new(physical.schema.clone(), name)));
        }
        for column in self.doomed_columns(id) {
            alter.push(sql!("ALTER TABLE {} DROP COLUMN IF EXISTS {}", physical, column));
        }
        alter.extend(self.relax_not_null(id, &physical));
        if self.input.end == End::Root {
            alter.extend(self.rename_columns(id, &physical));
            alter.extend(self.settle_defaults(id, &physical));
            alter.extend(self.rename_constraints(id, &physical));
        }
        if statements.is_empty() && alter.is_empty() {
            return None;
        }
        let lock = if alter.is_empty() { Lock::None } else { Lock::AccessExclusive };
        relations.insert(physical.clone());
        statements.extend(alter);
        let title = format!("contract {}", physical.pretty());
        Some(Step::transaction(title, lock, relations.into_iter().collect(), statements))
    }

    fn drop_gone_hop(&self, id: TableId) -> Vec<Sql> {
        self.hop_of(id, self.gone_hop()).map(drop_hop).unwrap_or_default()
    }

    /// Bodies of the triggers that stay, where columns are renamed under them.
    fn rewritten_functions(&self, id: TableId) -> Vec<Sql> {
        self.remaining_hops()
            .filter(|hop| hop.table_id == id && self.renames.contains_key(&id))
            .flat_map(|hop| rewritten_functions(&self.renamed(hop)))
            .collect()
    }

    pub(super) fn drop_gone_view(&self, id: TableId) -> Option<Sql> {
        let table = self.gone.logical.table(id)?;
        let schema = self.gone.mapping.table(table).view_schema?;
        Some(sql!("DROP VIEW IF EXISTS {}", QualifiedName::new(schema, table.name.name.clone())))
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
            .map(|column| sql!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", physical, column.name))
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
            .filter(|column| present(&column.physical) != column.default)
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

    /// Constraints and indexes that stay get the names that the new root gives them.
    fn rename_constraints(&self, id: TableId, physical: &QualifiedName) -> Vec<Sql> {
        let (Some(live), Some(root)) = (self.live(id), self.new_root.physical.table(id)) else {
            return Vec::new();
        };
        let constraints = root
            .constraints
            .iter()
            .filter_map(|wanted| Some((true, live_constraint(live, wanted)?.clone(), wanted.name.clone())));
        let indexes = root
            .indexes
            .iter()
            .filter_map(|wanted| Some((false, live_index(live, wanted)?.clone(), wanted.name.clone())));
        let renames = constraints.chain(indexes).filter(|(_, from, to)| from != to);
        renames
            .map(|(constraint, from, to)| {
                if constraint {
                    sql!("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", physical, from, to)
                } else {
                    sql!("ALTER INDEX {} RENAME TO {}", QualifiedName::new(physical.schema.clone(), from), to)
                }
            })
            .collect()
    }
}
