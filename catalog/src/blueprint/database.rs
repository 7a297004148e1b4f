//! Making, forking and dropping blueprint databases.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_postgres::error::SqlState;

use crate::{
    error::{Error, ErrorKind, Result},
    model::{EditionName, Name},
    sql,
    sql::{Literal, Sql},
    target::{Connection, Target},
};

/// How long to wait for sessions to leave a database that is forked or dropped. PostgreSQL itself waits 5 s in each try.
const SESSIONS_PATIENCE: Duration = Duration::from_secs(12);

/// Whether a database of this name is on the blueprint server.
pub async fn exists(target: &Target, database: &Name) -> Result<bool> {
    let connection = target.connect_maintenance().await?;
    let row = connection
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)",
            &[&database.as_str()],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// Makes an empty database in encoding and locale of the live one, for its owner only.
pub(super) async fn create_empty(target: &Target, database: &Name, edition: &EditionName) -> Result<()> {
    let live = target.connect().await?;
    let row = live
        .query_one(
            "SELECT pg_catalog.to_jsonb(d), pg_catalog.pg_encoding_to_char(d.encoding)::text \
             FROM pg_catalog.pg_database d WHERE datname = current_database()",
            &[],
        )
        .await?;
    let (properties, encoding): (Value, String) = (row.try_get(0)?, row.try_get(1)?);
    let connection = target.connect_maintenance().await?;
    let create =
        sql!("CREATE DATABASE {} TEMPLATE template0 {}", database, locale_options(&properties, &encoding));
    connection.batch_execute(create.as_str()).await.map_err(|error| explain(error, database))?;
    mark(target, &connection, database, edition).await
}

/// The options of CREATE DATABASE that give the same encoding and locale; which there are depends on the server's version, so
/// the row is read as JSON.
fn locale_options(properties: &Value, encoding: &str) -> Sql {
    let text = |column: &str| properties.get(column).and_then(Value::as_str);
    let mut options = vec![sql!("ENCODING {}", Literal(encoding))];
    let plain = [("datcollate", "LC_COLLATE"), ("datctype", "LC_CTYPE")];
    for (column, option) in plain {
        if let Some(value) = text(column) {
            options.push(sql!("{} {}", Sql::trusted(option), Literal(value)));
        }
    }
    let locale = text("datlocale").or_else(|| text("daticulocale"));
    match (text("datlocprovider"), locale) {
        (Some("i"), Some(locale)) => {
            options.push(sql!("LOCALE_PROVIDER icu ICU_LOCALE {}", Literal(locale)));
        }
        (Some("b"), Some(locale)) => {
            options.push(sql!("LOCALE_PROVIDER builtin BUILTIN_LOCALE {}", Literal(locale)));
        }
        _ => {}
    }
    if let Some(rules) = text("daticurules") {
        options.push(sql!("ICU_RULES {}", Literal(rules)));
    }
    sql::join(options, " ")
}

/// Makes `child` as a copy of the blueprint `parent`, without the transforms that were given in it.
pub async fn fork(target: &Target, parent: &Name, child: &Name, edition: &EditionName) -> Result<()> {
    let connection = target.connect_maintenance().await?;
    let create = sql!("CREATE DATABASE {} TEMPLATE {}", child, parent);
    without_sessions(&connection, parent, child, &create, "forked").await?;
    mark(target, &connection, child, edition).await?;
    let fork = target.connect_blueprint(child).await?;
    fork.batch_execute("TRUNCATE edition.transforms RESTART IDENTITY").await?;
    Ok(())
}

/// Drops a blueprint; one that is not there is dropped already.
pub async fn drop_blueprint(target: &Target, database: &Name) -> Result<()> {
    let connection = target.connect_maintenance().await?;
    settle(&connection, database).await?;
    let statement = sql!("DROP DATABASE IF EXISTS {}", database);
    without_sessions(&connection, database, database, &statement, "dropped").await
}

/// Waits until no server process is still making or dropping this database for a runner that is gone: a statement outlives the
/// client that sent it, and the runner lock that was held beside it.
async fn settle(connection: &Connection, database: &Name) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < SESSIONS_PATIENCE {
        let row = connection
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE state = 'active' AND usename = session_user \
                 AND pid <> pg_catalog.pg_backend_pid() AND query ~ '^(CREATE|DROP) DATABASE ' AND strpos(query, $1) > 0)",
                &[&sql!("{}", database).as_str()],
            )
            .await?;
        if !row.try_get::<_, bool>(0)? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let name = database.as_str();
    Err(Error::new(
        ErrorKind::Busy,
        format!("database \"{name}\" is still being made or dropped for an earlier command"),
    )
    .with_hint("run the same command again in a moment"))
}

/// Runs a statement that needs `database` to have no sessions, again and again for a while.
async fn without_sessions(
    connection: &Connection,
    database: &Name,
    made: &Name,
    statement: &Sql,
    done: &str,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        let error = match connection.batch_execute(statement.as_str()).await {
            Ok(()) => return Ok(()),
            Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => error,
            Err(error) => return Err(explain(error, made)),
        };
        if begun.elapsed() < SESSIONS_PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        let sessions = sessions_in(connection, database).await?;
        return Err(Error::new(
            ErrorKind::Busy,
            format!(
                "database \"{}\" cannot be {done} while sessions are in it: {sessions}",
                database.as_str()
            ),
        )
        .with_hint("end these sessions, then run the same command again")
        .with_source(error));
    }
}

async fn sessions_in(connection: &Connection, database: &Name) -> Result<String> {
    let rows = connection
        .query(
            "SELECT format('pid %s (%s, user %s)', pid, coalesce(nullif(application_name, ''), backend_type), usename) \
             FROM pg_catalog.pg_stat_activity WHERE datname = $1 ORDER BY pid LIMIT 5",
            &[&database.as_str()],
        )
        .await?;
    let sessions: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(if sessions.is_empty() { "they left just now".to_owned() } else { sessions.join(", ") })
}

/// Lets nobody in but its owner, says what it is, and gives it the live database's own settings.
async fn mark(
    target: &Target,
    connection: &Connection,
    database: &Name,
    edition: &EditionName,
) -> Result<()> {
    let comment = format!(
        "Editions for PostgreSQL: blueprint of edition \"{edition}\" of database \"{}\". Made and dropped by \"edition\".",
        target.database()
    );
    connection
        .batch_execute(
            sql!(
                "REVOKE ALL ON DATABASE {} FROM PUBLIC; COMMENT ON DATABASE {} IS {}",
                database,
                database,
                Literal(&comment)
            )
            .as_str(),
        )
        .await?;
    let live = target.connect().await?;
    let rows = live
        .query(
            "SELECT split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1) \
             FROM pg_catalog.pg_db_role_setting, unnest(setconfig) AS setting \
             WHERE setrole = 0 AND setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())",
            &[],
        )
        .await?;
    for row in &rows {
        let (name, value): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let set = setting_statement(database, name, value)?;
        if let Err(error) = connection.batch_execute(set.as_str()).await {
            // Some settings are a superuser's to give; structure does not depend on them.
            tracing::warn!(setting = name, %error, "a setting of the database cannot be given to its blueprint");
        }
    }
    Ok(())
}

/// `ALTER DATABASE … SET`. A list-valued setting is stored as the text of a list, which must not become one quoted element.
fn setting_statement(database: &Name, name: &str, value: &str) -> Result<Sql> {
    let setting = name
        .split('.')
        .map(Name::new)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::bug(format!("impossible setting \"{name}\": {error}")))?;
    let setting = sql::join(setting, ".");
    if matches!(
        name,
        "search_path"
            | "DateStyle"
            | "temp_tablespaces"
            | "session_preload_libraries"
            | "local_preload_libraries"
    ) {
        // PostgreSQL quoted the elements itself when it stored the list.
        return Ok(sql!("ALTER DATABASE {} SET {} TO {}", database, setting, Sql::trusted(value)));
    }
    Ok(sql!("ALTER DATABASE {} SET {} TO {}", database, setting, Literal(value)))
}

fn explain(error: tokio_postgres::Error, database: &Name) -> Error {
    let name = database.as_str();
    match error.code() {
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            Error::refused(format!("blueprint database \"{name}\" cannot be made: no permission"))
                .with_hint("ALTER ROLE … CREATEDB for the role that runs edition, or give --blueprint-url")
                .with_source(error)
        }
        Some(code) if *code == SqlState::DUPLICATE_DATABASE => Error::refused(format!(
            "database \"{name}\" exists already, and it is not a blueprint that edition knows"
        ))
        .with_hint("drop or rename that database, or choose another edition name")
        .with_source(error),
        _ => Error::from(error),
    }
}
