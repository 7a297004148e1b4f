//! Properties of objects: what becomes of each when a draft changes it, and the statements that bring an object from one set
//! of properties to another. Pure.
//!
//! One table, [`RULES`], names every property that is read from a blueprint, with its [`Class`] and the function that writes its
//! statements; `docs/ddl.md` repeats it for people. Owners and privileges are here too, in [`owner`] and [`privileges`].

mod object;
mod owner;
pub mod privileges;
mod rules;
mod text;
mod way;

pub use object::Object;
pub use owner::change_owner;
pub use rules::{Class, RULES, Rule, Write, rule};
pub use text::{Property, differing};
pub use way::{WAYS, Way, way};

use crate::sql::Sql;

/// The statements that bring `object` from the properties `from` to the properties `to`: nothing for those whose change is refused.
pub fn settle(object: &Object<'_>, from: &[String], to: &[String]) -> Vec<Sql> {
    write(object, from, to, |class| matches!(class, Class::DeferredToRetire))
}

/// The statements that give a new, empty object its properties, those included that an object with rows could not get online.
pub fn give(object: &Object<'_>, properties: &[String]) -> Vec<Sql> {
    write(object, &[], properties, |_| true)
}

fn write(object: &Object<'_>, from: &[String], to: &[String], wanted: impl Fn(&Class) -> bool) -> Vec<Sql> {
    differing(from, to)
        .into_iter()
        .filter_map(|property| Some((rule(object.kind(), property.name)?, property)))
        .filter(|(rule, _)| wanted(&rule.class))
        .flat_map(|(rule, property)| (rule.write)(object, property.from, property.to))
        .collect()
}

/// The first property of a new object that no statement of ours would carry over.
pub fn lost<'a>(kind: &str, properties: &'a [String]) -> Option<&'a str> {
    properties
        .iter()
        .map(String::as_str)
        .find(|property| rule(kind, text::name_of(property)).is_none_or(|rule| !rule.given_to_new))
}
