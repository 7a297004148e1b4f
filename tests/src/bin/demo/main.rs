//! `make demo`: a bank that never closes. pgbench's own schema and its own TPC-B script, unmodified, are version 1 of an application;
//! version 2 and version 3 change the schema for real. All run at the same time through `editiond` while editions are
//! published, rolled back, published again and retired by the `edition` command. At the end stands one table: transactions,
//! failures and the longest stall for each version in each phase; any failure, any cent that does not agree, and any
//! difference from the schema that plain DDL gives, make the exit code 1.

mod bank;
mod dump;
mod invariants;
mod programs;
mod report;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use edition_cli::server::PrivateServer;
use edition_tests::Load;

use crate::{bank::Bank, report::Report};

/// Any failure ends the demo with its text.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How big and how long.
#[derive(Debug, Parser)]
struct Options {
    /// pgbench's scale: 100,000 accounts each
    #[arg(long, env = "DEMO_SCALE", default_value_t = 10)]
    scale: u32,

    /// Seconds that each quiet phase lasts
    #[arg(long, env = "DEMO_SECONDS", default_value_t = 8)]
    seconds: u64,

    /// Connections of each version
    #[arg(long, env = "DEMO_CLIENTS", default_value_t = 4)]
    clients: u32,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(error.as_ref()),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    report::say(&format!("demo failed: {error}"));
    ExitCode::FAILURE
}

/// The whole story. Returns whether everything held.
async fn run(options: &Options) -> Result<bool> {
    report::say("starting a private PostgreSQL and filling pgbench's tables");
    let server = PrivateServer::builder().start().await?;
    let bank = Bank::open(&server, options.scale, options.clients).await?;
    let mut report = Report::new();
    let quiet = Duration::from_secs(options.seconds);
    let pause = || tokio::time::sleep(quiet);

    bank.edition(&["init"])?;
    let v1 = bank.load("v1")?;
    report.phase("v1 alone");
    pause().await;

    report.phase("draft v2");
    bank.draft("v2", include_str!("sql/v2.sql"))?;
    bank.edition(&[
        "transform",
        "v2",
        "pgbench_accounts",
        "--forward",
        "balance = coalesce(abalance, 0) / 100.0, overdrawn = coalesce(abalance, 0) < 0",
        "--reverse",
        "abalance = (balance * 100)::integer",
    ])?;
    bank.edition(&["plan", "v2"])?;

    report.phase("publish v2");
    report.lock("publish v2", bank.change(&["publish", "v2"])?);

    let v2 = bank.load("v2")?;
    report.phase("v1 + v2");
    pause().await;
    report.check("v1 + v2", invariants::hold(&bank, &["v1", "v2"]).await?);

    report.phase("roll back v2");
    report.finished(v2.stop().await?);
    let saved = bank.folder().join("v2.saved");
    let save = saved.to_string_lossy().into_owned();
    report.lock("rollback v2", bank.change(&["rollback", "v2", "--save", &save, "--drain", "10s"])?);
    pause().await;
    report.check("v1 again", invariants::hold(&bank, &["v1"]).await?);

    report.phase("publish v2 again");
    report.lock("publish v2 again", bank.change(&["publish", "v2", "--load", &save])?);

    let v2 = bank.load("v2")?;
    report.phase("v1 + v2 again");
    pause().await;
    report.check("v1 + v2 again", invariants::hold(&bank, &["v1", "v2"]).await?);

    report.phase("publish v3");
    bank.draft("v3", include_str!("sql/v3.sql"))?;
    report.lock("publish v3", bank.change(&["publish", "v3"])?);

    let v3 = bank.load("v3")?;
    report.phase("v1 + v2 + v3");
    pause().await;
    report.check("v1 + v2 + v3", invariants::hold(&bank, &["v1", "v2", "v3"]).await?);

    report.phase("retire v1");
    report.finished(v1.stop().await?);
    bank.edition(&["default", "v3"])?;
    report.lock("retire v1", bank.change(&["retire", "v1", "--drain", "10s"])?);

    report.phase("v2 + v3");
    pause().await;
    report.check("v2 + v3", invariants::hold(&bank, &["v2", "v3"]).await?);

    report.phase("retire v2");
    report.finished(v2.stop().await?);
    report.lock("retire v2", bank.change(&["retire", "v2", "--drain", "10s"])?);

    report.phase("v3 alone");
    pause().await;
    report.check("v3 alone", invariants::hold(&bank, &["v3"]).await?);
    finish(&bank, v3, &mut report).await?;
    server.stop().await?;
    Ok(report.print())
}

/// The last load stops, the schema is compared with plain DDL, and the database is given back.
async fn finish(bank: &Bank<'_>, v3: Load, report: &mut Report) -> Result<()> {
    report.finished(v3.stop().await?);
    report.end();
    let plain = bank.plain(&[include_str!("sql/v2.sql"), include_str!("sql/v3.sql")]).await?;
    report.schema("after the last retire", dump::difference(bank, "bank", &plain, true)?);
    bank.edition(&["deinit"])?;
    report.schema("after deinit", dump::difference(bank, "bank", &plain, false)?);
    Ok(())
}
