//! Judges the plan engine by what real applications did to their schemas: each migration of a history becomes an edition of a database
//! with rows in its tables; it is published, written to from both sides, and the older edition retires. After each step the schema must be
//! that of a plain database in which the same file was run.
//!
//! Histories are folders of SQL files outside of the repository (`tests/histories.txt` says where they come from).

#![expect(clippy::print_stdout, reason = "the report is what it is for")]

mod advice;
mod history;
mod obstacle;
mod play;
mod psql;
mod report;

use std::{path::PathBuf, time::Instant};

use clap::Parser;

use history::History;
use play::Play;
use report::Report;

/// What the program may be told.
#[derive(Parser)]
struct Arguments {
    /// Folders, each the history of one application; all SQL files below it are steps, in the order of their paths.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// The first step that becomes an edition; those before it are run plainly.
    #[arg(long, default_value_t = 1)]
    from: usize,
    /// Steps of each history that become editions at most.
    #[arg(long)]
    steps: Option<usize>,
    /// Seconds after which no further step of a history is begun.
    #[arg(long)]
    seconds: Option<u64>,
    /// Where the report goes.
    #[arg(long)]
    report: Option<PathBuf>,
    /// A folder that gets a file for each step that failed or differed.
    #[arg(long)]
    bugs: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let mut report = Report::default();
    for folder in &arguments.folders {
        let history = match History::read(folder) {
            Ok(history) => history,
            Err(error) => {
                println!("{}: {error}", folder.display());
                return std::process::ExitCode::FAILURE;
            }
        };
        let begun = Instant::now();
        let last = arguments.steps.map_or(usize::MAX, |steps| steps + arguments.from - 1);
        let mut play = Play::begin(&history).await;
        report.begin(&history.name, history.steps.len());
        for (index, step) in history.steps.iter().enumerate().take(last) {
            if arguments.seconds.is_some_and(|seconds| begun.elapsed().as_secs() >= seconds) {
                break;
            }
            let at = Instant::now();
            let outcome =
                if index + 1 < arguments.from { play.plainly(step).await } else { play.step(step).await };
            println!(
                "{} {:3} {} ({} ms) {outcome}",
                history.name,
                index + 1,
                step.name,
                at.elapsed().as_millis()
            );
            report.add(&history.name, index + 1, step, outcome, arguments.bugs.as_deref());
            if let Some(path) = &arguments.report
                && let Err(error) = std::fs::write(path, report.to_string())
            {
                println!("{}: {error}", path.display());
            }
        }
        play.end().await;
    }
    println!("{report}");
    if report.has_bugs() { std::process::ExitCode::FAILURE } else { std::process::ExitCode::SUCCESS }
}
