//! Copying the structure of the live database into the root's blueprint: `pg_dump --schema-only` piped into `psql`.

use std::process::Stdio;

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
    restore.stdin(dump.output()?).stdout(Stdio::null());
    let mut restore = Running::start(&programs.psql, restore)?;

    let (dumped, restored) = tokio::try_join!(dump.wait(), restore.wait())?;
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
