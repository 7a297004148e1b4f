//! The text of a policy that is for some editions only.

use crate::{
    model::{Name, Policy},
    sql,
    sql::{Literal, Sql, join},
};

/// Editions that pass by the policies of others.
pub(super) struct Bypass<'a> {
    /// Which editions.
    pub(super) gate: Sql,
    /// Only for who has the rights of this role.
    pub(super) owner: Option<&'a Name>,
}

/// What follows the table's name in CREATE POLICY. A permissive policy gives nothing outside of its gate, a restrictive one takes nothing.
/// `exempt`: the owner, where the editions of the gate do not have the owner under row security.
pub(super) fn create(policy: &Policy, gate: Option<&Sql>, exempt: Option<&Name>) -> Sql {
    let gated = |expression: &String| {
        let expression = Sql::trusted(expression);
        match (gate, policy.permissive) {
            (None, _) => expression,
            (Some(gate), true) => sql!("{} AND ({})", once(gate), expression),
            (Some(gate), false) => match exempt {
                None => sql!("NOT {} OR ({})", once(gate), expression),
                Some(owner) => sql!("NOT {} OR {} OR ({})", once(gate), once(&acts_as(owner)), expression),
            },
        }
    };
    let kind = Sql::trusted(if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" });
    let roles = policy.roles.iter().map(|role| match role {
        Some(role) => sql!("{}", role),
        None => Sql::trusted("PUBLIC"),
    });
    let using = policy.using.as_ref().map(|using| sql!(" USING ({})", gated(using)));
    let check = policy.check.as_ref().map(|check| sql!(" WITH CHECK ({})", gated(check)));
    let expressions = join(using.into_iter().chain(check), "");
    sql!("AS {} FOR {} TO {}{}", kind, Sql::trusted(&policy.command), join(roles, ", "), expressions)
}

/// The policy that lets editions pass; `None` if there are none.
pub(super) fn pass(bypasses: &[Bypass<'_>]) -> Option<Sql> {
    let condition = bypasses.iter().map(|bypass| match bypass.owner {
        None => once(&bypass.gate),
        Some(owner) => sql!("{} AND {}", once(&bypass.gate), once(&acts_as(owner))),
    });
    (!bypasses.is_empty()).then(|| sql!("USING ({})", join(condition, " OR ")))
}

/// Whether the session has the rights of the owner, as PostgreSQL asks when it decides on row security.
fn acts_as(owner: &Name) -> Sql {
    sql!("pg_catalog.pg_has_role({}, 'USAGE')", Literal(owner.as_str()))
}

/// As a sub-select it is computed once a statement instead of once a row.
fn once(condition: &Sql) -> Sql {
    sql!("(SELECT {})", condition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{QualifiedName, TableId};

    fn policy(permissive: bool) -> Policy {
        let name = |text: &str| Name::new(text).unwrap();
        Policy {
            table: TableId::new(1),
            on: QualifiedName::new(name("public"), name("notes")),
            name: name("own"),
            command: "UPDATE".to_owned(),
            permissive,
            roles: vec![None, Some(name("Clerk"))],
            using: Some("(owner = CURRENT_USER)".to_owned()),
            check: Some("true".to_owned()),
            comment: None,
        }
    }

    #[test]
    fn a_plain_policy_is_what_the_draft_says() {
        insta::assert_snapshot!(create(&policy(true), None, None).as_str(), @r#"AS PERMISSIVE FOR UPDATE TO PUBLIC, "Clerk" USING ((owner = CURRENT_USER)) WITH CHECK (true)"#);
    }

    #[test]
    fn a_gate_takes_away_what_is_given_and_what_is_taken() {
        let gate = Sql::trusted("g");
        insta::assert_snapshot!(create(&policy(true), Some(&gate), None).as_str(), @r#"AS PERMISSIVE FOR UPDATE TO PUBLIC, "Clerk" USING ((SELECT g) AND ((owner = CURRENT_USER))) WITH CHECK ((SELECT g) AND (true))"#);
        let owner = Name::new("o").unwrap();
        insta::assert_snapshot!(create(&policy(false), Some(&gate), Some(&owner)).as_str(), @r#"AS RESTRICTIVE FOR UPDATE TO PUBLIC, "Clerk" USING (NOT (SELECT g) OR (SELECT pg_catalog.pg_has_role('o', 'USAGE')) OR ((owner = CURRENT_USER))) WITH CHECK (NOT (SELECT g) OR (SELECT pg_catalog.pg_has_role('o', 'USAGE')) OR (true))"#);
    }

    #[test]
    fn editions_without_row_security_pass() {
        let owner = Name::new("o").unwrap();
        let bypass = |owner| Bypass { gate: Sql::trusted("g"), owner };
        assert_eq!(pass(&[]), None);
        insta::assert_snapshot!(pass(&[bypass(None), bypass(Some(&owner))]).unwrap().as_str(), @"USING ((SELECT g) OR (SELECT g) AND (SELECT pg_catalog.pg_has_role('o', 'USAGE')))");
    }
}
