//! Protocol versions, and options of the protocol.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::{
    raw::{Raw, query},
    world::World,
};

/// Asks for a session with this protocol version and a `_pq_.` option; gives NegotiateProtocolVersion's body, if it came.
async fn login(port: u16, database: &str, minor: u16, option: &str) -> (Raw, Option<Vec<u8>>) {
    let mut raw = Raw::connect(port).await;
    let parameters = format!("user\0postgres\0database\0{database}\0{option}\0");
    let len = u32::try_from(parameters.len() + 8).unwrap();
    let version = (3_u32 << 16) | u32::from(minor);
    raw.send(&[&len.to_be_bytes()[..], &version.to_be_bytes(), parameters.as_bytes()].concat()).await;
    let mut negotiated = None;
    for (tag, body) in raw.until_ready().await {
        match tag {
            b'v' => negotiated = Some(body),
            b'K' => raw.key = body,
            b'E' => panic!("{}", String::from_utf8_lossy(&body)),
            _ => {}
        }
    }
    (raw, negotiated)
}

#[tokio::test]
async fn versions_and_options_are_negotiated_by_the_server() {
    let world = World::adopted().await;
    let database = format!("{}@v2", world.database);
    for (minor, option) in
        [(0, ""), (2, ""), (99, ""), (0, "_pq_.nonsense\0on\0"), (9999, "_pq_.a\0\0_pq_.b\0on\0")]
    {
        let (_, through) = login(world.port(), &database, minor, option).await;
        let (_, direct) = login(world.server.port(), &world.database, minor, option).await;
        assert_eq!(through, direct, "3.{minor} {option:?}");
    }
    world.end().await;
}

/// Since PostgreSQL 18 a session of protocol 3.2 has a key of 32 bytes.
#[tokio::test]
async fn keys_of_any_length_cancel() {
    let world = World::adopted().await;
    let (mut raw, negotiated) = login(world.port(), &world.database, 2, "").await;
    let is_long = negotiated.is_none();
    assert_eq!(raw.key.len(), if is_long { 4 + 32 } else { 4 + 4 });
    raw.send(&query("SELECT pg_sleep(30)")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut cancel = Raw::connect(world.port()).await;
    let len = u32::try_from(raw.key.len() + 8).unwrap();
    cancel.send(&[&len.to_be_bytes(), &80_877_102_u32.to_be_bytes(), &raw.key[..]].concat()).await;
    assert!(cancel.is_closed().await);
    assert_eq!(raw.tags_until_ready().await, "TEZI");
    world.end().await;
}

#[tokio::test]
async fn other_protocols_are_refused_with_postgresqls_code() {
    let world = World::plain().await;
    for version in [2_u32 << 16, 4 << 16, (1234 << 16) + 5670] {
        let mut raw = Raw::connect(world.port()).await;
        raw.send(&[&8_u32.to_be_bytes()[..], &version.to_be_bytes()].concat()).await;
        let mut said = Vec::new();
        raw.stream.read_to_end(&mut said).await.unwrap();
        assert!(String::from_utf8_lossy(&said).contains("C0A000\0Munsupported frontend protocol"));
    }
    world.end().await;
}
