//! Types: making and moving one with all that belongs to it.

use super::{Maker, grant_type, owner_of};
use crate::{
    model::{Name, TypeDef, TypeKind},
    property::{Object, give},
    sql,
    sql::Sql,
};

/// A type with its comments, privileges and owner.
pub fn create_type(definition: &TypeDef, maker: &Maker) -> Vec<Sql> {
    let name = &definition.name;
    let subject = if definition.kind == TypeKind::Domain { Object::Domain(name) } else { Object::Type(name) };
    let mut statements = vec![Sql::trusted(&definition.definition)];
    statements.extend(give(&subject, &definition.properties));
    statements.extend(maker.takes_back_from_roles(&sql!("TYPE {}", name)));
    statements.extend(grant_type(name, &definition.grants));
    statements.extend(owner_of(&sql!("TYPE {}", name), &definition.owner, maker));
    statements
}

/// DROP of a type of any kind.
pub fn drop_type(definition: &TypeDef) -> Sql {
    sql!("DROP TYPE IF EXISTS {}", definition.name)
}

/// Moves a type to another schema, unless it is a range type: its constructors would stay behind.
pub fn move_type(definition: &TypeDef, schema: &Name) -> Sql {
    sql!("ALTER TYPE {} SET SCHEMA {}", definition.name, schema)
}
