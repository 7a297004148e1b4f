//! Verbs at the wrong time or with wrong names: refused with a reason and a way out, and nothing happens. Verbs twice: nothing happens.

use catalog::{Error, ErrorKind, event::Silent, operation};
use edition_tests::{APP, World, edition};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int)";

#[track_caller]
fn refused<T>(answer: Result<T, Error>, says: &[&str]) {
    let Err(error) = answer else { panic!("should be refused: {says:?}") };
    let text = format!("{error} | {}", error.hint().unwrap_or_default());
    assert_eq!(error.kind(), ErrorKind::Refused, "{text}");
    for part in says {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_adopted_has_no_editions() {
    let world = World::plain(TABLE).await;
    refused(world.verbs.try_create("v2").await, &["edition init"]);
    refused(operation::plan(&world.verbs.target, &edition("v2")).await, &["edition init"]);
    refused(world.verbs.try_publish("v2", &[], &Silent).await, &["edition init"]);
    world.end().await;
}

#[tokio::test]
async fn one_draft_at_a_time_and_no_child_of_a_draft() {
    let world = World::adopted(TABLE).await;
    world.verbs.create("v2").await;
    refused(
        world.verbs.try_create("v3").await,
        &["\"v2\" is a draft still", "edition publish v2", "edition drop v2"],
    );
    refused(world.verbs.try_create("v1").await, &["exists already"]);
    refused(world.verbs.try_retire("v2", &Silent).await, &["draft"]);
    refused(
        operation::set_default(&world.verbs.target, &edition("v2")).await,
        &["draft", "edition publish v2"],
    );
    world.end().await;
}

#[tokio::test]
async fn only_the_ends_of_the_chain_may_go_and_never_the_default() {
    let world = World::adopted(TABLE).await;
    for (name, ddl) in [("v2", "ALTER TABLE t RENAME a TO b"), ("v3", "ALTER TABLE t RENAME b TO c")] {
        world.verbs.create(name).await;
        world.draft(name, ddl).await;
        world.verbs.publish(name, &[]).await;
    }
    refused(world.verbs.try_retire("v2", &Silent).await, &["oldest", "edition retire v1"]);
    refused(world.verbs.try_retire("v1", &Silent).await, &["default", "edition default v2"]);
    refused(world.verbs.try_rollback("v2", &Silent).await, &["v3"]);
    refused(world.verbs.try_rollback("v1", &Silent).await, &["v3"]);
    world.verbs.default("v3").await;
    refused(world.verbs.try_rollback("v3", &Silent).await, &["default"]);
    let discard = operation::DeinitOptions { discard_draft: true };
    refused(
        operation::deinit(&world.verbs.target, &discard, &Silent).await,
        &["3 editions are live", "edition retire v1"],
    );
    for name in ["v1", "v2", "v3"] {
        world.session(APP, name).await.run("SELECT * FROM t").await;
    }
    world.verbs.retire("v1").await;
    assert!(!world.verbs.retire("v1").await.changed, "retiring twice");
    world.verbs.retire("v2").await;
    refused(world.verbs.try_retire("v3", &Silent).await, &["only live one"]);
    world.end().await;
}

#[tokio::test]
async fn finished_verbs_are_a_success_that_does_nothing() {
    let world = World::adopted(TABLE).await;
    let before = world.dump_all().await;
    world.verbs.init().await;
    world.verbs.default("v1").await;
    assert_eq!(world.dump_all().await.difference(&before), "");
    world.verbs.create("v2").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t RENAME a TO b").await;
    assert!(world.verbs.publish("v2", &[]).await.changed);
    assert!(!world.verbs.publish("v2", &[]).await.changed);
    assert!(world.verbs.rollback("v2").await.changed);
    assert!(!world.verbs.rollback("v2").await.changed);
    operation::drop_draft(&world.verbs.target, &edition("v2"), &Silent).await.unwrap();
    operation::drop_draft(&world.verbs.target, &edition("v2"), &Silent).await.unwrap();
    world.verbs.deinit().await;
    world.verbs.deinit().await;
    world.end().await;
}

#[tokio::test]
async fn unknown_editions_are_refused_by_verbs_and_by_the_proxy() {
    let world = World::adopted(TABLE).await;
    refused(operation::plan(&world.verbs.target, &edition("v9")).await, &["v9"]);
    refused(world.verbs.try_publish("v9", &[], &Silent).await, &["v9"]);
    refused(world.verbs.try_rollback("v9", &Silent).await, &["v9"]);
    refused(world.verbs.try_retire("v9", &Silent).await, &["v9"]);
    let unknown = world.try_session(APP, "v9").await.unwrap_err();
    world.verbs.create("v2").await;
    let drafted = world.try_session(edition_tests::CLERK, "v9").await.unwrap_err();
    assert_eq!(unknown.code, "3D000");
    assert_eq!(unknown, drafted);
    // after a retirement the name is as unknown as one that never was
    world.draft("v2", "ALTER TABLE t RENAME a TO b").await;
    world.verbs.publish("v2", &[]).await;
    world.verbs.default("v2").await;
    world.verbs.retire("v1").await;
    let retired = world.try_session(APP, "v1").await.unwrap_err();
    assert_eq!(retired.message.replace("v1", "v9"), unknown.message);
    world.end().await;
}

#[tokio::test]
async fn names_that_do_not_fit_are_refused_before_anything_is_done() {
    let world = World::plain(TABLE).await;
    let before = world.dump_all().await;
    let long = "v".repeat(60);
    let options = world.verbs.init_options(&long);
    refused(operation::init(&world.verbs.target, &options, &Silent).await, &["shorter"]);
    assert_eq!(world.dump_all().await.difference(&before), "");
    assert_eq!(world.leftovers().await, [""; 0]);
    world.verbs.init().await;
    refused(world.verbs.try_create(&long).await, &["shorter"]);
    for bad in ["", "a b", "a\u{7}b", "a$b", &"v".repeat(64)] {
        assert!(catalog::model::EditionName::new(bad).is_err(), "{bad:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn sessions_in_the_way_are_waited_for_or_named() {
    let world = World::adopted(TABLE).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t RENAME a TO b").await;
    world.verbs.publish("v2", &[]).await;
    let session = world.session(APP, "v2").await;
    session.run("SELECT b FROM t").await;
    let mut options = world.verbs.rollback_options(operation::KeepData::Discard);
    options.patience.drain = None;
    let target = &world.verbs.target;
    let error = operation::rollback(target, &edition("v2"), &options, &Silent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(error.to_string().contains(APP), "{error}");
    // called off: the edition is as open as before
    session.run("INSERT INTO t VALUES (1, 1)").await;
    world.session(APP, "v2").await.run("SELECT b FROM t").await;
    drop(session);
    world.verbs.rollback("v2").await;
    world.end().await;
}
