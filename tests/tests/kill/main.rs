//! `kill -9` of the `edition` command at every step of publish, rollback and retire, and of the undoing of a publication that
//! failed; then the same command again, until it ends by itself. Whatever it was doing when it was killed, the right state is
//! reached, no schema differs from what it should be, and no statement of the application failed meanwhile.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up step is a failed test")]

mod application;
mod command;

use std::time::Duration;

use application::Application;
use command::{Ending, Report, run, run_and_kill};
use edition_tests::{APP, World, assert_same_schema};

const BASE: &str = "
CREATE TABLE users (
    id    integer PRIMARY KEY,
    name  text NOT NULL,
    cents integer NOT NULL DEFAULT 0
);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \"user\" integer NOT NULL REFERENCES users, price integer);
INSERT INTO users (id, name, cents) SELECT n, 'Given' || n || ' Family' || n, n FROM generate_series(1, 3000) AS n;
INSERT INTO orders (\"user\", price) SELECT n, n FROM generate_series(1, 1000) AS n;
";

/// A step of every kind: columns, a backfill, NOT NULL, a check, an index, a unique key, a rename, a new table, a dropped column.
const DRAFT: &str = "
ALTER TABLE users ADD COLUMN given text NOT NULL, ADD COLUMN family text NOT NULL, DROP COLUMN name;
ALTER TABLE users ADD CONSTRAINT named CHECK (given <> '');
ALTER TABLE users ADD CONSTRAINT family_once UNIQUE (family);
ALTER TABLE users ALTER COLUMN cents TYPE bigint;
CREATE INDEX orders_price ON orders (price);
ALTER TABLE orders RENAME TO purchases;
CREATE TABLE audits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
GRANT SELECT, INSERT ON audits TO app;
";
const FORWARD: &str = "given = split_part(name, ' ', 1), family = split_part(name, ' ', 2)";
const REVERSE: &str = "name = given || ' ' || family";

/// When the kill comes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// At the start of each step.
    Start,
    /// At the end of each step.
    End,
    /// In each step or the next ones, some milliseconds after either.
    Later,
    /// A good while after the start of each step, or of one that follows it soon.
    Midst,
}

impl Moment {
    /// What is reported, if that is such a moment. `step` has started.
    fn of(self, report: &Report, step: &str) -> Option<String> {
        let start = || report.started().map(|title| format!("start {title}"));
        let undo = || report.undoing().map(|title| format!("undo {title}"));
        let end = || report.ends_a_step().then(|| format!("end {step}"));
        match self {
            Self::Start | Self::Midst => start().or_else(undo),
            Self::End => end(),
            Self::Later => start().or_else(end).or_else(undo),
        }
    }

    /// Differs from run to run, and is the same in every run of the test.
    fn delay(self, run: u64) -> Duration {
        match self {
            Self::Start | Self::End => Duration::ZERO,
            Self::Later => Duration::from_millis(run * 7 % 23),
            Self::Midst => Duration::from_millis(150),
        }
    }
}

/// Runs the command again and again. Each run is killed at the first moment at which no earlier run was killed. Returns whether the
/// last run ended well, what it said, and where the others were killed.
async fn kill_at_every_step(
    world: &World,
    arguments: &[&str],
    moment: Moment,
) -> (bool, String, Vec<String>) {
    let mut killed: Vec<String> = Vec::new();
    for run in 0..200 {
        let mut step = String::new();
        let now = |report: &Report| {
            if let Some(title) = report.started() {
                title.clone_into(&mut step);
            }
            moment.of(report, &step).filter(|reason| !killed.contains(reason))
        };
        match run_and_kill(world, arguments, moment.delay(run), now).await {
            Ending::Killed(reason) => killed.push(reason),
            Ending::Finished { well, said } => return (well, said, killed),
        }
    }
    panic!("{arguments:?} is killed for ever: {killed:#?}");
}

/// The same for a command that must end well.
async fn survive(world: &World, arguments: &[&str], moment: Moment) -> Vec<String> {
    let (well, said, killed) = kill_at_every_step(world, arguments, moment).await;
    assert!(well, "{arguments:?} after being killed at {killed:#?}:\n{said}");
    killed
}

fn assert_met(killed: &[String], parts: &[&str]) {
    for part in parts {
        assert!(killed.iter().any(|reason| reason.contains(part)), "never killed at {part}: {killed:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_rollback_and_retire_survive_a_kill_at_every_step() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.transform("v2", "users", FORWARD, REVERSE).await;
    let old = Application::start(&world, "v1", application::OLD).await;

    let publish = ["publish", "v2", "--batch-size", "500", "--allow", "older-write-may-fail"];
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("v2.saved");
    let save = ["rollback", "v2", "--save", saved.to_str().unwrap(), "--drain", "10s"];
    let discard = ["rollback", "v2", "--discard-data", "--drain", "10s"];

    // a fast step may be over before the kill comes; three times in a row it is not
    let mut published = survive(&world, &publish, Moment::Start).await;
    agree(&world).await;
    let mut rolled_back = survive(&world, &save, Moment::Start).await;
    assert_same_schema("after rollback", &world.dump().await, &before);
    published.extend(survive(&world, &publish, Moment::End).await);
    agree(&world).await;
    rolled_back.extend(survive(&world, &discard, Moment::End).await);
    assert_same_schema("after the second rollback", &world.dump().await, &before);
    published.extend(survive(&world, &publish, Moment::Later).await);
    agree(&world).await;
    assert_met(&published, &["expand", "backfill", "validate", "index", "switch", "open edition v2"]);
    assert_met(&rolled_back, &["close edition v2", "contract", "is a draft again"]);

    old.stop().await;
    world.verbs.default("v2").await;
    let new = Application::start(&world, "v2", application::NEW).await;
    let killed = survive(&world, &["retire", "v1", "--drain", "10s"], Moment::Start).await;
    assert_met(&killed, &["close edition v1"]);
    assert!(killed.len() >= 5, "{killed:#?}");
    new.stop().await;
    assert_same_schema("after retire", &world.dump().await, &world.dump_blueprint("v2").await);
    let again = run(&world, &["retire", "v1"]).await;
    assert!(again.status.success(), "a finished command is a success that does nothing: {again:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_a_failed_publication_survives_a_kill_at_every_step() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    // row 2990 cannot be transformed, which shows late in the backfill
    let forward = "given = split_part(name, ' ', 1), family = (1 / (id - 2990))::text || id";
    world.verbs.transform("v2", "users", forward, REVERSE).await;
    let old = Application::start(&world, "v1", application::OLD).await;

    let publish = ["publish", "v2", "--allow", "older-write-may-fail"];
    let (well, said, killed) = kill_at_every_step(&world, &publish, Moment::Start).await;
    assert!(!well, "it cannot be published: {said}");
    // which of the fast steps are over before the kill comes differs from run to run
    let undoing = killed.iter().filter(|reason| reason.starts_with("undo ")).count();
    assert!(undoing >= 3, "killed too seldom while undoing: {killed:#?}");
    old.stop().await;
    assert_same_schema("after undoing", &world.dump().await, &before);
    world.end().await;
}

/// The server goes on with a statement whose client is gone. Here every ALTER TABLE takes so long that the next run of the command is
/// there while the one before still works.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_running_does_not_get_in_the_way() {
    let world = World::adopted("CREATE TABLE users (id integer PRIMARY KEY, name text)").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users ADD COLUMN more text, ADD COLUMN most text").await;
    let slow = "CREATE SCHEMA slow; \
         CREATE FUNCTION slow.dawdle() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.4); END'; \
         CREATE EVENT TRIGGER dawdle ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION slow.dawdle()";
    world.direct("postgres").await.run(slow).await;
    let before = world.dump().await;
    survive(&world, &["publish", "v2"], Moment::Midst).await;
    world.session(APP, "v2").await.run("INSERT INTO users VALUES (1, 'name', 'more', 'most')").await;
    survive(&world, &["rollback", "v2", "--discard-data"], Moment::Midst).await;
    assert_same_schema("after rollback", &world.dump().await, &before);
    world.end().await;
}

/// Both editions show the same users, in one snapshot.
async fn agree(world: &World) {
    const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    let (old, new) = (world.session(APP, "v1").await, world.session(APP, "v2").await);
    old.run(BEGIN).await;
    let snapshot = old.ask("SELECT pg_export_snapshot()").await.concat();
    new.run(&format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{snapshot}'")).await;
    let old = old.ask("SELECT id, name, cents FROM users ORDER BY id").await;
    let new = new.ask("SELECT id, given || ' ' || family, cents FROM users ORDER BY id").await;
    let differing = old.iter().zip(&new).find(|(old, new)| old != new);
    assert!(differing.is_none() && old.len() == new.len(), "{differing:?}");
}
