//! Editions end to end: stories told against a real PostgreSQL, through `editiond`, by roles that are no superusers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there where it should be is a failed test"
)]

mod artefact;
mod bad_input;
mod introspection;
mod oracle;
mod scenarios;
