//! `edition publish`.

use std::path::PathBuf;

use catalog::{
    Error, ErrorKind, Result,
    model::EditionName,
    operation::{self, PublishOptions, Published},
    plan::Artefact,
};
use clap::Args;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{
    Context,
    allowing::{Allowing, read},
    waits::Waits,
};
use crate::output::{Progress, brief, thousands};

/// Open a draft for sessions while everything keeps running; resumes what was paused or killed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition publish v2
  edition publish v2 --plan v2.json --allow-file edition.allow
  edition publish v2 --jobs 4 --throttle 0.3 --max-lag 10s

Ctrl-C pauses after the running batch; the same command resumes, and edition rollback undoes.")]
pub(crate) struct Publish {
    /// The draft
    name: EditionName,

    #[command(flatten)]
    allowing: Allowing,

    /// Do exactly what this file of plan --out says, or nothing: refused if anything has changed since
    #[arg(long, value_name = "FILE", conflicts_with = "load")]
    plan: Option<PathBuf>,

    /// Rows in one transaction of the backfill at most
    #[arg(long, value_name = "ROWS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,

    /// Connections that backfill at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,

    /// Wait while a replica lags more than this
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "10s")]
    max_lag: std::time::Duration,

    /// Share of the time that the backfill rests, from 0 (full speed) to 0.95
    #[arg(long, value_name = "SHARE", value_parser = share, default_value = "0")]
    throttle: f64,

    #[command(flatten)]
    waits: Waits,

    /// Load what rollback --save wrote
    #[arg(long, value_name = "FILE")]
    load: Option<PathBuf>,
}

impl Publish {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let plan = match &self.plan {
            Some(file) => {
                let text = read(file)?;
                Some(Artefact::read(&text).map_err(|error| error.within(&file.display().to_string()))?)
            }
            None => None,
        };
        let (ask, pause) = watch::channel(false);
        let options = PublishOptions {
            allow: self.allowing.words()?.into_allowances(),
            plan,
            batch_size: self.batch_size,
            jobs: self.jobs,
            max_lag: self.max_lag,
            throttle: self.throttle,
            patience: self.waits.patience(None),
            load: self.load,
            pause,
        };
        let progress = context.output.progress();
        let outcome = tokio::select! {
            outcome = operation::publish(&target, &self.name, &options, &progress) => outcome,
            failed = pause_on_signals(&ask, &progress) => Err(failed),
        };
        progress.finish();
        context.output.show(&outcome.map_err(|error| say_how_to_go_on(error, &self.name))?, text)
    }
}

/// A pause is no failure: what helps is the two ways on from here.
fn say_how_to_go_on(error: Error, name: &EditionName) -> Error {
    if error.kind() != ErrorKind::Paused {
        return error;
    }
    error.with_hint(format!("edition publish {name} resumes; edition rollback {name} --discard-data undoes"))
}

fn text(published: &Published) -> String {
    let name = &published.edition.name;
    if !published.changed {
        return format!("{name} is live already; nothing to do");
    }
    let mut text = format!(
        "{name} is live: {} rows got a value; no lock held others up for longer than {}",
        thousands(published.rows_backfilled),
        brief(published.longest_lock)
    );
    if published.rows_loaded + published.rows_not_loaded > 0 {
        text.push_str(&format!(
            "\nloaded {} saved rows; passed over {} that changed meanwhile",
            thousands(published.rows_loaded),
            thousands(published.rows_not_loaded)
        ));
    }
    text.push_str(&format!("\nnext: edition url {name}"));
    text
}

/// The first Ctrl-C or SIGTERM asks for a pause, the second ends the process: every step survives that. Returns only if signals
/// cannot be had.
async fn pause_on_signals(ask: &watch::Sender<bool>, progress: &Progress) -> Error {
    let (mut interrupt, mut terminate) =
        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
            (Err(error), _) | (_, Err(error)) => {
                return Error::bug(format!("cannot listen for signals: {error}"));
            }
        };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if *ask.borrow() {
            progress.finish();
            std::process::exit(130);
        }
        // the operation holds the other end for as long as we are here
        let _ = ask.send(true);
        progress.say("pausing after the running batch (again: end at once, which is safe, too)");
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=0.95).contains(&share) => Ok(share),
        _ => Err("not a number from 0 to 0.95".to_owned()),
    }
}
