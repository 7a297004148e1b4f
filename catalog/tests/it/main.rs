//! The library against real PostgreSQL: one server a run, one database a test, as a role that is not a superuser.

#![expect(clippy::unwrap_used, reason = "a failed set-up step is a failed test")]

mod backfill;
mod scratch;
