//! The steps that take one edition out of the chain: the root (retire) or the leaf (rollback). What only that edition used is dropped;
//! at a retire the tables also take the names that the new root uses.
//!
//! Views of the remaining editions stay until the proxies have acknowledged that nothing needs to be rewritten any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ddl::{HopTriggers, create_view, drop_hop, renamed_hop, rewritten_functions, view_defaults},
    error::{Error, Result},
    layout::{Mapping, Shape, TableMapping, is_plain, object_ids},
    model::{
        Constraint, Edition, EditionId, EditionState, Index, Name, QualifiedName, Schema, Table, TableId,
    },
    sql,
    sql::{Sql, join},
};

use super::{
    Chain, Lock, Member, Step, StepKind,
    constraints::{same, same_index},
    names::names_of,
    rows::{delete_hops, delete_names, delete_table, put_hop, put_names, put_table},
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
}

/// The steps, from the first change of a table to the last clean-up; drains and states are the caller's.
pub fn contract(input: &ContractInput<'_>) -> Result<Vec<Step>> {
    let contraction = Contraction::new(input)?;
    let mut steps = Vec::new();
    steps.extend(contraction.drop_foreign_keys());
    steps.extend(contraction.drop_introduced_views());
    for id in contraction.table_ids() {
        steps.extend(contraction.contract_table(id)?);
    }
    steps.extend(contraction.drop_and_move()?);
    let after = contraction.after()?;
    steps.push(contraction.announce(&after)?);
    steps.extend(contraction.clean_up(&after)?);
    Ok(steps)
}

/// A remaining edition's sight of a table once the step is done.
struct After {
    /// Edition, its logical table, its shape, and the schema of its view.
    shapes: Vec<(EditionId, TableId, Shape, Option<Name>)>,
    /// Tables that nobody needs views of any more: (view, table).
    obsolete_views: Vec<QualifiedName>,
    mappings: BTreeMap<EditionId, Mapping>,
}

/// The live constraint that an edition's constraint means: the one with the same definition (and, among several, the same name), else the one
/// with its name, because PostgreSQL may word a definition that it read from a dump otherwise than the original.
fn live_constraint<'a>(live: &'a Table, wanted: &Constraint) -> Option<&'a Name> {
    let alike = || live.constraints.iter().filter(|constraint| same(constraint, wanted));
    alike()
        .find(|constraint| constraint.name == wanted.name)
        .or_else(|| alike().next())
        .or_else(|| live.constraints.iter().find(|c| c.kind == wanted.kind && c.name == wanted.name))
        .map(|constraint| &constraint.name)
}

/// The same for an index.
fn live_index<'a>(live: &'a Table, wanted: &Index) -> Option<&'a Name> {
    let alike = || live.indexes.iter().filter(|index| same_index(index, wanted));
    alike()
        .find(|index| index.name == wanted.name)
        .or_else(|| alike().next())
        .or_else(|| live.indexes.iter().find(|index| index.name == wanted.name))
        .map(|index| &index.name)
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
        let mut contraction =
            Self { input, gone, remaining, new_root, moves: BTreeMap::new(), renames: BTreeMap::new() };
        if input.end == End::Root {
            contraction.plan_names();
        }
        Ok(contraction)
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

    fn live(&self, id: TableId) -> Option<&Table> {
        self.input.chain.live.table_named(&self.standing(id)?)
    }

    /// Live constraints that only the edition that goes has.
    fn doomed_constraints(&self, id: TableId, foreign_keys: bool) -> Vec<Name> {
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

    /// Foreign keys first, one by one: each locks two tables.
    fn drop_foreign_keys(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for id in self.table_ids() {
            let (Some(physical), true) = (self.standing(id), self.is_kept(id)) else { continue };
            for name in self.doomed_constraints(id, true) {
                let target = self
                    .live(id)
                    .and_then(|table| table.constraints.iter().find(|c| c.name == name))
                    .and_then(|c| {
                        let (target, _) = c.references.as_ref()?;
                        Some(self.input.chain.live.table(*target)?.name.clone())
                    });
                let statement = sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", physical, name);
                let relations = std::iter::once(physical.clone()).chain(target).collect();
                let title = format!("drop foreign key {} of {}", name.as_str(), physical.pretty());
                steps.push(Step::transaction(title, Lock::AccessExclusive, relations, vec![statement]));
            }
        }
        steps
    }

    /// User views and functions of the edition that goes and of nobody else: they may read columns that go.
    fn drop_introduced_views(&self) -> Option<Step> {
        let mut statements = Vec::new();
        for view in self.gone.physical.views.iter().rev().filter(|view| self.only_gone_has(view.id.get())) {
            statements.push(sql!("DROP VIEW IF EXISTS {}", view.name));
        }
        for function in self.gone.physical.functions.iter().filter(|function| self.only_gone_has(function.id))
        {
            if !function.definition.contains("RETURNS trigger") {
                statements.push(sql!(
                    "DROP ROUTINE IF EXISTS {}({})",
                    function.name,
                    Sql::trusted(&function.arguments)
                ));
            }
        }
        (!statements.is_empty()).then(|| {
            Step::transaction("drop views and functions of the edition", Lock::None, Vec::new(), statements)
        })
    }

    fn only_gone_has(&self, id: u32) -> bool {
        !self.remaining.iter().any(|member| object_ids(&member.logical).any(|(known, _)| known == id))
    }

    fn contract_table(&self, id: TableId) -> Result<Vec<Step>> {
        let Some(physical) = self.standing(id).filter(|_| self.is_kept(id)) else { return Ok(Vec::new()) };
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
            return Ok(Vec::new());
        }
        let lock = if alter.is_empty() { Lock::None } else { Lock::AccessExclusive };
        relations.insert(physical.clone());
        statements.extend(alter);
        let title = format!("contract {}", physical.pretty());
        Ok(vec![Step::transaction(title, lock, relations.into_iter().collect(), statements)])
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

    fn remaining_hops(&self) -> impl Iterator<Item = &HopTriggers> {
        let gone = self.gone_hop();
        self.input.hops.iter().filter(move |hop| hop.child != gone)
    }

    fn renamed(&self, hop: &HopTriggers) -> HopTriggers {
        let none = BTreeMap::new();
        let columns = self.renames.get(&hop.table_id).unwrap_or(&none);
        let table = self.moves.get(&hop.table_id).map_or(&hop.table, |(_, to)| to);
        renamed_hop(hop, table, columns)
    }

    fn drop_gone_view(&self, id: TableId) -> Option<Sql> {
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

    fn name_after(&self, id: TableId, column: &Name) -> Name {
        self.renames.get(&id).and_then(|renames| renames.get(column)).unwrap_or(column).clone()
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
                    crate::ddl::view_default(column, present(&column.physical).as_deref())
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

    /// Tables, sequences and types that only the edition that goes had are dropped; at a retire, what stands in the new root's schema or
    /// under an old name moves to where the new root names it. One transaction, so that names can be exchanged.
    fn drop_and_move(&self) -> Result<Vec<Step>> {
        let mut relations = BTreeSet::new();
        let mut statements = Vec::new();
        let doomed: Vec<QualifiedName> = self
            .table_ids()
            .into_iter()
            .filter(|id| !self.is_kept(*id))
            .filter_map(|id| self.standing(id))
            .collect();
        // The edition's views of its own tables go before the tables.
        for id in self.table_ids().into_iter().filter(|id| !self.is_kept(*id)) {
            statements.extend(self.drop_gone_view(id));
        }
        if !doomed.is_empty() {
            statements.push(sql!("DROP TABLE IF EXISTS {}", join(&doomed, ", ")));
            relations.extend(doomed);
        }
        for sequence in self.gone.physical.sequences.iter().filter(|s| self.only_gone_has(s.id.get())) {
            statements.push(sql!("DROP SEQUENCE IF EXISTS {}", sequence.name));
        }
        for function in self.gone.physical.functions.iter().filter(|function| self.only_gone_has(function.id))
        {
            statements.push(sql!(
                "DROP ROUTINE IF EXISTS {}({})",
                function.name,
                Sql::trusted(&function.arguments)
            ));
        }
        for definition in
            self.gone.physical.types.iter().rev().filter(|definition| self.only_gone_has(definition.id))
        {
            statements.push(sql!("DROP TYPE IF EXISTS {}", definition.name));
        }
        if self.input.end == End::Root {
            relations.extend(self.moves.values().map(|(from, _)| from.clone()));
            statements.extend(self.move_statements()?);
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let lock = if relations.is_empty() { Lock::None } else { Lock::AccessExclusive };
        let title = match self.input.end {
            End::Root => "drop what is no longer used, move what the new root named",
            End::Leaf => "drop what the edition introduced",
        };
        Ok(vec![Step::transaction(title, lock, relations.into_iter().collect(), statements)])
    }

    fn move_statements(&self) -> Result<Vec<Sql>> {
        let mut statements = Vec::new();
        let mut second = Vec::new();
        for (id, (from, to)) in &self.moves {
            let between =
                Name::new(format!("edition~{id}")).map_err(|error| Error::bug(error.to_string()))?;
            statements.push(sql!("ALTER TABLE {} RENAME TO {}", from, between));
            let mut at = QualifiedName::new(from.schema.clone(), between);
            if from.schema != to.schema {
                second.push(sql!("ALTER TABLE {} SET SCHEMA {}", at, to.schema));
                at.schema = to.schema.clone();
            }
            second.push(sql!("ALTER TABLE {} RENAME TO {}", at, to.name));
            // Rewritten names keep their meaning until the proxies know better.
            second.extend(self.stand_in(*id, from, to));
        }
        statements.extend(second);
        statements.extend(self.move_objects());
        Ok(statements)
    }

    /// Where the table itself stood under its name in an edition's schema, a view takes its place until it is announced that none is needed.
    fn stand_in(&self, id: TableId, from: &QualifiedName, to: &QualifiedName) -> Vec<Sql> {
        let stood_as_itself = self.remaining.iter().any(|member| {
            member.logical.table(id).is_some_and(|table| {
                member.mapping.table(table).view_schema.is_none()
                    && table.name.name == from.name
                    && table.name.schema != from.schema
            })
        });
        let (true, Some(shape), Some(table)) =
            (stood_as_itself, self.shape(self.new_root, id), self.new_root.logical.table(id))
        else {
            return Vec::new();
        };
        let mut after = shape;
        after.physical = to.clone();
        for column in &mut after.columns {
            column.physical = column.name.clone();
        }
        let default = |column: &Name| {
            after.columns.iter().find(|c| &c.physical == column).and_then(|c| c.default.clone())
        };
        create_view(&after, &from.schema, self.input.chain.views_invoke(table, from), default)
    }

    /// Sequences, views, functions and types of the new root's schema.
    fn move_objects(&self) -> Vec<Sql> {
        let mut statements = Vec::new();
        let root = self.new_root;
        let moved = |id: u32| root.mapping.moved.contains_key(&id);
        for sequence in root.physical.sequences.iter().filter(|sequence| moved(sequence.id.get())) {
            let Some(logical) = root.logical.sequences.iter().find(|logical| logical.id == sequence.id)
            else {
                continue;
            };
            let owner = logical.owned_by.as_ref().and_then(|(table, column)| {
                let table = root.logical.table(*table)?;
                Some((table, table.column(*column)?))
            });
            // One that a column of a moved table owns has moved with it.
            let went_along = owner.is_some_and(|(table, _)| {
                self.moves.get(&table.id).is_some_and(|(from, _)| from.schema == sequence.name.schema)
            });
            if !went_along {
                statements.push(sql!("ALTER SEQUENCE {} SET SCHEMA {}", sequence.name, logical.name.schema));
                if let Some((table, column)) = owner {
                    statements.push(sql!(
                        "ALTER SEQUENCE {} OWNED BY {}.{}",
                        logical.name,
                        table.name,
                        column.name
                    ));
                }
            }
        }
        for view in root.physical.views.iter().filter(|view| moved(view.id.get())) {
            if let Some(logical) = root.logical.views.iter().find(|logical| logical.id == view.id) {
                statements.push(sql!("ALTER VIEW {} SET SCHEMA {}", view.name, logical.name.schema));
            }
        }
        for function in root.physical.functions.iter().filter(|function| moved(function.id)) {
            if let Some(logical) = root.logical.functions.iter().find(|logical| logical.id == function.id) {
                let arguments = Sql::trusted(&function.arguments);
                statements.push(sql!(
                    "ALTER ROUTINE {}({}) SET SCHEMA {}",
                    function.name,
                    arguments,
                    logical.name.schema
                ));
            }
        }
        for definition in root.physical.types.iter().filter(|definition| moved(definition.id)) {
            if let Some(logical) = root.logical.types.iter().find(|logical| logical.id == definition.id) {
                statements.push(sql!("ALTER TYPE {} SET SCHEMA {}", definition.name, logical.name.schema));
            }
        }
        statements
    }

    /// The remaining editions' mappings and shapes when all that is done.
    fn after(&self) -> Result<After> {
        let mut after = After { shapes: Vec::new(), obsolete_views: Vec::new(), mappings: BTreeMap::new() };
        for member in &self.remaining {
            let mut mapping = member.mapping.clone();
            for table in &member.logical.tables {
                let place = member.mapping.table(table);
                let columns =
                    place.columns.iter().map(|(id, name)| (*id, self.name_after(table.id, name))).collect();
                let physical = self.moves.get(&table.id).map_or(place.physical, |(_, to)| to.clone());
                mapping
                    .tables
                    .insert(table.id, TableMapping { physical, columns, view_schema: place.view_schema });
            }
            if self.input.end == End::Root {
                mapping.moved.retain(|id, _| !self.new_root.mapping.moved.contains_key(id));
            }
            after.mappings.insert(member.edition.id, mapping);
        }
        for id in self.table_ids().into_iter().filter(|id| self.is_kept(*id)) {
            self.after_table(id, &mut after)?;
        }
        Ok(after)
    }

    fn after_table(&self, id: TableId, after: &mut After) -> Result<()> {
        let mut shapes = Vec::new();
        for member in &self.remaining {
            let (Some(mut shape), Some(table)) = (self.shape(member, id), member.logical.table(id)) else {
                continue;
            };
            let mapping = after
                .mappings
                .get(&member.edition.id)
                .ok_or_else(|| Error::bug("no mapping of a live edition"))?;
            let place = mapping.table(table);
            shape.physical = place.physical.clone();
            for column in &mut shape.columns {
                column.physical = self.name_after(id, &column.physical);
            }
            shapes.push((*member, table, shape, place));
        }
        let all: Vec<&Shape> = shapes.iter().map(|(_, _, shape, _)| shape).collect();
        let plain = is_plain(&all);
        for (member, table, shape, place) in &shapes {
            let stood_in = self.moves.get(&id).map(|(from, _)| from).filter(|from| {
                place.view_schema.is_none()
                    && table.name.name == from.name
                    && table.name.schema != from.schema
            });
            let view = place.view_schema.clone().or_else(|| stood_in.map(|from| from.schema.clone()));
            if let (true, Some(schema)) = (plain, &view) {
                let obsolete = QualifiedName::new(schema.clone(), table.name.name.clone());
                if !after.obsolete_views.contains(&obsolete) {
                    after.obsolete_views.push(obsolete);
                }
            }
            let keep = if plain { None } else { place.view_schema.clone() };
            after.shapes.push((member.edition.id, id, shape.clone(), keep));
        }
        Ok(())
    }

    fn announce(&self, after: &After) -> Result<Step> {
        let mut statements =
            vec![sql!("DELETE FROM edition.tables WHERE edition_id = {}", self.gone.edition.id)];
        for (edition, id, shape, view) in &after.shapes {
            let means_itself = view.is_none() && shape.physical == shape.name;
            if means_itself {
                statements.push(delete_table(*edition, *id));
            } else {
                statements.extend(put_table(shape, *id, view.as_ref()));
            }
        }
        statements.push(delete_names(self.gone.edition.id));
        statements.push(delete_hops(self.gone_hop()));
        for hop in self.remaining_hops() {
            statements.extend(put_hop(&self.renamed(hop))?);
        }
        let mut older: Vec<&Schema> = Vec::new();
        for member in &self.remaining {
            let mapping = after
                .mappings
                .get(&member.edition.id)
                .ok_or_else(|| Error::bug("no mapping of a live edition"))?;
            statements.extend(put_names(member.edition.id, &names_of(&member.logical, mapping, &older)));
            older.push(&member.logical);
        }
        let (state, title) = match self.input.end {
            End::Root => (EditionState::Retired, format!("edition {} is retired", self.gone.edition.name)),
            End::Leaf => {
                (EditionState::Draft, format!("edition {} is a draft again", self.gone.edition.name))
            }
        };
        let kind = StepKind::Announce {
            statements,
            states: vec![(self.gone.edition.id, state)],
            states_before: Vec::new(),
        };
        Ok(Step::new(title, kind, Lock::None, Vec::new()))
    }

    /// Views and schemas that nobody needs, now that no proxy rewrites to them.
    fn clean_up(&self, after: &After) -> Result<Vec<Step>> {
        let mut statements: Vec<Sql> =
            after.obsolete_views.iter().map(|view| sql!("DROP VIEW IF EXISTS {}", view)).collect();
        let at_rest = self.remaining.len() == 1;
        let needed: BTreeSet<Name> = after
            .shapes
            .iter()
            .flat_map(|(_, _, shape, view)| view.iter().cloned().chain([shape.physical.schema.clone()]))
            .chain(after.mappings.values().flat_map(|mapping| mapping.moved.values().cloned()))
            .collect();
        let mut candidates: Vec<(&Edition, bool)> = vec![(&self.gone.edition, true)];
        candidates.extend(self.remaining.iter().map(|member| (&member.edition, at_rest)));
        for (edition, always) in candidates {
            for schema in &self.input.chain.editioned {
                let own = edition.name.schema_for(schema).map_err(|error| Error::bug(error.to_string()))?;
                let is_root = edition.id == self.new_root.edition.id;
                if (always || is_root)
                    && !needed.contains(&own)
                    && self.input.chain.facts.schemas.contains(&own)
                {
                    statements.push(sql!("DROP SCHEMA IF EXISTS {}", own));
                }
            }
        }
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![Step::transaction(
            "drop views and schemas that are not needed",
            Lock::None,
            Vec::new(),
            statements,
        )])
    }
}
