//! As whom a server runs: `initdb` and `postgres` refuse root, so root lends them an unprivileged account.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use catalog::{Error, ErrorKind, Result};

/// An account to drop to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account for a new cluster: `None` is "as we are"; for root it is `postgres`, else `nobody`.
    pub(super) fn for_new_cluster() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"].into_iter().find_map(Self::by_name).map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Environment, "no unprivileged account to run PostgreSQL as").with_hint(
                "PostgreSQL refuses to run as root: make a user \"postgres\", or run this as another user",
            )
        })
    }

    /// The account for an existing cluster: whoever owns it.
    pub(super) fn for_existing_cluster(data: &Path) -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let owner = fs::metadata(data).map_err(|error| cannot("read", data, error))?;
        if owner.uid() == 0 {
            return Err(Error::new(
                ErrorKind::Environment,
                format!("\"{}\" belongs to root, and PostgreSQL refuses to run as root", data.display()),
            )
            .with_hint(format!("chown -R postgres {}", data.display())));
        }
        Ok(Some(Self { uid: owner.uid(), gid: owner.gid() }))
    }

    /// Asks `id`, which knows of directory services that /etc/passwd does not.
    fn by_name(name: &str) -> Option<Self> {
        let number = |flag: &str| -> Option<u32> {
            let output = Command::new("id").args([flag, name]).stderr(Stdio::null()).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self { uid: number("-u")?, gid: number("-g")? })
    }

    /// The user id that files of this account carry.
    pub(super) fn uid(account: Option<Self>) -> u32 {
        account.map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid)
    }
}

/// Gives `path` to the account.
pub(super) fn give(account: Option<Account>, path: &Path) -> Result<()> {
    match account {
        None => Ok(()),
        Some(Account { uid, gid }) => {
            chown(path, Some(uid), Some(gid)).map_err(|error| cannot("give away", path, error))
        }
    }
}

/// A command that will run as the account, in `directory` (which the account may enter), in a process group of its own
/// so that a Ctrl-C in our terminal reaches only us, and without what a user's environment would tell PostgreSQL.
pub(super) fn command(account: Option<Account>, program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null()).process_group(0).env("LC_ALL", "C");
    for variable in ["PGDATA", "PGPORT", "PGHOST", "PGOPTIONS", "PGTZ", "PGDATESTYLE"] {
        command.env_remove(variable);
    }
    if let Some(Account { uid, gid }) = account {
        command.gid(gid).uid(uid);
    }
    command
}

/// Runs such a command to its end; an error shows what it said.
pub(super) async fn run(command: Command, deadline: Duration) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let output: Output = tokio::time::timeout(deadline, command.output())
        .await
        .map_err(|_| {
            Error::new(
                ErrorKind::Environment,
                format!("{program} did not end within {} s", deadline.as_secs()),
            )
        })?
        .map_err(|error| {
            Error::new(ErrorKind::Environment, format!("cannot run {program}: {error}")).with_source(error)
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
    Err(Error::new(ErrorKind::Environment, format!("{program} failed ({}): {}", output.status, said.trim())))
}

/// The error for a file operation.
pub(super) fn cannot(verb: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Environment, format!("cannot {verb} \"{}\": {error}", path.display()))
        .with_source(error)
}
