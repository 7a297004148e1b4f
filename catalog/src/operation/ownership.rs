//! Whether the role that publishes may do what a draft asks for: only members of its owner may alter an object, and give a new one to it.

use std::collections::BTreeSet;

use crate::{
    error::Result,
    model::{Name, QualifiedName, Schema},
    plan::{Code, Finding},
    store::stored_name,
    target::Connection,
};

/// Refusals for what the draft makes or changes and a role owns of which the runner is no member.
pub(super) async fn owned_by_others(
    connection: &Connection,
    from: &Schema,
    to: &Schema,
) -> Result<Vec<Finding>> {
    let rows = connection
        .query(
            "SELECT rolname::text FROM pg_catalog.pg_roles WHERE NOT pg_catalog.pg_has_role(oid, 'MEMBER')",
            &[],
        )
        .await?;
    let mut others: BTreeSet<Name> = BTreeSet::new();
    for row in rows {
        others.insert(stored_name(&row.try_get::<_, String>(0)?)?);
    }
    let findings = altered(from, to).into_iter().filter(|(_, _, owner)| others.contains(owner));
    Ok(findings.map(|(kind, name, owner)| not_a_member(kind, name, owner)).collect())
}

/// What `to` has otherwise than `from`: kind, name, owner.
fn altered<'a>(from: &Schema, to: &'a Schema) -> Vec<(&'static str, &'a QualifiedName, &'a Name)> {
    let tables = to.tables.iter().filter(|new| from.table(new.id) != Some(new));
    let views = to.views.iter().filter(|new| !from.views.contains(new));
    let sequences = to.sequences.iter().filter(|new| !from.sequences.contains(new));
    let functions = to.functions.iter().filter(|new| !from.functions.contains(new));
    let types = to.types.iter().filter(|new| !from.types.contains(new));
    tables
        .map(|new| ("table", &new.name, &new.owner))
        .chain(views.map(|new| ("view", &new.name, &new.owner)))
        .chain(sequences.map(|new| ("sequence", &new.name, &new.owner)))
        .chain(functions.map(|new| (new.kind.word(), &new.name, &new.owner)))
        .chain(types.map(|new| ("type", &new.name, &new.owner)))
        .collect()
}

fn not_a_member(kind: &str, name: &QualifiedName, owner: &Name) -> Finding {
    let (name, owner) = (name.pretty(), owner.as_str());
    let message = format!("role {owner} owns it, and the role that publishes is no member of that");
    let fix = format!(
        "GRANT {owner} to the role that publishes, or let the draft do it as that role: ALTER {} {name} OWNER TO …",
        kind.to_uppercase()
    );
    Finding::new(Code::OwnerNotHeld, format!("{kind} {name}"), message).with_fix(fix)
}
