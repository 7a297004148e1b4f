//! Extensions, statistics objects and the like, by kind and identity.

use super::{Change, unsupported::Subject};
use crate::model::{Accessory, Schema};

pub(super) fn compare(parent: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    let find = |schema: &'_ Schema, object: &Accessory| -> Option<Accessory> {
        let same = |other: &&Accessory| other.kind == object.kind && other.identity == object.identity;
        schema.accessories.iter().find(same).cloned()
    };
    for old in &parent.accessories {
        let (kind, identity) = (old.kind.clone(), old.identity.clone());
        match find(aligned, old) {
            Some(new) => {
                if new.make != old.make {
                    let (from, to) = (old.make.clone(), new.make.clone());
                    changes.push(Change::AccessoryChanged { kind, identity, from, to });
                }
                if let (Some(before), Some(after)) = (&old.owner, &new.owner) {
                    Subject { kind: &old.kind, identity: &old.identity }.owner(before, after, changes);
                }
            }
            None if went_with_its_table(old, parent, aligned) => {}
            None => changes.push(Change::AccessoryDropped { kind, identity }),
        }
    }
    for new in aligned.accessories.iter().filter(|new| find(parent, new).is_none()) {
        changes.push(Change::AccessoryAdded { kind: new.kind.clone(), identity: new.identity.clone() });
    }
}

fn went_with_its_table(object: &Accessory, parent: &Schema, aligned: &Schema) -> bool {
    object.table.is_some_and(|id| parent.table(id).is_some() && aligned.table(id).is_none())
}
