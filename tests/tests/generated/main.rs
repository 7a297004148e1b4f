//! Random data definition, judged by the dump oracle. A draft gets random statements; if its plan is accepted, it is published, both
//! editions write, and it is rolled back (the schema must be what it was) or the older edition retires (the schema must be that of a
//! plain database in which the same statements were run); of several, some may be rolled back and others retire. Neither may change a row of the edition that stays; what a draft makes of rows
//! is compared with what plain DDL makes of them. Refused drafts are counted by code. What is accepted and then fails or
//! differs is a bug, and is made smaller before it is shown.
//!
//! `GENERATED_ACTS` is how many drafts are made (default 40), `GENERATED_SECONDS` how long no further one is begun (default: no limit; another
//! seed goes on from there), `GENERATED_SEED` where chance begins, `GENERATED_WORKERS` how many
//! databases are played with at a time, `GENERATED_KINDS` a comma-separated choice of statements, and `GENERATED_BUGS` a folder
//! that gets a file for each bug.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failed set-up step is a failed test; the tally is the result"
)]
#![expect(clippy::unnecessary_wraps, reason = "all kinds of statement are functions of one type")]

mod act;
mod bug;
mod ddl;
mod excuse;
mod focus;
mod same_rows;
mod smaller;
mod tally;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use act::{Acts, Outcome};
use bug::Bug;
use edition_tests::{Dice, Pair, fill};
use tally::Tally;

/// What every pair of databases begins with.
const BASE: &str = include_str!("base.sql");
/// Drafts on one pair of databases at most: a chain that grows is part of the test, but an error should not need all of it.
const ACTS_A_PAIR: usize = 12;

/// Acts between two lines of a long run.
const SHOWN_EVERY: usize = 200;

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_and_retired_equals_plain_ddl() {
    let (acts, workers) = (setting("GENERATED_ACTS", 40), setting("GENERATED_WORKERS", 2));
    let seed = setting("GENERATED_SEED", 1);
    let until = Instant::now() + Duration::from_secs(setting("GENERATED_SECONDS", 1_000_000) as u64);
    let tally = Arc::new(Mutex::new(Tally::default()));
    let bugs: Arc<Mutex<Vec<Bug>>> = Arc::default();
    let tasks: Vec<_> = (0..workers)
        .map(|worker| {
            let dice = Dice::new((seed * 1000 + worker) as u64);
            tokio::spawn(work(dice, acts.div_ceil(workers), until, Arc::clone(&tally), Arc::clone(&bugs)))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    println!("{}", tally.lock().unwrap());
    assert!(tally.lock().unwrap().done() > 0, "no draft was published: nothing was judged");
    let bugs = bugs.lock().unwrap();
    let shown: Vec<String> = bugs.iter().map(ToString::to_string).collect();
    assert!(bugs.is_empty(), "{} bugs (seed {seed})\n{}", bugs.len(), shown.join("\n"));
}

/// Plays acts, on new databases whenever the old ones have had enough or went wrong.
async fn work(
    mut dice: Dice,
    acts: usize,
    until: Instant,
    tally: Arc<Mutex<Tally>>,
    bugs: Arc<Mutex<Vec<Bug>>>,
) {
    let mut played = 0;
    while played < acts && Instant::now() < until {
        let pair = Pair::new(BASE).await.unwrap();
        pair.init("v1", &["public"]).await.unwrap();
        let mut stage = Acts::new(pair);
        stage.fill(&mut dice).await;
        for _ in 0..ACTS_A_PAIR.min(acts - played) {
            if Instant::now() >= until || stage.is_over {
                break;
            }
            played += 1;
            let base = stage.pair.script().await;
            let (script, outcome) = stage.play(&mut dice).await;
            {
                let mut tally = tally.lock().unwrap();
                tally.count(&script, &outcome);
                if tally.acts().is_multiple_of(SHOWN_EVERY) {
                    println!("{}", tally.shown_so_far());
                }
            }
            if let Outcome::Bug(what) = outcome {
                let bug = smaller::smaller(Bug { base, script, what }).await;
                if let Ok(folder) = std::env::var("GENERATED_BUGS") {
                    bug.write(&folder);
                }
                bugs.lock().unwrap().push(bug);
                break;
            }
        }
        tally.lock().unwrap().spent(&stage.spent);
        stage.pair.end().await;
    }
}

/// Rows for a database that is as a bug found it.
async fn rows(pair: &Pair, root: &str, dice: &mut Dice) {
    let place = pair.in_edition(root).await;
    let shape = edition_tests::Shape::read(&place.session).await.unwrap();
    fill(&place, &shape, dice, 3).await;
}
