//! Which names of several editioned schemas need their schema, by the session's path.

use edition_tests::{OWNER, World, name};

use super::{EDITIONS, answer, report};

const BASE: &str = "CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('happy', 'sad');
    CREATE TABLE customers (id serial PRIMARY KEY, name text, feels shop.mood DEFAULT 'happy'); CREATE INDEX ON customers (feels) WHERE feels <> 'sad';
    CREATE TABLE shop.orders (id serial PRIMARY KEY, customer int CONSTRAINT placed REFERENCES customers, of int CONSTRAINT follows REFERENCES shop.orders, mood shop.mood DEFAULT 'sad');
    CREATE TABLE notes (of int REFERENCES shop.orders, about int REFERENCES customers); CREATE VIEW named AS SELECT c.name, o.id FROM customers c JOIN shop.orders o ON o.customer = c.id";
const CHILD: &str = "DROP VIEW named; ALTER TABLE customers RENAME name TO full_name; ALTER TABLE shop.orders RENAME of TO after;
    CREATE VIEW named AS SELECT c.full_name, o.id FROM customers c JOIN shop.orders o ON o.customer = c.id";

#[tokio::test(flavor = "multi_thread")]
async fn names_are_bare_where_the_path_finds_them() {
    let queries = [
        "SELECT conname, pg_get_constraintdef(oid), pg_get_constraintdef(oid, true) FROM pg_constraint WHERE contype <> 'n' \
         AND conrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'shop'::regnamespace))",
        "SELECT table_name, column_name, column_default FROM information_schema.columns WHERE table_schema IN ('public', 'shop')",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname IN ('public', 'shop')",
        "SELECT definition, pg_get_viewdef('public.named'::regclass, true) FROM pg_views WHERE viewname = 'named'",
    ];
    let mut world = World::plain(BASE).await;
    world.verbs.schemas = vec![name("public"), name("shop")];
    world.verbs.init().await;
    world.verbs.create("v2").await;
    world.draft("v2", CHILD).await;
    world.verbs.publish("v2", &[]).await;
    let mut differences = Vec::new();
    for edition in EDITIONS {
        let (session, blueprint) = (world.session(OWNER, edition).await, world.in_blueprint(edition).await);
        for path in ["public", "shop", "public, shop", "pg_temp"] {
            for query in queries {
                let set = format!("SET search_path = {path}");
                session.run(&set).await;
                blueprint.run(&set).await;
                let (seen, wanted) = (answer(&session, query).await, answer(&blueprint, query).await);
                assert!(wanted.len() > 1, "{path}: {query}\n{wanted:?}");
                report(&mut differences, &format!("{edition}, path {path}: {query}"), &seen, &wanted);
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    world.end().await;
}
