//! Installing the catalogue and bringing an older one up to date: numbered SQL files, each applied once, each with the
//! checksum of the text that was applied.

use tokio_postgres::{GenericClient, Transaction};

use crate::error::{Error, Result};

/// One numbered file.
struct Migration {
    version: i32,
    name: &'static str,
    text: &'static str,
}

/// In order; a released one is never edited.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "catalogue", text: include_str!("../../migrations/001_catalogue.sql") },
    Migration { version: 2, name: "seeds", text: include_str!("../../migrations/002_seeds.sql") },
    Migration {
        version: 3,
        name: "constraints and indexes",
        text: include_str!("../../migrations/003_constraints_and_indexes.sql"),
    },
    Migration { version: 4, name: "words", text: include_str!("../../migrations/004_words.sql") },
    Migration { version: 5, name: "reflections", text: include_str!("../../migrations/005_reflections.sql") },
    Migration {
        version: 6,
        name: "reflected functions",
        text: include_str!("../../migrations/006_reflected_functions.sql"),
    },
    Migration { version: 7, name: "operators", text: include_str!("../../migrations/007_operators.sql") },
    Migration { version: 8, name: "search path", text: include_str!("../../migrations/008_search_path.sql") },
    Migration {
        version: 9,
        name: "set constraints",
        text: include_str!("../../migrations/009_set_constraints.sql"),
    },
    Migration {
        version: 10,
        name: "computed names",
        text: include_str!("../../migrations/010_computed_names.sql"),
    },
    Migration { version: 11, name: "like", text: include_str!("../../migrations/011_like.sql") },
    Migration { version: 12, name: "skipped", text: include_str!("../../migrations/012_skipped.sql") },
    Migration {
        version: 13,
        name: "skipped alterations",
        text: include_str!("../../migrations/013_skipped_alterations.sql"),
    },
];

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS edition.migrations (
    version    int         PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)";

/// Whether schema `edition` is there and is ours.
pub async fn catalogue_exists(client: &impl GenericClient) -> Result<bool> {
    let row = client
        .query_one(
            "SELECT to_regnamespace('edition') IS NOT NULL, to_regclass('edition.migrations') IS NOT NULL",
            &[],
        )
        .await?;
    match (row.try_get(0)?, row.try_get(1)?) {
        (false, _) => Ok(false),
        (true, true) => Ok(true),
        (true, false) => {
            Err(Error::refused("schema \"edition\" exists already, and it is not the catalogue of editions")
                .with_hint("the catalogue needs that name: ALTER SCHEMA edition RENAME TO …"))
        }
    }
}

/// Whether `init` has been completed: a catalogue that has an edition.
pub async fn is_adopted(client: &impl GenericClient) -> Result<bool> {
    if !catalogue_exists(client).await? {
        return Ok(false);
    }
    Ok(client.query_one("SELECT EXISTS (SELECT FROM edition.editions)", &[]).await?.try_get(0)?)
}

/// Makes schema `edition` where it is missing and applies what is not applied yet, in the caller's transaction. The
/// caller holds the [runner lock](super::RunnerLock).
pub async fn install(transaction: &Transaction<'_>) -> Result<()> {
    if !catalogue_exists(transaction).await? {
        transaction.batch_execute("CREATE SCHEMA edition").await?;
    }
    transaction.batch_execute(HISTORY).await?;
    for migration in MIGRATIONS {
        apply(transaction, migration).await?;
    }
    refuse_newer(transaction).await
}

async fn apply(transaction: &Transaction<'_>, migration: &Migration) -> Result<()> {
    let row = transaction
        .query_one(
            "SELECT encode(sha256(convert_to($2, 'UTF8')), 'hex'), (SELECT checksum FROM edition.migrations WHERE version = $1)",
            &[&migration.version, &migration.text],
        )
        .await?;
    let (checksum, applied): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    match applied {
        Some(applied) if applied == checksum => Ok(()),
        Some(_) => Err(Error::refused(format!(
            "catalogue migration {} ({}) was applied with another text than this program's",
            migration.version, migration.name
        ))
        .with_hint("use the version of edition that made the catalogue, or one that is released")),
        None => {
            transaction.batch_execute(migration.text).await?;
            transaction
                .execute(
                    "INSERT INTO edition.migrations (version, name, checksum) VALUES ($1, $2, $3)",
                    &[&migration.version, &migration.name, &checksum],
                )
                .await?;
            Ok(())
        }
    }
}

async fn refuse_newer(transaction: &Transaction<'_>) -> Result<()> {
    let newest: i32 =
        transaction.query_one("SELECT max(version) FROM edition.migrations", &[]).await?.try_get(0)?;
    if MIGRATIONS.iter().any(|migration| migration.version == newest) {
        return Ok(());
    }
    Err(Error::refused(format!("the catalogue is of a newer version ({newest}) than this program knows"))
        .with_hint("update edition on this machine"))
}
