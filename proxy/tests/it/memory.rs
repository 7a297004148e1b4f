//! What the program keeps in memory, whatever comes: measured on a process that does nothing else.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    program::Running,
    raw::{Raw, frame, query, sync},
    world::World,
};

#[tokio::test]
async fn a_hundred_megabytes_pass_with_flat_memory() {
    const LEN: usize = 100 << 20;
    let world = World::adopted().await;
    let program = Running::before(&world, &[]);
    let mut raw = Raw::login(program.port, &world.database, "").await;
    let before = program.peak_memory();
    // One Parse of 100 MB, streamed so that this process does not hold it either.
    let head = [b"\0SELECT length('", &b""[..]].concat();
    let tail = b"')\0\0\0";
    let len = u32::try_from(head.len() + LEN + tail.len() + 4).unwrap();
    raw.send(&[b"P", &len.to_be_bytes()[..], &head].concat()).await;
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..LEN / chunk.len() {
        raw.send(&chunk).await;
    }
    raw.send(tail).await;
    raw.send(&[frame(b'B', b"\0\0\0\0\0\0\0\0"), frame(b'E', b"\0\0\0\0\0"), sync()].concat()).await;
    let messages = raw.until_ready().await;
    assert_eq!(messages[2].1, [&[0, 1, 0, 0, 0, 9][..], b"104857600"].concat());
    // And 100 MB back, read slowly at first: the server must be made to wait.
    raw.send(&query(&format!("SELECT repeat('y', {LEN})"))).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut seen = 0;
    let mut buffer = BytesMut::with_capacity(1 << 20);
    while seen < LEN {
        buffer.clear();
        seen += raw.stream.read_buf(&mut buffer).await.unwrap();
    }
    let grown = program.peak_memory() - before;
    assert!(grown < 24 << 10, "memory grew by {grown} kB");
    world.end().await;
}

#[tokio::test]
async fn one_message_of_half_a_gigabyte_passes_in_copy_with_flat_memory() {
    const MEGABYTES: usize = 512;
    let world = World::adopted().await;
    let program = Running::before(&world, &[]);
    let mut raw = Raw::login(program.port, &world.database, "").await;
    assert_eq!(raw.tags(&query("CREATE TEMP TABLE big (b bytea)")).await, "CZI");
    raw.send(&query("COPY big FROM STDIN (FORMAT binary)")).await;
    assert_eq!(raw.message().await.0, b'G');
    let before = program.peak_memory();
    let len = MEGABYTES << 20;
    let head = [&b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01"[..], &u32::try_from(len).unwrap().to_be_bytes()]
        .concat();
    let whole = u32::try_from(4 + head.len() + len + 2).unwrap();
    raw.send(&[&b"d"[..], &whole.to_be_bytes(), &head].concat()).await;
    let chunk = vec![7; 1 << 20];
    for _ in 0..MEGABYTES {
        raw.stream.write_all(&chunk).await.unwrap();
    }
    raw.send(&[&b"\xff\xff"[..], &frame(b'c', b"")].concat()).await;
    assert_eq!(raw.tags_until_ready().await, "CZI");
    // And back, in one DataRow.
    raw.send(&query("COPY big TO STDOUT (FORMAT binary)")).await;
    let mut left = len;
    let mut buffer = vec![0; 1 << 20];
    while left > 0 {
        left = left.saturating_sub(raw.stream.read(&mut buffer).await.unwrap());
    }
    let grown = program.peak_memory() - before;
    assert!(grown < 24 << 10, "memory grew by {grown} kB");
    world.end().await;
}

#[tokio::test]
async fn silent_connections_are_bounded() {
    const SILENT: usize = 1500;
    let world = World::plain().await;
    let program = Running::before(&world, &["--max-logins", "100"]);
    let before = program.peak_memory();
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(Raw::connect(program.port).await);
    }
    assert_eq!(silent[0].message().await.0, b'E', "the oldest make room");
    let grown = program.peak_memory() - before;
    assert!(grown < 30 << 10, "memory grew by {grown} kB");
    world.end().await;
}
