//! A table of changes, each made by plain DDL in a fork of a real blueprint, and what the diff says of it.

use std::fmt::Write;

use catalog::{
    event::Silent,
    operation::{compare, create, drop_draft},
};

use crate::cluster::{Database, edition};

const PARENT: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE users (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE,
    age int DEFAULT 18 CHECK (age > 0),
    feeling mood DEFAULT 'sad',
    up text GENERATED ALWAYS AS (upper(name)) STORED
);
CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users (id), total int NOT NULL);
CREATE INDEX orders_total ON orders (total) WHERE total > 0;
CREATE VIEW adults AS SELECT id, name FROM users WHERE age > 17;
CREATE FUNCTION plus_one(a int) RETURNS int LANGUAGE sql AS 'select a + 1';
CREATE FUNCTION user_count() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM users; END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW WHEN (new.total > 5) EXECUTE FUNCTION touch();
CREATE SEQUENCE numbers;
CREATE POLICY mine ON users USING (name = current_user);
CREATE STATISTICS together ON name, age FROM users;
";

/// Name of the case, DDL of the draft.
const CASES: &[(&str, &str)] = &[
    ("nothing", ""),
    // columns
    ("add column", "ALTER TABLE users ADD nick text"),
    ("add serial column", "ALTER TABLE users ADD n serial"),
    ("drop column", "ALTER TABLE users DROP email"),
    (
        "drop and add a column of the same name",
        "ALTER TABLE users DROP email; ALTER TABLE users ADD email text",
    ),
    ("drop the column of the primary key", "ALTER TABLE orders DROP id"),
    ("rename column", "ALTER TABLE users RENAME age TO years"),
    (
        "swap columns",
        "ALTER TABLE users RENAME name TO x; ALTER TABLE users RENAME email TO name; ALTER TABLE users RENAME x TO email",
    ),
    (
        "rename and take the name",
        "ALTER TABLE users RENAME name TO full_name; ALTER TABLE users ADD name text DEFAULT 'n'",
    ),
    (
        "change type",
        "DROP TRIGGER touch ON orders; ALTER TABLE orders ALTER total TYPE numeric(14,2); \
         CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW WHEN (new.total > 5) EXECUTE FUNCTION touch()",
    ),
    (
        "change the type of an identity column",
        "DROP VIEW adults; ALTER TABLE users ALTER id TYPE bigint; \
         CREATE VIEW adults AS SELECT id, name FROM users WHERE age > 17",
    ),
    (
        "set and drop default",
        "ALTER TABLE users ALTER age SET DEFAULT 21; ALTER TABLE users ALTER feeling DROP DEFAULT",
    ),
    (
        "set and drop not null",
        "ALTER TABLE users ALTER age SET NOT NULL; ALTER TABLE users ALTER name DROP NOT NULL",
    ),
    // tables
    (
        "create table",
        "CREATE TABLE notes (id bigserial PRIMARY KEY, user_id int REFERENCES users, body text CHECK (body <> ''))",
    ),
    ("drop table with trigger, index and sequence", "DROP TABLE orders"),
    ("rename table", "ALTER TABLE users RENAME TO people"),
    (
        "rename table and leave a view in its place",
        "ALTER TABLE users RENAME TO people; CREATE VIEW users AS SELECT * FROM people",
    ),
    (
        "swap tables",
        "ALTER TABLE users RENAME TO x; ALTER TABLE orders RENAME TO users; ALTER TABLE x RENAME TO orders",
    ),
    // constraints and indexes
    ("add and drop index", "CREATE UNIQUE INDEX users_name ON users (lower(name)); DROP INDEX orders_total"),
    ("rename index", "ALTER INDEX orders_total RENAME TO totals"),
    ("change index", "DROP INDEX orders_total; CREATE INDEX orders_total ON orders (total)"),
    (
        "make the same index again",
        "DROP INDEX orders_total; CREATE INDEX orders_total ON orders (total) WHERE total > 0",
    ),
    (
        "add and drop constraints",
        "ALTER TABLE users ADD CONSTRAINT short CHECK (length(name) < 99), DROP CONSTRAINT users_email_key; \
         ALTER TABLE orders ADD CONSTRAINT one UNIQUE (user_id), DROP CONSTRAINT orders_user_id_fkey",
    ),
    ("rename constraint", "ALTER TABLE users RENAME CONSTRAINT users_age_check TO grown"),
    (
        "change constraint",
        "ALTER TABLE users DROP CONSTRAINT users_age_check, ADD CONSTRAINT users_age_check CHECK (age > 1)",
    ),
    // what may be created
    (
        "create type, domain, sequence, function and view",
        "CREATE TYPE colour AS ENUM ('red'); CREATE DOMAIN plain AS text; CREATE SEQUENCE more; \
         CREATE FUNCTION two() RETURNS int LANGUAGE sql AS 'select 2'; CREATE VIEW all_users AS SELECT * FROM users",
    ),
    (
        "make the same view again",
        "DROP VIEW adults; CREATE VIEW adults AS SELECT id, name FROM users WHERE age > 17",
    ),
    (
        "drop a table and make it again, with all that reads it",
        "DROP TABLE users CASCADE; CREATE TABLE users (id int PRIMARY KEY, name text, age int); \
         ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users (id); \
         CREATE VIEW adults AS SELECT id, name FROM users WHERE age > 17",
    ),
    (
        "make the same functions again",
        "DROP FUNCTION plus_one; DROP FUNCTION user_count; \
         CREATE FUNCTION plus_one(a int) RETURNS int LANGUAGE sql AS 'select a + 1'; \
         CREATE FUNCTION user_count() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM users; END",
    ),
    // what is refused by name
    (
        "drop objects",
        "DROP VIEW adults; DROP FUNCTION plus_one; DROP SEQUENCE numbers; DROP STATISTICS together",
    ),
    ("change view", "CREATE OR REPLACE VIEW adults AS SELECT id, name FROM users WHERE age > 20"),
    (
        "change function",
        "CREATE OR REPLACE FUNCTION plus_one(a int) RETURNS int LANGUAGE sql AS 'select a + 2'",
    ),
    ("change type definition", "ALTER TYPE mood ADD VALUE 'great'"),
    (
        "rename objects",
        "ALTER VIEW adults RENAME TO grown_ups; ALTER TYPE mood RENAME TO feeling; \
         ALTER FUNCTION plus_one RENAME TO inc; ALTER SEQUENCE numbers RENAME TO n",
    ),
    ("sequence options", "ALTER SEQUENCE numbers INCREMENT BY 2; ALTER SEQUENCE orders_id_seq OWNED BY NONE"),
    (
        "triggers",
        "DROP TRIGGER touch ON orders; CREATE TRIGGER t2 AFTER INSERT ON users EXECUTE FUNCTION touch()",
    ),
    (
        "a trigger of a new table",
        "CREATE TABLE t (a int); CREATE TRIGGER t AFTER INSERT ON t EXECUTE FUNCTION touch()",
    ),
    ("switch off triggers", "ALTER TABLE orders DISABLE TRIGGER USER"),
    ("policies", "ALTER POLICY mine ON users USING (true); ALTER TABLE users ENABLE ROW LEVEL SECURITY"),
    ("rules", "CREATE RULE r AS ON DELETE TO users DO INSTEAD NOTHING"),
    (
        "grants",
        "GRANT SELECT ON users TO app; GRANT UPDATE (name) ON users TO app; REVOKE DELETE ON users FROM owner",
    ),
    (
        "comments",
        "COMMENT ON TABLE users IS 'people'; COMMENT ON COLUMN users.name IS 'n'; \
         COMMENT ON CONSTRAINT users_pkey ON users IS 'k'; COMMENT ON INDEX orders_total IS 'i'; COMMENT ON VIEW adults IS 'v'",
    ),
    (
        "storage",
        "ALTER TABLE users SET (fillfactor = 50); ALTER TABLE users ALTER name SET STORAGE EXTERNAL; \
         ALTER TABLE users ALTER name SET STATISTICS 7; ALTER TABLE users REPLICA IDENTITY FULL; \
         ALTER TABLE orders CLUSTER ON orders_pkey; ALTER TABLE orders SET UNLOGGED",
    ),
    (
        "identity and generation",
        "ALTER TABLE users ALTER id SET GENERATED BY DEFAULT; ALTER TABLE users ALTER up DROP EXPRESSION",
    ),
    (
        "primary key",
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey; ALTER TABLE orders ADD PRIMARY KEY (id, total)",
    ),
    (
        "collation",
        "DROP VIEW adults; ALTER TABLE orders ADD x text; ALTER TABLE users ALTER email TYPE text COLLATE \"C\"; \
         CREATE VIEW adults AS SELECT id, name FROM users WHERE age > 17",
    ),
    (
        "other schemas",
        "CREATE SCHEMA extra; CREATE TABLE extra.t (a int); CREATE FUNCTION extra.f() RETURNS int LANGUAGE sql AS 'select 1'",
    ),
    (
        "other kinds",
        "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; \
         CREATE EXTENSION pg_trgm; CREATE PUBLICATION pub FOR TABLE users; CREATE TABLE heir () INHERITS (orders); \
         ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app",
    ),
];

#[tokio::test]
async fn every_change_is_named_for_what_it_is() {
    let database = Database::adopted(PARENT).await;
    let mut report = String::new();
    for (case, ddl) in CASES {
        create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
        database.run_in_draft("v2", ddl).await;
        let diff = compare(&database.target, &edition("v1"), &edition("v2")).await.unwrap();
        writeln!(report, "{case}").unwrap();
        for change in &diff.changes {
            // Ids differ from run to run.
            let mut json = serde_json::to_value(change).unwrap();
            for id in ["table", "view", "sequence", "function", "type_id"] {
                json.as_object_mut().unwrap().remove(id);
            }
            writeln!(report, "    {json}").unwrap();
        }
        drop_draft(&database.target, &edition("v2"), &Silent).await.unwrap();
    }
    insta::assert_snapshot!(report);
}
