//! What the older editions need before a table changes: the edition's schemas, and views that show what the table shows.

use std::collections::BTreeSet;

use super::{ExpandInput, TableView, schema_of};
use crate::{
    ddl::{create_view, grant_schema, owner_of},
    error::Result,
    introspection,
    layout::Shape,
    model::{EditionState, Name, QualifiedName, Table},
    plan::{
        Lock, Member, Step, StepKind,
        rows::{delete_schema, delete_table, put_schema, put_table, put_table_between, tell_proxies},
    },
    sql,
    sql::{Literal, Sql},
};

pub(super) fn open_schemas(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Step> {
    let mut wanted: BTreeSet<(Name, Name)> = BTreeSet::new();
    for schema in &input.chain.editioned {
        wanted.insert((schema_of(input.draft, schema)?, schema.clone()));
    }
    for (member, table, _) in tables.iter().filter(|table| table.viewed).flat_map(TableView::without_view) {
        wanted.insert((schema_of(&member.edition, &table.name.schema)?, table.name.schema.clone()));
    }
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for schema in input.new_schemas {
        let name = &schema.name;
        statements.push(sql!("CREATE SCHEMA {}", name));
        statements.extend(grant_schema(name, &schema.grants, input.chain.maker()));
        statements.extend(
            schema.comment.as_ref().map(|text| sql!("COMMENT ON SCHEMA {} IS {}", name, Literal(text))),
        );
        statements.extend(owner_of(&sql!("SCHEMA {}", name), &schema.owner, input.chain.maker()));
        statements.push(put_schema(name, input.draft.id));
        inverse.extend([sql!("DROP SCHEMA {}", name), delete_schema(name)]);
    }
    for (schema, editioned) in wanted.iter().filter(|(schema, _)| !input.chain.facts.schemas.contains(schema))
    {
        statements.push(sql!("CREATE SCHEMA {}", schema));
        let grants = input.chain.facts.schema_grants.get(editioned).map(Vec::as_slice).unwrap_or_default();
        statements.extend(grant_schema(schema, grants, input.chain.maker()));
        inverse.push(sql!("DROP SCHEMA {}", schema));
    }
    Ok(Step::transaction("make the edition's schemas", Lock::None, Vec::new(), statements).undone_by(inverse))
}

/// Before there are views, the proxies are to treat the tables as if there were: what they make of texts is then right on the table and on
/// the view.
pub(super) fn announce_views_to_come(tables: &[TableView<'_>]) -> Option<Step> {
    let (mut statements, mut inverse) = (Vec::new(), Vec::new());
    for (table, (_, logical, shape)) in views_to_make(tables) {
        if stands_as_seen(shape) {
            statements.extend(put_table_between(shape, logical));
            inverse.push(delete_table(shape.edition, table.place.id));
        }
    }
    let kind = StepKind::Announce { statements, states: Vec::new(), states_before: Vec::new() };
    (!inverse.is_empty()).then(|| {
        Step::new("announce views of tables to the proxies", kind, Lock::None, Vec::new()).undone_by(inverse)
    })
}

/// Views for the older editions that used the table itself until now. They show what the table shows, so nobody notices.
pub(super) fn pass_through(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for table in tables.iter().filter(|table| table.viewed) {
        let physical = &table.place.child.physical;
        let mut statements = Vec::new();
        let mut inverse = Vec::new();
        for (member, logical, shape) in table.without_view() {
            let schema = schema_of(&member.edition, &logical.name.schema)?;
            let default = |column: &Name| input.chain.physical_default(physical, column);
            statements.extend(create_view(
                shape,
                &schema,
                input.chain.views_invoke(logical, physical),
                input.chain.maker(),
                default,
            ));
            inverse.push(sql!("DROP VIEW {}", QualifiedName::new(schema, logical.name.name.clone())));
        }
        if statements.is_empty() {
            continue;
        }
        let title = format!("pass-through views of {} for older editions", table.parent.name.pretty());
        let Some((from, to)) = input.relocations.iter().find(|(_, to)| to == physical) else {
            // The catalogues never show both.
            statements.push(introspection::reflected(&[table.place.id]));
            let step = Step::transaction(title, Lock::AccessShare, vec![physical.clone()], statements);
            steps.push(step.undone_by(inverse));
            continue;
        };
        statements.insert(0, sql!("ALTER TABLE {} RENAME TO {}", from, to.name));
        statements.extend(tell_of_relocated(table)?);
        inverse.push(sql!("ALTER TABLE {} RENAME TO {}", to, from.name));
        inverse.extend(tell_of_returned(table, from));
        let step = Step::transaction(title, Lock::AccessExclusive, vec![from.clone()], statements);
        // Not while the table is locked.
        steps.push(step.undone_by(inverse).reflected().of_table(table.place.id));
    }
    Ok(steps)
}

/// Now that the views stand, their names are used. Of tables that gave up theirs the proxies know already.
pub(super) fn announce_pass_through(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Step> {
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for (_, (member, logical, shape)) in views_to_make(tables) {
        if stands_as_seen(shape) {
            let schema = schema_of(&member.edition, &logical.name.schema)?;
            statements.extend(put_table(shape, logical, Some(&schema)));
            inverse.extend(put_table_between(shape, logical));
        }
    }
    let kind = StepKind::Announce {
        statements,
        states: vec![(input.draft.id, EditionState::Publishing)],
        states_before: vec![(input.draft.id, EditionState::Draft)],
    };
    Ok(Step::new("announce to the proxies", kind, Lock::None, Vec::new()).undone_by(inverse))
}

fn views_to_make<'t>(
    tables: &'t [TableView<'t>],
) -> impl Iterator<Item = (&'t TableView<'t>, &'t (&'t Member, &'t Table, Shape))> {
    let viewed = tables.iter().filter(|table| table.viewed);
    viewed.flat_map(|table| table.without_view().map(move |seen| (table, seen)))
}

fn stands_as_seen(shape: &Shape) -> bool {
    shape.physical == shape.name
}

/// Its old name becomes that of a view, so nothing is right both before and after.
fn tell_of_relocated(table: &TableView<'_>) -> Result<Vec<Sql>> {
    let mut statements = Vec::new();
    for (member, logical, shape) in table.without_view() {
        statements.extend(put_table(
            shape,
            logical,
            Some(&schema_of(&member.edition, &logical.name.schema)?),
        ));
    }
    statements.push(tell_proxies());
    Ok(statements)
}

fn tell_of_returned(table: &TableView<'_>, from: &QualifiedName) -> Vec<Sql> {
    let rows = table.without_view().flat_map(|(_, logical, shape)| {
        let standing = Shape { physical: from.clone(), ..shape.clone() };
        put_table(&standing, logical, None)
    });
    rows.chain([tell_proxies()]).collect()
}
