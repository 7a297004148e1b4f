//! The kit of the end-to-end tests: one private PostgreSQL for a test binary, one database and one `editiond` for each test,
//! the verbs of `edition` by way of the library, sessions as an application has them, and schemas compared as `pg_dump` writes them.
//!
//! Map:
//! - [`World`]: a database of a non-superuser, and a proxy before it
//! - [`Session`]: a client in an edition
//! - [`Verbs`]: init, create, publish …, with the options that tests want
//! - [`Heard`]: the events of an operation
//! - [`Dump`]: a schema, and how it differs from another
//! - [`Load`]: a version of an application that runs until it is told to stop
//! - [`Pair`]: a live and a plain database side by side, without a proxy, for judging many changes in little time
//! - [`Shape`], [`fill`], [`change`]: what a database holds, and rows thought of by looking at it
//! - [`wire`]: a client that keeps every message that it gets
//! - [`Dice`]: chance that can be repeated
//!
//! Whatever goes wrong in here is a failed test, so the kit panics.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a failed set-up step is a failed test")]

mod dice;
mod dump;
mod filling;
mod heard;
mod load;
mod moments;
mod pair;
mod session;
mod shape;
mod verbs;
pub mod wire;
mod world;

pub use dice::Dice;
pub use dump::{Dump, assert_same_schema};
pub use filling::{Writes, Wrong, change, fill, value};
pub use heard::Heard;
pub use load::{Application, Finished, Load, Script, Transaction};
pub use moments::{Holding, at_every_moment};
pub use pair::{InEdition, Pair};
pub use session::{Failure, Rows, Session};
pub use shape::{ColumnShape, ConstraintShape, RoutineShape, Shape, TableShape, TypeShape, ViewShape};
pub use verbs::{Verbs, edition, name, patience, told};
pub use world::{APP, CLERK, OWNER, World, server};
