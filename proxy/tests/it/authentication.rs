//! Authentication is the server's, relayed.

use crate::world::{World, ask, connect, refusal};

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
async fn a_login_that_takes_too_long_is_ended() {
    let world = World::with(|config| config.login_timeout = std::time::Duration::from_millis(300)).await;
    let mut raw = crate::raw::Raw::connect(world.port()).await;
    raw.send(b"\x00\x00\x00\x20\x00\x03").await;
    let (tag, body) = raw.message().await;
    assert_eq!(tag, b'E');
    assert!(String::from_utf8_lossy(&body).contains("authentication due to timeout"));
    assert!(raw.is_closed().await);
    world.end().await;
}
