//! Functions and triggers: each edition may have its own, so every difference is supported and only has to be told.

use super::{Change, others::counterpart, unsupported::Subject};
use crate::model::{Function, FunctionKind, Schema, Trigger};

pub(super) fn compare_functions(
    parent: &Schema,
    child: &Schema,
    aligned: &Schema,
    changes: &mut Vec<Change>,
) {
    let id = |function: &Function| function.id;
    let same_name = |old: &Function, new: &Function| {
        old.name == new.name && old.arguments == new.arguments && is_operator(old) == is_operator(new)
    };
    let mut taken = Vec::new();
    for old in &parent.functions {
        let identity = format!("{}({})", old.name.pretty(), old.arguments);
        let subject = Subject { kind: old.kind.word(), identity: &identity };
        let Some(new) = counterpart(old, &parent.functions, &aligned.functions, id, same_name) else {
            changes.push(subject.dropped());
            continue;
        };
        taken.push(new.id);
        if !same_name(old, new) {
            let what = format!("was renamed to {}({})", new.name.pretty(), new.arguments);
            changes.push(subject.changed(what));
        } else if (&old.definition, &old.links) != (&new.definition, &new.links) {
            changes.push(subject.changed("its definition was changed"));
        } else if old.id != new.id && !has_text_body(new) {
            changes.push(
                subject.changed("it was made again, and its body may mean other objects of the same names"),
            );
        }
        subject.owner(&old.owner, &new.owner, changes);
        subject.grants(&old.grants, &new.grants, changes);
        subject.properties(&old.properties, &new.properties, changes);
    }
    for new in child.functions.iter().filter(|new| !taken.contains(&new.id)) {
        if parent.functions.iter().any(|old| promises(old, new)) {
            let identity = format!("{}({})", new.name.pretty(), new.arguments);
            changes.push(Subject { kind: "promised operator", identity: &identity }.unsupported("was added"));
        }
        changes.push(Change::FunctionCreated {
            kind: new.kind,
            function: new.id,
            name: new.name.clone(),
            arguments: new.arguments.clone(),
        });
    }
}

/// An operator has a name space of its own.
fn is_operator(function: &Function) -> bool {
    function.kind == FunctionKind::Operator
}

/// Whether `old` names `new`, which was not there yet, as its commutator or negator. PostgreSQL keeps a place for such an operator
/// (docs, CREATE OPERATOR).
fn promises(old: &Function, new: &Function) -> bool {
    let name = new.definition.strip_prefix("CREATE OPERATOR ").and_then(|rest| rest.split_once(" ("));
    let (Some(links), Some((name, _)), true) = (&old.links, name, is_operator(new)) else { return false };
    let swapped = old.arguments.split_once(", ").map(|(left, right)| format!("{right}, {left}"));
    let is_alike = new.arguments == old.arguments || Some(&new.arguments) == swapped.as_ref();
    is_alike && links.contains(&format!("OPERATOR({name})"))
}

/// Whether names in the body are looked up when it runs; those of an SQL-standard body were looked up when it was made.
fn has_text_body(function: &Function) -> bool {
    is_operator(function) || function.definition.contains("\nAS $")
}

/// A trigger is told by its table and its name; one of a table that was dropped or made is part of that.
pub(super) fn compare_triggers(parent: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    let find = |all: &[Trigger], wanted: &Trigger| {
        all.iter().find(|trigger| trigger.table == wanted.table && trigger.name == wanted.name).cloned()
    };
    let stands = |schema: &Schema, trigger: &Trigger| {
        schema.table(trigger.table).is_some() || schema.views.iter().any(|view| view.id == trigger.table)
    };
    for old in &parent.triggers {
        let identity = format!("{} on {}", old.name.as_str(), old.on.pretty());
        let subject = Subject { kind: "trigger", identity: &identity };
        let change = match find(&aligned.triggers, old) {
            None if stands(aligned, old) => subject.dropped(),
            None if !stands(parent, old) => subject.unsupported("was dropped"),
            Some(new)
                if !stands(aligned, &new)
                    && (&new.definition, &new.enabled) != (&old.definition, &old.enabled) =>
            {
                subject.unsupported("was changed")
            }
            Some(new) if new.definition != old.definition => subject.changed("its definition was changed"),
            Some(new) if new.enabled != old.enabled => {
                subject.changed(format!("is {} now", state(&new.enabled)))
            }
            Some(new) if new.comment != old.comment => subject.changed("has another comment"),
            None | Some(_) => continue,
        };
        changes.push(change);
    }
    for new in aligned.triggers.iter().filter(|new| find(&parent.triggers, new).is_none()) {
        let identity = format!("{} on {}", new.name.as_str(), new.on.pretty());
        if stands(parent, new) {
            changes.push(Change::ObjectCreated { kind: "trigger".to_owned(), identity });
        } else if !stands(aligned, new) {
            // A partition, a foreign table …
            changes.push(Subject { kind: "trigger", identity: &identity }.unsupported("was added"));
        }
    }
}

fn state(enabled: &str) -> &'static str {
    match enabled {
        "D" => "disabled",
        "R" => "enabled for replicas only",
        "A" => "enabled always",
        _ => "enabled",
    }
}
