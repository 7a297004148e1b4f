//! Primary keys and what leans on them.

use catalog::{
    event::Silent,
    operation::{self, KeepData, PublishOptions},
};
use edition_tests::{APP, World, edition};

use super::story;

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL CONSTRAINT of REFERENCES customers ON UPDATE CASCADE ON DELETE CASCADE, boss int REFERENCES orders ON DELETE SET NULL);
CREATE INDEX by_customer ON orders (customer);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Alan'); INSERT INTO orders (customer, boss) VALUES (1, NULL), (1, 1), (2, 1);
";

#[tokio::test]
async fn a_key_and_what_points_at_it_become_bigint() {
    story(SHOP)
        .draft(
            "v2",
            "ALTER TABLE customers ALTER id TYPE bigint; ALTER TABLE orders ALTER id TYPE bigint, ALTER customer TYPE bigint, ALTER boss TYPE bigint",
        )
        .run("v1", "INSERT INTO customers VALUES (3, 'Grace'); INSERT INTO orders (customer, boss) VALUES (3, 2)")
        .run("v2", "INSERT INTO customers (id, name) VALUES (4, 'Edsger'); INSERT INTO orders (customer, boss) VALUES (4, 4)")
        .fail("v1", "INSERT INTO orders (customer) VALUES (9)", "23503")
        .fail("v2", "INSERT INTO orders (customer) VALUES (9)", "23503")
        .fail("v1", "INSERT INTO customers VALUES (4, 'again')", "23505")
        .fail("v2", "INSERT INTO customers (id) VALUES (3)", "23505")
        .fail("v2", "INSERT INTO customers (id) VALUES (5000000000)", "22003")
        .run("v1", "UPDATE customers SET id = 10 WHERE id = 1")
        .see("v2", "SELECT count(*) FROM orders WHERE customer = 10", &["2"])
        .run("v2", "UPDATE customers SET id = 11 WHERE id = 10")
        .see("v1", "SELECT count(*) FROM orders WHERE customer = 11", &["2"])
        .run("v1", "DELETE FROM orders WHERE id = 1")
        .see("v2", "SELECT id, boss FROM orders ORDER BY id", &["2|∅", "3|∅", "4|2", "5|4"])
        .run("v2", "DELETE FROM customers WHERE id = 11")
        .see("v1", "SELECT id, boss FROM orders ORDER BY id", &["3|∅", "4|∅", "5|4"])
        .at_rest("INSERT INTO customers (id) VALUES (6000000000) RETURNING id", &["6000000000"])
        .tell()
        .await;
}

#[tokio::test]
async fn the_key_alone_becomes_bigint() {
    story(SHOP)
        .draft("v2", "ALTER TABLE customers ALTER id TYPE bigint")
        .run("v1", "INSERT INTO customers VALUES (3, 'Grace'); INSERT INTO orders (customer) VALUES (3)")
        .run("v2", "INSERT INTO customers (id) VALUES (4); INSERT INTO orders (customer) VALUES (4)")
        .run("v2", "UPDATE customers SET id = 5 WHERE id = 4")
        .see("v1", "SELECT customer FROM orders WHERE id = 5", &["5"])
        .run("v1", "DELETE FROM customers WHERE id = 5")
        .see("v2", "SELECT max(customer) FROM orders", &["3"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_composite_key_changes_in_one_of_its_columns() {
    story(
        "CREATE TABLE k (a int, b int, c text, PRIMARY KEY (a, b)); INSERT INTO k VALUES (1, 1), (2, 2);
         CREATE TABLE l (ka int, kb int, FOREIGN KEY (ka, kb) REFERENCES k ON UPDATE CASCADE); INSERT INTO l VALUES (1, 1)",
    )
    .draft("v2", "ALTER TABLE k ALTER a TYPE bigint; ALTER TABLE l ALTER ka TYPE bigint")
    .run("v1", "INSERT INTO l VALUES (2, 2)")
    .fail("v2", "INSERT INTO l (ka, kb) VALUES (2, 1)", "23503")
    .fail("v2", "INSERT INTO k (a, b) VALUES (2, 2)", "23505")
    .run("v2", "UPDATE k SET a = 3 WHERE a = 1")
    .see("v1", "SELECT * FROM l ORDER BY 1", &["2|2", "3|1"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_primary_key_is_dropped_made_composite_and_added() {
    story(
        "CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL); CREATE TABLE b (id int CONSTRAINT b_key PRIMARY KEY, b int NOT NULL); CREATE TABLE c (id int NOT NULL, b int);
         INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1); INSERT INTO c VALUES (1, 1), (2, 2)",
    )
    .draft(
        "v2",
        "ALTER TABLE a DROP CONSTRAINT a_pkey; ALTER TABLE b DROP CONSTRAINT b_key, ADD CONSTRAINT b_key PRIMARY KEY (b, id); ALTER TABLE c ADD PRIMARY KEY (id);
         COMMENT ON CONSTRAINT c_pkey ON c IS 'at last'",
    )
    .allow("tightens-older-edition")
    .fail("v2", "INSERT INTO a VALUES (1, 2)", "23505")
    .fail("v1", "INSERT INTO c VALUES (1, 2)", "23505")
    .run("v2", "INSERT INTO c VALUES (1, 2) ON CONFLICT (id) DO NOTHING")
    .fail("v2", "INSERT INTO b VALUES (1, 2)", "23505")
    .at_rest("INSERT INTO b VALUES (1, 2) RETURNING id", &["1"])
    .tell()
    .await;
}

#[tokio::test]
async fn another_column_becomes_the_key_while_foreign_keys_stay_on_the_old_one() {
    story(
        "CREATE TABLE k (code text PRIMARY KEY); INSERT INTO k VALUES ('a'), ('b');
         CREATE TABLE l (id int PRIMARY KEY, code text CONSTRAINT lc REFERENCES k ON UPDATE CASCADE); INSERT INTO l VALUES (1, 'a')",
    )
    .draft(
        "v2",
        "ALTER TABLE l DROP CONSTRAINT lc; ALTER TABLE k DROP CONSTRAINT k_pkey; ALTER TABLE k ADD id serial PRIMARY KEY; ALTER TABLE k ADD UNIQUE (code);
         ALTER TABLE l ADD CONSTRAINT lc FOREIGN KEY (code) REFERENCES k (code) ON UPDATE CASCADE; GRANT USAGE ON k_id_seq TO app",
    )
    .allow("tightens-older-edition")
    .run("v1", "INSERT INTO k VALUES ('c')")
    .run("v2", "INSERT INTO k (code) VALUES ('d'); INSERT INTO l VALUES (2, 'd')")
    .see("v2", "SELECT count(DISTINCT id) FROM k", &["4"])
    .fail("v1", "INSERT INTO l VALUES (3, 'z')", "23503")
    .at_rest("SELECT count(DISTINCT id) FROM k", &["4"])
    .tell()
    .await;
}

#[tokio::test]
async fn every_kind_of_unique_constraint_is_added() {
    story("CREATE TABLE \"T t\" (id int PRIMARY KEY, \"a)b\" int, c text); INSERT INTO \"T t\" VALUES (1, 1, 'x'), (2, NULL, 'y')")
        .draft(
            "v2",
            "ALTER TABLE \"T t\" ADD CONSTRAINT \"U u\" UNIQUE NULLS NOT DISTINCT (\"a)b\"); ALTER TABLE \"T t\" ADD UNIQUE (c) INCLUDE (id) WITH (fillfactor=70);
             ALTER TABLE \"T t\" ADD CONSTRAINT later UNIQUE (c, id) DEFERRABLE INITIALLY DEFERRED",
        )
        .allow("tightens-older-edition")
        .fail("v1", "INSERT INTO \"T t\" VALUES (3, NULL, 'z')", "23505")
        .fail("v2", "INSERT INTO \"T t\" VALUES (3, 3, 'x')", "23505")
        .tell()
        .await;
}

#[tokio::test]
async fn exclusions_come_go_and_follow_their_columns() {
    story(
        "CREATE TABLE a (id int PRIMARY KEY, r int4range); CREATE TABLE b (id int PRIMARY KEY, r int4range, CONSTRAINT x EXCLUDE USING gist (r WITH &&));
         CREATE TABLE c (id int PRIMARY KEY, r int4range, CONSTRAINT y EXCLUDE USING gist (r WITH &&) WHERE (id > 0) DEFERRABLE);
         INSERT INTO a VALUES (1, '[1,3)'), (2, '[3,5)'); INSERT INTO b SELECT * FROM a; INSERT INTO c SELECT * FROM a",
    )
    .draft(
        "v2",
        "ALTER TABLE a ADD CONSTRAINT no_overlap EXCLUDE USING gist (r WITH &&) WHERE (id > 0); ALTER TABLE b DROP CONSTRAINT x; ALTER TABLE c RENAME r TO during;
         COMMENT ON CONSTRAINT no_overlap ON a IS 'one at a time'",
    )
    .allow("tightens-older-edition")
    .fail("v1", "INSERT INTO a VALUES (3, '[2,4)')", "23P01")
    .fail("v2", "INSERT INTO b VALUES (3, '[2,4)')", "23P01")
    .fail("v2", "INSERT INTO c (id, during) VALUES (3, '[2,4)')", "23P01")
    .tell()
    .await;
}

#[tokio::test]
async fn names_of_constraints_and_indexes_are_exchanged() {
    story(
        "CREATE TABLE k (id int PRIMARY KEY, a int CONSTRAINT c1 CHECK (a > 0), b int CONSTRAINT c2 CHECK (b > 0)); CREATE INDEX i1 ON k (a); CREATE INDEX i2 ON k (b);
         CREATE TABLE l (id int PRIMARY KEY, a int); CREATE INDEX moving ON l (a)",
    )
    .draft(
        "v2",
        "ALTER INDEX i1 RENAME TO i3; ALTER INDEX i2 RENAME TO i1; ALTER INDEX i3 RENAME TO i2;
         ALTER TABLE k RENAME CONSTRAINT c1 TO c3; ALTER TABLE k RENAME CONSTRAINT c2 TO c1; ALTER TABLE k RENAME CONSTRAINT c3 TO c2;
         DROP INDEX moving; CREATE INDEX moving ON k (a, b); CREATE INDEX counted ON k ((a + b)); ALTER INDEX counted ALTER COLUMN 1 SET STATISTICS 500; COMMENT ON INDEX counted IS 'sum'",
    )
    .run("v2", "INSERT INTO k VALUES (1, 1, 1)")
    .tell()
    .await;
}

#[tokio::test]
async fn an_identity_key_becomes_bigint_and_counts_on() {
    story(
        "CREATE TABLE k (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int); INSERT INTO k (a) VALUES (1), (2);
         CREATE TABLE l (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, k int REFERENCES k ON DELETE CASCADE); INSERT INTO l (k) VALUES (1)",
    )
    .draft("v2", "ALTER TABLE k ALTER id TYPE bigint; ALTER TABLE l ALTER id TYPE bigint, ALTER k TYPE bigint")
    .run("v1", "INSERT INTO k (a) VALUES (3); INSERT INTO l (k) VALUES (3)")
    .run("v2", "INSERT INTO k (a) VALUES (4); INSERT INTO l (k) VALUES (4); INSERT INTO l (id, k) VALUES (50, 4)")
    .see("v1", "SELECT id FROM k ORDER BY id", &["1", "2", "3", "4"])
    .see("v2", "SELECT id FROM k ORDER BY id", &["1", "2", "3", "4"])
    .see("v1", "SELECT id, k FROM l ORDER BY id", &["1|1", "2|3", "3|4", "50|4"])
    .see("v2", "SELECT id, k FROM l ORDER BY id", &["1|1", "2|3", "3|4", "50|4"])
    .at_rest("INSERT INTO k (a) VALUES (5) RETURNING id > 4", &["t"])
    .tell()
    .await;
}

#[tokio::test]
async fn a_new_key_is_not_taken_for_the_unique_index_beside_it() {
    story(
        "CREATE TABLE actions (id int PRIMARY KEY, code text NOT NULL); INSERT INTO actions VALUES (1, 'a')",
    )
    .draft(
        "v2",
        "ALTER TABLE actions DROP CONSTRAINT actions_pkey, ADD CONSTRAINT actions_pkey PRIMARY KEY (code);
             CREATE UNIQUE INDEX actions_code_key ON actions (code)",
    )
    .allow("tightens-older-edition")
    .run("v1", "INSERT INTO actions VALUES (2, 'b')")
    .fail("v2", "INSERT INTO actions VALUES (3, 'b')", "23505")
    .tell()
    .await;
}

#[tokio::test]
async fn a_new_table_points_at_a_key_that_the_same_draft_makes() {
    story(
        "CREATE TABLE towns (name text, zip int); CREATE TABLE people (id int PRIMARY KEY, name text); \
         INSERT INTO towns VALUES ('Ely', 1); INSERT INTO people VALUES (1, 'Ada')",
    )
    .draft(
        "v2",
        "ALTER TABLE towns ADD PRIMARY KEY (name), ADD UNIQUE (zip); ALTER TABLE people ALTER id TYPE bigint;
         CREATE TABLE homes (person bigint REFERENCES people ON DELETE CASCADE, town text REFERENCES towns ON DELETE CASCADE, zip int REFERENCES towns (zip) ON DELETE CASCADE);
         GRANT ALL ON homes TO app",
    )
    .allow("tightens-older-edition")
    .run("v2", "INSERT INTO homes VALUES (1, 'Ely', 1)")
    .fail("v2", "INSERT INTO homes VALUES (1, 'Bath', 1)", "23503")
    .fail("v2", "INSERT INTO homes VALUES (2, 'Ely', 1)", "23503")
    .run("v1", "DELETE FROM people")
    .see("v2", "SELECT count(*) FROM homes", &["0"])
    .tell()
    .await;
}

/// What a rollback saved finds its rows by the newer edition's key, while the stored table has the older one's.
#[tokio::test]
async fn what_was_saved_is_loaded_by_a_key_of_the_newer_edition() {
    let world = World::adopted(
        "CREATE TABLE users (id serial PRIMARY KEY, name text); INSERT INTO users (name) VALUES ('Ada'), ('Alan'); GRANT ALL ON users, users_id_seq TO app",
    )
    .await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE users ALTER id TYPE bigint, ADD note text").await;
    world.verbs.publish("v2", &[]).await;
    world.session(APP, "v2").await.run("UPDATE users SET note = 'mine' WHERE id = 1").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("v2.saved");
    let options = world.verbs.rollback_options(KeepData::Save(file.clone()));
    let target = &world.verbs.target;
    operation::rollback(target, &edition("v2"), &options, &Silent).await.unwrap();
    let options = PublishOptions { load: Some(file), ..world.verbs.publish_options(&[]) };
    let published = operation::publish(target, &edition("v2"), &options, &Silent).await.unwrap();
    assert_eq!(published.rows_not_loaded, 0);
    let rows = world.session(APP, "v2").await.ask("SELECT id, note FROM users ORDER BY id").await;
    assert_eq!(rows, ["1|mine", "2|∅"]);
    world.end().await;
}

/// The stored table keeps the older edition's primary key until retire; other columns follow from the newer one's all the same.
#[tokio::test]
async fn queries_group_by_a_key_that_was_retyped() {
    story(
        "CREATE TABLE customers (id serial PRIMARY KEY, name text, data json); CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total int);
         CREATE TABLE lines (bill int, no int, what text, PRIMARY KEY (bill, no));
         INSERT INTO customers (name, data) VALUES ('Ada', '{\"k\": 1}'), ('Eve', NULL); INSERT INTO orders VALUES (1, 1, 5), (2, 1, 6); INSERT INTO lines VALUES (1, 1, 'a'), (1, 2, 'b')",
    )
    .draft(
        "v2",
        "ALTER TABLE customers ALTER id TYPE bigint; ALTER TABLE customers RENAME name TO label; ALTER TABLE orders ALTER id TYPE bigint, ALTER customer TYPE bigint;
         ALTER TABLE lines ALTER no TYPE bigint",
    )
    .draft("v3", "ALTER TABLE customers RENAME id TO number; ALTER TABLE lines ALTER bill TYPE bigint")
    .see(
        "v1",
        "SELECT c.name, c.data, sum(o.total) FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY c.id ORDER BY c.name",
        &["Ada|{\"k\": 1}|11", "Eve|∅|∅"],
    )
    .see(
        "v2",
        "SELECT c.label, c.data, sum(o.total) FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY c.id ORDER BY c.label",
        &["Ada|{\"k\": 1}|11", "Eve|∅|∅"],
    )
    .see(
        "v3",
        "SELECT customers.*, count(o.id) FROM public.customers JOIN orders o ON o.customer = number GROUP BY number HAVING max(label) = label",
        &["Ada|{\"k\": 1}|1|2"],
    )
    .see("v2", "SELECT row_to_json(o), (SELECT o.total) FROM orders o GROUP BY id ORDER BY o.total LIMIT 1", &["{\"total\":5,\"id\":1,\"customer\":1}|5"])
    .see("v2", "SELECT what FROM lines GROUP BY bill, no ORDER BY no", &["a", "b"])
    .see("v3", "SELECT l.what FROM lines l GROUP BY l.no, l.bill ORDER BY l.no DESC", &["b", "a"])
    .see("v2", "SELECT bill, count(*) FROM lines GROUP BY bill", &["1|2"])
    .fail("v2", "SELECT what FROM lines GROUP BY bill", "42803")
    .fail("v2", "SELECT label FROM customers GROUP BY data::text", "42803")
    .at_rest("SELECT label, count(*) FROM customers GROUP BY number ORDER BY 1", &["Ada|1", "Eve|1"])
    .tell()
    .await;
}
