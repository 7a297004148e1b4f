//! What comes with an answer besides its rows: command tags, and where the columns come from. In each edition the same as in a plain database of
//! its schema, also where another command or the stored table gives the answer.

use edition_tests::{
    OWNER, Session, World, server,
    wire::{Message, Wire, frame},
};

const BASE: &str = "\
CREATE TABLE users (id int PRIMARY KEY, gone int, name text, CONSTRAINT named UNIQUE (name) DEFERRABLE);
ALTER TABLE users DROP COLUMN gone;
CREATE TABLE notes (id int PRIMARY KEY, of_user int REFERENCES users DEFERRABLE, body text);
";

const ROWS: &str = "INSERT INTO users (id, name) VALUES (1, 'Ada'), (2, 'Eve')";

const DRAFT: &str =
    "ALTER TABLE users ALTER name TYPE varchar(40); ALTER TABLE users RENAME CONSTRAINT named TO called;
    ALTER TABLE notes RENAME body TO contents; ALTER TABLE notes ADD more int";

/// With the same rows in both editions and their blueprints.
async fn world() -> World {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &["lossy-cast", "older-write-may-fail", "tightens-older-edition"]).await;
    world.session(OWNER, "v1").await.run(ROWS).await;
    for edition in ["v1", "v2"] {
        world.in_blueprint(edition).await.run(ROWS).await;
    }
    world
}

/// A session in an edition, and one in its blueprint.
async fn wires(world: &World, edition: &str) -> [Wire; 2] {
    let (options, blueprint) = (format!("-c edition={edition}"), world.blueprint(edition));
    let own = [("user", OWNER), ("database", world.database.as_str()), ("options", &options)];
    let plain = [("user", OWNER), ("database", &blueprint)];
    let server = server().await.port();
    [Wire::open(world.port(), &own).await.unwrap(), Wire::open(server, &plain).await.unwrap()]
}

/// The kinds of messages, with what commands are called.
fn told(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| match message.tag {
        b'C' => String::from_utf8_lossy(&message.body).replace('\0', ""),
        tag => char::from(tag).to_string(),
    };
    messages.iter().map(text).collect()
}

fn query(sql: &str) -> Vec<u8> {
    frame(b'Q', format!("{sql}\0").as_bytes()).unwrap()
}

#[tokio::test]
async fn a_command_is_called_what_the_client_sent() {
    let world = world().await;
    let texts = [
        "SHOW search_path",
        "SELECT 1; SHOW search_path; ; SELECT 2; SHOW server_encoding",
        "BEGIN; SET CONSTRAINTS {key} DEFERRED; UPDATE users SET name = name; SET CONSTRAINTS ALL IMMEDIATE; COMMIT",
        "SHOW search_path; SELECT 1 / 0; SHOW search_path",
        "SHOW search_path; COPY users TO STDOUT; SHOW search_path",
        "SELECT 1",
        "CREATE TEMP TABLE x (LIKE users INCLUDING ALL); CREATE TEMP TABLE y (a int); DROP TABLE x, y",
        "PREPARE p AS SELECT 1; EXECUTE p; SHOW search_path; DEALLOCATE p",
    ];
    let pipelines: [&[&str]; 4] = [
        &["SELECT 1", "SHOW search_path", "SELECT count(*) FROM users", "SHOW search_path"],
        &["SELECT 1", "SHOW search_path", "SELECT 1 / 0", "SHOW search_path"],
        &["BEGIN", "SET CONSTRAINTS {key} DEFERRED", "COMMIT", "SHOW search_path"],
        &["SELECT name FROM users", "", "CREATE TEMP TABLE x (LIKE public.users)", "DROP TABLE x"],
    ];
    for (edition, key) in [("v1", "named"), ("v2", "called")] {
        let [mut own, mut plain] = wires(&world, edition).await;
        for text in texts {
            let bytes = query(&text.replace("{key}", key));
            let (own, plain) = (own.exchange(&bytes).await.unwrap(), plain.exchange(&bytes).await.unwrap());
            assert_eq!(told(&own), told(&plain), "{edition}: {text}");
        }
        for texts in pipelines {
            let texts: Vec<String> = texts.iter().map(|text| text.replace("{key}", key)).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let (own, plain) = (own.pipeline(&texts).await.unwrap(), plain.pipeline(&texts).await.unwrap());
            assert_eq!(told(&own), told(&plain), "{edition}: {texts:?}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_command_is_called_so_whichever_portal_runs_it() {
    let world = world().await;
    let message = |tag, body: &[u8]| frame(tag, body).unwrap();
    let bind = |portal: &str, statement: &str| {
        message(b'B', format!("{portal}\0{statement}\0\0\0\0\0\0\0").as_bytes())
    };
    let execute = |portal: &str| message(b'E', format!("{portal}\0\0\0\0\0").as_bytes());
    let batches = [
        vec![
            message(b'P', b"shows\0SHOW search_path\0\0\0"),
            message(b'P', b"reads\0SELECT name FROM users\0\0\0"),
        ],
        vec![
            bind("a", "shows"),
            bind("", "reads"),
            bind("b", "reads"),
            execute(""),
            execute("a"),
            execute("b"),
        ],
        vec![bind("", "shows"), execute(""), bind("", "reads"), execute("")],
        // fetched row by row
        vec![
            bind("", "reads"),
            message(b'E', b"\0\0\0\0\x01"),
            bind("c", "shows"),
            execute(""),
            execute("c"),
        ],
        vec![
            message(b'C', b"Sshows\0"),
            message(b'P', b"shows\0SELECT 1\0\0\0"),
            bind("", "shows"),
            execute(""),
        ],
    ];
    for edition in ["v1", "v2"] {
        let [mut own, mut plain] = wires(&world, edition).await;
        for (number, batch) in batches.iter().enumerate() {
            let bytes = [batch.concat(), message(b'S', b"")].concat();
            let (own, plain) = (own.exchange(&bytes).await.unwrap(), plain.exchange(&bytes).await.unwrap());
            assert_eq!(told(&own), told(&plain), "{edition}: batch {number}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_command_that_was_prepared_before_editions_differed_is_called_the_same() {
    let world = World::adopted(BASE).await;
    let options = [("user", OWNER), ("database", world.database.as_str()), ("options", "-c edition=v1")];
    let mut wire = Wire::open(world.port(), &options).await.unwrap();
    let message = |tag, body: &[u8]| frame(tag, body).unwrap();
    let prepare = message(b'P', b"s\0SET CONSTRAINTS public.named DEFERRED\0\0\0");
    let run =
        [message(b'B', b"\0s\0\0\0\0\0\0\0"), message(b'E', b"\0\0\0\0\0"), message(b'S', b"")].concat();
    let expected = ["2", "SET CONSTRAINTS", "Z"];
    wire.exchange(&[prepare, message(b'S', b"")].concat()).await.unwrap();
    wire.exchange(&query("BEGIN")).await.unwrap();
    assert_eq!(told(&wire.exchange(&run).await.unwrap()), expected);
    wire.exchange(&query("COMMIT")).await.unwrap();
    world.verbs.create("v2").await;
    world.draft("v2", DRAFT).await;
    world.verbs.publish("v2", &["lossy-cast", "older-write-may-fail", "tightens-older-edition"]).await;
    wire.exchange(&query("BEGIN")).await.unwrap();
    assert_eq!(told(&wire.exchange(&run).await.unwrap()), expected);
    wire.exchange(&query("COMMIT")).await.unwrap();
    world.verbs.rollback("v2").await;
    wire.exchange(&query("BEGIN")).await.unwrap();
    assert_eq!(told(&wire.exchange(&run).await.unwrap()), expected);
    world.end().await;
}

/// Where the columns of an answer come from, looked up in the same session.
async fn origins(session: &Session, sql: &str) -> Vec<String> {
    let prepared = session.client().prepare(sql).await.unwrap();
    let mut origins = Vec::new();
    for column in prepared.columns() {
        let (table, number) =
            (column.table_oid().unwrap_or_default(), column.column_id().unwrap_or_default());
        let question = format!(
            "SELECT (SELECT relname FROM pg_class WHERE oid = {table}), (SELECT attname FROM pg_attribute WHERE attrelid = {table} AND attnum = {number})"
        );
        origins.extend(session.ask(&question).await);
    }
    origins
}

#[tokio::test]
async fn columns_come_from_the_tables_that_the_catalogue_shows() {
    let world = world().await;
    let texts = [
        "SELECT * FROM users",
        "SELECT u.*, count(*) FROM users u GROUP BY u.id",
        "SELECT n.{body}, u.name, u.id, n.id FROM users u JOIN notes n ON n.of_user = u.id GROUP BY u.id, n.id",
        "SELECT name FROM public.users WHERE ctid IS NOT NULL",
        "UPDATE users SET name = 'x' WHERE ctid = '(9,9)' RETURNING *",
        "INSERT INTO notes VALUES (2, 1, 'y') ON CONFLICT ON CONSTRAINT notes_pkey DO UPDATE SET {body} = 'z' RETURNING {body}, of_user",
        "SELECT x.{body} FROM (SELECT {body}, count(*) FROM notes GROUP BY notes.id) x",
    ];
    for (edition, body) in [("v1", "body"), ("v2", "contents")] {
        let (session, plain) = (world.session(OWNER, edition).await, world.in_blueprint(edition).await);
        for text in texts {
            let text = text.replace("{body}", body);
            let told = origins(&session, &text).await;
            assert_eq!(told, origins(&plain, &text).await, "{edition}: {text}");
            assert!(
                told.iter().any(|origin| origin.contains("users|") || origin.contains("notes|")),
                "{told:?}"
            );
        }
    }
    world.end().await;
}
