//! The verbs, one file each: what can be typed, the call into `catalog`, and how the outcome reads.

mod allowing;
pub(crate) mod completions;
pub(crate) mod create;
pub(crate) mod default;
pub(crate) mod deinit;
pub(crate) mod dev;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drop;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod plan;
pub(crate) mod publish;
pub(crate) mod retire;
pub(crate) mod rollback;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod transform;
pub(crate) mod url;
mod waits;

use catalog::{Error, Result, operation::Programs, target::Target};
use edition_cli::server::find_programs;

use crate::{arguments::Global, connection, output::Output};

/// What every verb is given.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) output: Output,
}

impl Context {
    /// The database that the options and the environment name.
    pub(crate) fn target(&self) -> Result<Target> {
        connection::target(&self.global)
    }

    /// `pg_dump` and `psql` that fit the target's server.
    pub(crate) async fn programs(&self, target: &Target) -> Result<Programs> {
        let connection = target.connect().await?;
        let version: String = connection.query_one("SHOW server_version_num", &[]).await?.try_get(0)?;
        let number: u32 = version
            .parse()
            .map_err(|_| Error::bug(format!("the server's version is not a number: \"{version}\"")))?;
        find_programs(self.global.pg_bin.as_deref(), Some(number / 10_000))
    }
}
