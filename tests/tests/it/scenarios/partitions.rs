//! Partitioned tables: new ones, what becomes of their columns and rules, and partitions that come and go.

use catalog::event::Silent;
use edition_tests::World;

use super::story;

const EVENTS: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE events (id int, at date NOT NULL, customer int, kind text DEFAULT 'none', note text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_2025 (note text, at date NOT NULL, kind text DEFAULT 'none', gone int, customer int, id int);
ALTER TABLE events_2025 DROP gone;
ALTER TABLE events ATTACH PARTITION events_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT PARTITION BY HASH (customer);
CREATE TABLE events_rest_0 PARTITION OF events_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE events_rest_1 PARTITION OF events_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX events_kind ON events (kind);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Alan');
INSERT INTO events VALUES (1, '2024-05-05', 1, 'a'), (2, '2025-05-05', 2, 'b'), (3, '2026-05-05', 1, 'c'), (4, '2027-05-05', 2, 'd');
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
";

#[tokio::test]
async fn columns_of_a_partitioned_table_are_added_renamed_dropped_and_retyped() {
    story(EVENTS)
        .draft(
            "v2",
            "ALTER TABLE events ALTER id TYPE bigint; ALTER TABLE events RENAME kind TO sort; ALTER TABLE events DROP note;
             ALTER TABLE events ADD size int NOT NULL DEFAULT 7; ALTER TABLE events ALTER sort SET DEFAULT 'other'",
        )
        .run("v1", "INSERT INTO events (id, at, customer) VALUES (5, '2024-06-06', 1), (6, '2025-06-06', 2), (7, '2030-01-01', 1)")
        .run("v2", "INSERT INTO events (id, at, customer) VALUES (8, '2024-06-06', 1), (9, '2025-06-06', 2), (10, '2030-01-01', 1)")
        .fail("v2", "INSERT INTO events (id, at) VALUES (5000000000, '2025-06-06')", "22003")
        .run("v1", "UPDATE events SET id = 11 WHERE id = 1")
        .run("v2", "UPDATE events SET id = 12 WHERE id = 2")
        .see("v2", "SELECT id, sort, size FROM events ORDER BY id", &[
            "3|c|7", "4|d|7", "5|none|7", "6|none|7", "7|none|7", "8|other|7", "9|other|7", "10|other|7", "11|a|7", "12|b|7",
        ])
        .fail("v2", "SELECT FROM events_2024", "42P01")
        .see("v1", "SELECT id, size FROM events_2024 WHERE id BETWEEN 6 AND 9", &["8|7"])
        .see("v1", "SELECT id, kind FROM events WHERE id > 9 ORDER BY id", &["10|other", "11|a", "12|b"])
        .at_rest("INSERT INTO events (id, at) VALUES (5000000000, '2025-06-06') RETURNING id, size, sort", &["5000000000|7|other"])
        .tell()
        .await;
}

#[tokio::test]
async fn rules_of_a_partitioned_table_are_made_without_blocking() {
    story(EVENTS)
        .draft(
            "v2",
            "ALTER TABLE events ALTER customer SET NOT NULL; ALTER TABLE events ADD CHECK (id > 0);
             ALTER TABLE events ADD CONSTRAINT known FOREIGN KEY (customer) REFERENCES customers ON DELETE CASCADE;
             ALTER TABLE events ADD CONSTRAINT events_key PRIMARY KEY (id, at, customer); CREATE INDEX ON events (lower(note)) WHERE note IS NOT NULL;
             CREATE UNIQUE INDEX once ON events (customer, at, id) INCLUDE (note); DROP INDEX events_kind;
             ALTER TABLE events ADD CONSTRAINT twice UNIQUE (at, id, customer)",
        )
        .allow("tightens-older-edition")
        .fail("v1", "INSERT INTO events VALUES (1, '2024-05-05', 9)", "23503")
        .fail("v2", "INSERT INTO events VALUES (1, '2024-05-05', 1)", "23505")
        .fail("v2", "INSERT INTO events VALUES (0, '2024-05-05', 1)", "23514")
        .run("v2", "DELETE FROM customers WHERE id = 2")
        .see("v1", "SELECT id FROM events ORDER BY 1", &["1", "3"])
        .tell()
        .await;
}

#[tokio::test]
async fn the_key_of_a_partitioned_table_becomes_bigint() {
    story(
        "CREATE TABLE m (id int, at int, body text, PRIMARY KEY (id, at)) PARTITION BY LIST (at);
         CREATE TABLE m_1 PARTITION OF m FOR VALUES IN (1); CREATE TABLE m_2 PARTITION OF m FOR VALUES IN (2, 3) PARTITION BY LIST (at);
         CREATE TABLE m_2_2 PARTITION OF m_2 FOR VALUES IN (2); CREATE TABLE m_2_rest PARTITION OF m_2 DEFAULT;
         CREATE INDEX by_body ON m (body, id); INSERT INTO m VALUES (1, 1, 'a'), (1, 2, 'b'), (1, 3, 'c');",
    )
    .draft("v2", "ALTER TABLE m ALTER id TYPE bigint")
    .fail("v1", "INSERT INTO m VALUES (1, 1)", "23505")
    .run("v1", "INSERT INTO m VALUES (2, 1, 'd'), (2, 3, 'e')")
    .fail("v2", "INSERT INTO m (id, at) VALUES (2, 3)", "23505")
    .run("v2", "UPDATE m SET id = 3 WHERE body = 'e'")
    .see("v1", "SELECT id FROM m WHERE body = 'e'", &["3"])
    .at_rest("INSERT INTO m (id, at) VALUES (5000000000, 2) RETURNING id", &["5000000000"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_row_that_an_update_moves_to_another_partition_keeps_what_nobody_edited() {
    story(EVENTS)
        .draft("v2", "ALTER TABLE events RENAME note TO remark")
        .transform("events", "remark = upper(note)", "note = lower(remark)")
        .run("v1", "INSERT INTO events VALUES (5, '2024-06-06', 1, 'a', 'MiXed')")
        .run("v2", "UPDATE events SET at = '2025-01-02' WHERE id = 5")
        .see("v1", "SELECT note, at FROM events WHERE id = 5", &["MiXed|2025-01-02"])
        .see("v2", "SELECT remark FROM events WHERE id = 5", &["MIXED"])
        .run("v2", "UPDATE events SET remark = 'New' WHERE id = 5")
        .see("v1", "SELECT note FROM events WHERE id = 5", &["new"])
        .run("v1", "UPDATE events SET at = '2030-01-02' WHERE id = 5")
        .see("v2", "SELECT remark, at FROM events WHERE id = 5", &["New|2030-01-02"])
        .run("v1", "UPDATE events SET at = '2024-01-02', note = 'Other' WHERE id = 5")
        .see("v2", "SELECT remark FROM events WHERE id = 5", &["OTHER"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_partitioned_table_is_made_and_dropped() {
    story("CREATE TABLE customers (id int PRIMARY KEY, name text); INSERT INTO customers VALUES (1, 'Ada'); CREATE TABLE old (a int) PARTITION BY LIST (a); CREATE TABLE old_1 PARTITION OF old FOR VALUES IN (1); INSERT INTO old VALUES (1)")
        .draft(
            "v2",
            "CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at date, customer int REFERENCES customers ON DELETE CASCADE, PRIMARY KEY (id, at), CHECK (id > 0)) PARTITION BY RANGE (at);
             CREATE INDEX ON events (customer);
             CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
             CREATE TABLE events_rest PARTITION OF events DEFAULT PARTITION BY LIST (at); CREATE TABLE events_rest_all PARTITION OF events_rest DEFAULT;
             CREATE INDEX own ON events_2024 (at DESC); ALTER INDEX events_2024_customer_idx RENAME TO named; DROP TABLE old;
             INSERT INTO events (at) VALUES ('2024-02-02'); GRANT ALL ON events, events_2024 TO app",
        )
        .run("v2", "INSERT INTO events (at, customer) VALUES ('2024-03-03', 1), ('2030-03-03', 1)")
        .see("v2", "SELECT id FROM events_2024 ORDER BY 1", &["1", "2"])
        .see("v2", "SELECT id FROM public.events_2024 ORDER BY 1", &["1", "2"])
        .fail("v1", "SELECT FROM events_2024", "42P01")
        .fail("v2", "SELECT FROM old", "42P01")
        .fail("v2", "SELECT FROM old_1", "42P01")
        .fail("v2", "INSERT INTO events (at, customer) VALUES ('2024-03-03', 9)", "23503")
        .at_rest("SELECT count(*) FROM events", &["1"])
        .tell()
        .await;
}

#[tokio::test]
async fn partitions_are_added_dropped_and_renamed() {
    story(EVENTS)
        .draft(
            "v2",
            "CREATE TABLE events_2023 PARTITION OF events FOR VALUES FROM ('2023-01-01') TO ('2024-01-01'); ALTER TABLE events ADD size int DEFAULT 1;
             CREATE TABLE events_2022 (LIKE events INCLUDING DEFAULTS); ALTER TABLE events_2022 ADD CHECK (id < 1000); CREATE INDEX early ON events_2022 (id);
             ALTER TABLE events ATTACH PARTITION events_2022 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
             GRANT ALL ON events_2023 TO app; DROP TABLE events_2024; ALTER TABLE events_2025 RENAME TO events_now",
        )
        .allow("name-deferred")
        .run("v1", "INSERT INTO events VALUES (5, '2023-06-06', 1)")
        .run("v2", "INSERT INTO events VALUES (6, '2023-07-07', 1)")
        .see("v2", "SELECT id FROM events_2023 ORDER BY 1", &["5", "6"])
        .run("v1", "DELETE FROM events WHERE id IN (1, 5, 6)")
        .fail("v2", "INSERT INTO events VALUES (6000, '2022-07-07', 1)", "23514")
        .at_rest("SELECT id FROM events ORDER BY 1", &["2", "3", "4"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_table_points_at_a_partitioned_one() {
    story(
        "CREATE TABLE m (id int, at int, PRIMARY KEY (id, at)) PARTITION BY LIST (at); CREATE TABLE m_1 PARTITION OF m FOR VALUES IN (1); INSERT INTO m VALUES (1, 1);
         CREATE TABLE lines (id int, m int, at int); INSERT INTO lines VALUES (1, 1, 1), (2, NULL, NULL);",
    )
    .draft("v2", "ALTER TABLE lines ADD FOREIGN KEY (m, at) REFERENCES m ON UPDATE CASCADE; ALTER TABLE m ADD note text")
    .allow("tightens-older-edition")
    .fail("v1", "INSERT INTO lines VALUES (1, 2, 1)", "23503")
    .run("v2", "UPDATE m SET id = 5")
    .see("v1", "SELECT m FROM lines ORDER BY id", &["5", "∅"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_partition_comes_and_goes_while_a_table_points_at_the_whole() {
    story(
        "CREATE TABLE m (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE m_1 PARTITION OF m FOR VALUES FROM (0) TO (10); INSERT INTO m VALUES (1);
         CREATE TABLE lines (id int, m int REFERENCES m); INSERT INTO lines VALUES (1, 1)",
    )
    .draft("v2", "CREATE TABLE m_2 PARTITION OF m DEFAULT")
    .run("v1", "INSERT INTO m VALUES (20)")
    .run("v2", "INSERT INTO lines VALUES (2, 20)")
    .run("v2", "DELETE FROM lines WHERE m = 20")
    .run("v1", "DELETE FROM m WHERE id = 20")
    .fail("v1", "INSERT INTO lines VALUES (2, 20)", "23503")
    .tell()
    .await;
}

#[tokio::test]
async fn triggers_of_a_partitioned_table_are_gated() {
    story(
        "CREATE TABLE m (id int, at int, log text) PARTITION BY LIST (at); CREATE TABLE m_1 PARTITION OF m FOR VALUES IN (1);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.log := concat(NEW.log, 'old'); RETURN NEW; END $$;
         CREATE TRIGGER noting BEFORE INSERT OR UPDATE ON m FOR EACH ROW EXECUTE FUNCTION note();",
    )
    .draft(
        "v2",
        "DROP TRIGGER noting ON m; CREATE FUNCTION note2() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.log := concat(NEW.log, 'new'); RETURN NEW; END $$;
         CREATE TRIGGER noting2 BEFORE INSERT ON m FOR EACH ROW EXECUTE FUNCTION note2(); ALTER TABLE m ADD more int",
    )
    .run("v1", "INSERT INTO m VALUES (2, 1)")
    .run("v2", "INSERT INTO m (id, at) VALUES (3, 1)")
    .see("v2", "SELECT id, log FROM m ORDER BY id", &["2|old", "3|new"])
    .tell()
    .await;
}

#[tokio::test]
async fn names_that_postgresql_gives_to_parts_of_keys_are_kept_clear_of() {
    story(
        "CREATE TABLE nodes (id int PRIMARY KEY, up int REFERENCES nodes) PARTITION BY RANGE (id);
         CREATE TABLE nodes_low PARTITION OF nodes FOR VALUES FROM (MINVALUE) TO (500);
         CREATE TABLE leaves (id int PRIMARY KEY, node int REFERENCES nodes); INSERT INTO nodes VALUES (1, NULL), (2, 1);",
    )
    .draft(
        "v2",
        "ALTER TABLE nodes ADD FOREIGN KEY (up) REFERENCES nodes DEFERRABLE; ALTER TABLE nodes ALTER CONSTRAINT nodes_up_fkey DEFERRABLE INITIALLY DEFERRED;
         ALTER TABLE leaves ADD FOREIGN KEY (node) REFERENCES nodes DEFERRABLE; ALTER TABLE leaves ALTER CONSTRAINT leaves_node_fkey DEFERRABLE INITIALLY DEFERRED",
    )
    .allow("tightens-older-edition")
    .run("v1", "INSERT INTO nodes VALUES (3, 2); INSERT INTO leaves VALUES (1, 3)")
    .run("v2", "INSERT INTO nodes VALUES (4, 3); INSERT INTO leaves VALUES (2, 4)")
    .fail("v1", "INSERT INTO nodes VALUES (5, 9)", "23503")
    .fail("v2", "INSERT INTO leaves VALUES (3, 9)", "23503")
    .at_rest("SELECT count(*) FROM nodes JOIN leaves ON node = nodes.id", &["2"])
    .tell()
    .await;
}

/// What is loaded into a table of its own and then attached has been seen by no trigger.
#[tokio::test]
async fn a_partition_that_was_attached_with_rows_is_not_lost_at_retire() {
    let world = World::adopted(
        "CREATE TABLE ev (id int, at int, qty int, PRIMARY KEY (id, at)) PARTITION BY LIST (at);
         CREATE TABLE ev_1 PARTITION OF ev FOR VALUES IN (1); INSERT INTO ev VALUES (1, 1, 5)",
    )
    .await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE ev ALTER qty TYPE bigint").await;
    world.verbs.publish("v2", &[]).await;
    let owner = world.direct(edition_tests::OWNER).await;
    owner
        .run(
            "CREATE TABLE ev_2 (LIKE ev INCLUDING ALL); INSERT INTO ev_2 (id, at, qty) VALUES (2, 2, 6), (3, 2, NULL);
             ALTER TABLE ev ATTACH PARTITION ev_2 FOR VALUES IN (2); CREATE TABLE ev_3 PARTITION OF ev FOR VALUES IN (3)",
        )
        .await;
    world.session(edition_tests::OWNER, "v2").await.run("INSERT INTO ev VALUES (4, 3, NULL)").await;
    world.verbs.default("v2").await;
    let error = world.verbs.try_retire("v1", &Silent).await.unwrap_err().to_string();
    assert!(
        error.contains("partition public.ev_2") && error.contains("the edition stays as it was"),
        "{error}"
    );
    let mend = error.split_once("(if not: ").unwrap().1.split_once("); it does not").unwrap().0;
    owner.run(mend).await;
    world.verbs.retire("v1").await;
    let session = world.session(edition_tests::OWNER, "v2").await;
    let rows = session.ask("SELECT id, qty FROM ev ORDER BY id").await;
    assert_eq!(rows, ["1|5", "2|6", "3|∅", "4|∅"]);
    world.end().await;
}
