//! Runs that are killed, paused, or lose their connection or their table.

use super::*;

/// Dropping the future is what a kill looks like to the server.
#[tokio::test]
async fn a_killed_run_is_taken_up_where_it_was() {
    let scratch = accounts(60_000).await;
    let operation = scratch.begin_publish().await;
    let slow = BackfillOptions { batch_size: 200, throttle: 0.9, ..options() };
    let spec = accounts_spec();
    let killed = tokio::time::timeout(
        Duration::from_millis(700),
        run(&scratch.target, operation, 3, &spec, &slow, &Silent),
    );
    assert!(killed.await.is_err(), "it was to be killed before its end");
    let cursor = "SELECT sum(next_block) > 0 FROM edition.backfills";
    assert_eq!(scratch.ask(cursor).await, ["t"]);
    let done_before: u64 = scratch
        .ask("SELECT sum(rows_changed) FROM edition.backfills")
        .await
        .first()
        .unwrap()
        .parse()
        .unwrap();
    assert!(done_before > 0 && done_before < 60_000);
    let outcome = fill(&scratch, operation, &accounts_spec()).await.unwrap();
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
    assert_eq!(outcome.rows_changed, 60_000, "each row once, over both runs");
}

#[tokio::test]
async fn a_table_that_is_rewritten_meanwhile_starts_over() {
    let scratch = accounts(40_000).await;
    scratch.run("DELETE FROM public.accounts WHERE id % 3 = 0").await;
    let operation = scratch.begin_publish().await;
    let slow = BackfillOptions { batch_size: 200, throttle: 0.9, ..options() };
    let spec = accounts_spec();
    let killed = tokio::time::timeout(
        Duration::from_millis(500),
        run(&scratch.target, operation, 3, &spec, &slow, &Silent),
    );
    assert!(killed.await.is_err());
    // Rows that are not done move into blocks that are.
    scratch.run("VACUUM FULL public.accounts").await;
    let heard = Heard::default();
    let options = BackfillOptions { batch_size: 1_000, throttle: 0.5, ..options() };
    let rewrite = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        scratch.run("VACUUM FULL public.accounts").await;
    };
    let (outcome, ()) = tokio::join!(run(&scratch.target, operation, 3, &spec, &options, &heard), rewrite);
    assert!(
        (20_000..=26_667).contains(&outcome.unwrap().rows_changed),
        "batches that the rewriting met are not counted"
    );
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
    let told = heard
        .events()
        .iter()
        .any(|event| matches!(event, Event::Note { text } if text.contains("starts over")));
    assert!(told, "{:?}", heard.events());
}

#[tokio::test]
async fn a_pause_ends_it_cleanly_and_the_same_call_goes_on() {
    let scratch = accounts(60_000).await;
    let operation = scratch.begin_publish().await;
    let (pause, paused) = watch::channel(false);
    let slow = BackfillOptions { batch_size: 200, throttle: 0.9, pause: paused, ..options() };
    let spec = accounts_spec();
    let ask_for_it = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        pause.send(true).unwrap();
        Instant::now()
    };
    let (outcome, asked) =
        tokio::join!(run(&scratch.target, operation, 3, &spec, &slow, &Silent), ask_for_it);
    let error = outcome.unwrap_err();
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert_eq!(error.kind(), ErrorKind::Paused);
    assert!(error.to_string().starts_with("the backfill of public.accounts is paused at "), "{error}");
    let outcome = fill(&scratch, operation, &spec).await.unwrap();
    assert_eq!(outcome.rows_changed, 60_000);
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let scratch = accounts(60_000).await;
    let operation = scratch.begin_publish().await;
    let slow = BackfillOptions { batch_size: 500, throttle: 0.5, ..options() };
    let spec = accounts_spec();
    let cut = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE application_name = 'edition backfill' AND datname = current_database()";
            scratch.run(cut).await;
        }
    };
    let (outcome, ()) = tokio::join!(run(&scratch.target, operation, 3, &spec, &slow, &Silent), cut);
    assert_eq!(outcome.unwrap().rows_changed, 60_000);
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
}
