//! TLS between the proxy and the server, and SCRAM where TLS ends in between.

use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Duration};

use catalog::tls::{Mode, Settings, Tls};
use edition_cli::server::PrivateServer;
use editiond::{Address, ClientCertificate, ClientTls, Config, Control, Proxy, TlsVersion};

use crate::{
    certificates::{self, Authority, Pair},
    psql::{psql, through},
    world::{self, World, ask, connect, eventually, execute, failure, refusal},
};

/// Takes TLS only, from anybody but the superuser's own tools on the unix socket.
const HBA: &str = "\
local   all all      trust
hostssl all by_scram 127.0.0.1/32 scram-sha-256
hostssl all by_cert  127.0.0.1/32 cert
hostssl all all      127.0.0.1/32 trust
";

/// A server of its own that speaks TLS, and the authority that certified it for `localhost`.
struct Certified {
    server: Arc<PrivateServer>,
    authority: Authority,
    pair: Pair,
}

impl Certified {
    async fn start() -> Self {
        let server = PrivateServer::builder().hba(HBA).start().await.unwrap();
        let authority = Authority::new();
        let pair = authority.certify("server", &["localhost"]);
        let this = Self { server: Arc::new(server), authority, pair };
        this.install(&this.pair, Some(this.authority.root())).await;
        let roles = "CREATE ROLE by_scram LOGIN PASSWORD 'open sesame'; CREATE ROLE by_cert LOGIN; CREATE DATABASE app";
        for statement in roles.split("; ") {
            execute(&this.local().await, statement).await;
        }
        this
    }

    /// The superuser on the unix socket.
    async fn local(&self) -> tokio_postgres::Client {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.server.socket_dir())
            .port(self.server.port())
            .user("postgres")
            .dbname("postgres");
        connect(&config).await
    }

    /// Makes the server show this certificate.
    async fn install(&self, pair: &Pair, ca: Option<PathBuf>) {
        let data = self.server.data_dir();
        let owner = std::fs::metadata(data).unwrap();
        let put = |from: &PathBuf, name: &str| {
            let to = data.join(name);
            std::fs::copy(from, &to).unwrap();
            std::fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            std::os::unix::fs::chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
        };
        put(&pair.certificate, "server.crt");
        put(&pair.key, "server.key");
        let client = self.local().await;
        if let Some(ca) = ca {
            put(&ca, "root.crt");
            execute(&client, "ALTER SYSTEM SET ssl_ca_file = 'root.crt'").await;
        }
        execute(&client, "ALTER SYSTEM SET ssl = on").await;
        execute(&client, "SELECT pg_reload_conf()").await;
        let on = || async { ask(&self.local().await, "SHOW ssl").await == ["on"] };
        eventually("the server speaks TLS", on).await;
    }

    fn config(&self, settings: Settings) -> Config {
        let mut control = tokio_postgres::Config::new();
        control.user("postgres");
        Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            servers: vec![Address::Tcp { host: "localhost".to_owned(), port: self.server.port() }],
            control: Control::new(control),
            server_tls: settings,
            ..Config::default()
        }
    }

    fn verified(&self) -> Settings {
        Settings {
            mode: Mode::VerifyFull,
            root_certificate: Some(self.authority.root()),
            ..Settings::default()
        }
    }

    async fn world(&self, config: Config) -> World {
        let proxy = Proxy::start(config).await.unwrap();
        World { server: self.server.clone(), database: "app".to_owned(), proxy }
    }
}

const MINE: &str = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

#[tokio::test]
async fn the_modes_are_libpqs() {
    let server = Certified::start().await;
    let root = || Some(server.authority.root());
    let stranger = Authority::new();
    let own = certificates::self_certified(server.authority.folder());
    let mode = |mode, root_certificate| Settings { mode, root_certificate, ..Settings::default() };
    for (settings, passes) in [
        (mode(Mode::Prefer, None), true),
        (mode(Mode::Require, None), true),
        (mode(Mode::Require, root()), true),
        (mode(Mode::Require, Some(stranger.root())), false),
        (mode(Mode::VerifyCa, root()), true),
        (mode(Mode::VerifyCa, Some(stranger.root())), false),
        (mode(Mode::VerifyFull, root()), true),
        (mode(Mode::Disable, None), false),
    ] {
        let world = server.world(server.config(settings.clone())).await;
        if passes {
            assert_eq!(ask(&connect(&world.config()).await, MINE).await, ["true"], "{settings:?}");
        } else {
            assert_eq!(refusal(&world.config()).await.0, "57P03", "{settings:?}");
        }
        world.end().await;
    }
    // By its address it is somebody else, which only verify-full minds.
    for (mode_, passes) in [(Mode::VerifyCa, true), (Mode::VerifyFull, false)] {
        let mut config = server.config(mode(mode_, root()));
        config.servers = vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: server.server.port() }];
        let world = server.world(config).await;
        assert_eq!(world::try_connect(&world.config()).await.is_ok(), passes, "{mode_}");
        world.end().await;
    }
    // A certificate that certifies itself is its own authority, and nobody else's.
    server.install(&own, None).await;
    for (root_certificate, passes) in [(own.certificate.clone(), true), (server.authority.root(), false)] {
        let world = server.world(server.config(mode(Mode::VerifyFull, Some(root_certificate)))).await;
        assert_eq!(world::try_connect(&world.config()).await.is_ok(), passes);
        world.end().await;
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let world = World::with(|config| {
        config.server_tls.mode = Mode::Require;
    })
    .await;
    let (code, message) = refusal(&world.config()).await;
    assert_eq!(code, "57P03");
    assert!(message.contains("editions of this database are not available"), "{message}");
    world.end().await;
    let world = World::with(|config| config.server_tls.mode = Mode::Prefer).await;
    assert_eq!(ask(&world.session("").await, MINE).await, ["false"]);
    world.end().await;
}

#[tokio::test]
async fn cancel_requests_and_the_catalogue_go_over_tls() {
    let server = Certified::start().await;
    let world = server.world(server.config(server.verified())).await;
    let mut local = tokio_postgres::Config::new();
    local.host_path(server.server.socket_dir()).port(server.server.port()).user("postgres").dbname("app");
    let mut client = connect(&local).await;
    let transaction = client.transaction().await.unwrap();
    catalog::store::install(&transaction).await.unwrap();
    transaction
        .batch_execute(
            "INSERT INTO edition.schemas VALUES (1, 'public');
             INSERT INTO edition.editions (id, name, parent_id, state, is_default, blueprint)
             VALUES (1, 'v1', NULL, 'live', true, 'app$v1')",
        )
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let victim = world.session("-c edition=v1").await;
    let control = "SELECT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'editiond'";
    assert_eq!(ask(&victim, control).await, ["true"]);
    let cancel = victim.cancel_token();
    let sleeping = tokio::spawn(async move { victim.simple_query("SELECT pg_sleep(30)").await.unwrap_err() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    cancel.cancel_query(tokio_postgres::NoTls).await.unwrap();
    let error = tokio::time::timeout(Duration::from_secs(5), sleeping).await.unwrap().unwrap();
    assert_eq!(failure(&error).0, "57014");
    world.end().await;
}

/// What the `edition` command connects by, and the programs that it runs.
#[tokio::test]
async fn the_librarys_connections_verify_the_server() {
    let server = Certified::start().await;
    let connects = async |settings: Settings| {
        let mut config = tokio_postgres::Config::new();
        config.host("localhost").port(server.server.port()).user("postgres").dbname("app");
        let target = catalog::target::Target::with_tls((config, Tls::load(settings).unwrap()), None).unwrap();
        let connected = target.connect().await.map_err(|error| error.to_string())?;
        Ok::<String, String>(connected.query_one(MINE, &[]).await.unwrap().get(0))
    };
    assert_eq!(connects(server.verified()).await.unwrap(), "true");
    assert_eq!(connects(Settings { mode: Mode::Prefer, ..Settings::default() }).await.unwrap(), "true");
    let stranger = Settings { root_certificate: Some(Authority::new().root()), ..server.verified() };
    assert!(Tls::load(stranger).is_err(), "its authority is gone with its folder");
    let authority = Authority::new();
    let stranger = Settings { root_certificate: Some(authority.root()), ..server.verified() };
    let error = connects(stranger).await.unwrap_err();
    assert!(
        error.contains("cannot connect to database \"app\"") && error.contains("UnknownIssuer"),
        "{error}"
    );
    let clear = connects(Settings { mode: Mode::Disable, ..Settings::default() }).await.unwrap_err();
    assert!(clear.contains("no encryption"), "{clear}");
}

fn client_tls(pair: &Pair) -> ClientTls {
    ClientTls {
        certificate: pair.certificate.clone(),
        key: pair.key.clone(),
        client_ca: None,
        client_certificate: ClientCertificate::Off,
        min_version: TlsVersion::Tls12,
        required: false,
    }
}

#[tokio::test]
async fn channel_binding_passes_if_both_see_one_certificate() {
    let server = Certified::start().await;
    let mut config = server.config(server.verified());
    config.client_tls = Some(client_tls(&server.pair));
    let world = server.world(config).await;
    let says =
        async |more: &str| psql(&world, &through(&world, &format!("user=by_scram {more}")), "SELECT 1").await;
    for more in [
        "sslmode=require channel_binding=require",
        "sslmode=require",
        "sslmode=require channel_binding=disable",
        "sslmode=disable",
    ] {
        assert_eq!(says(more).await.unwrap(), "1", "{more}");
    }
    world.end().await;
}

#[tokio::test]
async fn channel_binding_that_cannot_pass_is_explained() {
    let server = Certified::start().await;
    let mut config = server.config(server.verified());
    config.client_tls = Some(client_tls(&server.authority.certify("proxy", &["localhost"])));
    let world = server.world(config).await;
    let says =
        async |more: &str| psql(&world, &through(&world, &format!("user=by_scram {more}")), "SELECT 1").await;
    assert_eq!(says("sslmode=require channel_binding=disable").await.unwrap(), "1");
    assert_eq!(says("sslmode=disable").await.unwrap(), "1");
    let error = says("sslmode=require").await.unwrap_err();
    assert!(error.contains("channel binding does not reach from the client to the server"), "{error}");
    assert!(error.contains("channel_binding=disable"), "{error}");
    let error = says("sslmode=require channel_binding=require").await.unwrap_err();
    assert!(error.contains("channel binding is required"), "{error}");
    let error = refusal(world.config().user("by_scram").password("guess")).await;
    assert_eq!(error.0, "28P01");
    world.end().await;
    // In clear to the server, which then offers no channel binding: but this one takes nobody in clear.
    let mut config = server.config(Settings { mode: Mode::Disable, ..Settings::default() });
    config.client_tls = Some(client_tls(&server.authority.certify("proxy", &["localhost"])));
    let world = World::with(|present| present.client_tls = config.client_tls).await;
    assert_eq!(
        psql(&world, &through(&world, "user=by_scram sslmode=require"), "SELECT 1").await.unwrap(),
        "1"
    );
    world.end().await;
}

#[tokio::test]
async fn the_servers_certificate_authentication_sees_the_proxys_certificate() {
    let server = Certified::start().await;
    let settings = |pair: Option<Pair>| {
        let (certificate, key) = pair.map(|pair| (pair.certificate, pair.key)).unzip();
        Settings { certificate, key, ..server.verified() }
    };
    let world = server.world(server.config(settings(Some(server.authority.certify("by_cert", &[]))))).await;
    assert_eq!(ask(&connect(world.config().user("by_cert")).await, "SELECT session_user").await, ["by_cert"]);
    world.end().await;
    let world = server.world(server.config(settings(None))).await;
    let (code, message) = refusal(world.config().user("by_cert")).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("28000", "connection requires a valid client certificate")
    );
    world.end().await;
}
