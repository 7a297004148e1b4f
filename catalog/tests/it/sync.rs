//! DDL past any edition: noticed by the plan, shown and taken in by sync, or refused with the reason.

use catalog::{
    ErrorKind,
    event::Silent,
    operation::{PublishOptions, create, plan, publish, sync},
    plan::{Code, Severity},
};

use crate::cluster::{Database, edition};

const BASE: &str = "CREATE TABLE t (id int PRIMARY KEY, kind varchar(9) CHECK (kind IN ('a', 'b')), n int DEFAULT 1, gone text); \
                    CREATE TABLE old (id int); CREATE INDEX by_n ON t (n)";

/// One of each that sync can take in, new tables aside.
const DIRECT: &str = "ALTER TABLE t ADD extra text NOT NULL DEFAULT 'x'; ALTER TABLE t DROP gone; ALTER TABLE t ALTER n TYPE bigint; \
                      ALTER TABLE t ALTER n SET DEFAULT 2; ALTER TABLE t ALTER n SET NOT NULL; ALTER TABLE t ADD CONSTRAINT few CHECK (n < 100); \
                      ALTER TABLE t DROP CONSTRAINT t_kind_check; DROP INDEX by_n; CREATE UNIQUE INDEX by_extra ON t (extra); DROP TABLE old";

async fn synced(database: &Database) -> Result<Vec<String>, String> {
    let outcome = sync(&database.target, false, &Silent).await;
    outcome.map(|synced| synced.editions).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        format!("{error}; {}", error.hint().unwrap_or_default())
    })
}

async fn refusals(database: &Database) -> Vec<Code> {
    let plan = plan(&database.target, &edition("v2")).await.unwrap();
    let refused = plan.findings.into_iter().filter(|finding| finding.severity == Severity::Refused);
    refused.map(|finding| finding.code).collect()
}

#[tokio::test]
async fn direct_ddl_is_shown_then_taken_into_root_and_draft() {
    let database = Database::adopted(BASE).await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database.run_in_draft("v2", "ALTER TABLE t RENAME COLUMN kind TO sort").await;
    assert_eq!(synced(&database).await, Ok(Vec::new()), "as it was dumped, nothing differs");

    database.run(DIRECT).await;
    assert!(refusals(&database).await.contains(&Code::ForeignDdl));
    let before = database.dump(&format!("{}$v1", database.name)).await;
    let shown = sync(&database.target, true, &Silent).await.unwrap();
    assert!(shown.changes.len() >= 9 && shown.refused.is_empty() && shown.editions.is_empty(), "{shown:?}");
    assert_eq!(
        database.dump(&format!("{}$v1", database.name)).await,
        before,
        "a dry run changed a blueprint"
    );

    assert_eq!(synced(&database).await, Ok(vec!["v1".to_owned(), "v2".to_owned()]));
    let live = database.dump(&database.name).await;
    assert_eq!(database.dump(&format!("{}$v1", database.name)).await, live);
    assert_eq!(refusals(&database).await, []);
    assert_eq!(synced(&database).await, Ok(Vec::new()));
}

#[tokio::test]
async fn each_rule_that_was_altered_directly_is_noticed_by_the_plan() {
    let database = Database::adopted(BASE).await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database.run_in_draft("v2", "CREATE TABLE new (id int)").await;
    assert_eq!(refusals(&database).await, [], "as it was dumped, nothing differs");
    for (direct, back, says) in [
        (
            "ALTER TABLE t ALTER n SET DEFAULT 2",
            "ALTER TABLE t ALTER n SET DEFAULT 1",
            "column n: its default is 2",
        ),
        (
            "ALTER TABLE t ALTER n DROP DEFAULT",
            "ALTER TABLE t ALTER n SET DEFAULT 1",
            "column n: its default is none",
        ),
        (
            "ALTER TABLE t ALTER n SET NOT NULL",
            "ALTER TABLE t ALTER n DROP NOT NULL",
            "column n: it is NOT NULL",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT few CHECK (n < 9)",
            "ALTER TABLE t DROP CONSTRAINT few",
            "constraint few was added",
        ),
        (
            "ALTER TABLE t DROP CONSTRAINT t_kind_check",
            "ALTER TABLE t ADD CONSTRAINT t_kind_check CHECK (kind IN ('a', 'b'))",
            "constraint t_kind_check was dropped",
        ),
        ("DROP INDEX by_n", "CREATE INDEX by_n ON t (n)", "index by_n was dropped"),
        (
            "DROP INDEX by_n; CREATE INDEX by_n ON t (n DESC)",
            "DROP INDEX by_n; CREATE INDEX by_n ON t (n)",
            "index by_n was added",
        ),
    ] {
        database.run(direct).await;
        let plan = plan(&database.target, &edition("v2")).await.unwrap();
        let findings = plan.findings.into_iter().filter(|finding| finding.code == Code::ForeignDdl);
        let said: Vec<String> = findings
            .map(|finding| {
                let what = finding.message.replace("the live database was altered directly: ", "");
                format!("{}: {what}", finding.subject)
            })
            .collect();
        assert!(said.iter().any(|said| said.ends_with(says)), "{direct}: {said:?}");
        database.run(back).await;
        assert_eq!(refusals(&database).await, [], "{back}");
    }
}

/// Killed when the draft's blueprint had taken it in and the root's had not: the same command finishes it.
#[tokio::test]
async fn a_sync_that_was_killed_between_two_blueprints_is_finished_by_the_next() {
    let database = Database::adopted(BASE).await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    let root = format!("{}$v1", database.name);
    let before = format!("{}_before", database.name);
    database.run("ALTER TABLE t ADD extra text; ALTER TABLE t ALTER n SET DEFAULT 2").await;
    database.copy_database(&root, &before).await;
    assert_eq!(synced(&database).await, Ok(vec!["v1".to_owned(), "v2".to_owned()]));

    database.copy_database(&before, &root).await;
    database.run("UPDATE edition.journal SET state = 'started' WHERE verb = 'sync'").await;
    // and somebody goes on meanwhile
    database.run("ALTER TABLE t ADD later text").await;
    assert_eq!(synced(&database).await, Ok(vec!["v1".to_owned(), "v2".to_owned()]));
    let taken_in = database.dump(&root).await;
    assert_eq!(database.dump(&format!("{}$v2", database.name)).await, taken_in);
    for part in ["extra text", "later text", "DEFAULT 2"] {
        assert!(taken_in.contains(part), "{part}: {taken_in}");
    }
    assert_eq!(refusals(&database).await, []);
    assert_eq!(synced(&database).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_new_table_is_taken_in_where_there_is_no_draft() {
    let database = Database::adopted("CREATE TABLE t (id int PRIMARY KEY)").await;
    database
        .run("CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t int REFERENCES t)")
        .await;
    assert_eq!(synced(&database).await, Ok(vec!["v1".to_owned()]));
    let live = database.dump(&database.name).await;
    assert_eq!(database.dump(&format!("{}$v1", database.name)).await, live);
}

#[tokio::test]
async fn what_a_draft_would_take_for_something_else_is_refused_and_nothing_is_done() {
    let database = Database::adopted(BASE).await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database.run_in_draft("v2", "ALTER TABLE t ADD mine int").await;
    let before = database.dump(&format!("{}$v1", database.name)).await;
    for (direct, part, back) in [
        (
            "ALTER TABLE t ADD extra text",
            "column extra of public.t would be another column",
            "ALTER TABLE t DROP extra",
        ),
        ("CREATE TABLE fresh (id int)", "table public.fresh is new", "DROP TABLE fresh"),
        ("ALTER TABLE t ADD mine text", "already exists", "ALTER TABLE t DROP mine"),
        ("CREATE VIEW shown AS SELECT id FROM t", "shown was added", "DROP VIEW shown"),
        ("COMMENT ON TABLE t IS 'direct'", "table public.t", "COMMENT ON TABLE t IS NULL"),
    ] {
        database.run(direct).await;
        let said = synced(&database).await.unwrap_err();
        assert!(said.contains(part) && said.contains("; "), "{direct}: {said}");
        database.run(back).await;
    }
    assert_eq!(database.dump(&format!("{}$v1", database.name)).await, before);
    assert_eq!(synced(&database).await, Ok(Vec::new()));
}

#[tokio::test]
async fn with_several_live_editions_direct_ddl_is_noticed_and_refused() {
    let database = Database::adopted("CREATE TABLE t (id int PRIMARY KEY, a text)").await;
    create(&database.target, &database.create_options("v1b"), &Silent).await.unwrap();
    database.run_in_draft("v1b", "ALTER TABLE t RENAME a TO b").await;
    publish(&database.target, &edition("v1b"), &PublishOptions::default(), &Silent).await.unwrap();
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    assert_eq!(refusals(&database).await, []);

    database.run("ALTER TABLE public.t ADD extra int").await;
    assert_eq!(refusals(&database).await, [Code::ForeignDdl]);
    let said = synced(&database).await.unwrap_err();
    assert!(said.contains("2 editions are live") && said.contains("edition rollback v1b"), "{said}");
    database.run("ALTER TABLE public.t DROP extra").await;
    assert_eq!(refusals(&database).await, []);
}

#[tokio::test]
async fn partitions_come_and_go_without_an_edition() {
    let database = Database::adopted(
        "CREATE TABLE m (id int, at int) PARTITION BY LIST (at); CREATE TABLE m_1 PARTITION OF m FOR VALUES IN (1); \
         CREATE TABLE m_2 PARTITION OF m FOR VALUES IN (2)",
    )
    .await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database.run_in_draft("v2", "ALTER TABLE m ADD note text; CREATE INDEX by_note ON m (note)").await;
    database
        .run("ALTER TABLE m DETACH PARTITION m_1; CREATE TABLE m_3 PARTITION OF m FOR VALUES IN (3); DROP TABLE m_2; INSERT INTO m VALUES (1, 3)")
        .await;
    assert_eq!(refusals(&database).await, []);
    assert_eq!(synced(&database).await, Ok(Vec::new()));

    database.run("CREATE INDEX by_id ON m (id)").await;
    assert_eq!(refusals(&database).await, [Code::ForeignDdl]);
    assert_eq!(synced(&database).await, Ok(vec!["v1".to_owned(), "v2".to_owned()]));
    assert_eq!(refusals(&database).await, []);
    publish(&database.target, &edition("v2"), &PublishOptions::default(), &Silent).await.unwrap();
    let question = "DO $$ BEGIN ASSERT (SELECT count(*) = 2 FROM pg_index WHERE indrelid = 'm_3'::regclass AND indisvalid), 'indexes'; END $$";
    database.run(question).await;
}
