//! Foreign keys that point at a key which the draft retypes, while their own columns stay as they are.

use edition_tests::{OWNER, World};

use super::{EDITIONS, answer, report};

const BASE: &str = "CREATE TABLE users (id serial PRIMARY KEY, name text); CREATE TABLE posts (author int REFERENCES users, reviewer int REFERENCES users ON DELETE CASCADE, t text);
    CREATE TABLE pairs (a int, b int, c int UNIQUE, PRIMARY KEY (a, b)); CREATE TABLE plain (w int, x int, y int, FOREIGN KEY (x, y) REFERENCES pairs (b, a), z int REFERENCES pairs (c))";
const CHILD: &str = "ALTER TABLE users ALTER id TYPE bigint; ALTER TABLE posts ALTER reviewer TYPE bigint; ALTER TABLE posts RENAME t TO text; ALTER TABLE pairs ALTER b TYPE bigint; ALTER TABLE plain RENAME w TO v";

#[tokio::test(flavor = "multi_thread")]
async fn keys_point_at_a_retyped_one() {
    let queries = [
        "SELECT c.conname, c.conrelid::regclass, c.confrelid::regclass, i.relname, ARRAY(SELECT a.attname FROM unnest(c.confkey) WITH ORDINALITY AS u (n, place) \
         JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = u.n ORDER BY place) FROM pg_constraint c JOIN pg_class i ON i.oid = c.conindid WHERE c.contype = 'f' \
         AND c.connamespace = 'public'::regnamespace",
        "SELECT constraint_name, table_name, column_name, ordinal_position, position_in_unique_constraint FROM information_schema.key_column_usage WHERE table_schema = 'public'",
        "SELECT constraint_name, table_name, column_name FROM information_schema.constraint_column_usage WHERE table_schema = 'public'",
    ];
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", CHILD).await;
    world.verbs.publish("v2", &[]).await;
    let mut differences = Vec::new();
    for edition in EDITIONS {
        for query in queries {
            let seen = answer(&world.session(OWNER, edition).await, query).await;
            let wanted = answer(&world.in_blueprint(edition).await, query).await;
            assert!(wanted.len() > 4, "{query}\n{wanted:?}");
            report(&mut differences, &format!("{edition}: {query}"), &seen, &wanted);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    world.end().await;
}
