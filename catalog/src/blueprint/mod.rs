//! Blueprints: structure-only databases, each with one edition's logical schema as real, empty tables.

mod read;

pub use read::{read_aligned, read_database, read_schema, rows_in};
