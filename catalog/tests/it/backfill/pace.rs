//! What a backfill waits for, and how much it does at a time.

use super::*;

/// A slow expression does not hold locks for long: the batch shrinks below a block.
#[tokio::test]
async fn slow_expressions_are_done_a_few_rows_at_a_time() {
    let scratch = accounts(120).await;
    let operation = scratch.begin_publish().await;
    let mut spec = accounts_spec();
    spec.assignments = vec![(
        name("cents"),
        Sql::trusted("edition_row.balance * 100 + CASE WHEN pg_sleep(0.01) IS NULL THEN 1 ELSE 0 END"),
    )];
    let outcome = fill(&scratch, operation, &spec).await.unwrap();
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
    assert_eq!(outcome.rows_changed, 120);
    assert!(outcome.longest_batch < Duration::from_millis(400), "{outcome:?}");
}

#[tokio::test]
async fn without_replicas_nothing_waits_for_them() {
    let scratch = accounts(5_000).await;
    let operation = scratch.begin_publish().await;
    let heard = Heard::default();
    let options = BackfillOptions { max_lag: Duration::ZERO, ..options() };
    run(&scratch.target, operation, 3, &accounts_spec(), &options, &heard).await.unwrap();
    assert!(!waited_for_a_replica(&heard));
}

/// A real standby that replays late on purpose.
#[tokio::test]
async fn a_replica_that_lags_is_waited_for() {
    let primary = PrivateServer::builder().start().await.unwrap();
    let admin = Target::new(primary.config("postgres"), None).unwrap().connect().await.unwrap();
    admin.batch_execute("CREATE ROLE owner LOGIN CREATEDB; GRANT pg_read_all_stats TO owner").await.unwrap();
    let folder = tempfile::Builder::new().prefix("edition-standby-").tempdir_in("/tmp").unwrap();
    let standby = late_standby(&primary, &folder.path().join("data")).await;

    let scratch = fill_accounts(Scratch::adopted_on(&primary).await, 60_000).await;
    let operation = scratch.begin_publish().await;
    let heard = Heard::default();
    // slow enough on any machine that the standby falls behind while there is work left
    let options =
        BackfillOptions { max_lag: Duration::from_millis(300), throttle: 0.9, batch_size: 100, ..options() };
    let outcome = run(&scratch.target, operation, 3, &accounts_spec(), &options, &heard).await;
    standby.stop().await.unwrap();
    assert_eq!(outcome.unwrap().rows_changed, 60_000);
    assert!(waited_for_a_replica(&heard));
}

/// A copy of the primary that replays each commit a second late.
async fn late_standby(primary: &PrivateServer, data: &Path) -> PrivateServer {
    let done = |program: &mut Command| assert!(program.status().unwrap().success(), "{program:?}");
    done(
        Command::new(primary.installation().program("pg_basebackup"))
            .arg("-D")
            .arg(data)
            .args([
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--no-sync",
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
            ])
            .args(["-p", &primary.port().to_string()]),
    );
    // the server may run under another account than the tests
    std::fs::set_permissions(data.parent().unwrap(), std::fs::Permissions::from_mode(0o755)).unwrap();
    done(
        Command::new("chown")
            .arg("-R")
            .arg(format!("--reference={}", primary.data_dir().display()))
            .arg(data),
    );
    PrivateServer::builder()
        .data_dir(data)
        .setting("recovery_min_apply_delay", "1s")
        .setting("hot_standby", "on")
        .start()
        .await
        .unwrap()
}

fn waited_for_a_replica(heard: &Heard) -> bool {
    heard.events().into_iter().any(
        |event| matches!(event, Event::BackfillProgress { throttled: Some(why), .. } if why.starts_with("replica lag ")),
    )
}
