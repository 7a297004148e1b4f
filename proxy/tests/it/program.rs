//! The program: its configuration, its signals, its exit codes.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::{self, World, ask, eventually, try_connect};

/// The program without what this process's environment may say.
fn editiond() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_editiond"));
    for name in ["PGUSER", "PGPASSWORD", "RUST_LOG", "EDITIOND_LISTEN", "EDITIOND_SERVER", "EDITIOND_CONFIG"]
    {
        command.env_remove(name);
    }
    command
}

fn answer(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.stdin(Stdio::null()).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// A running program, and the port that it says it listens on.
pub(crate) struct Running {
    process: Child,
    pub(crate) port: u16,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let line = log.find(|line| line.contains("listening")).unwrap();
        let port =
            line.rsplit(':').next().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        // The pipe must be emptied, or the program would wait for room in it.
        std::thread::spawn(move || log.for_each(drop));
        Self { process, port }
    }

    /// Before a world's server.
    pub(crate) fn before(world: &World, flags: &[&str]) -> Self {
        let server = format!("127.0.0.1:{}", world.server.port());
        let mut command = editiond();
        command.args(["--listen", "127.0.0.1:0", "--server", &server, "--control-user", "postgres"]);
        Self::start(command.args(flags))
    }

    /// The most memory that was resident so far, in kB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_configuration_is_checked_and_its_faults_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("editiond.toml");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        answer(editiond().arg("--check").arg("--config").arg(&file))
    };
    let good = "listen = [\"127.0.0.1:0\"]\nserver = [\"/run/postgresql\"]\n";
    assert_eq!(check(good), (Some(0), String::new()));
    let (code, message) = check("listen = []\nserverr = [\"x\"]\n");
    assert_eq!(code, Some(78));
    assert!(message.contains("editiond.toml") && message.contains("line 2"), "{message}");
    let (code, message) = answer(editiond().arg("--listen").arg("127.0.0.1:0"));
    assert_eq!(code, Some(78));
    assert_eq!(
        message,
        "editiond: no server given: pass --server, set EDITIOND_SERVER, or write it into the configuration file\n"
    );
    // Environment wins over the file, a flag over both.
    std::fs::write(&file, "listen = [\"127.0.0.1:0\"]\nserver = [\"/run/postgresql\"]\nthreads = 1\n")
        .unwrap();
    let with = |threads: &str, flag: &str| {
        let mut command = editiond();
        command.arg("--check").arg("--config").arg(&file).env("EDITIOND_THREADS", threads);
        answer(if flag.is_empty() { &mut command } else { command.args(["--threads", flag]) }).0
    };
    assert_eq!(with("none", ""), Some(2));
    assert_eq!(with("none", "2"), Some(0));
}

#[tokio::test]
async fn signals_drain_stop_and_reload() {
    let world = World::plain().await;
    let start = || Running::before(&world, &[]);
    let config = |running: &Running| {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(running.port).user("postgres").dbname(&world.database);
        config
    };
    let mut running = start();
    let client = world::connect(&config(&running)).await;
    running.signal(Signal::HUP);
    assert_eq!(ask(&client, "SELECT 1").await, ["1"]);
    running.signal(Signal::TERM);
    let settings = config(&running);
    eventually("nobody is taken in", async || try_connect(&settings).await.is_err()).await;
    assert_eq!(ask(&client, "SELECT 1").await, ["1"]);
    drop(client);
    assert_eq!(running.exit_code().await, Some(0));

    let mut running = start();
    let client = world::connect(&config(&running)).await;
    running.signal(Signal::INT);
    assert_eq!(running.exit_code().await, Some(0));
    assert!(client.simple_query("SELECT 1").await.is_err());
    world.end().await;
}
