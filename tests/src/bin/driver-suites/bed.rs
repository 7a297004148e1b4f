//! Two servers that are alike, and `editiond` before the one whose databases have editions.

use std::path::Path;

use catalog::{event::Silent, operation, target::Target};
use edition_cli::server::PrivateServer;
use edition_tests::{Session, Verbs, edition, name, told};
use editiond::{Address, Config, Control, Proxy};

use crate::suite::{Phase, Suite, Tables};

/// What can go wrong in here is told, not handled.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What stands in the editioned schema of a database whose suite makes its own tables elsewhere.
const NEIGHBOUR: &str = "\
CREATE TABLE public.users (id bigint PRIMARY KEY, name text NOT NULL);
INSERT INTO public.users SELECT n, 'user ' || n FROM generate_series(1, 100) n;
CREATE SCHEMA work;";
const NEIGHBOURS_CHILD: &str = "ALTER TABLE public.users RENAME name TO full_name";

/// A column more for every table.
const EVERY_TABLE: &str = "\
DO $$ DECLARE t regclass; BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text ~ '^(public$|of_)' LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN added_by_child integer DEFAULT 7', t);
    END LOOP;
END $$";

/// The schemas that are adopted.
const EDITIONED: &str = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^(public$|of_)' ORDER BY 1";

/// See the module's doc.
pub(crate) struct Bed {
    direct: PrivateServer,
    live: PrivateServer,
    proxy: Proxy,
}

impl Bed {
    /// Starts everything.
    pub(crate) async fn make() -> Result<Self> {
        let start = || {
            PrivateServer::builder().setting("jit", "off").setting("max_prepared_transactions", "10").start()
        };
        let (direct, live) = (start().await?, start().await?);
        let proxy = Proxy::start(Config {
            listen: vec!["127.0.0.1:0".parse()?],
            servers: vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: live.port() }],
            control: Control::new(live.config("postgres")),
            ..Config::default()
        })
        .await?;
        Ok(Self { direct, live, proxy })
    }

    /// Where the server without editions listens.
    pub(crate) fn direct_port(&self) -> u16 {
        self.direct.port()
    }

    /// Where `editiond` listens.
    pub(crate) fn proxied_port(&self) -> Result<u16> {
        match self.proxy.addresses().first() {
            Some(Address::Tcp { port, .. }) => Ok(*port),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// Makes the databases of a suite on both servers, and publishes a child edition on the live one.
    pub(crate) async fn prepare(&self, suite: &Suite, suites: &Path, parts: &str) -> Result<()> {
        let database = suite.database;
        for server in [&self.direct, &self.live] {
            let admin = open(server, "postgres").await?;
            for found in admin.ask(&databases(database)).await {
                admin.run(&format!("DROP DATABASE {found} WITH (FORCE)")).await;
            }
            match suite.tables {
                Tables::Own => {
                    admin.run(&format!("CREATE DATABASE {database}")).await;
                    admin.run(&format!("ALTER DATABASE {database} SET search_path = work")).await;
                    open(server, database).await?.run(NEIGHBOUR).await;
                }
                Tables::Kept => {
                    suite.run(suites, server.port(), Phase::MakeTables, parts).await?;
                }
                Tables::KeptBySchema => {
                    admin.run(&format!("CREATE DATABASE {database}")).await;
                    admin.run(&format!("ALTER DATABASE {database} SET search_path = work")).await;
                    open(server, database).await?.run("CREATE SCHEMA work").await;
                    suite.run(suites, server.port(), Phase::MakeTables, parts).await?;
                }
            }
        }
        let live = open(&self.live, database).await?;
        let schemas = live.ask(EDITIONED).await.iter().map(|schema| name(schema)).collect();
        let verbs = Verbs {
            target: Target::new(self.live.config(database), None)?,
            programs: self.live.programs()?,
            schemas,
        };
        let mut options = verbs.init_options("v1");
        options.proxy_roles = Vec::new();
        operation::init(&verbs.target, &options, &Silent).await.map_err(|error| told(&error))?;
        verbs.try_create("v2").await.map_err(|error| told(&error))?;
        let blueprint = edition("v2").blueprint_for(database)?;
        let change = match suite.tables {
            Tables::Own => NEIGHBOURS_CHILD,
            Tables::Kept | Tables::KeptBySchema => EVERY_TABLE,
        };
        open(&self.live, blueprint.as_str()).await?.run(change).await;
        verbs.try_publish("v2", &[], &Silent).await.map_err(|error| told(&error))?;
        Ok(())
    }

    /// Has sessions that name no edition go to the child, and changes the database beside it alike.
    pub(crate) async fn turn_to_child(&self, suite: &Suite) -> Result<()> {
        open(&self.direct, suite.database).await?.run(EVERY_TABLE).await;
        let target = Target::new(self.live.config(suite.database), None)?;
        operation::set_default(&target, &edition("v2")).await.map_err(|error| told(&error))?;
        Ok(())
    }
}

/// A database and its blueprints.
fn databases(database: &str) -> String {
    format!(
        "SELECT quote_ident(datname) FROM pg_database WHERE datname = '{database}' OR starts_with(datname, '{database}$')"
    )
}

async fn open(server: &PrivateServer, database: &str) -> Result<Session> {
    Session::open(&server.config(database)).await.map_err(|failure| format!("{database}: {failure:?}").into())
}
