//! Blueprints: structure-only databases, each with one edition's logical schema as real, empty tables.

mod check;
mod child;
mod compare;
mod database;
mod dump;
mod given;
mod new_schemas;
mod read;
mod statements;

pub use check::{Sides, check_transform, set_author_path};
pub use child::Script;
pub use compare::{Comparison, Difference, compare, differences};
pub use database::{drop_blueprint, exists, fork};
pub use dump::copy_structure;
pub use given::{given_transforms, resolve_table};
pub use new_schemas::{managed_with, new_schemas};
pub use read::{
    SchemaReader, bound_to_functions, name_in_use, read_aligned, read_database, read_schema, rows_in,
    whole_rows,
};
pub use statements::{NotedStatement, noted_statements};
