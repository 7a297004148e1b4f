//! Client programs of PostgreSQL as child processes: connection by environment (so that no password shows in a process
//! list), standard error kept for the message, a deadline, and no survivor.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tokio_postgres::{Config, config::Host};

use crate::{
    error::{Error, ErrorKind, Result},
    tls::Tls,
};

/// How long one program may take. A schema-only dump takes seconds; what takes this long hangs.
pub(super) const DEADLINE: Duration = Duration::from_secs(600);
/// What is kept of standard error.
const STDERR_KEPT: usize = 64 * 1024;

/// A file of SQL, read once: what is no plain file (a pipe, standard input) gives its text to one reader only.
#[derive(Debug)]
pub struct Script {
    file: PathBuf,
    /// Whether psql may read it for itself, which knows then where it stands (`\ir`, messages).
    is_plain: bool,
    bytes: Vec<u8>,
}

impl Script {
    /// Reads a file; `-` is standard input.
    pub fn read(file: &Path) -> Result<Self> {
        let is_input = file == Path::new("-");
        let read = if is_input {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(file)
        };
        let bytes = read.map_err(|error| {
            Error::new(ErrorKind::Environment, format!("cannot read {}: {error}", file.display()))
                .with_hint("nothing was done: name a file of SQL, or - for standard input")
        })?;
        let is_plain = !is_input && std::fs::metadata(file).is_ok_and(|known| known.is_file());
        Ok(Self { file: file.to_owned(), is_plain, bytes })
    }

    /// For people.
    pub fn name(&self) -> String {
        if self.file == Path::new("-") {
            "standard input".to_owned()
        } else {
            self.file.display().to_string()
        }
    }

    /// What it says; `None` in another encoding than ours.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// Runs it by psql, in one transaction that its first error ends.
    pub async fn run(&self, psql: &Path, config: &Config, tls: &Tls) -> Result<()> {
        let mut command = program(psql, config, tls);
        command.args(["-X", "-q", "-1", "--no-password", "-v", "ON_ERROR_STOP=1", "-f"]);
        if self.is_plain {
            command.arg(&self.file).stdin(Stdio::null());
        } else {
            command.arg("-").stdin(Stdio::piped());
        }
        command.stdout(Stdio::null());
        let mut running = Running::start(psql, command)?;
        let input = running.child.stdin.take();
        let give = async {
            if let Some(mut input) = input {
                // psql that ends before it has read all says why.
                input.write_all(&self.bytes).await.ok();
            }
        };
        let (ended, ()) = tokio::join!(running.wait(), give);
        ended?.success_or(|message| {
            let hint = if message.contains("violates foreign key constraint") {
                "no draft was made. A draft begins without rows; if the file needs rows that earlier drafts of these editions inserted, say --with-rows. \
                 Rows that are only in the live database cannot be referred to: insert them through the edition once it is published"
            } else {
                "no draft was made: mend the file and run the same command again"
            };
            Error::refused(format!("{} failed: {message}", self.name())).with_hint(hint)
        })
    }
}

/// A program that will connect as `config` says.
pub(super) fn program(path: &Path, config: &Config, tls: &Tls) -> Command {
    let mut command = Command::new(path);
    command.kill_on_drop(true).stderr(Stdio::piped());
    for inherited in [
        "PGSERVICE",
        "PGSERVICEFILE",
        "PGOPTIONS",
        "PGHOSTADDR",
        "PGHOST",
        "PGPORT",
        "PGUSER",
        "PGPASSWORD",
        "PSQLRC",
        "PGSSLROOTCERT",
        "PGSSLCERT",
        "PGSSLKEY",
    ] {
        command.env_remove(inherited);
    }
    command.env("PGAPPNAME", "edition").env("LC_MESSAGES", "C").env("PGCONNECT_TIMEOUT", "10");
    for (name, value) in connection_variables(config).into_iter().chain(tls.environment()) {
        command.env(name, value);
    }
    if let Some(password) = config.get_password() {
        // Anything else could not have come from a connection string.
        command.env("PGPASSWORD", String::from_utf8_lossy(password).as_ref());
    }
    command
}

fn connection_variables(config: &Config) -> Vec<(&'static str, String)> {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let ports = config.get_ports().iter().map(ToString::to_string);
    let joined = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join(","));
    [
        ("PGHOST", joined(hosts.collect())),
        ("PGHOSTADDR", joined(addresses.collect())),
        ("PGPORT", joined(ports.collect())),
        ("PGUSER", config.get_user().map(str::to_owned)),
        ("PGDATABASE", config.get_dbname().map(str::to_owned)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// A started program.
pub(super) struct Running {
    name: String,
    child: Child,
}

impl Running {
    pub(super) fn start(path: &Path, mut command: Command) -> Result<Self> {
        let name = path
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        let child = command.spawn().map_err(|error| {
            Error::new(ErrorKind::Environment, format!("cannot start {}: {error}", path.display()))
                .with_hint("install PostgreSQL's client programs, or say where they are with --pg-bin")
                .with_source(error)
        })?;
        Ok(Self { name, child })
    }

    /// Its standard output.
    pub(super) fn output(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().ok_or_else(|| Error::bug("standard output was not piped"))
    }

    /// Its standard input.
    pub(super) fn input(&mut self) -> Result<ChildStdin> {
        self.child.stdin.take().ok_or_else(|| Error::bug("standard input was not piped"))
    }

    /// Waits for the end, reading standard error meanwhile; kills at the deadline.
    pub(super) async fn wait(&mut self) -> Result<Ended> {
        let stderr = self.child.stderr.take();
        let both = async { tokio::join!(self.child.wait(), keep_head(stderr)) };
        let Ok((status, stderr)) = tokio::time::timeout(DEADLINE, both).await else {
            self.child.start_kill().ok();
            return Err(Error::new(
                ErrorKind::Database,
                format!("{} did not end within {DEADLINE:?}", self.name),
            )
            .with_hint(
                "see what it waits for: select * from pg_stat_activity where application_name = 'edition'",
            ));
        };
        let status = status.map_err(|error| {
            Error::bug(format!("cannot wait for {}: {error}", self.name)).with_source(error)
        })?;
        Ok(Ended { name: self.name.clone(), status, stderr })
    }
}

/// How a program ended.
pub(super) struct Ended {
    name: String,
    status: ExitStatus,
    stderr: String,
}

impl Ended {
    /// Nothing if it ended well, else the error that `make` forms of what it said.
    pub(super) fn success_or(&self, make: impl FnOnce(&str) -> Error) -> Result<()> {
        if self.status.success() {
            return Ok(());
        }
        let said = self.stderr.trim();
        let message = if said.is_empty() {
            format!("{} ended with {}", self.name, self.status)
        } else {
            said.to_owned()
        };
        Err(make(&message))
    }

    /// Whether the program ended well.
    pub(super) fn is_success(&self) -> bool {
        self.status.success()
    }
}

/// Reads to the end and keeps the first part: programs say what is wrong first and then what follows from it.
async fn keep_head(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    let mut chunk = [0_u8; 4096];
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        let room = STDERR_KEPT.saturating_sub(kept.len());
        kept.extend(chunk.iter().take(length.min(room)));
    }
    String::from_utf8_lossy(&kept).into_owned()
}
