//! A runner that is stopped at the worst moment.

use std::time::Duration;

use catalog::{
    ErrorKind,
    event::Silent,
    operation::{self, KeepData, Patience, PublishOptions, Saved},
};
use edition_tests::{APP, OWNER, World, at_every_moment, edition, patience};

const USERS: &str = "CREATE TABLE users (id serial PRIMARY KEY, name text); INSERT INTO users (name) VALUES ('Ada'), ('Alan'); \
    GRANT ALL ON users, users_id_seq TO app";

/// What the catalogue says when the runner of a publication is killed after its last step: the edition is open, and the operation runs.
async fn open_but_not_ended() -> World {
    let world = World::adopted(USERS).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users ADD note text").await;
    world.verbs.publish("v2", &[]).await;
    let killed = "UPDATE edition.operations SET state = 'running', finished_at = NULL WHERE verb = 'publish'";
    world.direct(OWNER).await.run(killed).await;
    world
}

async fn running(world: &World) -> Option<String> {
    operation::status(&world.verbs.target).await.unwrap().running.map(|running| running.command)
}

#[tokio::test]
async fn what_an_open_edition_stored_is_not_lost_with_its_publication() {
    let world = open_but_not_ended().await;
    assert_eq!(running(&world).await.as_deref(), Some("edition publish v2"));
    let session = world.session(APP, "v2").await;
    session.run("UPDATE users SET note = 'mine' WHERE id = 1").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("v2.saved");
    let mut options = world.verbs.rollback_options(KeepData::Save(file.clone()));
    options.patience.drain = None;
    let target = &world.verbs.target;
    let used = operation::rollback(target, &edition("v2"), &options, &Silent).await.unwrap_err();
    assert_eq!(used.kind(), ErrorKind::Busy, "{used}");
    assert_eq!(session.ask("SELECT note FROM users WHERE id = 1").await, ["mine"]);
    drop(session);

    let back = operation::rollback(target, &edition("v2"), &options, &Silent).await.unwrap();
    assert_eq!((back.saved, back.rows_saved), (Saved::Now, 1));
    assert_eq!(running(&world).await, None);
    let options = PublishOptions { load: Some(file), ..world.verbs.publish_options(&[]) };
    operation::publish(target, &edition("v2"), &options, &Silent).await.unwrap();
    let rows = world.session(APP, "v2").await.ask("SELECT id, note FROM users ORDER BY id").await;
    assert_eq!(rows, ["1|mine", "2|∅"]);
    world.end().await;
}

#[tokio::test]
async fn a_publication_of_an_open_edition_is_ended_by_the_same_command() {
    let world = open_but_not_ended().await;
    let session = world.session(APP, "v2").await;
    session.run("UPDATE users SET note = 'mine' WHERE id = 1").await;
    // As one that was turned round, too: nothing of an open edition is undone.
    world
        .direct(OWNER)
        .await
        .run("UPDATE edition.operations SET state = 'undoing' WHERE verb = 'publish'")
        .await;
    world.verbs.publish("v2", &[]).await;
    assert_eq!(running(&world).await, None);
    assert_eq!(session.ask("SELECT note FROM users ORDER BY id").await, ["mine", "∅"]);
    drop(session);
    world.end().await;
}

#[tokio::test]
async fn a_publication_that_opened_nothing_has_nothing_to_save() {
    let world = World::adopted(USERS).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users ADD note text").await;
    let (_asks, pause) = tokio::sync::watch::channel(true);
    let target = &world.verbs.target;
    let options = PublishOptions { pause, ..world.verbs.publish_options(&[]) };
    let paused = operation::publish(target, &edition("v2"), &options, &Silent).await.unwrap_err();
    assert_eq!(paused.kind(), ErrorKind::Paused, "{paused}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("v2.saved");
    let options = world.verbs.rollback_options(KeepData::Save(file.clone()));
    let back = operation::rollback(target, &edition("v2"), &options, &Silent).await.unwrap();
    assert_eq!((back.saved, file.exists()), (Saved::NeverOpen, false));
    world.end().await;
}

/// A proxy that has a lease, and takes up nothing.
const LAGGING: &str = "INSERT INTO edition.proxies (id, address, version, lease_expires_at) \
    VALUES ('00000000-0000-0000-0000-000000000001', 'here:1', 'test', now() + interval '1 h')";

async fn states(world: &World) -> Vec<String> {
    world.direct(OWNER).await.ask("SELECT name, state FROM edition.editions ORDER BY id").await
}

#[tokio::test]
async fn what_was_announced_is_taken_back_although_a_proxy_did_not_hear_of_it() {
    let world = World::plain(USERS).await;
    world.verbs.init().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users ADD note text DEFAULT 'x'").await;
    let target = &world.verbs.target;
    let short = Patience { proxies: Duration::from_millis(50), ..patience(Duration::from_secs(20)) };
    world.direct(OWNER).await.run(LAGGING).await;

    // It takes up one announcement, and then no more: the second shuts v2 to those who would change it.
    for state in ["v2|draft", "v2|publishing"] {
        let options = PublishOptions { patience: short, ..world.verbs.publish_options(&[]) };
        let lagging = operation::publish(target, &edition("v2"), &options, &Silent).await.unwrap_err();
        assert!(lagging.kind() == ErrorKind::Busy && lagging.to_string().contains("here:1"), "{lagging}");
        assert_eq!(states(&world).await, ["v1|live", state]);
        world
            .direct(OWNER)
            .await
            .run("UPDATE edition.proxies SET acked_epoch = (SELECT epoch FROM edition.epoch)")
            .await;
    }
    world.direct(OWNER).await.run("DELETE FROM edition.proxies").await;
    world.verbs.rollback("v2").await;
    assert_eq!(states(&world).await, ["v1|live", "v2|draft"]);
    assert_eq!(running(&world).await, None);

    world.verbs.publish("v2", &[]).await;
    world.verbs.default("v2").await;
    world.direct(OWNER).await.run(LAGGING).await;
    let lagging = operation::retire(target, &edition("v1"), short, &Silent).await.unwrap_err();
    assert!(lagging.to_string().contains("here:1"), "{lagging}");
    assert_eq!(states(&world).await, ["v1|live", "v2|live"]);
    world.direct(OWNER).await.run("DELETE FROM edition.proxies").await;
    world.verbs.retire("v1").await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_does_not_fit_stops_publish_until_the_very_moment_when_it_would_fail_its_writer() {
    let world = World::adopted("CREATE TABLE t (id serial PRIMARY KEY, code text); INSERT INTO t (code) VALUES ('1'); GRANT ALL ON t, t_id_seq TO app").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ALTER code TYPE int USING code::int").await;
    let old = world.session(APP, "v1").await;
    at_every_moment(
        &world.verbs,
        |verbs, holding| async move {
            let options = verbs.publish_options(&["older-write-may-fail"]);
            let refused = operation::publish(&verbs.target, &edition("v2"), &options, &holding).await;
            let refused = refused.unwrap_err().to_string();
            assert!(
                refused.contains("table public.t, column code") && refused.contains("\"abc\""),
                "{refused}"
            );
        },
        async |moment| {
            if moment.starts_with("before \"switch the triggers") {
                old.run("INSERT INTO t (code) VALUES ('abc')").await;
            }
        },
    )
    .await;
    assert_eq!(states(&world).await, ["v1|live", "v2|draft"]);
    assert_eq!(old.ask("SELECT code FROM t ORDER BY id").await, ["1", "abc"]);
    drop(old);
    world.end().await;
}
