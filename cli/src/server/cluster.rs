//! Making a data directory: `initdb`, or for throw-away servers a copy of what `initdb` made before.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use catalog::Result;

use super::{
    Installation,
    account::{Account, cannot, command, give, run},
};

/// `initdb` takes a second; a busy machine may take many.
const INITDB_DEADLINE: Duration = Duration::from_secs(120);

/// How to make a cluster.
#[derive(Debug)]
pub(super) struct Recipe<'a> {
    pub(super) installation: &'a Installation,
    pub(super) account: Option<Account>,
    pub(super) superuser: &'a str,
    pub(super) initdb_arguments: &'a [String],
    /// A folder of ours that the account may enter.
    pub(super) directory: &'a Path,
}

impl Recipe<'_> {
    /// Runs `initdb` into `data`, which may exist if it is empty.
    pub(super) async fn make(&self, data: &Path, durable: bool) -> Result<()> {
        let mut initdb = command(self.account, &self.installation.program("initdb"), self.directory);
        initdb.arg("-D").arg(data).args(["-U", self.superuser, "-A", "trust", "-E", "UTF8", "--locale=C"]);
        if !durable {
            initdb.arg("--no-sync");
        }
        initdb.args(self.initdb_arguments);
        run(initdb, INITDB_DEADLINE).await
    }

    /// Copies the template of this recipe into `data`, and makes the template if this is the first time.
    ///
    /// Templates lie in the machine's temporary folder, one a recipe and user. They come into being by a rename, so one that is
    /// there is whole; one that somebody else owns is not trusted.
    pub(super) async fn copy_template(&self, data: &Path) -> Result<()> {
        let template = self.template_path();
        if !self.is_ours(&template) {
            let fresh = self.directory.join("template");
            self.make(&fresh, false).await?;
            // losing the race against another process is as good as winning it
            if let Err(error) = fs::rename(&fresh, &template)
                && !self.is_ours(&template)
            {
                tracing::debug!(%error, "no initdb template kept");
                return fs::rename(&fresh, data).map_err(|error| cannot("make", data, error));
            }
        }
        let mut copy = command(self.account, Path::new("cp"), self.directory);
        copy.arg("-Rp").arg(&template).arg(data);
        run(copy, INITDB_DEADLINE).await
    }

    fn template_path(&self) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (self.installation.bin(), self.installation.version(), self.superuser, self.initdb_arguments)
            .hash(&mut hasher);
        let uid = Account::uid(self.account);
        let parent = self.directory.parent().unwrap_or(self.directory);
        parent.join(format!("edition-initdb-{uid}-{:016x}", hasher.finish()))
    }

    fn is_ours(&self, template: &Path) -> bool {
        fs::symlink_metadata(template).is_ok_and(|found| {
            found.is_dir() && found.uid() == Account::uid(self.account) && found.mode() & 0o777 == 0o700
        }) && template.join("global/pg_control").exists()
    }
}

/// A data directory that is kept: made if it is not there yet.
pub(super) fn prepare_kept(data: &Path, account: Option<Account>) -> Result<()> {
    fs::create_dir_all(data).map_err(|error| cannot("make", data, error))?;
    give(account, data)
}

/// Whether `initdb` has been here.
pub(super) fn is_cluster(data: &Path) -> bool {
    data.join("PG_VERSION").exists()
}
