//! The library against a real PostgreSQL: one server a run, one database a test, always as a role that is no superuser.

#![expect(clippy::unwrap_used, reason = "a failed set-up step is a failed test")]

mod archive;
mod autovacuum;
mod backfill;
mod cluster;
mod coverage;
mod diffs;
mod doctor;
mod interrupted;
mod life;
mod reading;
mod refusals;
mod rules;
mod scratch;
mod sync;
mod transforms;
