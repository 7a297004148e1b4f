//! Several servers, unix sockets, replication.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

use edition_cli::server::PrivateServer;
use editiond::{
    Address, Config, Proxy, Replication,
    SessionAttributes::{self, Any, PreferStandby, ReadOnly, ReadWrite, Standby},
};

use crate::{
    raw::{Raw, frame, query},
    world::{self, World, ask, connect, refusal, try_connect},
};

fn tcp(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".to_owned(), port }
}

/// A hot standby of `primary`.
async fn standby(primary: &PrivateServer, data: &Path) -> PrivateServer {
    let done = |program: &mut Command| assert!(program.status().unwrap().success(), "{program:?}");
    let copy = [
        "--write-recovery-conf",
        "--checkpoint=fast",
        "--no-sync",
        "-h",
        "127.0.0.1",
        "-U",
        "postgres",
        "-p",
    ];
    let mut backup = Command::new(primary.installation().program("pg_basebackup"));
    done(backup.arg("-D").arg(data).args(copy).arg(primary.port().to_string()));
    // the server may run under another account than the tests
    std::fs::set_permissions(data.parent().unwrap(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let owner = format!("--reference={}", primary.data_dir().display());
    done(Command::new("chown").arg("-R").arg(owner).arg(data));
    PrivateServer::builder().data_dir(data).setting("hot_standby", "on").start().await.unwrap()
}

#[tokio::test]
async fn sessions_go_to_the_server_that_is_asked_for() {
    let primary = PrivateServer::builder().start().await.unwrap();
    let folder = tempfile::Builder::new().prefix("editiond-standby-").tempdir_in("/tmp").unwrap();
    let standby = standby(&primary, &folder.path().join("data")).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settled = |attributes, ports: &[u16]| Config {
        servers: ports.iter().map(|port| tcp(*port)).collect(),
        target_session_attrs: attributes,
        control: editiond::Control::parse("user=postgres").unwrap(),
        ..world::config(&primary)
    };
    let (first, second) = (primary.port(), standby.port());
    for (attributes, ports, expected) in [
        (Any, &[second, first][..], Some("true")),
        (SessionAttributes::Primary, &[second, first], Some("false")),
        (ReadWrite, &[nobody, second, first], Some("false")),
        (ReadOnly, &[nobody, first, second], Some("true")),
        (Standby, &[first, second], Some("true")),
        (PreferStandby, &[first, second], Some("true")),
        (PreferStandby, &[first], Some("false")),
        (Standby, &[first], None),
        (ReadWrite, &[second], None),
    ] {
        let proxy = Proxy::start(settled(attributes, ports)).await.unwrap();
        let Some(Address::Tcp { port, .. }) = proxy.addresses().first().cloned() else { panic!() };
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
        if let Some(expected) = expected {
            let client = connect(&config).await;
            assert_eq!(ask(&client, "SELECT pg_is_in_recovery()::text").await, [expected], "{attributes:?}");
        } else {
            let (code, message) = refusal(&config).await;
            assert_eq!(code, "57P03");
            assert!(message.contains("read-only") || message.contains("not in hot standby"), "{message}");
        }
        proxy.stop().await;
    }
    standby.stop().await.unwrap();
}

#[tokio::test]
async fn unix_sockets_on_both_sides_with_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("{}:6432", folder.path().display());
    let plain = World::plain().await;
    let world = World::with(|config| {
        config.listen = vec![listen.parse().unwrap()];
        config.servers =
            vec![Address::Unix(plain.server.socket_dir().join(format!(".s.PGSQL.{}", plain.server.port())))];
        config.socket_mode = 0o700;
    })
    .await;
    let socket = folder.path().join(".s.PGSQL.6432");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o700);
    let mut config = tokio_postgres::Config::new();
    config.host_path(folder.path()).port(6432).user("postgres").dbname(&world.database);
    let client = connect(&config).await;
    let address = "SELECT (client_addr IS NULL)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    assert_eq!(ask(&client, address).await, ["true"]);
    drop(client);
    world.end().await;
    plain.end().await;
}

async fn replicate(world: &World, value: &str) -> Raw {
    let mut raw = Raw::connect(world.port()).await;
    let body = format!("\0\u{3}\0\0user\0postgres\0database\0{}\0replication\0{value}\0\0", world.database);
    let len = u32::try_from(body.len() + 4).unwrap();
    raw.send(&[&len.to_be_bytes(), body.as_bytes()].concat()).await;
    raw
}

#[tokio::test]
async fn replication_is_refused_unless_it_is_let_through() {
    let world = World::adopted().await;
    for value in ["true", "database", "1", "YES", "t"] {
        let (tag, body) = replicate(&world, value).await.message().await;
        let body = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(tag, b'E', "{value}");
        assert!(body.contains("replication connections do not pass through editiond"), "{body}");
        assert!(body.contains("--replication pass"), "{body}");
    }
    assert!(replicate(&world, "off").await.tags_until_ready().await.ends_with("ZI"));
    world.end().await;

    let world = World::with(|config| config.replication = Replication::Pass).await;
    let mut raw = replicate(&world, "true").await;
    assert!(raw.tags_until_ready().await.ends_with("ZI"));
    raw.send(&query("IDENTIFY_SYSTEM")).await;
    let row = raw.until_ready().await.into_iter().find(|(tag, _)| *tag == b'D').unwrap().1;
    let row = String::from_utf8_lossy(&row).into_owned();
    let position = row
        .split(|letter: char| !letter.is_ascii_hexdigit() && letter != '/')
        .find(|field| field.contains('/'))
        .unwrap()
        .to_owned();
    // Both copy; the client ends it, and the session goes on.
    raw.send(&query(&format!("START_REPLICATION PHYSICAL {position}"))).await;
    assert_eq!(raw.message().await.0, b'W');
    raw.send(&frame(b'c', b"")).await;
    let mut tags = raw.tags_until_ready().await.replace('d', "");
    tags.retain(|tag| tag != 'S');
    // once for the streaming, once for the command
    assert_eq!(tags, "cCCZI");
    assert!(raw.tags(&query("IDENTIFY_SYSTEM")).await.ends_with("ZI"));
    world.end().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_passed_over() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let world = World::with(|config| config.servers.insert(0, tcp(nobody))).await;
    assert!(try_connect(&world.config()).await.is_ok());
    world.end().await;
}
