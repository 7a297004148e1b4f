//! One PostgreSQL for a test binary; one database, owned by a role that is no superuser, and one `editiond` for each test.

use std::{
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
};

use catalog::{model::Name, operation::Programs, target::Target};
use edition_cli::server::PrivateServer;
use editiond::{Address, Config, Control, Proxy};
use tokio::sync::OnceCell;

use crate::{Dump, Failure, Rows, Session, Verbs, edition, name};

/// Owns the database and everything in it; may create databases; no superuser.
pub const OWNER: &str = "owner";
/// The application's role: what the owner grants it, and no more.
pub const APP: &str = "app";
/// Another role of the application.
pub const CLERK: &str = "clerk";

static SERVER: OnceCell<PrivateServer> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(1);

/// What is granted to [`APP`] unless a test grants for itself.
const USUAL_GRANTS: &str = "\
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO app;
";

/// A database, and a proxy before it.
pub struct World {
    /// Its name.
    pub database: String,
    /// What the owner can do with it.
    pub verbs: Verbs,
    proxy: Proxy,
}

/// The server of this test binary.
pub async fn server() -> &'static PrivateServer {
    SERVER
        .get_or_init(|| async {
            let server = PrivateServer::builder()
                .setting("max_connections", "300")
                // Catalogue queries are short, and every database is thrown away.
                .setting("jit", "off")
                .setting("autovacuum", "off")
                .start().await.unwrap();
            let admin = Session::open(&server.config("postgres")).await.unwrap();
            let roles = format!(
                "CREATE ROLE {OWNER} LOGIN CREATEDB; CREATE ROLE {APP} LOGIN; CREATE ROLE {CLERK} LOGIN; CREATE ROLE proxy LOGIN; \
                 CREATE ROLE keeper; GRANT keeper TO {OWNER}"
            );
            admin.run(&roles).await;
            server
        })
        .await
}

impl World {
    /// A database that was never adopted, in which the owner ran `sql`. The application may work on all tables, unless `sql` grants
    /// for itself.
    pub async fn plain(sql: &str) -> Self {
        let database = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        Self::named(database, sql).await
    }

    /// The same in a database of this name.
    pub async fn named(database: String, sql: &str) -> Self {
        let server = server().await;
        let admin = Session::open(&server.config("postgres")).await.unwrap();
        admin.run(&format!("CREATE DATABASE \"{}\" OWNER {OWNER}", database.replace('"', "\"\""))).await;
        let mut config = server.config(&database);
        config.user(OWNER);
        let target = Target::new(config, None).unwrap();
        let verbs = Verbs { target, programs: server.programs().unwrap(), schemas: vec![name("public")] };
        let proxy = Proxy::start(proxy_config(server)).await.unwrap();
        let world = Self { database, verbs, proxy };
        let owner = world.direct(OWNER).await;
        owner.run(sql).await;
        if !sql.contains("GRANT ") {
            owner.run(USUAL_GRANTS).await;
        }
        world
    }

    /// A database adopted with edition v1.
    pub async fn adopted(sql: &str) -> Self {
        let world = Self::plain(sql).await;
        world.verbs.init().await;
        world
    }

    /// Where `editiond` listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        match self.proxy.addresses().first() {
            Some(Address::Tcp { port, .. }) => *port,
            other => panic!("{other:?}"),
        }
    }

    /// Settings of a connection through the proxy that names no edition.
    pub fn config(&self, role: &str) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port()).user(role).dbname(&self.database);
        config
    }

    /// A session through the proxy, in an edition or a draft.
    pub async fn session(&self, role: &str, name: &str) -> Session {
        match self.try_session(role, name).await {
            Ok(session) => session,
            Err(failure) => panic!("{role} in {name}: {failure:?}"),
        }
    }

    /// The same, and why it is refused.
    pub async fn try_session(&self, role: &str, name: &str) -> Result<Session, Failure> {
        let mut config = self.config(role);
        let escaped: String =
            name.chars().flat_map(|c| if c == ' ' || c == '\\' { vec!['\\', c] } else { vec![c] }).collect();
        Session::open(config.options(format!("-c edition={escaped}"))).await
    }

    /// A session that does not pass the proxy.
    pub async fn direct(&self, role: &str) -> Session {
        let mut config = server().await.config(&self.database);
        Session::open(config.user(role)).await.unwrap()
    }

    /// A session in an edition's blueprint that does not pass the proxy.
    pub async fn in_blueprint(&self, name: &str) -> Session {
        let mut config = server().await.config(&self.blueprint(name));
        Session::open(config.user(OWNER)).await.unwrap()
    }

    /// Runs DDL in a draft, as a migration tool does: through the proxy.
    pub async fn draft(&self, name: &str, ddl: &str) {
        self.session(OWNER, name).await.run(ddl).await;
    }

    /// The blueprint database of an edition.
    pub fn blueprint(&self, name: &str) -> String {
        edition(name).blueprint_for(&self.database).unwrap().as_str().to_owned()
    }

    /// The live database's schema, without our own schema `edition`.
    pub async fn dump(&self) -> Dump {
        dump(&self.verbs.programs, &self.database, &["-N", "edition", "-N", "edition_catalog"]).await
    }

    /// The live database's schema with all that there is.
    pub async fn dump_all(&self) -> Dump {
        dump(&self.verbs.programs, &self.database, &[]).await
    }

    /// The schema of an edition's blueprint.
    pub async fn dump_blueprint(&self, name: &str) -> Dump {
        dump(&self.verbs.programs, &self.blueprint(name), &["-N", "edition", "-N", "edition_catalog"]).await
    }

    /// Every table of an edition as its sessions see it: `SELECT *`, rows sorted.
    pub async fn contents(&self, name: &str) -> Vec<(String, Rows)> {
        let schemas: Vec<&str> = self.verbs.schemas.iter().map(Name::as_str).collect();
        let tables = format!(
            "SELECT CASE nspname WHEN 'public' THEN quote_ident(relname) ELSE format('%I.%I', nspname, relname) END \
             FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace \
             WHERE relkind IN ('r', 'v', 'p') AND NOT relispartition AND nspname = ANY (string_to_array('{}', ',')) ORDER BY 1",
            schemas.join(",")
        );
        let tables = self.in_blueprint(name).await.ask(&tables).await;
        let session = self.session(OWNER, name).await;
        let mut contents = Vec::new();
        for table in tables {
            let mut rows = match session.try_ask(&format!("SELECT * FROM {table}")).await {
                Ok(rows) => rows,
                Err(failure) => panic!("{table} in {name}: {failure:?}"),
            };
            rows.rows.sort();
            contents.push((table, rows));
        }
        contents
    }

    /// Databases and schemas that are there only because of editions.
    pub async fn leftovers(&self) -> Vec<String> {
        let sql = format!(
            "SELECT datname FROM pg_database WHERE starts_with(datname, '{0}$') \
             UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'edition' OR strpos(nspname, '$') > 0",
            self.database.replace('\'', "''")
        );
        self.direct(OWNER).await.ask(&sql).await
    }

    /// Ends the proxy; the database stays until the server goes.
    pub async fn end(self) {
        self.proxy.stop().await;
    }
}

fn proxy_config(server: &PrivateServer) -> Config {
    let mut control = server.config("ignored");
    control.user("proxy");
    Config {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        servers: vec![Address::Tcp { host: "127.0.0.1".to_owned(), port: server.port() }],
        control: Control::new(control),
        ..Config::default()
    }
}

/// A database's schema.
pub(crate) async fn dump(programs: &Programs, database: &str, arguments: &[&str]) -> Dump {
    Dump::parse(&dump_text(programs, database, arguments).await)
}

/// The same as `pg_dump` writes it.
pub(crate) async fn dump_text(programs: &Programs, database: &str, arguments: &[&str]) -> String {
    let port = server().await.port().to_string();
    let output = tokio::process::Command::new(&programs.pg_dump)
        .args(["--schema-only", "-h", "127.0.0.1", "-U", OWNER, "-p", &port])
        .args(arguments)
        .args(["--dbname", database])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
