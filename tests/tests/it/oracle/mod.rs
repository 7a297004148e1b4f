//! Random editions, random changes and random writes, compared with a model that knows only the rules. A script that fails is made
//! smaller before it is shown. `ORACLE_CASES` sets how many scripts are played (default 10).

mod draft;
mod expression;
mod faults;
mod model;
mod play;

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestCaseError, TestRunner},
};

use draft::{Change, What};
use play::{Step, play};

/// Scripts of a usual run.
const CASES: u32 = 10;
/// How often a failing script is made smaller; each try plays it.
const SHRINK_MAX: u32 = 100;

fn change() -> impl Strategy<Value = Change> {
    (select(&What::ALL[..]), any::<u8>(), any::<u8>()).prop_map(|(what, a, b)| Change(what, a, b))
}

fn write() -> impl Strategy<Value = Step> {
    let byte = any::<u8>;
    prop_oneof![
        3 => (byte(), byte(), byte()).prop_map(|(e, t, v)| Step::Insert(e, t, v)),
        5 => (byte(), byte(), byte(), byte()).prop_map(|(e, t, r, v)| Step::Update(e, t, r, v)),
        2 => (byte(), byte(), byte(), byte()).prop_map(|(e, t, r, v)| Step::Upsert(e, t, r, v)),
        3 => (byte(), byte()).prop_map(|(e, t)| Step::Touch(e, t)),
        1 => (byte(), byte(), byte()).prop_map(|(e, t, r)| Step::Delete(e, t, r)),
    ]
}

/// Some writes, then an edition that comes or goes.
fn act() -> impl Strategy<Value = Vec<Step>> {
    let turn = prop_oneof![
        6 => vec(change(), 1..5).prop_map(Step::Publish),
        1 => Just(Step::RollBack),
        1 => Just(Step::Retire),
    ];
    (turn, vec(write(), 4..16)).prop_map(|(turn, writes)| std::iter::once(turn).chain(writes).collect())
}

fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(act(), 2..5).prop_map(|acts| acts.concat())
}

/// Plays a script to its end, on a runtime of its own.
fn perform(script: &[Step]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(play(script))
}

#[test]
fn every_edition_sees_what_the_rules_say() {
    let cases = std::env::var("ORACLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let config =
        Config { cases, max_shrink_iters: SHRINK_MAX, failure_persistence: None, ..Config::default() };
    let outcome =
        TestRunner::new(config).run(&script(), |script| perform(&script).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
