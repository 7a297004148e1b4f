//! Editions end to end: stories told against a real PostgreSQL, through `editiond`, by roles that are no superusers.

mod oracle;
mod scenarios;
