//! The drivers that people use, each connecting with an edition by at least two ways, in version 1 and in version 2 of a table at the
//! same time: a transaction, COPY both ways, a cancelled query, and its own edition before and after.
//!
//! `make test` installs the drivers (scripts/ensure-deps.sh drivers); without them these tests fail and say so.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up step is a failed test")]

mod bed;
mod psql;
mod reflection;
mod tokio_postgres_driver;

use std::path::PathBuf;

use bed::Bed;

/// A file of this crate's `drivers` folder.
fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("drivers").join(name)
}

#[tokio::test]
async fn psycopg_sees_its_edition() {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    Bed::make().await.run_in_both_editions(&python, &script("psycopg_session.py")).await;
}

#[tokio::test]
async fn asyncpg_sees_its_edition() {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    Bed::make().await.run_in_both_editions(&python, &script("asyncpg_session.py")).await;
}

#[tokio::test]
async fn node_postgres_sees_its_edition() {
    Bed::make().await.run_in_both_editions("node".as_ref(), &script("pg_session.js")).await;
}
