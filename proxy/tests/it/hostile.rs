//! Peers that are slow, silent, broken or out of order; nobody else notices.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    raw::{Raw, frame, query},
    world::{World, ask, eventually},
};

/// Server processes of the world's database that clients of the proxy have, this asking one aside.
async fn backends(world: &World) -> String {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND backend_type = 'client backend' AND application_name <> 'editiond' AND pid <> pg_backend_pid()";
    ask(&world.direct().await, sql).await.remove(0)
}

fn patient_for(millis: u64) -> impl FnOnce(&mut editiond::Config) {
    move |config| config.stall_timeout = Duration::from_millis(millis)
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_ended_and_its_statement_with_it() {
    let world = World::with(patient_for(400)).await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    raw.send(&query("SELECT repeat('y', 1000) FROM generate_series(1, 1000000)")).await;
    eventually("the statement is cancelled", async || backends(&world).await == "0").await;
    world.end().await;
}

#[tokio::test]
async fn a_client_that_stops_in_a_message_is_ended_and_told() {
    let world = World::with(patient_for(400)).await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    raw.send(b"Q\0\0\0\x20SELECT").await;
    let (tag, body) = raw.message().await;
    assert_eq!(tag, b'E');
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("does not send the rest of a message"), "{body}");
    assert!(raw.is_closed().await);
    eventually("its server process ends", async || backends(&world).await == "0").await;
    world.end().await;
}

#[tokio::test]
async fn a_client_that_is_slow_but_goes_on_is_not_ended() {
    let world = World::with(patient_for(600)).await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    // Three times the patience, byte by byte.
    for byte in query("SELECT 1") {
        raw.send(&[byte]).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(raw.tags_until_ready().await, "TDCZI");
    // A statement that takes long is nobody's fault, nor is a client that has nothing to say.
    assert_eq!(raw.tags(&query("SELECT pg_sleep(1.5)")).await, "TDCZI");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // And the same in the other direction.
    raw.send(&query("SELECT repeat('y', 1000) FROM generate_series(1, 60000)")).await;
    let mut left = 60_000_000_usize;
    let mut buffer = vec![0; 6_000_000];
    while left > 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut taken = 0;
        while taken < buffer.len() && left > 0 {
            let read = raw.stream.read(&mut buffer[taken..]).await.unwrap();
            assert!(read > 0, "ended with {left} bytes to come");
            taken += read;
            left = left.saturating_sub(read);
        }
    }
    world.end().await;
}

#[tokio::test]
async fn silent_connections_make_room_for_those_that_speak() {
    const SILENT: usize = 1500;
    const LOGINS: usize = 100;
    let world = World::with(|config| config.max_logins = LOGINS).await;
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(Raw::connect(world.port()).await);
    }
    // One of them has begun to speak; it is not the first to go, though it is the oldest.
    let client = world.session("").await;
    assert_eq!(ask(&client, "SELECT 1").await, ["1"]);
    eventually("the oldest have gone", async || world.proxy.sessions() <= LOGINS + 1).await;
    let (tag, body) = silent[0].message().await;
    assert_eq!(tag, b'E');
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("C53300") && body.contains("too many connections are waiting to log in"), "{body}");
    world.end().await;
}

#[tokio::test]
async fn a_startup_packet_of_ten_megabytes_is_refused_by_its_length() {
    let world = World::plain().await;
    let mut raw = Raw::connect(world.port()).await;
    raw.send(&10_000_000_u32.to_be_bytes()).await;
    assert!(raw.is_closed().await, "as PostgreSQL does, which says nothing to what is no client");
    world.end().await;
}

#[tokio::test]
async fn messages_out_of_order_and_out_of_shape_end_like_on_the_server() {
    let world = World::adopted().await;
    let bystander = world.session("-c edition=v2").await;
    // What a client sends, and the tags that it is answered before the connection ends.
    for (what, bytes, answer) in [
        ("a length below four", b"Q\0\0\0\x03".to_vec(), Some("08P01")),
        ("a negative length", b"Q\xff\xff\xff\xff".to_vec(), Some("08P01")),
        ("a Query of two gigabytes", b"Q\x7f\xff\xff\xff".to_vec(), None),
        ("a Sync of one gigabyte", b"S\x3f\xff\xff\xff".to_vec(), None),
        ("a Query with a NUL within", frame(b'Q', b"SELECT name FROM public.whoami\0; SELECT 1\0"), None),
        ("a Query of nothing", frame(b'Q', b""), None),
        ("a tag that is none", frame(b'!', b"12345"), Some("08P01")),
        ("a password when nobody asked", frame(b'p', b"secret\0"), None),
        ("a Query without its end", frame(b'Q', b"SELECT 1"), None),
        ("a Parse without its end", frame(b'P', b"\0SELECT 1"), None),
        ("a Bind that lies about its length", frame(b'B', b"\0\0\0\x7f\xff\0\0"), None),
        ("CopyData outside of COPY", frame(b'd', b"1\n"), None),
    ] {
        let mut through = Raw::login(world.port(), &world.database, "").await;
        let mut direct = Raw::login(world.server.port(), &world.database, "").await;
        let mut heard = Vec::new();
        for raw in [&mut through, &mut direct] {
            raw.send(&bytes).await;
            raw.send(&[frame(b'S', b""), query("SELECT 2")].concat()).await;
            heard.push(errors_of(raw).await);
        }
        match answer {
            Some(code) => assert_eq!(heard[0], [code], "{what}: the server says {:?}", heard[1]),
            None => assert_eq!(heard[0], heard[1], "{what}"),
        }
    }
    assert_eq!(ask(&bystander, "SELECT name FROM whoami").await, ["second"]);
    world.end().await;
}

/// The codes of all errors until the connection ends or the answer to `SELECT 2` comes.
async fn errors_of(raw: &mut Raw) -> Vec<String> {
    let mut errors = Vec::new();
    let mut header = [0; 5];
    while raw.stream.read_exact(&mut header).await.is_ok() {
        let [tag, len @ ..] = header;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(len)).unwrap() - 4];
        raw.stream.read_exact(&mut body).await.unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        match tag {
            b'E' => {
                errors.push(text.split('\0').find_map(|field| field.strip_prefix('C')).unwrap().to_owned());
            }
            b'D' => break,
            _ => {}
        }
    }
    errors
}

/// Ten thousand are too deep for PostgreSQL's grammar, a thousand are not; both texts are looked at, as they name an editioned schema.
#[tokio::test]
async fn ten_thousand_parentheses_are_answered_as_by_the_server() {
    let world = World::adopted().await;
    world
        .change_catalogue("INSERT INTO edition.names VALUES (2, 'relation', 'public', 'whoami', 'public$v2')")
        .await;
    let mut heard = Vec::new();
    for (port, options, schema) in
        [(world.port(), "-c edition=v2", "public"), (world.server.port(), "", "\"public$v2\"")]
    {
        let mut raw = Raw::login(port, &world.database, options).await;
        for depth in [10_000, 1_000] {
            let (open, close) = ("(".repeat(depth), ")".repeat(depth));
            raw.send(&query(&format!("SELECT {open}name{close} FROM {schema}.whoami"))).await;
            let answer = raw.until_ready().await;
            let row = answer.iter().find(|(tag, _)| *tag == b'D').map(|(_, row)| row.clone());
            let error = answer.iter().find(|(tag, _)| *tag == b'E').map(|(_, report)| {
                let fields = String::from_utf8_lossy(report).into_owned();
                fields.split('\0').filter(|field| field.starts_with(['C', 'M', 'P'])).collect::<String>()
            });
            heard.push((row, error));
        }
    }
    assert_eq!(heard[..2], heard[2..]);
    assert!(heard[0].1.is_some() && heard[1].0.is_some(), "{heard:?}");
    world.end().await;
}

#[tokio::test]
async fn a_client_that_only_listens_any_more_gets_its_answer() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    raw.send(&query("SELECT pg_sleep(0.2), repeat('y', 10000000)")).await;
    raw.stream.shutdown().await.unwrap();
    assert_eq!(raw.tags_until_ready().await, "TDCZI");
    assert!(raw.is_closed().await);
    eventually("its server process ends", async || backends(&world).await == "0").await;
    world.end().await;
}

/// A peer that vanished without a word cannot be made here, but the kernel says by which timer it would be noticed.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_connection_is_asked_by_the_kernel_whether_it_is_there() {
    const KEEPALIVE: &str = "02:";
    let world = World::adopted().await;
    let raw = Raw::login(world.port(), &world.database, "").await;
    let port = format!(":{:04X}", world.port());
    eventually("the timer runs", async || {
        let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
        connections.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields[1].ends_with(&port) && fields[3] == "01" && fields[5].starts_with(KEEPALIVE)
        })
    })
    .await;
    drop(raw);
    world.end().await;
}

#[tokio::test]
async fn a_client_that_breaks_off_leaves_nothing_behind() {
    let world = World::adopted().await;
    for bytes in [&b"Q\0\0\0\x20SELECT"[..], b"d\0\0\x10\0", b"P"] {
        let mut raw = Raw::login(world.port(), &world.database, "").await;
        raw.send(bytes).await;
        drop(raw);
    }
    // In the middle of COPY, and in the middle of an answer.
    crate::world::execute(&world.direct().await, "CREATE TABLE kept (n int)").await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    raw.send(&[query("COPY kept FROM STDIN"), frame(b'd', b"1\n")].concat()).await;
    assert_eq!(raw.message().await.0, b'G');
    drop(raw);
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    raw.send(&query("SELECT generate_series(1, 10000000)")).await;
    assert_eq!(raw.message().await.0, b'T');
    drop(raw);
    eventually("no server process is left", async || backends(&world).await == "0").await;
    assert_eq!(ask(&world.session("").await, "SELECT count(*) FROM kept").await, ["0"]);
    world.end().await;
}

#[tokio::test]
async fn a_query_in_place_of_a_password_is_refused() {
    let world = World::plain().await;
    let mut raw = Raw::connect(world.port()).await;
    let body = format!("\0\u{3}\0\0user\0by_clear\0database\0{}\0\0", world.database);
    let len = u32::try_from(body.len() + 4).unwrap();
    raw.send(&[&len.to_be_bytes(), body.as_bytes()].concat()).await;
    assert_eq!(raw.message().await, (b'R', vec![0, 0, 0, 3]));
    raw.send(&query("SELECT 1")).await;
    let (tag, body) = raw.message().await;
    assert!(tag == b'E' && String::from_utf8_lossy(&body).contains("08P01"));
    assert!(raw.is_closed().await);
    world.end().await;
}

#[tokio::test]
async fn under_load_cancel_requests_stop_whom_they_mean() {
    const SESSIONS: usize = 24;
    let world = World::adopted().await;
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..SESSIONS {
        let (client, port) =
            (world.session(if index % 2 == 0 { "" } else { "-c edition=v2" }).await, world.port());
        tasks.spawn(async move {
            let begun = Instant::now();
            for round in 0..10 {
                if index % 3 != 0 {
                    // A bystander, at the same time as the others are cancelled.
                    assert_eq!(ask(&client, "SELECT pg_sleep(0.05)").await.len(), 1, "{index} {round}");
                    continue;
                }
                let cancel = client.cancel_token();
                let statement = client.simple_query("SELECT pg_sleep(60)");
                let order = async {
                    tokio::time::sleep(Duration::from_millis(30 + 5 * (index as u64))).await;
                    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    cancel.cancel_query_raw(&mut stream, tokio_postgres::NoTls).await.unwrap();
                    // PostgreSQL signals twice, and closes then; libpq waits for that, too.
                    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
                };
                let (outcome, ()) = tokio::join!(statement, order);
                assert_eq!(crate::world::failure(&outcome.unwrap_err()).0, "57014");
                // What comes next is not hit by what came late.
                assert_eq!(ask(&client, "SELECT 1").await, ["1"]);
            }
            assert!(begun.elapsed() < Duration::from_secs(50), "port {port}");
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    world.end().await;
}
