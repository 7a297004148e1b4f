//! psql: what people type.

use std::{
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::bed::{Bed, EDITIONS, OWNER};

/// Starts psql on a database, with options for the session.
fn psql(bed: &Bed, database: &str, options: Option<&str>, sql: &str) -> Child {
    let program = edition_cli::server::find_programs(None, None).unwrap().psql;
    let mut command = Command::new(program);
    command.args([
        "-X",
        "-A",
        "-t",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        "127.0.0.1",
        "-p",
        &bed.port().to_string(),
    ]);
    command.args(["-U", OWNER, "-d", database, "-c", sql]);
    match options {
        Some(options) => command.env("PGOPTIONS", options),
        None => command.env_remove("PGOPTIONS"),
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_sees_its_edition() {
    let bed = Bed::make().await;
    for (edition, column) in EDITIONS {
        let (suffix, options) = (format!("app@{edition}"), format!("-c edition={edition}"));
        for (database, options) in [(suffix.as_str(), None), ("app", Some(options.as_str()))] {
            let run = |sql: &str| lines(&psql(&bed, database, options, sql).wait_with_output().unwrap());
            assert_eq!(run("SHOW EDITION"), [edition]);
            let name = format!("psql {edition} {}", options.is_some());
            run(&format!("BEGIN; INSERT INTO users ({column}) VALUES ('rolled back'); ROLLBACK"));
            run(&format!("BEGIN; INSERT INTO users ({column}) VALUES ('{name}'); COMMIT"));
            let names = run(&format!("SELECT {column} FROM users ORDER BY id"));
            assert!(names.last() == Some(&name) && !names.contains(&"rolled back".to_owned()), "{names:?}");
            assert_eq!(run(&format!("COPY users ({column}) TO STDOUT")), names);

            let sleeping = psql(&bed, database, options, "SELECT pg_sleep(30)");
            std::thread::sleep(Duration::from_millis(500));
            let asked = Instant::now();
            let pid = Pid::from_raw(i32::try_from(sleeping.id()).unwrap()).unwrap();
            kill_process(pid, Signal::INT).unwrap();
            let output = sleeping.wait_with_output().unwrap();
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(complaint.contains("canceling statement due to user request"), "{complaint}");
            assert!(asked.elapsed() < Duration::from_secs(10));
        }
    }
}
