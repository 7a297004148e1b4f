//! TLS between clients and the proxy.

use editiond::{ClientCertificate, ClientTls, Config, TlsVersion};
use tokio::io::AsyncReadExt;
use tokio_postgres::{Client, config::SslMode, config::SslNegotiation};

use crate::{
    certificates::{Authority, Pair},
    psql::{psql, through},
    raw::Raw,
    world::{World, ask, execute},
};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];

fn tls(pair: &Pair) -> ClientTls {
    ClientTls {
        certificate: pair.certificate.clone(),
        key: pair.key.clone(),
        client_ca: None,
        client_certificate: ClientCertificate::Off,
        min_version: TlsVersion::Tls12,
        required: false,
    }
}

/// A proxy with a certificate for `localhost`; more of its TLS by `change`.
async fn world(authority: &Authority, change: impl FnOnce(&mut ClientTls)) -> World {
    let mut tls = tls(&authority.certify("proxy", &["localhost"]));
    change(&mut tls);
    World::with(|config| config.client_tls = Some(tls)).await
}

fn connector(authority: &Authority) -> tokio_postgres_rustls::MakeRustlsConnect {
    let settings = catalog::tls::Settings {
        mode: catalog::tls::Mode::VerifyFull,
        root_certificate: Some(authority.root()),
        ..catalog::tls::Settings::default()
    };
    catalog::tls::Tls::load(settings).unwrap().connector()
}

/// A session over TLS through tokio-postgres and rustls.
async fn session(world: &World, authority: &Authority, negotiation: SslNegotiation) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host("localhost").port(world.port()).user("postgres").dbname(&world.database);
    config.ssl_mode(SslMode::Require).ssl_negotiation(negotiation);
    let (client, connection) = config.connect(connector(authority)).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn psql_verifies_the_proxy_and_the_versions_are_bounded() {
    let authority = Authority::new();
    let world = world(&authority, |tls| tls.min_version = TlsVersion::Tls13).await;
    let root = authority.root().display().to_string();
    let full = through(&world, &format!("sslmode=verify-full sslrootcert={root}"));
    let said = psql(&world, &full, "\\conninfo").await.unwrap();
    assert!(said.contains("SSL connection (protocol: TLSv1.3"), "{said}");
    let stranger = Authority::new();
    let other = through(&world, &format!("sslmode=verify-ca sslrootcert={}", stranger.root().display()));
    let error = psql(&world, &other, "SELECT 1").await.unwrap_err();
    assert!(error.contains("certificate verify failed"), "{error}");
    let old = format!("{full} ssl_max_protocol_version=TLSv1.2");
    let error = psql(&world, &old, "SELECT 1").await.unwrap_err();
    assert!(error.contains("protocol version"), "{error}");
    // In clear is still allowed.
    assert_eq!(psql(&world, &through(&world, "sslmode=disable"), "SELECT 1").await.unwrap(), "1");
    world.end().await;
}

#[tokio::test]
async fn clients_show_certificates_as_configured() {
    let authority = Authority::new();
    let theirs = authority.certify("postgres", &[]);
    let with = |pair: &Pair| {
        format!("sslmode=require sslcert={} sslkey={}", pair.certificate.display(), pair.key.display())
    };
    for (mode, without_passes) in [(ClientCertificate::Required, false), (ClientCertificate::Optional, true)]
    {
        let world = world(&authority, |tls| {
            (tls.client_ca, tls.client_certificate) = (Some(authority.root()), mode);
        })
        .await;
        let says = async |more: &str| psql(&world, &through(&world, more), "SELECT 1").await;
        assert_eq!(says(&with(&theirs)).await.unwrap(), "1");
        assert_eq!(says("sslmode=require").await.is_ok(), without_passes, "{mode:?}");
        let stranger = Authority::new();
        let error = says(&with(&stranger.certify("postgres", &[]))).await.unwrap_err();
        assert!(error.contains("unknown ca"), "{error}");
        world.end().await;
    }
}

#[tokio::test]
async fn clear_sessions_are_refused_where_tls_is_required() {
    let authority = Authority::new();
    let world = world(&authority, |tls| tls.required = true).await;
    let error = psql(&world, &through(&world, "sslmode=disable"), "SELECT 1").await.unwrap_err();
    assert!(error.contains("this server takes sessions over TLS only"), "{error}");
    assert!(error.contains("HINT:  Connect with sslmode=require or stronger."), "{error}");
    assert_eq!(psql(&world, &through(&world, "sslmode=prefer"), "SELECT 1").await.unwrap(), "1");
    world.end().await;
}

#[tokio::test]
async fn tls_begins_at_once_only_under_postgresqls_name() {
    let authority = Authority::new();
    let world = world(&authority, |_| {}).await;
    let client = session(&world, &authority, SslNegotiation::Direct).await;
    assert_eq!(ask(&client, "SELECT 7").await, ["7"]);
    // The same handshake without ALPN.
    let mut roots = rustls::RootCertStore::empty();
    roots.add(catalog::tls::pem::certificates(&authority.root()).unwrap().remove(0)).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(catalog::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", world.port())).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("direct SSL connection request without ALPN"), "{said}");
    world.end().await;
}

#[tokio::test]
async fn what_comes_in_clear_behind_the_request_is_refused_by_name() {
    let authority = Authority::new();
    let world = world(&authority, |_| {}).await;
    for request in [SSL_REQUEST, GSSENC_REQUEST] {
        let mut raw = Raw::connect(world.port()).await;
        raw.send(&[&request[..], b"Q\0\0\0\x0dSELECT 1\0"].concat()).await;
        let (tag, body) = raw.message().await;
        let body = String::from_utf8_lossy(&body).into_owned();
        assert_eq!(tag, b'E');
        assert!(body.contains("received unencrypted data after"), "{body}");
        assert!(raw.is_closed().await);
    }
    world.end().await;
}

#[tokio::test]
async fn each_kind_of_encryption_may_be_asked_for_once() {
    let authority = Authority::new();
    let world = world(&authority, |_| {}).await;
    for (requests, answers) in [
        (&[GSSENC_REQUEST, GSSENC_REQUEST][..], &b"NE"[..]),
        (&[GSSENC_REQUEST, SSL_REQUEST], b"NS"),
        (&[SSL_REQUEST], b"S"),
    ] {
        let mut raw = Raw::connect(world.port()).await;
        for (request, answer) in requests.iter().zip(answers) {
            raw.send(request).await;
            assert_eq!(raw.stream.read_u8().await.unwrap(), *answer);
        }
    }
    let plain = World::plain().await;
    let mut raw = Raw::connect(plain.port()).await;
    for (request, answer) in [(SSL_REQUEST, b'N'), (GSSENC_REQUEST, b'N'), (SSL_REQUEST, b'E')] {
        raw.send(&request).await;
        assert_eq!(raw.stream.read_u8().await.unwrap(), answer);
    }
    let mut rest = Vec::new();
    raw.stream.read_to_end(&mut rest).await.unwrap();
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("C0A000\0Munsupported frontend protocol 1234.5679"), "{rest}");
    plain.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_after_a_reload_and_a_bad_one_never() {
    let authority = Authority::new();
    let mut world = world(&authority, |_| {}).await;
    let old = session(&world, &authority, SslNegotiation::Postgres).await;
    let successor = Authority::new();
    let renewed = |world: &World, pair: &Pair| Config {
        client_tls: Some(tls(pair)),
        ..crate::world::config(&world.server)
    };
    let config = renewed(&world, &successor.certify("proxy", &["localhost"]));
    assert!(world.proxy.reload(config).is_ok());
    let new = session(&world, &successor, SslNegotiation::Postgres).await;
    assert_eq!(ask(&old, "SELECT 1").await, ["1"]);
    // A file that is none: the error names it, and everything stays as it is.
    let broken =
        Pair { certificate: successor.folder().join("ca.pem"), key: successor.folder().join("ca.pem") };
    let error = world.proxy.reload(renewed(&world, &broken)).unwrap_err().to_string();
    assert!(
        error.starts_with("TLS to clients: cannot use key file \"") && error.contains("ca.pem"),
        "{error}"
    );
    assert_eq!(ask(&session(&world, &successor, SslNegotiation::Postgres).await, "SELECT 1").await, ["1"]);
    drop((old, new));
    world.proxy.drain().await;
    world.end().await;
}

#[tokio::test]
async fn much_data_passes_both_ways() {
    const LEN: usize = 40 << 20;
    let authority = Authority::new();
    let world = world(&authority, |_| {}).await;
    world.adopt().await;
    let client = session(&world, &authority, SslNegotiation::Postgres).await;
    let begun = std::time::Instant::now();
    let row =
        client.query_one("SELECT repeat('y', $1::int4)", &[&i32::try_from(LEN).unwrap()]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0).len(), LEN);
    let text = "x".repeat(LEN);
    let row = client.query_one("SELECT length($1::text)", &[&text]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), i32::try_from(LEN).unwrap());
    execute(
        &client,
        "CREATE TEMP TABLE many AS SELECT n, repeat('z', 100) AS filler FROM generate_series(1, 100000) n",
    )
    .await;
    assert_eq!(ask(&client, "SELECT filler FROM many").await.len(), 100_000);
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
    world.end().await;
}
