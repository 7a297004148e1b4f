//! Private servers: made, kept, stopped, and gone with their owner.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use edition_cli::server::PrivateServer;
use tokio_postgres::NoTls;

/// Runs one statement as the superuser and returns the first column of its rows.
async fn ask(server: &PrivateServer, sql: &str) -> Vec<String> {
    let (client, connection) = server.config("postgres").connect(NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    let messages = client.simple_query(sql).await.unwrap();
    drop(client);
    driver.await.unwrap().unwrap();
    let value = |message: &tokio_postgres::SimpleQueryMessage| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    messages.iter().filter_map(value).collect()
}

fn process_exists(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "still waiting: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_throw_away_server_serves_and_leaves_nothing() {
    let server = PrivateServer::builder().superuser("boss").setting("work_mem", "5MB").start().await.unwrap();
    assert_eq!(ask(&server, "SELECT current_user || ' ' || current_setting('work_mem')").await, ["boss 5MB"]);
    assert_eq!(ask(&server, "SHOW fsync").await, ["off"]);
    let (pid, folder) = (server.pid(), server.socket_dir().to_owned());
    assert!(folder.join(format!(".s.PGSQL.{}", server.port())).exists());
    server.stop().await.unwrap();
    assert!(!process_exists(pid));
    assert!(!folder.exists());
}

#[tokio::test]
async fn two_servers_live_side_by_side() {
    let (one, two) = tokio::join!(PrivateServer::builder().start(), PrivateServer::builder().start());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.port(), two.port());
    let identifier = "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
    assert_ne!(ask(&one, identifier).await, ask(&two, identifier).await);
}

#[tokio::test]
async fn a_kept_data_directory_is_taken_up_again() {
    let parent = tempfile::Builder::new().prefix("edition-kept-").tempdir_in("/tmp").unwrap();
    super::open_to_all(parent.path());
    let data = parent.path().join("data");
    let builder = PrivateServer::builder().data_dir(&data);
    let first = builder.clone().start().await.unwrap();
    ask(&first, "CREATE TABLE kept AS SELECT 42 AS answer").await;
    assert_eq!(ask(&first, "SHOW fsync").await, ["on"]);
    first.stop().await.unwrap();
    let second = builder.start().await.unwrap();
    assert_eq!(ask(&second, "SELECT answer FROM kept").await, ["42"]);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = PrivateServer::builder().start().await.unwrap();
    let error = PrivateServer::builder().port(first.port()).start().await.unwrap_err();
    assert_eq!(error.to_string(), format!("port {} is in use", first.port()));
}

#[tokio::test]
async fn a_server_that_does_not_start_shows_its_log() {
    let error = PrivateServer::builder().setting("no_such_setting", "1").start().await.unwrap_err();
    assert!(
        error.to_string().contains("unrecognized configuration parameter \"no_such_setting\""),
        "{error}"
    );
}

#[tokio::test]
async fn the_given_hba_decides_who_may_enter() {
    let hba = "host all postgres all trust\nhost all all all reject\n";
    let server = PrivateServer::builder().hba(hba).start().await.unwrap();
    ask(&server, "CREATE ROLE guest LOGIN").await;
    let refused = server.config("postgres").user("guest").connect(NoTls).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28000", "{refused}");
}

/// A killed owner cannot clean up; the watcher does it.
#[test]
fn a_killed_owner_takes_its_server_along() {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "private_server::own_a_server_until_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let line =
        lines.map(Result::unwrap).find(|line| line.contains("SERVER ")).expect("the owner says its server");
    let mut words = line.split("SERVER ").nth(1).unwrap().split(' ');
    let (pid, folder) = (words.next().unwrap().parse().unwrap(), words.next().unwrap().to_owned());
    assert!(process_exists(pid) && Path::new(&folder).exists());
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until("server to go", || !process_exists(pid));
    wait_until("folder to go", || !Path::new(&folder).exists());
}

#[tokio::test]
#[ignore = "the other half of a_killed_owner_takes_its_server_along, which runs it as a process of its own"]
#[expect(clippy::print_stdout, reason = "how the two halves talk")]
async fn own_a_server_until_killed() {
    let server = PrivateServer::builder().start().await.unwrap();
    println!("SERVER {} {} ", server.pid(), server.socket_dir().display());
    tokio::time::sleep(Duration::from_secs(60)).await;
}
