//! How long it takes to plan a draft with a handful of changes, by the number of tables, and how many statements that takes: it must be
//! one for each catalogue, not one for each table.
//!
//! Method: a database of N tables (eight columns, a key, an index, a check, every second one a foreign key, every tenth one a view) is adopted;
//! the draft renames, adds, drops and retypes columns of five of them and adds a table and an index. The plan is made several times; the median
//! counts. The server logs every statement, and those of one planning are counted in its log.

#![expect(clippy::print_stdout, reason = "a bench prints its results")]

use std::time::{Duration, Instant};

use catalog::{
    Error, Result,
    event::Silent,
    model::{EditionName, Name, NameError},
    operation::{self, CreateOptions, InitOptions, Programs},
    target::Target,
};
use clap::Parser;
use edition_cli::server::PrivateServer;

/// Seconds to plan, and statements, by the number of tables.
#[derive(Parser)]
struct Arguments {
    /// Numbers of tables.
    #[arg(long, value_delimiter = ',', default_values_t = [500, 1000, 2000])]
    tables: Vec<usize>,
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

async fn measure(server: &PrivateServer, tables: usize, rounds: usize) -> Result<Measured> {
    let database = format!("bench{tables}");
    let admin = Target::new(server.config("postgres"), None)?.connect().await?;
    admin.batch_execute(&format!("CREATE DATABASE {database}")).await?;
    let target = Target::new(server.config(&database), None)?;
    let client = target.connect().await?;
    client.batch_execute("SET log_statement = 'none'; SET search_path = public").await?;
    // Not all in one transaction: it would hold every lock.
    for number in 1..=tables {
        client.batch_execute(&table(number)).await?;
    }
    let programs = server.programs()?;

    let begun = Instant::now();
    let options = InitOptions {
        root: edition("v1")?,
        schemas: vec![Name::new("public").map_err(bad_name)?],
        proxy_roles: Vec::new(),
        programs: programs.clone(),
    };
    operation::init(&target, &options, &Silent).await?;
    let init = begun.elapsed();

    let begun = Instant::now();
    let draft = draft(&target, programs).await?;
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

async fn draft(target: &Target, programs: Programs) -> Result<EditionName> {
    let name = edition("v2")?;
    let options =
        CreateOptions { name: name.clone(), from: Vec::new(), with_rows: false, comment: None, programs };
    operation::create(target, &options, &Silent).await?;
    let blueprint = name.blueprint_for(target.database()).map_err(bad_name)?;
    target.connect_blueprint(&blueprint).await?.batch_execute(DRAFT).await?;
    Ok(name)
}

fn table(number: usize) -> String {
    let mut sql = format!(
        "CREATE TABLE t{number} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0 \
         CHECK (amount >= 0), note text, made timestamptz DEFAULT now(), state_of text, parent bigint, data jsonb); \
         CREATE INDEX ON t{number} (name);"
    );
    if number > 1 && number.is_multiple_of(2) {
        sql.push_str(&format!("ALTER TABLE t{number} ADD FOREIGN KEY (parent) REFERENCES t{};", number - 1));
    }
    if number.is_multiple_of(10) {
        sql.push_str(&format!("CREATE VIEW v{number} AS SELECT id, name FROM t{number} WHERE amount > 0;"));
    }
    sql
}

/// How many statements the server has logged.
fn logged(server: &PrivateServer) -> usize {
    let begins = |line: &&str| line.contains("LOG:  statement: ") || line.contains("LOG:  execute ");
    server.log().lines().filter(begins).count()
}

fn edition(text: &str) -> Result<EditionName> {
    EditionName::new(text).map_err(bad_name)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn bad_name(error: NameError) -> Error {
    Error::bug(error.to_string())
}
