//! Copying the structure of the live database into the root's blueprint: `pg_dump --schema-only` piped into `psql`.

use std::{io, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    process::{ChildStdin, ChildStdout},
};

use super::{
    child::{Running, program},
    database::create_empty,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{EditionName, Name, QualifiedName},
    operation::Programs,
    sql, store,
    target::{Connection, Target},
};

/// What every blueprint has besides the schema.
const BLUEPRINT: &str = include_str!("../../migrations/blueprint.sql");

/// Makes the blueprint database and fills it with the live database's structure. The caller drops it if this fails.
pub async fn copy_structure(
    target: &Target,
    programs: &Programs,
    database: &Name,
    edition: &EditionName,
) -> Result<()> {
    create_empty(target, database, edition).await?;
    drop_unused_public(target, database).await?;
    pipe(target, programs, database).await?;
    let connection = target.connect_blueprint(database).await?;
    connection.batch_execute(BLUEPRINT).await?;
    populate(&connection).await
}

/// A dump of the structure leaves materialized views unpopulated, and a draft's migration may ask for what needs them populated (REFRESH …
/// CONCURRENTLY). They were restored in an order in which each can be filled, and over empty tables that costs nothing. Where there
/// are foreign tables, which are not empty, and where the query does not run here, they stay as they are.
async fn populate(blueprint: &Connection) -> Result<()> {
    let rows = blueprint
        .query(
            "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind = 'm' AND NOT c.relispopulated \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'f') ORDER BY c.oid",
            &[],
        )
        .await?;
    for row in rows {
        let view =
            QualifiedName::new(store::stored_name(row.try_get(0)?)?, store::stored_name(row.try_get(1)?)?);
        let refreshed = blueprint.batch_execute(sql!("REFRESH MATERIALIZED VIEW {}", view).as_str()).await;
        if let Err(error) = refreshed {
            if error.as_db_error().is_none() {
                return Err(error.into());
            }
            tracing::warn!(view = view.pretty(), %error, "a materialized view stays unpopulated in the blueprint");
        }
    }
    Ok(())
}

/// template0 has a schema `public` and a dump does not say if there is none.
async fn drop_unused_public(target: &Target, database: &Name) -> Result<()> {
    let has_public = "SELECT to_regnamespace('public') IS NOT NULL";
    let live = target.connect().await?;
    if live.query_one(has_public, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(());
    }
    let connection = target.connect_blueprint(database).await?;
    connection.batch_execute(sql!("DROP SCHEMA IF EXISTS public").as_str()).await?;
    Ok(())
}

async fn pipe(target: &Target, programs: &Programs, database: &Name) -> Result<()> {
    let mut dump = program(&programs.pg_dump, target.config(), target.tls());
    dump.args(["--schema-only", "--no-password", "--no-subscriptions", "--lock-wait-timeout=10s"]);
    // In double quotes a pattern means itself.
    dump.args(["--exclude-schema", "\"edition\""]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut dump = Running::start(&programs.pg_dump, dump)?;

    let mut restore =
        program(&programs.psql, &target.blueprint_config(database.as_str()), target.blueprint_tls());
    restore.args(["-X", "-q", "-1", "--no-password", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
    restore.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut restore = Running::start(&programs.psql, restore)?;

    let (output, input): (ChildStdout, ChildStdin) = (dump.output()?, restore.input()?);
    let pass = async {
        // psql that ends before it has read all says why.
        pass_on(output, input).await.ok();
        Ok(())
    };
    let (dumped, restored, ()) = tokio::try_join!(dump.wait(), restore.wait(), pass)?;
    // When psql gives up, pg_dump ends with a broken pipe: psql's message is the one that says why. But when pg_dump fails,
    // psql has merely run what came before.
    restored.success_or(|message| {
        Error::refused(format!("the schema cannot be rebuilt in a blueprint by this role: {message}"))
            .with_hint("run edition as the role that owns the objects; what only a superuser can make must be left out of the database or made by one")
    })?;
    if dumped.is_success() {
        return Ok(());
    }
    dumped.success_or(|message| {
        Error::new(ErrorKind::Database, format!("the schema cannot be dumped: {message}"))
            .with_hint("run edition as a role that may read every table's definition; pg_dump must be at least as new as the server")
    })
}

/// At the head of what `pg_dump` of version 17 and newer writes, whatever the server's version; older servers do not know it.
const SETS_TIMEOUT: &[u8] = b"SET transaction_timeout = 0;\n";
/// The same on any server.
const SETS_TIMEOUT_IF_THERE: &[u8] =
    b"SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout';\n";
/// The last of the settings at the head.
const ENDS_HEAD: &[u8] = b"SET row_security = off;\n";
/// The head has fewer lines.
const HEAD_LINES_MAX: usize = 64;

/// Passes a dump on, so that a server that is older than `pg_dump` can take it.
async fn pass_on(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    for _ in 0..HEAD_LINES_MAX {
        line.clear();
        from.read_until(b'\n', &mut line).await?;
        to.write_all(if line == SETS_TIMEOUT { SETS_TIMEOUT_IF_THERE } else { &line }).await?;
        if line.is_empty() || line == ENDS_HEAD {
            break;
        }
    }
    tokio::io::copy_buf(&mut from, &mut to).await?;
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_head_is_changed() {
        let dump = |timeout: &str| {
            let body =
                "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$\nSET transaction_timeout = 0;\n$$;\n"
                    .repeat(999);
            format!("--\n\\restrict x\n\n{timeout}SET row_security = off;\n\n{body}")
        };
        let mut passed = Vec::new();
        pass_on(dump("SET transaction_timeout = 0;\n").as_bytes(), &mut passed).await.unwrap();
        let expected = dump(std::str::from_utf8(SETS_TIMEOUT_IF_THERE).unwrap());
        assert!(passed == expected.as_bytes());
        for unchanged in ["", "SET", "--\nSET transaction_timeout = 0", "\n\n"] {
            passed.clear();
            pass_on(unchanged.as_bytes(), &mut passed).await.unwrap();
            assert_eq!(passed, unchanged.as_bytes());
        }
    }
}
