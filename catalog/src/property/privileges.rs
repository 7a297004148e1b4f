//! Privileges: what a role gets, it gets at publish, because the newer edition needs it and an older one cannot lose by it; what it loses, it
//! loses at retire. Between the two an object's privileges are those of all live editions together.

use std::collections::BTreeSet;

use crate::{
    ddl::{grantee, option, privilege},
    model::{Grant, Name},
    sql,
    sql::Sql,
};

/// What privileges are on: `TABLE public.users`, or some of its columns.
#[derive(Clone, Debug)]
pub struct On {
    object: Sql,
    column: Option<Name>,
}

impl On {
    /// A whole object, as GRANT names it.
    pub fn object(object: Sql) -> Self {
        Self { object, column: None }
    }

    /// One column of a table or view.
    pub fn column(relation: &Sql, column: &Name) -> Self {
        Self { object: sql!("TABLE {}", relation), column: Some(column.clone()) }
    }

    fn grant(&self, grant: &Grant) -> Option<Sql> {
        let privilege = self.privilege(grant)?;
        Some(sql!("GRANT {} ON {} TO {}{}", privilege, self.object, grantee(grant), option(grant)))
    }

    /// `only_option`: the role keeps the privilege itself.
    fn revoke(&self, grant: &Grant, only_option: bool) -> Option<Sql> {
        let option = Sql::trusted(if only_option { "GRANT OPTION FOR " } else { "" });
        Some(sql!("REVOKE {}{} ON {} FROM {}", option, self.privilege(grant)?, self.object, grantee(grant)))
    }

    fn privilege(&self, grant: &Grant) -> Option<Sql> {
        let privilege = privilege(grant)?;
        Some(match &self.column {
            Some(column) => sql!("{} ({})", privilege, column),
            None => privilege,
        })
    }
}

/// What the newer of two has and the older ones together have not, as statements and what undoes them.
pub fn added(on: &On, standing: &[&[Grant]], wanted: &[Grant]) -> (Vec<Sql>, Vec<Sql>) {
    let there: BTreeSet<&Grant> = standing.iter().copied().flatten().collect();
    let new: Vec<&Grant> = wanted.iter().filter(|grant| !covered(grant, &there)).collect();
    let statements = new.iter().filter_map(|grant| on.grant(grant)).collect();
    let inverse =
        new.iter().filter_map(|grant| on.revoke(grant, kept_without_option(grant, &there))).collect();
    (statements, inverse)
}

/// What `gone` had and nobody of the `remaining` has, as statements.
pub fn removed(on: &On, gone: &[Grant], remaining: &[&[Grant]]) -> Vec<Sql> {
    let kept: BTreeSet<&Grant> = remaining.iter().copied().flatten().collect();
    gone.iter()
        .filter(|grant| !covered(grant, &kept))
        .filter_map(|grant| on.revoke(grant, kept_without_option(grant, &kept)))
        .collect()
}

/// What gives a former owner back what the `remaining` say it has: ALTER … OWNER TO hands everything that the old owner holds over to the new one.
pub fn given_back(on: &On, former_owner: &Name, remaining: &[&[Grant]]) -> Vec<Sql> {
    let is_theirs = |grant: &&Grant| grant.grantee.as_ref() == Some(former_owner);
    let theirs: BTreeSet<&Grant> = remaining.iter().copied().flatten().filter(is_theirs).collect();
    theirs.into_iter().filter_map(|grant| on.grant(grant)).collect()
}

/// What gives privileges on the columns of a table back that a REVOKE of the same privilege on all of it takes away (docs, REVOKE: "the corresponding
/// column privileges (if any) are automatically revoked on each column of the table, as well"). `gone` and `remaining`: the grants on the table;
/// `columns`: those on columns that are to stay.
pub fn kept_on_columns<'a>(
    relation: &Sql,
    gone: &[Grant],
    remaining: &[&[Grant]],
    columns: impl IntoIterator<Item = (&'a Name, &'a Grant)>,
) -> Vec<Sql> {
    let kept: BTreeSet<&Grant> = remaining.iter().copied().flatten().collect();
    let revoked: Vec<&Grant> = gone.iter().filter(|grant| !covered(grant, &kept)).collect();
    let is_struck = |grant: &Grant| {
        revoked.iter().any(|one| one.grantee == grant.grantee && one.privilege == grant.privilege)
    };
    let struck: BTreeSet<(&Name, &Grant)> =
        columns.into_iter().filter(|(_, grant)| is_struck(grant)).collect();
    struck.into_iter().filter_map(|(column, grant)| On::column(relation, column).grant(grant)).collect()
}

/// With the grant option is more than without.
fn covered(grant: &Grant, by: &BTreeSet<&Grant>) -> bool {
    by.contains(grant) || (!grant.grantable && by.contains(&Grant { grantable: true, ..grant.clone() }))
}

fn kept_without_option(grant: &Grant, kept: &BTreeSet<&Grant>) -> bool {
    grant.grantable && kept.contains(&Grant { grantable: false, ..grant.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::join;

    fn grant(role: &str, privilege: &str, grantable: bool) -> Grant {
        Grant { grantee: Name::new(role).ok(), privilege: privilege.to_owned(), grantable }
    }

    #[test]
    fn only_what_nobody_had_is_granted_and_taken_back() {
        let on = On::object(Sql::trusted("TABLE t"));
        let (root, parent) = (
            vec![grant("a", "SELECT", false), grant("b", "SELECT", false)],
            vec![grant("a", "SELECT", false)],
        );
        let child = [grant("a", "SELECT", true), grant("b", "SELECT", false), grant("c", "INSERT", false)];
        let (statements, inverse) = added(&on, &[&root, &parent], &child);
        assert_eq!(
            join(statements, "; ").as_str(),
            "GRANT SELECT ON TABLE t TO \"a\" WITH GRANT OPTION; GRANT INSERT ON TABLE t TO \"c\""
        );
        assert_eq!(
            join(inverse, "; ").as_str(),
            "REVOKE GRANT OPTION FOR SELECT ON TABLE t FROM \"a\"; REVOKE INSERT ON TABLE t FROM \"c\""
        );
    }

    #[test]
    fn what_a_remaining_edition_has_stays() {
        let on = On::column(&Sql::trusted("t"), &Name::new("c").unwrap());
        let gone = [grant("a", "SELECT", false), grant("b", "SELECT", false)];
        let kept = vec![grant("b", "SELECT", true)];
        assert_eq!(
            join(removed(&on, &gone, &[&kept]), "; ").as_str(),
            "REVOKE SELECT (\"c\") ON TABLE t FROM \"a\""
        );
    }
}
