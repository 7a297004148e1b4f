//! Sequences, types, and everything that editions do not manage: creation of the first two is supported, every other difference is
//! named.

use super::{Change, unsupported::Subject};
use crate::model::{OtherObject, Schema, Sequence, TypeDef};

/// Pairs what both have: by id, else by `same_name` with something that the parent did not have.
pub(super) fn counterpart<'a, T>(
    old: &T,
    known: &[T],
    new: &'a [T],
    id: impl Fn(&T) -> u32,
    same_name: impl Fn(&T, &T) -> bool,
) -> Option<&'a T> {
    new.iter().find(|candidate| id(candidate) == id(old)).or_else(|| {
        new.iter().find(|candidate| {
            same_name(old, candidate) && known.iter().all(|other| id(other) != id(candidate))
        })
    })
}

pub(super) fn compare_sequences(parent: &Schema, child: &Schema, changes: &mut Vec<Change>) {
    let id = |sequence: &Sequence| sequence.id.get();
    let same_name = |old: &Sequence, new: &Sequence| old.name == new.name;
    let mut taken = Vec::new();
    for old in &parent.sequences {
        let identity = old.name.pretty();
        let subject = Subject { kind: "sequence", identity: &identity };
        let found = counterpart(old, &parent.sequences, &child.sequences, id, same_name);
        // One that went with its column may have left its name to another column's.
        let found = found.filter(|new| new.id == old.id || !went_with_its_column(old, child));
        let Some(new) = found else {
            if !went_with_its_column(old, child) {
                changes.push(Change::SequenceDropped { sequence: old.id, name: old.name.clone() });
            }
            continue;
        };
        taken.push(new.id);
        if old.name.schema != new.name.schema {
            changes.push(subject.unsupported(format!("was moved to {}", new.name.pretty())));
        } else if old.name != new.name {
            changes.push(Change::SequenceRenamed {
                sequence: new.id,
                from: old.name.clone(),
                to: new.name.clone(),
                owned: new.owned_by.is_some(),
            });
        }
        if is_narrower(&old.options, &new.options) {
            changes.push(subject.unsupported(format!("its bounds became narrower: {}", new.options)));
        }
        let options = |sequence: &Sequence| [format!("options={}", sequence.options)];
        subject.properties(&options(old), &options(new), changes);
        if old.owned_by != new.owned_by {
            changes.push(Change::PropertyChanged {
                kind: "sequence".to_owned(),
                identity: identity.clone(),
                property: "owned_by".to_owned(),
                from: None,
                to: None,
            });
        }
        subject.owner(&old.owner, &new.owner, changes);
        subject.grants(&old.grants, &new.grants, changes);
        subject.properties(&old.properties, &new.properties, changes);
    }
    for new in child.sequences.iter().filter(|new| !taken.contains(&new.id)) {
        changes.push(Change::SequenceCreated { sequence: new.id, name: new.name.clone() });
    }
}

/// Whether values that the sequence may stand at already would be out of its new bounds.
pub(super) fn is_narrower(before: &str, after: &str) -> bool {
    let bound = |options: &str, word: &str| -> Option<i64> {
        let mut words = options.split(' ').skip_while(|candidate| *candidate != word);
        words.nth(1)?.parse().ok()
    };
    let (least, most) = (|options| bound(options, "MINVALUE"), |options| bound(options, "MAXVALUE"));
    least(after) > least(before) || most(after) < most(before)
}

fn went_with_its_column(sequence: &Sequence, child: &Schema) -> bool {
    let Some((table, column)) = sequence.owned_by else { return false };
    child.table(table).is_none_or(|table| table.column(column).is_none())
}

pub(super) fn compare_types(parent: &Schema, child: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    let id = |definition: &TypeDef| definition.id;
    let same_name = |old: &TypeDef, new: &TypeDef| old.name == new.name;
    let mut taken = Vec::new();
    for old in &parent.types {
        let identity = old.name.pretty();
        let subject = Subject { kind: "type", identity: &identity };
        let Some(new) = counterpart(old, &parent.types, &aligned.types, id, same_name) else {
            changes.push(Change::TypeDropped { type_id: old.id, name: old.name.clone() });
            continue;
        };
        taken.push(new.id);
        let named = child.type_def(new.id).unwrap_or(new);
        if old.name != named.name {
            changes.push(subject.changed(format!("was renamed to {}", named.name.pretty())));
        }
        if old.definition != new.definition {
            changes.push(subject.changed(format!("definition changed to {}", named.definition)));
            // The draft's own has all that it has from the start.
            continue;
        }
        subject.owner(&old.owner, &new.owner, changes);
        subject.grants(&old.grants, &new.grants, changes);
        subject.properties(&old.properties, &new.properties, changes);
    }
    for new in child.types.iter().filter(|new| !taken.contains(&new.id)) {
        changes.push(Change::TypeCreated { type_id: new.id, name: new.name.clone() });
    }
}

/// The kind of a schema.
pub(crate) const SCHEMA: &str = "schema";

/// Everything else, by kind and identity.
pub(super) fn compare_rest(parent: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    let find = |all: &[OtherObject], object: &OtherObject| {
        all.iter().find(|other| other.kind == object.kind && other.identity == object.identity).cloned()
    };
    let subject = |object: &OtherObject, what: &str, changes: &mut Vec<Change>| {
        changes.push(Subject { kind: &object.kind, identity: &object.identity }.unsupported(what));
    };
    for old in &parent.others {
        match find(&aligned.others, old) {
            Some(new) if new.definition == old.definition => {}
            Some(_) => subject(old, "was changed", changes),
            None if went_with_its_table(old, parent, aligned) => {}
            None => subject(old, "was dropped", changes),
        }
    }
    for new in &aligned.others {
        match find(&parent.others, new) {
            Some(_) => {}
            None if new.kind == SCHEMA => {
                changes
                    .push(Change::ObjectCreated { kind: new.kind.clone(), identity: new.identity.clone() });
            }
            None => subject(new, "was added", changes),
        }
    }
}

/// A trigger, policy … of a table that was dropped is part of that.
fn went_with_its_table(object: &OtherObject, parent: &Schema, aligned: &Schema) -> bool {
    object.table.is_some_and(|id| parent.table(id).is_some() && aligned.table(id).is_none())
}
