//! Drafts and blueprints to which something odd has happened: each is said, and nothing is half done.

use std::{sync::Mutex, thread, time::Duration};

use catalog::{
    ErrorKind,
    event::{Event, Events, Silent},
    operation,
};
use edition_tests::{APP, OWNER, Session, World, assert_same_schema, edition, server};
use tokio::sync::oneshot;

const BASE: &str = "CREATE TABLE t (id int PRIMARY KEY, a text, b text); INSERT INTO t VALUES (1, 'a', 'b')";

async fn superuser(database: &str) -> Session {
    Session::open(&server().await.config(database)).await.unwrap()
}

#[tokio::test]
async fn a_blueprint_that_was_dropped_by_hand_is_named_and_made_again() {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD c int").await;
    let blueprint = world.blueprint("v2");
    superuser("postgres").await.run(&format!("DROP DATABASE \"{blueprint}\" WITH (FORCE)")).await;
    for error in [
        operation::plan(&world.verbs.target, &edition("v2")).await.unwrap_err(),
        world.verbs.try_publish("v2", &[], &Silent).await.unwrap_err(),
    ] {
        let text = format!("{error}; {}", error.hint().unwrap_or_default());
        assert_eq!(error.kind(), ErrorKind::Refused, "{text}");
        assert!(text.contains(&blueprint) && text.contains("edition create"), "{text}");
    }
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD c int").await;
    world.verbs.publish("v2", &[]).await;
    world.end().await;
}

#[tokio::test]
async fn a_migration_may_create_a_role_or_a_database_which_belong_to_no_edition() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    let draft = superuser(&world.blueprint("v2")).await;
    draft.run("CREATE ROLE newcomer").await;
    draft.run("CREATE DATABASE beside").await;
    draft.run("GRANT SELECT ON t TO newcomer").await;
    world.verbs.publish("v2", &[]).await;
    let granted = "SELECT has_table_privilege('newcomer', 'public.t', 'SELECT')";
    assert_eq!(world.direct(OWNER).await.ask(granted).await, ["t"]);
    world.verbs.rollback("v2").await;
    assert_same_schema("after the rollback", &world.dump().await, &before);
    let there =
        "SELECT count(*) FROM pg_roles, pg_database WHERE rolname = 'newcomer' AND datname = 'beside'";
    assert_eq!(world.direct(OWNER).await.ask(there).await, ["1"]);
    world.end().await;
}

/// What resets of a test database do. The tables of the draft are others than those of before.
#[tokio::test]
async fn a_schema_dropped_and_made_again_is_a_draft_with_other_tables() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    superuser(&world.blueprint("v2"))
        .await
        .run(&format!(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC; \
             COMMENT ON SCHEMA public IS 'standard public schema'; SET ROLE {OWNER}; \
             CREATE TABLE public.t (id int PRIMARY KEY, other text); GRANT ALL ON public.t TO app"
        ))
        .await;
    world.verbs.publish("v2", &[]).await;
    let (v1, v2) = (world.session(APP, "v1").await, world.session(APP, "v2").await);
    v2.run("INSERT INTO t VALUES (7, 'new')").await;
    assert_eq!(v1.ask("SELECT * FROM t").await, ["1|a|b"]);
    assert_eq!(v2.ask("SELECT * FROM t").await, ["7|new"]);
    drop((v1, v2));
    world.verbs.rollback("v2").await;
    assert_same_schema("after the rollback", &world.dump().await, &before);
    world.end().await;
}

/// A draft's schema is not somebody else's of that name; and what others put into it meanwhile outlives the edition.
#[tokio::test]
async fn a_schema_of_the_draft_is_kept_apart_from_what_others_made() {
    let world = World::adopted(BASE).await;
    let owner = world.direct(OWNER).await;
    owner.run("CREATE SCHEMA taken; CREATE TABLE taken.theirs (i int)").await;
    world.verbs.create("v2").await;
    world.draft("v2", "CREATE SCHEMA taken; CREATE SCHEMA fresh; CREATE TABLE fresh.t (i int); GRANT USAGE ON SCHEMA fresh TO app").await;
    let refusal = world.verbs.try_publish("v2", &[], &Silent).await.unwrap_err().to_string();
    assert!(
        refusal.contains("schema taken") && refusal.contains("which editions do not manage"),
        "{refusal}"
    );
    world.in_blueprint("v2").await.run("DROP SCHEMA taken").await;
    world.verbs.publish("v2", &[]).await;
    let managed = "SELECT schema_name FROM edition.schemas ORDER BY position";
    assert_eq!(owner.ask(managed).await, ["public", "fresh"]);
    owner.run("CREATE TABLE fresh.theirs (i int)").await;
    world.verbs.rollback("v2").await;
    assert_eq!(owner.ask(managed).await, ["public"]);
    assert_eq!(
        owner.ask("SELECT relname FROM pg_class WHERE relnamespace = 'fresh'::regnamespace").await,
        ["theirs"]
    );
    drop(owner);
    world.end().await;
}

/// Somebody migrates the draft further while it is published: what is opened would not be what was planned.
struct Meddler {
    tell: Mutex<Option<oneshot::Sender<()>>>,
}

impl Events for Meddler {
    fn emit(&self, event: Event) {
        if !matches!(event, Event::StepDone { .. }) {
            return;
        }
        if let Some(tell) = self.tell.lock().unwrap().take() {
            tell.send(()).unwrap();
            // Publication goes on in this task; the meddling takes a moment in the other one.
            thread::sleep(Duration::from_millis(700));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_that_is_altered_while_it_is_published_is_not_opened() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD c int").await;
    let (tell, told) = oneshot::channel();
    let draft = world.in_blueprint("v2").await;
    let meddling = tokio::spawn(async move {
        told.await.unwrap();
        draft.run("ALTER TABLE t ADD d int").await;
    });
    let meddler = Meddler { tell: Mutex::new(Some(tell)) };
    let error = world.verbs.try_publish("v2", &[], &meddler).await.unwrap_err();
    meddling.await.unwrap();
    let text = format!("{error}; {}", error.hint().unwrap_or_default());
    assert!(
        text.contains("was altered while it was being published") && text.contains("edition plan"),
        "{text}"
    );
    assert_same_schema("after a publication that undid itself", &world.dump().await, &before);
    world.verbs.publish("v2", &[]).await;
    world.end().await;
}

#[tokio::test]
async fn objects_of_a_role_that_the_runner_is_not_a_member_of_are_refused_by_name() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    let draft = superuser(&world.blueprint("v2")).await;
    draft.run("CREATE TABLE theirs (id int); ALTER TABLE theirs OWNER TO clerk").await;
    let error = world.verbs.try_publish("v2", &[], &Silent).await.unwrap_err();
    let text = format!("{error}; {}", error.hint().unwrap_or_default());
    assert!(text.contains("owner-not-held") && text.contains("clerk") && text.contains("theirs"), "{text}");
    assert_same_schema("nothing was done", &world.dump().await, &before);
    world.end().await;
}
