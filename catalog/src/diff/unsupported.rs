//! How changes of an object as a whole are told: its owner, privileges, properties, and what is unsupported.

use super::Change;
use crate::{
    model::{Grant, Name},
    property::{differing, rule},
};

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

    pub(super) fn changed(self, what: impl Into<String>) -> Change {
        Change::ObjectChanged {
            kind: self.kind.to_owned(),
            identity: self.identity.to_owned(),
            what: what.into(),
        }
    }

    pub(super) fn dropped(self) -> Change {
        Change::ObjectDropped { kind: self.kind.to_owned(), identity: self.identity.to_owned() }
    }

    pub(super) fn owner(self, old: &Name, new: &Name, changes: &mut Vec<Change>) {
        if old != new {
            changes.push(Change::OwnerChanged {
                kind: self.kind.to_owned(),
                identity: self.identity.to_owned(),
                from: old.clone(),
                to: new.clone(),
            });
        }
    }

    pub(super) fn grants(self, old: &[Grant], new: &[Grant], changes: &mut Vec<Change>) {
        let missing = |from: &[Grant], of: &[Grant]| -> Vec<Grant> {
            of.iter().filter(|grant| !from.contains(grant)).cloned().collect()
        };
        let (revoked, granted) = (missing(new, old), missing(old, new));
        if !revoked.is_empty() || !granted.is_empty() {
            changes.push(Change::PrivilegesChanged {
                kind: self.kind.to_owned(),
                identity: self.identity.to_owned(),
                granted,
                revoked,
            });
        }
    }

    /// What [`RULES`](crate::property::RULES) knows is told property by property, all else as unsupported.
    pub(super) fn properties(self, old: &[String], new: &[String], changes: &mut Vec<Change>) {
        let kind = self.kind_of_rules();
        for property in differing(old, new) {
            changes.push(match rule(kind, property.name) {
                Some(_) => Change::PropertyChanged {
                    kind: self.kind.to_owned(),
                    identity: self.identity.to_owned(),
                    property: property.name.to_owned(),
                    from: property.from.map(str::to_owned),
                    to: property.to.map(str::to_owned),
                },
                None => self.unsupported(format!("{} changed", property.name)),
            });
        }
    }

    fn kind_of_rules(&self) -> &str {
        kind_of_rules(self.kind)
    }
}

/// Messages name a kind more closely than [`RULES`](crate::property::RULES) does.
pub(crate) fn kind_of_rules(kind: &str) -> &str {
    match kind {
        "primary key" | "exclusion constraint" => "constraint",
        "procedure" | "aggregate" | "operator" => "function",
        "materialized view" => "view",
        kind => kind,
    }
}
