//! The promise that matters most: no statement fails, and none waits long, while editions come and go under it. An application of
//! 24 clients (pgbench: simple, extended and prepared protocol) never stops, and neither does its next version once that is
//! published; `SELECT *` is in their scripts. Each round publishes the next edition, rolls it back, publishes it again and retires the one
//! before. Not one statement may fail, every transaction must be found in the ledger once, and both versions must see the same
//! accounts at every moment.
//!
//! `EDITION_ROUNDS=20 cargo test -p edition-tests --test rounds` is the long run (`make soak`); three rounds are usual.

#![expect(clippy::unwrap_used, reason = "a failed set-up step is a failed test")]

mod diary;
mod prepared;
mod report;
mod shop;

use std::time::{Duration, SystemTime};

use diary::Diary;
use edition_tests::{Finished, Load};
use report::Report;
use shop::{Shop, Span, stop};

/// How long each version runs between two verbs.
const BETWEEN: Duration = Duration::from_millis(1500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_fails_while_editions_come_and_go() {
    let rounds = std::env::var("EDITION_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap());
    let shop = Shop::open().await;
    let mut report = Report::default();
    let mut old = shop.start(1);
    tokio::time::sleep(BETWEEN).await;
    for root in 1..=rounds {
        old = round(&shop, root, old, &mut report).await;
    }
    report.add(stop(old).await);
    let books = shop.books(&[rounds + 1]).await;
    report.print();
    let failures = report.failures();
    assert!(failures.is_empty(), "{failures:#?}\n{}", shop.complaints());
    report.assert_that_nobody_starved();
    for books in books {
        assert_eq!(books.entries, report.ledger_transactions(), "every transaction is in the ledger, once");
        assert_eq!(books.balance, books.ledger);
    }
    shop.close().await;
}

/// One round; returns the application of the new root.
async fn round(shop: &Shop, root: u32, old: Vec<Load>, report: &mut Report) -> Vec<Load> {
    let next = root + 1;
    shop.draft(next).await;

    let (span, diary) = begin(format!("publish v{next}"));
    let outcome = shop.publish(next, &diary).await;
    end(shop, report, span, diary, outcome);
    let new = shop.start(next);
    tokio::time::sleep(BETWEEN).await;
    agree(shop, &[root, next]).await;
    report.add(stop(new).await);

    let (span, diary) = begin(format!("rollback v{next}"));
    let outcome = shop.rollback(next, &diary).await;
    end(shop, report, span, diary, outcome);
    agree(shop, &[root]).await;

    let (span, diary) = begin(format!("publish v{next} again"));
    let outcome = shop.publish(next, &diary).await;
    end(shop, report, span, diary, outcome);
    let new = shop.start(next);
    tokio::time::sleep(BETWEEN).await;
    agree(shop, &[root, next]).await;
    report.add(stop(old).await);

    let (span, diary) = begin(format!("retire v{root}"));
    let outcome = shop.retire(root, &diary).await;
    end(shop, report, span, diary, outcome);
    tokio::time::sleep(BETWEEN).await;
    agree(shop, &[next]).await;
    new
}

fn begin(name: String) -> (Span, Diary) {
    let now = SystemTime::now();
    (Span { name, start: now, end: now }, Diary::new())
}

fn end(shop: &Shop, report: &mut Report, mut span: Span, diary: Diary, outcome: catalog::Result<()>) {
    span.end = SystemTime::now();
    if let Err(error) = outcome {
        panic!("{}: {error}: {error:?}\n{diary:#?}\n{}", span.name, shop.complaints());
    }
    report.verb(span, diary);
}

/// All these editions have the same accounts, and the ledger accounts for every cent.
async fn agree(shop: &Shop, numbers: &[u32]) {
    let books = shop.books(numbers).await;
    for each in &books {
        assert_eq!(each.balance, each.ledger, "{numbers:?}");
        assert_eq!(Some(each), books.first(), "{numbers:?}");
    }
}

/// Whether a transaction ran at some moment of a span.
fn ran_during(transaction: &edition_tests::Transaction, span: &Span) -> bool {
    transaction.end >= span.start && transaction.end - transaction.took <= span.end
}

/// All failures, each with the moment.
fn failures(finished: &[Finished]) -> Vec<(SystemTime, String)> {
    let of = |load: &Finished| {
        let version = load.version.clone();
        load.failures
            .iter()
            .map(move |(time, text)| (*time, format!("{version}: {text}")))
            .collect::<Vec<_>>()
    };
    finished.iter().flat_map(of).collect()
}
