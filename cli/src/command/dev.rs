//! `edition dev`: everything on one machine, in one process: a private PostgreSQL, a database that is adopted, and the proxy.

use std::path::PathBuf;

use catalog::{
    Error, ErrorKind, Result,
    blueprint::Script,
    model::{EditionName, Name},
    operation::{self, InitOptions},
    target::Target,
};
use clap::Args;
use edition_cli::server::PrivateServer;
use editiond::{Address, Config, Control, Proxy};
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_postgres::NoTls;

use super::Context;
use crate::output::Progress;

/// Start a private PostgreSQL with a proxy in front, to try editions on this machine
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition dev
  edition dev --data-dir ./data --init-sql schema.sql

It runs until Ctrl-C. Both listen on 127.0.0.1 only, and whoever can connect there needs no password.")]
pub(crate) struct Dev {
    /// Keep the data here (default: temporary, gone at the end)
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Where applications connect: the proxy's port; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 6432)]
    port: u16,

    /// PostgreSQL's own port (default: any free one)
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    server_port: u16,

    /// SQL to run in a new database before it is adopted
    #[arg(long, value_name = "FILE")]
    init_sql: Option<PathBuf>,

    /// The database, and the role that owns it
    #[arg(long, value_name = "NAME", default_value = "app")]
    database: Name,
}

impl Dev {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        self.check(context)?;
        // from here on, a signal at any moment ends in the same orderly way
        let mut signals = Signals::listen()?;
        let progress = context.output.progress();
        let started = tokio::select! {
            started = self.start(context, &progress) => Some(started),
            () = signals.recv() => None,
        };
        progress.finish();
        let Some(started) = started else { return Ok(()) };
        let (mut server, proxy, place) = started?;
        context.output.show(&place, Place::text)?;
        let crashed = loop {
            tokio::select! {
                () = signals.recv() => break false,
                () = tokio::time::sleep(std::time::Duration::from_secs(1)) => if !server.is_running() { break true },
            }
        };
        proxy.stop().await;
        if crashed {
            let log = server.log();
            return Err(Error::new(
                ErrorKind::Environment,
                format!("the PostgreSQL server has ended; its log:\n{log}"),
            ));
        }
        server.stop().await
    }

    fn check(&self, context: &Context) -> Result<()> {
        if self.database.as_str().starts_with("pg_") || self.database.as_str() == "public" {
            // PostgreSQL reserves these (docs, CREATE ROLE), and role and database have one name here.
            return Err(Error::new(
                ErrorKind::Usage,
                format!("\"{}\" cannot be the name of a role", self.database.as_str()),
            )
            .with_hint("choose another --database"));
        }
        if context.global.database_url.is_some() {
            return Err(Error::new(
                ErrorKind::Usage,
                "edition dev starts a server of its own and has no use for --database-url",
            )
            .with_hint("edition init adopts a database that is there"));
        }
        Ok(())
    }

    async fn start(&self, context: &Context, progress: &Progress) -> Result<(PrivateServer, Proxy, Place)> {
        let script = self.init_sql.as_deref().map(Script::read).transpose()?;
        let mut builder = PrivateServer::builder().port(self.server_port);
        if let Some(folder) = &context.global.pg_bin {
            builder = builder.pg_bin(folder);
        }
        if let Some(data) = &self.data_dir {
            builder = builder.data_dir(data);
        }
        let server = builder.start().await?;
        let fresh = self.make_database(&server).await?;
        let adopted = self.adopt(&server, script.as_ref().filter(|_| fresh), progress).await;
        if adopted.is_err() && fresh {
            // so that the next start with the same data directory runs the SQL again
            drop_database(&server, &self.database).await?;
        }
        adopted?;
        let proxy = self.start_proxy(&server).await?;
        let place = self.place(&server, &proxy);
        // a proxy turns to a database with the first session; so `edition url` knows it from the start
        connect_once(&place.application).await?;
        Ok((server, proxy, place))
    }

    /// Makes role and database, if they are not there from an earlier time. Returns whether the database is new.
    async fn make_database(&self, server: &PrivateServer) -> Result<bool> {
        let (client, connection) = server.config("postgres").connect(NoTls).await?;
        tokio::spawn(connection);
        let name = &self.database;
        if client.query_opt("SELECT FROM pg_roles WHERE rolname = $1", &[&name.as_str()]).await?.is_none() {
            client.batch_execute(catalog::sql!("CREATE ROLE {} LOGIN CREATEDB", name).as_str()).await?;
        }
        if client.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name.as_str()]).await?.is_some()
        {
            return Ok(false);
        }
        client.batch_execute(catalog::sql!("CREATE DATABASE {} OWNER {}", name, name).as_str()).await?;
        Ok(true)
    }

    async fn adopt(
        &self,
        server: &PrivateServer,
        script: Option<&Script>,
        progress: &Progress,
    ) -> Result<()> {
        let mut config = server.config(self.database.as_str());
        config.user(self.database.as_str());
        let target = Target::new(config, None)?;
        if let Some(script) = script {
            let ran = script.run(&server.programs()?.psql, target.config(), target.tls()).await;
            ran.map_err(|error| error.with_hint("mend the file and run the same command again"))?;
        }
        let options = InitOptions {
            root: EditionName::new("v1").map_err(|error| Error::bug(error.to_string()))?,
            schemas: vec![Name::new("public").map_err(|error| Error::bug(error.to_string()))?],
            proxy_roles: Vec::new(),
            programs: server.programs()?,
        };
        // a kept database may have been adopted in the user's own way
        if operation::status(&target).await?.adopted {
            return Ok(());
        }
        operation::init(&target, &options, progress).await.map(drop)
    }

    async fn start_proxy(&self, server: &PrivateServer) -> Result<Proxy> {
        let mut control = server.config("postgres");
        control.user(server.superuser());
        let config = Config {
            listen: vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: self.port }],
            servers: vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: server.port() }],
            control: Control::new(control),
            ..Config::default()
        };
        Proxy::start(config).await.map_err(|error| {
            Error::new(ErrorKind::Environment, format!("cannot start the proxy: {error}"))
                .with_hint("name another port with --port, or 0 for any free one")
        })
    }

    fn place(&self, server: &PrivateServer, proxy: &Proxy) -> Place {
        let name = self.database.as_str();
        let url = |host: &str| {
            let name = super::url::percent(name);
            format!("postgres://{name}@{host}/{name}")
        };
        Place {
            version: server.installation().version().to_string(),
            data_dir: server.data_dir().to_owned(),
            temporary: self.data_dir.is_none(),
            application: url(&proxy.addresses().first().map(ToString::to_string).unwrap_or_default()),
            direct: url(&format!("127.0.0.1:{}", server.port())),
        }
    }
}

async fn connect_once(url: &str) -> Result<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driver = tokio::spawn(connection);
    drop(client);
    driver
        .await
        .map_err(|error| Error::bug(format!("a connection was not driven to its end: {error}")))?
        .map_err(Error::from)
}

async fn drop_database(server: &PrivateServer, name: &Name) -> Result<()> {
    let (client, connection) = server.config("postgres").connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client.batch_execute(catalog::sql!("DROP DATABASE IF EXISTS {} WITH (FORCE)", name).as_str()).await?)
}

/// What a user needs to know.
#[derive(Debug, Serialize)]
struct Place {
    version: String,
    data_dir: PathBuf,
    temporary: bool,
    application: String,
    direct: String,
}

impl Place {
    fn text(&self) -> String {
        let Self { version, application, direct, .. } = self;
        let data = self.data_dir.display();
        let kept = if self.temporary { "temporary" } else { "kept" };
        format!(
            "PostgreSQL {version} with editiond in front of it; data in {data} ({kept})\n\
             \n\
             applications        {application}\n\
             \x20 in an edition     {application}@v2\n\
             the edition command export DATABASE_URL={direct}\n\
             \n\
             ready; Ctrl-C stops both"
        )
    }
}

/// Ctrl-C and SIGTERM.
struct Signals(Signal, Signal);

impl Signals {
    fn listen() -> Result<Self> {
        let listen = || {
            Ok::<_, std::io::Error>(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
        };
        listen().map_err(|error| Error::bug(format!("cannot listen for signals: {error}")))
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}
