//! What changed between two logical schemas of the chain. Pure: [`Schema`] values in, a [`Diff`] out.
//!
//! Three schemas go in: the parent's, the child's, and the child's *aligned* with the parent
//! ([`read_aligned`](crate::blueprint::read_aligned)): read while shared tables and columns bore the parent's names. Names and
//! what is new are told from the child, definitions of what both have from the aligned one; so a rename never shows as a
//! change of everything that mentions the name.
//!
//! Nothing is ignored: what editions do not support becomes [`Change::Unsupported`].

mod accessories;
mod change;
mod code;
mod constraints;
mod effect;
mod identity;
mod others;
mod partitions;
mod policies;
mod tables;
mod unsupported;
mod views;

pub use change::{Change, Diff};
pub use effect::{Effect, Reviewed, review};
pub(crate) use others::SCHEMA;
pub(crate) use unsupported::kind_of_rules;

use crate::model::Schema;

/// The changes from `parent` to `child`, tables first, each kind in the order of the schema that has the object.
pub fn diff(parent: &Schema, child: &Schema, aligned: &Schema) -> Diff {
    let mut changes = Vec::new();
    tables::compare(parent, child, aligned, &mut changes);
    views::compare(parent, child, aligned, &mut changes);
    others::compare_sequences(parent, child, &mut changes);
    code::compare_functions(parent, child, aligned, &mut changes);
    code::compare_triggers(parent, aligned, &mut changes);
    policies::compare(parent, aligned, &mut changes);
    others::compare_types(parent, child, aligned, &mut changes);
    accessories::compare(parent, aligned, &mut changes);
    others::compare_rest(parent, aligned, &mut changes);
    Diff { changes }
}

#[cfg(test)]
mod tests;
