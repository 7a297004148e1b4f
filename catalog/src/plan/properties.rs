//! What a plan says of changed properties, owners and privileges: refusals with their reason, and what waits until the older editions are gone.

use std::collections::BTreeMap;

use super::{Code, Finding};
use crate::{
    diff::{Change, Diff, kind_of_rules},
    model::Grant,
    property::{Class, Way, rule, way},
};

/// One refusal for each property that cannot be changed, one notice for each object of which something waits.
pub fn property_findings(diff: &Diff) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut waiting: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // What an owner may do goes with the owner.
    let was_owner = |kind: &str, identity: &str, role: &Grant| {
        diff.changes.iter().any(|change| {
            matches!(change, Change::OwnerChanged { kind: k, identity: i, from, .. }
                if k == kind && i == identity && role.grantee.as_ref() == Some(from))
        })
    };
    for change in &diff.changes {
        match change {
            Change::PropertyChanged { kind, identity, property, .. } => {
                match rule(kind_of_rules(kind), property).map(|rule| rule.class) {
                    Some(Class::Refused { reason, fix }) => {
                        let message =
                            format!("the draft changes its {}, but {reason}", property.replace('_', " "));
                        let subject = format!("{kind} {identity}");
                        findings.push(Finding::new(Code::Unsupported, subject, message).with_fix(fix));
                    }
                    Some(Class::Editioned) => {}
                    Some(Class::DeferredToRetire) | None => {
                        waiting
                            .entry(format!("{kind} {identity}"))
                            .or_default()
                            .push(property.replace('_', " "));
                    }
                }
            }
            Change::SequenceDropped { name, .. } => {
                waiting
                    .entry(format!("sequence {}", name.pretty()))
                    .or_default()
                    .push("its removal".to_owned());
            }
            Change::PartitionDropped { partition, .. } => {
                waiting
                    .entry(format!("partition {}", partition.pretty()))
                    .or_default()
                    .push("its removal, with its rows".to_owned());
            }
            Change::PartitionRenamed { from, to, .. } => {
                let message =
                    format!("until older editions are retired it is known as {} only", from.name.as_str());
                findings.push(
                    Finding::new(Code::NameDeferred, format!("partition {}", to.pretty()), message).with_fix(
                        "nothing, if the application names only the table as a whole: --allow name-deferred",
                    ),
                );
            }
            Change::TypeDropped { name, .. } => {
                waiting.entry(format!("type {}", name.pretty())).or_default().push("its removal".to_owned());
            }
            Change::SequenceRenamed { from, owned: true, .. } => {
                waiting.entry(format!("sequence {}", from.pretty())).or_default().push("its name".to_owned());
            }
            Change::SequenceRenamed { from, to, .. } => {
                let message =
                    format!("until older editions are retired it is known as {} only", from.name.as_str());
                findings.push(Finding::new(Code::NameDeferred, format!("sequence {}", to.pretty()), message).with_fix(
                    "let the application name the sequence as before, or accept it: --allow name-deferred",
                ));
            }
            Change::AccessoryAdded { kind, identity } if way(kind) == Some(Way::DeferredToRetire) => {
                waiting.entry(format!("{kind} {identity}")).or_default().push("its creation".to_owned());
            }
            Change::AccessoryDropped { kind, identity } => {
                waiting.entry(format!("{kind} {identity}")).or_default().push("its removal".to_owned());
            }
            Change::AccessoryChanged { kind, identity, .. } if way(kind) == Some(Way::DeferredToRetire) => {
                waiting.entry(format!("{kind} {identity}")).or_default().push("its definition".to_owned());
            }
            Change::AccessoryChanged { kind, identity, to, .. } => {
                let message = format!("the draft changes it, but older editions share it: {to}");
                let fix = format!(
                    "take it back in the draft, or change the {kind} in the live database, outside of a draft"
                );
                findings.push(
                    Finding::new(Code::Unsupported, format!("{kind} {identity}"), message).with_fix(fix),
                );
            }
            Change::OwnerChanged { kind, identity, .. } => {
                waiting.entry(format!("{kind} {identity}")).or_default().push("owner".to_owned());
            }
            Change::PrivilegesChanged { kind, identity, revoked, .. }
                if !revoked.iter().all(|grant| was_owner(kind, identity, grant)) =>
            {
                waiting
                    .entry(format!("{kind} {identity}"))
                    .or_default()
                    .push("revoked privileges".to_owned());
            }
            _ => {}
        }
    }
    findings.extend(waiting.into_iter().map(|(subject, what)| {
        let message = format!("stays as it is until the older editions are retired: {}", what.join(", "));
        Finding::new(Code::DeferredToRetire, subject, message)
    }));
    findings
}
