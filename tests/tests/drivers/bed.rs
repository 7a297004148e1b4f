//! A server, the proxy and a database `app` with two live editions of a table `users`.

use std::{path::Path, process::Stdio, time::Duration};

use catalog::{
    event::Silent,
    model::{EditionName, Name},
    operation::{self, CreateOptions, InitOptions, PublishOptions},
    target::Target,
};
use edition_cli::server::PrivateServer;
use editiond::{Address, Config, Control, Proxy};
use tokio_postgres::NoTls;

/// The owner of everything; no superuser.
pub(crate) const OWNER: &str = "app";

/// Both editions and the name of the column that differs.
pub(crate) const EDITIONS: [(&str, &str); 2] = [("v1", "name"), ("v2", "full_name")];

/// See the module's doc.
pub(crate) struct Bed {
    _proxy: Proxy,
    _server: PrivateServer,
    port: u16,
}

impl Bed {
    /// Makes it all.
    pub(crate) async fn make() -> Self {
        let server = PrivateServer::builder().start().await.unwrap();
        let (client, connection) = server.config("postgres").connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("CREATE ROLE app LOGIN CREATEDB").await.unwrap();
        client.batch_execute("CREATE DATABASE app OWNER app").await.unwrap();
        let proxy = Proxy::start(Config {
            listen: vec![tcp(0)],
            servers: vec![tcp(server.port())],
            control: Control::new(server.config("postgres")),
            ..Config::default()
        })
        .await
        .unwrap();
        let port = match proxy.addresses().first() {
            Some(Address::Tcp { port, .. }) => *port,
            other => panic!("not a TCP address: {other:?}"),
        };
        make_editions(&server).await;
        Self { _proxy: proxy, _server: server, port }
    }

    /// Where the proxy listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Runs `program script HOST PORT EDITION COLUMN` for each edition; the script checks and complains by itself, and prints a line
    /// for each way of naming the edition.
    pub(crate) async fn run_in_both_editions(&self, program: &Path, script: &Path) {
        for (edition, column) in EDITIONS {
            let mut command = tokio::process::Command::new(program);
            command.arg(script).args(["127.0.0.1", &self.port.to_string(), edition, column]);
            command.env("PGUSER", OWNER).stdin(Stdio::null()).kill_on_drop(true);
            let output =
                tokio::time::timeout(Duration::from_secs(120), command.output()).await.expect("in time");
            let output =
                output.unwrap_or_else(|error| panic!("{}: {error}; run: make test", program.display()));
            let (said, complaint) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{} in {edition}:\n{said}{complaint}", script.display());
            assert!(said.lines().filter(|line| line.starts_with("ok ")).count() >= 2, "too few ways: {said}");
        }
    }
}

fn tcp(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".to_owned(), port }
}

/// `users`, and a second edition that calls its column something else.
async fn make_editions(server: &PrivateServer) {
    let mut config = server.config("app");
    config.user(OWNER);
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let table = "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)";
    client.batch_execute(table).await.unwrap();
    client.batch_execute("INSERT INTO users (name) VALUES ('Ada'), ('Alan')").await.unwrap();

    let target = Target::new(config, None).unwrap();
    let programs = server.programs().unwrap();
    let init = InitOptions {
        root: EditionName::new("v1").unwrap(),
        schemas: vec![Name::new("public").unwrap()],
        proxy_roles: Vec::new(),
        programs: programs.clone(),
    };
    operation::init(&target, &init, &Silent).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let up = folder.path().join("up.sql");
    std::fs::write(&up, "ALTER TABLE users RENAME COLUMN name TO full_name;").unwrap();
    let v2 = EditionName::new("v2").unwrap();
    let create =
        CreateOptions { name: v2.clone(), from: vec![up], with_rows: false, comment: None, programs };
    operation::create(&target, &create, &Silent).await.unwrap();
    operation::publish(&target, &v2, &PublishOptions::default(), &Silent).await.unwrap();
}
