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
