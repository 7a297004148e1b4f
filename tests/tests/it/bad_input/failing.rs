//! Transforms that fail for some row.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use catalog::{ErrorKind, event::Silent, model::OnError};
use edition_tests::{APP, Failure, Heard, World, assert_same_schema};

/// 3000 rows; the value of row 2500 has no inverse and does not cast.
const ROWS: &str = "\
CREATE TABLE readings (id int PRIMARY KEY, divisor int NOT NULL, label text, seen int NOT NULL DEFAULT 0);
INSERT INTO readings SELECT i, i - 2500, CASE i WHEN 2500 THEN 'not a number' ELSE i::text END FROM generate_series(1, 3000) i;
";

/// Publishes with a transform that fails, while a session of v1 keeps writing; says what publish said.
async fn publish_fails(ddl: &str, forward: &str) -> (World, catalog::Error) {
    let world = World::adopted(ROWS).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", ddl).await;
    world.verbs.transform("v2", "readings", forward, "").await;

    let stop = Arc::new(AtomicBool::new(false));
    let session = world.session(APP, "v1").await;
    let writer = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                let id = 2400 + written * 7 % 200;
                session.try_ask(&format!("UPDATE readings SET seen = seen + 1 WHERE id = {id}")).await?;
                session
                    .try_ask(&format!(
                        "INSERT INTO readings VALUES ({}, 0, 'no number either')",
                        10_000 + written
                    ))
                    .await?;
                written += 1;
            }
            Ok::<i32, Failure>(written)
        }
    });
    let heard = Heard::default();
    let error = world.verbs.try_publish("v2", &["older-write-may-fail"], &heard).await.unwrap_err();
    stop.store(true, Ordering::Relaxed);
    let written =
        writer.await.unwrap().unwrap_or_else(|failure| panic!("a writer of v1 failed: {failure:?}"));

    assert!(written > 0, "nobody wrote meanwhile");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert_same_schema("after a publication that undid itself", &world.dump().await, &before);
    let session = world.session(APP, "v1").await;
    let seen = "SELECT count(*) - 3000, sum(seen) FROM readings";
    assert_eq!(session.ask(seen).await, [format!("{written}|{written}")]);
    (world, error)
}

#[track_caller]
fn names_the_place(error: &catalog::Error, parts: &[&str]) {
    let text = format!("{error} {}", error.hint().unwrap_or_default());
    for part in parts {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[tokio::test]
async fn a_division_by_zero_undoes_the_publication_and_names_its_row() {
    let (world, error) =
        publish_fails("ALTER TABLE readings ADD inverse int", "inverse = 1000 / divisor").await;
    names_the_place(&error, &["public.readings", "inverse", "division by zero"]);
    // the draft is there still: with a better transform it is published
    world.session(APP, "v1").await.run("DELETE FROM readings WHERE id > 9999").await;
    world.verbs.transform("v2", "readings", "inverse = 1000 / nullif(divisor, 0)", "").await;
    world.verbs.publish("v2", &["older-write-may-fail"]).await;
    let session = world.session(APP, "v2").await;
    assert_eq!(
        session.ask("SELECT inverse FROM readings WHERE id IN (2499, 2500) ORDER BY id").await,
        ["-1000", "∅"]
    );
    world.end().await;
}

#[tokio::test]
async fn a_value_that_does_not_cast_undoes_the_publication_and_names_its_row() {
    let (world, error) =
        publish_fails("ALTER TABLE readings ALTER label TYPE int USING label::int", "label = label::int")
            .await;
    names_the_place(&error, &["public.readings", "label", "invalid input syntax for type integer"]);
    world.end().await;
}

#[tokio::test]
async fn the_key_of_a_failing_row_is_said() {
    let world = World::adopted(ROWS).await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE readings ADD inverse int").await;
    world.verbs.transform("v2", "readings", "inverse = 1000 / divisor", "").await;
    let error = world.verbs.try_publish("v2", &["older-write-may-fail"], &Silent).await.unwrap_err();
    names_the_place(
        &error,
        &["column \"inverse\" of public.readings", "(id)=(2500)", "division by zero", "transform"],
    );
    world.end().await;
}

#[tokio::test]
async fn null_for_a_not_null_column_undoes_the_publication() {
    let world =
        World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, NULL)")
            .await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD b int NOT NULL").await;
    world.verbs.transform("v2", "t", "b = a", "").await;
    let error = world.verbs.try_publish("v2", &["older-write-may-fail"], &Silent).await.unwrap_err();
    names_the_place(&error, &["public.t", "b", "(id)=(2)", "transform"]);
    assert_same_schema("afterwards", &world.dump().await, &before);
    world.end().await;
}

#[tokio::test]
async fn a_row_whose_new_value_breaks_a_check_is_named() {
    let world = World::adopted(
        "CREATE TABLE t (a int, \"B b\" int, c int, PRIMARY KEY (a, \"B b\")); INSERT INTO t VALUES (1, 1, 1), (1, 2, -3)",
    )
    .await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD d int CONSTRAINT positive CHECK (d > 0)").await;
    world.verbs.transform("v2", "t", "d = c", "").await;
    let error = world.verbs.try_publish("v2", &["older-write-may-fail"], &Silent).await.unwrap_err();
    names_the_place(&error, &["positive", "public.t", "(a, B b)=(1, 2)"]);
    world.end().await;
}

#[tokio::test]
async fn rows_that_break_a_new_rule_undo_the_publication() {
    for (ddl, what) in [
        ("ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)", "positive"),
        ("ALTER TABLE t ADD CONSTRAINT one UNIQUE (a)", "one"),
        ("ALTER TABLE t ALTER a SET NOT NULL", "a"),
        ("ALTER TABLE t ADD CONSTRAINT of_t FOREIGN KEY (a) REFERENCES t", "of_t"),
    ] {
        let world = World::adopted(
            "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, -1), (2, -1), (3, NULL)",
        )
        .await;
        let before = world.dump().await;
        world.verbs.create("v2").await;
        world.draft("v2", ddl).await;
        let error = world.verbs.try_publish("v2", &["tightens-older-edition"], &Silent).await.unwrap_err();
        names_the_place(&error, &["t", what]);
        assert_same_schema(ddl, &world.dump().await, &before);
        let session = world.session(APP, "v1").await;
        session.run("INSERT INTO t VALUES (4, -1), (5, NULL)").await;
        // and the draft is a draft again
        assert!(!super::findings(&world, "v2").await.is_empty());
        world.end().await;
    }
}

#[tokio::test]
async fn on_error_null_gives_null_where_reject_fails_the_statement() {
    let world = World::adopted(
        "CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, '1'), (2, 'x')",
    )
    .await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD n int, ADD strict int").await;
    let forgiving = world.verbs.try_transform("v2", "t", "n = a::int", "", OnError::Null);
    forgiving.await.unwrap();
    world.verbs.transform("v2", "t", "strict = length(a) / (length(a) - 5)", "").await;
    world.verbs.publish("v2", &["older-write-may-fail"]).await;
    let (v1, v2) = (world.session(APP, "v1").await, world.session(APP, "v2").await);
    assert_eq!(v2.ask("SELECT n FROM t ORDER BY id").await, ["1", "∅"]);
    v1.run("INSERT INTO t VALUES (3, 'y'), (4, '4')").await;
    v1.run("UPDATE t SET a = 'z' WHERE id = 1").await;
    assert_eq!(v2.ask("SELECT n FROM t ORDER BY id").await, ["∅", "∅", "∅", "4"]);
    // what a steady transform rejects fails that statement and nothing else
    assert_eq!(v1.fail("INSERT INTO t VALUES (5, '12345')").await.code, "22012");
    assert_eq!(v1.ask("SELECT count(*) FROM t").await, ["4"]);
    world.end().await;
}

/// A writer of v1 writes a bad value while the publication runs: it must not fail, so the publication does.
#[tokio::test]
async fn a_bad_value_that_is_written_meanwhile_undoes_the_publication() {
    let world = World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT i, i FROM generate_series(1, 30000) i").await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD b int").await;
    world.verbs.transform("v2", "t", "b = 100 / a", "").await;
    let session = world.session(APP, "v1").await;
    // An edition's session is not shown our triggers.
    let watcher = world.direct(APP).await;
    let writer = async {
        // as soon as the table is expanded
        let expanded = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~edition%'";
        while watcher.ask(expanded).await == ["0"] {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        session.try_ask("UPDATE t SET a = 0 WHERE id = 29999").await
    };
    let mut options = world.verbs.publish_options(&["older-write-may-fail"]);
    // slow enough for the writer to come in between
    (options.batch_size, options.throttle) = (200, 0.9);
    let name = edition_tests::edition("v2");
    let publication = catalog::operation::publish(&world.verbs.target, &name, &options, &Silent);
    let (published, written) = tokio::join!(publication, writer);
    written.unwrap_or_else(|failure| panic!("a writer of v1 failed: {failure:?}"));
    names_the_place(&published.unwrap_err(), &["public.t", "division by zero"]);
    assert_same_schema("afterwards", &world.dump().await, &before);
    assert_eq!(session.ask("SELECT a FROM t WHERE id = 29999").await, ["0"]);
    world.end().await;
}
