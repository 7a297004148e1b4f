//! A backfill beside one plain set-based UPDATE of the same rows: same server, same run, alternating.
//!
//! Method: two tables with the same rows (the shape of pgbench's accounts, a new empty column beside), made anew for each round, vacuumed
//! and checkpointed before each measurement; one computes the column by one UPDATE, the other by `catalog::backfill`, unthrottled; which
//! comes first alternates. The ratio of a round compares its two rates; the last line holds the median of all rounds.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

use std::time::{Duration, Instant};

use catalog::{
    ErrorKind, Result,
    backfill::{BackfillOptions, BackfillSpec, run},
    event::Silent,
    model::{EditionId, EditionName, EditionState, Name, OperationId, QualifiedName},
    sql::Sql,
    store,
    target::{Connection, Target},
};
use clap::Parser;
use edition_cli::server::PrivateServer;
use tokio::sync::watch;

const DATABASE: &str = "bench";
/// What both sides compute.
const EXPRESSION: &str = "(edition_row.abalance / 100.0)::numeric(14,2)";
/// The target.
const RATIO_WANTED: f64 = 0.7;

/// Rate of a backfill beside one plain UPDATE of the same rows.
#[derive(Parser)]
struct Arguments {
    /// Rows of each table.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u32,
    /// Pairs of measurements.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Connections of the backfill.
    #[arg(long, default_value_t = 2)]
    jobs: u32,
    /// Rows per batch at most.
    #[arg(long, default_value_t = 10_000)]
    batch_size: u32,
}

/// One round.
struct Pair {
    plain: f64,
    backfill: f64,
    longest_batch: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let server = PrivateServer::builder()
        .setting("max_wal_size", "8GB")
        .setting("shared_buffers", "512MB")
        .start()
        .await?;
    let admin = Target::new(server.config("postgres"), None)?.connect().await?;
    admin.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    let target = Target::new(server.config(DATABASE), None)?;
    let mut client = target.connect().await?;
    let operation = adopt(&mut client).await?;

    println!(
        "{} rows, {} connection(s), {}",
        arguments.rows,
        arguments.jobs,
        server.installation().version()
    );
    println!(
        "{:>5}  {:>16}  {:>16}  {:>6}  {:>13}",
        "round", "UPDATE rows/s", "backfill rows/s", "ratio", "longest batch"
    );
    let mut ratios = Vec::new();
    for round in 1..=arguments.rounds {
        let pair = measure(&target, &client, operation, round, &arguments).await?;
        let ratio = pair.backfill / pair.plain;
        println!(
            "{round:>5}  {:>16.0}  {:>16.0}  {ratio:>6.2}  {:>10.1} ms",
            pair.plain,
            pair.backfill,
            pair.longest_batch.as_secs_f64() * 1e3
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    println!("median ratio {median:.2} (target: at least {RATIO_WANTED})");
    server.stop().await
}

async fn adopt(client: &mut Connection) -> Result<OperationId> {
    let transaction = client.transaction().await?;
    store::install(&transaction).await?;
    let mut parent = None;
    for (name, state) in [("v1", EditionState::Live), ("v2", EditionState::Publishing)] {
        let edition = EditionName::new(name).map_err(bad_name)?;
        let blueprint = edition.blueprint_for(DATABASE).map_err(bad_name)?;
        parent =
            Some(store::insert_edition(&transaction, &edition, parent, state, &blueprint, None).await?.id);
    }
    let plan = serde_json::Value::Array(Vec::new());
    let operation =
        store::insert_operation(&transaction, EditionId::new(2), store::Verb::Publish, &plan).await?;
    transaction.commit().await?;
    Ok(operation)
}

async fn measure(
    target: &Target,
    client: &Connection,
    operation: OperationId,
    round: u32,
    arguments: &Arguments,
) -> Result<Pair> {
    for table in ["plain", "filled"] {
        client
            .batch_execute(&format!(
                "DROP TABLE IF EXISTS public.{table}; \
                 CREATE TABLE public.{table} (aid int PRIMARY KEY, bid int, abalance int, filler char(84), balance numeric(14,2)); \
                 INSERT INTO public.{table} SELECT i, i / 100000, i % 5000, '' FROM generate_series(1, {}) i",
                arguments.rows
            ))
            .await?;
        client.batch_execute(&format!("VACUUM (FREEZE, ANALYZE) public.{table}")).await?;
    }
    let mut plain = Duration::ZERO;
    let mut filled = None;
    let plain_first = round % 2 == 1;
    for plain_now in [plain_first, !plain_first] {
        client.batch_execute("CHECKPOINT").await?;
        if plain_now {
            plain = plain_update(client).await?;
        } else {
            filled = Some(backfill(target, operation, round, arguments).await?);
        }
    }
    let outcome = filled.ok_or_else(|| catalog::Error::bug("the backfill was not measured"))?;
    let rows = f64::from(arguments.rows);
    Ok(Pair {
        plain: rows / plain.as_secs_f64(),
        backfill: rows / outcome.elapsed.as_secs_f64(),
        longest_batch: outcome.longest_batch,
    })
}

async fn plain_update(client: &Connection) -> Result<Duration> {
    let started = Instant::now();
    let statement = format!(
        "UPDATE public.plain AS edition_row SET balance = {EXPRESSION} WHERE edition_row.balance IS NULL"
    );
    client.batch_execute(&statement).await?;
    Ok(started.elapsed())
}

async fn backfill(
    target: &Target,
    operation: OperationId,
    round: u32,
    arguments: &Arguments,
) -> Result<catalog::backfill::BackfillOutcome> {
    let name = |text: &str| Name::new(text).map_err(bad_name);
    let spec = BackfillSpec {
        search_path: Vec::new(),
        table: QualifiedName::new(name("public")?, name("filled")?),
        child: EditionId::new(2),
        assignments: vec![(name("balance")?, Sql::trusted(EXPRESSION))],
        null_on_error: Vec::new(),
        pending: Sql::trusted("edition_row.balance IS NULL"),
        primary_key: vec![name("aid")?],
    };
    let options = BackfillOptions {
        batch_size: arguments.batch_size,
        jobs: arguments.jobs,
        max_lag: Duration::from_secs(10),
        throttle: 0.0,
        lock_timeout: Duration::from_millis(50),
        pause: watch::channel(false).1,
    };
    let step = i32::try_from(round).unwrap_or(i32::MAX);
    let outcome = run(target, operation, step, &spec, &options, &Silent).await?;
    if outcome.rows_changed != u64::from(arguments.rows) {
        let text = format!("only {} of {} rows were filled in", outcome.rows_changed, arguments.rows);
        return Err(catalog::Error::new(ErrorKind::Bug, text));
    }
    Ok(outcome)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn bad_name(error: catalog::model::NameError) -> catalog::Error {
    catalog::Error::bug(error.to_string())
}
