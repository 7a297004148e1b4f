//! Verbs that are cut off at many points and run again. Dropping the future closes its connections, as a kill does, while
//! statements that were sent run on in the server.

use std::time::Duration;

use catalog::{
    event::Silent,
    model::EditionState,
    operation::{DeinitOptions, create, deinit, drop_draft, init, list, log, status},
};
use tokio::time::timeout;

use crate::cluster::{Database, edition};

const SHOP: &str = "CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL); \
                    CREATE TABLE orders (id serial PRIMARY KEY, customer bigint REFERENCES customers, total numeric)";

/// When to cut, in milliseconds; more and more of the verb gets done.
const CUTS: [u64; 16] = [2, 5, 10, 15, 20, 30, 40, 60, 80, 110, 150, 200, 260, 330, 410, 500];

/// Cuts a verb off again and again, each time later, until a run comes to its end; then runs it once more.
async fn cut_and_run<F: Future<Output = catalog::Result<bool>>>(verb: impl Fn() -> F) {
    for cut in CUTS {
        match timeout(Duration::from_millis(cut), verb()).await {
            Err(_) => {}
            Ok(outcome) => {
                outcome.unwrap();
                break;
            }
        }
    }
    verb().await.unwrap();
    assert!(!verb().await.unwrap(), "a finished command does nothing when it is run again");
}

#[tokio::test]
async fn whatever_was_cut_off_is_finished_by_the_same_command() {
    let database = Database::with(SHOP).await;
    let before = database.dump(&database.name).await;

    cut_and_run(async || Ok(init(&database.target, &database.init_options("v1"), &Silent).await?.changed))
        .await;
    assert_eq!(database.dump(&format!("{}$v1", database.name)).await, before);

    cut_and_run(async || {
        Ok(create(&database.target, &database.create_options("v2"), &Silent).await?.changed)
    })
    .await;
    assert_eq!(database.schema_of("v2").await, database.schema_of("v1").await);
    let editions = list(&database.target).await.unwrap();
    assert_eq!(
        editions.iter().map(|edition| edition.state).collect::<Vec<_>>(),
        [EditionState::Live, EditionState::Draft]
    );

    cut_and_run(async || drop_draft(&database.target, &edition("v2"), &Silent).await).await;
    assert_eq!(database.databases().await.len(), 2);
    let open =
        log(&database.target, 1000).await.unwrap().into_iter().filter(|entry| entry.state == "started");
    assert_eq!(open.count(), 0, "an intent was left open");

    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    let options = DeinitOptions { discard_draft: true };
    cut_and_run(async || Ok(deinit(&database.target, &options, &Silent).await?.changed)).await;
    assert!(!status(&database.target).await.unwrap().adopted);
    assert_eq!(database.databases().await, std::slice::from_ref(&database.name));
    assert_eq!(database.dump(&database.name).await, before);
}
