//! What is to be said before a draft's row security goes beside its parent's.

use super::{Sight, security};
use crate::{
    model::{Name, RowSecurity, TableId},
    plan::{Code, Finding},
};

/// What one edition allows beside the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Same,
    NewerMore,
    OlderMore,
    Unknown,
}

impl Reach {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, Self::Same) | (Self::Same, one) => one,
            (one, other) if one == other => one,
            _ => Self::Unknown,
        }
    }
}

/// Of every table that both have and whose row security differs.
pub(in crate::plan) fn findings(parent: &Sight<'_>, child: &Sight<'_>) -> Vec<Finding> {
    let tables = child.logical.tables.iter().filter(|table| parent.logical.table(table.id).is_some());
    tables
        .filter_map(|table| {
            let (old, new) = (security(parent, table.id)?, security(child, table.id)?);
            let subject = format!("table {}", table.name.pretty());
            let reach = reach(parent, child, table.id, (old, new));
            Some(said(subject.clone(), reach).into_iter().chain(switched(subject, old, new)))
        })
        .flatten()
        .collect()
}

fn reach(
    parent: &Sight<'_>,
    child: &Sight<'_>,
    table: TableId,
    (old, new): (RowSecurity, RowSecurity),
) -> Reach {
    let by_owner = match (old.forced, new.forced) {
        (false, true) => Reach::OlderMore,
        (true, false) => Reach::NewerMore,
        _ => Reach::Same,
    };
    match (old.enabled, new.enabled) {
        (false, false) => Reach::Same,
        (false, true) => Reach::OlderMore,
        (true, false) => Reach::NewerMore,
        (true, true) => by_policies(parent, child, table).and(by_owner),
    }
}

/// By what they say, whatever they are called: one that was changed is another one.
fn by_policies(parent: &Sight<'_>, child: &Sight<'_>, table: TableId) -> Reach {
    let (old, new) = (words(parent, table), words(child, table));
    let gone = old.iter().filter(|words| !new.contains(words));
    let gone = gone.map(|words| if words.permissive { Reach::OlderMore } else { Reach::NewerMore });
    let fresh = new.iter().filter(|words| !old.contains(words));
    let fresh = fresh.map(|words| if words.permissive { Reach::NewerMore } else { Reach::OlderMore });
    gone.chain(fresh).fold(Reach::Same, Reach::and)
}

#[derive(PartialEq, Eq)]
struct Words<'a> {
    permissive: bool,
    command: &'a str,
    roles: &'a [Option<Name>],
    using: Option<&'a str>,
    check: Option<&'a str>,
}

fn words<'a>(sight: &Sight<'a>, table: TableId) -> Vec<Words<'a>> {
    let policies = sight.physical.policies.iter().filter(|policy| policy.table == table);
    policies
        .map(|policy| Words {
            permissive: policy.permissive,
            command: &policy.command,
            roles: &policy.roles,
            using: policy.using.as_deref(),
            check: policy.check.as_deref(),
        })
        .collect()
}

fn said(subject: String, reach: Reach) -> Option<Finding> {
    let more = match reach {
        Reach::Same => return None,
        Reach::NewerMore => "newer",
        Reach::OlderMore => "older",
        Reach::Unknown => {
            let message = "its policies differ, and neither edition's can be told to allow less: while both are live, a role that sets edition.id itself reaches what either allows";
            let fix = "make sure that no role may see less for this than either edition shows, and accept it: --allow policies-not-comparable";
            return Some(Finding::new(Code::PoliciesNotComparable, subject, message).with_fix(fix));
        }
    };
    let message = format!(
        "its policies differ, and the {more} edition's allow more: while both are live, a role that sets edition.id itself reaches that"
    );
    Some(Finding::new(Code::PoliciesReachable, subject, message))
}

fn switched(subject: String, old: RowSecurity, new: RowSecurity) -> Option<Finding> {
    if old.enabled == new.enabled {
        return None;
    }
    let (with, without) = if new.enabled { ("newer", "older") } else { ("older", "newer") };
    let message = format!(
        "only the {with} edition has row security, but the stored table needs it for both: the {without} one sees and writes all rows as ever, but COPY … FROM into the table, and any statement under row_security = off, fails there for roles other than the owner"
    );
    let fix = "make sure that the application does not load the table by COPY, and accept it: --allow row-security-switched";
    Some(Finding::new(Code::RowSecuritySwitched, subject, message).with_fix(fix))
}
