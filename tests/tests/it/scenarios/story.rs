//! The way in which every scenario is told.

use std::collections::{BTreeMap, btree_map::Entry};

use catalog::model::Name;
use edition_tests::{APP, Rows, Session, World, assert_same_schema};

/// A schema with rows, drafts on top of it, and what happens while all of them are live.
#[must_use]
pub(crate) struct Story {
    base: &'static str,
    root: &'static str,
    schemas: Vec<&'static str>,
    drafts: Vec<Draft>,
    moves: Vec<Move>,
    at_rest: Vec<Move>,
}

struct Draft {
    name: &'static str,
    ddl: &'static str,
    transforms: Vec<(&'static str, &'static str, &'static str)>,
    allow: Vec<&'static str>,
}

struct Move {
    role: &'static str,
    edition: &'static str,
    sql: &'static str,
    expect: Expect,
}

enum Expect {
    Works,
    Rows(Vec<&'static str>),
    Fails(&'static str),
}

/// A story about a database that its owner fills with `base`.
pub(crate) fn story(base: &'static str) -> Story {
    Story {
        base,
        root: "v1",
        schemas: vec!["public"],
        drafts: Vec::new(),
        moves: Vec::new(),
        at_rest: Vec::new(),
    }
}

impl Story {
    /// Names the root edition otherwise than v1.
    pub(crate) fn root(mut self, name: &'static str) -> Self {
        self.root = name;
        self
    }

    /// Has these schemas editioned, not just `public`.
    pub(crate) fn schemas(mut self, schemas: &[&'static str]) -> Self {
        self.schemas = schemas.to_vec();
        self
    }

    /// The next edition, and the DDL that makes it.
    pub(crate) fn draft(mut self, name: &'static str, ddl: &'static str) -> Self {
        self.drafts.push(Draft { name, ddl, transforms: Vec::new(), allow: Vec::new() });
        self
    }

    /// Transforms of a table for the draft named last; an empty text is not given.
    pub(crate) fn transform(
        mut self,
        table: &'static str,
        forward: &'static str,
        reverse: &'static str,
    ) -> Self {
        self.drafts.last_mut().unwrap().transforms.push((table, forward, reverse));
        self
    }

    /// A finding that the draft named last needs a word for.
    pub(crate) fn allow(mut self, code: &'static str) -> Self {
        self.drafts.last_mut().unwrap().allow.push(code);
        self
    }

    /// A statement that works.
    pub(crate) fn run(self, edition: &'static str, sql: &'static str) -> Self {
        self.then(edition, sql, Expect::Works)
    }

    /// A query, and the rows that it gives, fields joined by `|`.
    pub(crate) fn see(self, edition: &'static str, sql: &'static str, rows: &[&'static str]) -> Self {
        self.then(edition, sql, Expect::Rows(rows.to_vec()))
    }

    /// A statement that fails, with this SQLSTATE.
    pub(crate) fn fail(self, edition: &'static str, sql: &'static str, code: &'static str) -> Self {
        self.then(edition, sql, Expect::Fails(code))
    }

    fn then(mut self, edition: &'static str, sql: &'static str, expect: Expect) -> Self {
        self.moves.push(Move { role: APP, edition, sql, expect });
        self
    }

    /// Another role than the application's usual one does what was said last.
    pub(crate) fn by(mut self, role: &'static str) -> Self {
        self.moves.last_mut().unwrap().role = role;
        self
    }

    /// A query in the last edition, once it is the only one.
    pub(crate) fn at_rest(mut self, sql: &'static str, rows: &[&'static str]) -> Self {
        let edition = self.drafts.last().unwrap().name;
        self.at_rest.push(Move { role: APP, edition, sql, expect: Expect::Rows(rows.to_vec()) });
        self
    }

    /// Tells it:
    ///
    /// 1. init and deinit leave no trace; init again changes nothing of the user's;
    /// 2. each draft is made through the proxy, published, rolled back, published again: a rollback gives back the schema, and no
    ///    older edition's contents change by any of it;
    /// 3. once the last one is live, the moves are made, and it is rolled back and published once more;
    /// 4. the roots are retired one after the other: the others' contents stay; at the end the schema is the last blueprint's;
    /// 5. deinit leaves nothing but that schema.
    pub(crate) async fn tell(self) {
        let mut world = World::plain(self.base).await;
        world.verbs.schemas = self.schemas.iter().map(|schema| Name::new(*schema).unwrap()).collect();
        let before = world.dump_all().await;
        world.verbs.init_as(self.root).await;
        assert_same_schema("after init", &world.dump().await, &before);
        world.verbs.deinit().await;
        assert_same_schema("after deinit", &world.dump_all().await, &before);
        assert_eq!(world.leftovers().await, [""; 0], "after deinit");
        world.verbs.init_as(self.root).await;

        let mut live = vec![self.root];
        for draft in &self.drafts {
            let is_last = std::ptr::eq(draft, self.drafts.last().unwrap());
            let moves = if is_last { self.moves.as_slice() } else { &[] };
            come_and_go(&world, &live, draft, moves).await;
            live.push(draft.name);
        }
        let leaf = live.last().unwrap();
        world.verbs.default(leaf).await;
        let blueprint = world.dump_blueprint(leaf).await;
        while live.len() > 1 {
            let younger = live.split_off(1);
            let contents = contents(&world, &younger).await;
            world.verbs.retire(live[0]).await;
            same_contents(&format!("after retiring {}", live[0]), &world, &contents).await;
            live = younger;
        }
        assert_same_schema("at rest", &world.dump().await, &blueprint);
        play(&world, &self.at_rest).await;
        world.verbs.deinit().await;
        assert_same_schema("after the last deinit", &world.dump_all().await, &blueprint);
        assert_eq!(world.leftovers().await, [""; 0], "after the last deinit");
        world.end().await;
    }
}

/// Publishes, plays, rolls back and publishes again.
async fn come_and_go(world: &World, older: &[&str], draft: &Draft, moves: &[Move]) {
    let verbs = &world.verbs;
    verbs.create(draft.name).await;
    world.draft(draft.name, draft.ddl).await;
    for (table, forward, reverse) in &draft.transforms {
        verbs.transform(draft.name, table, forward, reverse).await;
    }
    let schema = world.dump().await;
    let kept = contents(world, older).await;

    verbs.publish(draft.name, &draft.allow).await;
    same_contents(&format!("after publishing {}", draft.name), world, &kept).await;
    play(world, moves).await;
    let kept = contents(world, older).await;

    verbs.rollback(draft.name).await;
    assert_same_schema(&format!("after rolling {} back", draft.name), &world.dump().await, &schema);
    same_contents(&format!("after rolling {} back", draft.name), world, &kept).await;

    verbs.publish(draft.name, &draft.allow).await;
    same_contents(&format!("after publishing {} again", draft.name), world, &kept).await;
}

type Contents = Vec<(String, Vec<(String, Rows)>)>;

async fn contents(world: &World, editions: &[&str]) -> Contents {
    let mut contents = Vec::new();
    for edition in editions {
        contents.push(((*edition).to_owned(), world.contents(edition).await));
    }
    contents
}

async fn same_contents(when: &str, world: &World, should: &Contents) {
    for (edition, should) in should {
        assert_eq!(&world.contents(edition).await, should, "contents of {edition} {when}");
    }
}

/// Makes the moves, each role and edition in one session.
async fn play(world: &World, moves: &[Move]) {
    let mut sessions: BTreeMap<(&str, &str), Session> = BTreeMap::new();
    for step in moves {
        let key = (step.role, step.edition);
        let session = match sessions.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(world.session(step.role, step.edition).await),
        };
        let answer = session.try_ask(step.sql).await;
        let at = format!("{} in {}: {}", step.role, step.edition, step.sql);
        match (&step.expect, answer) {
            (Expect::Works, Ok(_)) => {}
            (Expect::Rows(should), Ok(is)) => assert_eq!(&is.rows, should, "{at}"),
            (Expect::Fails(code), Err(failure)) => assert_eq!(&failure.code, code, "{at}: {failure:?}"),
            (Expect::Fails(code), Ok(answer)) => panic!("{at}\nshould fail with {code}, gave {answer:?}"),
            (_, Err(failure)) => panic!("{at}\n{failure:?}"),
        }
    }
}
