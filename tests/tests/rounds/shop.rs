//! A database under load: PostgreSQL, the proxy, the verbs, and the two forms that its schema takes in turn.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use catalog::{
    event::{Events, Silent},
    model::{EditionName, Name, OnError},
    operation::{
        self, CreateOptions, InitOptions, KeepData, Programs, PublishOptions, RollbackOptions,
        TransformOptions,
    },
    plan::{Allowances, Code},
    target::Target,
};
use edition_cli::server::PrivateServer;
use edition_tests::{Application, Finished, Load, Script, patience};
use editiond::{Address, Config, Control, Proxy};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Connections for each of pgbench's protocols.
const CLIENTS: u32 = 8;
/// pgbench's protocols.
pub(crate) const PROTOCOLS: [&str; 3] = ["simple", "extended", "prepared"];
/// How long a verb may wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two forms of the schema; each is the draft on top of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `accounts (owner, cents)`, `entries`.
    Odd,
    /// `accounts (given, family, amount)`, `movements`, `audits`.
    Even,
}

impl Form {
    /// That of edition `vN`.
    pub(crate) fn of(number: u32) -> Self {
        if number % 2 == 1 { Self::Odd } else { Self::Even }
    }

    /// From the other form to this one.
    fn ddl(self) -> &'static str {
        match self {
            Self::Odd => include_str!("sql/to_odd.sql"),
            Self::Even => include_str!("sql/to_even.sql"),
        }
    }

    /// Forward into this form, and back.
    fn transforms(self) -> (&'static str, &'static str) {
        let to_even =
            "given = split_part(owner, ' ', 1), family = split_part(owner, ' ', 2), amount = cents / 100.0";
        let to_odd = "owner = given || ' ' || family, cents = (amount * 100)::integer";
        match self {
            Self::Odd => (to_odd, to_even),
            Self::Even => (to_even, to_odd),
        }
    }

    /// The scripts that write into the ledger, and that rename owners.
    fn scripts(self) -> [&'static str; 2] {
        match self {
            Self::Odd => [include_str!("sql/odd.write.pgbench"), include_str!("sql/odd.rename.pgbench")],
            Self::Even => [include_str!("sql/even.write.pgbench"), include_str!("sql/even.rename.pgbench")],
        }
    }

    /// What both forms must agree on: the sum of all balances, that of the ledger, its length, and a hash over every account.
    fn books(self) -> &'static str {
        match self {
            Self::Odd => {
                "SELECT (SELECT sum(cents)::text FROM accounts), (SELECT coalesce(sum(cents), 0)::text FROM entries), \
                 (SELECT count(*)::text FROM entries), \
                 (SELECT sum(hashtextextended(concat_ws('|', id, owner, cents, note), 0))::text FROM accounts)"
            }
            Self::Even => {
                "SELECT (SELECT sum(amount * 100)::bigint::text FROM accounts), (SELECT coalesce(sum(cents), 0)::text FROM movements), \
                 (SELECT count(*)::text FROM movements), \
                 (SELECT sum(hashtextextended(concat_ws('|', id, given || ' ' || family, (amount * 100)::bigint, note), 0))::text \
                  FROM accounts)"
            }
        }
    }
}

/// See the module's doc.
pub(crate) struct Shop {
    server: PrivateServer,
    proxy: Proxy,
    target: Target,
    programs: Programs,
    folder: TempDir,
}

/// What [`Form::books`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Books {
    /// Of all accounts, in cents.
    pub(crate) balance: String,
    /// Of all entries, in cents.
    pub(crate) ledger: String,
    /// How many entries.
    pub(crate) entries: usize,
    accounts: String,
}

impl Shop {
    /// Opens it with edition v1.
    pub(crate) async fn open() -> Self {
        // what a statement waited for is in the log if the test fails
        let server = PrivateServer::builder()
            .setting("log_lock_waits", "on")
            .setting("log_line_prefix", "%m [%p] %a %u@%d ")
            .start()
            .await
            .unwrap();
        let admin = connect(&server.config("postgres")).await;
        let roles = "CREATE ROLE owner LOGIN CREATEDB; CREATE ROLE app LOGIN; CREATE ROLE proxy LOGIN";
        admin.batch_execute(roles).await.unwrap();
        admin.batch_execute("CREATE DATABASE shop OWNER owner").await.unwrap();
        let mut config = server.config("shop");
        config.user("owner");
        connect(&config).await.batch_execute(include_str!("sql/base.sql")).await.unwrap();

        let mut control = server.config("shop");
        control.user("proxy");
        let tcp = |port| Address::Tcp { host: "127.0.0.1".to_owned(), port };
        let proxy = Config {
            listen: vec![tcp(0)],
            servers: vec![tcp(server.port())],
            control: Control::new(control),
            ..Config::default()
        };
        let proxy = Proxy::start(proxy).await.unwrap();
        let programs = server.programs().unwrap();
        let target = Target::new(config, None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = InitOptions {
            root: edition(1),
            schemas: vec![Name::new("public").unwrap()],
            proxy_roles: vec![Name::new("proxy").unwrap()],
            programs: programs.clone(),
        };
        operation::init(&target, &options, &Silent).await.unwrap();
        Self { server, proxy, target, programs, folder }
    }

    fn port(&self) -> u16 {
        match self.proxy.addresses().first() {
            Some(Address::Tcp { port, .. }) => *port,
            other => panic!("not a TCP address: {other:?}"),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Drafts `vN` on top of its parent, with its transforms.
    pub(crate) async fn draft(&self, number: u32) {
        let form = Form::of(number);
        let from = vec![self.file(&format!("v{number}.sql"), form.ddl())];
        let create = CreateOptions {
            name: edition(number),
            from,
            with_rows: false,
            comment: None,
            programs: self.programs.clone(),
        };
        operation::create(&self.target, &create, &Silent).await.unwrap();
        let (forward, reverse) = form.transforms();
        let transform = TransformOptions {
            edition: edition(number),
            table: "accounts".to_owned(),
            forward: vec![forward.to_owned()],
            reverse: vec![reverse.to_owned()],
            on_error: OnError::Reject,
            replace: true,
        };
        operation::transform(&self.target, &transform).await.unwrap();
    }

    /// `edition publish vN`.
    pub(crate) async fn publish(&self, number: u32, events: &dyn Events) -> catalog::Result<()> {
        let options = PublishOptions {
            // An amount may be larger than cents have room for.
            allow: Allowances::of([Code::OlderWriteMayFail]),
            batch_size: 5000,
            jobs: 2,
            patience: patience(PATIENCE),
            ..PublishOptions::default()
        };
        operation::publish(&self.target, &edition(number), &options, events).await.map(drop)
    }

    /// `edition rollback vN --discard`.
    pub(crate) async fn rollback(&self, number: u32, events: &dyn Events) -> catalog::Result<()> {
        let options = RollbackOptions { keep: KeepData::Discard, patience: patience(PATIENCE) };
        operation::rollback(&self.target, &edition(number), &options, events).await.map(drop)
    }

    /// `edition default vN+1` and `edition retire vN`.
    pub(crate) async fn retire(&self, number: u32, events: &dyn Events) -> catalog::Result<()> {
        operation::set_default(&self.target, &edition(number + 1)).await?;
        operation::retire(&self.target, &edition(number), patience(PATIENCE), events).await.map(drop)
    }

    /// The application of `vN` begins: eight clients for each protocol.
    pub(crate) fn start(&self, number: u32) -> Vec<Load> {
        let form = Form::of(number);
        let [write, rename] = form.scripts();
        let write = self.file(&format!("{form:?}.write"), write);
        let rename = self.file(&format!("{form:?}.rename"), rename);
        let program = self.server.installation().program("pgbench");
        let start = |protocol| {
            Load::start(&Application {
                program: &program,
                version: format!("v{number} {protocol}"),
                scripts: vec![Script::File(write.clone()), Script::File(rename.clone())],
                protocol,
                port: self.port(),
                user: "app",
                database: format!("shop@v{number}"),
                clients: CLIENTS,
                scale: 1,
                folder: self.folder.path(),
            })
            .unwrap()
        };
        PROTOCOLS.into_iter().map(start).collect()
    }

    /// The books of these editions in one snapshot, while the applications run.
    pub(crate) async fn books(&self, numbers: &[u32]) -> Vec<Books> {
        // the snapshot lives as long as the transaction that exported it
        let mut open: Vec<Client> = Vec::new();
        let mut snapshot: Option<String> = None;
        let mut all = Vec::new();
        for &number in numbers {
            let mut config = tokio_postgres::Config::new();
            config.host("127.0.0.1").port(self.port()).user("app").dbname(format!("shop@v{number}"));
            let client = connect(&config).await;
            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
            if let Some(id) = &snapshot {
                client.batch_execute(&format!("SET TRANSACTION SNAPSHOT '{id}'")).await.unwrap();
            } else {
                let row = client.query_one("SELECT pg_export_snapshot()", &[]).await.unwrap();
                snapshot = Some(row.get(0));
            }
            let row = client.query_one(Form::of(number).books(), &[]).await.unwrap();
            all.push(Books {
                balance: row.get(0),
                ledger: row.get(1),
                entries: row.get::<_, String>(2).parse().unwrap(),
                accounts: row.get(3),
            });
            open.push(client);
        }
        all
    }

    /// What the server had to say since `time`: errors, and who waited for whom.
    pub(crate) fn complaints(&self) -> String {
        let log = self.server.log();
        let telling =
            ["ERROR", "FATAL", "PANIC", "still waiting", "acquired", "STATEMENT", "DETAIL", "CONTEXT"];
        let lines: Vec<&str> =
            log.lines().filter(|line| telling.iter().any(|word| line.contains(word))).collect();
        let skipped = lines.len().saturating_sub(200);
        lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
    }

    /// Stops the proxy and the server.
    pub(crate) async fn close(self) {
        self.proxy.stop().await;
        self.server.stop().await.unwrap();
    }
}

/// Ends all of them; the transactions that run are finished.
pub(crate) async fn stop(loads: Vec<Load>) -> Vec<Finished> {
    let mut finished = Vec::new();
    for load in loads {
        finished.push(load.stop().await.unwrap());
    }
    finished
}

/// `vN`.
fn edition(number: u32) -> EditionName {
    EditionName::new(format!("v{number}")).unwrap()
}

async fn connect(config: &tokio_postgres::Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A span of time with a name.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
}
