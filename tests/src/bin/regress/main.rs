//! PostgreSQL's own regression suite as a judge: every statement of its files runs on a server of its own and through `editiond` on
//! one that is alike; whatever a client can see must be the same.
//!
//! The suite is no part of this repository: `scripts/fetch-suites.sh postgres` brings it and prints its folder.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]

mod bed;
mod difference;
mod editions;
mod groundwork;
mod lockstep;
mod report;
mod script;
mod whole;

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};

use bed::{Bed, Result, admin};
use edition_tests::wire::Protocol;
use editions::{CHILD, Changes, PARENT, adopt, judge, publish};
use lockstep::{Frozen, Judge, Run};
use report::Report;
use whole::Suite;

/// Files that share a database at most.
const FILES_A_GROUP: usize = 20;

/// What the program may be told.
#[derive(Parser)]
struct Arguments {
    /// The suite's folder.
    suite: PathBuf,
    /// Test files by name; all of the schedule if none is named.
    tests: Vec<String>,
    /// Where the proxied sessions are.
    #[arg(long, value_enum, default_value = "at-rest")]
    edition: Place,
    /// One suite instead of both, where PostgreSQL's own drivers run them.
    #[arg(long = "suite", value_enum)]
    suite_only: Option<Suite>,
    /// How statements are sent.
    #[arg(long, value_enum, default_value = "simple")]
    protocol: Protocol,
    /// A file for the statements that differ.
    #[arg(long)]
    details: Option<PathBuf>,
}

/// Which edition the proxied sessions are in, and who runs the statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Place {
    /// None: the database is not adopted. PostgreSQL's own drivers run the regression and the isolation suite.
    None,
    /// The only one of an adopted database. PostgreSQL's own drivers run both suites.
    Adopted,
    /// The same, statement by statement, with all that the protocol tells.
    AtRest,
    /// The parent of a child that changes every table, statement by statement.
    Parent,
    /// That child, statement by statement.
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
    if matches!(arguments.edition, Place::None | Place::Adopted) {
        return by_its_own_drivers(&bed, arguments).await;
    }
    bed.groundwork().await?;
    let tests = if arguments.tests.is_empty() { bed.schedule()? } else { arguments.tests.clone() };
    let mut report = Report::of(&format!("{:?}, {:?} protocol", arguments.edition, arguments.protocol));
    if arguments.edition == Place::AtRest {
        at_rest(&bed, arguments, &tests, &mut report).await?;
    } else {
        let any = "regress_any";
        bed.create(any).await?;
        adopt(&bed.verbs(any)?).await?;
        let at_rest = judge(&bed.verbs(any)?, PARENT).await?;
        bed.drop(any).await?;
        let mut groups = group(&bed, &at_rest, &tests).await?;
        groups.reverse();
        let mut number = 0;
        while let Some(mut group) = groups.pop() {
            number += 1;
            let database = format!("regress_{number}");
            let prepared = with_views(&bed, arguments, &group, &database, &mut report).await;
            bed.drop(&database).await?;
            if let Err(error) = prepared {
                println!("{database}: {} files not run together: {error}", group.len());
                // whichever file it is shall not keep the others from running
                let half = group.split_off(group.len() / 2);
                if group.is_empty() {
                    report.not_run.extend(half.into_iter().map(|file| (file.test, error.to_string())));
                } else {
                    groups.extend([half, group]);
                }
            }
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

async fn by_its_own_drivers(bed: &Bed, arguments: &Arguments) -> Result<bool> {
    let mut clean = true;
    let mut told = String::new();
    let both = [Suite::Regression, Suite::Isolation];
    // tests that are named are those of one suite
    let wanted = |suite: &Suite| match arguments.suite_only {
        Some(only) => *suite == only,
        None => arguments.tests.is_empty() || *suite == Suite::Regression,
    };
    for suite in both.into_iter().filter(wanted) {
        let comparison =
            whole::compare(bed, suite, arguments.edition == Place::Adopted, &arguments.tests).await?;
        let (figures, details) =
            comparison.told(&format!("{suite:?} suite, edition: {:?}", arguments.edition));
        println!("{figures}");
        told.push_str(&figures);
        told.push_str(&details);
        clean &= comparison.is_clean();
        if let Some(path) = &arguments.details {
            std::fs::write(path, &told)?;
        }
    }
    Ok(clean)
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
        let run = Run {
            name: test,
            file: &file,
            environment: bed.environment(),
            protocol: arguments.protocol,
            reworded: &str::to_owned,
        };
        match run.judge(&direct, &proxied, &judge, Frozen::Hide).await {
            Ok(outcomes) => println!("{}", report.add(test, &outcomes)),
            Err(error) => report.not_run.push((test.clone(), error.to_string())),
        }
    }
    Ok(())
}

/// A test file that runs where every table is a view. What it makes has to be there before the child is made: the statements that
/// make it run beforehand, and neither side runs them again.
struct Prepared {
    test: String,
    ddl: Vec<String>,
}

/// Files that make nothing of the same name share a database, since publishing is what takes time.
async fn group(bed: &Bed, at_rest: &Judge, tests: &[String]) -> Result<Vec<Vec<Prepared>>> {
    let mut groups: Vec<(BTreeSet<String>, Vec<Prepared>)> = Vec::new();
    for test in tests {
        let database = "regress_rehearsal";
        bed.create(database).await?;
        let file = bed.file(test);
        let run = Run {
            name: test,
            file: &file,
            environment: bed.environment(),
            protocol: Protocol::Simple,
            reworded: &str::to_owned,
        };
        let worked = run.rehearse(&bed.direct_side(database)).await?;
        bed.drop(database).await?;
        let ddl = groundwork::of(&worked, at_rest);
        let names: BTreeSet<String> = ddl.iter().filter_map(|text| groundwork::made(text)).collect();
        let prepared = Prepared { test: test.clone(), ddl };
        match groups
            .iter_mut()
            .find(|(taken, files)| files.len() < FILES_A_GROUP && taken.is_disjoint(&names))
        {
            Some((taken, files)) => {
                taken.extend(names);
                files.push(prepared);
            }
            None => groups.push((names, vec![prepared])),
        }
    }
    Ok(groups.into_iter().map(|(_, files)| files).collect())
}

/// Runs files in a database in which every table is a view.
async fn with_views(
    bed: &Bed,
    arguments: &Arguments,
    group: &[Prepared],
    database: &str,
    report: &mut Report,
) -> Result<()> {
    bed.create(database).await?;
    for server in [&bed.direct, &bed.live] {
        for file in group {
            // one for each file, which may change its user and its path
            let session = admin(server, database).await?;
            for ddl in &file.ddl {
                // what a file makes twice is there already
                let _ = session.try_ask(ddl).await;
            }
        }
    }
    let verbs = bed.verbs(database)?;
    adopt(&verbs).await?;
    let mut changes = Changes::of(&admin(&bed.live, database).await?).await;
    publish(bed, database, &mut changes).await?;
    println!("{database}: {} tables are views, {} are not", changes.made.len(), changes.left.len());
    for (table, reason) in &changes.left {
        report.no_views.insert(format!("{table}: {reason}"));
    }
    let is_child = arguments.edition == Place::Child;
    let edition = if is_child { CHILD } else { PARENT };
    if is_child {
        changes.make(&admin(&bed.direct, database).await?).await;
    }
    let reworded = |text: &str| if is_child { changes.reword(text) } else { text.to_owned() };
    let judge = judge(&verbs, edition).await?;
    let (direct, proxied) = (bed.direct_side(database), bed.proxied_side(database, edition)?);
    for Prepared { test, .. } in group {
        let file = bed.file(test);
        let run = Run {
            name: test,
            file: &file,
            environment: bed.environment(),
            protocol: arguments.protocol,
            reworded: &reworded,
        };
        match run.judge(&direct, &proxied, &judge, Frozen::Skip).await {
            Ok(outcomes) => println!("{}", report.add(test, &outcomes)),
            Err(error) => report.not_run.push((test.clone(), error.to_string())),
        }
    }
    Ok(())
}
