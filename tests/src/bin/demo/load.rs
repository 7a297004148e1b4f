//! One version of the application: a pgbench that runs until it is told to stop, and what its log says.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;

/// What a version runs.
pub(crate) enum Script {
    /// pgbench's own "TPC-B (sort of)".
    BuiltIn,
    /// A script of ours.
    File(PathBuf),
}

/// A running pgbench.
pub(crate) struct Load {
    version: &'static str,
    child: Child,
    log: PathBuf,
    complaints: Arc<Mutex<Vec<(SystemTime, String)>>>,
    reader: Option<JoinHandle<()>>,
}

/// One transaction, by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transaction {
    /// When it was over.
    pub(crate) end: SystemTime,
    /// How long it took.
    pub(crate) took: Duration,
}

/// All that one pgbench did.
#[derive(Debug)]
pub(crate) struct Finished {
    /// v1, v2 …
    pub(crate) version: &'static str,
    /// Every transaction.
    pub(crate) transactions: Vec<Transaction>,
    /// Every failure, with its text.
    pub(crate) failures: Vec<(SystemTime, String)>,
}

impl Load {
    /// Starts pgbench against a port of the proxy.
    #[expect(clippy::too_many_arguments, reason = "they are the command line's")]
    pub(crate) fn start(
        program: &Path,
        version: &'static str,
        script: &Script,
        port: u16,
        user: &str,
        database: &str,
        clients: u32,
        scale: u32,
        folder: &Path,
    ) -> Result<Self> {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        let log = folder.join(format!("{version}-{started}"));
        let mut command = Command::new(program);
        // no vacuum (-n): it would wait for our locks, and it is not what an application does
        command.args(["-n", "-h", "127.0.0.1", "-p", &port.to_string(), "-U", user]);
        command.args(["-c", &clients.to_string(), "-j", "1", "-T", "86400", "--log"]);
        command.arg(format!("--log-prefix={}", log.display()));
        match script {
            Script::BuiltIn => command.args(["-b", "tpcb-like"]),
            Script::File(file) => command.args(["-s", &scale.to_string(), "-f"]).arg(file),
        };
        command.arg(database).env_remove("PGOPTIONS");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let complaints = Arc::new(Mutex::new(Vec::new()));
        let reader = child.stderr.take().map(|stderr| {
            let complaints = Arc::clone(&complaints);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
                    complaints.lock().unwrap_or_else(PoisonError::into_inner).push((SystemTime::now(), line));
                }
            })
        });
        Ok(Self { version, child, log, complaints, reader })
    }

    /// Lets the running transactions end, and reads what there is to know. pgbench's own end of time is a SIGALRM, so that
    /// is what it gets.
    pub(crate) async fn stop(mut self) -> Result<Finished> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::ALARM)?;
        }
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if asked.elapsed() > Duration::from_secs(30) {
                return Err(format!("pgbench of {} does not end", self.version).into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| "reading pgbench's messages failed")?;
        }
        let mut failures =
            std::mem::take(&mut *self.complaints.lock().unwrap_or_else(PoisonError::into_inner));
        failures.retain(|(_, line)| line.contains("error:") || line.contains("aborted"));
        if !status.success() && failures.is_empty() {
            failures.push((SystemTime::now(), format!("pgbench ended with {status}")));
        }
        Ok(Finished { version: self.version, transactions: read_log(&self.log, self.child.id())?, failures })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // after stop() there is nothing left to kill
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of `client transaction latency_us script epoch_s epoch_us` (PostgreSQL docs, pgbench, "Per-Transaction Logging").
fn read_log(prefix: &Path, pid: u32) -> Result<Vec<Transaction>> {
    let text = fs::read_to_string(format!("{}.{pid}", prefix.display()))?;
    let transaction = |line: &str| {
        let mut fields = line.split(' ').skip(2).map(str::parse::<u64>);
        let took = fields.next()?.ok()?;
        let (seconds, micros) = (fields.nth(1)?.ok()?, fields.next()?.ok()?);
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
        Some(Transaction { end, took: Duration::from_micros(took) })
    };
    text.lines()
        .map(|line| transaction(line).ok_or_else(|| format!("odd line in pgbench's log: {line}").into()))
        .collect()
}
