//! How a suite is run.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::Command;

use crate::bed::Result;

/// For one run of one suite.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What a suite needs of its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// It makes and drops its own: they live in a schema that is not editioned, in a database in which another schema is.
    Own,
    /// It keeps what an earlier run made: that is adopted, and a child edition changes every table.
    Kept,
    /// The same, in a schema for each of its classes, whose tables bear the same names.
    KeptBySchema,
}

/// A suite.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) tables: Tables,
    /// The database that its tests use.
    pub(crate) database: &'static str,
    /// The folder below that of the suites.
    pub(crate) folder: &'static str,
    pub(crate) runner: Runner,
    /// What of it is run: files, folders, applications.
    pub(crate) parts: &'static str,
    /// Tests that may fare otherwise through the proxy, each with the reason.
    pub(crate) reasons: &'static [(&'static str, &'static str)],
}

/// What runs its tests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Runner {
    /// Python with these arguments; `{port}` is the server's, a no-break space stands within an argument.
    Python(&'static str),
    /// Node.js, with each file `*-tests.js` below the parts, one after the other.
    Node,
}

/// Why a suite is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// For the sake of the tables that its tests make, which are kept.
    MakeTables,
    /// To judge.
    Judge,
}

/// The settings of Django's suite.
const DJANGO: &str = "\
import os
database = {
    'ENGINE': 'django.db.backends.postgresql', 'NAME': 'suites', 'USER': 'postgres',
    'HOST': '127.0.0.1', 'PORT': os.environ['PGPORT'],
}
DATABASES = {
    'default': database,
    'other': database | {'NAME': 'other', 'TEST': {'NAME': 'test_other'}},
}
SECRET_KEY = 'none'
PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
USE_TZ = False
";

/// What makes SQLAlchemy's suite keep its tables.
const SQLALCHEMY: &str = include_str!("suites_kept.py");

impl Suite {
    /// Whether it was brought.
    pub(crate) fn is_there(&self, suites: &Path) -> bool {
        suites.join(self.folder).is_dir()
    }

    /// Runs these parts of it against a server on this port; gives what it printed.
    pub(crate) async fn run(&self, suites: &Path, port: u16, phase: Phase, parts: &str) -> Result<String> {
        let folder = suites.join(self.folder);
        match self.name {
            "django" => std::fs::write(folder.join("suites_settings.py"), DJANGO)?,
            "sqlalchemy" => std::fs::write(folder.join("suites_kept.py"), SQLALCHEMY)?,
            _ => {}
        }
        match self.runner {
            Runner::Python(arguments) => {
                let mut arguments: Vec<String> = arguments
                    .split_ascii_whitespace()
                    .chain(parts.split_ascii_whitespace())
                    .map(|argument| argument.replace("{port}", &port.to_string()).replace('\u{a0}', " "))
                    .collect();
                if self.tables == Tables::Kept && phase == Phase::MakeTables {
                    // the shortest of those that touch the database
                    arguments.extend([
                        "-k".to_owned(),
                        "test_objects_attribute_is_only_available_on_the_class_itself".to_owned(),
                    ]);
                }
                self.start(&suites.join("python/bin/python"), &arguments, &folder, port, phase)
                    .await
                    .map(|ended| ended.printed)
            }
            Runner::Node => {
                let mut printed = String::new();
                let found: Result<Vec<_>> =
                    parts.split_ascii_whitespace().map(|part| files(&folder.join(part))).collect();
                for file in found?.concat() {
                    let named = file.strip_prefix(&folder)?.display().to_string();
                    let ended = self
                        .start(Path::new("node"), std::slice::from_ref(&named), &folder, port, phase)
                        .await?;
                    printed.push_str(&ended.printed);
                    // each test that was ticked off, and the file if all of it was
                    for test in ended.printed.lines().filter_map(|line| line.trim().strip_suffix('✔')) {
                        printed.push_str(&format!("\nPASSED {named}: {}", test.trim()));
                    }
                    let outcome = if ended.succeeded { "PASSED" } else { "FAILED" };
                    printed.push_str(&format!("\n{outcome} {named}\n"));
                }
                Ok(printed)
            }
        }
    }

    async fn start(
        &self,
        program: &Path,
        arguments: &[String],
        folder: &Path,
        port: u16,
        phase: Phase,
    ) -> Result<Ended> {
        let port = port.to_string();
        let database = self.database;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .envs([
                ("PGHOST", "127.0.0.1"),
                ("PGPORT", &port),
                ("PGUSER", "postgres"),
                ("PGDATABASE", database),
            ])
            .envs([
                ("PSYCOPG2_TESTDB", database),
                ("PSYCOPG2_TESTDB_HOST", "127.0.0.1"),
                ("PSYCOPG2_TESTDB_PORT", &port),
                ("PSYCOPG2_TESTDB_USER", "postgres"),
            ])
            .env("PSYCOPG_TEST_DSN", format!("host=127.0.0.1 port={port} user=postgres dbname={database}"))
            .env("SUITES_PHASE", if phase == Phase::MakeTables { "make" } else { "judge" })
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONPATH", folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .map_err(|_| format!("{} takes too long", self.name))??;
        let printed = [output.stdout, output.stderr].concat();
        Ok(Ended {
            succeeded: output.status.success(),
            printed: String::from_utf8_lossy(&printed).into_owned(),
        })
    }
}

/// A program that has ended.
struct Ended {
    succeeded: bool,
    printed: String,
}

/// The test files of node-postgres in and below a folder, in an order that is always the same.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.to_string_lossy().ends_with("-tests.js") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
