//! GRANT statements from exploded ACLs.

use super::Maker;
use crate::{
    model::{Function, FunctionKind, Grant, Name, QualifiedName},
    sql,
    sql::Sql,
};

/// Privileges that PostgreSQL knows; whatever else an ACL says (a newer server's) is not ours to repeat.
const KNOWN: [&str; 13] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
    "MAINTAIN",
    "USAGE",
    "EXECUTE",
    "CREATE",
    "CONNECT",
    "SET",
];

/// The privilege, if it is one that we repeat.
pub(crate) fn privilege(grant: &Grant) -> Option<Sql> {
    KNOWN.iter().find(|known| **known == grant.privilege).map(|known| Sql::trusted(*known))
}

/// Whom it is for.
pub(crate) fn grantee(grant: &Grant) -> Sql {
    match &grant.grantee {
        Some(role) => sql!("{}", role),
        None => Sql::trusted("PUBLIC"),
    }
}

/// Whether it may be passed on.
pub(crate) fn option(grant: &Grant) -> Sql {
    Sql::trusted(if grant.grantable { " WITH GRANT OPTION" } else { "" })
}

fn grant_on(object: &Sql, grants: &[Grant], keep: impl Fn(&str) -> bool) -> Vec<Sql> {
    grants
        .iter()
        .filter(|grant| keep(&grant.privilege))
        .filter_map(|grant| {
            let privilege = privilege(grant)?;
            Some(sql!("GRANT {} ON {} TO {}{}", privilege, object, grantee(grant), option(grant)))
        })
        .collect()
}

/// Table privileges, for a table or a view. A view has no use for TRUNCATE, REFERENCES, TRIGGER and MAINTAIN.
pub fn grant_relation(relation: &QualifiedName, grants: &[Grant], is_view: bool) -> Vec<Sql> {
    let data = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    grant_on(&sql!("TABLE {}", relation), grants, |privilege| !is_view || data.contains(&privilege))
}

/// Column privileges: (column as the relation names it, its ACL).
pub fn grant_columns<'a>(
    relation: &QualifiedName,
    columns: impl IntoIterator<Item = (&'a Name, &'a [Grant])>,
) -> Vec<Sql> {
    let mut statements = Vec::new();
    for (column, grants) in columns {
        for grant in grants {
            if let Some(privilege) = privilege(grant) {
                statements.push(sql!(
                    "GRANT {} ({}) ON TABLE {} TO {}{}",
                    privilege,
                    column,
                    relation,
                    grantee(grant),
                    option(grant)
                ));
            }
        }
    }
    statements
}

/// USAGE on an edition's schema for everyone who has it on the editioned schema; never CREATE.
pub fn grant_schema(schema: &Name, grants: &[Grant], maker: &Maker) -> Vec<Sql> {
    let object = sql!("SCHEMA {}", schema);
    let granted = grant_on(&object, grants, |privilege| privilege == "USAGE");
    maker.takes_back(&object).into_iter().chain(granted).collect()
}

/// Sequence privileges.
pub fn grant_sequence(sequence: &QualifiedName, grants: &[Grant]) -> Vec<Sql> {
    grant_on(&sql!("SEQUENCE {}", sequence), grants, |_| true)
}

/// Type privileges; a type starts with USAGE for PUBLIC, so that is taken away first when the ACL lacks it.
pub fn grant_type(name: &QualifiedName, grants: &[Grant]) -> Vec<Sql> {
    let object = sql!("TYPE {}", name);
    revoke_public_unless_granted(&object, grants)
        .into_iter()
        .chain(grant_on(&object, grants, |_| true))
        .collect()
}

/// Routine privileges; as with types, PUBLIC may execute a new one. An operator has none.
pub fn grant_function(function: &Function) -> Vec<Sql> {
    if function.kind == FunctionKind::Operator {
        return Vec::new();
    }
    let object = routine(function);
    revoke_public_unless_granted(&object, &function.grants)
        .into_iter()
        .chain(grant_on(&object, &function.grants, |_| true))
        .collect()
}

/// A function, procedure or aggregate as GRANT names it: by its arguments only, so that those which an aggregate orders by are arguments like the others.
pub(super) fn routine(function: &Function) -> Sql {
    let arguments = match (function.kind, function.arguments.split_once("ORDER BY ")) {
        (FunctionKind::Aggregate, Some((direct, ordered))) => {
            let direct = direct.trim_end();
            // The direct arguments of a hypothetical-set aggregate end with those that it orders by.
            let all = if direct.contains("VARIADIC") { vec![direct] } else { vec![direct, ordered] };
            all.into_iter().filter(|arguments| !arguments.is_empty()).collect::<Vec<_>>().join(", ")
        }
        _ => function.arguments.clone(),
    };
    sql!("ROUTINE {}({})", function.name, Sql::trusted(arguments))
}

fn revoke_public_unless_granted(object: &Sql, grants: &[Grant]) -> Option<Sql> {
    // An empty list is a NULL ACL: the built-in default, which needs nothing.
    let public = grants.is_empty() || grants.iter().any(|grant| grant.grantee.is_none());
    (!public).then(|| sql!("REVOKE ALL ON {} FROM PUBLIC", object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::join;

    #[test]
    fn a_view_gets_the_data_privileges_only() {
        let relation = QualifiedName::new(Name::new("public$v2").unwrap(), Name::new("users").unwrap());
        let grants = ["SELECT", "TRUNCATE"].map(|privilege| Grant {
            grantee: Some(Name::new("App").unwrap()),
            privilege: privilege.to_owned(),
            grantable: false,
        });
        assert_eq!(
            join(grant_relation(&relation, &grants, true), "; ").as_str(),
            "GRANT SELECT ON TABLE \"public$v2\".\"users\" TO \"App\""
        );
    }

    #[test]
    fn an_aggregate_is_named_by_all_its_arguments() {
        for (arguments, named) in [
            ("", "()"),
            ("integer", "(integer)"),
            ("double precision ORDER BY anyelement", "(double precision, anyelement)"),
            ("ORDER BY anyelement", "(anyelement)"),
            ("VARIADIC \"any\" ORDER BY VARIADIC \"any\"", "(VARIADIC \"any\")"),
        ] {
            let aggregate = Function {
                kind: FunctionKind::Aggregate,
                ..Function::sample(Name::new("f").unwrap(), arguments, "")
            };
            assert_eq!(routine(&aggregate).as_str(), format!("ROUTINE \"public\".\"f\"{named}"));
        }
    }
}
