//! One migration tool, and what it is asked to do.

use std::{path::PathBuf, process::Stdio, time::Duration};

use crate::sqlx_migrator;

/// What a tool is asked for; the scripts in `tests/tools` say what each word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Migrate as far as version 1 of the application.
    First,
    /// Migrate as far as there are migrations.
    All,
    /// Fail if a migration is pending.
    Check,
    /// Version 1 of the application writes and reads.
    UseFirst,
    /// Version 2 of the application writes and reads.
    UseAll,
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::All => "all",
            Self::Check => "check",
            Self::UseFirst => "use-first",
            Self::UseAll => "use-all",
        }
    }
}

/// Where a tool connects to, as the owner.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) port: u16,
    /// With the edition: `shop@v2`.
    pub(crate) database: String,
}

/// A program and the script that it runs.
pub(crate) struct Script {
    pub(crate) program: PathBuf,
    pub(crate) script: PathBuf,
}

/// A migration tool.
pub(crate) enum Tool {
    /// In its own language.
    Script(Script),
    /// The library behind `sqlx migrate`.
    Sqlx,
}

/// The longest that a tool may take for one stage.
const DEADLINE: Duration = Duration::from_secs(180);

impl Tool {
    /// Runs a stage; gives back what the tool printed.
    pub(crate) async fn run(&self, stage: Stage, place: &Place) -> String {
        match self {
            Self::Script(script) => script.run(stage, place).await,
            Self::Sqlx => sqlx_migrator::run(stage, place).await,
        }
    }
}

impl Script {
    async fn run(&self, stage: Stage, place: &Place) -> String {
        let mut command = tokio::process::Command::new(&self.program);
        command.arg(&self.script).args(["127.0.0.1", &place.port.to_string(), &place.database, stage.word()]);
        command.env("PGUSER", edition_tests::OWNER).env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await.expect("in time");
        let output =
            output.unwrap_or_else(|error| panic!("{}: {error}; run: make test", self.program.display()));
        let (said, complaint) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{} {stage:?}:\n{said}{complaint}", self.script.display());
        said.trim().to_owned()
    }
}
