//! The upgrade of a shop, whatever tool migrates it.

use std::time::{Duration, Instant};

use edition_tests::{OWNER, World, assert_same_schema, server};

use crate::tool::{Place, Stage, Tool};

/// What the plans of these upgrades warn of: a new table's rows keep rows of an older one from being deleted.
const ALLOWED: &[&str] = &["older-write-may-fail", "restricts-older-edition"];

/// Version 1 goes into production by the tool, version 2 by the tool and an edition.
pub(crate) struct Upgrade {
    tool: Tool,
    /// Asks what the tool holds for done.
    bookkeeping: &'static str,
    /// Table and forward transform, where they cannot be known from the migration.
    pub(crate) transforms: &'static [(&'static str, &'static str)],
    /// Whether the tool finds its own bookkeeping in an edition that others stand beside.
    pub(crate) checks_beside_others: bool,
}

impl Upgrade {
    pub(crate) fn by(tool: Tool, bookkeeping: &'static str) -> Self {
        Self { tool, bookkeeping, transforms: &[], checks_beside_others: true }
    }

    pub(crate) async fn play(&self) {
        let reference = World::plain("").await;
        for stage in [Stage::First, Stage::All] {
            self.tool.run(stage, &direct(&reference).await).await;
        }
        let done = reference.direct(OWNER).await.ask(self.bookkeeping).await;

        let world = World::plain("").await;
        self.tool.run(Stage::First, &direct(&world).await).await;
        self.tool.run(Stage::UseFirst, &through(&world, "")).await;
        let before = world.dump().await;
        world.verbs.init().await;

        // The draft has no rows but the tool's own, so the tool goes on where it stood.
        world.verbs.create("v2").await;
        until_adoption_shows(&world).await;
        self.tool.run(Stage::All, &through(&world, "@v2")).await;
        self.tool.run(Stage::Check, &through(&world, "@v2")).await;
        for (table, forward) in self.transforms {
            world.verbs.transform("v2", table, forward, "").await;
        }

        world.verbs.publish("v2", ALLOWED).await;
        self.both_versions_work(&world).await;
        if self.checks_beside_others {
            self.tool.run(Stage::Check, &through(&world, "@v2")).await;
        }
        assert_eq!(world.session(OWNER, "v2").await.ask(self.bookkeeping).await, done);

        world.verbs.rollback("v2").await;
        assert_same_schema("after rollback", &world.dump().await, &before);
        self.tool.run(Stage::UseFirst, &through(&world, "@v1")).await;
        world.verbs.publish("v2", ALLOWED).await;
        self.both_versions_work(&world).await;

        world.verbs.default("v2").await;
        world.verbs.retire("v1").await;
        self.tool.run(Stage::Check, &through(&world, "")).await;
        self.tool.run(Stage::UseAll, &through(&world, "")).await;
        assert_eq!(world.direct(OWNER).await.ask(self.bookkeeping).await, done);
        assert_same_schema("the tool alone makes the same", &world.dump().await, &reference.dump_all().await);
        world.end().await;
        reference.end().await;
    }

    /// Each sees what the other wrote.
    async fn both_versions_work(&self, world: &World) {
        let first = self.tool.run(Stage::UseFirst, &through(world, "@v1")).await;
        let all = self.tool.run(Stage::UseAll, &through(world, "@v2")).await;
        let counts =
            |said: &str| -> Vec<u64> { said.split(' ').map(|count| count.parse().unwrap()).collect() };
        let one_more: Vec<u64> = counts(&first).into_iter().map(|count| count + 1).collect();
        assert_eq!(counts(&all), one_more);
    }
}

/// The proxy has served the database without editions, and believes that for a second.
async fn until_adoption_shows(world: &World) {
    let begun = Instant::now();
    while let Err(failure) = world.try_session(OWNER, "v2").await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{failure:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn direct(world: &World) -> Place {
    Place { port: server().await.port(), database: world.database.clone() }
}

fn through(world: &World, edition: &str) -> Place {
    Place { port: world.port(), database: format!("{}{edition}", world.database) }
}
