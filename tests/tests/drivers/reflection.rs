//! Tools that read a schema out of the catalogues: what they tell of it in each of two live editions, through the proxy, is what they tell of the
//! edition's blueprint, which holds the same schema as real tables. Order aside, since columns of an edition stand as they are stored.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use edition_tests::{OWNER, World, server};

use crate::script;

const BASE: &str = include_str!("../it/introspection/base.sql");
const CHILD: &str = include_str!("../it/introspection/child.sql");
/// For one run of one tool.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn sqlalchemy_reflects_tables() {
    told_alike(&python(), |host| [&[script("sqlalchemy_reflect.py").display().to_string()], host].concat())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn django_writes_the_same_models() {
    told_alike(&python(), |host| [&[script("django_inspectdb.py").display().to_string()], host].concat())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn knex_tells_the_same_columns() {
    told_alike("node".as_ref(), |host| [&[script("knex_columns.js").display().to_string()], host].concat())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn activerecord_dumps_the_same_schema() {
    told_alike("ruby".as_ref(), |host| {
        [&[script("activerecord_dump.rb").display().to_string()], host].concat()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_dump_writes_the_same_statements() {
    let program = server().await.programs().unwrap().pg_dump;
    told_alike(&program, |host| {
        let [host, port, role, database] = host else { unreachable!("four") };
        ["--schema-only", "-n", "public", "-h", host, "-p", port, "-U", role, "-d", database]
            .map(str::to_owned)
            .to_vec()
    })
    .await;
}

fn python() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python")
}

/// Runs a tool in each edition and on its blueprint; `arguments` takes host, port, role and database.
async fn told_alike(program: &Path, arguments: impl Fn(&[String]) -> Vec<String>) {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", CHILD).await;
    world.verbs.publish("v2", &["lossy-cast", "backfill-fires-triggers"]).await;
    for edition in ["v1", "v2"] {
        let told = async |port: u16, database: String| {
            let host = ["127.0.0.1".to_owned(), port.to_string(), OWNER.to_owned(), database];
            run(program, &arguments(&host)).await
        };
        let seen = told(world.port(), format!("{}@{edition}", world.database)).await;
        let wanted = told(server().await.port(), world.blueprint(edition)).await;
        assert!(wanted.len() > 20, "too little to compare: {wanted:#?}");
        let only = |some: &[String], others: &[String]| -> Vec<String> {
            some.iter().filter(|line| !others.contains(line)).cloned().collect()
        };
        let (missing, added) = (only(&wanted, &seen), only(&seen, &wanted));
        assert!(seen == wanted, "{} in {edition}\nmissing {missing:#?}\nadded {added:#?}", program.display());
    }
    world.end().await;
}

/// The lines that a program printed, in an order of their own; it must succeed.
async fn run(program: &Path, arguments: &[String]) -> Vec<String> {
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("in time");
    let output = output.unwrap_or_else(|error| panic!("{}: {error}; run: make test", program.display()));
    assert!(output.status.success(), "{}: {}", program.display(), String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    // pg_dump puts a word of chance there
    lines.retain(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "));
    lines.sort();
    lines
}
