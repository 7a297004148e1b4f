//! What can be typed and how it is answered, as far as no database is needed: help texts, usage errors, exit codes.

use std::process::{Command, Output};

/// Runs `edition` in an empty environment, so that the developer's own PG* variables do not matter.
fn edition(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edition"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .unwrap()
}

/// Everything that a user of the command sees.
fn transcript(arguments: &[&str]) -> String {
    let output = edition(arguments);
    format!(
        "$ edition {}\n{}{}exit code {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap()
    )
}

#[test]
fn help_of_every_verb() {
    insta::assert_snapshot!("help", transcript(&["--help"]));
    let verbs = [
        "dev",
        "init",
        "create",
        "transform",
        "diff",
        "plan",
        "explain",
        "publish",
        "default",
        "url",
        "list",
        "status",
        "sessions",
        "log",
        "doctor",
        "sync",
        "rollback",
        "retire",
        "drop",
        "deinit",
        "completions",
    ];
    for verb in verbs {
        insta::assert_snapshot!(format!("help_{verb}"), transcript(&[verb, "-h"]));
    }
}

#[test]
fn usage_errors_exit_with_2() {
    for arguments in [
        &["publish"] as &[_],
        &["create", "v 2"],
        &["create", "v$2"],
        &["rollback", "v2"],
        &["rollback", "v2", "--save", "f", "--discard-data"],
        &["publish", "v2", "--throttle", "0.99"],
        &["publish", "v2", "--lock-timeout", "fast"],
        &["plan", "v2", "--sql", "--json"],
        &["publish", "v2", "--allow", "E999"],
        &["plan", "v2", "--plan", "f"],
        &["explain", "nonsense"],
        &["status", "--database-url", "postgres://ann@host:port/x"],
        &["frobnicate"],
    ] {
        assert_eq!(edition(arguments).status.code(), Some(2), "{arguments:?}");
    }
    insta::assert_snapshot!(transcript(&["create", "v$2"]), @r###"
    $ edition create v$2
    error: invalid value 'v$2' for '<NAME>': edition name "v$2" must not contain '$'

    For more information, try '--help'.
    exit code 2
    "###);
}

#[test]
fn a_command_line_that_cannot_be_read_is_json_if_that_was_asked_for() {
    for (arguments, said) in [
        (&["create", "v$2", "--json"] as &[_], "invalid value 'v$2' for '<NAME>'"),
        (&["--json", "publish"], "the following required arguments were not provided: <NAME>"),
        (&["--json", "frobnicate"], "unrecognized subcommand 'frobnicate'"),
    ] {
        let output = edition(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!((error["kind"].as_str(), error["exit_code"].as_u64()), (Some("usage"), Some(2)));
        assert!(error["message"].as_str().unwrap().starts_with(said), "{error}");
    }
    let help = edition(&["--json", "--help"]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("Examples:"));
}

#[test]
fn dev_has_a_server_of_its_own() {
    insta::assert_snapshot!(transcript(&["dev", "--database-url", "host=db"]), @r###"
    $ edition dev --database-url host=db
    error: edition dev starts a server of its own and has no use for --database-url
    help: edition init adopts a database that is there
    exit code 2
    "###);
}

#[test]
fn a_server_that_is_not_there_is_a_database_error_with_a_hint() {
    let url = "postgres://ann:secret@127.0.0.1:1/app";
    insta::assert_snapshot!(transcript(&["init", "--database-url", url]), @r###"
    $ edition init --database-url postgres://ann:secret@127.0.0.1:1/app
    error: cannot connect to database "app" at 127.0.0.1:1: error connecting to server: Connection refused (os error 111)
    help: check --database-url (or PGHOST, PGPORT, PGUSER, PGDATABASE) and that the server is up
    exit code 3
    "###);
    let output = edition(&["init", "--json", "--database-url", url]);
    let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((error["kind"].as_str(), error["exit_code"].as_u64()), (Some("database"), Some(3)));
    assert!(output.stdout.is_empty());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("secret"));
}

#[test]
fn a_connection_string_that_cannot_be_read_is_not_repeated() {
    insta::assert_snapshot!(transcript(&["status", "--database-url", "postgres://ann:secret@host:port/x"]), @r###"
    $ edition status --database-url postgres://ann:secret@host:port/x
    error: --database-url is not a connection string: invalid value for option `port`
    help: for example postgres://user@host:5432/database, or host=… dbname=…
    exit code 2
    "###);
}

#[test]
fn no_user_is_said_before_anything_is_tried() {
    insta::assert_snapshot!(transcript(&["status"]), @r###"
    $ edition status
    error: no user given
    help: set PGUSER, or name one in --database-url
    exit code 2
    "###);
}

#[test]
fn completions_name_the_verbs() {
    let script = transcript(&["completions", "bash"]);
    assert!(script.contains("rollback") && script.contains("--discard-data"));
}
