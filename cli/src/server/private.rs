//! [`PrivateServer`]: the handle, and the [`Builder`] that makes one.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use catalog::{Error, ErrorKind, Result, operation::Programs};
use tempfile::TempDir;
use tokio_postgres::Config;

use super::{
    Installation,
    account::{Account, cannot, give},
    cluster::{Recipe, is_cluster, prepare_kept},
    find_programs,
    postmaster::{Launch, Postmaster, StartError},
};

/// How often another process may snatch a free port from us before we give up.
const PORT_ATTEMPTS: u32 = 10;
/// The longest path of a unix socket that every system takes is 103 bytes; this is what the file name needs of it.
const SOCKET_PATH_MAX: usize = 103 - "/.s.PGSQL.65535".len();

/// A PostgreSQL server that belongs to this value: dropping it stops the server and removes what is temporary.
#[derive(Debug)]
pub struct PrivateServer {
    // declared first: the server must be gone before its folder goes
    postmaster: Postmaster,
    installation: Installation,
    superuser: String,
    port: u16,
    data: PathBuf,
    log: PathBuf,
    runtime: TempDir,
}

/// What a [`PrivateServer`] is to be like. The default is a throw-away server: temporary, on a free port, `fsync=off`.
#[derive(Clone, Debug)]
pub struct Builder {
    pg_bin: Option<PathBuf>,
    data: Option<PathBuf>,
    port: u16,
    superuser: String,
    settings: Vec<(String, String)>,
    initdb_arguments: Vec<String>,
    hba: Option<String>,
    deadline: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            pg_bin: None,
            data: None,
            port: 0,
            superuser: "postgres".to_owned(),
            settings: Vec::new(),
            initdb_arguments: Vec::new(),
            hba: None,
            deadline: Duration::from_secs(60),
        }
    }
}

impl Builder {
    /// Takes the programs of this folder and no others.
    #[must_use]
    pub fn pg_bin(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pg_bin = Some(folder.into());
        self
    }

    /// Keeps the data here, durably (`fsync` stays on). A cluster that is there already is taken up again.
    #[must_use]
    pub fn data_dir(mut self, data: impl Into<PathBuf>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// The TCP port on 127.0.0.1; 0 (the default) is any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The superuser's name in a new cluster (default `postgres`).
    #[must_use]
    pub fn superuser(mut self, name: impl Into<String>) -> Self {
        self.superuser = name.into();
        self
    }

    /// A server setting; a later one wins over an earlier one and over our own.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// One more argument for `initdb`; a later one wins over our own (`-A trust -E UTF8 --locale=C`).
    #[must_use]
    pub fn initdb_argument(mut self, argument: impl Into<String>) -> Self {
        self.initdb_arguments.push(argument.into());
        self
    }

    /// The whole text of `pg_hba.conf`, in place of `initdb`'s.
    #[must_use]
    pub fn hba(mut self, text: impl Into<String>) -> Self {
        self.hba = Some(text.into());
        self
    }

    /// How long starting may take (default 60 s).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Makes the cluster if need be, starts it, and returns when it takes connections.
    pub async fn start(self) -> Result<PrivateServer> {
        let installation = Installation::find(self.pg_bin.as_deref())?;
        let existing = self.data.as_deref().filter(|data| is_cluster(data));
        let account = match existing {
            Some(data) => Account::for_existing_cluster(data)?,
            None => Account::for_new_cluster()?,
        };
        let runtime = runtime_folder(account)?;
        let data = self.make_cluster(&installation, account, runtime.path()).await?;
        if let Some(hba) = &self.hba {
            let file = data.join("pg_hba.conf");
            std::fs::write(&file, hba).map_err(|error| cannot("write", &file, error))?;
        }
        let log = runtime.path().join("server.log");
        let (postmaster, port) =
            self.start_on_a_free_port(&installation, account, runtime.path(), &data, &log).await?;
        Ok(PrivateServer { postmaster, installation, superuser: self.superuser, port, data, log, runtime })
    }

    async fn make_cluster(
        &self,
        installation: &Installation,
        account: Option<Account>,
        runtime: &Path,
    ) -> Result<PathBuf> {
        let recipe = Recipe {
            installation,
            account,
            superuser: &self.superuser,
            initdb_arguments: &self.initdb_arguments,
            directory: runtime,
        };
        let Some(kept) = &self.data else {
            let data = runtime.join("data");
            recipe.copy_template(&data).await?;
            return Ok(data);
        };
        if !is_cluster(kept) {
            prepare_kept(kept, account)?;
        }
        // the server's working folder is another, so a relative path would not find it
        let kept = std::fs::canonicalize(kept).map_err(|error| cannot("open", kept, error))?;
        if !is_cluster(&kept) {
            recipe.make(&kept, true).await?;
        }
        Ok(kept)
    }

    async fn start_on_a_free_port(
        &self,
        installation: &Installation,
        account: Option<Account>,
        runtime: &Path,
        data: &Path,
        log: &Path,
    ) -> Result<(Postmaster, u16)> {
        let settings = self.all_settings(runtime);
        for _ in 0..PORT_ATTEMPTS {
            let port = if self.port == 0 { free_port()? } else { self.port };
            let launch = Launch {
                postgres: installation.program("postgres"),
                account,
                data,
                runtime,
                port,
                settings: &settings,
                log,
                deadline: self.deadline,
            };
            match Postmaster::start(&launch).await {
                Ok(postmaster) => return Ok((postmaster, port)),
                Err(StartError::PortTaken) if self.port == 0 => {}
                Err(StartError::PortTaken) => {
                    return Err(Error::new(ErrorKind::Environment, format!("port {port} is in use"))
                        .with_hint("name another port, or none for any free one"));
                }
                Err(StartError::Other(error)) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Environment,
            "other processes took every free port before the server could",
        ))
    }

    fn all_settings(&self, runtime: &Path) -> Vec<(String, String)> {
        let ours = [
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("unix_socket_directories", runtime.display().to_string()),
            ("unix_socket_permissions", "0700".to_owned()),
            ("logging_collector", "off".to_owned()),
            ("log_destination", "stderr".to_owned()),
            ("max_connections", "200".to_owned()),
        ];
        let reckless = [("fsync", "off".to_owned()), ("full_page_writes", "off".to_owned())];
        let reckless = reckless.into_iter().filter(|_| self.data.is_none());
        ours.into_iter()
            .chain(reckless)
            .map(|(name, value)| (name.to_owned(), value))
            .chain(self.settings.iter().cloned())
            .collect()
    }
}

impl PrivateServer {
    /// Says what the server is to be like.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A connection as the superuser, over TCP.
    pub fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(&self.superuser).dbname(database);
        config
    }

    /// A connection string of the same kind.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}@127.0.0.1:{}/{database}", self.superuser, self.port)
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser.
    pub fn superuser(&self) -> &str {
        &self.superuser
    }

    /// The folder of the unix socket. As root's server it runs under another account, and only that account and root may enter.
    pub fn socket_dir(&self) -> &Path {
        self.runtime.path()
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// Which programs it runs.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// `pg_dump` and `psql` that fit this server.
    pub fn programs(&self) -> Result<Programs> {
        let major = self.installation.version().major;
        find_programs(Some(self.installation.bin()), Some(major))
            .or_else(|_| find_programs(None, Some(major)))
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.postmaster.pid()
    }

    /// Whether the server process is still there.
    pub fn is_running(&mut self) -> bool {
        self.postmaster.exit_status().is_none()
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Makes the server read its configuration files again.
    pub fn reload(&mut self) {
        self.postmaster.send(rustix::process::Signal::HUP);
    }

    /// Stops the server by a fast shutdown and waits until it has gone, without blocking the runtime as a drop would.
    pub async fn stop(self) -> Result<()> {
        tokio::task::spawn_blocking(move || drop(self))
            .await
            .map_err(|error| Error::bug(format!("stopping the server failed: {error}")))
    }
}

/// A folder that the account may enter, with a path short enough for a socket. Root's own TMPDIR may be closed to others.
fn runtime_folder(account: Option<Account>) -> Result<TempDir> {
    let usual = std::env::temp_dir();
    let parent = if account.is_some() || usual.as_os_str().len() + "/edition-XXXXXX".len() > SOCKET_PATH_MAX {
        PathBuf::from("/tmp")
    } else {
        usual
    };
    let folder = tempfile::Builder::new()
        .prefix("edition-")
        .tempdir_in(&parent)
        .map_err(|error| cannot("make a folder in", &parent, error))?;
    give(account, folder.path())?;
    Ok(folder)
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| {
            Error::new(ErrorKind::Environment, format!("no free port on 127.0.0.1: {error}"))
                .with_source(error)
        })
}
