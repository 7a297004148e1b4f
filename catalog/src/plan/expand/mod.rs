//! The steps of a publication. Additive only: nothing that a live edition uses is renamed or dropped.
//!
//! Order: announce that tables will have views, pass-through views for the older editions (valid at once), announce these, introduce new objects, expand each table in one transaction,
//! backfill, verify, constraints, steady triggers, the child's own views and functions, the draft's rows, open.

mod counting;
mod fill;
mod gated;
mod partitions;
mod pass_through;
mod table;

pub(super) use partitions::drop_if_empty;
pub(super) use table::{child_only, new_columns};

use std::collections::BTreeSet;

use crate::{
    ddl::{TriggerMode, forward_statements, moved_statements, refuse_failures, reverse_statements},
    error::{Error, Result},
    layout::{ChildLayout, InheritedTable, Shape, is_plain},
    model::{
        Bound, Edition, EditionName, EditionState, Name, NewSchema, QualifiedName, Schema, Table, TableId,
        WholeRow,
    },
    seed::Seeds,
};

use self::{
    fill::{backfill, verify},
    gated::{policy_steps, trigger_steps},
    pass_through::{announce_pass_through, announce_views_to_come, open_schemas, pass_through},
    table::expand_table,
};
use super::{
    Chain, DataStep, Finding, Hop, Lock, Member, Step, StepKind, accessories,
    archived::{Archived, stored_by_child},
    bound, cautions, code_objects, introduce,
    names::names_of,
    rows::{
        delete_hops, delete_names, delete_places, delete_table, put_hop, put_names, put_places, put_table,
    },
    seeds,
    seeds::Moment,
    share, tighten,
};

/// Everything that the steps follow from.
pub struct ExpandInput<'a> {
    /// The live editions, tables already relocated where that is needed.
    pub chain: &'a Chain,
    /// Physical tables that must be renamed first: they stand, under their logical name, in the schema of a younger edition.
    pub relocations: &'a [(QualifiedName, QualifiedName)],
    /// Schemas that the draft makes.
    pub new_schemas: &'a [NewSchema],
    /// The draft.
    pub draft: &'a Edition,
    /// Its schema as it names it.
    pub child: &'a Schema,
    /// The same under physical names.
    pub physical: &'a Schema,
    /// Where it goes.
    pub layout: &'a ChildLayout,
    /// Transforms.
    pub hop: &'a Hop,
    /// What is bound to the draft's functions.
    pub bound: &'a [Bound],
    /// What of the draft's speaks of whole rows.
    pub whole_rows: &'a [WholeRow],
    /// What the draft did to rows.
    pub seeds: &'a Seeds,
    /// Statements of the draft that are run once.
    pub data_steps: &'a [DataStep],
    /// Whether what a rollback saved is loaded again.
    pub load: bool,
}

/// One inherited table and how every edition will see it.
pub(super) struct TableView<'a> {
    pub(super) place: &'a InheritedTable,
    pub(super) child: &'a Table,
    pub(super) physical: &'a Table,
    pub(super) parent: &'a Table,
    shape: Shape,
    pub(super) members: Vec<(&'a Member, &'a Table, Shape)>,
    /// Whether some edition needs a view.
    pub(super) viewed: bool,
}

/// The steps and what is to be said about them.
pub fn expand(input: &ExpandInput<'_>) -> Result<(Vec<Step>, Vec<Finding>)> {
    let tables = table_views(input)?;
    let mut findings = bound::findings(input);
    let mut steps = vec![open_schemas(input, &tables)?];
    steps.extend(announce_views_to_come(&tables));
    steps.extend(pass_through(input, &tables)?);
    steps.push(announce_pass_through(input, &tables)?);
    steps.extend(accessories::additions(input, &mut findings));
    steps.extend(introduce::introduce(input, &mut findings));
    steps.extend(seeds::seed_new_tables(input, &mut findings)?);
    steps.extend(share::grants(input));
    for table in &tables {
        steps.extend(expand_table(input, table)?);
    }
    for table in &tables {
        findings.extend(cautions::of_table(input, table));
        steps.extend(backfill(input, table)?);
    }
    // Before the draft's own rows come: what the child writes need not follow from what its parent has.
    steps.extend(verify(input, &tables));
    let early = seeds::data_steps(input, Moment::BeforeRules)?;
    let rules = tighten::tighten(input, &tables, &mut findings);
    if early.is_empty() {
        steps.extend(rules);
    } else {
        // Rows that break a rule now may be gone by then; the scans of the rules will tell.
        steps.extend(early);
        steps.extend(rules.into_iter().map(Step::whatever_is_found));
    }
    steps.extend(introduce::point_at_inherited(input, &mut findings));
    for table in &tables {
        steps.extend(counting::counting(input, table, &mut findings));
        steps.extend(partitions::partitions(input, table, &mut findings));
    }
    steps.extend(steady(input, &tables)?);
    steps.extend(code_objects::late(input, &mut findings));
    // What the draft's own triggers did to its rows is carried with them.
    steps.extend(seeds::seed(input, &mut findings)?);
    steps.extend(trigger_steps(input, &tables, &mut findings)?);
    steps.extend(policy_steps(input, &mut findings)?);
    steps.extend(seeds::data_steps(input, Moment::AfterRows)?);
    steps.push(open(input, &tables)?);
    Ok((steps, findings))
}

/// The tables that the draft's sessions will see through editioning views.
pub fn viewed_tables(input: &ExpandInput<'_>) -> Result<BTreeSet<TableId>> {
    let tables = table_views(input)?;
    Ok(tables.iter().filter(|table| table.viewed).map(|table| table.place.id).collect())
}

fn table_views<'a>(input: &'a ExpandInput<'_>) -> Result<Vec<TableView<'a>>> {
    let leaf = input.chain.leaf().ok_or_else(|| Error::bug("no edition is live"))?;
    let missing = || Error::bug("a table of the layout is not in its schemas");
    input
        .layout
        .inherited
        .iter()
        .map(|place| {
            let child = input.child.table(place.id).ok_or_else(missing)?;
            let physical = input.physical.table(place.id).ok_or_else(missing)?;
            let parent = leaf.logical.table(place.id).ok_or_else(missing)?;
            let mut order = input.chain.physical_order(&place.child.physical);
            order.extend(new_columns(place, child).map(|(_, physical, _)| physical.clone()));
            let shape = Shape::new(input.draft.id, child, physical, &place.child, &order);
            let members: Vec<(&Member, &Table, Shape)> = input
                .chain
                .members_with(place.id)
                .filter_map(|(member, table)| Some((member, table, input.chain.shape(member, place.id)?)))
                .collect();
            let all: Vec<&Shape> = members.iter().map(|(_, _, shape)| shape).chain([&shape]).collect();
            let viewed = !is_plain(&all);
            Ok(TableView { place, child, physical, parent, shape, members, viewed })
        })
        .collect()
}

impl TableView<'_> {
    /// Members that have no view of it yet.
    pub(super) fn without_view(&self) -> impl Iterator<Item = &(&Member, &Table, Shape)> {
        self.members.iter().filter(|(member, table, _)| member.mapping.table(table).view_schema.is_none())
    }

    fn invoker(&self, input: &ExpandInput<'_>) -> bool {
        input.chain.views_invoke(self.child, &self.place.child.physical)
    }
}

fn schema_of(edition: &Edition, schema: &Name) -> Result<Name> {
    edition.name.schema_for(schema).map_err(|error| Error::refused(error.to_string()))
}

/// Populate → steady, then (after a load, if one was asked for) the way back.
fn steady(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut reverse = Vec::new();
    for table in tables {
        let Some(hop) = input.hop.triggers.get(&table.place.id) else { continue };
        let relations = vec![hop.table.clone()];
        let mut statements = forward_statements(hop, TriggerMode::Steady);
        if input.load {
            let back = reverse_statements(hop);
            if !back.is_empty() {
                let title = format!("reverse triggers on {}", hop.table.pretty());
                reverse.push(Step::transaction(title, Lock::ShareRowExclusive, relations.clone(), back));
            }
        } else {
            statements.extend(reverse_statements(hop));
        }
        statements.extend(moved_statements(hop));
        statements.extend(refuse_failures(hop));
        if !statements.is_empty() {
            let title = format!("switch the triggers on {} to steady", hop.table.pretty());
            // A dropped trigger needs ACCESS EXCLUSIVE, a replaced one SHARE ROW EXCLUSIVE.
            let drops = statements.iter().any(|statement| statement.as_str().starts_with("DROP TRIGGER"));
            let lock = if drops { Lock::AccessExclusive } else { Lock::ShareRowExclusive };
            steps.push(Step::transaction(title, lock, relations, statements));
        }
    }
    if input.load {
        let Archived { tables, new_tables } = stored_by_child(input)?;
        let kind = StepKind::Load { tables, new_tables };
        steps.push(Step::new("load what the rollback saved", kind, Lock::None, Vec::new()));
    }
    steps.extend(reverse);
    Ok(steps)
}

fn open(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Step> {
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for table in tables {
        let stands_elsewhere = table.place.child.physical != table.child.name;
        if table.viewed {
            let schema = schema_of(input.draft, &table.child.name.schema)?;
            statements.extend(put_table(&table.shape, table.child, Some(&schema)));
        } else if stands_elsewhere {
            statements.extend(put_table(&table.shape, table.child, None));
        } else {
            continue;
        }
        inverse.push(delete_table(input.draft.id, table.place.id));
    }
    for id in input.layout.created.keys() {
        let (shape, logical) = created_shape(input, *id)?;
        statements.extend(put_table(&shape, logical, None));
        inverse.push(delete_table(input.draft.id, *id));
    }
    for hop in input.hop.triggers.values() {
        statements.extend(put_hop(hop)?);
    }
    inverse.push(delete_hops(input.draft.id));
    let older: Vec<(&EditionName, &Schema)> =
        input.chain.members.iter().map(|member| (&member.edition.name, &member.logical)).collect();
    let names = names_of(&input.draft.name, input.child, &input.layout.mapping, &older);
    statements.extend(put_names(input.draft.id, &names));
    statements.extend(put_places(input.draft.id, &input.layout.mapping.moved));
    inverse.extend([delete_names(input.draft.id), delete_places(input.draft.id)]);
    let kind = StepKind::Announce {
        statements,
        states: vec![(input.draft.id, EditionState::Live)],
        states_before: vec![(input.draft.id, EditionState::Publishing)],
    };
    Ok(Step::new(format!("open edition {}", input.draft.name), kind, Lock::None, Vec::new())
        .undone_by(inverse))
}

fn created_shape<'a>(input: &'a ExpandInput<'_>, id: TableId) -> Result<(Shape, &'a Table)> {
    let missing = || Error::bug("a created table is not in its schemas");
    let child = input.child.table(id).ok_or_else(missing)?;
    let physical = input.physical.table(id).ok_or_else(missing)?;
    let mapping = input.layout.mapping.tables.get(&id).ok_or_else(missing)?;
    let order: Vec<Name> = child.columns.iter().map(|column| column.name.clone()).collect();
    Ok((Shape::new(input.draft.id, child, physical, mapping, &order), child))
}
