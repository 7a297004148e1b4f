//! Migration tools that people use, each driving its own migrations against a draft through the proxy: version 1 of an application is
//! in production, the tool brings the draft to version 2, both versions then work at once, and when version 1 is retired the database
//! is the one that the tool makes without editions, its own bookkeeping included.
//!
//! `make test` installs the tools (scripts/ensure-deps.sh drivers); without them these tests fail and say so.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed set-up step is a failed test")]

mod shop;
mod sqlx_migrator;
mod tool;

use shop::Upgrade;
use tool::{Script, Tool};

fn repository(path: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn python(script: &str) -> Tool {
    Tool::Script(Script { program: repository(".venv/bin/python"), script: repository(script) })
}

#[tokio::test]
async fn django_migrates_a_draft() {
    let mut upgrade = Upgrade::by(
        python("tests/tools/django/run.py"),
        "SELECT app, name FROM django_migrations ORDER BY 1, 2",
    );
    // AddField(default="") leaves a column without a default behind.
    upgrade.transforms = &[("shop_order", "note = ''")];
    upgrade.play().await;
}

#[tokio::test]
async fn alembic_migrates_a_draft() {
    Upgrade::by(python("tests/tools/alembic/run.py"), "SELECT version_num FROM alembic_version").play().await;
}

#[tokio::test]
async fn knex_migrates_a_draft() {
    let script = Script { program: "node".into(), script: repository("tests/tools/knex/run.js") };
    let bookkeeping = "SELECT name, batch FROM knex_migrations ORDER BY name";
    let mut upgrade = Upgrade::by(Tool::Script(script), bookkeeping);
    // It looks for its table in current_schema(), where a live edition has only what differs (docs/limits.md).
    upgrade.checks_beside_others = false;
    upgrade.play().await;
}

#[tokio::test]
async fn activerecord_migrates_a_draft() {
    let script = Script { program: "ruby".into(), script: repository("tests/tools/activerecord/run.rb") };
    Upgrade::by(Tool::Script(script), "SELECT version FROM schema_migrations ORDER BY version").play().await;
}

#[tokio::test]
async fn sqlx_migrates_a_draft() {
    let bookkeeping = "SELECT version, description, success FROM _sqlx_migrations ORDER BY version";
    Upgrade::by(Tool::Sqlx, bookkeeping).play().await;
}
