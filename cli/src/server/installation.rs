//! Where PostgreSQL's programs are on this machine.

use std::{
    collections::HashSet,
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use catalog::{Error, ErrorKind, Result};

/// The oldest server that editions work on.
pub const OLDEST_MAJOR: u32 = 15;

/// A version of PostgreSQL as its programs print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 15, 16 …
    pub major: u32,
    /// The number after the dot; 0 for a beta.
    pub minor: u32,
}

impl Version {
    /// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `psql (PostgreSQL) 18beta1` and the like.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("(PostgreSQL) ")?;
        let word = rest.split_whitespace().next()?;
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        let major = digits(word);
        let minor = word.strip_prefix(major.as_str())?.strip_prefix('.').map(digits).unwrap_or_default();
        Some(Self { major: major.parse().ok()?, minor: minor.parse().unwrap_or(0) })
    }

    /// Asks a program.
    pub(super) fn of_program(program: &Path) -> Option<Self> {
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        Self::parse(&String::from_utf8_lossy(&output.stdout))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A folder with the server's programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    bin: PathBuf,
    version: Version,
}

impl Installation {
    /// The newest installation that editions work on. `chosen` (the user's `--pg-bin`), or else `EDITION_PGBIN`, is taken
    /// alone, whatever else there is; an error lists where we looked.
    pub fn find(chosen: Option<&Path>) -> Result<Self> {
        if let Some(bin) = chosen.map(Path::to_owned).or_else(chosen_by_environment) {
            return Self::at(&bin).ok_or_else(|| {
                Error::new(
                    ErrorKind::Environment,
                    format!("no PostgreSQL server, {OLDEST_MAJOR} or newer, in \"{}\"", bin.display()),
                )
                .with_hint(
                    "--pg-bin and EDITION_PGBIN take the folder that holds \"postgres\" and \"initdb\"",
                )
            });
        }
        let looked = folders();
        // `max_by_key` keeps the last of equals, and the first place should win
        let newest = looked.iter().rev().filter_map(|bin| Self::at(bin)).max_by_key(Self::version);
        newest.ok_or_else(|| {
            let places = places().join("\n  ");
            Error::new(
                ErrorKind::Environment,
                format!(
                    "no PostgreSQL server, {OLDEST_MAJOR} or newer, on this machine; looked in:\n  {places}"
                ),
            )
            .with_hint(install_command())
        })
    }

    /// The installation in this folder, if it is one and new enough.
    fn at(bin: &Path) -> Option<Self> {
        let version = Version::of_program(&bin.join("postgres"))?;
        (version.major >= OLDEST_MAJOR && bin.join("initdb").exists())
            .then(|| Self { bin: bin.to_owned(), version })
    }

    /// The path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The folder.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// Of the server.
    pub fn version(&self) -> Version {
        self.version
    }
}

fn chosen_by_environment() -> Option<PathBuf> {
    env::var_os("EDITION_PGBIN").filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Folders of distributions; `*` stands for one version directory.
const PATTERNS: [&str; 6] = [
    "/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
    "/usr/pgsql-*/bin",                  // PGDG's packages for Red Hat and kin
    "/opt/homebrew/opt/postgresql*/bin", // Homebrew, Apple silicon
    "/usr/local/opt/postgresql*/bin",    // Homebrew, Intel
    "/Library/PostgreSQL/*/bin",         // EDB, macOS
    "/opt/PostgreSQL/*/bin",             // EDB, Linux
];

/// For people: every place that [`folders`] looks in.
fn places() -> Vec<String> {
    let mut places = vec!["the folders of PATH, and where \"pg_config --bindir\" points".to_owned()];
    places.extend(PATTERNS.iter().map(|pattern| (*pattern).to_owned()));
    places
}

/// All folders that may hold PostgreSQL's programs, in the order of preference, each once.
pub(super) fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let path = env::var_os("PATH").unwrap_or_default();
    for folder in env::split_paths(&path) {
        for program in ["postgres", "psql"] {
            // `postgres` on PATH is often a link into the folder that has the other programs beside it
            if let Some(real) = fs::canonicalize(folder.join(program)).ok().as_deref().and_then(Path::parent)
            {
                folders.push(real.to_owned());
            }
        }
    }
    folders.extend(bin_of_pg_config());
    folders.extend(PATTERNS.iter().flat_map(|pattern| expand(pattern)));
    let mut seen = HashSet::new();
    folders.retain(|folder| seen.insert(fs::canonicalize(folder).unwrap_or_else(|_| folder.clone())));
    folders
}

fn bin_of_pg_config() -> Option<PathBuf> {
    let output =
        Command::new("pg_config").arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(text.trim())).filter(|folder| folder.is_dir())
}

/// The folders that match a pattern with one `*` in one of its components.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.retain(|name| name.starts_with(prefix));
    names.sort();
    names
        .into_iter()
        .map(|name| PathBuf::from(format!("{parent}/{name}{after}")))
        .filter(|path| path.is_dir())
        .collect()
}

/// What to type, by the package manager that is there.
pub(super) fn install_command() -> &'static str {
    let has = |program: &str| {
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).exists())
    };
    if has("apt-get") {
        "apt-get install postgresql postgresql-contrib"
    } else if has("dnf") {
        "dnf install postgresql-server postgresql-contrib"
    } else if has("brew") {
        "brew install postgresql@17"
    } else {
        "install PostgreSQL 15 or newer (https://www.postgresql.org/download/)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        let version = |text| Version::parse(text).map(|version| (version.major, version.minor));
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(version("psql (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(version("pg_dump (PostgreSQL) 16.2"), Some((16, 2)));
        assert_eq!(version("postgres 15.18"), None);
        assert_eq!(version("postgres (PostgreSQL) devel"), None);
    }

    #[test]
    fn a_pattern_finds_the_folders_that_exist() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["postgresql@16/bin", "postgresql@17/bin", "other/bin", "postgresql@15"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let found = expand(&format!("{}/postgresql*/bin", root.path().display()));
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["postgresql@16/bin", "postgresql@17/bin"]);
        assert!(expand("/nowhere/at/all/*/bin").is_empty());
    }

    #[test]
    fn a_chosen_folder_without_a_server_is_an_error_and_not_a_fall_back() {
        let empty = tempfile::tempdir().unwrap();
        let error = Installation::find(Some(empty.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Environment);
        assert!(error.to_string().contains(&empty.path().display().to_string()), "{error}");
    }
}
