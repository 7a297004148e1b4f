//! The steps of a publication. Additive only: nothing that a live edition uses is renamed or dropped.
//!
//! Order: pass-through views for the older editions (valid at once), announce, introduce new objects, expand each table in one transaction,
//! backfill, constraints, steady triggers, the child's own views and functions, verify, open.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ddl::{
        AssignmentKind, TriggerMode, add_column, create_view, drop_hop, forward_statements, grant_columns,
        grant_schema, reverse_statements,
    },
    error::{Error, Result},
    layout::{ChildLayout, ColumnFate, InheritedTable, Shape, is_plain},
    model::{
        Bound, Column, Edition, EditionName, EditionState, Generated, Identity, Name, QualifiedName, Schema,
        Table, TableId, Volatility,
    },
    physical::ROW_ALIAS,
    property::{Object, give},
    seed::Seeds,
    sql,
    sql::{Sql, join},
};

use super::{
    Chain, DataStep, Finding, Hop, Lock, Member, Step, StepKind, accessories,
    archived::{Archived, stored_by_child},
    bound, cautions, code_objects, introduce,
    names::names_of,
    policies,
    rows::{
        delete_hops, delete_names, delete_places, delete_table, put_hop, put_names, put_places, put_table,
    },
    run::{Passage, Sight},
    seeds,
    seeds::Moment,
    share, tighten, triggers,
};

/// Everything that the steps follow from.
pub struct ExpandInput<'a> {
    /// The live editions, tables already relocated where that is needed.
    pub chain: &'a Chain,
    /// Physical tables that must be renamed first: they stand, under their logical name, in the schema of a younger edition.
    pub relocations: &'a [(QualifiedName, QualifiedName)],
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
    let early = seeds::data_steps(input, Moment::BeforeRules)?;
    let rules = tighten::tighten(input, &tables, &mut findings);
    if early.is_empty() {
        steps.extend(rules);
    } else {
        // Rows that break a rule now may be gone by then; the scans of the rules will tell.
        steps.extend(early);
        steps.extend(rules.into_iter().map(Step::whatever_is_found));
    }
    steps.extend(steady(input, &tables)?);
    steps.extend(code_objects::late(input, &introduce::runner(input), &mut findings));
    // What the draft's own triggers did to its rows is carried with them.
    steps.extend(seeds::seed(input, &mut findings)?);
    steps.extend(trigger_steps(input, &tables, &mut findings)?);
    steps.extend(policy_steps(input, &mut findings)?);
    steps.extend(seeds::data_steps(input, Moment::AfterRows)?);
    steps.extend(verify(input, &tables));
    steps.push(open(input, &tables)?);
    Ok((steps, findings))
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

/// Columns that the child adds to a physical table, generated ones behind those that they read.
pub(super) fn new_columns<'a>(
    place: &'a InheritedTable,
    child: &'a Table,
) -> impl Iterator<Item = (&'a Column, &'a Name, ColumnFate)> {
    let is_generated = |column: &&Column| column.generated != Generated::None;
    let plain = child.columns.iter().filter(move |column| !is_generated(column));
    plain.chain(child.columns.iter().filter(is_generated)).filter_map(|column| {
        let fate = place.fates.get(&column.id).copied().filter(|fate| *fate != ColumnFate::Shared)?;
        Some((column, place.child.columns.get(&column.id)?, fate))
    })
}

impl TableView<'_> {
    /// Members that have no view of it yet.
    fn without_view(&self) -> impl Iterator<Item = &(&Member, &Table, Shape)> {
        self.members.iter().filter(|(member, table, _)| member.mapping.table(table).view_schema.is_none())
    }

    fn invoker(&self, input: &ExpandInput<'_>) -> bool {
        input.chain.views_invoke(self.child, &self.place.child.physical)
    }
}

fn schema_of(edition: &Edition, schema: &Name) -> Result<Name> {
    edition.name.schema_for(schema).map_err(|error| Error::refused(error.to_string()))
}

fn open_schemas(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Step> {
    let mut wanted: BTreeSet<(Name, Name)> = BTreeSet::new();
    for schema in &input.chain.editioned {
        wanted.insert((schema_of(input.draft, schema)?, schema.clone()));
    }
    for (member, table, _) in tables.iter().filter(|table| table.viewed).flat_map(TableView::without_view) {
        wanted.insert((schema_of(&member.edition, &table.name.schema)?, table.name.schema.clone()));
    }
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for (schema, editioned) in wanted.iter().filter(|(schema, _)| !input.chain.facts.schemas.contains(schema))
    {
        statements.push(sql!("CREATE SCHEMA {}", schema));
        let grants = input.chain.facts.schema_grants.get(editioned).map(Vec::as_slice).unwrap_or_default();
        statements.extend(grant_schema(schema, grants));
        inverse.push(sql!("DROP SCHEMA {}", schema));
    }
    Ok(Step::transaction("make the edition's schemas", Lock::None, Vec::new(), statements).undone_by(inverse))
}

/// Views for the older editions that used the table itself until now. They show what the table shows, so nobody notices.
fn pass_through(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for table in tables.iter().filter(|table| table.viewed) {
        let physical = &table.place.child.physical;
        let mut statements = Vec::new();
        let mut inverse = Vec::new();
        let moved = input.relocations.iter().find(|(_, to)| to == physical);
        if let Some((from, to)) = moved {
            statements.push(sql!("ALTER TABLE {} RENAME TO {}", from, to.name));
        }
        for (member, logical, shape) in table.without_view() {
            let schema = schema_of(&member.edition, &logical.name.schema)?;
            let default = |column: &Name| input.chain.physical_default(physical, column);
            statements.extend(create_view(
                shape,
                &schema,
                input.chain.views_invoke(logical, physical),
                default,
            ));
            inverse.push(sql!("DROP VIEW {}", QualifiedName::new(schema, logical.name.name.clone())));
        }
        if let Some((from, to)) = moved {
            inverse.push(sql!("ALTER TABLE {} RENAME TO {}", to, from.name));
        }
        if statements.is_empty() {
            continue;
        }
        let lock = if moved.is_some() { Lock::AccessExclusive } else { Lock::AccessShare };
        let title = format!("pass-through views of {} for older editions", table.parent.name.pretty());
        let locked = moved.map_or(physical, |(from, _)| from).clone();
        steps.push(Step::transaction(title, lock, vec![locked], statements).undone_by(inverse));
    }
    Ok(steps)
}

fn announce_pass_through(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Step> {
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for table in tables.iter().filter(|table| table.viewed) {
        for (member, logical, shape) in table.without_view() {
            let schema = schema_of(&member.edition, &logical.name.schema)?;
            statements.extend(put_table(shape, table.place.id, Some(&schema)));
            let before = member
                .mapping
                .tables
                .get(&table.place.id)
                .filter(|before| before.physical.schema != logical.name.schema);
            match before {
                // It stood in an edition's schema: its row stays, as it was.
                Some(_) => {
                    let mut standing = shape.clone();
                    if let Some((from, _)) = input.relocations.iter().find(|(_, to)| to == &shape.physical) {
                        standing.physical = from.clone();
                    }
                    inverse.extend(put_table(&standing, table.place.id, None));
                }
                None => inverse.push(delete_table(shape.edition, table.place.id)),
            }
        }
    }
    let kind = StepKind::Announce {
        statements,
        states: vec![(input.draft.id, EditionState::Publishing)],
        states_before: vec![(input.draft.id, EditionState::Draft)],
    };
    Ok(Step::new("announce to the proxies", kind, Lock::None, Vec::new()).undone_by(inverse))
}

fn expand_table(input: &ExpandInput<'_>, table: &TableView<'_>) -> Result<Vec<Step>> {
    let physical = &table.place.child.physical;
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    let hop = input.hop.triggers.get(&table.place.id);

    // Functions need no lock of the table: first.
    let triggers = hop.map(|hop| forward_statements(hop, TriggerMode::Populate)).unwrap_or_default();
    let (functions, triggers): (Vec<Sql>, Vec<Sql>) = triggers
        .into_iter()
        .partition(|statement| statement.as_str().starts_with("CREATE OR REPLACE FUNCTION"));
    statements.extend(functions);

    let mut alters = false;
    for (column, name, _) in new_columns(table.place, table.child) {
        let worded = table.physical.column(column.id).unwrap_or(column);
        let forward = hop.and_then(|hop| hop.forward.iter().find(|assignment| &assignment.target == name));
        let fast = forward.is_none()
            && worded.default_volatility != Volatility::Volatile
            && worded.identity == Identity::None;
        // What a generated column reads may be filled in later, so NOT NULL has to wait.
        let nullable =
            Column { not_null: worded.not_null && worded.generated == Generated::None, ..worded.clone() };
        statements.push(add_column(physical, name, &nullable, fast));
        if let (false, Some(default)) = (fast, &worded.default) {
            statements.push(sql!(
                "ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}",
                physical,
                name,
                Sql::trusted(default)
            ));
        }
        statements.extend(give(&Object::Column { table: physical, column: name }, &column.properties));
        statements.extend(grant_columns(physical, [(name, column.grants.as_slice())]));
        inverse.push(sql!("ALTER TABLE {} DROP COLUMN {}", physical, name));
        alters = true;
    }
    for column in taking_given_values(input, table) {
        statements.push(sql!("ALTER TABLE {} ALTER COLUMN {} SET GENERATED BY DEFAULT", physical, column));
        inverse.push(sql!("ALTER TABLE {} ALTER COLUMN {} SET GENERATED ALWAYS", physical, column));
        alters = true;
    }
    // A generated column goes before those that it reads.
    inverse.reverse();
    let needs_lock = alters || !triggers.is_empty();
    statements.extend(triggers);
    if let Some(hop) = hop {
        let mut drops = drop_hop(hop);
        drops.extend(inverse);
        inverse = drops;
    }
    let mut steps = Vec::new();
    if !statements.is_empty() {
        let lock = if needs_lock { Lock::AccessExclusive } else { Lock::AccessShare };
        let title = format!("expand {}", physical.pretty());
        steps.push(Step::transaction(title, lock, vec![physical.clone()], statements).undone_by(inverse));
    }
    // The view needs no lock that anybody notices, so it is not made while the table is locked.
    if table.viewed {
        let schema = schema_of(input.draft, &table.child.name.schema)?;
        let view = QualifiedName::new(schema.clone(), table.child.name.name.clone());
        let default = |column: &Name| physical_default_after(input, table, column);
        let statements = create_view(&table.shape, &schema, table.invoker(input), default);
        let title = format!("editioning view {}", view.pretty());
        let step = Step::transaction(title, Lock::AccessShare, vec![physical.clone()], statements);
        steps.push(step.undone_by(vec![sql!("DROP VIEW {}", view)]));
    }
    Ok(steps)
}

/// Shared identity columns that take given values in the child only: an older edition that gives none cannot notice.
fn taking_given_values<'a>(input: &ExpandInput<'_>, table: &'a TableView<'_>) -> Vec<&'a Name> {
    let live = input.chain.live.table_named(&table.place.child.physical);
    let shared = table.child.columns.iter().filter(|column| {
        table.place.fates.get(&column.id) == Some(&ColumnFate::Shared)
            && matches!(column.identity, Identity::ByDefault(_))
    });
    shared
        .map(|column| table.place.child.column(column))
        .filter(|name| {
            let standing = live.and_then(|live| live.column_named(name.as_str()));
            standing.is_some_and(|standing| matches!(standing.identity, Identity::Always(_)))
        })
        .collect()
}

/// A physical column's default once the table is expanded.
fn physical_default_after(input: &ExpandInput<'_>, table: &TableView<'_>, column: &Name) -> Option<String> {
    new_columns(table.place, table.child).find(|(_, name, _)| *name == column).map_or_else(
        || input.chain.physical_default(&table.place.child.physical, column),
        |(logical, _, _)| table.physical.column(logical.id).unwrap_or(logical).default.clone(),
    )
}

fn backfill(input: &ExpandInput<'_>, table: &TableView<'_>) -> Result<Option<Step>> {
    let wanted = input.hop.backfill.get(&table.place.id).filter(|assignments| !assignments.is_empty());
    let Some(assignments) = wanted else { return Ok(None) };
    let physical = &table.place.child.physical;
    let row = row_alias();
    // In populate mode every write of an older edition sets all of these, so only rows that were there before are still NULL.
    let pending = join(assignments.iter().map(|(column, _)| sql!("{}.{} IS NULL", row, column)), " OR ");
    let null_on_error = input
        .hop
        .triggers
        .get(&table.place.id)
        .into_iter()
        .flat_map(|hop| &hop.forward)
        .filter(|a| a.on_error == crate::model::OnError::Null)
        .map(|a| a.target.clone())
        .collect();
    let primary_key = table
        .parent
        .primary_key()
        .iter()
        .filter_map(|id| table.place.parent.columns.get(id).cloned())
        .collect();
    let kind = StepKind::Backfill {
        table: physical.clone(),
        assignments: assignments.clone(),
        null_on_error,
        pending,
        primary_key,
        search_path: seeds::childs_search_path(input, &table.child.name.schema)?,
    };
    let title = format!("backfill {}", physical.pretty());
    let step = Step::new(title, kind, Lock::None, vec![physical.clone()]);
    Ok(Some(step.touching(input.chain.size(physical))))
}

fn row_alias() -> Name {
    Name::new(ROW_ALIAS).unwrap_or_else(|_| unreachable!("a constant that is a name"))
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

/// What triggers and policies follow from: the draft, and all editions with it.
fn sights<'a>(input: &ExpandInput<'a>) -> (Sight<'a>, Vec<Sight<'a>>) {
    let child = Sight {
        edition: input.draft,
        logical: input.child,
        physical: input.physical,
        mapping: &input.layout.mapping,
    };
    (child, input.chain.members.iter().map(Member::sight).chain([child]).collect())
}

/// Where a table stands.
fn stored(sights: &[Sight<'_>], id: TableId) -> Option<QualifiedName> {
    sights.iter().find_map(|sight| Some(sight.mapping.table(sight.logical.table(id)?).physical))
}

/// The draft's row security beside that of its parent.
fn policy_steps(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Result<Vec<Step>> {
    let (child, sights) = sights(input);
    if let Some(leaf) = input.chain.leaf() {
        findings.extend(policies::findings(&leaf.sight(), &child));
    }
    let back = policies::changes(&sights, &Passage::Departure)?;
    let step = |change: &policies::Change| {
        let table = stored(&sights, change.table)?;
        let undo = back.iter().find(|undo| undo.table == change.table);
        let inverse = undo.map(|undo| undo.all_on(&table)).unwrap_or_default();
        let title = format!("row security of {}", table.pretty());
        let statements = change.all_on(&table);
        Some(Step::transaction(title, Lock::AccessExclusive, vec![table], statements).undone_by(inverse))
    };
    Ok(policies::changes(&sights, &Passage::Arrival)?.iter().filter_map(step).collect())
}

/// The draft's triggers beside those of its parent, each for its own writers.
fn trigger_steps(
    input: &ExpandInput<'_>,
    tables: &[TableView<'_>],
    findings: &mut Vec<Finding>,
) -> Result<Vec<Step>> {
    let (child, sights) = sights(input);
    let altered = tables.iter().filter(|table| new_columns(table.place, table.child).next().is_some());
    findings.extend(triggers::findings(&child, &altered.map(|table| table.place.id).collect()));
    let at = |id: TableId| stored(&sights, id);
    let back = triggers::changes(&sights, &Passage::Departure, at)?;
    let step = |change: &triggers::Change| {
        let table = at(change.table)?;
        let undo = back.iter().find(|undo| undo.table == change.table);
        let inverse = undo.map(|undo| undo.all_on(&table));
        let title = format!("triggers of {}", table.pretty());
        let statements = change.all_on(&table);
        let step = Step::transaction(title, Lock::AccessExclusive, vec![table], statements);
        Some(step.undone_by(inverse.unwrap_or_default()))
    };
    Ok(triggers::changes(&sights, &Passage::Arrival, at)?.iter().filter_map(step).collect())
}

/// Counts nothing that a trigger guarantees; looks for rows that the backfill should have reached and did not.
fn verify(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Option<Step> {
    let row = row_alias();
    let mut checks = Vec::new();
    for table in tables {
        let Some(hop) = input.hop.triggers.get(&table.place.id) else { continue };
        let assignments = input.hop.backfill.get(&table.place.id).map(Vec::as_slice).unwrap_or_default();
        for (target, expression) in assignments {
            let transform = hop.forward.iter().any(|a| {
                &a.target == target
                    && a.kind == AssignmentKind::Transform
                    && a.on_error == crate::model::OnError::Reject
            });
            // What was loaded from a rollback's file differs on purpose.
            if !transform || input.load {
                continue;
            }
            let label =
                format!("{}.{} agrees with its forward transform", hop.table.pretty(), target.as_str());
            let query = sql!(
                "SELECT {}.ctid::text FROM ONLY {} AS {} TABLESAMPLE SYSTEM (1) WHERE ROW({}.{})::record OPERATOR(pg_catalog.*<>) ROW(CAST({} AS {}))::record LIMIT 1",
                row,
                hop.table,
                row,
                row,
                target,
                expression,
                type_of(table, target)
            );
            checks.push((label, query));
        }
    }
    (!checks.is_empty())
        .then(|| Step::new("verify", StepKind::Verify { checks }, Lock::AccessShare, Vec::new()))
}

fn type_of(table: &TableView<'_>, physical: &Name) -> Sql {
    let found = table.shape.columns.iter().find(|column| &column.physical == physical);
    Sql::trusted(found.map_or("text", |column| column.type_name.as_str()))
}

fn open(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Step> {
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for table in tables {
        let stands_elsewhere = table.place.child.physical != table.child.name;
        if table.viewed {
            let schema = schema_of(input.draft, &table.child.name.schema)?;
            statements.extend(put_table(&table.shape, table.place.id, Some(&schema)));
        } else if stands_elsewhere {
            statements.extend(put_table(&table.shape, table.place.id, None));
        } else {
            continue;
        }
        inverse.push(delete_table(input.draft.id, table.place.id));
    }
    for id in input.layout.created.keys() {
        statements.extend(put_table(&created_shape(input, *id)?, *id, None));
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

fn created_shape(input: &ExpandInput<'_>, id: TableId) -> Result<Shape> {
    let missing = || Error::bug("a created table is not in its schemas");
    let child = input.child.table(id).ok_or_else(missing)?;
    let physical = input.physical.table(id).ok_or_else(missing)?;
    let mapping = input.layout.mapping.tables.get(&id).ok_or_else(missing)?;
    let order: Vec<Name> = child.columns.iter().map(|column| column.name.clone()).collect();
    Ok(Shape::new(input.draft.id, child, physical, mapping, &order))
}

/// Physical column → the child's column, for messages.
pub(super) fn child_only(table: &TableView<'_>) -> BTreeMap<Name, bool> {
    table
        .child
        .columns
        .iter()
        .filter_map(|column| {
            let physical = table.place.child.columns.get(&column.id)?.clone();
            Some((physical, table.place.fates.get(&column.id) != Some(&ColumnFate::Shared)))
        })
        .collect()
}
