//! Who makes what publish makes, and what that role's default privileges do to it.

use crate::{
    model::Name,
    sql,
    sql::{Sql, join},
};

/// The role that runs the statements: what it makes is its own from the start.
#[derive(Clone, Debug)]
pub struct Maker {
    /// Its name.
    pub role: Name,
    /// Whom its default privileges (`ALTER DEFAULT PRIVILEGES`) give something of what it makes; `None`: PUBLIC.
    pub gives_to: Vec<Option<Name>>,
}

impl Maker {
    /// One without default privileges.
    pub fn new(role: Name) -> Self {
        Self { role, gives_to: Vec::new() }
    }

    /// What has to follow the making of a relation or schema, of which PUBLIC has nothing by itself: its privileges are those that it is granted then.
    pub fn takes_back(&self, object: &Sql) -> Option<Sql> {
        revoke(object, self.gives_to.iter().map(Option::as_ref))
    }

    /// The same of a type or routine.
    pub(super) fn takes_back_from_roles(&self, object: &Sql) -> Option<Sql> {
        revoke(object, self.gives_to.iter().flatten().map(Some))
    }
}

fn revoke<'a>(object: &Sql, from: impl Iterator<Item = Option<&'a Name>>) -> Option<Sql> {
    let from = join(from.map(|role| role.map_or_else(|| sql!("PUBLIC"), |role| sql!("{}", role))), ", ");
    (!from.as_str().is_empty()).then(|| sql!("REVOKE ALL ON {} FROM {}", object, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_default_privileges_give_is_taken_back() {
        let role = |name: &str| Name::new(name).unwrap();
        let mut maker = Maker::new(role("owner"));
        assert_eq!(maker.takes_back(&sql!("TABLE t")), None);
        maker.gives_to = vec![None, Some(role("Reporter"))];
        assert_eq!(
            maker.takes_back(&sql!("TABLE t")).unwrap().as_str(),
            "REVOKE ALL ON TABLE t FROM PUBLIC, \"Reporter\""
        );
        assert_eq!(
            maker.takes_back_from_roles(&sql!("TYPE t")).unwrap().as_str(),
            "REVOKE ALL ON TYPE t FROM \"Reporter\""
        );
    }
}
