//! Policies, by table and name; one of a table that was dropped or made is part of that.

use super::{Change, unsupported::Subject};
use crate::model::{Policy, Schema};

pub(super) fn compare(parent: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    for old in &parent.policies {
        let identity = identity(old);
        let subject = Subject { kind: "policy", identity: &identity };
        let change = match (find(aligned, old), stands(parent, old), stands(aligned, old)) {
            (Some(new), _, _) if same(old, new) => continue,
            (Some(new), true, true) if old.comment != new.comment && same_words(old, new) => {
                subject.changed("has another comment")
            }
            (Some(_), true, true) => subject.changed("its definition was changed"),
            (None, true, true) => subject.dropped(),
            (None, true, false) => continue,
            // A partitioned table, a foreign one …
            (Some(_), _, _) => subject.unsupported("was changed"),
            (None, false, _) => subject.unsupported("was dropped"),
        };
        changes.push(change);
    }
    for new in aligned.policies.iter().filter(|new| find(parent, new).is_none()) {
        let identity = identity(new);
        if stands(parent, new) {
            changes.push(Change::ObjectCreated { kind: "policy".to_owned(), identity });
        } else if !stands(aligned, new) {
            changes.push(Subject { kind: "policy", identity: &identity }.unsupported("was added"));
        }
    }
}

fn identity(policy: &Policy) -> String {
    format!("{} on {}", policy.name.as_str(), policy.on.pretty())
}

fn find<'a>(schema: &'a Schema, wanted: &Policy) -> Option<&'a Policy> {
    schema.policies.iter().find(|policy| policy.table == wanted.table && policy.name == wanted.name)
}

fn stands(schema: &Schema, policy: &Policy) -> bool {
    schema.table(policy.table).is_some()
}

fn same(old: &Policy, new: &Policy) -> bool {
    old.comment == new.comment && same_words(old, new)
}

fn same_words(old: &Policy, new: &Policy) -> bool {
    let words = |policy: &Policy| {
        let expressions = (policy.using.clone(), policy.check.clone());
        (policy.command.clone(), policy.permissive, policy.roles.clone(), expressions)
    };
    words(old) == words(new)
}
