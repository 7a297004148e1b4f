//! `editiond` between real clients and a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a failed set-up step is a failed test")]

mod authentication;
mod catalogue;
mod certificates;
mod client_tls;
mod editions;
mod encodings;
mod fuzzing;
mod hostile;
mod interludes;
mod memory;
mod program;
mod protocol;
mod psql;
mod raw;
mod rewriting;
mod routing;
mod server_tls;
mod servers;
mod stopping;
mod versions;
mod view_gap;
mod world;
