//! Test suites of drivers and ORMs as judges: each runs direct and through `editiond`, in an edition that differs from its neighbour;
//! what passes direct must pass there.
//!
//! The suites are no part of this repository: `scripts/fetch-suites.sh drivers` brings them and prints their folder.

#![expect(clippy::print_stdout, reason = "the lists are what it is for")]

mod bed;
mod passed;
mod suite;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use bed::{Bed, Result};
use passed::Passed;
use suite::SUITES;

/// Tests that are printed of a suite; the file for details has all.
const LINES_A_SUITE: usize = 50;

/// What the program may be told.
#[derive(Parser)]
struct Arguments {
    /// The folder of the suites.
    folder: PathBuf,
    /// Suites by name; all if none is named.
    names: Vec<String>,
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

async fn play(arguments: &Arguments) -> Result<bool> {
    let folder = arguments.folder.canonicalize()?;
    let bed = Bed::make().await?;
    let (mut same, mut details) = (true, String::new());
    for suite in SUITES {
        if !arguments.names.is_empty() && !arguments.names.iter().any(|name| name == suite.name) {
            continue;
        }
        bed.prepare(suite, &folder).await?;
        let direct = suite.run(&folder, bed.direct_port(), false).await?;
        let proxied = suite.run(&folder, bed.proxied_port()?, false).await?;
        let (left, right) = (Passed::read(&direct), Passed::read(&proxied));
        let (lost, won) = left.against(&right);
        println!(
            "{}: {} pass direct, {} through editiond; {} lost, {} won",
            suite.name,
            left.count(),
            right.count(),
            lost.len(),
            won.len()
        );
        let lines = lost
            .iter()
            .map(|test| format!("  lost {test}\n"))
            .chain(won.iter().map(|test| format!("  won  {test}\n")));
        let lines: Vec<String> = lines.collect();
        print!("{}", lines.get(..LINES_A_SUITE).unwrap_or(&lines).concat());
        if lines.len() > LINES_A_SUITE {
            println!("  and {} more", lines.len() - LINES_A_SUITE);
        }
        if right.count() == 0 {
            // a suite that could not begin says why at its end
            let end: Vec<&str> =
                proxied.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
            println!("  {}", end.into_iter().rev().collect::<Vec<_>>().join("\n  "));
        }
        details.push_str(&format!("== {}: lost and won\n{}", suite.name, lines.concat()));
        same &= lost.is_empty() && left.count() > 0;
        details.push_str(&format!(
            "== {} direct\n{direct}\n== {} through editiond\n{proxied}\n",
            suite.name, suite.name
        ));
    }
    if let Some(path) = &arguments.details {
        std::fs::write(path, details)?;
    }
    Ok(same)
}
