//! The library behind the `edition` command: private PostgreSQL servers for `edition dev`, tests and benches.
//!
//! Map:
//! - [`server`]: finding PostgreSQL's programs, and starting and stopping a server that belongs to this process

pub mod server;
