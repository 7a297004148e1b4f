//! Extensions, statistics objects and the like: what a publication makes, what a retire makes up, what either end drops.

use crate::{
    model::Accessory,
    property::{Way, way},
    sql,
    sql::Sql,
};

use super::{Chain, Code, ExpandInput, Finding, Lock, Member, Step};

/// What the child adds and its tables may need, and refusals of what the live server does not have.
pub(super) fn additions(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Option<Step> {
    let mut statements = Vec::new();
    let mut inverse = Vec::new();
    for new in input.physical.accessories.iter().filter(|new| way(&new.kind) == Some(Way::SharedAdditive)) {
        let is_known = input.chain.members.iter().any(|member| holds(member, new));
        if is_known || found(&input.chain.live.accessories, new).is_some() {
            continue;
        }
        if new.kind == "extension" && !input.chain.facts.available_extensions.contains(&new.identity) {
            let message = "the live server does not have it";
            let fix = "install it on the live server, then plan again";
            findings.push(
                Finding::new(Code::ExtensionMissing, format!("extension {}", new.identity), message)
                    .with_fix(fix),
            );
        }
        statements.extend(make(new, input.chain));
        inverse.push(Sql::trusted(&new.unmake));
    }
    inverse.reverse();
    (!statements.is_empty()).then(|| {
        Step::transaction("make what all editions may share", Lock::None, Vec::new(), statements)
            .undone_by(inverse)
    })
}

/// Whether PostgreSQL binds it to columns and functions that may go with an edition.
fn is_bound(object: &Accessory) -> bool {
    matches!(object.kind.as_str(), "statistics object" | "publication")
}

/// At a retire, before anything else goes: what only `gone` had and what would keep its columns and functions from being dropped.
pub(super) fn drop_bound(gone: &Member, remaining: &[&Member]) -> Option<Step> {
    let statements: Vec<Sql> = own(gone, remaining)
        .filter(|object| is_bound(object))
        .map(|object| Sql::trusted(&object.unmake))
        .collect();
    let title = "drop statistics and publications that only this edition has";
    (!statements.is_empty()).then(|| Step::transaction(title, Lock::None, Vec::new(), statements))
}

/// At a retire: drops what else only `gone` had and makes what was put off, in the new root's words.
pub(super) fn settle(chain: &Chain, gone: &Member, remaining: &[&Member], new_root: &Member) -> Vec<Sql> {
    let rest = own(gone, remaining).filter(|object| !is_bound(object));
    let mut statements: Vec<Sql> = rest.map(|object| Sql::trusted(&object.unmake)).collect();
    // Those of which there is one at a time are the root's: a younger edition that made one again gets it when it is the root.
    let put_off = gone.physical.accessories.iter().filter(|object| {
        way(&object.kind) == Some(Way::DeferredToRetire)
            && !holds(new_root, object)
            && remaining.iter().any(|member| holds(member, object))
    });
    statements.extend(put_off.map(|object| Sql::trusted(&object.unmake)));
    for (wanted, placed) in new_root.logical.accessories.iter().zip(&new_root.physical.accessories) {
        let before = found(&gone.physical.accessories, placed);
        match (before, way(&wanted.kind)) {
            (Some(before), Some(Way::DeferredToRetire)) if before.make != placed.make => {
                // Default privileges are taken away grantee by grantee: those of old, too.
                statements.extend([Sql::trusted(&before.unmake), Sql::trusted(&wanted.unmake)]);
                statements.extend(make(wanted, chain));
            }
            (None, Some(Way::DeferredToRetire)) => {
                statements.push(Sql::trusted(&wanted.unmake));
                statements.extend(make(wanted, chain));
            }
            (Some(before), _) if before.owner != wanted.owner => statements.extend(owner(wanted)),
            _ => {}
        }
    }
    statements
}

/// What only the edition that goes has; at a rollback, nothing that was put off is there.
fn own<'a>(gone: &'a Member, remaining: &[&Member]) -> impl Iterator<Item = &'a Accessory> {
    let only = |object: &&Accessory| !remaining.iter().any(|member| holds(member, object));
    gone.physical.accessories.iter().filter(only)
}

/// The same for a rollback: only what its publication made.
pub(super) fn drop_additions(gone: &Member, remaining: &[&Member]) -> Vec<Sql> {
    let only = |object: &&Accessory| {
        way(&object.kind) == Some(Way::SharedAdditive)
            && !remaining.iter().any(|member| holds(member, object))
    };
    gone.physical.accessories.iter().filter(only).map(|object| Sql::trusted(&object.unmake)).collect()
}

fn holds(member: &Member, object: &Accessory) -> bool {
    found(&member.physical.accessories, object).is_some()
}

fn found<'a>(all: &'a [Accessory], object: &Accessory) -> Option<&'a Accessory> {
    all.iter().find(|known| known.kind == object.kind && known.identity == object.identity)
}

fn make(object: &Accessory, chain: &Chain) -> Vec<Sql> {
    let is_runners = object.owner.as_ref() == Some(chain.runner());
    let owner = if is_runners { None } else { owner(object) };
    std::iter::once(Sql::trusted(&object.make)).chain(owner).collect()
}

fn owner(object: &Accessory) -> Option<Sql> {
    let (owning, owner) = (object.owning.as_ref()?, object.owner.as_ref()?);
    Some(sql!("{} OWNER TO {}", Sql::trusted(owning), owner))
}
