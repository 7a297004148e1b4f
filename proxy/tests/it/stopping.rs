//! Draining and stopping.

use std::time::Duration;

use crate::world::{World, ask, try_connect};

#[tokio::test]
async fn a_draining_proxy_takes_nobody_in_and_lets_everybody_finish() {
    let mut world = World::adopted().await;
    let client = world.session("").await;
    let config = world.config();
    let mut draining = Box::pin(world.proxy.drain());
    let early = tokio::time::timeout(Duration::from_millis(300), &mut draining).await;
    assert!(early.is_err(), "there is still a session");
    assert!(try_connect(&config).await.is_err());
    assert_eq!(ask(&client, "SELECT name FROM whoami").await, ["first"]);
    drop(client);
    tokio::time::timeout(Duration::from_secs(5), draining).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_login_that_waits_for_a_password_does_not_hold_up_the_stop() {
    let world = World::adopted().await;
    let mut raw = crate::raw::Raw::connect(world.port()).await;
    let body = format!("\0\u{3}\0\0user\0by_clear\0database\0{}\0\0", world.database);
    let len = u32::try_from(body.len() + 4).unwrap();
    raw.send(&[&len.to_be_bytes(), body.as_bytes()].concat()).await;
    assert_eq!(raw.message().await, (b'R', vec![0, 0, 0, 3]));
    tokio::time::timeout(Duration::from_secs(5), world.end()).await.unwrap();
    let (tag, body) = raw.message().await;
    assert_eq!(tag, b'E');
    assert!(String::from_utf8_lossy(&body).contains("due to administrator command"));
}

#[tokio::test]
async fn draining_ends_with_its_timeout() {
    let mut world = World::with(|config| config.drain_timeout = Duration::from_millis(200)).await;
    let client = world.session("").await;
    tokio::time::timeout(Duration::from_secs(5), world.proxy.drain()).await.unwrap();
    assert_eq!(world.proxy.sessions(), 1);
    world.end().await;
    assert!(client.is_closed() || client.simple_query("SELECT 1").await.is_err());
}

#[tokio::test]
async fn too_many_sessions_are_refused() {
    let world = World::with(|config| config.max_sessions = 1).await;
    let _first = world.session("").await;
    assert_eq!(crate::world::refusal(&world.config()).await.0, "53300");
    world.end().await;
}

#[tokio::test]
async fn unix_sockets_serve_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".s.PGSQL.6432");
    let listen = vec![path.display().to_string().parse().unwrap()];
    let world = World::with(|config| config.listen = listen).await;
    let mut config = tokio_postgres::Config::new();
    config.host_path(folder.path()).port(6432).user("postgres").dbname(&world.database);
    let client = crate::world::connect(&config).await;
    assert_eq!(ask(&client, "SELECT 1").await, ["1"]);
    drop(client);
    world.end().await;
    assert!(!path.exists(), "the socket file goes with the proxy");
}
