//! Editions end to end: stories told against a real PostgreSQL, through `editiond`, by roles that are no superusers.

mod bad_input;
mod oracle;
mod scenarios;
