//! The protocol passes as if the proxy were not there.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use tokio_postgres::{AsyncMessage, NoTls};

use crate::{
    raw::{Raw, extended, frame, query, sync},
    world::{World, ask, execute, failure},
};

#[tokio::test]
async fn encryption_is_declined_and_the_login_goes_on() {
    let world = World::adopted().await;
    let mut raw = Raw::connect(world.port()).await;
    for request in [80_877_103_u32, 80_877_104] {
        raw.send(&[8_u32.to_be_bytes(), request.to_be_bytes()].concat()).await;
        let mut answer = [0; 1];
        tokio::io::AsyncReadExt::read_exact(&mut raw.stream, &mut answer).await.unwrap();
        assert_eq!(answer, *b"N");
    }
    let body = format!("\0\u{3}\0\0user\0postgres\0database\0{}@v2\0\0", world.database);
    let len = u32::try_from(body.len() + 4).unwrap();
    raw.send(&[&len.to_be_bytes(), body.as_bytes()].concat()).await;
    assert!(raw.tags_until_ready().await.ends_with("ZI"));
    world.end().await;
}

#[tokio::test]
async fn what_is_no_startup_packet_is_refused() {
    let world = World::plain().await;
    // What has no length of a packet is told nothing, as by PostgreSQL: it may be no client at all.
    let http: (&[u8], bool) = (b"GET / HTTP/1.1\r\n\r\n", false);
    for (bytes, is_told) in [http, (&[0, 0, 0, 8, 0, 2, 0, 0], true), (&[0, 0, 0, 4], false)] {
        let mut raw = Raw::connect(world.port()).await;
        raw.send(bytes).await;
        if is_told {
            assert_eq!(raw.message().await.0, b'E');
        }
        assert!(raw.is_closed().await);
    }
    world.end().await;
}

#[tokio::test]
async fn bytes_may_arrive_one_at_a_time() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    for byte in [query("SELECT name FROM whoami"), extended("SELECT 1"), sync()].concat() {
        raw.send(&[byte]).await;
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    assert_eq!(raw.tags_until_ready().await, "TDCZI");
    assert_eq!(raw.tags_until_ready().await, "12DCZI");
    world.end().await;
}

#[tokio::test]
async fn an_error_in_a_pipeline_skips_to_its_sync_and_no_further() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    let pipeline = [
        extended("SELECT 1"),
        extended("SELECT 1/0"),
        extended("SELECT 2"),
        sync(),
        extended("SELECT 3"),
        sync(),
        query("BEGIN"),
        query("SELECT nonsense"),
        query("SELECT 4"),
        query("ROLLBACK"),
    ];
    raw.send(&pipeline.concat()).await;
    for expected in ["12DC1EZI", "12DCZI", "CZT", "EZE", "EZE", "CZI"] {
        assert_eq!(raw.tags_until_ready().await, expected);
    }
    world.end().await;
}

#[tokio::test]
async fn copy_goes_both_ways_in_both_protocols() {
    let world = World::adopted().await;
    let client = world.session("").await;
    execute(&client, "CREATE TEMP TABLE t (n int, filler text)").await;
    let rows: Vec<Bytes> = (0..20_000).map(|n| Bytes::from(format!("{n}\t{}\n", "x".repeat(80)))).collect();
    let sink = client.copy_in("COPY t FROM STDIN").await.unwrap();
    tokio::pin!(sink);
    sink.send_all(&mut stream::iter(rows.clone()).map(Ok)).await.unwrap();
    assert_eq!(sink.finish().await.unwrap(), 20_000);
    let out: Vec<Bytes> = client.copy_out("COPY t TO STDOUT").await.unwrap().try_collect().await.unwrap();
    assert_eq!(out, rows);

    let mut raw = Raw::login(world.port(), &world.database, "").await;
    assert_eq!(raw.tags(&query("CREATE TEMP TABLE t (n int)")).await, "CZI");
    raw.send(&query("COPY t FROM STDIN")).await;
    assert_eq!(raw.message().await.0, b'G');
    raw.send(&[frame(b'd', b"1\n"), frame(b'd', b"2\n"), frame(b'c', b"")].concat()).await;
    assert_eq!(raw.tags_until_ready().await, "CZI");
    raw.send(&query("COPY t FROM STDIN")).await;
    assert_eq!(raw.message().await.0, b'G');
    assert_eq!(raw.tags(&frame(b'f', b"no\0")).await, "EZI");
    world.end().await;
}

#[tokio::test]
async fn copy_that_is_broken_off_leaves_the_session_in_step() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "-c edition=v2").await;
    assert_eq!(raw.tags(&query("CREATE TEMP TABLE t (n int)")).await, "CZI");
    // The client gives up, in the extended protocol.
    raw.send(&[extended("COPY t FROM STDIN"), frame(b'H', b"")].concat()).await;
    assert_eq!([raw.message().await.0, raw.message().await.0, raw.message().await.0], *b"12G");
    assert_eq!(raw.tags(&[frame(b'd', b"1\n"), frame(b'f', b"no\0"), sync()].concat()).await, "EZI");
    // The server gives up, while the client goes on sending.
    raw.send(&query("COPY t FROM STDIN")).await;
    assert_eq!(raw.message().await.0, b'G');
    raw.send(&frame(b'd', b"not a number\n").repeat(1000)).await;
    raw.send(&frame(b'c', b"")).await;
    assert_eq!(raw.tags_until_ready().await, "EZI");
    // The same behind Sync, where the rest of the batch is skipped.
    raw.send(&[extended("COPY t FROM STDIN"), sync()].concat()).await;
    assert_eq!([raw.message().await.0, raw.message().await.0, raw.message().await.0], *b"12G");
    raw.send(&[frame(b'd', b"x\n"), frame(b'c', b""), sync()].concat()).await;
    assert_eq!(raw.tags_until_ready().await, "EZI");
    // A cancel request in the middle of COPY TO.
    raw.send(&query("COPY (SELECT generate_series(1, 100000000)) TO STDOUT")).await;
    assert_eq!(raw.message().await.0, b'H');
    let mut cancel = Raw::connect(world.port()).await;
    cancel.send(&[&16_u32.to_be_bytes(), &80_877_102_u32.to_be_bytes(), &raw.key[..]].concat()).await;
    assert!(cancel.is_closed().await);
    let mut last = raw.message().await;
    while last.0 == b'd' {
        last = raw.message().await;
    }
    assert!(last.0 == b'E' && String::from_utf8_lossy(&last.1).contains("C57014"));
    assert_eq!(raw.tags_until_ready().await, "ZI");
    assert_eq!(raw.tags(&query("SELECT name FROM whoami")).await, "TDCZI");
    world.end().await;
}

#[tokio::test]
async fn notifications_arrive_unasked() {
    let world = World::adopted().await;
    let (listener, mut connection) = world.config().connect(NoTls).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message {
                told.send(notification.payload().to_owned()).unwrap();
            }
        }
    });
    execute(&listener, "LISTEN news").await;
    execute(&world.session("-c edition=v2").await, "NOTIFY news, 'extra'").await;
    let payload = tokio::time::timeout(Duration::from_secs(5), heard.recv()).await.unwrap();
    assert_eq!(payload.as_deref(), Some("extra"));
    world.end().await;
}

#[tokio::test]
async fn a_cancel_request_stops_the_right_statement() {
    let world = World::adopted().await;
    let (victim, other) = (world.session("").await, world.session("").await);
    let cancel = victim.cancel_token();
    let sleeping = tokio::spawn(async move { victim.simple_query("SELECT pg_sleep(30)").await.unwrap_err() });
    let bystander = tokio::spawn(async move { ask(&other, "SELECT pg_sleep(1)").await.len() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    cancel.cancel_query(NoTls).await.unwrap();
    let error = tokio::time::timeout(Duration::from_secs(5), sleeping).await.unwrap().unwrap();
    assert_eq!(failure(&error).0, "57014");
    assert_eq!(bystander.await.unwrap(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_cancel_request_reaches_a_session_of_another_proxy() {
    let world = World::adopted().await;
    let second = editiond::Proxy::start(crate::world::config(&world.server)).await.unwrap();
    let Some(editiond::Address::Tcp { port, .. }) = second.addresses().first().cloned() else { panic!() };
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    raw.send(&query("SELECT pg_sleep(30)")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut cancel = Raw::connect(port).await;
    cancel.send(&[&16_u32.to_be_bytes(), &80_877_102_u32.to_be_bytes(), &raw.key[..]].concat()).await;
    assert!(cancel.is_closed().await);
    assert_eq!(raw.tags_until_ready().await, "TEZI");
    second.stop().await;
    world.end().await;
}

#[tokio::test]
async fn a_client_that_pipelines_more_than_is_kept_count_of_waits_and_goes_on() {
    const STATEMENTS: usize = 150_000;
    let world = World::adopted().await;
    let Raw { stream, .. } = Raw::login(world.port(), &world.database, "").await;
    let (mut from, mut to) = stream.into_split();
    let sending = tokio::spawn(async move {
        tokio::io::AsyncWriteExt::write_all(&mut to, &sync().repeat(STATEMENTS)).await.unwrap();
        to
    });
    let mut answers = vec![0; 6 * STATEMENTS];
    let reading = tokio::io::AsyncReadExt::read_exact(&mut from, &mut answers);
    tokio::time::timeout(Duration::from_secs(60), reading).await.unwrap().unwrap();
    assert!(answers.chunks(6).all(|answer| answer == b"Z\0\0\0\x05I"));
    drop(sending.await.unwrap());
    world.end().await;
}
