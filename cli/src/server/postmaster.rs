//! One running server process: started, watched until it is ready, and stopped by its process id.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use catalog::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::account::{Account, cannot, command};

/// How much of the server's log an error shows.
const LOG_TAIL_LINES: usize = 20;
/// Between two looks at a process that starts or ends.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What to start.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) postgres: PathBuf,
    pub(super) account: Option<Account>,
    pub(super) data: &'a Path,
    /// Holds the socket, and goes when the server has gone.
    pub(super) runtime: &'a Path,
    pub(super) port: u16,
    pub(super) settings: &'a [(String, String)],
    pub(super) log: &'a Path,
    pub(super) deadline: Duration,
}

/// Why a server did not start.
#[derive(Debug)]
pub(super) enum StartError {
    /// Somebody took the port first.
    PortTaken,
    /// Anything else.
    Other(Error),
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// A server process and its watcher.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    ended: Option<ExitStatus>,
    watcher: Option<(Child, ChildStdin)>,
}

impl Postmaster {
    /// Starts the server and waits until it takes connections.
    pub(super) async fn start(launch: &Launch<'_>) -> Result<Self, StartError> {
        let log = File::create(launch.log).map_err(|error| cannot("write", launch.log, error))?;
        let log_too = log.try_clone().map_err(|error| cannot("write", launch.log, error))?;
        let mut postgres = command(launch.account, &launch.postgres, launch.runtime);
        postgres.arg("-D").arg(launch.data).args(["-p", &launch.port.to_string()]);
        for (name, value) in launch.settings {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        let child = postgres.stdout(log).stderr(log_too).spawn().map_err(|error| {
            let program = launch.postgres.display();
            Error::new(ErrorKind::Environment, format!("cannot run {program}: {error}")).with_source(error)
        })?;
        let mut postmaster = Self { child, ended: None, watcher: None };
        postmaster.watcher = Some(spawn_watcher(launch, postmaster.child.id())?);
        postmaster.wait_until_ready(launch).await?;
        Ok(postmaster)
    }

    /// The last line of `postmaster.pid` becomes "ready" when the server takes connections; `pg_ctl` looks there, too.
    async fn wait_until_ready(&mut self, launch: &Launch<'_>) -> Result<(), StartError> {
        let started = Instant::now();
        let pid = self.child.id().to_string();
        loop {
            let file = fs::read_to_string(launch.data.join("postmaster.pid")).unwrap_or_default();
            let mut lines = file.lines();
            if lines.next() == Some(pid.as_str()) && lines.last().is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if let Some(status) = self.exit_status() {
                let log = fs::read_to_string(launch.log).unwrap_or_default();
                if log.contains("Address already in use") {
                    return Err(StartError::PortTaken);
                }
                let message = format!(
                    "the PostgreSQL server ended while starting ({status}); its log:\n{}",
                    tail(&log)
                );
                return Err(Error::new(ErrorKind::Environment, message).into());
            }
            if started.elapsed() > launch.deadline {
                let log = fs::read_to_string(launch.log).unwrap_or_default();
                let seconds = launch.deadline.as_secs();
                let message = format!(
                    "the PostgreSQL server was not ready within {seconds} s; its log:\n{}",
                    tail(&log)
                );
                return Err(Error::new(ErrorKind::Environment, message).into());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The server's process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended, if it has. Once it has, its id is never used again.
    pub(super) fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Stops the server, sessions or not: fast shutdown, then immediate shutdown, then the axe; reaps the process.
    pub(super) fn stop(&mut self) {
        for (signal, patience) in [
            (Signal::INT, Duration::from_secs(20)),
            (Signal::QUIT, Duration::from_secs(5)),
            (Signal::KILL, Duration::from_secs(5)),
        ] {
            if self.exit_status().is_some() {
                break;
            }
            self.send(signal);
            let asked = Instant::now();
            while self.exit_status().is_none() && asked.elapsed() < patience {
                thread::sleep(LOOK_AGAIN);
            }
        }
        self.dismiss_watcher();
    }

    /// Sends a signal to the server, if it is still there.
    pub(super) fn send(&mut self, signal: Signal) {
        if self.exit_status().is_none()
            && let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
        {
            // it may end in this very moment; then there is nobody to tell
            let _ = kill_process(pid, signal);
        }
    }

    fn dismiss_watcher(&mut self) {
        if let Some((mut watcher, mut pipe)) = self.watcher.take() {
            let _ = pipe.write_all(b"stopped\n");
            drop(pipe);
            let _ = watcher.wait();
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sleeps on a pipe from us. A line means that all is done; the pipe's end without one means that we are gone: then it stops the
/// server (if the data directory still names that very process) and removes the runtime folder.
const WATCHER: &str = r#"
read -r word && exit 0
pid=$1 data=$2 runtime=$3
runs() { [ "$(head -n 1 "$data/postmaster.pid" 2>/dev/null)" = "$pid" ] && kill -0 "$pid" 2>/dev/null; }
stop() { runs && kill "-$1" "$pid"; n=0; while runs && [ "$n" -lt "$2" ]; do sleep 0.1; n=$((n + 1)); done; }
stop INT 200
stop QUIT 50
rm -rf -- "$runtime"
"#;

fn spawn_watcher(launch: &Launch<'_>, pid: u32) -> Result<(Child, ChildStdin)> {
    let mut watcher: Command = command(launch.account, Path::new("/bin/sh"), Path::new("/"));
    watcher.args(["-c", WATCHER, "edition-watcher", &pid.to_string()]).arg(launch.data).arg(launch.runtime);
    let mut child =
        watcher.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(
            |error| {
                Error::new(ErrorKind::Environment, format!("cannot run /bin/sh: {error}")).with_source(error)
            },
        )?;
    let pipe = child.stdin.take().ok_or_else(|| Error::bug("the watcher has no pipe"))?;
    Ok((child, pipe))
}

/// The last lines of a log.
fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_TAIL_LINES)..).unwrap_or_default().join("\n")
}
