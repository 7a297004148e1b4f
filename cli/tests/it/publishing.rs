//! publish, rollback and retire as a user of the command sees them: text, JSON, exit codes, Ctrl-C.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use super::dev::{Dev, ask};

/// A database with a table of many rows and a draft that fills a new column of it.
fn draft() -> (Dev, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (schema, up) = (folder.path().join("schema.sql"), folder.path().join("up.sql"));
    let rows = "INSERT INTO users (name) SELECT 'user ' || n FROM generate_series(1, 30000) AS n";
    std::fs::write(
        &schema,
        format!("CREATE TABLE users (id bigserial PRIMARY KEY, name text NOT NULL);\n{rows};"),
    )
    .unwrap();
    std::fs::write(&up, "ALTER TABLE users ADD COLUMN upper_name text NOT NULL;").unwrap();
    let dev = Dev::start(&["--init-sql", schema.to_str().unwrap()]);
    dev.done(&["create", "v2", "--from", up.to_str().unwrap()]);
    (dev, folder)
}

const FORWARD: [&str; 5] = ["transform", "v2", "users", "--forward", "upper_name = upper(name)"];

#[test]
fn a_missing_transform_is_refused_with_the_command_to_paste() {
    let (dev, _folder) = draft();
    let plan = dev.edition(&["plan", "v2"]);
    assert_eq!(plan.status.code(), Some(1));
    let text = String::from_utf8(plan.stdout).unwrap();
    assert!(text.contains("upper_name") && text.contains("help: edition transform v2"), "{text}");
    assert_eq!(dev.edition(&["publish", "v2"]).status.code(), Some(1));
    let script = String::from_utf8(dev.edition(&["plan", "v2", "--sql"]).stdout).unwrap();
    assert!(script.contains("\n-- refused E010"), "{script}");
    assert_eq!(dev.edition(&["plan", "v2", "--allow-file", "nowhere.allow"]).status.code(), Some(4));

    dev.done(&FORWARD);
    assert!(dev.done(&["plan", "v2"]).contains("next: edition publish v2"));
    assert!(dev.done(&["plan", "v2", "--sql"]).contains("ADD COLUMN"));
    assert!(dev.stop(Signal::INT).success());
}

#[tokio::test]
async fn ctrl_c_pauses_and_the_same_command_resumes() {
    let (dev, _folder) = draft();
    dev.done(&FORWARD);
    let slowly = ["publish", "v2", "--batch-size", "100", "--jobs", "1", "--throttle", "0.9"];
    let mut publish = dev.command(&slowly).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(publish.stderr.take().unwrap()).lines().map(Result::unwrap);
    lines.by_ref().find(|line| line.starts_with("public.users: ")).expect("the backfill says how far it is");
    kill_process(Pid::from_raw(i32::try_from(publish.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let rest: Vec<_> = lines.collect();
    assert_eq!(publish.wait().unwrap().code(), Some(6), "{rest:?}");
    assert!(rest.iter().any(|line| line.starts_with("paused: ")), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("edition publish v2")), "{rest:?}");

    assert!(dev.done(&["status"]).contains("it goes on with: edition publish v2"));
    let closed = ask(&format!("{}@v2", dev.application), "SELECT ''").await.unwrap_err();
    assert!(closed.as_db_error().unwrap().message().contains("edition \"v2\""), "{closed}");

    let published: serde_json::Value = serde_json::from_str(&dev.done(&["publish", "v2", "--json"])).unwrap();
    assert_eq!(published["changed"], true);
    let sql = "SELECT count(*)::text FROM users WHERE upper_name = upper(name)";
    assert_eq!(ask(&format!("{}@v2", dev.application), sql).await.unwrap(), "30000");
    assert!(dev.done(&["publish", "v2"]).contains("nothing to do"));
    assert!(dev.stop(Signal::INT).success());
}

#[tokio::test]
async fn sessions_are_a_reason_to_refuse_until_they_are_ended() {
    let (dev, _folder) = draft();
    dev.done(&FORWARD);
    dev.done(&["publish", "v2"]);
    let (client, connection) =
        tokio_postgres::connect(&format!("{}@v2", dev.application), tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.simple_query("SELECT 1").await.unwrap();
    // proxies report their sessions with each renewal of their lease
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(dev.done(&["sessions", "v2"]).lines().any(|line| line.starts_with("v2")));

    let refused = dev.edition(&["rollback", "v2", "--discard-data"]);
    assert_eq!(refused.status.code(), Some(5), "{}", String::from_utf8_lossy(&refused.stderr));
    let through = dev.command(&["plan", "v2"]).env("DATABASE_URL", &dev.application).output().unwrap();
    let said = String::from_utf8(through.stderr).unwrap();
    assert!(said.contains("goes through editiond") && said.contains("EDITION_DATABASE_URL"), "{said}");
    dev.done(&["rollback", "v2", "--discard-data", "--drain", "1s", "--force"]);
    let _ = driver.await.unwrap();
    assert!(dev.done(&["rollback", "v2", "--discard-data"]).contains("nothing to do"));

    dev.done(&["publish", "v2"]);
    assert_eq!(dev.edition(&["retire", "v1"]).status.code(), Some(1), "the default cannot be retired");
    dev.done(&["default", "v2"]);
    assert!(dev.done(&["retire", "v1", "--drain", "5s"]).contains("its tables are plain again"));
    assert!(dev.done(&["retire", "v1"]).contains("nothing to do"));
    assert!(dev.stop(Signal::INT).success());
}
