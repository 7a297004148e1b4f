//! The server that all tests share, and a database of its own for each.

use std::sync::atomic::{AtomicU32, Ordering};

use catalog::{
    blueprint,
    event::Silent,
    model::{EditionName, Name, Schema},
    operation::{self, CreateOptions, InitOptions, Programs},
    target::{Connection, Target},
};
use edition_cli::server::PrivateServer;
use tokio::sync::OnceCell;

static SERVER: OnceCell<PrivateServer> = OnceCell::const_new();
static DATABASES: AtomicU32 = AtomicU32::new(1);

/// The role that owns everything and may create databases; it is no superuser.
pub(crate) const OWNER: &str = "owner";

pub(crate) async fn server() -> &'static PrivateServer {
    SERVER
        .get_or_init(|| async {
            let server = PrivateServer::builder().setting("max_connections", "300").start().await.unwrap();
            let admin = Connection::open(&server.config("postgres")).await.unwrap();
            admin
                .batch_execute(
                    "CREATE ROLE owner LOGIN CREATEDB; CREATE ROLE app LOGIN; CREATE ROLE proxy LOGIN",
                )
                .await
                .unwrap();
            server
        })
        .await
}

/// A database of a test, owned by [`OWNER`].
pub(crate) struct Database {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) programs: Programs,
}

impl Database {
    /// A fresh database in which `sql` was run by its owner.
    pub(crate) async fn with(sql: &str) -> Self {
        let server = server().await;
        let name = format!("test{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let admin = Connection::open(&server.config("postgres")).await.unwrap();
        admin.batch_execute(&format!("CREATE DATABASE {name} OWNER {OWNER}")).await.unwrap();
        let mut config = server.config(&name);
        config.user(OWNER);
        let target = Target::new(config, None).unwrap();
        let database = Self { name, target, programs: server.programs().unwrap() };
        database.run(sql).await;
        database
    }

    /// The same, adopted with edition v1.
    pub(crate) async fn adopted(sql: &str) -> Self {
        let database = Self::with(sql).await;
        operation::init(&database.target, &database.init_options("v1"), &Silent).await.unwrap();
        database
    }

    pub(crate) fn init_options(&self, root: &str) -> InitOptions {
        InitOptions {
            root: edition(root),
            schemas: vec![name("public")],
            proxy_roles: Vec::new(),
            programs: self.programs.clone(),
        }
    }

    pub(crate) fn create_options(&self, edition_name: &str) -> CreateOptions {
        CreateOptions {
            name: edition(edition_name),
            from: Vec::new(),
            with_rows: false,
            comment: None,
            programs: self.programs.clone(),
        }
    }

    /// Runs statements in the live database, with the path that an application has.
    pub(crate) async fn run(&self, sql: &str) {
        run_in(&self.target.connect().await.unwrap(), sql).await;
    }

    /// Runs statements in the blueprint of an edition.
    pub(crate) async fn run_in_draft(&self, edition_name: &str, sql: &str) {
        let blueprint = edition(edition_name).blueprint_for(&self.name).unwrap();
        run_in(&self.target.connect_blueprint(&blueprint).await.unwrap(), sql).await;
    }

    pub(crate) async fn schema_of(&self, edition_name: &str) -> Schema {
        let blueprint = edition(edition_name).blueprint_for(&self.name).unwrap();
        let mut connection = self.target.connect_blueprint(&blueprint).await.unwrap();
        blueprint::read_database(&mut connection, &[name("public")]).await.unwrap()
    }

    /// `pg_dump --schema-only` of a database of the server.
    pub(crate) async fn dump(&self, database: &str) -> String {
        let output = tokio::process::Command::new(&self.programs.pg_dump)
            .args(["--schema-only", "-N", "edition", "-N", "edition_catalog", "-h", "127.0.0.1", "-U", OWNER])
            .args(["-p", &server().await.port().to_string(), database])
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Newer versions put a random key into \restrict lines.
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")).fold(
            String::new(),
            |mut all, line| {
                all.push_str(line);
                all.push('\n');
                all
            },
        )
    }

    /// Makes the database `to` what `from` is.
    pub(crate) async fn copy_database(&self, from: &str, to: &str) {
        let connection = Connection::open(&server().await.config("postgres")).await.unwrap();
        connection.batch_execute(&format!("DROP DATABASE IF EXISTS \"{to}\" WITH (FORCE)")).await.unwrap();
        let copy = format!("CREATE DATABASE \"{to}\" TEMPLATE \"{from}\" OWNER {OWNER}");
        connection.batch_execute(&copy).await.unwrap();
    }

    /// Names of the databases that belong to this one, itself included.
    pub(crate) async fn databases(&self) -> Vec<String> {
        let connection = Connection::open(&server().await.config("postgres")).await.unwrap();
        let rows = connection
            .query(
                "SELECT datname::text FROM pg_database WHERE datname = $1 OR starts_with(datname, $1 || '$') ORDER BY 1",
                &[&self.name],
            )
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

async fn run_in(connection: &Connection, sql: &str) {
    connection.batch_execute("SET search_path = public").await.unwrap();
    connection.batch_execute(sql).await.unwrap();
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn edition(text: &str) -> EditionName {
    EditionName::new(text).unwrap()
}
