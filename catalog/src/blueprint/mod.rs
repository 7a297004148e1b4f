//! Blueprints: structure-only databases, each with one edition's logical schema as real, empty tables.

mod child;
mod compare;
mod database;
mod dump;
mod read;

pub use child::run_file;
pub use compare::{Comparison, Difference, compare, differences};
pub use database::{drop_blueprint, exists, fork};
pub use dump::copy_structure;
pub use read::{read_aligned, read_database, read_schema, rows_in};
