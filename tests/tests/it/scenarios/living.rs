//! What a session holds lives on while other editions come and go: prepared statements of either kind, cursors, transactions, temporary
//! tables, settings, locks, LISTEN. The parent's sessions hold it over publish, rollback and publish again, the child's over the retirement of
//! the root.

use std::time::Duration;

use catalog::{
    Error, ErrorKind,
    event::Silent,
    operation::{self, KeepData, Patience, RollbackOptions},
};
use edition_tests::{OWNER, Session, World, assert_same_schema, edition, patience, told};
use futures_util::future::join_all;
use tokio_postgres::Statement;

const BASE: &str = "\
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, age int);
CREATE TABLE plain (id int PRIMARY KEY);
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Alan', 41);
INSERT INTO plain VALUES (1), (2), (3);
";

const DRAFT: &str = "ALTER TABLE users RENAME name TO full_name; ALTER TABLE users ADD nick text; ALTER TABLE users ALTER age TYPE bigint;";

/// What one application holds open, each kind in a session of its own so that nothing hides behind something else.
struct Held {
    column: &'static str,
    sql: Session,
    protocol: Session,
    statements: Vec<Statement>,
    cursors: Session,
    transaction: Session,
    things: Session,
    pid: String,
}

impl Held {
    async fn open(world: &World, edition: &str, column: &'static str) -> Self {
        let open = async || world.session(OWNER, edition).await;
        let (sql, protocol) = (open().await, open().await);
        let queries = [
            format!("SELECT {column}, age FROM users WHERE id = 1"),
            format!("SELECT {column}, age FROM public.users WHERE id = 1"),
            "SELECT * FROM users WHERE id = 1".to_owned(),
            "SELECT * FROM public.users WHERE id = 1".to_owned(),
            "UPDATE users SET age = age WHERE id = 1".to_owned(),
            "UPDATE public.users SET age = age WHERE id = 1".to_owned(),
            format!("UPDATE public.users SET {column} = {column} WHERE id = 1 RETURNING *"),
            // what a view would not take
            format!("SELECT {column}, count(*) FROM users WHERE id = 1 GROUP BY id"),
            "SELECT u.* FROM public.users u WHERE id = 1 GROUP BY u.id".to_owned(),
            "UPDATE users SET age = age WHERE ctid = (SELECT ctid FROM users WHERE id = 1) RETURNING *"
                .to_owned(),
        ];
        let mut statements = Vec::new();
        for (at, query) in queries.iter().enumerate() {
            sql.run(&format!("PREPARE s{at} AS {query}")).await;
            statements.push(protocol.client().prepare(query).await.unwrap());
        }

        let cursors = open().await;
        cursors.run("DECLARE held CURSOR WITH HOLD FOR SELECT id FROM users ORDER BY id").await;
        cursors.run("BEGIN; DECLARE open CURSOR FOR SELECT id FROM plain ORDER BY id").await;

        let transaction = open().await;
        transaction.run("BEGIN; SET LOCAL work_mem = '5MB'; INSERT INTO plain VALUES (99)").await;
        transaction.run("SAVEPOINT here").await;

        let things = open().await;
        things.run("CREATE TEMP TABLE kept (id int); INSERT INTO kept VALUES (7)").await;
        things.run("SET work_mem = '6MB'; LISTEN news; SELECT pg_advisory_lock(4711)").await;
        let pid = things.ask("SELECT pg_backend_pid()").await.remove(0);
        Self { column, sql, protocol, statements, cursors, transaction, things, pid }
    }

    /// Uses everything, and leaves it as it was.
    async fn is_alive(&self, when: &str) {
        for round in ["first", "second"] {
            for at in 0..self.statements.len() {
                let answer = self.sql.try_ask(&format!("EXECUTE s{at}")).await;
                let answer =
                    answer.unwrap_or_else(|failure| panic!("{when}, {round}: EXECUTE s{at}: {failure:?}"));
                assert!(answer.rows.iter().all(|row| row.contains("Ada")), "{when}: s{at}: {answer:?}");
            }
            for (at, statement) in self.statements.iter().enumerate() {
                let rows = self.protocol.client().query(statement, &[]).await;
                let rows = rows.unwrap_or_else(|error| panic!("{when}, {round}: statement {at}: {error:?}"));
                assert_eq!(
                    rows.iter().map(tokio_postgres::Row::len).collect::<Vec<_>>(),
                    statement_width(statement),
                    "{when}: {at}"
                );
            }
        }
        // in one go, and within a transaction
        let uses = self.statements.iter().map(|statement| self.protocol.client().query(statement, &[]));
        assert!(join_all(uses).await.iter().all(Result::is_ok), "{when}: pipelined");
        self.protocol.run("BEGIN").await;
        for statement in &self.statements {
            self.protocol.client().query(statement, &[]).await.unwrap();
        }
        self.protocol.run("COMMIT").await;

        assert_eq!(self.cursors.ask("FETCH 1 FROM open").await.len(), 1, "{when}");
        assert_eq!(
            self.cursors.ask("MOVE BACKWARD ALL IN open; FETCH ALL FROM held").await,
            ["1", "2"],
            "{when}"
        );
        self.cursors.run("MOVE BACKWARD ALL IN held").await;

        assert_eq!(self.transaction.ask("SHOW work_mem").await, ["5MB"], "{when}");
        assert_eq!(self.transaction.ask("SELECT count(*) FROM plain WHERE id = 99").await, ["1"], "{when}");
        self.transaction.run("ROLLBACK TO here; SAVEPOINT here").await;

        assert_eq!(self.things.ask("SELECT id FROM kept; ").await, ["7"], "{when}");
        assert_eq!(self.things.ask("SHOW work_mem").await, ["6MB"], "{when}");
        assert_eq!(self.things.ask("SELECT pg_listening_channels()").await, ["news"], "{when}");
        assert_eq!(self.things.ask("SELECT pg_backend_pid()").await, [self.pid.as_str()], "{when}");
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid = pg_backend_pid()";
        assert_eq!(self.things.ask(locks).await, ["1"], "{when}");
        let written = format!(
            "INSERT INTO users (id, {0}) VALUES (50, 'x'); DELETE FROM public.users WHERE id = 50",
            self.column
        );
        self.things.run(&written).await;
    }

    async fn end(self) {
        self.transaction.run("COMMIT; DELETE FROM plain WHERE id = 99").await;
        self.cursors.run("COMMIT").await;
        assert_eq!(self.cursors.ask("FETCH ALL FROM held").await, ["1", "2"]);
    }
}

/// One row, as wide as it was described, or none.
fn statement_width(statement: &Statement) -> Vec<usize> {
    if statement.columns().is_empty() { Vec::new() } else { vec![statement.columns().len()] }
}

#[tokio::test]
async fn what_a_session_holds_outlives_publish_rollback_and_retire_of_others() {
    let world = World::adopted(BASE).await;
    let parents = Held::open(&world, "v1", "name").await;
    parents.is_alive("at rest").await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;

    world.verbs.publish("v2", &[]).await;
    parents.is_alive("published").await;
    let child = world.session(OWNER, "v2").await;
    child
        .run(
            "UPDATE users SET nick = 'A', age = 37 WHERE id = 1; INSERT INTO users VALUES (3, 'Zoë', 1, 'z')",
        )
        .await;
    parents.is_alive("written by the child").await;
    child.run("DELETE FROM users WHERE id = 3").await;
    drop(child);
    world.verbs.rollback("v2").await;
    parents.is_alive("rolled back").await;
    world.verbs.publish("v2", &[]).await;
    parents.is_alive("published again").await;
    parents.end().await;

    world.verbs.default("v2").await;
    let childrens = Held::open(&world, "v2", "full_name").await;
    childrens.is_alive("both live").await;
    world.verbs.retire("v1").await;
    childrens.is_alive("the root retired").await;
    childrens.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_temporary_view_goes_on_reading_and_is_in_nobodys_way() {
    let world = World::adopted(BASE).await;
    let schema = world.dump().await;
    let session = world.session(OWNER, "v1").await;
    session.run("CREATE TEMP VIEW early AS SELECT * FROM users").await;
    let reads = async |session: &Session, view: &str| {
        assert_eq!(
            session.ask(&format!("SELECT * FROM {view} ORDER BY id")).await,
            ["1|Ada|36", "2|Alan|41"]
        );
    };
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &[]).await;
    reads(&session, "early").await;
    session.run("CREATE TEMP VIEW late AS SELECT * FROM public.users").await;
    reads(&session, "late").await;
    world.verbs.rollback("v2").await;
    reads(&session, "early").await;
    reads(&session, "late").await;
    drop(session);
    assert_same_schema("after the rollback", &world.dump().await, &schema);

    world.verbs.publish("v2", &[]).await;
    world.verbs.default("v2").await;
    let session = world.session(OWNER, "v2").await;
    session.run("CREATE TEMP VIEW mine AS SELECT id, full_name, age FROM users u").await;
    world.verbs.retire("v1").await;
    reads(&session, "mine").await;
    world.end().await;
}

/// What is made out of the proxy's sight hangs on the editioning view itself.
#[tokio::test]
async fn what_hangs_on_a_view_is_named_and_waited_for() {
    const HIDDEN: &str = "DO $$ BEGIN EXECUTE 'CREATE TEMP VIEW hidden AS SELECT * FROM users'; END $$";
    let world = World::adopted(BASE).await;
    let schema = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &[]).await;
    let session = world.session(OWNER, "v1").await;
    session.run(HIDDEN).await;
    let verbs = &world.verbs;
    let target = verbs.target.clone();
    let impatient = Patience { locks: Duration::from_millis(200), ..patience(Duration::from_secs(20)) };
    let options = RollbackOptions { keep: KeepData::Discard, patience: impatient };
    let rollback = async || operation::rollback(&target, &edition("v2"), &options, &Silent).await;
    let is_told = |error: Error| {
        let text = told(&error);
        assert_eq!(error.kind(), ErrorKind::Busy, "{text}");
        assert!(text.contains("temporary view hidden in a session of owner"), "{text}");
        assert!(text.contains("run the same command again"), "{text}");
    };
    is_told(rollback().await.unwrap_err());
    assert_eq!(session.ask("SELECT * FROM hidden ORDER BY id").await, ["1|Ada|36", "2|Alan|41"]);
    assert_eq!(session.ask("SELECT name FROM users GROUP BY id ORDER BY id").await, ["Ada", "Alan"]);
    drop(session);
    assert!(rollback().await.unwrap().changed);
    assert_same_schema("after the rollback", &world.dump().await, &schema);

    verbs.publish("v2", &[]).await;
    verbs.default("v2").await;
    let session = world.session(OWNER, "v2").await;
    session.run(HIDDEN).await;
    let retire = async || operation::retire(&target, &edition("v1"), impatient, &Silent).await;
    is_told(retire().await.unwrap_err());
    assert_eq!(session.ask("SELECT full_name FROM users GROUP BY id ORDER BY id").await, ["Ada", "Alan"]);
    session.run("DROP VIEW pg_temp.hidden").await;
    assert!(retire().await.unwrap().changed);
    assert_same_schema("after the retirement", &world.dump().await, &world.dump_blueprint("v2").await);
    world.end().await;
}
