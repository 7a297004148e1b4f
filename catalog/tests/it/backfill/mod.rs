//! The backfill among writers that do not know of it.

mod faults;
mod interruptions;
mod pace;
mod writers;

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
