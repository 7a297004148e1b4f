//! Test suites of drivers and ORMs as judges: each runs direct and through `editiond`, in an edition that differs from its neighbour;
//! what passes direct must pass there.
//!
//! The suites are no part of this repository: `scripts/fetch-suites.sh drivers` brings them and prints their folder.

#![expect(clippy::print_stdout, reason = "the lists are what it is for")]

mod bed;
mod passed;
mod suite;
mod suites;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use bed::{Bed, Result};
use passed::Passed;
use suite::{Phase, Suite, Tables};
use suites::SUITES;

/// Tests that are printed of a suite; the file for details has all.
const LINES_A_SUITE: usize = 50;

/// Why a test that makes or alters what is editioned cannot pass.
const FROZEN: &str = "its DDL is refused: the schema of a live edition is frozen";

/// What the program may be told.
#[derive(Parser)]
struct Arguments {
    /// The folder of the suites.
    folder: PathBuf,
    /// Suites by name; all if none is named.
    names: Vec<String>,
    /// What to run of the one suite that is named, instead of the usual: files, folders, applications (repeatable).
    #[arg(long = "part")]
    parts: Vec<String>,
    /// A file for the tests that fare otherwise through the proxy, and for what both runs printed of them.
    #[arg(long)]
    details: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match play(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("driver-suites: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Who is judged.
#[derive(Clone, Copy)]
enum Side {
    /// A session of the parent, which most applications are.
    Parent,
    /// One of the child, beside a plain database in which the same changes were made.
    Child,
}

async fn play(arguments: &Arguments) -> Result<bool> {
    let folder = arguments.folder.canonicalize()?;
    let bed = Bed::make().await?;
    let (mut same, mut details) = (true, String::new());
    for suite in SUITES {
        let is_named = arguments.names.iter().any(|name| name == suite.name);
        if !arguments.names.is_empty() && !is_named {
            continue;
        }
        if !suite.is_there(&folder) {
            println!("{}: not there, so not run", suite.name);
            same &= !is_named;
            continue;
        }
        let parts =
            if arguments.parts.is_empty() { suite.parts.to_owned() } else { arguments.parts.join(" ") };
        bed.prepare(suite, &folder, &parts).await?;
        // Where no view is met the child differs from the parent in nothing.
        let sides =
            if suite.tables == Tables::Own { &[Side::Parent][..] } else { &[Side::Parent, Side::Child] };
        for side in sides {
            if matches!(side, Side::Child) {
                bed.turn_to_child(suite).await?;
            }
            same &= judge(suite, &parts, *side, &bed, &folder, &mut details).await?;
        }
    }
    if let Some(path) = &arguments.details {
        std::fs::write(path, details)?;
    }
    Ok(same)
}

/// Runs a suite direct and through the proxy, and prints what fares otherwise.
async fn judge(
    suite: &Suite,
    parts: &str,
    side: Side,
    bed: &Bed,
    folder: &Path,
    details: &mut String,
) -> Result<bool> {
    let direct = suite.run(folder, bed.direct_port(), Phase::Judge, parts).await?;
    let proxied = suite.run(folder, bed.proxied_port()?, Phase::Judge, parts).await?;
    let (left, right) = (Passed::read(&direct), Passed::read(&proxied));
    let (lost, won) = left.against(&right);
    let frozen = passed::refused_as_frozen(&proxied);
    let reason = |test: &str| {
        let known = suite.reasons.iter().find(|(known, _)| test.contains(known)).map(|(_, reason)| *reason);
        known.or_else(|| frozen.iter().any(|name| test.contains(name.as_str())).then_some(FROZEN))
    };
    let unexplained = lost.iter().filter(|test| reason(test).is_none()).count();
    let name = match (suite.tables, side) {
        (Tables::Own, _) => suite.name.to_owned(),
        (_, Side::Parent) => format!("{}, parent", suite.name),
        (_, Side::Child) => format!("{}, child", suite.name),
    };
    println!(
        "{name}: {} pass direct, {} through editiond; {} lost, {unexplained} of them without a reason; {} won",
        left.count(),
        right.count(),
        lost.len(),
        won.len()
    );
    let lost = lost.iter().map(|test| match reason(test) {
        Some(reason) => format!("  lost {test}: {reason}\n"),
        None => format!("  lost {test}\n"),
    });
    let lines: Vec<String> = lost.chain(won.iter().map(|test| format!("  won  {test}\n"))).collect();
    print!("{}", lines.get(..LINES_A_SUITE).unwrap_or(&lines).concat());
    if lines.len() > LINES_A_SUITE {
        println!("  and {} more", lines.len() - LINES_A_SUITE);
    }
    if right.count() == 0 {
        // a suite that could not begin says why at its end
        let end: Vec<&str> = proxied.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
        println!("  {}", end.into_iter().rev().collect::<Vec<_>>().join("\n  "));
    }
    details.push_str(&format!("== {name}: lost and won\n{}", lines.concat()));
    details.push_str(&format!("== {name} direct\n{direct}\n== {name} through editiond\n{proxied}\n"));
    Ok(unexplained == 0 && left.count() > 0)
}
