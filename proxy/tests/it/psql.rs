//! The real psql.

use std::process::{Command, Output, Stdio};

use crate::world::World;

/// What psql said: its output, or what it complained of.
pub(crate) type Said = Result<String, String>;

/// Runs one statement (or backslash command) with this connection string; the password of all roles is in the
/// environment.
pub(crate) async fn psql(world: &World, connection: &str, statement: &str) -> Said {
    let mut command = Command::new(world.server.installation().program("psql"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG")) {
        command.env_remove(name);
    }
    command.env("PGPASSWORD", "open sesame").env("PGCONNECT_TIMEOUT", "20").env("HOME", "/nonexistent");
    command.args(["-X", "-A", "-t", "-c", statement, "-d", connection]).stdin(Stdio::null());
    let run = move || command.output().unwrap();
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(run).await.unwrap();
    if status.success() {
        Ok(String::from_utf8(stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8(stderr).unwrap())
    }
}

/// A connection string for psql: through the proxy, by the name `localhost`.
pub(crate) fn through(world: &World, more: &str) -> String {
    let (port, database) = (world.port(), &world.database);
    format!("host=localhost hostaddr=127.0.0.1 port={port} dbname={database} user=postgres {more}")
}
