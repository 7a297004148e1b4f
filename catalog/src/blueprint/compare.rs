//! Comparing whole databases: two editions by their blueprints, and any two databases by definition, whatever their OIDs.

use std::collections::BTreeMap;

use super::read::{flatten, read_aligned, read_database};
use crate::{
    diff::{Diff, diff},
    error::Result,
    model::{Name, Schema},
    target::Connection,
};

/// Two editions, and what lies between them.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The older one's schema.
    pub from: Schema,
    /// The newer one's schema.
    pub to: Schema,
    /// From the older to the newer.
    pub diff: Diff,
}

/// Tells what changes from `before` to what `newer`, a blueprint of the same chain, holds.
pub async fn compare(newer: &mut Connection, editioned: &[Name], before: Schema) -> Result<Comparison> {
    let after = read_database(newer, editioned).await?;
    let aligned = read_aligned(newer, editioned, &before, &after).await?;
    let diff = diff(&before, &after, &aligned);
    Ok(Comparison { from: before, to: after, diff })
}

/// One object that two databases do not have alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Only the first has it.
    Missing(String),
    /// Only the second has it.
    Added(String),
    /// Both have it, in different words. PostgreSQL may word a definition that it reads from a dump otherwise than the
    /// original, though both mean the same.
    Changed(String),
}

/// Compares two databases by the names and definitions of their objects.
pub fn differences(first: &Schema, second: &Schema) -> Vec<Difference> {
    let by_name = |schema: &Schema| -> BTreeMap<String, String> {
        flatten(schema)
            .into_iter()
            .map(|object| (format!("{} {}", object.kind, object.identity), object.definition))
            .collect()
    };
    let (first, second) = (by_name(first), by_name(second));
    let mut found: Vec<Difference> = second
        .keys()
        .filter(|name| !first.contains_key(*name))
        .map(|name| Difference::Added(name.clone()))
        .collect();
    for (name, definition) in &first {
        match second.get(name) {
            None => found.push(Difference::Missing(name.clone())),
            Some(other) if other != definition => found.push(Difference::Changed(name.clone())),
            Some(_) => {}
        }
    }
    found.sort();
    found
}
