//! Constraints and indexes of one table, matched by name; what is left over on both sides with equal definitions was renamed.

use super::{Change, unsupported::Subject};
use crate::model::{Constraint, ConstraintKind, Index, Name, Table};

pub(super) fn compare(old: &Table, new: &Table, aligned: &Table, changes: &mut Vec<Change>) {
    compare_constraints(old, new, aligned, changes);
    compare_indexes(old, new, aligned, changes);
}

/// What both sides have in common, once names and definitions are taken into account.
struct Matched<'a, T> {
    kept: Vec<(&'a T, &'a T)>,
    renamed: Vec<(&'a T, &'a T)>,
    dropped: Vec<&'a T>,
    added: Vec<&'a T>,
}

/// Matches by name where `same` holds, then by `same` alone. An object that kept its name but is not the same counts as dropped
/// and added.
fn matched<'a, T>(
    old: &'a [T],
    aligned: &'a [T],
    name: impl Fn(&T) -> &Name,
    same: impl Fn(&T, &T) -> bool,
) -> Matched<'a, T> {
    let mut result =
        Matched { kept: Vec::new(), renamed: Vec::new(), dropped: Vec::new(), added: Vec::new() };
    let mut rest: Vec<&T> = Vec::new();
    let mut unmatched: Vec<&T> = aligned.iter().collect();
    for before in old {
        match unmatched.iter().position(|after| name(after) == name(before) && same(before, after)) {
            Some(position) => result.kept.push((before, unmatched.remove(position))),
            None => rest.push(before),
        }
    }
    for before in rest {
        match unmatched.iter().position(|after| same(before, after)) {
            Some(position) => result.renamed.push((before, unmatched.remove(position))),
            None => result.dropped.push(before),
        }
    }
    result.added = unmatched;
    result
}

fn compare_constraints(old: &Table, new: &Table, aligned: &Table, changes: &mut Vec<Change>) {
    // What a foreign key points at is compared by id: a table that was dropped and made anew is another one.
    let same = |before: &Constraint, after: &Constraint| {
        before.kind == after.kind
            && before.columns == after.columns
            && before.references == after.references
            && before.definition == after.definition
    };
    let matched = matched(&old.constraints, &aligned.constraints, |constraint| &constraint.name, same);
    let (table, name) = (new.id, &new.name);

    for before in matched.dropped {
        changes.push(refused(new, before, "was dropped").unwrap_or_else(|| Change::ConstraintDropped {
            table,
            name: name.clone(),
            constraint: before.name.clone(),
            definition: before.definition.clone(),
        }));
    }
    for (before, after) in &matched.renamed {
        changes.push(Change::ConstraintRenamed {
            table,
            name: name.clone(),
            from: before.name.clone(),
            to: after.name.clone(),
        });
    }
    for after in matched.added {
        // In the child's own words.
        let after = new.constraints.iter().find(|constraint| constraint.name == after.name).unwrap_or(after);
        changes.push(refused(new, after, "was added").unwrap_or_else(|| Change::ConstraintAdded {
            table,
            name: name.clone(),
            constraint: after.name.clone(),
            definition: after.definition.clone(),
        }));
    }
    for (before, after) in matched.kept.into_iter().chain(matched.renamed) {
        let identity = constraint_identity(new, after);
        let subject = Subject { kind: constraint_kind(after), identity: &identity };
        subject.properties(&before.all_properties(), &after.all_properties(), changes);
    }
}

/// Kinds of constraint that the model has no name for.
fn refused(new: &Table, constraint: &Constraint, what: &str) -> Option<Change> {
    (constraint.kind == ConstraintKind::Other).then(|| {
        let identity = constraint_identity(new, constraint);
        Subject { kind: constraint_kind(constraint), identity: &identity }.unsupported(what)
    })
}

fn constraint_kind(constraint: &Constraint) -> &'static str {
    match constraint.kind {
        ConstraintKind::PrimaryKey => "primary key",
        ConstraintKind::Exclusion => "exclusion constraint",
        _ => "constraint",
    }
}

fn constraint_identity(table: &Table, constraint: &Constraint) -> String {
    format!("{} on {}", constraint.name.as_str(), table.name.pretty())
}

fn compare_indexes(old: &Table, new: &Table, aligned: &Table, changes: &mut Vec<Change>) {
    // The definition begins with the index's own name, so two indexes are the same under a new name if the rest is.
    let same = |before: &Index, after: &Index| {
        before.unique == after.unique && before.columns == after.columns && rest(before) == rest(after)
    };
    let matched = matched(&old.indexes, &aligned.indexes, |index| &index.name, same);
    let (table, name) = (new.id, &new.name);

    for before in matched.dropped {
        changes.push(Change::IndexDropped {
            table,
            name: name.clone(),
            index: before.name.clone(),
            definition: before.definition.clone(),
        });
    }
    for (before, after) in &matched.renamed {
        changes.push(Change::IndexRenamed {
            table,
            name: name.clone(),
            from: before.name.clone(),
            to: after.name.clone(),
        });
    }
    for after in matched.added {
        let after = new.indexes.iter().find(|index| index.name == after.name).unwrap_or(after);
        changes.push(Change::IndexAdded {
            table,
            name: name.clone(),
            index: after.name.clone(),
            definition: after.definition.clone(),
        });
    }
    for (before, after) in matched.kept.into_iter().chain(matched.renamed) {
        let identity = format!("{}.{}", new.name.schema.as_str(), after.name.as_str());
        Subject { kind: "index", identity: &identity }.properties(
            &before.properties,
            &after.properties,
            changes,
        );
    }
}

/// `CREATE INDEX name` is followed by ` ON …`; what PostgreSQL writes as the name is the name, quoted if need be.
fn rest(index: &Index) -> &str {
    let definition = index.definition.as_str();
    let unique = if index.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " };
    let Some(after_head) = definition.strip_prefix(unique) else { return definition };
    let quoted = index.name.quoted().to_string();
    after_head
        .strip_prefix(index.name.as_str())
        .or_else(|| after_head.strip_prefix(&quoted))
        .unwrap_or(definition)
}
