//! How unsupported changes are worded.

use super::Change;
use crate::model::{Grant, Name};

/// An object that is being compared, for messages.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// `table`, `view` …
    pub kind: &'a str,
    /// What people call it.
    pub identity: &'a str,
}

impl Subject<'_> {
    pub(super) fn unsupported(self, what: impl Into<String>) -> Change {
        Change::Unsupported {
            kind: self.kind.to_owned(),
            identity: self.identity.to_owned(),
            what: what.into(),
        }
    }

    pub(super) fn owner(self, old: &Name, new: &Name, changes: &mut Vec<Change>) {
        if old != new {
            changes.push(self.unsupported(format!(
                "owner changed from {} to {}",
                old.as_str(),
                new.as_str()
            )));
        }
    }

    pub(super) fn grants(self, old: &[Grant], new: &[Grant], changes: &mut Vec<Change>) {
        if old == new {
            return;
        }
        let revoked =
            old.iter().filter(|grant| !new.contains(grant)).map(|grant| format!("revoked {}", shown(grant)));
        let granted =
            new.iter().filter(|grant| !old.contains(grant)).map(|grant| format!("granted {}", shown(grant)));
        let all: Vec<String> = revoked.chain(granted).collect();
        changes.push(self.unsupported(format!("privileges changed: {}", all.join(", "))));
    }

    pub(super) fn properties(self, old: &[String], new: &[String], changes: &mut Vec<Change>) {
        let gone = old
            .iter()
            .filter(|property| !new.contains(property))
            .map(|property| format!("no longer {property}"));
        let come =
            new.iter().filter(|property| !old.contains(property)).map(|property| format!("now {property}"));
        let all: Vec<String> = gone.chain(come).collect();
        if !all.is_empty() {
            changes.push(self.unsupported(format!("properties changed: {}", all.join(", "))));
        }
    }
}

fn shown(grant: &Grant) -> String {
    let grantee = grant.grantee.as_ref().map_or("PUBLIC", Name::as_str);
    let option = if grant.grantable { " with grant option" } else { "" };
    format!("{} ({grantee}{option})", grant.privilege)
}
