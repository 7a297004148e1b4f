//! The steps that take one edition out of the chain: the root (retire) or the leaf (rollback). What only that edition used is dropped;
//! at a retire the tables also take the names that the new root uses.
//!
//! Views of the remaining editions stay until the proxies have acknowledged that nothing needs to be rewritten any more.

mod after;
mod attached;
mod code_objects;
mod foreign_keys;
mod identity;
mod naming;
mod not_null_names;
mod objects;
mod partition_keys;
mod partitions;
mod settle;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use self::after::After;
use super::{
    Chain, Lock, Member, Step, accessories, policies,
    run::{Passage, Sight},
    triggers,
};
use crate::{
    ddl::{HopTriggers, Numbered, moved_hop, renamed_hop, rewritten_functions},
    error::{Error, Result},
    layout::{Shape, is_plain, object_ids},
    model::{EditionId, Name, QualifiedName, Table, TableId},
    sql::Sql,
};

/// Which end of the chain goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The root: retire.
    Root,
    /// The leaf: rollback.
    Leaf,
}

/// Everything that the steps follow from.
pub struct ContractInput<'a> {
    /// The live editions, the one that goes included.
    pub chain: &'a Chain,
    /// Which one goes.
    pub end: End,
    /// The crossedition triggers of every hop.
    pub hops: &'a [HopTriggers],
    /// At a rollback: takes back the rows that the publication carried.
    pub take_back: Option<Step>,
}

struct Contraction<'a> {
    input: &'a ContractInput<'a>,
    gone: &'a Member,
    remaining: Vec<&'a Member>,
    new_root: &'a Member,
    /// Physical tables' names before and after.
    moves: BTreeMap<TableId, (QualifiedName, QualifiedName)>,
    /// Physical columns' names before and after, where they differ.
    renames: BTreeMap<TableId, BTreeMap<Name, Name>>,
    /// At a rollback: tables that had to give up their name in the schema of the edition that introduced them, because the edition that
    /// goes saw them otherwise, and get it back: from, to.
    returns: BTreeMap<TableId, (QualifiedName, QualifiedName)>,
}

/// The steps, from the first change of a table to the last clean-up; drains and states are the caller's.
pub fn contract(input: &ContractInput<'_>) -> Result<Vec<Step>> {
    let contraction = Contraction::new(input)?;
    let after = contraction.after()?;
    let triggers = contraction.triggers(&after)?;
    let policies = contraction.policies(&after)?;
    let mut steps: Vec<Step> = contraction.look_for_attached_rows().into_iter().collect();
    steps.extend(input.take_back.iter().cloned());
    if input.end == End::Root {
        steps.extend(accessories::drop_bound(contraction.gone, &contraction.remaining));
    }
    steps.extend(contraction.gone_policies(&policies));
    steps.extend(contraction.drop_foreign_keys());
    steps.extend(contraction.lean_on_other_keys());
    steps.extend(contraction.drop_gone_code());
    steps.extend(contraction.gone_partitions());
    steps.extend(contraction.build_keys_of_parts());
    steps.extend(contraction.release_sequences());
    for id in contraction.table_ids() {
        steps.extend(contraction.contract_table(id, triggers.get(&id)));
    }
    steps.extend(contraction.drop_and_move(&after, &triggers, &policies)?);
    if input.end == End::Root {
        steps.extend(contraction.take_names_that_were_in_use());
        steps.extend(contraction.name_partitions());
    }
    steps.extend(contraction.settle());
    steps.push(contraction.announce(&after)?);
    steps.extend(contraction.clean_up(&after)?);
    steps.extend(after.announce_end());
    Ok(steps)
}

impl<'a> Contraction<'a> {
    fn new(input: &'a ContractInput<'a>) -> Result<Self> {
        let (gone, remaining) = match input.end {
            End::Root => input.chain.members.split_first(),
            End::Leaf => input.chain.members.split_last(),
        }
        .ok_or_else(|| Error::bug("no edition is live"))?;
        let remaining: Vec<&Member> = remaining.iter().collect();
        let new_root =
            *remaining.first().ok_or_else(|| Error::refused("the only live edition cannot be taken out"))?;
        let (moves, renames, returns) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut contraction = Self { input, gone, remaining, new_root, moves, renames, returns };
        match input.end {
            End::Root => contraction.plan_names(),
            End::Leaf => contraction.plan_returns(),
        }
        Ok(contraction)
    }

    fn sights(&self) -> Vec<Sight<'_>> {
        self.input.chain.members.iter().map(Member::sight).collect()
    }

    fn passage<'b>(&self, after: &'b After<'_>) -> Passage<'b> {
        match self.input.end {
            End::Root => Passage::Retirement(&after.mappings),
            End::Leaf => Passage::Departure,
        }
    }

    /// What becomes of the row security of each table.
    fn policies(&self, after: &After<'_>) -> Result<Vec<policies::Change>> {
        policies::changes(&self.sights(), &self.passage(after))
    }

    /// First of all, so that nothing that goes is in use by a policy. Those of a new root wait until everything has its name.
    fn gone_policies(&self, changes: &[policies::Change]) -> Vec<Step> {
        let step = |change: &policies::Change| {
            let table = self.standing(change.table)?;
            let statements = match self.input.end {
                End::Root => change.first_on(&table),
                End::Leaf => change.all_on(&table),
            };
            let title = format!("row security of {}", table.pretty());
            (!statements.is_empty()).then(|| {
                Step::transaction(title, Lock::AccessExclusive, vec![table], statements)
                    .of_table(change.table)
            })
        };
        changes.iter().filter_map(step).collect()
    }

    /// What becomes of the triggers of each table.
    fn triggers(&self, after: &After<'_>) -> Result<BTreeMap<TableId, triggers::Change>> {
        let changes = triggers::changes(&self.sights(), &self.passage(after), |id, moment| {
            let moved =
                self.moves.get(&id).filter(|_| moment == triggers::Moment::After).map(|(_, to)| to.clone());
            moved.or_else(|| self.standing(id))
        })?;
        Ok(changes.into_iter().map(|change| (change.table, change)).collect())
    }

    fn plan_returns(&mut self) {
        let returns = self.table_ids().into_iter().filter_map(|id| {
            let mut shapes: Vec<Shape> =
                self.remaining.iter().filter_map(|member| self.shape(member, id)).collect();
            let first = shapes.first()?;
            let from = first.physical.clone();
            let to = QualifiedName::new(from.schema.clone(), first.name.name.clone());
            if from.schema == first.name.schema || from == to {
                return None;
            }
            for shape in &mut shapes {
                shape.physical = to.clone();
            }
            is_plain(&shapes.iter().collect::<Vec<_>>()).then_some((id, (from, to)))
        });
        self.returns = returns.collect();
    }

    /// The new root's logical names become the physical ones.
    fn plan_names(&mut self) {
        for table in &self.new_root.logical.tables {
            let mapping = self.new_root.mapping.table(table);
            if mapping.physical != table.name {
                self.moves.insert(table.id, (mapping.physical.clone(), table.name.clone()));
            }
            let renames: BTreeMap<Name, Name> = table
                .columns
                .iter()
                .map(|column| (mapping.column(column).clone(), column.name.clone()))
                .filter(|(from, to)| from != to)
                .collect();
            if !renames.is_empty() {
                self.renames.insert(table.id, renames);
            }
        }
    }

    fn table_ids(&self) -> BTreeSet<TableId> {
        let of = |member: &Member| member.logical.tables.iter().map(|table| table.id).collect::<Vec<_>>();
        self.input.chain.members.iter().flat_map(of).collect()
    }

    fn is_kept(&self, id: TableId) -> bool {
        self.remaining.iter().any(|member| member.logical.table(id).is_some())
    }

    /// Where a table stands now.
    fn standing(&self, id: TableId) -> Option<QualifiedName> {
        let (member, table) = self.input.chain.members_with(id).next()?;
        Some(member.mapping.table(table).physical)
    }

    fn shape(&self, member: &Member, id: TableId) -> Option<Shape> {
        self.input.chain.shape(member, id)
    }

    fn live(&self, id: TableId) -> Option<&Table> {
        self.input.chain.live.table_named(&self.standing(id)?)
    }

    fn only_gone_has(&self, id: u32) -> bool {
        !self.remaining.iter().any(|member| object_ids(&member.logical).any(|(known, _)| known == id))
    }

    /// Whether no remaining edition has the object in the same place: two editions may have the same one, each in a place of its own.
    fn only_gone_uses(&self, id: u32) -> bool {
        let place = |member: &Member| {
            let (_, name) = object_ids(&member.logical).find(|(known, _)| *known == id)?;
            Some(member.mapping.place(id, name).clone())
        };
        let gone = place(self.gone);
        !self.remaining.iter().any(|member| place(member) == gone)
    }

    fn hop_of(&self, id: TableId, child: EditionId) -> Option<&HopTriggers> {
        self.input.hops.iter().find(|hop| hop.table_id == id && hop.child == child)
    }

    /// The child of the hop that goes: the leaf itself, or the edition after the root.
    fn gone_hop(&self) -> EditionId {
        match self.input.end {
            End::Root => self.new_root.edition.id,
            End::Leaf => self.gone.edition.id,
        }
    }

    fn remaining_hops(&self) -> impl Iterator<Item = &HopTriggers> {
        let gone = self.gone_hop();
        self.input.hops.iter().filter(move |hop| hop.child != gone)
    }

    fn renamed(&self, hop: &HopTriggers) -> HopTriggers {
        let none = BTreeMap::new();
        let columns = self.renames.get(&hop.table_id).unwrap_or(&none);
        let table = self.moves.get(&hop.table_id).map_or(&hop.table, |(_, to)| to);
        let numbered = hop.numbered.iter().map(|numbered| self.recounted(hop.table_id, numbered)).collect();
        renamed_hop(&HopTriggers { numbered, ..hop.clone() }, table, columns)
    }

    /// At a retire the new root's column draws what the old root's did.
    fn recounted(&self, id: TableId, numbered: &Numbered) -> Numbered {
        let stored = |member: &Member| {
            let table = member.logical.table(id)?;
            Some(member.mapping.table(table).column(table.column(numbered.column)?).clone())
        };
        let hands_over = self.input.end == End::Root && stored(self.gone).as_ref() == Some(&numbered.counter);
        let counter = stored(self.new_root).filter(|_| hands_over);
        Numbered { counter: counter.unwrap_or_else(|| numbered.counter.clone()), ..numbered.clone() }
    }

    /// At a retire, what stood in the new root's schemas stands in the editioned ones: the hop as it is from then on.
    fn settled(&self, hop: &HopTriggers) -> HopTriggers {
        let mut moved = BTreeMap::new();
        if self.input.end == End::Root {
            let own =
                |schema: &Name| Some((self.new_root.edition.name.schema_for(schema).ok()?, schema.clone()));
            moved.extend(self.input.chain.editioned.iter().filter_map(own));
        }
        moved_hop(&self.renamed(hop), &moved)
    }

    /// Bodies of the triggers that stay and name what moves, with their tables: a writer in the midst of one would look for what is gone.
    fn settled_functions(&self) -> (Vec<QualifiedName>, Vec<Sql>) {
        let changed = self
            .remaining_hops()
            .map(|hop| (self.renamed(hop), self.settled(hop)))
            .filter(|(before, after)| before != after);
        let (tables, bodies): (Vec<_>, Vec<_>) =
            changed.map(|(before, after)| (before.table_id, rewritten_functions(&after))).unzip();
        let tables = tables.into_iter().filter_map(|id| self.standing(id)).collect();
        (tables, bodies.into_iter().flatten().collect())
    }

    fn name_after(&self, id: TableId, column: &Name) -> Name {
        self.renames.get(&id).and_then(|renames| renames.get(column)).unwrap_or(column).clone()
    }
}
