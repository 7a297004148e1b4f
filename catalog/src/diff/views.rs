//! Views, by id and then by name: one that was dropped and made again in the same words is no change.

use std::collections::BTreeSet;

use super::{Change, unsupported::Subject};
use crate::model::{ColumnId, Schema, TableId, View};

pub(super) fn compare(parent: &Schema, child: &Schema, aligned: &Schema, changes: &mut Vec<Change>) {
    let counterpart = |old: &View| {
        let by_id = aligned.views.iter().find(|new| new.id == old.id);
        by_id.or_else(|| {
            let unknown = |new: &&View| parent.views.iter().all(|other| other.id != new.id);
            aligned.views.iter().filter(unknown).find(|new| new.name == old.name)
        })
    };
    for old in &parent.views {
        let identity = old.name.pretty();
        let kind = if old.materialized { "materialized view" } else { "view" };
        let subject = Subject { kind, identity: &identity };
        match counterpart(old) {
            None => changes.push(subject.dropped()),
            Some(new) => {
                compare_view(subject, old, new, changes);
                if tables_read(old, parent) != tables_read(new, aligned) {
                    changes.push(subject.changed("it reads another table of the same name"));
                }
            }
        }
    }
    for new in &child.views {
        let is_counterpart = parent.views.iter().filter_map(counterpart).any(|taken| taken.id == new.id);
        if !is_counterpart {
            changes.push(Change::ViewCreated { view: new.id, name: new.name.clone() });
        }
    }
}

/// The columns of tables that a view reads, by id: a table that was dropped and made anew is another one.
fn tables_read(view: &View, schema: &Schema) -> BTreeSet<(TableId, ColumnId)> {
    view.reads.iter().copied().filter(|(id, _)| schema.table(*id).is_some()).collect()
}

fn compare_view(subject: Subject<'_>, old: &View, new: &View, changes: &mut Vec<Change>) {
    if old.name != new.name {
        changes.push(subject.changed(format!("was renamed to {}", new.name.pretty())));
    }
    // Types of its columns follow from the definition and the tables that it reads.
    let names = |view: &View| view.columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if old.definition != new.definition || names(old) != names(new) || old.materialized != new.materialized {
        changes.push(subject.changed("its query was changed"));
    }
    if old.indexes != new.indexes {
        changes.push(subject.changed("its indexes were changed"));
    }
    if old.rules != new.rules {
        changes.push(subject.changed("its rules were changed"));
    }
    if old.details != new.details {
        changes.push(subject.changed("comments, defaults or privileges of its columns were changed"));
    }
    subject.owner(&old.owner, &new.owner, changes);
    subject.grants(&old.grants, &new.grants, changes);
    subject.properties(&old.properties, &new.properties, changes);
}
