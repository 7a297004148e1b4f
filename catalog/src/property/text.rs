//! Properties as they are read: `name=value`, sorted.

/// One property that two objects do not have alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property<'a> {
    /// Its name.
    pub name: &'a str,
    /// The value before; `None`: PostgreSQL's default.
    pub from: Option<&'a str>,
    /// The value after.
    pub to: Option<&'a str>,
}

/// What stands before the `=`.
pub(super) fn name_of(property: &str) -> &str {
    property.split_once('=').map_or(property, |(name, _)| name)
}

fn value<'a>(properties: &'a [String], name: &str) -> Option<&'a str> {
    properties.iter().find_map(|property| property.strip_prefix(name)?.strip_prefix('='))
}

/// Every property that differs, in the order of their names.
pub fn differing<'a>(from: &'a [String], to: &'a [String]) -> Vec<Property<'a>> {
    let mut names: Vec<&str> = from.iter().chain(to).map(|property| name_of(property)).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| Property { name, from: value(from, name), to: value(to, name) })
        .filter(|property| property.from != property.to)
        .collect()
}

/// `fillfactor=50, autovacuum_enabled=off` as pairs; PostgreSQL's storage options hold neither commas nor spaces.
pub(super) fn options(text: Option<&str>) -> Vec<(&str, &str)> {
    text.unwrap_or_default()
        .split(", ")
        .filter(|option| !option.is_empty())
        .map(|option| option.split_once('=').unwrap_or((option, "true")))
        .collect()
}
