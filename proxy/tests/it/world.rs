//! One PostgreSQL for the tests that run at the same time, one database and one proxy for each test.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use edition_cli::server::PrivateServer;
use editiond::{Address, Config, Control, Proxy};
use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

static SERVER: Mutex<Weak<PrivateServer>> = Mutex::const_new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A superuser's password-less connections, and roles for each kind of authentication.
const HBA: &str = "\
local all         all       trust
host  all         by_scram  127.0.0.1/32 scram-sha-256
host  all         by_md5    127.0.0.1/32 md5
host  all         by_clear  127.0.0.1/32 password
host  all         by_gss    127.0.0.1/32 gss
host  replication all       127.0.0.1/32 trust
host  all         all       127.0.0.1/32 trust
";

const ROLES: &str = "\
CREATE ROLE by_scram LOGIN PASSWORD 'open sesame';
CREATE ROLE by_clear LOGIN PASSWORD 'open sesame';
CREATE ROLE by_gss LOGIN;
SET password_encryption = md5;
CREATE ROLE by_md5 LOGIN PASSWORD 'open sesame';
CREATE ROLE stranger LOGIN;
";

/// A database, and a proxy before it.
pub(crate) struct World {
    pub(crate) server: Arc<PrivateServer>,
    pub(crate) database: String,
    pub(crate) proxy: Proxy,
}

async fn server() -> Arc<PrivateServer> {
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let started = PrivateServer::builder()
        .hba(HBA)
        .setting("max_connections", "200")
        .setting("wal_level", "logical")
        .start()
        .await
        .unwrap();
    let server = Arc::new(started);
    execute(&connect(&server.config("postgres")).await, ROLES).await;
    *shared = Arc::downgrade(&server);
    server
}

impl World {
    /// A database that was never adopted.
    pub(crate) async fn plain() -> Self {
        Self::with(|_| {}).await
    }

    /// As [`World::plain`], with another configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let server = server().await;
        let database = format!("app{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let admin = connect(&server.config("postgres")).await;
        execute(&admin, &format!("CREATE DATABASE {database}")).await;
        let mut config = config(&server);
        change(&mut config);
        let proxy = Proxy::start(config).await.unwrap();
        Self { server, database, proxy }
    }

    /// A database with editions v1 (live, default) and v2 (live), whose own schemas hold a table `whoami` that
    /// tells them apart.
    pub(crate) async fn adopted() -> Self {
        let world = Self::plain().await;
        world.adopt().await;
        world
    }

    /// Makes of a plain database what [`World::adopted`] gives.
    pub(crate) async fn adopt(&self) {
        let mut client = self.direct().await;
        let transaction = client.transaction().await.unwrap();
        catalog::store::install(&transaction).await.unwrap();
        let database = &self.database;
        let rows = format!(
            r#"INSERT INTO edition.schemas VALUES (1, 'public');
            INSERT INTO edition.editions (id, name, parent_id, state, is_default, blueprint) VALUES
                (1, 'v1', NULL, 'live', true, '{database}$v1'), (2, 'v2', 1, 'live', false, '{database}$v2');
            CREATE SCHEMA "public$v1"; CREATE SCHEMA "public$v2"; CREATE SCHEMA other;
            GRANT USAGE ON SCHEMA "public$v1", "public$v2", other TO PUBLIC;
            CREATE TABLE public.whoami AS SELECT 'physical' AS name;
            CREATE TABLE "public$v1".whoami AS SELECT 'first' AS name;
            CREATE TABLE "public$v2".whoami AS SELECT 'second' AS name;
            CREATE TABLE other.whoami AS SELECT 'other' AS name;
            GRANT SELECT ON public.whoami, "public$v1".whoami, "public$v2".whoami, other.whoami TO PUBLIC"#
        );
        transaction.batch_execute(&rows).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// The proxy's port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        match self.proxy.addresses().first() {
            Some(Address::Tcp { port, .. }) => *port,
            other => panic!("{other:?}"),
        }
    }

    /// Settings of a connection through the proxy.
    pub(crate) fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port()).user("postgres").dbname(&self.database);
        config
    }

    /// A session through the proxy with these `options`.
    pub(crate) async fn session(&self, options: &str) -> Client {
        connect(self.config().options(options)).await
    }

    /// A session that does not pass the proxy.
    pub(crate) async fn direct(&self) -> Client {
        connect(&self.server.config(&self.database)).await
    }

    /// Changes the catalogue as an operation does, and waits until the proxy has taken it up.
    pub(crate) async fn change_catalogue(&self, sql: &str) {
        let client = self.direct().await;
        execute(&client, sql).await;
        let epoch = catalog::store::bump_epoch(&client).await.unwrap();
        catalog::store::wait_for_acknowledgement(&client, epoch, Duration::from_secs(5)).await.unwrap();
    }

    /// Ends the proxy; the database stays until the server goes.
    pub(crate) async fn end(self) {
        self.proxy.stop().await;
    }
}

/// A proxy for `server` on a free port.
pub(crate) fn config(server: &PrivateServer) -> Config {
    Config {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        servers: vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: server.port() }],
        control: Control::new(server.config("ignored")),
        ..Config::default()
    }
}

/// Connects; the driver runs until the client is dropped.
pub(crate) async fn connect(config: &tokio_postgres::Config) -> Client {
    try_connect(config).await.unwrap()
}

pub(crate) async fn try_connect(config: &tokio_postgres::Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) async fn execute(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap();
}

/// The first column of the rows of a simple query.
pub(crate) async fn ask(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap();
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
            _ => None,
        })
        .collect()
}

/// SQLSTATE and message of a failed connection.
pub(crate) async fn refusal(config: &tokio_postgres::Config) -> (String, String) {
    let error = try_connect(config).await.err().unwrap();
    failure(&error)
}

/// SQLSTATE and message of an error.
pub(crate) fn failure(error: &tokio_postgres::Error) -> (String, String) {
    let db = error.as_db_error().unwrap_or_else(|| panic!("{error:?}"));
    (db.code().code().to_owned(), db.message().to_owned())
}

/// Waits for something that must come true soon.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let begun = Instant::now();
    while !condition().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "still waiting: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
