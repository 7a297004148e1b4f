//! The bank: a database with pgbench's tables, the proxy in front of it, and the ways to work on it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use edition_cli::server::PrivateServer;
use edition_tests::{Application, Load, Script};
use tempfile::TempDir;
use tokio_postgres::{Config, NoTls};

use crate::{
    Result,
    programs::{Proxy, edition, pg_dump, pgbench, psql},
    report::say,
};

/// The role that owns everything: no superuser, as rule 1 of the privileges wants it.
const OWNER: &str = "teller";

/// Where the story plays.
pub(crate) struct Bank<'a> {
    server: &'a PrivateServer,
    proxy: Proxy,
    folder: TempDir,
    scale: u32,
    clients: u32,
}

impl<'a> Bank<'a> {
    /// Makes role, database and tables, and starts the proxy.
    pub(crate) async fn open(server: &'a PrivateServer, scale: u32, clients: u32) -> Result<Self> {
        let (client, connection) = server.config("postgres").connect(NoTls).await?;
        let driver = tokio::spawn(connection);
        client.batch_execute(&format!("CREATE ROLE {OWNER} LOGIN CREATEDB")).await?;
        client.batch_execute(&format!("CREATE DATABASE bank OWNER {OWNER}")).await?;
        drop(client);
        driver.await??;
        pgbench(server, OWNER, &["--initialize", "--quiet", "--scale", &scale.to_string(), "bank"])?;
        let folder = tempfile::Builder::new().prefix("edition-demo-").tempdir()?;
        let proxy = Proxy::start(server, OWNER, folder.path()).await?;
        Ok(Self { server, proxy, folder, scale, clients })
    }

    /// A folder for files of this run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The schema of one of the server's databases as SQL.
    pub(crate) fn dump(&self, database: &str, arguments: &[&str]) -> Result<String> {
        pg_dump(self.server, OWNER, database, arguments)
    }

    /// Runs a verb of `edition` and shows how long it took; an error shows what it said.
    pub(crate) fn edition(&self, arguments: &[&str]) -> Result<String> {
        edition(self.server, OWNER, "bank", arguments)
    }

    /// Runs a verb that changes a live database and returns the longest time that a lock of its held others up.
    pub(crate) fn change(&self, arguments: &[&str]) -> Result<Duration> {
        let outcome = self.edition(&[arguments, &["--json"]].concat())?;
        let outcome: serde_json::Value = serde_json::from_str(&outcome)?;
        Ok(serde_json::from_value(outcome.get("longest_lock").cloned().unwrap_or_default())?)
    }

    /// Drafts an edition from DDL.
    pub(crate) fn draft(&self, name: &str, ddl: &str) -> Result<()> {
        let file = self.file(&format!("{name}.sql"), ddl)?;
        self.edition(&["create", name, "--from", &file.to_string_lossy()])?;
        Ok(())
    }

    /// Starts a version of the application, which runs until it is stopped.
    pub(crate) fn load(&self, version: &'static str) -> Result<Load> {
        let script = match version {
            "v1" => Script::BuiltIn,
            "v2" => Script::File(self.file("v2.pgbench", include_str!("sql/v2.pgbench"))?),
            _ => Script::File(self.file("v3.pgbench", include_str!("sql/v3.pgbench"))?),
        };
        say(&format!("$ pgbench of {version}: {} clients", self.clients));
        let program = self.server.installation().program("pgbench");
        Load::start(&Application {
            program: &program,
            version: version.to_owned(),
            scripts: vec![script],
            protocol: "simple",
            port: self.proxy.port(),
            user: OWNER,
            database: format!("bank@{version}"),
            clients: self.clients,
            scale: self.scale,
            folder: self.folder(),
        })
    }

    /// A connection through the proxy, in an edition.
    pub(crate) fn config(&self, version: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.proxy.port()).user(OWNER).dbname(format!("bank@{version}"));
        config
    }

    /// A database with pgbench's empty tables, changed by plain DDL: what the bank's schema must come to.
    pub(crate) async fn plain(&self, scripts: &[&str]) -> Result<String> {
        let (client, connection) = self.server.config("postgres").connect(NoTls).await?;
        let driver = tokio::spawn(connection);
        client.batch_execute(&format!("CREATE DATABASE plain OWNER {OWNER}")).await?;
        drop(client);
        driver.await??;
        pgbench(self.server, OWNER, &["--initialize", "--quiet", "--init-steps", "dtp", "plain"])?;
        for (index, script) in scripts.iter().enumerate() {
            psql(self.server, OWNER, "plain", &self.file(&format!("plain-{index}.sql"), script)?)?;
        }
        Ok("plain".to_owned())
    }

    fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}
