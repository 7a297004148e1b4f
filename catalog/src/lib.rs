//! The library behind `edition` and `editiond`: what an edition is, how one schema becomes another while both
//! are in use, and the catalogue that remembers it. It talks to PostgreSQL and to nobody else: no printing, no
//! environment, no client sockets.
//!
//! Map:
//! - [`model`]: plain data: names, ids, editions, a logical schema, transforms
//! - [`mod@sql`]: the quoting-safe SQL layer and the parser seam
//! - [`store`]: the catalogue in schema `edition`: migrations, rows, locks, journal
//! - [`blueprint`]: the structure-only databases that hold drafts, and reading a schema from one
//! - [`diff`]: what changed between two logical schemas (pure)
//! - [`layout`]: which physical table and column an edition's names mean (pure)
//! - [`ddl`]: text of views, triggers and alterations (pure)
//! - [`property`]: comments, options, owners, privileges: what becomes of each that a draft changes (pure)
//! - [`plan`]: diff + layout → steps and findings (pure)
//! - [`backfill`]: computes a child's columns for the rows that are there, in batches that nobody waits for
//! - [`archive`]: the file that keeps what only a rolled-back edition stored
//! - [`operation`]: the verbs: init, create, publish, rollback, retire …, each resumable through the journal
//! - [`seed`]: rows that a draft's migrations inserted, and how they are carried to the live database
//! - [`snapshot`]: what a proxy needs to know of the catalogue
//! - [`tls`]: TLS to servers, by libpq's rules
//! - [`doctor`]: what in a database would go around an edition
//! - `introspection`: the system catalogues as an edition sees them
//! - [`event`]: one stream of progress for the CLI, its `--json` and the tests

pub mod archive;
pub mod backfill;
pub mod blueprint;
mod codes;
pub mod ddl;
pub mod diff;
pub mod doctor;
pub mod error;
pub mod event;
mod introspection;
pub mod layout;
pub mod model;
pub mod operation;
mod order;
pub mod physical;
pub mod plan;
pub mod property;
pub mod seed;
pub mod snapshot;
pub mod sql;
pub mod store;
pub mod target;
pub mod tls;

pub use error::{Error, ErrorKind, Result};
