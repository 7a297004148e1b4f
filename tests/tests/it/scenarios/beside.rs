//! Kinds of table that editions do not manage: they stay as they are, for all editions, while others change.

use super::story;

const BASE: &str = "CREATE TABLE customers (id int PRIMARY KEY, name text);
    CREATE TABLE events (id int, at date, customer int REFERENCES customers, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE events_rest PARTITION OF events DEFAULT; CREATE INDEX ON events (customer);
    CREATE TABLE pets (name text); CREATE TABLE dogs (barks boolean) INHERITS (pets);
    CREATE TYPE address AS (street text, town text); CREATE TABLE addresses OF address;
    CREATE RULE keep AS ON DELETE TO addresses DO INSTEAD NOTHING;
    CREATE SCHEMA other; CREATE TABLE other.things (id int REFERENCES customers); GRANT USAGE ON SCHEMA other TO app;
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
    INSERT INTO customers VALUES (1, 'Ada'); INSERT INTO events VALUES (1, '2025-05-05', 1), (2, '2026-01-01', 1);
    INSERT INTO dogs VALUES ('Rex', true); INSERT INTO addresses VALUES ('High Street', 'Ely');
    GRANT ALL ON ALL TABLES IN SCHEMA public TO app; GRANT ALL ON other.things TO app;";

#[tokio::test]
async fn tables_that_editions_do_not_manage_are_no_hindrance() {
    story(BASE)
        .draft("v2", "ALTER TABLE customers RENAME name TO full_name; ALTER TABLE customers ADD town text")
        .draft("v3", "ALTER TABLE customers ALTER town TYPE varchar(50)")
        .allow("older-write-may-fail")
        .run("v1", "INSERT INTO events VALUES (3, '2025-06-06', 1)")
        .run("v2", "INSERT INTO customers VALUES (2, 'Alan', 'Ely')")
        .run("v2", "INSERT INTO events VALUES (4, '2026-06-06', 2)")
        .see(
            "v3",
            "SELECT id, at, customer FROM events ORDER BY id",
            &["1|2025-05-05|1", "2|2026-01-01|1", "3|2025-06-06|1", "4|2026-06-06|2"],
        )
        .fail("v3", "INSERT INTO events VALUES (5, '2025-06-06', 99)", "23503")
        .see("v3", "SELECT name FROM pets", &["Rex"])
        .run("v3", "DELETE FROM addresses")
        .see("v1", "SELECT town FROM addresses", &["Ely"])
        .run("v2", "INSERT INTO other.things VALUES (2)")
        .see("v2", "SELECT id FROM customers WHERE id OPERATOR(public.===) 2", &["2"])
        .at_rest("SELECT count(*) FROM events", &["4"])
        .tell()
        .await;
}
