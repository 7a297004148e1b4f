//! What the older editions need before a table changes: the edition's schemas, and views that show what the table shows.

use std::collections::BTreeSet;

use super::{ExpandInput, TableView, schema_of};
use crate::{
    ddl::{create_view, grant_schema},
    error::Result,
    model::{EditionState, Name, QualifiedName},
    plan::{
        Lock, Step, StepKind,
        rows::{delete_table, put_table},
    },
    sql,
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
pub(super) fn pass_through(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Vec<Step>> {
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

pub(super) fn announce_pass_through(input: &ExpandInput<'_>, tables: &[TableView<'_>]) -> Result<Step> {
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for table in tables.iter().filter(|table| table.viewed) {
        for (member, logical, shape) in table.without_view() {
            let schema = schema_of(&member.edition, &logical.name.schema)?;
            statements.extend(put_table(shape, logical, Some(&schema)));
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
                    inverse.extend(put_table(&standing, logical, None));
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
