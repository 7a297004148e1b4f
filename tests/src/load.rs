//! One version of an application: a pgbench that runs until it is told to stop, and what its log says.

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

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What a version runs.
#[derive(Clone, Debug)]
pub enum Script {
    /// pgbench's own "TPC-B (sort of)".
    BuiltIn,
    /// A script of ours.
    File(PathBuf),
}

/// What pgbench is told.
#[derive(Clone, Debug)]
pub struct Application<'a> {
    /// pgbench.
    pub program: &'a Path,
    /// A name for the log and for reports: v1, v2 …
    pub version: String,
    /// Chosen at random for each transaction.
    pub scripts: Vec<Script>,
    /// `simple`, `extended` or `prepared`.
    pub protocol: &'a str,
    /// Of the proxy, on 127.0.0.1.
    pub port: u16,
    /// The role.
    pub user: &'a str,
    /// `name@edition`.
    pub database: String,
    /// Connections.
    pub clients: u32,
    /// pgbench's scale, for scripts that use it.
    pub scale: u32,
    /// Where the log goes.
    pub folder: &'a Path,
}

/// A running pgbench.
#[derive(Debug)]
pub struct Load {
    version: String,
    child: Child,
    log: PathBuf,
    complaints: Arc<Mutex<Vec<(SystemTime, String)>>>,
    reader: Option<JoinHandle<()>>,
}

/// One transaction, by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Which of the scripts, from 0.
    pub script: usize,
    /// When it was over.
    pub end: SystemTime,
    /// How long it took.
    pub took: Duration,
}

/// All that one pgbench did.
#[derive(Debug)]
pub struct Finished {
    /// v1, v2 …
    pub version: String,
    /// Every transaction.
    pub transactions: Vec<Transaction>,
    /// Every failure, with its text.
    pub failures: Vec<(SystemTime, String)>,
}

impl Load {
    /// Starts pgbench.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(application: &Application<'_>) -> Result<Self> {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        let Application { version, protocol, .. } = application;
        let log = application.folder.join(format!("{version}-{protocol}-{started}"));
        let mut command = Command::new(application.program);
        // no vacuum (-n): it would wait for our locks, and it is not what an application does
        command.args(["-n", "-h", "127.0.0.1", "-p", &application.port.to_string(), "-U", application.user]);
        command.args([
            "-c",
            &application.clients.to_string(),
            "-j",
            "1",
            "-T",
            "86400",
            "-M",
            protocol,
            "--log",
        ]);
        command.arg(format!("--log-prefix={}", log.display()));
        for script in &application.scripts {
            match script {
                Script::BuiltIn => command.args(["-b", "tpcb-like"]),
                Script::File(file) => command.args(["-s", &application.scale.to_string(), "-f"]).arg(file),
            };
        }
        command.arg(&application.database).env_remove("PGOPTIONS");
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
        Ok(Self { version: version.clone(), child, log, complaints, reader })
    }

    /// Lets the running transactions end, and reads what there is to know. pgbench's own end of time is a SIGALRM, so that
    /// is what it gets.
    ///
    /// # Errors
    /// If it does not end or its log cannot be read.
    pub async fn stop(mut self) -> Result<Finished> {
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
        let transactions = read_log(&self.log, self.child.id())?;
        Ok(Finished { version: std::mem::take(&mut self.version), transactions, failures })
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
        let (took, script) = (fields.next()?.ok()?, fields.next()?.ok()?);
        let (seconds, micros) = (fields.next()?.ok()?, fields.next()?.ok()?);
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
        Some(Transaction { script: usize::try_from(script).ok()?, end, took: Duration::from_micros(took) })
    };
    text.lines()
        .map(|line| transaction(line).ok_or_else(|| format!("odd line in pgbench's log: {line}").into()))
        .collect()
}
