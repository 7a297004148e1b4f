//! Dumps through the proxy that are restored elsewhere.

use std::process::Stdio;

use edition_tests::{OWNER, World, server};
use tokio::io::AsyncWriteExt as _;

/// What pg_dump writes; it must succeed.
pub(super) async fn dump(port: u16, database: &str, options: &[&str]) -> String {
    let mut command = tokio::process::Command::new(server().await.programs().unwrap().pg_dump);
    command.args(["--no-acl", "-n", "public", "-h", "127.0.0.1", "-U", OWNER]).args(options);
    command.args(["-p", &port.to_string(), "-d", database]).stdin(Stdio::null());
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Partitions are tombstones where the edition names columns otherwise, so its dump takes the rows from the whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_dump_has_the_rows_of_a_partitioned_table_whose_partitions_cannot_be_named() {
    let world = World::adopted(
        "CREATE TABLE readings (id int, at date, word text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); CREATE INDEX by_word ON readings (word);
         CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
         CREATE TABLE readings_rest PARTITION OF readings FOR VALUES FROM ('2026-02-01') TO ('2027-01-01') PARTITION BY HASH (id);
         CREATE TABLE readings_rest_0 PARTITION OF readings_rest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
         CREATE TABLE notes (id int PRIMARY KEY, reading int, at date, FOREIGN KEY (reading, at) REFERENCES readings);
         INSERT INTO readings VALUES (1, '2026-01-05', 'a'), (2, '2026-03-05', 'b'); INSERT INTO notes VALUES (1, 2, '2026-03-05')",
    )
    .await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE readings RENAME word TO term").await;
    world.verbs.publish("v2", &[]).await;
    let direct = world.direct(OWNER).await;
    // Maintenance goes on.
    direct.run("CREATE TABLE readings_2027 PARTITION OF readings FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')").await;
    direct.run("INSERT INTO readings VALUES (3, '2027-03-05', 'c')").await;

    for (edition, word) in [("v1", "word"), ("v2", "term")] {
        let dump = dump(world.port(), &format!("{}@{edition}", world.database), &[]).await;
        let world = World::plain("").await;
        let restored = world.direct(OWNER).await;
        restored.run("DROP SCHEMA public").await;
        restore(&world.database, &dump).await;
        let readings = format!("SELECT id, {word} FROM readings ORDER BY id");
        assert_eq!(restored.ask(&readings).await, ["1|a", "2|b", "3|c"], "{edition}\n{dump}");
        assert_eq!(restored.fail("INSERT INTO notes VALUES (2, 9, '2026-03-05')").await.code, "23503");
    }
    let kinds = "SELECT relname, relkind FROM pg_class WHERE relname ~ '^(readings|by_word)' ORDER BY 1";
    let session = world.session(OWNER, "v2").await;
    assert_eq!(session.ask(kinds).await, ["by_word|i", "readings|r", "readings_pkey|i"]);
    assert_eq!(session.ask("SELECT pg_get_partkeydef('readings'::regclass)").await, ["∅"]);
    world.end().await;
}

async fn restore(database: &str, dump: &str) {
    let server = server().await;
    let mut command = tokio::process::Command::new(server.programs().unwrap().psql);
    command.args(["-XAqt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", OWNER, "-d", database]);
    command
        .args(["-p", &server.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut psql = command.spawn().unwrap();
    // A pg_dump that is newer than the server sets what that does not know.
    let dump = dump.replace("SET transaction_timeout = 0;\n", "");
    psql.stdin.take().unwrap().write_all(dump.as_bytes()).await.unwrap();
    let output = psql.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}\n{dump}", String::from_utf8_lossy(&output.stderr));
}
