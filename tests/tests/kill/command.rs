//! The built `edition` command, and the kill.

use std::{
    path::PathBuf,
    process::{Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use edition_tests::{OWNER, World};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
};

/// How long one run may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// By SIGKILL, when it reported this.
    Killed(String),
    /// By itself.
    Finished {
        /// Whether the exit code was 0.
        well: bool,
        /// All that it said, standard output first.
        said: String,
    },
}

/// What the command reports while it runs.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    fn field(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The title of a step that starts.
    pub(crate) fn started(&self) -> Option<&str> {
        (self.field("event") == "step_started").then(|| self.field("title"))
    }

    /// Whether the step that started last ended.
    pub(crate) fn ends_a_step(&self) -> bool {
        self.field("event") == "step_done"
    }

    /// The title of a step that is being undone.
    pub(crate) fn undoing(&self) -> Option<&str> {
        self.field("text").strip_prefix("undoing: ")
    }
}

/// Runs `edition --json …` and kills it `delay` after the first report for which `now` gives a reason.
pub(crate) async fn run_and_kill(
    world: &World,
    arguments: &[&str],
    delay: Duration,
    mut now: impl FnMut(&Report) -> Option<String>,
) -> Ending {
    let mut child = command(world, arguments).await.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    let ending = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let report = serde_json::from_str(&line).map(Report);
            if let Some(reason) = report.ok().and_then(|report| now(&report)) {
                tokio::time::sleep(delay).await;
                child.start_kill().unwrap();
                child.wait().await.unwrap();
                return Ending::Killed(reason);
            }
            said.push_str(&line);
            said.push('\n');
        }
        let mut output = String::new();
        child.stdout.take().unwrap().read_to_string(&mut output).await.unwrap();
        let well = child.wait().await.unwrap().success();
        Ending::Finished { well, said: output + &said }
    };
    tokio::time::timeout(DEADLINE, ending).await.unwrap_or_else(|_| panic!("{arguments:?} does not end"))
}

/// Runs `edition …` to its end.
pub(crate) async fn run(world: &World, arguments: &[&str]) -> Output {
    let child = command(world, arguments).await.spawn().unwrap();
    tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap()
}

async fn command(world: &World, arguments: &[&str]) -> Command {
    let server = edition_tests::server().await;
    let mut command = Command::new(program());
    command.arg("--json").args(arguments);
    command.env_clear();
    command.env("PGHOST", "127.0.0.1").env("PGPORT", server.port().to_string());
    command.env("PGUSER", OWNER).env("PGDATABASE", &world.database);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// `edition`, which lies beside the folder of this test. Cargo builds the programs of other packages only when asked to.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(|deps| deps.parent()).unwrap();
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "edition-cli", "--bin", "edition", "--target-dir"]);
        build.arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "edition cannot be built");
        folder.join("edition")
    })
}
