//! How long it takes to plan a draft with a handful of changes, by the number of tables, and how many statements that takes: it must be
//! one for each catalogue, not one for each table.
//!
//! Method: a database of N tables (see `many_tables.rs`) is adopted;
//! the draft renames, adds, drops and retypes columns of five of them and adds a table and an index. The plan is made several times; the median
//! counts. The server logs every statement, and those of one planning are counted in its log.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

use std::time::{Duration, Instant};

use catalog::{Result, operation};
use clap::Parser;
use edition_bench::{adopt, fork, make};
use edition_cli::server::PrivateServer;

/// Seconds to plan, and statements, by the number of tables.
#[derive(Parser)]
struct Arguments {
    /// Numbers of tables.
    #[arg(long, value_delimiter = ',', default_values_t = [500, 1000, 2000])]
    tables: Vec<u32>,
    /// Plans of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// What the draft does.
const DRAFT: &str = "\
SET search_path = public;
ALTER TABLE t1 RENAME COLUMN name TO title;
ALTER TABLE t2 ADD COLUMN extra text;
ALTER TABLE t3 ALTER COLUMN amount TYPE bigint;
ALTER TABLE t4 ADD COLUMN state text DEFAULT 'new' NOT NULL;
ALTER TABLE t5 DROP COLUMN note;
CREATE TABLE fresh (id bigint PRIMARY KEY, t1 bigint REFERENCES t1);
CREATE INDEX ON t6 (amount);
";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let server = PrivateServer::builder()
        .setting("log_statement", "all")
        .setting("log_min_messages", "warning")
        .setting("max_locks_per_transaction", "4096")
        .start()
        .await?;
    println!("PostgreSQL {}", server.installation().version());
    println!(
        "{:>6}  {:>8}  {:>10}  {:>10}  {:>10}  {:>10}",
        "tables", "init s", "create s", "plan s", "statements", "steps"
    );
    for tables in &arguments.tables {
        let measured = measure(&server, *tables, arguments.rounds).await?;
        println!(
            "{tables:>6}  {:>8.2}  {:>10.2}  {:>10.2}  {:>10}  {:>10}",
            measured.init.as_secs_f64(),
            measured.create.as_secs_f64(),
            measured.plan.as_secs_f64(),
            measured.statements,
            measured.steps
        );
    }
    server.stop().await
}

struct Measured {
    init: Duration,
    create: Duration,
    plan: Duration,
    statements: usize,
    steps: usize,
}

async fn measure(server: &PrivateServer, tables: u32, rounds: usize) -> Result<Measured> {
    let target = make(server, &format!("bench{tables}"), tables).await?;

    let begun = Instant::now();
    adopt(server, &target).await?;
    let init = begun.elapsed();

    let begun = Instant::now();
    let draft = fork(server, &target, DRAFT).await?;
    let create = begun.elapsed();

    let (mut times, mut statements, mut steps) = (Vec::new(), 0, 0);
    for _ in 0..rounds.max(1) {
        let before = logged(server);
        let begun = Instant::now();
        steps = operation::plan(&target, &draft).await?.steps.len();
        times.push(begun.elapsed());
        statements = logged(server) - before;
    }
    times.sort();
    let plan = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(Measured { init, create, plan, statements, steps })
}

/// How many statements the server has logged.
fn logged(server: &PrivateServer) -> usize {
    let begins = |line: &&str| line.contains("LOG:  statement: ") || line.contains("LOG:  execute ");
    server.log().lines().filter(begins).count()
}
