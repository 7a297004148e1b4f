//! What the catalogue hears of the proxy, and the proxy of the catalogue.

use std::time::Duration;

use catalog::{model::EditionId, store};

use crate::world::{World, ask, eventually, execute, failure, refusal};

const SESSIONS: &str =
    "SELECT edition_id || ' ' || user_name || ' ' || application_name FROM edition.sessions ORDER BY 1";

#[tokio::test]
async fn adopting_a_database_shows_without_a_restart() {
    let world = World::plain().await;
    assert_eq!(ask(&world.session("").await, "SELECT current_setting('edition.id', true)").await, ["NULL"]);
    world.adopt().await;
    eventually("sessions have an edition", async || {
        let client = world.session("").await;
        ask(&client, "SELECT current_setting('edition.id', true)").await == ["1"]
    })
    .await;
    execute(&world.direct().await, "DROP SCHEMA edition CASCADE").await;
    eventually("sessions have none again", async || {
        let Ok(client) = crate::world::try_connect(&world.config()).await else { return false };
        ask(&client, "SELECT current_setting('edition.id', true)").await == ["NULL"]
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn sessions_are_known_before_an_epoch_is_acknowledged() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let first = crate::world::connect(world.config().application_name("one")).await;
    let second = crate::world::connect(world.config().application_name("two").options("--edition=v2")).await;
    world.change_catalogue("SELECT").await;
    assert_eq!(ask(&direct, SESSIONS).await, ["1 postgres one", "2 postgres two"]);
    let pids = "SELECT count(*)::text FROM edition.sessions s JOIN pg_stat_activity ON pid = backend_pid \
                WHERE s.application_name IN ('one', 'two')";
    assert_eq!(ask(&direct, pids).await, ["2"]);
    assert_eq!(ask(&first, "SELECT 1").await, ["1"]);
    drop(second);
    eventually("the session that left is gone", async || ask(&direct, SESSIONS).await == ["1 postgres one"])
        .await;
    let lease =
        "SELECT (lease_expires_at - clock_timestamp() BETWEEN '3 s' AND '5 s')::text FROM edition.proxies";
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(ask(&direct, lease).await, ["true"]);
    world.end().await;
}

#[tokio::test]
async fn a_proxy_takes_its_rows_with_it() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let client = world.session("").await;
    assert_eq!(ask(&direct, "SELECT count(*)::text FROM edition.proxies").await, ["1"]);
    world.end().await;
    assert!(client.simple_query("SELECT 1").await.is_err());
    assert_eq!(ask(&direct, "SELECT count(*)::text FROM edition.proxies").await, ["0"]);
}

/// As one that was away for more than a day without a session in use: another proxy takes it for dead.
#[tokio::test]
async fn a_proxy_that_the_catalogue_has_forgotten_tells_all_anew() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let client = crate::world::connect(world.config().application_name("one")).await;
    eventually("the session is known", async || ask(&direct, SESSIONS).await == ["1 postgres one"]).await;
    execute(&direct, "DELETE FROM edition.proxies").await;
    eventually("all is told anew", async || {
        ask(&direct, SESSIONS).await == ["1 postgres one"]
            && ask(&direct, "SELECT (acked_epoch = epoch)::text FROM edition.proxies, edition.epoch").await
                == ["true"]
    })
    .await;
    assert_eq!(ask(&client, "SELECT name FROM whoami").await, ["first"]);
    world.end().await;
}

#[tokio::test]
async fn without_a_lease_there_are_no_new_sessions() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let old = world.session("").await;
    // The lease cannot be renewed while somebody sits on the row.
    execute(&direct, "BEGIN; LOCK TABLE edition.proxies IN ACCESS EXCLUSIVE MODE").await;
    eventually("new sessions are refused", async || match crate::world::try_connect(&world.config()).await {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(failure(&error).0, "57P03");
            true
        }
    })
    .await;
    assert_eq!(ask(&old, "SELECT name FROM whoami").await, ["first"]);
    execute(&direct, "ROLLBACK").await;
    eventually("new sessions are taken again", async || {
        crate::world::try_connect(&world.config()).await.is_ok()
    })
    .await;
    assert_eq!(refusal(world.config().options("--edition=v9")).await.0, "3D000");
    world.end().await;
}

#[tokio::test]
async fn the_watcher_survives_the_loss_of_its_connection() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let client = world.session("--edition=v2").await;
    lose_control_connection(&direct).await;
    world.change_catalogue("UPDATE edition.editions SET state = 'retiring' WHERE name = 'v1'").await;
    assert_eq!(refusal(world.config().options("--edition=v1")).await.0, "3D000");
    assert_eq!(ask(&client, "SELECT name FROM whoami").await, ["second"]);
    assert_eq!(ask(&direct, "SELECT edition_id::text FROM edition.sessions").await, ["2"]);
    world.end().await;
}

#[tokio::test]
async fn a_proxy_that_is_out_of_touch_is_waited_for_while_its_sessions_go_on() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let (client, leaves) = (world.session("--edition=v2").await, world.session("--edition=v2").await);
    world.change_catalogue("SELECT").await;
    // It can come back and begin anew, but not get a lease.
    let gate = "CREATE FUNCTION edition.gate() RETURNS trigger LANGUAGE plpgsql AS \
                'BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(4711); RETURN NEW; END'; \
                CREATE TRIGGER gate BEFORE INSERT ON edition.proxies FOR EACH ROW EXECUTE FUNCTION edition.gate()";
    execute(&direct, gate).await;
    let other = world.direct().await;
    execute(&other, "SELECT pg_advisory_lock(4711)").await;
    lose_control_connection(&direct).await;
    let epoch = store::bump_epoch(&direct).await.unwrap();
    let while_leased = Duration::from_millis(1500);
    assert!(store::wait_for_acknowledgement(&direct, epoch, while_leased).await.is_err());
    eventually("the lease has run out", async || !store::proxies(&direct).await.unwrap()[0].has_lease).await;
    store::tell_proxies(&direct, epoch).await.unwrap();
    let waited =
        store::wait_for_acknowledgement(&direct, epoch, Duration::ZERO).await.unwrap_err().to_string();
    assert!(waited.contains("out of touch, with 2 sessions that go on"), "{waited}");
    assert_eq!(ask(&client, "SELECT name FROM whoami").await, ["second"]);
    let of_v2 = async || store::proxy_sessions(&direct, Some(EditionId::new(2))).await.unwrap().len();
    drop(leaves);
    eventually("only the server knows that it has left", async || of_v2().await == 1).await;
    assert_eq!(ask(&direct, "SELECT count(*)::text FROM edition.sessions").await, ["2"]);
    execute(&other, "SELECT pg_advisory_unlock(4711)").await;
    store::wait_for_acknowledgement(&direct, epoch, Duration::from_secs(20)).await.unwrap();
    assert_eq!(ask(&direct, "SELECT edition_id::text FROM edition.sessions").await, ["2"]);

    execute(&other, "SELECT pg_advisory_lock(4711)").await;
    lose_control_connection(&direct).await;
    let epoch = store::bump_epoch(&direct).await.unwrap();
    drop(client);
    store::wait_for_acknowledgement(&direct, epoch, Duration::from_secs(20)).await.unwrap();
    assert_eq!(of_v2().await, 0, "a proxy without lease or sessions is not waited for");
    execute(&other, "SELECT pg_advisory_unlock(4711)").await;
    world.end().await;
}

#[tokio::test]
async fn a_long_reading_of_the_catalogue_keeps_nobody_out() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let old = world.session("").await;
    execute(&direct, "BEGIN; LOCK TABLE edition.tables IN ACCESS EXCLUSIVE MODE").await;
    let other = world.direct().await;
    let epoch = store::bump_epoch(&other).await.unwrap();
    // Longer than a lease and than any other statement may take.
    let waited = store::wait_for_acknowledgement(&other, epoch, Duration::from_secs(7)).await;
    assert!(waited.is_err(), "it has read what is locked");
    let new = world.session("--edition=v2").await;
    assert_eq!(ask(&new, "SELECT name FROM whoami").await, ["second"]);
    assert_eq!(ask(&old, "SELECT name FROM whoami").await, ["first"]);
    execute(&direct, "ROLLBACK").await;
    store::wait_for_acknowledgement(&other, epoch, Duration::from_secs(5)).await.unwrap();
    assert_eq!(ask(&direct, "SELECT edition_id::text FROM edition.sessions ORDER BY 1").await, ["1", "2"]);
    eventually("the second connection is gone", async || {
        let own = "SELECT count(*)::text FROM pg_stat_activity \
                   WHERE application_name = 'editiond' AND datname = current_database()";
        ask(&direct, own).await == ["1"]
    })
    .await;
    world.end().await;
}

async fn lose_control_connection(direct: &tokio_postgres::Client) {
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE application_name = 'editiond' AND datname = current_database()";
    execute(direct, kill).await;
}

#[tokio::test]
async fn sessions_of_a_closing_edition_end_when_they_are_told_to() {
    let world = World::adopted().await;
    let (idle, busy, other) =
        (world.session("").await, world.session("").await, world.session("--edition=v2").await);
    execute(&busy, "BEGIN").await;
    world.change_catalogue("UPDATE edition.editions SET state = 'retiring' WHERE name = 'v1'").await;
    assert_eq!(ask(&idle, "SELECT 1").await, ["1"], "nobody is ended before the catalogue says so");
    let direct = world.direct().await;
    execute(&direct, "INSERT INTO edition.settings VALUES ('drain:1', 'idle')").await;
    eventually("the idle session has ended", async || idle.is_closed()).await;
    assert_eq!(ask(&busy, "SELECT 1").await, ["1"], "a transaction is let finish");
    execute(&busy, "COMMIT").await;
    eventually("the session has ended after its transaction", async || busy.is_closed()).await;
    assert_eq!(ask(&other, "SELECT 1").await, ["1"]);
    world.end().await;
}

#[tokio::test]
async fn sessions_in_a_draft_end_when_it_is_published() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let blueprint = format!("{}$v3", world.database);
    execute(&direct, &format!("CREATE DATABASE \"{blueprint}\"")).await;
    let draft = format!(
        "INSERT INTO edition.editions (id, name, parent_id, state, blueprint) VALUES (3, 'v3', 2, 'draft', '{blueprint}')"
    );
    execute(&direct, &draft).await;
    let client = world.session("--edition=v3").await;
    world.change_catalogue("SELECT").await;
    assert_eq!(ask(&direct, "SELECT edition_id::text FROM edition.sessions").await, ["3"]);
    execute(&client, "BEGIN").await;
    world.change_catalogue("UPDATE edition.editions SET state = 'publishing' WHERE name = 'v3'").await;
    assert_eq!(ask(&client, "SELECT 1").await, ["1"], "a transaction is let finish");
    execute(&client, "COMMIT").await;
    eventually("the session has ended", async || client.is_closed()).await;
    world.end().await;
}

#[tokio::test]
async fn sessions_of_a_closing_edition_can_be_ended_at_once() {
    let world = World::adopted().await;
    let client = world.session("").await;
    let working = tokio::spawn(async move { client.simple_query("SELECT pg_sleep(30)").await.unwrap_err() });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let now = "UPDATE edition.editions SET state = 'rolling_back' WHERE name = 'v1'; \
               INSERT INTO edition.settings VALUES ('drain:1', 'now')";
    world.change_catalogue(now).await;
    let error = tokio::time::timeout(Duration::from_secs(5), working).await.unwrap().unwrap();
    let expected = "terminating connection because edition \"v1\" is being rolled back";
    assert_eq!(failure(&error), ("57P01".to_owned(), expected.to_owned()));
    let direct = world.direct().await;
    let sleeping = "SELECT pid::text FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(30)' \
                    AND datname = current_database()";
    eventually("the statement is cancelled", async || ask(&direct, sleeping).await.is_empty()).await;
    world.end().await;
}
