//! Writers of older editions while rows get their values.

use super::*;

/// Writers of the root move rows about (updates make new versions, elsewhere), add and delete rows, without a failure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_move_during_the_scan_are_not_missed_and_no_writer_fails() {
    let scratch = Arc::new(accounts(60_000).await);
    let operation = scratch.begin_publish().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..6).map(|seed| tokio::spawn(write_until(Arc::clone(&scratch), Arc::clone(&stop), seed))).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let slow = BackfillOptions { throttle: 0.5, batch_size: 500, ..options() };
    let outcome = run(&scratch.target, operation, 3, &accounts_spec(), &slow, &Silent).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut statements = 0;
    for writer in writers {
        statements += writer.await.unwrap();
    }
    assert!(statements > 500, "only {statements} statements ran beside it");
    assert!(outcome.rows_changed > 10_000, "{outcome:?}");
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
}

/// Several rows a transaction: what dead-locks easily. Each writer keeps to its own tenth of the table, so a failure could only be our doing.
async fn write_until(scratch: Arc<Scratch>, stop: Arc<AtomicBool>, writer: i32) -> u64 {
    let mut client = scratch.connect().await;
    let mut statements = 0;
    let any_row = || writer * 10_000 + rand::random_range(1..9_900);
    while !stop.load(Ordering::Relaxed) {
        let transaction = client.transaction().await.unwrap();
        for _ in 0..3 {
            let update =
                "UPDATE public.accounts SET balance = balance + 1, note = repeat('y', $2) WHERE id = $1";
            transaction.execute(update, &[&any_row(), &rand::random_range(0..400)]).await.unwrap();
        }
        let insert = "INSERT INTO public.accounts (id, balance) VALUES ($1, 7) ON CONFLICT (id) DO UPDATE SET balance = 8";
        transaction.execute(insert, &[&(any_row() + 55_000)]).await.unwrap();
        transaction.execute("DELETE FROM public.accounts WHERE id = $1", &[&any_row()]).await.unwrap();
        transaction.commit().await.unwrap();
        statements += 5;
    }
    statements
}

/// All writers fight for the same few rows, in transactions that would dead-lock with a patient backfill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contention_for_hot_rows_never_fails_a_writer() {
    let scratch = Arc::new(accounts(2_000).await);
    scratch.set_for_all_sessions("deadlock_timeout", "20ms").await;
    let operation = scratch.begin_publish().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (scratch, stop) = (Arc::clone(&scratch), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut client = scratch.connect().await;
                let mut longest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let transaction = client.transaction().await.unwrap();
                    // from the end of the table to its start: against the direction of the backfill
                    for id in [1_900, 1_000, 20, 5] {
                        let started = Instant::now();
                        let update = "UPDATE public.accounts SET balance = balance + 1 WHERE id = $1";
                        transaction.execute(update, &[&id]).await.unwrap();
                        longest = longest.max(started.elapsed());
                    }
                    transaction.commit().await.unwrap();
                }
                longest
            })
        })
        .collect();
    let outcome = fill(&scratch, operation, &accounts_spec()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        let longest = writer.await.unwrap();
        assert!(longest < Duration::from_millis(1_500), "a writer waited {longest:?}");
    }
    assert!(outcome.rows_changed >= 1_900);
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
}

#[tokio::test]
async fn a_locked_row_is_waited_for_and_its_holder_named() {
    let scratch = accounts(3_000).await;
    let operation = scratch.begin_publish().await;
    let holder = scratch.connect().await;
    holder
        .batch_execute(
            "SET application_name = 'idler'; BEGIN; SELECT FROM public.accounts WHERE id = 1500 FOR UPDATE",
        )
        .await
        .unwrap();
    let heard = Heard::default();
    let release = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (spec, options) = (accounts_spec(), options());
    let (outcome, ()) = tokio::join!(run(&scratch.target, operation, 3, &spec, &options, &heard), release);
    assert!(outcome.unwrap().lock_retries > 3);
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
    let named = heard.events().into_iter().any(|event| {
        matches!(event, Event::LockRetry { relation, blocker: Some(blocker), .. }
            if relation == "public.accounts" && blocker.contains("(idler, idle in transaction for"))
    });
    assert!(named, "{:?}", heard.events());
}
