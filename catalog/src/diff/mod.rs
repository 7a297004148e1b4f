//! What changed between two logical schemas of the chain. Pure: two [`Schema`](crate::model::Schema) values in, a [`Diff`] out.

mod change;

pub use change::{Change, Diff};
