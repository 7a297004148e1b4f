//! Authentication is the server's, relayed.

use crate::{
    psql::{psql, through},
    raw::{Raw, frame},
    world::{World, ask, connect, refusal},
};

#[tokio::test]
async fn every_method_passes_and_a_wrong_password_is_the_servers_to_refuse() {
    let world = World::adopted().await;
    for role in ["by_scram", "by_md5", "by_clear"] {
        let mut config = world.config();
        config.user(role).options("-c edition=v2");
        let client = connect(config.password("open sesame")).await;
        assert_eq!(
            ask(&client, "SELECT session_user || ' ' || name FROM whoami").await,
            [format!("{role} second")]
        );
        let (code, message) = refusal(config.password("guess")).await;
        assert_eq!(code, "28P01", "{role}");
        assert_eq!(message, format!("password authentication failed for user \"{role}\""));
    }
    world.end().await;
}

#[tokio::test]
async fn psql_logs_in_by_every_method() {
    let world = World::adopted().await;
    for role in ["by_scram", "by_md5", "by_clear"] {
        let as_role = through(&world, &format!("user={role} gssencmode=disable options='-c edition=v2'"));
        let said = psql(&world, &as_role, "SELECT session_user || ' ' || name FROM whoami").await;
        assert_eq!(said.unwrap(), format!("{role} second"));
        let wrong = format!("{as_role} password=guess");
        let error = psql(&world, &wrong, "SELECT 1").await.unwrap_err();
        assert!(error.contains("password authentication failed for user"), "{error}");
    }
    world.end().await;
}

/// Without a ticket there is nothing to relay: both sides say so and end.
#[tokio::test]
async fn gssapi_ends_cleanly() {
    let world = World::adopted().await;
    let begun = std::time::Instant::now();
    let error = psql(&world, &through(&world, "user=by_gss"), "SELECT 1").await.unwrap_err();
    assert!(error.contains("GSSAPI"), "{error}");
    // A client that answers nonsense.
    let mut raw = Raw::connect(world.port()).await;
    let body = format!("\0\u{3}\0\0user\0by_gss\0database\0{}\0\0", world.database);
    let len = u32::try_from(body.len() + 4).unwrap();
    raw.send(&[&len.to_be_bytes(), body.as_bytes()].concat()).await;
    assert_eq!(raw.message().await, (b'R', vec![0, 0, 0, 7]));
    raw.send(&frame(b'p', b"no token")).await;
    let (tag, body) = raw.message().await;
    assert_eq!(tag, b'E', "{}", String::from_utf8_lossy(&body));
    assert!(raw.is_closed().await);
    assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    world.end().await;
}

/// A server of which only the address is real, and a client whose startup packet it has read.
async fn asked_of_a_fake_server() -> (World, Raw, Raw) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fake =
        editiond::Address::Tcp { host: "127.0.0.1".to_owned(), port: listener.local_addr().unwrap().port() };
    let world = World::with(|config| {
        config.servers = vec![fake];
        config.server_tls.mode = catalog::tls::Mode::Disable;
    })
    .await;
    let mut client = Raw::connect(world.port()).await;
    let body = format!("\0\u{3}\0\0user\0ann\0database\0{}\0\0", world.database);
    let len = u32::try_from(body.len() + 4).unwrap();
    let startup = [&len.to_be_bytes(), body.as_bytes()].concat();
    client.send(&startup).await;
    let mut server = Raw { stream: listener.accept().await.unwrap().0, key: Vec::new() };
    let mut read = vec![0; startup.len()];
    tokio::io::AsyncReadExt::read_exact(&mut server.stream, &mut read).await.unwrap();
    assert_eq!(read, startup);
    (world, client, server)
}

#[tokio::test]
async fn a_server_that_leaves_without_a_word_is_told_of() {
    let (world, mut client, server) = asked_of_a_fake_server().await;
    drop(server);
    let (tag, body) = client.message().await;
    assert_eq!(tag, b'E');
    let said = String::from_utf8_lossy(&body);
    assert!(said.contains("C08006\0") && said.contains("the server closed the connection"), "{said}");
    assert!(client.is_closed().await);
    world.end().await;
}

/// With its last token the server goes on at once; the client has nothing more to say.
#[tokio::test]
async fn a_server_that_goes_on_by_itself_is_not_kept_waiting() {
    let (world, mut client, mut server) = asked_of_a_fake_server().await;
    server.send(&frame(b'R', &[0, 0, 0, 7])).await;
    assert_eq!(client.message().await.1, [0, 0, 0, 7]);
    client.send(&frame(b'p', b"token")).await;
    assert_eq!(server.message().await, (b'p', b"token".to_vec()));
    let last = [frame(b'R', b"\0\0\0\x08answer"), frame(b'R', &[0; 4]), frame(b'Z', b"I")].concat();
    server.send(&last).await;
    assert_eq!(client.tags_until_ready().await, "RRZI");
    world.end().await;
}

#[tokio::test]
async fn a_login_that_takes_too_long_is_ended() {
    let world = World::with(|config| config.login_timeout = std::time::Duration::from_millis(300)).await;
    let mut raw = Raw::connect(world.port()).await;
    raw.send(b"\x00\x00\x00\x20\x00\x03").await;
    let (tag, body) = raw.message().await;
    assert_eq!(tag, b'E');
    assert!(String::from_utf8_lossy(&body).contains("authentication due to timeout"));
    assert!(raw.is_closed().await);
    world.end().await;
}
