//! Two servers that are alike, `editiond` before one of them, and the databases in which test files run.

use std::{
    collections::HashMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use catalog::target::Target;
use edition_cli::server::PrivateServer;
use edition_tests::{Session, Verbs, name};
use editiond::{Address, Config, Control, Proxy};
use tempfile::TempDir;

use crate::lockstep::Side;

/// What can go wrong in here is told, not handled.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The database that all others are copies of.
const BASE: &str = "regress_base";
/// Files of the suite that make what other files need, in this order.
const GROUNDWORK: [&str; 8] = [
    "test_setup",
    "create_function_c",
    "create_misc",
    "create_operator",
    "create_procedure",
    "create_table",
    "create_type",
    "create_index",
];

/// See the module's doc.
pub(crate) struct Bed {
    pub(crate) direct: PrivateServer,
    pub(crate) live: PrivateServer,
    pub(crate) proxy: Proxy,
    /// The suite's folder `src/test/regress`.
    suite: PathBuf,
    /// Where `regress.so` lies.
    library: PathBuf,
    /// Where test files write.
    written: TempDir,
}

impl Bed {
    /// Starts everything; `suite` is what `scripts/fetch-suites.sh postgres` printed.
    pub(crate) async fn make(suite: &Path) -> Result<Self> {
        let (direct, live) = (start().await?, start().await?);
        let proxy = Proxy::start(Config {
            listen: vec!["127.0.0.1:0".parse()?],
            servers: vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: live.port() }],
            control: Control::new(live.config("postgres")),
            ..Config::default()
        })
        .await?;
        let written = TempDir::new()?;
        std::fs::create_dir(written.path().join("results"))?;
        for folder in [written.path().to_owned(), written.path().join("results")] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777))?;
        }
        Ok(Self {
            direct,
            live,
            proxy,
            suite: suite.join("src/test/regress").canonicalize()?,
            library: suite.canonicalize()?,
            written,
        })
    }

    /// The folder that the script printed.
    pub(crate) fn root(&self) -> &Path {
        &self.library
    }

    /// A test file.
    pub(crate) fn file(&self, test: &str) -> PathBuf {
        self.suite.join("sql").join(format!("{test}.sql"))
    }

    /// All test files in the order of the schedule, without those that make the groundwork.
    pub(crate) fn schedule(&self) -> Result<Vec<String>> {
        let schedule = std::fs::read_to_string(self.suite.join("parallel_schedule"))?;
        let tests = schedule.lines().filter_map(|line| line.strip_prefix("test: "));
        let tests = tests.flat_map(str::split_whitespace).filter(|test| !GROUNDWORK.contains(test));
        Ok(tests.map(str::to_owned).collect())
    }

    /// What test files read by `\getenv`.
    pub(crate) fn environment(&self) -> HashMap<String, String> {
        let path = |path: &Path| path.display().to_string();
        [
            ("PG_ABS_SRCDIR", path(&self.suite)),
            ("PG_ABS_BUILDDIR", path(self.written.path())),
            ("PG_LIBDIR", path(&self.library)),
            ("PG_DLSUFFIX", ".so".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Makes the database that all others are copies of, on both servers.
    pub(crate) async fn groundwork(&self) -> Result<()> {
        for server in [&self.direct, &self.live] {
            let admin = admin(server, "postgres").await?;
            admin.run(&format!("CREATE DATABASE {BASE} TEMPLATE template0")).await;
            for test in GROUNDWORK {
                self.psql(server, BASE, &self.file(test)).await?;
            }
        }
        Ok(())
    }

    async fn psql(&self, server: &PrivateServer, database: &str, file: &Path) -> Result<()> {
        let output = tokio::process::Command::new(server.programs()?.psql)
            .args(["-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", database])
            .args(["-p", &server.port().to_string(), "-f"])
            .arg(file)
            .envs(self.environment())
            .envs([("PGTZ", "PST8PDT"), ("PGDATESTYLE", "Postgres, MDY")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .output()
            .await?;
        // Test files hold statements that fail on purpose; only that psql ran is known here.
        match output.status.code() {
            Some(0) => Ok(()),
            _ => Err(format!("{}: {}", file.display(), String::from_utf8_lossy(&output.stderr)).into()),
        }
    }

    /// Makes a database anew as a copy of the groundwork, on both servers.
    pub(crate) async fn create(&self, database: &str) -> Result<()> {
        for server in [&self.direct, &self.live] {
            let admin = admin(server, "postgres").await?;
            admin.run(&format!("CREATE DATABASE {database} TEMPLATE {BASE}")).await;
        }
        Ok(())
    }

    /// Drops a database, its blueprints and the roles that tests made in it.
    pub(crate) async fn drop(&self, database: &str) -> Result<()> {
        for server in [&self.direct, &self.live] {
            let admin = admin(server, "postgres").await?;
            let all = format!(
                "SELECT quote_ident(datname) FROM pg_database WHERE datname = '{database}' OR starts_with(datname, '{database}$')"
            );
            for found in admin.ask(&all).await {
                // a proxy or a test may still hold it, or have made it a template
                let _ = admin.try_ask(&format!("DROP DATABASE {found} WITH (FORCE)")).await;
            }
            let roles = "SELECT quote_ident(rolname) FROM pg_roles WHERE starts_with(rolname, 'regress')";
            for role in admin.ask(roles).await {
                // what other databases need stays
                let _ = admin.try_ask(&format!("DROP ROLE {role}")).await;
            }
        }
        Ok(())
    }

    /// What the owner of a live database can do with it.
    pub(crate) fn verbs(&self, database: &str) -> Result<Verbs> {
        let target = Target::new(self.live.config(database), None)?;
        Ok(Verbs { target, programs: self.live.programs()?, schemas: vec![name("public")] })
    }

    /// The direct side of a database.
    pub(crate) fn direct_side(&self, database: &str) -> Side {
        Side { port: self.direct.port(), database: database.to_owned(), edition: None }
    }

    /// The live database, past the proxy.
    pub(crate) fn live_side(&self, database: &str) -> Side {
        Side { port: self.live.port(), database: database.to_owned(), edition: None }
    }

    /// The proxied side of a database.
    pub(crate) fn proxied_side(&self, database: &str, edition: &str) -> Result<Side> {
        let port = match self.proxy.addresses().first() {
            Some(Address::Tcp { port, .. }) => *port,
            other => return Err(format!("{other:?}").into()),
        };
        Ok(Side { port, database: database.to_owned(), edition: Some(edition.to_owned()) })
    }
}

/// A superuser's session.
pub(crate) async fn admin(server: &PrivateServer, database: &str) -> Result<Session> {
    Session::open(&server.config(database)).await.map_err(|failure| format!("{failure:?}").into())
}

async fn start() -> Result<PrivateServer> {
    let server = PrivateServer::builder()
        // as pg_regress has it
        .setting("max_prepared_transactions", "2")
        // plans and statistics must not hang on time
        .setting("autovacuum", "off")
        .setting("jit", "off")
        .start()
        .await?;
    Ok(server)
}
