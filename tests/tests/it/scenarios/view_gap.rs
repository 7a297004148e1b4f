//! What a table allows and a view does not, in both editions of a published change, by what the catalogue itself says of it.

use edition_tests::{OWNER, Session, World};

const BASE: &str = "\
CREATE TABLE users (id serial PRIMARY KEY, name text DEFAULT 'nobody', age int, CONSTRAINT users_name_key UNIQUE (name));
CREATE INDEX by_age ON users (age);
INSERT INTO users (name, age) VALUES ('Ada', 36), ('Alan', 41);
";

const DRAFT: &str = "ALTER TABLE users RENAME name TO full_name; ALTER TABLE users RENAME CONSTRAINT users_name_key TO users_full_name_key; \
    ALTER INDEX by_age RENAME TO by_years; ALTER TABLE users ADD nick text;";

/// Statements and what they answer; `{name}`, `{key}` and `{index}` are what the edition calls them.
const ANSWERED: &[(&str, &[&str])] = &[
    ("SELECT {name}, count(*) FROM users GROUP BY id ORDER BY id", &["Ada|1", "Alan|1"]),
    ("SELECT {name} FROM public.users u WHERE u.ctid = (SELECT min(ctid) FROM users)", &["Ada"]),
    (
        "INSERT INTO users (id, {name}) VALUES (1, 'Eve') ON CONFLICT (id) DO UPDATE SET {name} = excluded.{name} RETURNING xmax = 0, {name}",
        &["f|Eve"],
    ),
    (
        "INSERT INTO users (id, {name}) VALUES (9, 'Ada') ON CONFLICT ON CONSTRAINT {key} DO UPDATE SET age = 1 RETURNING id, age",
        &["1|1"],
    ),
    ("UPDATE users SET {name} = DEFAULT WHERE id = 1 RETURNING {name}", &["nobody"]),
    ("SELECT count(*) FROM users TABLESAMPLE system (100)", &["2"]),
    (
        "DECLARE c CURSOR FOR SELECT * FROM users ORDER BY id FOR UPDATE; FETCH c; UPDATE users SET {name} = 'X' WHERE CURRENT OF c; SELECT {name} FROM users WHERE id = 1",
        &["X"],
    ),
    (
        "MERGE INTO users u USING (VALUES (1), (7)) s (id) ON u.id = s.id WHEN MATCHED THEN UPDATE SET {name} = 'M' WHEN NOT MATCHED THEN INSERT (id, {name}) VALUES (s.id, 'N'); SELECT {name} FROM users WHERE id IN (1, 7) ORDER BY id",
        &["M", "N"],
    ),
    ("ANALYZE users ({name}); CLUSTER users USING {index}; REINDEX INDEX {index}; SELECT 1", &["1"]),
    (
        "CREATE INDEX i ON users (lower({name})); DROP INDEX i; COMMENT ON COLUMN users.{name} IS 'x'; SELECT 1",
        &["1"],
    ),
    (
        "SELECT tableoid::regclass, count(*) FROM users u WHERE u.tableoid = 'users'::regclass GROUP BY tableoid",
        &["users|2"],
    ),
    (
        "DELETE FROM users WHERE id = 1 AND tableoid = 'public.users'::regclass RETURNING (SELECT relname FROM pg_class c WHERE c.oid = users.tableoid)",
        &["users"],
    ),
    ("SELECT pg_get_serial_sequence('users', 'id')", &["public.users_id_seq"]),
];

async fn answers(session: &Session, words: [&str; 3]) {
    for (text, expected) in ANSWERED {
        let [name, key, index] = words;
        let text = text.replace("{name}", name).replace("{key}", key).replace("{index}", index);
        session.run("BEGIN").await;
        let answer = session.try_ask(&text).await;
        session.run("ROLLBACK").await;
        let answer = answer.unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
        assert_eq!(answer.rows, *expected, "{text}");
    }
}

#[tokio::test]
async fn both_editions_go_on_as_on_tables_of_their_own() {
    let world = World::adopted(BASE).await;
    let (parents, childrens) =
        (["name", "users_name_key", "by_age"], ["full_name", "users_full_name_key", "by_years"]);
    let parent = world.session(OWNER, "v1").await;
    answers(&parent, parents).await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &[]).await;
    answers(&parent, parents).await;
    answers(&world.session(OWNER, "v2").await, childrens).await;
    world.verbs.rollback("v2").await;
    answers(&parent, parents).await;
    world.end().await;
}
