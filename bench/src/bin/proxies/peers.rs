//! What stands between client and server.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use catalog::{Error, ErrorKind, Result};
use edition_cli::server::PrivateServer;

use crate::{DATABASE, failed};

/// How long a proxy may take to listen.
const START: Duration = Duration::from_secs(10);

/// A target of the load.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// `PGOPTIONS` of its clients.
    pub(crate) options: &'static str,
    process: Option<Child>,
}

impl Peer {
    /// The proxy's process; None for a direct connection.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself; there is nothing to do about either failure.
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// Starts all that are installed; says which are not.
pub(crate) async fn start_all(server: &PrivateServer, folder: &Path) -> Result<Vec<Peer>> {
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755))
        .map_err(failed("cannot open the temporary folder to PgBouncer's account"))?;
    let direct = Peer { name: "direct", port: server.port(), options: "", process: None };
    let mut peers = vec![direct, editiond(server)?];
    for (name, started) in [("PgBouncer", pgbouncer(server, folder)), ("HAProxy", haproxy(server, folder))] {
        match started {
            Ok(peer) => peers.push(peer),
            Err(error) => println!("without {name}: {error}"),
        }
    }
    for peer in &mut peers {
        wait_until_it_listens(peer).await?;
    }
    Ok(peers)
}

fn editiond(server: &PrivateServer) -> Result<Peer> {
    let program = sibling("editiond")?;
    let port = free_port()?;
    let process = Command::new(program)
        .args(["--listen", &format!("127.0.0.1:{port}"), "--server", &format!("127.0.0.1:{}", server.port())])
        .args(["--control-user", server.superuser(), "--log-level", "warn"])
        .spawn()
        .map_err(failed("cannot start editiond"))?;
    Ok(Peer { name: "editiond", port, options: "-c edition=v2", process: Some(process) })
}

fn sibling(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe().map_err(failed("cannot find this program"))?.with_file_name(name);
    if path.exists() {
        return Ok(path);
    }
    Err(Error::new(ErrorKind::Environment, format!("there is no {}", path.display()))
        .with_hint("cargo build --release -p editiond"))
}

fn pgbouncer(server: &PrivateServer, folder: &Path) -> Result<Peer> {
    let port = free_port()?;
    let users = folder.join("users.txt");
    write(&users, &format!("\"{}\" \"\"\n", server.superuser()))?;
    let settings = folder.join("pgbouncer.ini");
    write(
        &settings,
        &format!(
            "[databases]\n{DATABASE} = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = session\nmax_client_conn = 300\n\
             default_pool_size = 150\nlog_connections = 0\nlog_disconnections = 0\nlog_stats = 0\n",
            server.port(),
            users.display()
        ),
    )?;
    let mut command = Command::new(find("pgbouncer")?);
    // It refuses to run as root.
    command.args(["-q", "-u", "postgres"]).arg(&settings);
    Ok(Peer { name: "PgBouncer", port, options: "", process: Some(quietly(command)?) })
}

fn haproxy(server: &PrivateServer, folder: &Path) -> Result<Peer> {
    let port = free_port()?;
    let settings = folder.join("haproxy.cfg");
    write(
        &settings,
        &format!(
            "global\n  nbthread 1\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
             frontend clients\n  bind 127.0.0.1:{port}\n  default_backend postgres\n\
             backend postgres\n  server one 127.0.0.1:{}\n",
            server.port()
        ),
    )?;
    let mut command = Command::new(find("haproxy")?);
    command.args(["-db", "-f"]).arg(&settings);
    Ok(Peer { name: "HAProxy", port, options: "", process: Some(quietly(command)?) })
}

fn quietly(mut command: Command) -> Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(failed("it does not start"))
}

/// Looks on PATH and where Debian keeps servers.
fn find(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::new(ErrorKind::Environment, "it is not installed"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(failed("cannot write a configuration file"))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("no free port"))?;
    Ok(listener.local_addr().map_err(failed("no free port"))?.port())
}

async fn wait_until_it_listens(peer: &mut Peer) -> Result<()> {
    let begun = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, peer.port)).is_err() {
        let ended = peer.process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(Some(_))));
        if ended || begun.elapsed() > START {
            return Err(Error::new(ErrorKind::Environment, format!("{} does not listen", peer.name)));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
