//! Prepared statements outlive a publish and a retire, whatever they name and whatever became of their neighbours.

use edition_tests::{APP, Session, World};
use tokio_postgres::Statement;

const TABLE: &str =
    "CREATE TABLE users (id integer PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ada')";
const DRAFT: &str = "ALTER TABLE users ADD COLUMN more text";

async fn columns(session: &Session, statement: &Statement) -> usize {
    session.client().query_one(statement, &[&1_i32]).await.unwrap().len()
}

/// What a session prepared with a qualified name, in v1 and at rest, then publish and rollback with `meanwhile` in between.
async fn survives(meanwhile: &str) {
    let world = World::adopted(TABLE).await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    let session = world.session(APP, "v1").await;
    let kept = session.client().prepare("SELECT * FROM public.users WHERE id = $1").await.unwrap();
    session.run("CREATE TEMP TABLE passing (id integer); PREPARE neighbour AS SELECT 1").await;
    let _passing =
        session.client().prepare("SELECT * FROM public.users JOIN passing USING (id)").await.unwrap();
    assert_eq!(columns(&session, &kept).await, 2);
    session.run(meanwhile).await;
    world.verbs.publish("v2", &[]).await;
    assert_eq!(columns(&session, &kept).await, 2, "after publish");
    world.verbs.rollback("v2").await;
    assert_eq!(columns(&session, &kept).await, 2, "after rollback");
    world.end().await;
}

#[tokio::test]
async fn a_statement_with_a_qualified_name_survives() {
    survives("").await;
}

#[tokio::test]
async fn a_statement_survives_the_deallocation_of_another() {
    survives("DEALLOCATE neighbour").await;
}

#[tokio::test]
async fn a_statement_survives_though_another_names_a_table_that_is_gone() {
    survives("DROP TABLE passing").await;
}
