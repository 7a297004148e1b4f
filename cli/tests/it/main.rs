//! The `edition` command and its private servers, against real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up step is a failed test")]

mod private_server;
