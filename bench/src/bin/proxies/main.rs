//! `editiond` beside PgBouncer (session mode), HAProxy (TCP) and a direct connection.
//!
//! Method. One private PostgreSQL, pgbench's tables at scale 10, adopted, with two live editions; `editiond` serves edition v2, in which
//! `pgbench_accounts` is a view and the scan of statements is on. All proxies have one thread and reach the server over TCP; trust, no
//! TLS. The load is pgbench (`-S`: simple, extended, prepared; a script for 1000-row results) and psql (COPY), all on this machine.
//! Each round takes one sample of every load from every target, in an order that turns by one each round, so that a busy
//! moment of the machine does not always hit the same target; what is reported is the median over the rounds.
//!
//! CPU is the process's own accounting: `utime + stime` of `/proc/<pid>/stat` (all its threads) after the sample less before,
//! divided by what the load counted: transactions, or rows for COPY. System calls are counted in a run of their own (strace
//! slows everything down) of a fixed number of transactions. Memory is `VmRSS` after the loads with 32 clients. The
//! ratio is CPU per unit to PgBouncer's; transactions per second restate the CPU of client, proxy and server together when the cores are
//! saturated and are printed for that reason only.
//!
//! Run: `cargo build --release -p editiond && cargo run --release -p edition-bench --bin proxies`

#![expect(clippy::print_stdout, reason = "a bench prints its results")]
#![expect(
    clippy::cast_precision_loss,
    reason = "counts are far below 2^52 and are printed with three digits"
)]

mod accounting;
mod load;
mod peers;
mod report;

use std::{io::Write, path::PathBuf, time::Duration};

use catalog::{Error, Result, store};
use clap::Parser;
use edition_cli::server::PrivateServer;

use load::{Load, Sample};

/// The database that is benched.
pub(crate) const DATABASE: &str = "bench";

/// editiond beside PgBouncer, HAProxy and a direct connection.
#[derive(Parser)]
struct Arguments {
    /// Samples of each load from each target.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Length of a pgbench sample, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// pgbench's scale.
    #[arg(long, default_value_t = 10)]
    scale: u32,
    /// Only loads whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Where the samples go, one JSON object a line.
    #[arg(long, default_value = "target/bench/proxies.jsonl")]
    out: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let server = prepare(arguments.scale).await?;
    let folder = tempfile::tempdir().map_err(failed("cannot make a temporary folder"))?;
    let peers = peers::start_all(&server, folder.path()).await?;
    let loads: Vec<Load> =
        Load::all(folder.path())?.into_iter().filter(|load| load.name.contains(&arguments.only)).collect();
    let mut samples = Vec::new();
    for round in 0..arguments.rounds {
        for load in &loads {
            for turn in 0..peers.len() {
                let Some(peer) = peers.get((turn + round) % peers.len()) else { continue };
                let sample = load.sample(peer, round, Duration::from_secs(arguments.seconds.into()))?;
                println!("round {} {:<14} {:<10} {}", round + 1, sample.load, sample.target, sample.line());
                samples.push(sample);
            }
        }
    }
    write(&arguments.out, &samples)?;
    report::print(&peers, &loads, &samples);
    report::print_calls(&peers)?;
    println!("\nraw samples: {}", arguments.out.display());
    // They would complain about a server that is gone.
    drop(peers);
    server.stop().await
}

/// A server with pgbench's tables and two editions. The catalogue's rows are written as `publish` would leave them.
async fn prepare(scale: u32) -> Result<PrivateServer> {
    let server = PrivateServer::builder()
        .setting("shared_buffers", "512MB")
        .setting("max_wal_size", "4GB")
        .setting("max_connections", "200")
        .start()
        .await?;
    let admin = connect(&server.config("postgres")).await?;
    admin.batch_execute("CREATE DATABASE bench").await?;
    load::initialise(&server, scale)?;
    let mut client = connect(&server.config(DATABASE)).await?;
    let transaction = client.transaction().await?;
    store::install(&transaction).await?;
    transaction.batch_execute(EDITIONS).await?;
    transaction.commit().await?;
    Ok(server)
}

const EDITIONS: &str = r#"
INSERT INTO edition.schemas VALUES (1, 'public');
INSERT INTO edition.editions (id, name, parent_id, state, is_default, blueprint)
VALUES (1, 'v1', NULL, 'live', true, 'bench$v1'), (2, 'v2', 1, 'live', false, 'bench$v2');
CREATE SCHEMA "public$v1";
CREATE SCHEMA "public$v2";
CREATE VIEW "public$v1".pgbench_accounts WITH (security_invoker) AS SELECT aid, bid, abalance, filler FROM public.pgbench_accounts;
CREATE VIEW "public$v2".pgbench_accounts WITH (security_invoker) AS SELECT aid, bid, abalance, filler FROM public.pgbench_accounts;
INSERT INTO edition.tables (edition_id, table_id, schema_name, table_name, physical_schema, physical_name, view_schema)
SELECT id, 4711, 'public', 'pgbench_accounts', 'public', 'pgbench_accounts', 'public$' || name FROM edition.editions;
INSERT INTO edition.columns
SELECT id, 4711, place, name, name, place
FROM (SELECT id FROM edition.editions) AS editions,
     (VALUES (1, 'aid'), (2, 'bid'), (3, 'abalance'), (4, 'filler')) AS columns (place, name);
INSERT INTO edition.names VALUES (2, 'relation', 'public', 'pgbench_history', NULL);
CREATE UNLOGGED TABLE public.copy_target (LIKE public.pgbench_accounts);
-- Sessions that do not pass editiond use the view too: else the server would have less to do for them, and answers that come faster
-- come in larger bunches, which are cheaper for a proxy.
ALTER DATABASE bench SET search_path = "public$v2", public;
"#;

async fn connect(config: &tokio_postgres::Config) -> Result<tokio_postgres::Client> {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn write(path: &std::path::Path, samples: &[Sample]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(failed("cannot make the folder for the samples"))?;
    let mut file = std::fs::File::create(path).map_err(failed("cannot write the samples"))?;
    for sample in samples {
        writeln!(file, "{}", serde_json::to_string(sample)?).map_err(failed("cannot write the samples"))?;
    }
    Ok(())
}

/// Turns an error of the system into ours.
pub(crate) fn failed(what: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::new(catalog::ErrorKind::Environment, format!("{what}: {error}")).with_source(error)
}
