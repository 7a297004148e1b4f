//! What a middle edition changes, and a younger one changes back or builds upon.

use catalog::event::Silent;
use edition_tests::{OWNER, World, edition};

use super::story;

/// It stands all the time: nobody's rows may go with the edition that saw it first.
#[tokio::test]
async fn a_partition_that_is_dropped_and_made_again() {
    story(
        "CREATE TABLE ev (id int, at int) PARTITION BY LIST (at); CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1);
         CREATE TABLE ev_2 PARTITION OF ev FOR VALUES IN (2); INSERT INTO ev VALUES (1, 1)",
    )
    .draft("v2", "DROP TABLE ev_1")
    .draft("v3", "CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1); GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ev_1 TO app")
    .run("v3", "INSERT INTO ev VALUES (9, 1)")
    .at_rest("SELECT id FROM ev WHERE at = 1 ORDER BY id", &["1", "9"])
    .tell()
    .await;
}

/// The retire of an older edition in between makes no place look older than it is.
#[tokio::test]
async fn rows_that_came_with_a_partition_are_missed_at_a_later_retire_too() {
    let world = World::adopted(
        "CREATE TABLE ev (id int, at int, k int, qty int, PRIMARY KEY (id, at)) PARTITION BY LIST (at); CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1)",
    )
    .await;
    for (edition, ddl) in
        [("v2", "ALTER TABLE ev RENAME k TO kind"), ("v3", "ALTER TABLE ev ALTER qty TYPE bigint")]
    {
        world.verbs.create(edition).await;
        world.draft(edition, ddl).await;
        world.verbs.publish(edition, &[]).await;
    }
    let owner = world.direct(OWNER).await;
    owner.run("CREATE TABLE ev_2 (LIKE ev INCLUDING ALL); INSERT INTO ev_2 (id, at, k, qty) VALUES (1, 2, 3, 4); ALTER TABLE ev ATTACH PARTITION ev_2 FOR VALUES IN (2)").await;
    world.verbs.default("v3").await;
    world.verbs.retire("v1").await;
    let error = world.verbs.try_retire("v2", &Silent).await.unwrap_err();
    assert!(format!("{error:?}").contains("ev_2"), "{error:?}");
    owner.run("UPDATE ev_2 SET \"qty$v3\" = qty").await;
    world.verbs.retire("v2").await;
    assert_eq!(owner.ask("SELECT qty FROM ev WHERE at = 2").await, ["4"]);
    world.end().await;
}

/// The number of the youngest comes from the column that is left of the older ones.
#[tokio::test]
async fn a_key_that_counts_is_retyped_twice() {
    story("CREATE TABLE t (id serial PRIMARY KEY, x text); INSERT INTO t (x) VALUES ('a')")
        .draft("v2", "ALTER TABLE t RENAME id TO key; ALTER TABLE t ALTER key TYPE bigint")
        .draft("v3", "ALTER TABLE t ALTER key TYPE numeric")
        .allow("older-write-may-fail")
        .allow("lossy-cast")
        .see("v3", "INSERT INTO t (x) VALUES ('b') RETURNING key", &["2"])
        .see("v2", "INSERT INTO t (x) VALUES ('c') RETURNING key", &["3"])
        .at_rest("INSERT INTO t (x) VALUES ('d') RETURNING key", &["4"])
        .tell()
        .await;
}

#[tokio::test]
async fn an_index_changes_and_changes_back() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, b int); CREATE INDEX i ON t (a)")
        .draft("v2", "DROP INDEX i; CREATE INDEX i ON t (b)")
        .draft("v3", "DROP INDEX i; CREATE INDEX i ON t (a)")
        .run("v1", "INSERT INTO t VALUES (1, 1, 1)")
        .tell()
        .await;
}

#[tokio::test]
async fn an_index_takes_the_name_of_one_of_a_table_that_the_middle_edition_made() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int)")
        .draft("v2", "CREATE TABLE u (id int PRIMARY KEY, b int); CREATE INDEX x ON u (b); GRANT SELECT, INSERT ON u TO app")
        .draft("v3", "DROP INDEX x; CREATE INDEX x ON t (a)")
        .run("v2", "INSERT INTO u VALUES (1, 1)")
        .tell()
        .await;
}

#[tokio::test]
async fn a_check_and_a_unique_key_change_and_change_back() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT few CHECK (a > 0), b int, CONSTRAINT u UNIQUE (a)); INSERT INTO t VALUES (1, 5, 1)")
        .draft("v2", "ALTER TABLE t DROP CONSTRAINT few, ADD CONSTRAINT few CHECK (a > 1), DROP CONSTRAINT u, ADD CONSTRAINT u UNIQUE (a, b)")
        .allow("tightens-older-edition")
        .draft("v3", "ALTER TABLE t DROP CONSTRAINT few, ADD CONSTRAINT few CHECK (a > 0), DROP CONSTRAINT u, ADD CONSTRAINT u UNIQUE (a)")
        .allow("tightens-older-edition")
        .run("v1", "INSERT INTO t VALUES (2, 6, 1)")
        .tell()
        .await;
}

#[tokio::test]
async fn a_trigger_of_the_youngest_over_columns_that_the_middle_renamed() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)")
        .draft("v2", "ALTER TABLE t RENAME a TO b")
        .draft(
            "v3",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := NEW.b + 1; RETURN NEW; END $$;
             CREATE TRIGGER trg BEFORE UPDATE OF b ON t FOR EACH ROW WHEN (NEW.b > 0) EXECUTE FUNCTION f()",
        )
        .run("v1", "UPDATE t SET a = 2")
        .at_rest("UPDATE t SET b = 5 RETURNING b", &["6"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_primary_key_that_changes_back_is_refused_until_the_first_is_gone() {
    let world = World::adopted(
        "CREATE TABLE t (id int PRIMARY KEY, code text NOT NULL); INSERT INTO t VALUES (1, 'a')",
    )
    .await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (code)").await;
    world.verbs.publish("v2", &["tightens-older-edition"]).await;
    let refused = async || {
        world.verbs.create("v3").await;
        world.draft("v3", "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id)").await;
        let findings = world.verbs.plan("v3").await.findings;
        findings
            .iter()
            .any(|finding| finding.code.slug() == "unsupported" && finding.subject.contains("t_pkey"))
    };
    assert!(refused().await);
    catalog::operation::drop_draft(&world.verbs.target, &edition("v3"), &Silent).await.unwrap();
    world.verbs.default("v2").await;
    world.verbs.retire("v1").await;
    assert!(!refused().await);
    world.verbs.publish("v3", &["tightens-older-edition"]).await;
    world.end().await;
}

#[tokio::test]
async fn a_new_column_has_a_name_that_a_middle_edition_gave() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1)")
        .draft("v2", "ALTER TABLE t RENAME a TO b")
        .draft("v3", "ALTER TABLE t DROP COLUMN b")
        .draft("v4", "ALTER TABLE t ADD b text")
        .run("v4", "UPDATE t SET b = 'x'")
        .see("v2", "SELECT b FROM t", &["1"])
        .see("v4", "SELECT b FROM t", &["x"])
        .tell()
        .await;
}

#[tokio::test]
async fn two_triggers_that_call_one_function() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.a := NEW.a + 1; RETURN NEW; END $$;
         CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(); CREATE TRIGGER two BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    )
    .draft(
        "v2",
        "ALTER TABLE t RENAME a TO b; CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.b := NEW.b + 1; RETURN NEW; END $$",
    )
    .see("v1", "INSERT INTO t VALUES (2, 2) RETURNING a", &["3"])
    .see("v2", "UPDATE t SET b = 5 WHERE id = 2 RETURNING b", &["6"])
    .tell()
    .await;
}

/// The key of a partitioned table is made anew when the older one is gone, which no foreign key can wait for.
#[tokio::test]
async fn a_foreign_key_to_a_key_that_waits_is_refused_until_it_is_one() {
    let world = World::adopted(
        "CREATE TABLE m (id int, at int, PRIMARY KEY (id, at)) PARTITION BY LIST (at); CREATE TABLE m_1 PARTITION OF m FOR VALUES IN (1)",
    )
    .await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE m ALTER id TYPE bigint").await;
    world.verbs.publish("v2", &[]).await;
    let refused = async || {
        world.verbs.create("v3").await;
        let lines = "CREATE TABLE lines (id int PRIMARY KEY, m bigint, at int, FOREIGN KEY (m, at) REFERENCES m ON DELETE CASCADE)";
        world.draft("v3", lines).await;
        let findings = world.verbs.plan("v3").await.findings;
        findings
            .iter()
            .any(|finding| finding.code.slug() == "unsupported" && finding.subject.contains("m_pkey"))
    };
    assert!(refused().await);
    catalog::operation::drop_draft(&world.verbs.target, &edition("v3"), &Silent).await.unwrap();
    world.verbs.default("v2").await;
    world.verbs.retire("v1").await;
    assert!(!refused().await);
    world.verbs.publish("v3", &[]).await;
    world.end().await;
}

/// Both are there at the end.
#[tokio::test]
async fn an_index_is_renamed_and_another_like_it_takes_its_name() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX i ON t (a)")
        .draft("v2", "ALTER INDEX i RENAME TO j")
        .draft("v3", "CREATE INDEX i ON t (a)")
        .run("v1", "INSERT INTO t VALUES (1, 1)")
        .tell()
        .await;
}

#[tokio::test]
async fn a_check_is_renamed_and_another_like_it_takes_its_name() {
    story("CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT i CHECK (a > 0), CONSTRAINT u UNIQUE (a))")
        .draft("v2", "ALTER TABLE t RENAME CONSTRAINT i TO j; ALTER TABLE t RENAME CONSTRAINT u TO v")
        .draft("v3", "ALTER TABLE t ADD CONSTRAINT i CHECK (a > 0), ADD CONSTRAINT u UNIQUE (a)")
        .allow("tightens-older-edition")
        .run("v1", "INSERT INTO t VALUES (1, 1)")
        .tell()
        .await;
}

/// Of what waits for a retire there is what the oldest edition has.
#[tokio::test]
async fn a_publication_is_dropped_and_made_again() {
    let base = "CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO clerk";
    let drops =
        "DROP PUBLICATION p; ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM clerk";
    let makes = "CREATE PUBLICATION p FOR TABLE t; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO clerk";
    let there = "SELECT (SELECT count(*) FROM pg_publication), (SELECT count(*) FROM pg_default_acl WHERE defaclnamespace = 'public'::regnamespace)";
    for rolls_back in [true, false] {
        let world = World::adopted(base).await;
        for (edition, ddl) in [("v2", drops), ("v3", makes)] {
            world.verbs.create(edition).await;
            world.draft(edition, ddl).await;
            world.verbs.publish(edition, &[]).await;
        }
        let owner = world.direct(OWNER).await;
        assert_eq!(owner.ask(there).await, ["1|1"]);
        world.verbs.default("v2").await;
        world.verbs.retire("v1").await;
        assert_eq!(owner.ask(there).await, ["0|0"]);
        if rolls_back {
            world.verbs.rollback("v3").await;
            assert_eq!(owner.ask(there).await, ["0|0"]);
        } else {
            world.verbs.default("v3").await;
            world.verbs.retire("v2").await;
            assert_eq!(owner.ask(there).await, ["1|1"]);
        }
        world.end().await;
    }
}

/// It moves out of its schema's way when the youngest changes it, and what is asked of its rows before is asked under the name that it still has.
#[tokio::test]
async fn rules_for_the_rows_of_a_table_that_the_middle_edition_made() {
    story("CREATE TABLE old (id int PRIMARY KEY)")
        .draft("v2", "CREATE TABLE t (id int PRIMARY KEY, a int, b int); GRANT ALL ON t TO app")
        .draft("v3", "ALTER TABLE t ADD CONSTRAINT few CHECK (a < 100), ALTER b SET NOT NULL")
        .allow("tightens-older-edition")
        .run("v2", "INSERT INTO t VALUES (1, 1, 1)")
        .run("v3", "INSERT INTO t VALUES (2, 2, 2)")
        .at_rest("SELECT id FROM t ORDER BY id", &["1", "2"])
        .tell()
        .await;
}

#[tokio::test]
async fn two_keys_of_a_partitioned_table_over_one_column() {
    let makes = "CREATE TABLE p (id int PRIMARY KEY, a int) PARTITION BY RANGE (id); CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (MINVALUE) TO (9); \
        ALTER TABLE p ADD CONSTRAINT u UNIQUE (id) DEFERRABLE";
    let keys = "SELECT conname, contype FROM pg_constraint WHERE conrelid IN ('p'::regclass, 'p_low'::regclass) AND contype IN ('p', 'u') ORDER BY 1";
    let world = World::adopted("CREATE TABLE old (id int PRIMARY KEY)").await;
    for (edition, ddl) in [("v2", makes), ("v3", "COMMENT ON TABLE old IS 'x'")] {
        world.verbs.create(edition).await;
        world.draft(edition, ddl).await;
        world.verbs.publish(edition, &[]).await;
    }
    let owner = world.direct(OWNER).await;
    let drawn = world.in_blueprint("v2").await.ask(keys).await;
    assert_eq!(world.in_blueprint("v3").await.ask(keys).await, drawn);
    world.verbs.default("v2").await;
    world.verbs.retire("v1").await;
    assert_eq!(owner.ask(keys).await, drawn);
    world.verbs.rollback("v3").await;
    assert_eq!(owner.ask(keys).await, drawn);
    world.end().await;
}
