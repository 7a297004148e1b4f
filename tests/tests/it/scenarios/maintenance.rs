//! Partitions that maintenance makes, drops and detaches while an operation runs, and what the operation meets on its way.

use std::time::Duration;

use catalog::{
    ErrorKind,
    event::{Event, Silent},
    operation::{self, KeepData, Patience, PublishOptions},
};
use edition_tests::{APP, Heard, OWNER, World, at_every_moment, edition, patience};

const EVENTS: &str = "\
    CREATE TABLE ev (id int, at int, code text, PRIMARY KEY (id, at)) PARTITION BY LIST (at);
    CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1); CREATE TABLE ev_2 PARTITION OF ev FOR VALUES IN (2);
    CREATE TABLE ev_3 PARTITION OF ev FOR VALUES IN (3) PARTITION BY LIST (at); CREATE TABLE ev_3_1 PARTITION OF ev_3 FOR VALUES IN (3);
    INSERT INTO ev SELECT 1, n, n::text FROM generate_series(1, 3) AS n";

/// Keys and unique constraints without an index that PostgreSQL takes for whole, and partitions without their part of one.
const BROKEN: &str = "\
    SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid AND indrelid IN (SELECT relid FROM pg_partition_tree('ev'))
    UNION ALL
    SELECT relid::regclass FROM pg_partition_tree('ev') AS t
    WHERE (SELECT count(*) FROM pg_constraint WHERE conrelid = relid AND contype IN ('p', 'u'))
        <> (SELECT count(*) FROM pg_constraint WHERE conrelid = 'ev'::regclass AND contype IN ('p', 'u'))";

/// Runs `before` at the first moment whose name begins so, `met` says whether it came.
async fn at_the_moment(
    owner: &edition_tests::Session,
    moment: &str,
    wanted: &str,
    sql: &str,
    met: &mut bool,
) {
    if moment.starts_with(wanted) && !*met {
        *met = true;
        owner.run(sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_come_and_go_while_keys_are_made() {
    let world = World::adopted(EVENTS).await;
    world.verbs.create("v2").await;
    world
        .draft(
            "v2",
            "ALTER TABLE ev ALTER id TYPE bigint; ALTER TABLE ev ADD CONSTRAINT codes UNIQUE (code, id, at)",
        )
        .await;
    let owner = world.direct(OWNER).await;
    let old = world.session(APP, "v1").await;
    let (mut made, mut dropped) = (false, false);
    at_every_moment(
        &world.verbs,
        |verbs, holding| async move {
            verbs.try_publish("v2", &["older-write-may-fail", "tightens-older-edition"], &holding).await.unwrap();
        },
        async |moment| {
            let makes = "CREATE TABLE ev_4 PARTITION OF ev FOR VALUES IN (4); CREATE TABLE ev_5 PARTITION OF ev FOR VALUES IN (5) PARTITION BY LIST (at); \
                CREATE TABLE ev_5_1 PARTITION OF ev_5 FOR VALUES IN (5); GRANT ALL ON ev_4, ev_5, ev_5_1 TO app";
            at_the_moment(&owner, moment, "before \"backfill", makes, &mut made).await;
            if made {
                old.ask("INSERT INTO ev (id, at, code) SELECT 1, n, 'x' FROM generate_series(4, 5) AS n ON CONFLICT DO NOTHING RETURNING at").await;
            }
            at_the_moment(&owner, moment, "before \"build index", "DROP TABLE ev_2", &mut dropped).await;
        },
    )
    .await;
    assert!(made && dropped);
    let new = world.session(APP, "v2").await;
    for at in [1, 3, 4, 5] {
        let again = format!(
            "INSERT INTO ev (id, at, code) VALUES (1, {at}, 'x') ON CONFLICT (id, at) DO UPDATE SET code = 'y' RETURNING at"
        );
        assert_eq!(new.ask(&again).await, [at.to_string()]);
        let twice = format!(
            "INSERT INTO ev (id, at, code) VALUES (1, {at}, 'y') ON CONFLICT ON CONSTRAINT codes DO NOTHING"
        );
        new.run(&twice).await;
    }
    assert_eq!(old.ask("SELECT count(*) FROM ev").await, ["4"]);
    drop((old, new));

    world.verbs.default("v2").await;
    let (mut made, mut dropped) = (false, false);
    at_every_moment(
        &world.verbs,
        |verbs, holding| async move {
            verbs.try_retire("v1", &holding).await.unwrap();
        },
        async |moment| {
            at_the_moment(&owner, moment, "before \"build indexes", "DROP TABLE ev_1", &mut dropped).await;
            let makes = "CREATE TABLE ev_6 PARTITION OF ev FOR VALUES IN (6); INSERT INTO ev_6 (id, \"id$v2\", at, code) VALUES (1, 1, 6, 'z')";
            at_the_moment(&owner, moment, "before \"contract public.ev", makes, &mut made).await;
        },
    )
    .await;
    assert!(made && dropped);
    assert_eq!(owner.ask(BROKEN).await, [""; 0]);
    assert_eq!(owner.ask("SELECT at FROM ev ORDER BY at").await, ["3", "4", "5", "6"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_is_dropped_from_under_a_publication_that_is_undone() {
    let world = World::adopted(&format!(
        "CREATE TABLE other (at int PRIMARY KEY); INSERT INTO other VALUES (1), (2), (3); {EVENTS}"
    ))
    .await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE ev ADD FOREIGN KEY (at) REFERENCES other").await;
    let owner = world.direct(OWNER).await;
    let mut dropped = false;
    at_every_moment(
        &world.verbs,
        |verbs, holding| async move {
            let allowed = ["tightens-older-edition", "older-write-may-fail"];
            let error = verbs.try_publish("v2", &allowed, &holding).await.unwrap_err();
            assert!(error.to_string().contains("other"), "{error}");
        },
        async |moment| {
            let breaks = "DROP TABLE ev_1; DELETE FROM other WHERE at = 3";
            at_the_moment(
                &owner,
                moment,
                "before \"validate constraint ev_at_fkey of public.ev_1",
                breaks,
                &mut dropped,
            )
            .await;
        },
    )
    .await;
    assert!(dropped);
    assert!(operation::status(&world.verbs.target).await.unwrap().running.is_none());
    owner.run("CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1); GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ev_1 TO app").await;
    edition_tests::assert_same_schema("undone", &world.dump().await, &before);
    world.end().await;
}

/// Who cannot have the first lock has changed nothing: the edition is open again, and nothing has to be finished first.
#[tokio::test]
async fn an_edition_that_could_not_be_closed_for_want_of_a_lock_is_open_again() {
    let world = World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int)").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ALTER a TYPE bigint").await;
    world.verbs.publish("v2", &["older-write-may-fail"]).await;
    let reader = world.direct(OWNER).await;
    reader.run("BEGIN; SELECT FROM t").await;
    let short = Patience { locks: Duration::from_millis(300), ..patience(Duration::from_secs(20)) };
    let mut options = world.verbs.rollback_options(KeepData::Discard);
    options.patience = short;
    let error =
        operation::rollback(&world.verbs.target, &edition("v2"), &options, &Silent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(error.to_string().ends_with("the edition stays as it was"), "{error}");
    assert!(operation::status(&world.verbs.target).await.unwrap().running.is_none());
    world.session(APP, "v2").await.run("INSERT INTO t VALUES (1, 500)").await;
    world.verbs.default("v2").await;
    let error = operation::retire(&world.verbs.target, &edition("v1"), short, &Silent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    world.session(APP, "v1").await.run("INSERT INTO t VALUES (2, 2)").await;
    reader.run("COMMIT").await;
    world.verbs.retire("v1").await;
    assert_eq!(world.direct(OWNER).await.ask("SELECT a FROM t ORDER BY id").await, ["500", "2"]);
    world.end().await;
}

/// A draft that cannot be reached at the end of a publication is nobody's fault: what was filled in stays, and the same command goes on.
#[tokio::test(flavor = "multi_thread")]
async fn passing_trouble_undoes_nothing() {
    let world = World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT n, n FROM generate_series(1, 100) AS n").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ALTER a TYPE bigint; CREATE INDEX slow ON t (a)").await;
    let admin = world.direct("postgres").await;
    let blueprint = world.blueprint("v2");
    let mut was_shut = false;
    at_every_moment(
        &world.verbs,
        |verbs, holding| async move {
            let error = verbs.try_publish("v2", &["older-write-may-fail"], &holding).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
            assert!(error.to_string().contains("too many connections"), "{error}");
        },
        async |moment| {
            let shuts = format!("ALTER DATABASE \"{blueprint}\" CONNECTION LIMIT 0");
            at_the_moment(&admin, moment, "before \"build index slow", &shuts, &mut was_shut).await;
        },
    )
    .await;
    assert!(was_shut);
    let running = operation::status(&world.verbs.target).await.unwrap().running.unwrap();
    assert_eq!(running.command, "edition publish v2");
    admin.run(&format!("ALTER DATABASE \"{blueprint}\" CONNECTION LIMIT -1")).await;
    let published = world.verbs.publish("v2", &["older-write-may-fail"]).await;
    assert_eq!(published.rows_backfilled, 0, "what was filled in had stayed");
    world.end().await;
}

/// PostgreSQL ends the build of an index in a cycle of waits, and leaves an invalid one behind, which is not in the way of the next try.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_build_that_gave_way_in_a_deadlock_is_tried_again() {
    let world = World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int)").await;
    world.verbs.create("v2").await;
    world.draft("v2", "CREATE INDEX slow ON t (a)").await;
    // It waits for the lock that the build has, while the build waits for its snapshot; that it is not ended itself takes a superuser.
    let other = world.direct("postgres").await;
    other
        .run("SET deadlock_timeout = '1min'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM public.t")
        .await;
    let watch = world.direct(OWNER).await;
    let waits = tokio::spawn(async move {
        let builds = "SELECT 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for old snapshots%' AND relid = 'public.t'::regclass";
        while watch.ask(builds).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        other.run("ANALYZE public.t; COMMIT").await;
    });
    let heard = Heard::default();
    world.verbs.try_publish("v2", &[], &heard).await.unwrap();
    waits.await.unwrap();
    let gave_way = heard.events().iter().any(|event| matches!(event, Event::LockRetry { .. }));
    assert!(gave_way, "PostgreSQL ended the other one");
    let built = "SELECT indisvalid FROM pg_index WHERE indrelid = 't'::regclass AND NOT indisprimary";
    assert_eq!(world.direct(OWNER).await.ask(built).await, ["t"]);
    world.end().await;
}

/// A runner without its lock may not be the only one: it stops, and whoever runs the command again goes on.
#[tokio::test]
async fn a_runner_that_has_lost_its_lock_stops() {
    let world = World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT n, n FROM generate_series(1, 5000) AS n").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ALTER a TYPE bigint").await;
    let admin = world.direct("postgres").await;
    let ends = tokio::spawn(async move {
        let ends = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND EXISTS (SELECT FROM edition.backfills WHERE rows_changed > 0)";
        while admin.ask(ends).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let options = PublishOptions {
        batch_size: 100,
        throttle: 0.95,
        ..world.verbs.publish_options(&["older-write-may-fail"])
    };
    let lost = operation::publish(&world.verbs.target, &edition("v2"), &options, &Silent).await.unwrap_err();
    assert!(lost.kind() == ErrorKind::Busy && lost.to_string().contains("holds the lock"), "{lost}");
    ends.await.unwrap();
    world.verbs.publish("v2", &["older-write-may-fail"]).await;
    let rows = world.session(APP, "v2").await.ask("SELECT count(*) FROM t WHERE a = id").await;
    assert_eq!(rows, ["5000"]);
    world.end().await;
}
