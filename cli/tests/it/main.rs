//! The `edition` command and its private servers, against real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a failed set-up step is a failed test")]

mod command_line;
mod private_server;
