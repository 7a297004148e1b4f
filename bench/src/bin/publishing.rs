//! How long publish, rollback and retire take, by the number of tables that the draft changes.
//!
//! Method: a database of N empty tables (see `many_tables.rs`) is adopted; the draft adds a column to each. It is published, rolled back, published again, and the
//! older edition is retired. What the work on one table costs must not grow with the number of tables.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

use std::time::{Duration, Instant};

use catalog::{
    Result,
    event::Silent,
    operation::{self, KeepData, Patience, PublishOptions, RollbackOptions},
};
use clap::Parser;
use edition_bench::{adopt, edition, fork, make};
use edition_cli::server::PrivateServer;

/// Seconds to publish, roll back and retire a change of all tables, by their number.
#[derive(Parser)]
struct Arguments {
    /// Numbers of tables.
    #[arg(long, value_delimiter = ',', default_values_t = [50, 100, 200, 400])]
    tables: Vec<u32>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let server = PrivateServer::builder().setting("max_locks_per_transaction", "4096").start().await?;
    println!("PostgreSQL {}; in brackets: milliseconds a table", server.installation().version());
    println!("{:>6}  {:>16}  {:>16}  {:>16}", "tables", "publish s", "rollback s", "retire s");
    for tables in &arguments.tables {
        let [publish, rollback, retire] = measure(&server, *tables).await?.map(|time| shown(time, *tables));
        println!("{tables:>6}  {publish:>16}  {rollback:>16}  {retire:>16}");
    }
    server.stop().await
}

fn shown(time: Duration, tables: u32) -> String {
    format!("{:.2} [{:.1}]", time.as_secs_f64(), (time / tables.max(1)).as_secs_f64() * 1000.0)
}

async fn measure(server: &PrivateServer, tables: u32) -> Result<[Duration; 3]> {
    let target = make(server, &format!("bench{tables}"), tables).await?;
    adopt(server, &target).await?;
    let change: Vec<String> =
        (1..=tables).map(|number| format!("ALTER TABLE public.t{number} ADD COLUMN extra text")).collect();
    let draft = fork(server, &target, &change.join(";")).await?;
    let options = PublishOptions::default();

    let begun = Instant::now();
    operation::publish(&target, &draft, &options, &Silent).await?;
    let publish = begun.elapsed();

    let begun = Instant::now();
    let given_up = RollbackOptions { keep: KeepData::Discard, patience: Patience::default() };
    operation::rollback(&target, &draft, &given_up, &Silent).await?;
    let rollback = begun.elapsed();

    operation::publish(&target, &draft, &options, &Silent).await?;
    operation::set_default(&target, &draft).await?;
    let begun = Instant::now();
    operation::retire(&target, &edition("v1")?, Patience::default(), &Silent).await?;
    Ok([publish, rollback, begun.elapsed()])
}
