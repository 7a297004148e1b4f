//! The plan as a document: it keeps to its published schema, and publish takes a reviewed one only while it still holds.

use boon::{Compiler, Schemas};
use catalog::{
    Error, ErrorKind,
    event::Silent,
    operation,
    plan::{Artefact, Code},
};
use edition_tests::{OWNER, World, edition};
use serde_json::Value;

const BASE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int, note text); INSERT INTO t VALUES (1, 1, 'one'); CREATE INDEX by_note ON t (note)";
/// Steps of most kinds: columns, a backfill, an index, a rule, a table.
const DRAFT: &str = "ALTER TABLE t ALTER a TYPE bigint; ALTER TABLE t ADD CHECK (id > 0); CREATE INDEX by_a ON t (a); \
    CREATE TABLE n (id int REFERENCES t ON DELETE CASCADE); DROP INDEX by_note";

async fn drafted() -> World {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world
}

/// What `edition plan NAME --out FILE` writes.
async fn document(world: &World) -> String {
    serde_json::to_string_pretty(&Artefact::of(&world.verbs.plan("v2").await).unwrap()).unwrap()
}

/// `edition publish NAME --plan FILE --allow E012`
async fn publish(world: &World, document: &str) -> Result<bool, Error> {
    let mut options = world.verbs.publish_options(&["E012"]);
    options.plan = Some(Artefact::read(document)?);
    operation::publish(&world.verbs.target, &edition("v2"), &options, &Silent).await.map(|done| done.changed)
}

fn objections(document: &Value) -> Option<String> {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/plan.schema.json")).unwrap();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("plan.schema.json", schema).unwrap();
    let index = compiler.compile("plan.schema.json", &mut schemas).unwrap();
    schemas.validate(document, index).err().map(|error| error.to_string())
}

#[tokio::test]
async fn plans_keep_to_the_published_schema() {
    let world = drafted().await;
    world.draft("v2", "INSERT INTO t VALUES (7, 7, 'seed')").await;
    let plan: Value = serde_json::from_str(&document(&world).await).unwrap();
    assert_eq!(objections(&plan), None);
    let works: Vec<&str> =
        plan["steps"].as_array().unwrap().iter().map(|step| step["work"].as_str().unwrap()).collect();
    for work in ["metadata", "scan", "index_build", "row_writes", "wait"] {
        assert!(works.contains(&work), "no step {work} in {works:?}");
    }
    for broken in ["format", "digest", "steps"] {
        let mut broken_plan = plan.clone();
        broken_plan[broken] = Value::Null;
        assert!(objections(&broken_plan).is_some(), "{broken}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_reviewed_plan_is_published_and_finished_again_as_a_success() {
    let world = drafted().await;
    let document = document(&world).await;
    assert!(publish(&world, &document).await.unwrap());
    assert!(!publish(&world, &document).await.unwrap());
    world.verbs.rollback("v2").await;
    world.end().await;
}

#[tokio::test]
async fn a_plan_file_that_does_not_hold_any_more_is_refused_with_what_differs() {
    let world = drafted().await;
    let reviewed = document(&world).await;
    let before = world.dump().await;
    let edited = reviewed.replace("CREATE INDEX CONCURRENTLY", "DROP TABLE t; CREATE INDEX");
    assert_ne!(edited, reviewed);

    for (file, change, parts) in [
        (&edited, "", ["edited by hand", "its statements"]),
        (&reviewed, "draft", ["out of date", "the draft's schema changed since"]),
        (&reviewed, "transform", ["out of date", "the transforms given changed since"]),
    ] {
        match change {
            "draft" => world.draft("v2", "ALTER TABLE n ADD b int").await,
            "transform" => {
                world.draft("v2", "ALTER TABLE n DROP b").await;
                world.verbs.transform("v2", "t", "a = a::bigint", "a = a::int").await;
            }
            _ => {}
        }
        let error = publish(&world, file).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        for part in parts {
            assert!(error.to_string().contains(part), "{change}: {error}");
        }
    }
    let difference = world.dump().await.difference(&before);
    assert!(difference.is_empty(), "{difference}");

    world.direct(OWNER).await.run("CREATE TABLE foreign_ddl (id int)").await;
    let error = publish(&world, &reviewed).await.unwrap_err().to_string();
    assert!(error.contains("the live database's schema changed since"), "{error}");
    assert!(error.contains(&Code::ForeignDdl.to_string()), "{error}");
    world.end().await;
}
