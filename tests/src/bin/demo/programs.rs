//! The programs of the story, run as a user would run them.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use edition_cli::server::PrivateServer;

use crate::{Result, report::say};

/// How much of what a failed program said is shown.
const LINES_SHOWN: usize = 12;

/// Our own binaries lie beside this one.
fn sibling(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{} is not built; run: make demo", path.display()).into())
    }
}

/// A command that connects straight to the server.
fn direct(program: &Path, server: &PrivateServer, user: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", user)
        .env_remove("PGDATABASE")
        .env_remove("PGOPTIONS")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end and returns its standard output; an error shows all that it said.
fn finish(mut command: Command) -> Result<String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let lines: Vec<_> = said.lines().collect();
    let last = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n");
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    let program = command.get_program().display();
    Err(format!("{program} {}: {}\n{}", arguments.join(" "), output.status, last).into())
}

/// `edition …` on a database of the server.
pub(crate) fn edition(
    server: &PrivateServer,
    user: &str,
    database: &str,
    arguments: &[&str],
) -> Result<String> {
    let started = Instant::now();
    let mut command = direct(&sibling("edition")?, server, user);
    command
        .env("PGDATABASE", database)
        .env_remove("DATABASE_URL")
        .env_remove("EDITION_DATABASE_URL")
        .args(arguments);
    let output = finish(command)?;
    say(&format!("$ edition {}   ({} ms)", arguments.join(" "), started.elapsed().as_millis()));
    Ok(output)
}

/// `pgbench …`, to its end.
pub(crate) fn pgbench(server: &PrivateServer, user: &str, arguments: &[&str]) -> Result<()> {
    let mut command = direct(&server.installation().program("pgbench"), server, user);
    command.args(arguments);
    finish(command).map(drop)
}

/// Runs an SQL file.
pub(crate) fn psql(server: &PrivateServer, user: &str, database: &str, file: &Path) -> Result<()> {
    let mut command = direct(&server.programs()?.psql, server, user);
    command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f"]).arg(file);
    finish(command).map(drop)
}

/// The schema as SQL.
pub(crate) fn pg_dump(
    server: &PrivateServer,
    user: &str,
    database: &str,
    arguments: &[&str],
) -> Result<String> {
    let mut command = direct(&server.programs()?.pg_dump, server, user);
    command.args(["--schema-only", "-d", database]).args(arguments);
    finish(command)
}

/// `editiond`, as long as this value lives.
pub(crate) struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    /// Starts it in front of the server and waits until it listens.
    pub(crate) async fn start(server: &PrivateServer, user: &str, folder: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = std::fs::File::create(folder.join("editiond.log"))?;
        let mut command = direct(&sibling("editiond")?, server, user);
        command.args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--server",
            &format!("127.0.0.1:{}", server.port()),
        ]);
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut proxy = Self { child, port };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if proxy.child.try_wait()?.is_some() || started.elapsed() > Duration::from_secs(10) {
                let log = std::fs::read_to_string(folder.join("editiond.log")).unwrap_or_default();
                return Err(format!("editiond does not listen:\n{log}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(proxy)
    }

    /// Where it listens, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // it may have ended by itself; either way it is gone afterwards
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
