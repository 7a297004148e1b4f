//! `plan`: what publishing a draft would do, without doing it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    chain::{ChainReader, standing},
    data_steps::fit_for_views,
    domains::{RuledInput, ruled_domains},
    footing::adopted,
    inference::{disagreements, infer_from_draft},
    ownership::owned_by_others,
    sync::altered_rules,
    transform::collect_transforms,
};
use crate::{
    blueprint::{bound_to_functions, compare, new_schemas, whole_rows},
    error::{Error, Result},
    layout::{Ancestry, ChildLayout, LayoutInput, lay_out_child, renamed_sequences},
    model::{Edition, EditionName, EditionState, Identity, Name, QualifiedName, Schema, Table, Transform},
    physical::{ExtraColumn, PhysicalRequest, read_in_physical_words},
    plan::{
        Bindings, Chain, Code, ExpandInput, Finding, Plan, Severity, TransformInput, agreements, assemble,
        bindings, candidates, changes_nothing, draft_fingerprint, drift, expand, fingerprint,
        leave_out_doubtful, made_anew, next_number, own_objects, own_types, probes, property_findings,
        refusals, searching_functions,
    },
    seed::read_seeds,
    store,
    target::{Connection, Target},
};

/// Plans the publication of a draft (or shows the stored plan of one that is on its way).
pub async fn plan(target: &Target, name: &EditionName) -> Result<Plan> {
    let mut connection = adopted(target).await?;
    let edition = store::require_edition(&*connection, name).await?;
    if let Some(running) =
        store::running_operation(&*connection).await?.filter(|running| running.edition == edition.id)
    {
        return Ok(serde_json::from_value(running.plan)?);
    }
    match edition.state {
        EditionState::Draft => plan_publication(target, &mut connection, &edition, false).await,
        state => Err(Error::refused(format!(
            "edition \"{name}\" is {}, not a draft: there is nothing to plan",
            state.as_str()
        ))
        .with_hint("edition create NAME makes a draft")),
    }
}

/// Plans from scratch. `load`: what a rollback saved is going to be loaded again.
pub(super) async fn plan_publication(
    target: &Target,
    connection: &mut Connection,
    draft: &Edition,
    load: bool,
) -> Result<Plan> {
    let editions = store::editions(&**connection).await?;
    let live = standing(&editions);
    let parent = live.last().ok_or_else(|| Error::bug("no edition is live"))?.clone();
    let mut blueprint = target.connect_blueprint(&draft.blueprint).await?;
    let new_schemas = new_schemas(&**connection, &*blueprint).await?;
    let mut reader = ChainReader::open(target, connection, &live).await?;
    let mut chain = reader.chain(&[]).await?.with_schemas(&new_schemas);
    let leaf = chain.leaf().ok_or_else(|| Error::bug("no edition is live"))?;
    let comparison = compare(&mut blueprint, &chain.editioned, leaf.logical.clone()).await?;
    let child = comparison.to;
    let given = collect_transforms(&**connection, &*blueprint, draft).await?;
    let mut findings = refusals(&comparison.diff, &chain.editioned);
    let not_held = owned_by_others(connection, &comparison.from, &child).await?;
    if !not_held.is_empty() {
        // What belongs to others cannot even be read.
        findings.extend(not_held);
        return Ok(refused_plan(draft, parent, bindings(&chain, &child, &given)?, findings));
    }
    let mut seeds = read_seeds(&mut blueprint, &child).await?;
    findings.extend(property_findings(&comparison.diff));
    findings.extend(made_anew(&comparison.diff));
    let inferred =
        infer_from_draft(connection, &mut blueprint, draft, (&comparison.from, &child), &given).await?;
    findings.extend(inferred.findings);
    findings.extend(leave_out_doubtful(&mut seeds, &inferred.steps, &child));
    let given: Vec<Transform> = given.into_iter().chain(inferred.transforms).collect();
    if comparison.diff.changes.is_empty()
        && given.is_empty()
        && inferred.steps.is_empty()
        && seeds.tables.is_empty()
    {
        findings.push(changes_nothing(&draft.name, &parent.name));
    }
    findings.extend(drift(&chain));
    if findings.iter().all(|finding| finding.code != Code::ForeignDdl) {
        findings.extend(altered_rules(target, &chain).await?);
    }

    let mut own = own_types(&comparison.from, &child);
    if !comparison.diff.changes.is_empty() {
        own.extend(searching_functions(&child, &chain.editioned));
    }
    let mut layout = lay_out(&chain, draft, &child, &given, &own)?;
    let relocations = relocations(&chain, &layout, &child)?;
    if !relocations.is_empty() {
        chain = reader.chain(&relocations).await?.with_schemas(&new_schemas);
        layout = lay_out(&chain, draft, &child, &given, &own)?;
    }
    let leaf = chain.leaf().ok_or_else(|| Error::bug("no edition is live"))?;
    let ancestors =
        chain.members.iter().map(|member| member.edition.name.clone()).chain([draft.name.clone()]);
    let ancestry = Ancestry::new(ancestors);
    let (found, reading) = loop {
        let (found, more) = candidates(&TransformInput {
            edition: &draft.name,
            parent: &leaf.logical,
            parent_mapping: &leaf.mapping,
            child: &child,
            child_mapping: &layout.mapping,
            inherited: &layout.inherited,
            given: &given,
            counter: &|table, column| chain.counter(table, column),
        });
        let extra = parents_columns(&chain, &layout);
        let probes = probes(&found);
        let request = PhysicalRequest {
            logical: &child,
            mapping: &layout.mapping,
            editioned: &chain.editioned,
            ancestry: &ancestry,
            extra_types: &leaf.physical.types,
            extra: &extra,
            probes: &probes,
        };
        let reading = match read_in_physical_words(&mut blueprint, &request).await {
            // A change that is refused anyway may be what cannot be put into physical words.
            Err(_) if findings.iter().chain(&more).any(|finding| finding.severity == Severity::Refused) => {
                findings.extend(more);
                let bound_to = bindings(&chain, &child, &given)?;
                return Ok(refused_plan(draft, parent, bound_to, findings));
            }
            reading => reading?,
        };
        let known = own.len();
        own.extend(own_objects(leaf, &child, &reading.schema));
        if own.len() == known {
            findings.extend(more);
            break (found, reading);
        }
        layout = lay_out(&chain, draft, &child, &given, &own)?;
    };
    let default_of = |table, name: &Name| {
        let column = reading.schema.table(table)?.column_named(name.as_str())?;
        let number = || Some(next_number(&draft.name, child.table(table)?, column)?.to_string());
        column.default.clone().or_else(number)
    };
    let older: Vec<EditionName> = chain.members.iter().map(|member| member.edition.name.clone()).collect();
    let (hop, more) =
        assemble((&layout.inherited, draft.id, &draft.name), &older, &found, &reading.probed, default_of);
    findings.extend(more);
    findings.extend(disagreements(connection, &agreements(&chain, &hop, &reading.schema)).await?);
    findings.extend(
        ruled_domains(&blueprint, &RuledInput { chain: &chain, layout: &layout, child: &child, hop: &hop })
            .await?,
    );

    let input = ExpandInput {
        chain: &chain,
        relocations: &relocations,
        new_schemas: &new_schemas,
        draft,
        child: &child,
        physical: &reading.schema,
        layout: &layout,
        hop: &hop,
        bound: &bound_to_functions(&*blueprint, &chain.editioned).await?,
        whole_rows: &whole_rows(&*blueprint).await?,
        seeds: &seeds,
        data_steps: &inferred.steps,
        load,
    };
    let data_steps = fit_for_views(&mut blueprint, &input, &mut findings).await?;
    let (steps, more) = expand(&ExpandInput { data_steps: &data_steps, ..input })?;
    findings.extend(more);
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.cmp(b)));
    findings.dedup();
    Ok(Plan {
        edition: draft.name.clone(),
        parent: parent.name,
        bound_to: bindings(&chain, &child, &given)?,
        fingerprint: fingerprint(&chain, &child, &given)?,
        draft_fingerprint: draft_fingerprint(&child)?,
        steps,
        findings,
        transforms: hop.transforms,
    })
}

/// Nothing but the reasons.
fn refused_plan(draft: &Edition, parent: Edition, bound_to: Bindings, findings: Vec<Finding>) -> Plan {
    Plan {
        edition: draft.name.clone(),
        parent: parent.name,
        bound_to,
        fingerprint: String::new(),
        draft_fingerprint: String::new(),
        steps: Vec::new(),
        findings,
        transforms: Vec::new(),
    }
}

fn lay_out(
    chain: &Chain,
    draft: &Edition,
    child: &Schema,
    given: &[Transform],
    own: &BTreeSet<u32>,
) -> Result<ChildLayout> {
    let leaf = chain.leaf().ok_or_else(|| Error::bug("no edition is live"))?;
    let names = |table: &Table| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    let mut physical_columns: BTreeMap<QualifiedName, Vec<Name>> =
        chain.live.tables.iter().map(|table| (table.name.clone(), names(table))).collect();
    // Each edition's columns take their own names when it is the oldest.
    for member in &chain.members {
        for table in &member.logical.tables {
            let standing = member.mapping.table(table).physical;
            if let Some(taken) = physical_columns.get_mut(&standing) {
                taken.extend(names(table));
            }
        }
    }
    let mut layout = lay_out_child(&LayoutInput {
        edition: &draft.name,
        parent: &leaf.logical,
        parent_mapping: &leaf.mapping,
        child,
        transforms: given,
        own,
        physical_columns: &physical_columns,
    })?;
    layout.mapping.renamed = renamed_sequences(child, &chain.members.iter().map(|member| &member.logical));
    Ok(layout)
}

/// Tables that stand under their logical name in the schema of the edition that introduced them, and that the draft sees otherwise: the name is
/// needed for that edition's view.
fn relocations(
    chain: &Chain,
    layout: &ChildLayout,
    child: &Schema,
) -> Result<Vec<(QualifiedName, QualifiedName)>> {
    let leaf = chain.leaf().ok_or_else(|| Error::bug("no edition is live"))?;
    let mut found = Vec::new();
    for place in &layout.inherited {
        let (Some(before), Some(after)) = (leaf.logical.table(place.id), child.table(place.id)) else {
            continue;
        };
        let stands_as_itself =
            place.parent.view_schema.is_none() && place.parent.physical.schema != before.name.schema;
        let differs = before.name != after.name
            || !place.parent_only.is_empty()
            || before.columns.len() != after.columns.len()
            || before
                .columns
                .iter()
                .zip(&after.columns)
                .any(|(a, b)| a.name != b.name || a.default != b.default && b.identity == Identity::None);
        if stands_as_itself && differs {
            let from = place.parent.physical.clone();
            let to = QualifiedName::new(from.schema.clone(), from.name.with_suffix("$base"));
            found.push((from, to));
        }
    }
    Ok(found)
}

/// The parent's physical columns that the child does not share: reverse transforms set them, forward ones read them.
fn parents_columns(chain: &Chain, layout: &ChildLayout) -> Vec<ExtraColumn> {
    let Some(leaf) = chain.leaf() else { return Vec::new() };
    layout
        .inherited
        .iter()
        .flat_map(|place| {
            let physical = leaf.physical.table(place.id);
            place.parent_only.iter().filter_map(move |id| {
                let column = physical?.column(*id)?;
                Some(ExtraColumn {
                    table: place.id,
                    name: place.parent.columns.get(id).unwrap_or(&column.name).clone(),
                    type_name: column.type_name.clone(),
                    collation: column.collation.clone(),
                })
            })
        })
        .collect()
}
