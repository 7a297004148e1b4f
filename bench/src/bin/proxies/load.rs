//! The loads, and one sample of one.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use catalog::{Error, ErrorKind, Result};
use edition_cli::server::PrivateServer;
use serde::Serialize;

use crate::{DATABASE, accounting, failed, peers::Peer};

/// Rows of one COPY.
const COPIED: u64 = 500_000;

/// Something that clients do.
pub(crate) struct Load {
    pub(crate) name: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    kind: Kind,
}

enum Kind {
    /// pgbench with these arguments.
    Pgbench(Vec<String>),
    /// psql with this command, which moves [`COPIED`] rows.
    Copy(String),
}

/// What one sample gave.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) load: &'static str,
    pub(crate) target: &'static str,
    /// Transactions, or rows.
    pub(crate) units: u64,
    pub(crate) seconds: f64,
    /// Of the proxy.
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) resident_kb: Option<u64>,
}

impl Sample {
    /// CPU of the proxy in µs a unit.
    pub(crate) fn cpu_per_unit(&self) -> Option<f64> {
        Some(self.cpu_seconds? * 1e6 / self.units as f64)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.units as f64 / self.seconds
    }

    /// For people.
    pub(crate) fn line(&self) -> String {
        let cpu = self.cpu_per_unit().map_or("-".to_owned(), |cpu| format!("{cpu:.2}"));
        format!("{:>9.0}/s   {cpu:>7} µs CPU", self.per_second())
    }
}

impl Load {
    /// All loads; `folder` takes their files.
    pub(crate) fn all(folder: &Path) -> Result<Vec<Self>> {
        let script = folder.join("rows.sql");
        let text = "\\set first random(1, 100000)\n\
                    SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid BETWEEN :first AND :first + 999;\n";
        std::fs::write(&script, text).map_err(failed("cannot write a script"))?;
        let data = folder.join("rows.tsv");
        std::fs::write(&data, copy_data()).map_err(failed("cannot write the rows for COPY"))?;
        let point = |name, mode: &str, clients: u32| Self {
            name,
            unit: "transaction",
            kind: Kind::Pgbench(["-S", "-M", mode, "-c", &clients.to_string()].map(str::to_owned).into()),
        };
        let rows = ["-f", &script.display().to_string(), "-M", "prepared", "-c", "8"].map(str::to_owned);
        let out = format!("COPY (SELECT * FROM pgbench_accounts WHERE aid <= {COPIED}) TO STDOUT");
        Ok(vec![
            point("simple 1", "simple", 1),
            point("simple 32", "simple", 32),
            point("extended 1", "extended", 1),
            point("extended 32", "extended", 32),
            point("prepared 1", "prepared", 1),
            point("prepared 32", "prepared", 32),
            Self { name: "1000 rows", unit: "query", kind: Kind::Pgbench(rows.into()) },
            Self { name: "COPY out", unit: "row", kind: Kind::Copy(out) },
            Self {
                name: "COPY in",
                unit: "row",
                kind: Kind::Copy(format!("\\copy copy_target FROM '{}'", data.display())),
            },
        ])
    }

    /// Runs the load against `peer` for about `length`.
    pub(crate) fn sample(&self, peer: &Peer, round: usize, length: Duration) -> Result<Sample> {
        let cpu = || peer.pid().and_then(accounting::cpu);
        let (before, begun) = (cpu(), Instant::now());
        let units = match &self.kind {
            Kind::Pgbench(arguments) => {
                let length = length.as_secs().to_string();
                pgbench(peer, &[arguments.as_slice(), &["-T".to_owned(), length]].concat())?
            }
            Kind::Copy(command) => {
                // As often as it takes: one COPY alone is a few ticks of the CPU clock.
                let mut units = 0;
                while begun.elapsed() < length {
                    run(client(peer, "psql").args(["-X", "-q", "-o", "/dev/null", "-c", command]))?;
                    units += COPIED;
                }
                units
            }
        };
        Ok(Sample {
            round,
            load: self.name,
            target: peer.name,
            units,
            seconds: begun.elapsed().as_secs_f64(),
            cpu_seconds: before.and_then(|before| Some(cpu()?.saturating_sub(before).as_secs_f64())),
            resident_kb: peer.pid().and_then(accounting::resident),
        })
    }
}

/// pgbench's tables.
pub(crate) fn initialise(server: &PrivateServer, scale: u32) -> Result<()> {
    let mut pgbench = Command::new(server.installation().program("pgbench"));
    pgbench.args(["-i", "-q", "-s", &scale.to_string(), "-h", "127.0.0.1", "-p", &server.port().to_string()]);
    run(pgbench.args(["-U", server.superuser(), DATABASE])).map(drop)
}

/// Runs pgbench; gives the number of transactions.
pub(crate) fn pgbench(peer: &Peer, arguments: &[String]) -> Result<u64> {
    let output = run(client(peer, "pgbench").arg("-n").args(arguments))?;
    let counted = output
        .lines()
        .find_map(|line| line.strip_prefix("number of transactions actually processed: "))
        .and_then(|count| count.split('/').next()?.trim().parse().ok());
    counted.ok_or_else(|| Error::bug("pgbench did not say how many transactions it ran"))
}

fn client(peer: &Peer, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PGHOST", "127.0.0.1").env("PGPORT", peer.port.to_string()).env("PGUSER", "postgres");
    command.env("PGDATABASE", DATABASE).env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable");
    if !peer.options.is_empty() {
        command.env("PGOPTIONS", peer.options);
    }
    command
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(failed("a client program does not start"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::new(ErrorKind::Database, format!("{command:?} failed: {errors}")))
}

fn copy_data() -> String {
    let filler = " ".repeat(84);
    let mut rows = String::new();
    for row in 0..COPIED {
        rows.extend([row.to_string().as_str(), "\t1\t0\t", &filler, "\n"]);
    }
    rows
}

/// The path of strace, if it is installed.
pub(crate) fn strace() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("strace")).find(|path| path.is_file())
}
