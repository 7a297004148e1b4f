//! The upgrade of a shop, whatever tool migrates it.

use edition_tests::{OWNER, World, assert_same_schema, server};

use crate::tool::{Place, Stage, Tool};

/// Version 1 goes into production by the tool, version 2 by the tool and an edition. `bookkeeping` asks what the tool holds for done.
pub(crate) async fn upgrade(tool: &Tool, bookkeeping: &str) {
    let reference = World::plain("").await;
    tool.run(Stage::All, &direct(&reference).await).await;

    let world = World::plain("").await;
    tool.run(Stage::First, &direct(&world).await).await;
    tool.run(Stage::UseFirst, &through(&world, "")).await;
    let before = world.dump().await;
    world.verbs.init().await;

    // The draft has no rows but the tool's own, so the tool goes on where it stood.
    world.verbs.create("v2").await;
    tool.run(Stage::All, &through(&world, "@v2")).await;
    tool.run(Stage::Check, &through(&world, "@v2")).await;

    world.verbs.publish("v2", &[]).await;
    both_versions_work(tool, &world).await;
    tool.run(Stage::Check, &through(&world, "@v2")).await;
    assert_eq!(rows(&world, "v2", bookkeeping).await, rows_of(&reference, bookkeeping).await);

    world.verbs.rollback("v2").await;
    assert_same_schema("after rollback", &world.dump().await, &before);
    tool.run(Stage::UseFirst, &through(&world, "@v1")).await;
    world.verbs.publish("v2", &[]).await;
    both_versions_work(tool, &world).await;

    world.verbs.default("v2").await;
    world.verbs.retire("v1").await;
    tool.run(Stage::Check, &through(&world, "")).await;
    tool.run(Stage::UseAll, &through(&world, "")).await;
    assert_eq!(rows(&world, "v2", bookkeeping).await, rows_of(&reference, bookkeeping).await);
    assert_same_schema("the tool alone makes the same", &world.dump().await, &reference.dump_all().await);
    world.end().await;
    reference.end().await;
}

/// Each sees what the other wrote.
async fn both_versions_work(tool: &Tool, world: &World) {
    let first = tool.run(Stage::UseFirst, &through(world, "@v1")).await;
    let all = tool.run(Stage::UseAll, &through(world, "@v2")).await;
    let counts = |said: &str| -> Vec<u64> { said.split(' ').map(|count| count.parse().unwrap()).collect() };
    let one_more: Vec<u64> = counts(&first).into_iter().map(|count| count + 1).collect();
    assert_eq!(counts(&all), one_more);
}

async fn direct(world: &World) -> Place {
    Place { port: server().await.port(), database: world.database.clone() }
}

fn through(world: &World, edition: &str) -> Place {
    Place { port: world.port(), database: format!("{}{edition}", world.database) }
}

async fn rows(world: &World, edition: &str, query: &str) -> Vec<String> {
    world.session(OWNER, edition).await.ask(query).await
}

async fn rows_of(world: &World, query: &str) -> Vec<String> {
    world.direct(OWNER).await.ask(query).await
}
