//! What only PostgreSQL 18 has. On older servers there is nothing to see here: `make versions` brings that one.

use catalog::{
    event::Silent,
    operation,
    plan::{Finding, Severity},
};
use edition_tests::{World, edition, server};

use super::story;

async fn is_there() -> bool {
    server().await.installation().version().major >= 18
}

#[tokio::test]
async fn temporal_keys() {
    if !is_there().await {
        return;
    }
    story(
        "CREATE TABLE rooms (id int4range, during daterange, name text, PRIMARY KEY (id, during WITHOUT OVERLAPS));
         CREATE TABLE stays (id int4range, room int4range, during daterange, FOREIGN KEY (room, PERIOD during) REFERENCES rooms (id, PERIOD during));
         INSERT INTO rooms VALUES ('[1,2)', '[2026-01-01,2027-01-01)', 'a')",
    )
    .draft("v2", "ALTER TABLE rooms RENAME name TO title; ALTER TABLE rooms ADD beds int NOT NULL DEFAULT 1; ALTER TABLE stays ADD note text")
    .run("v1", "INSERT INTO stays VALUES ('[1,2)', '[1,2)', '[2026-02-01,2026-03-01)')")
    .fail("v1", "INSERT INTO rooms VALUES ('[1,2)', '[2026-05-01,2028-01-01)', 'b')", "23P01")
    .fail("v2", "INSERT INTO rooms (id, during) VALUES ('[1,2)', '[2026-05-01,2028-01-01)')", "23P01")
    .fail("v2", "INSERT INTO stays (id, room, during) VALUES ('[2,3)', '[1,2)', '[2028-02-01,2028-03-01)')", "23503")
    .run("v2", "INSERT INTO rooms (id, during) VALUES ('[1,2)', '[2027-01-01,2028-01-01)')")
    .tell()
    .await;
}

#[tokio::test]
async fn temporal_keys_are_added() {
    if !is_there().await {
        return;
    }
    story("CREATE TABLE rooms (id int4range NOT NULL, during daterange NOT NULL, name text); INSERT INTO rooms VALUES ('[1,2)', '[2026-01-01,2027-01-01)', 'a')")
        .draft("v2", "ALTER TABLE rooms ADD CONSTRAINT u UNIQUE (id, during WITHOUT OVERLAPS)")
        .allow("tightens-older-edition")
        .allow("blocks-writers")
        .fail("v1", "INSERT INTO rooms VALUES ('[1,2)', '[2026-05-01,2028-01-01)', 'b')", "23P01")
        .tell()
        .await;
}

#[tokio::test]
async fn a_new_table_with_a_temporal_key() {
    if !is_there().await {
        return;
    }
    story("CREATE TABLE old (id int PRIMARY KEY)")
        .draft("v2", "CREATE TABLE rooms (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS)); GRANT ALL ON rooms TO app")
        .run("v2", "INSERT INTO rooms VALUES ('[1,2)', '[2026-01-01,2027-01-01)')")
        .fail("v2", "INSERT INTO rooms VALUES ('[1,2)', '[2026-05-01,2028-01-01)')", "23P01")
        .tell()
        .await;
}

#[tokio::test]
async fn constraints_that_are_not_enforced() {
    if !is_there().await {
        return;
    }
    story(
        "CREATE TABLE customers (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT few CHECK (a < 5) NOT ENFORCED, c int);
         INSERT INTO t VALUES (1, 9, 7)",
    )
    .draft(
        "v2",
        "ALTER TABLE t ADD CONSTRAINT many CHECK (a > 100) NOT ENFORCED; ALTER TABLE t ADD CONSTRAINT whose FOREIGN KEY (c) REFERENCES customers NOT ENFORCED;
         ALTER TABLE t RENAME a TO amount",
    )
    .run("v1", "INSERT INTO t VALUES (2, 10, 8)")
    .run("v2", "INSERT INTO t VALUES (3, 11, 9)")
    .tell()
    .await;
}

#[tokio::test]
async fn a_foreign_key_that_comes_into_force() {
    if !is_there().await {
        return;
    }
    story(
        "CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers VALUES (7);
         CREATE TABLE t (id int PRIMARY KEY, c int CONSTRAINT whose REFERENCES customers NOT ENFORCED); INSERT INTO t VALUES (1, 7)",
    )
    .draft("v2", "ALTER TABLE t ALTER CONSTRAINT whose ENFORCED")
    .allow("tightens-older-edition")
    .fail("v1", "INSERT INTO t VALUES (2, 8)", "23503")
    .tell()
    .await;
}

#[tokio::test]
async fn a_foreign_key_that_goes_out_of_force() {
    if !is_there().await {
        return;
    }
    story(
        "CREATE TABLE customers (id int PRIMARY KEY); INSERT INTO customers VALUES (7);
         CREATE TABLE t (id int PRIMARY KEY, c int CONSTRAINT whose REFERENCES customers); INSERT INTO t VALUES (1, 7)",
    )
    .draft("v2", "ALTER TABLE t ALTER CONSTRAINT whose NOT ENFORCED")
    .fail("v1", "INSERT INTO t VALUES (2, 8)", "23503")
    .tell()
    .await;
}

#[tokio::test]
async fn what_is_refused() {
    if !is_there().await {
        return;
    }
    let world = World::adopted(
        "CREATE TABLE t (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2));
         CREATE TABLE rooms (id int4range PRIMARY KEY, during daterange NOT NULL)",
    )
    .await;
    for (ddl, code, message) in [
        ("ALTER TABLE t ADD CONSTRAINT given NOT NULL a NOT VALID", "unsupported", "not_null_validated"),
        ("ALTER TABLE t ALTER twice SET EXPRESSION AS (a + a)", "unsupported", "generation changed"),
        (
            "ALTER TABLE rooms DROP CONSTRAINT rooms_pkey, ADD PRIMARY KEY (id, during WITHOUT OVERLAPS)",
            "unsupported",
            "WITHOUT OVERLAPS cannot stand beside",
        ),
    ] {
        world.verbs.create("v2").await;
        world.draft("v2", ddl).await;
        let plan = world.verbs.plan("v2").await;
        let refused =
            |finding: &Finding| finding.severity == Severity::Refused && finding.code.slug() == code;
        let told: Vec<_> = plan.findings.iter().filter(|finding| refused(finding)).collect();
        assert!(told.iter().any(|finding| finding.message.contains(message)), "{ddl}: {:?}", plan.findings);
        operation::drop_draft(&world.verbs.target, &edition("v2"), &Silent).await.unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn not_null_with_a_name() {
    if !is_there().await {
        return;
    }
    story("CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT given NOT NULL, b int); INSERT INTO t VALUES (1, 1, 1)")
        .draft("v2", "ALTER TABLE t RENAME CONSTRAINT given TO must; ALTER TABLE t ADD CONSTRAINT too NOT NULL b; ALTER TABLE t ADD c int NOT NULL DEFAULT 1; ALTER TABLE t ALTER a TYPE bigint")
        .allow("tightens-older-edition")
        .allow("older-write-may-fail")
        .run("v1", "INSERT INTO t VALUES (2, 2, 2)")
        .run("v2", "INSERT INTO t (id, a, b) VALUES (3, 3, 3)")
        .tell()
        .await;
}

#[tokio::test]
async fn virtual_columns() {
    if !is_there().await {
        return;
    }
    story("CREATE TABLE t (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2)); INSERT INTO t VALUES (1, 1)")
        .draft("v2", "ALTER TABLE t ADD thrice int GENERATED ALWAYS AS (a * 3) VIRTUAL; ALTER TABLE t RENAME twice TO double; ALTER TABLE t ADD note text")
        .run("v1", "INSERT INTO t VALUES (2, 2)")
        .run("v2", "INSERT INTO t (id, a) VALUES (3, 3)")
        .see("v1", "SELECT twice FROM t ORDER BY id", &["2", "4", "6"])
        .see("v2", "SELECT double, thrice FROM t ORDER BY id", &["2|3", "4|6", "6|9"])
        .tell()
        .await;
}
