//! What benches share: databases of many tables.

mod many_tables;

pub use many_tables::{adopt, edition, fork, make};
