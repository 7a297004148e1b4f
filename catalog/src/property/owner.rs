//! Owners: an older edition would lose what only the owner may do, so a change of owner waits until the edition is the root.

use super::Object;
use crate::{model::Name, sql, sql::Sql};

/// The statement that gives the object another owner, if it is another one.
pub fn change_owner(object: &Object<'_>, from: &Name, to: &Name) -> Option<Sql> {
    (from != to).then(|| sql!("ALTER {} OWNER TO {}", object.named(), to))
}
