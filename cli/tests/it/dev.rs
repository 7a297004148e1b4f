//! `edition dev`, and the life of a draft as a user of the command sees it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::NoTls;

/// A running `edition dev`.
pub(crate) struct Dev {
    child: Child,
    pub(crate) application: String,
    pub(crate) direct: String,
    data: String,
}

impl Dev {
    /// Starts it on free ports and waits until it says where it is.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_edition"))
            .args(["dev", "--json", "--port", "0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut document = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            document.push_str(&line.unwrap());
            if document.ends_with('}') {
                break;
            }
        }
        let mut said = String::new();
        if document.is_empty() {
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        }
        let place: serde_json::Value =
            serde_json::from_str(&document).unwrap_or_else(|error| panic!("{error}: {said}"));
        let text = |name: &str| place[name].as_str().unwrap().to_owned();
        Self { application: text("application"), direct: text("direct"), data: text("data_dir"), child }
    }

    /// Another verb on its database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edition"));
        command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("DATABASE_URL", &self.direct);
        command
    }

    /// Runs it.
    pub(crate) fn edition(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, which must succeed; returns what it printed.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.edition(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn stop(mut self, signal: Signal) -> ExitStatus {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // a test that failed half-way; what it owns ends with it
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first value that a session of this connection string gets.
pub(crate) async fn ask(url: &str, sql: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.query_one(sql, &[]).await?.try_get(0)
}

fn stdout_and_stderr(output: &Output) -> String {
    format!(
        "{}{}exit code {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap()
    )
}

#[tokio::test]
async fn dev_serves_an_adopted_database_and_ends_cleanly() {
    let dev = Dev::start(&[]);
    assert_eq!(ask(&dev.application, "SELECT current_setting('edition.id')").await.unwrap(), "1");
    let unknown = ask(&format!("{}@v9", dev.application), "SELECT ''").await.unwrap_err();
    assert!(unknown.as_db_error().unwrap().message().contains("edition \"v9\""), "{unknown}");
    let data = dev.data.clone();
    assert!(Path::new(&data).exists());
    assert!(dev.stop(Signal::INT).success());
    assert!(!Path::new(&data).exists());
}

#[tokio::test]
async fn dev_keeps_a_data_directory_and_runs_the_sql_once() {
    let folder = tempfile::Builder::new().prefix("edition-dev-").tempdir_in("/tmp").unwrap();
    super::open_to_all(folder.path());
    let (data, sql) = (folder.path().join("data"), folder.path().join("schema.sql"));
    std::fs::write(&sql, "CREATE TABLE users (name text);\nCOPY users FROM stdin;\nAda\n\\.\n").unwrap();
    let arguments = ["--data-dir", data.to_str().unwrap(), "--init-sql", sql.to_str().unwrap()];
    let first = Dev::start(&arguments);
    assert_eq!(ask(&first.application, "SELECT name FROM users").await.unwrap(), "Ada");
    assert!(first.stop(Signal::TERM).success());
    let second = Dev::start(&arguments);
    assert_eq!(ask(&second.application, "SELECT count(*)::text FROM users").await.unwrap(), "1");
    assert!(second.stop(Signal::INT).success());
}

#[test]
fn sql_that_fails_is_shown_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let sql = folder.path().join("bad.sql");
    std::fs::write(&sql, "CREATE TABLE t (a int);\nSELECT no_such_column FROM t;\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_edition"))
        .args(["dev", "--port", "0", "--init-sql", sql.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("column \"no_such_column\" does not exist"));
}

#[test]
fn a_draft_from_its_making_to_its_end() {
    let dev = Dev::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let up = folder.path().join("up.sql");
    std::fs::write(&up, "CREATE TABLE notes (id int PRIMARY KEY, body text NOT NULL);").unwrap();

    assert!(dev.done(&["init"]).contains("nothing to do"));
    let created = dev.done(&["create", "v2", "--from", up.to_str().unwrap(), "--comment", "notes"]);
    assert!(created.contains("next: edition plan v2"), "{created}");
    assert!(dev.done(&["create", "v2"]).contains("nothing to do"));
    assert!(dev.done(&["diff", "v1", "v2"]).starts_with("table public.notes\n  + created"));
    assert!(dev.done(&["list"]).lines().any(|line| line.starts_with("v2") && line.ends_with("notes")));
    assert!(dev.done(&["url", "v2"]).contains("PGOPTIONS='-c edition=v2'"));
    let journal: serde_json::Value = serde_json::from_str(&dev.done(&["log", "--json"])).unwrap();
    assert!(
        journal.as_array().unwrap().iter().any(|entry| entry["verb"] == "create" && entry["edition"] == "v2")
    );
    assert!(dev.done(&["drop", "v2"]).contains("gone"));
    assert!(dev.done(&["drop", "v2"]).contains("nothing to do"));
    assert!(dev.done(&["deinit"]).contains("no editions any more"));
    assert!(dev.done(&["status"]).contains("next: edition init"));
    assert!(dev.stop(Signal::INT).success());
}

/// A pipe gives its text to one reader only: what is run is what transforms are inferred from.
#[test]
fn a_draft_is_made_from_standard_input_and_an_empty_one_says_so() {
    let dev = Dev::start(&[]);
    let create = |name: &str, from: &str, text: &str| {
        let mut command = dev.command(&["create", name, "--from", from]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        stdout_and_stderr(&running.wait_with_output().unwrap())
    };
    let made = create("v2", "-", "CREATE TABLE notes (id int PRIMARY KEY, body text NOT NULL)");
    assert!(made.contains("running standard input") && made.ends_with("exit code 0"), "{made}");
    dev.done(&["publish", "v2"]);
    for from in ["-", "/dev/stdin"] {
        let made =
            create("v3", from, "ALTER TABLE notes ADD length int; UPDATE notes SET length = length(body)");
        assert!(made.ends_with("exit code 0"), "{made}");
        let plan = dev.done(&["plan", "v3"]);
        assert!(
            plan.contains("length = (length(\"body\"))") && !plan.contains("changes-nothing"),
            "{from}: {plan}"
        );
        dev.done(&["drop", "v3"]);
    }
    let wrong = create("v3", "-", "CREATE TABLE more (id int);\nnonsense");
    assert!(wrong.contains("standard input failed") && wrong.contains("nonsense"), "{wrong}");

    let empty = create("v3", "-", " \n");
    assert!(empty.contains("standard input is empty: nothing was run"), "{empty}");
    let plan = dev.done(&["plan", "v3"]);
    assert!(
        plan.contains(
            "notice  E004 changes-nothing  edition v3: the draft changes nothing: v3 is what v2 is"
        ),
        "{plan}"
    );
    let document: serde_json::Value = serde_json::from_str(&dev.done(&["plan", "v3", "--json"])).unwrap();
    assert_eq!(document["findings"][0]["name"], "changes-nothing");
    let published = stdout_and_stderr(&dev.edition(&["publish", "v3"]));
    assert!(
        published.contains("the draft changes nothing") && published.ends_with("exit code 0"),
        "{published}"
    );
}

#[test]
fn an_unknown_edition_is_refused_with_the_way_out() {
    let dev = Dev::start(&[]);
    insta::assert_snapshot!(stdout_and_stderr(&dev.edition(&["default", "v9"])), @r#"
    error: no edition "v9"
    help: did you mean "v1"? edition list shows all
    exit code 1
    "#);
    let output = dev.edition(&["default", "v9", "--json"]);
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (error["kind"].as_str(), error["message"].as_str()),
        (Some("refused"), Some("no edition \"v9\""))
    );
    assert!(dev.stop(Signal::INT).success());
}
