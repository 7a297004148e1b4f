//! The backfill among writers that do not know of it.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use catalog::{
    ErrorKind,
    backfill::{BackfillOptions, BackfillOutcome, BackfillSpec, FailingRow, run},
    event::{Event, Silent},
    model::OperationId,
    sql::Sql,
    target::Target,
};
use edition_cli::server::PrivateServer;
use tokio::sync::watch;

use crate::scratch::{Heard, Scratch, child, name, qualified};

/// A table with a new column `cents` and the populate-mode trigger that a publication would have made before the backfill.
const ACCOUNTS: &str = "
    CREATE TABLE accounts (id int PRIMARY KEY, balance numeric(12,2) NOT NULL, note text NOT NULL DEFAULT repeat('x', 80));
    ALTER TABLE accounts ADD COLUMN cents bigint;
    CREATE FUNCTION populate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.cents := NEW.balance * 100; RETURN NEW; END $$;
    CREATE TRIGGER populate BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW
        WHEN (COALESCE(NULLIF(current_setting('edition.id', true), '')::int, 0) < 2) EXECUTE FUNCTION populate();";

const ALL_RIGHT: &str = "SELECT count(*) FROM public.accounts WHERE cents IS DISTINCT FROM balance * 100";

/// So many rows as they were before the trigger came.
async fn accounts(rows: u32) -> Scratch {
    fill_accounts(Scratch::adopted().await, rows).await
}

async fn fill_accounts(scratch: Scratch, rows: u32) -> Scratch {
    scratch.run(&format!("SET search_path = public; {ACCOUNTS}")).await;
    scratch
        .run(&format!(
            "SET edition.id = 2; INSERT INTO public.accounts (id, balance) SELECT i, i * 1.01 FROM generate_series(1, {rows}) i"
        ))
        .await;
    scratch
}

fn accounts_spec() -> BackfillSpec {
    BackfillSpec {
        search_path: Vec::new(),
        table: qualified("public", "accounts"),
        child: child(),
        assignments: vec![(name("cents"), Sql::trusted("edition_row.balance * 100"))],
        null_on_error: vec![],
        pending: Sql::trusted("edition_row.cents IS NULL"),
        primary_key: vec![name("id")],
    }
}

fn options() -> BackfillOptions {
    BackfillOptions {
        batch_size: 5_000,
        jobs: 2,
        max_lag: Duration::from_secs(10),
        throttle: 0.0,
        lock_timeout: Duration::from_millis(50),
        pause: watch::channel(false).1,
    }
}

async fn fill(
    scratch: &Scratch,
    operation: OperationId,
    spec: &BackfillSpec,
) -> catalog::Result<BackfillOutcome> {
    run(&scratch.target, operation, 3, spec, &options(), &Silent).await
}

#[tokio::test]
async fn fills_in_every_row_once_and_tells_how_far_it_is() {
    let scratch = accounts(50_000).await;
    let operation = scratch.begin_publish().await;
    let heard = Heard::default();
    let outcome = run(&scratch.target, operation, 3, &accounts_spec(), &options(), &heard).await.unwrap();
    assert_eq!(outcome.rows_changed, 50_000);
    assert_eq!(scratch.ask(ALL_RIGHT).await, ["0"]);
    let again = run(&scratch.target, operation, 3, &accounts_spec(), &options(), &heard).await.unwrap();
    assert_eq!((again.rows_changed, again.longest_batch), (50_000, Duration::ZERO), "nothing was left to do");
    let Some(Event::BackfillProgress {
        blocks_done,
        blocks_total,
        rows_changed,
        rows_done,
        rows_total,
        eta,
        ..
    }) = heard.events().into_iter().rfind(|event| matches!(event, Event::BackfillProgress { .. }))
    else {
        panic!("no progress was told")
    };
    assert!(blocks_total > 500);
    assert_eq!((blocks_done, rows_done, rows_changed), (blocks_total, rows_total, 50_000));
    assert_eq!(eta, None, "a finished run has measured nothing");
}

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
async fn a_row_whose_value_cannot_be_computed_is_named() {
    let scratch = Scratch::adopted().await;
    scratch
        .run(
            "CREATE TABLE public.\"Odd \"\"table\" (a int, \"b c\" text, amount int, share int, ratio int, PRIMARY KEY (a, \"b c\"));
             INSERT INTO public.\"Odd \"\"table\" SELECT i, 'k''' || i, CASE WHEN i = 17345 THEN 0 ELSE i END FROM generate_series(1, 30000) i",
        )
        .await;
    let operation = scratch.begin_publish().await;
    let spec = BackfillSpec {
        search_path: Vec::new(),
        table: qualified("public", "Odd \"table"),
        child: child(),
        assignments: vec![
            (name("share"), Sql::trusted("edition_row.amount + 1")),
            (name("ratio"), Sql::trusted("1000 / edition_row.amount")),
        ],
        null_on_error: vec![],
        pending: Sql::trusted("edition_row.ratio IS NULL"),
        primary_key: vec![name("a"), name("b c")],
    };
    let error = fill(&scratch, operation, &spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"ratio\" of public.Odd \"table cannot be filled in for the row (a, b c)=(17345, k'17345): division by zero"
    );
    assert_eq!(error.kind(), ErrorKind::Database);
    let row = FailingRow::of(&error).unwrap();
    assert_eq!((row.column.clone(), row.sqlstate.as_str()), (Some(name("ratio")), "22012"));
    // Once the row is mended (and its columns set, as the triggers of a publication would), the same call goes on to the end.
    scratch
        .run("UPDATE public.\"Odd \"\"table\" SET amount = 1, share = 2, ratio = 1000 WHERE a = 17345")
        .await;
    assert_eq!(fill(&scratch, operation, &spec).await.unwrap().rows_changed, 29_999);
    assert_eq!(scratch.ask("SELECT count(*) FROM public.\"Odd \"\"table\" WHERE ratio IS NULL").await, ["0"]);
}

#[tokio::test]
async fn a_value_that_a_constraint_refuses_is_named_without_a_primary_key() {
    let scratch = Scratch::adopted().await;
    scratch
        .run(
            "CREATE TABLE public.plain (name text, first varchar(5), last text, CONSTRAINT last_given CHECK (last <> '') NOT VALID);
             INSERT INTO public.plain SELECT 'Ada L' || i FROM generate_series(1, 900) i;
             INSERT INTO public.plain VALUES ('Plato')",
        )
        .await;
    let operation = scratch.begin_publish().await;
    let mut spec = BackfillSpec {
        search_path: Vec::new(),
        table: qualified("public", "plain"),
        child: child(),
        assignments: vec![
            (name("first"), Sql::trusted("split_part(edition_row.name, ' ', 1)")),
            (name("last"), Sql::trusted("split_part(edition_row.name, ' ', 2)")),
        ],
        null_on_error: vec![],
        pending: Sql::trusted("edition_row.last IS NULL"),
        primary_key: vec![],
    };
    let ctid = scratch.ask("SELECT ctid FROM public.plain WHERE name = 'Plato'").await.pop().unwrap();
    let error = fill(&scratch, operation, &spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "column \"last\" of public.plain cannot be filled in for the row (ctid)=({ctid}): \
             new row for relation \"plain\" violates check constraint \"last_given\""
        )
    );
    // Too long a value fails at the assignment, not in the expression.
    scratch.run("UPDATE public.plain SET name = 'Aristoteles the second' WHERE name = 'Plato'").await;
    spec.pending = Sql::trusted("true");
    let error = run(&scratch.target, operation, 4, &spec, &options(), &Silent).await.unwrap_err();
    let row = FailingRow::of(&error).unwrap();
    assert_eq!(row.column, Some(name("first")));
    assert_eq!(row.message, "value too long for type character varying(5)");
}

/// `--on-error null`: only the columns that were given so become NULL, only where they fail, and the others still name their row.
#[tokio::test]
async fn a_column_may_be_null_where_its_value_cannot_be_computed() {
    let scratch = Scratch::adopted().await;
    scratch
        .run(
            "CREATE TABLE public.readings (id int PRIMARY KEY, raw text, value int, short varchar(4), twice int);
             INSERT INTO public.readings SELECT i, CASE WHEN i % 100 = 7 THEN 'n/a' ELSE i::text END FROM generate_series(1, 12000) i",
        )
        .await;
    let operation = scratch.begin_publish().await;
    let mut spec = BackfillSpec {
        search_path: Vec::new(),
        table: qualified("public", "readings"),
        child: child(),
        assignments: vec![
            (name("value"), Sql::trusted("edition_row.raw::int")),
            (name("short"), Sql::trusted("edition_row.raw")),
            (name("twice"), Sql::trusted("edition_row.id * 2")),
        ],
        null_on_error: vec![name("value"), name("short")],
        pending: Sql::trusted("edition_row.twice IS NULL"),
        primary_key: vec![name("id")],
    };
    assert_eq!(fill(&scratch, operation, &spec).await.unwrap().rows_changed, 12_000);
    let wrong = "SELECT count(*) FROM public.readings WHERE twice IS DISTINCT FROM id * 2 \
                 OR value IS DISTINCT FROM CASE WHEN raw <> 'n/a' THEN raw::int END \
                 OR short IS DISTINCT FROM CASE WHEN length(raw) <= 4 THEN raw END";
    assert_eq!(scratch.ask(wrong).await, ["0"]);

    scratch.run("UPDATE public.readings SET twice = NULL").await;
    spec.assignments.pop();
    spec.assignments.push((name("twice"), Sql::trusted("1 / (edition_row.id - 4321)")));
    let error = run(&scratch.target, operation, 4, &spec, &options(), &Silent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"twice\" of public.readings cannot be filled in for the row (id)=(4321): division by zero"
    );
}

/// What is wrong with the statement itself is not blamed on a row.
#[tokio::test]
async fn a_column_that_is_not_there_is_no_rows_fault() {
    let scratch = accounts(10).await;
    let operation = scratch.begin_publish().await;
    let mut spec = accounts_spec();
    spec.assignments = vec![(name("cents"), Sql::trusted("edition_row.nothing"))];
    let error = fill(&scratch, operation, &spec).await.unwrap_err();
    assert!(FailingRow::of(&error).is_none());
    assert_eq!(
        error.to_string(),
        "the backfill of public.accounts failed: column edition_row.nothing does not exist"
    );
}

#[tokio::test]
async fn an_empty_table_is_done_at_once() {
    let scratch = accounts(0).await;
    let operation = scratch.begin_publish().await;
    assert_eq!(fill(&scratch, operation, &accounts_spec()).await.unwrap().rows_changed, 0);
    assert_eq!(scratch.ask("SELECT count(*) FROM edition.backfills").await, ["1"]);
}

/// Children of an inheritance tree are tables of their own, and triggers of the application stay out of it where that is permitted.
#[tokio::test]
async fn the_applications_triggers_stay_out_of_it_where_the_role_may_do_that() {
    let scratch = accounts(500).await;
    scratch
        .run(
            "CREATE TABLE public.heir () INHERITS (public.accounts);
             SET edition.id = 2; INSERT INTO public.heir (id, balance) VALUES (1, 1);
             CREATE TABLE public.audit (id int);
             CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (NEW.id); RETURN NULL; END $$;
             CREATE TRIGGER audit AFTER UPDATE ON public.accounts FOR EACH ROW EXECUTE FUNCTION public.audit();",
        )
        .await;
    scratch
        .admin()
        .await
        .batch_execute("GRANT SET ON PARAMETER session_replication_role TO owner")
        .await
        .unwrap();
    let operation = scratch.begin_publish().await;
    let outcome = fill(&scratch, operation, &accounts_spec()).await;
    scratch
        .admin()
        .await
        .batch_execute("REVOKE SET ON PARAMETER session_replication_role FROM owner")
        .await
        .unwrap();
    assert_eq!(outcome.unwrap().rows_changed, 500);
    assert_eq!(scratch.ask("SELECT count(*) FROM public.audit").await, ["0"]);
    assert_eq!(scratch.ask("SELECT cents FROM public.heir").await, ["NULL"]);
}

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
