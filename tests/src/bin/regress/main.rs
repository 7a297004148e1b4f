//! PostgreSQL's own regression suite as a judge: every statement of its files runs on a server of its own and through `editiond` on
//! one that is alike; whatever a client can see must be the same.
//!
//! The suite is no part of this repository: `scripts/fetch-suites.sh postgres` brings it and prints its folder.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]

mod bed;
mod difference;
mod editions;
mod lockstep;
mod report;
mod script;
mod wire;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use bed::{Bed, Result, admin};
use editions::{CHILD, Changes, PARENT, adopt, judge, publish};
use lockstep::{Frozen, Run};
use report::Report;
use wire::Protocol;

/// What the program may be told.
#[derive(Parser)]
struct Arguments {
    /// The suite's folder.
    suite: PathBuf,
    /// Test files by name; all of the schedule if none is named.
    tests: Vec<String>,
    /// Where the sessions are.
    #[arg(long, value_enum, default_value = "at-rest")]
    edition: Place,
    /// How statements are sent.
    #[arg(long, value_enum, default_value = "simple")]
    protocol: Protocol,
    /// A file for the statements that differ.
    #[arg(long)]
    details: Option<PathBuf>,
}

/// Which edition the proxied sessions are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Place {
    /// The only one of an adopted database.
    AtRest,
    /// The parent of a child that changes every table.
    Parent,
    /// That child.
    Child,
}

#[tokio::main]
async fn main() -> ExitCode {
    match play(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("regress: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Arguments) -> Result<bool> {
    let bed = Bed::make(&arguments.suite).await?;
    bed.groundwork().await?;
    let tests = if arguments.tests.is_empty() { bed.schedule()? } else { arguments.tests.clone() };
    let mut report = Report::of(&format!("{:?}, {:?} protocol", arguments.edition, arguments.protocol));
    if arguments.edition == Place::AtRest {
        at_rest(&bed, arguments, &tests, &mut report).await?;
    } else {
        for test in &tests {
            match with_views(&bed, arguments, test, &mut report).await {
                Ok(line) => println!("{line}"),
                Err(error) => {
                    println!("{test}: not run: {error}");
                    report.not_run.push((test.clone(), error.to_string()));
                }
            }
            bed.drop(&database(test)).await?;
            if let Some(path) = &arguments.details {
                std::fs::write(path, format!("{report}\n{}", report.details))?;
            }
        }
    }
    println!("{report}");
    if let Some(path) = &arguments.details {
        std::fs::write(path, format!("{report}\n{}", report.details))?;
    }
    Ok(report.is_clean())
}

/// All files in one adopted database, one after the other, as `pg_regress` runs them.
async fn at_rest(bed: &Bed, arguments: &Arguments, tests: &[String], report: &mut Report) -> Result<()> {
    let database = "regression";
    bed.create(database).await?;
    let verbs = bed.verbs(database)?;
    adopt(&verbs).await?;
    let judge = judge(&verbs, PARENT).await?;
    let (direct, proxied) = (bed.direct_side(database), bed.proxied_side(database, PARENT)?);
    for test in tests {
        let file = bed.file(test);
        let run = Run { name: test, file: &file, environment: bed.environment(), protocol: arguments.protocol, reworded: &str::to_owned };
        match run.judge(&direct, &proxied, &judge, Frozen::Hide).await {
            Ok(outcomes) => println!("{}", report.add(test, &outcomes)),
            Err(error) => report.not_run.push((test.clone(), error.to_string())),
        }
    }
    Ok(())
}

fn database(test: &str) -> String {
    format!("regress_{}", test.replace('.', "_"))
}

/// A file in a database of its own in which every table is a view. What the file makes has to be there before the child is made: the
/// statements that make it run beforehand, and neither side runs them again.
async fn with_views(bed: &Bed, arguments: &Arguments, test: &str, report: &mut Report) -> Result<String> {
    let (file, database) = (bed.file(test), database(test));
    let run = Run { name: test, file: &file, environment: bed.environment(), protocol: arguments.protocol, reworded: &str::to_owned };

    bed.create(&database).await?;
    let worked = run.rehearse(&bed.direct_side(&database)).await?;
    run.rehearse(&bed.live_side(&database)).await?;
    bed.drop(&database).await?;

    bed.create(&database).await?;
    let verbs = bed.verbs(&database)?;
    adopt(&verbs).await?;
    let at_rest = judge(&verbs, PARENT).await?;
    verbs.deinit().await;
    let made = made(&worked, &at_rest);
    for server in [&bed.direct, &bed.live] {
        let session = admin(server, &database).await?;
        for ddl in &made {
            // what a file makes twice is there already
            let _ = session.try_ask(ddl).await;
        }
    }

    adopt(&verbs).await?;
    let mut changes = Changes::of(&admin(&bed.live, &database).await?).await;
    publish(bed, &database, &mut changes).await?;
    for (table, reason) in &changes.left {
        println!("{test}: {table} is no view: {reason}");
    }
    let (direct, edition) = (bed.direct_side(&database), if arguments.edition == Place::Child { CHILD } else { PARENT });
    let judge = judge(&verbs, edition).await?;
    let proxied = bed.proxied_side(&database, edition)?;
    let outcomes = if arguments.edition == Place::Child {
        changes.make(&admin(&bed.direct, &database).await?).await;
        let run = Run { reworded: &|text| changes.reword(text), ..run };
        run.judge(&direct, &proxied, &judge, Frozen::Skip).await?
    } else {
        run.judge(&direct, &proxied, &judge, Frozen::Skip).await?
    };
    Ok(report.add(test, &outcomes))
}

/// The statements that make something in the editioned schema and do not take anything away.
fn made(worked: &[String], judge: &lockstep::Judge) -> Vec<String> {
    let mut traits = editiond::rewrite::SessionTraits::starting_with(["public"]);
    let freezes = |text: &&String| judge.freezes(text, &mut traits);
    let takes = |text: &&String| {
        let words: Vec<String> = text.split_whitespace().take(8).map(str::to_ascii_lowercase).collect();
        words.iter().any(|word| word == "drop")
    };
    worked.iter().filter(freezes).filter(|text| !takes(text)).cloned().collect()
}
