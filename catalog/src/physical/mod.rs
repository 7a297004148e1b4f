//! Reading a blueprint in physical words. Inside a transaction that is always rolled back, the blueprint's tables and columns
//! are renamed to where they physically are; PostgreSQL then deparses constraints, indexes, defaults and transforms with the right names.
//! So no definition is ever rewritten by us, and two definitions are equal exactly if they are the same thing on the live table.

mod probe;
mod rename;
mod statement;

pub use probe::{Probe, Probed, ROW_ALIAS, ResultType, over_row_alias};
pub use rename::rename_statements;
use rename::search_path_statements;
pub use statement::{Written, statements_in_physical_words};

use std::{collections::BTreeSet, time::Duration};

use tokio_postgres::Transaction;

use crate::{
    blueprint::{name_in_use, read_schema},
    error::{Error, ErrorKind, Result},
    layout::{Ancestry, Mapping},
    model::{Identity, Name, Schema, TableId, TypeBody, TypeDef},
    sql,
    sql::{Sql, join},
    target::Connection,
};

/// A physical column that this blueprint does not have (the neighbour's), added so that transforms can name it.
#[derive(Clone, Debug)]
pub struct ExtraColumn {
    /// The table.
    pub table: TableId,
    /// The physical name.
    pub name: Name,
    /// The type, in physical words.
    pub type_name: String,
    /// The collation, if it is not the type's own.
    pub collation: Option<String>,
}

/// What is asked of one blueprint.
#[derive(Clone, Debug)]
pub struct PhysicalRequest<'a> {
    /// The schema as its edition names it.
    pub logical: &'a Schema,
    /// Where everything is.
    pub mapping: &'a Mapping,
    /// The editioned schemas.
    pub editioned: &'a [Name],
    /// The neighbour's types, in physical words and in the order in which they can be made: its columns may be of types that this blueprint lacks.
    pub extra_types: &'a [TypeDef],
    /// The live editions up to this one.
    pub ancestry: &'a Ancestry,
    /// The neighbour's columns.
    pub extra: &'a [ExtraColumn],
    /// Transforms to check and to deparse.
    pub probes: &'a [Probe],
}

/// The answer.
#[derive(Clone, Debug)]
pub struct PhysicalReading {
    /// The same schema (same ids) under physical names.
    pub schema: Schema,
    /// One per probe.
    pub probed: Vec<Probed>,
}

/// How long we wait for a lock in a blueprint: its author may be in the middle of a migration.
const BLUEPRINT_LOCK_PATIENCE: Duration = Duration::from_secs(10);

/// Reads a blueprint in physical words; leaves no trace.
pub async fn read_in_physical_words(
    connection: &mut Connection,
    request: &PhysicalRequest<'_>,
) -> Result<PhysicalReading> {
    let foreign = request.mapping.foreign_schemas(request.editioned);
    let mut statements: Vec<Sql> = foreign.iter().map(|schema| sql!("CREATE SCHEMA {}", schema)).collect();
    statements.extend(search_path_statements(request));
    statements.extend(rename_statements(request.logical, request.mapping));
    if statements.is_empty() && request.extra.is_empty() && request.probes.is_empty() {
        // Everything stands under its own name: a reading would give the same again.
        return Ok(PhysicalReading { schema: request.logical.clone(), probed: Vec::new() });
    }
    let reader = connection.schema_reader().await?;
    let transaction = connection.transaction().await?;
    alter_briefly(&transaction, &join(statements, ";\n")).await?;

    let schemas: Vec<Name> = request.editioned.iter().chain(&foreign).cloned().collect();
    let schema = read_schema(&reader, &transaction, &schemas).await?;

    add_types(&transaction, request.extra_types).await?;
    let known = known_types(&transaction, request.extra).await?;
    let extra = request.extra.iter().filter_map(|column| {
        if !known.contains(&column.type_name) {
            return None;
        }
        let table = schema.table(column.table)?;
        let collation = match &column.collation {
            Some(collation) => sql!(" COLLATE {}", Sql::trusted(collation)),
            None => Sql::trusted(""),
        };
        Some(sql!(
            "ALTER TABLE {} ADD COLUMN {} {}{}",
            table.name,
            column.name,
            Sql::trusted(&column.type_name),
            collation
        ))
    });
    transaction.batch_execute(join(extra, ";\n").as_str()).await?;

    transaction.batch_execute(join(settable_identities(&schema, request.probes), ";\n").as_str()).await?;

    let mut probed = Vec::with_capacity(request.probes.len());
    if !request.probes.is_empty() {
        // The author's names resolve as in a session of the edition: what it introduced first.
        let path = join(foreign.iter().chain(request.editioned).map(|name| sql!("{}", name)), ", ");
        probe::prepare(&transaction).await?;
        for probe in request.probes {
            probed.push(probe::run(&transaction, &schema, probe, &path).await?);
        }
    }
    transaction.rollback().await?;
    Ok(PhysicalReading { schema, probed })
}

/// Runs statements that lock the blueprint's tables.
///
/// # Errors
/// [`Busy`](ErrorKind::Busy) if somebody else has locked them.
pub async fn alter_briefly(transaction: &Transaction<'_>, statements: &Sql) -> Result<()> {
    let timeout = BLUEPRINT_LOCK_PATIENCE.as_millis();
    transaction.batch_execute(&format!("SET LOCAL lock_timeout = {timeout}")).await?;
    transaction.batch_execute(statements.as_str()).await.map_err(busy_draft)
}

/// Makes the neighbour's types that are not there. One that cannot be made without what this blueprint has dropped is left out.
async fn add_types(transaction: &Transaction<'_>, types: &[TypeDef]) -> Result<()> {
    for definition in types {
        let name = sql!("{}", definition.name);
        let exists =
            "SELECT pg_catalog.to_regtype($1) IS NOT NULL, pg_catalog.to_regnamespace($2) IS NOT NULL";
        let schema = sql!("{}", definition.name.schema);
        let row = transaction.query_one(exists, &[&name.as_str(), &schema.as_str()]).await?;
        let (has_type, has_schema): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
        if has_type {
            continue;
        }
        let make_schema = if has_schema { Sql::trusted("") } else { sql!("CREATE SCHEMA {};", schema) };
        transaction.batch_execute("SAVEPOINT extra_type").await?;
        // A domain's checks may call functions that have moved; they do not matter for what a value is.
        let bare = match &definition.body {
            TypeBody::Base { of, .. } => {
                Some(sql!("CREATE DOMAIN {} AS {}", name, Sql::trusted(&of.type_name)))
            }
            _ => None,
        };
        for statement in [Some(Sql::trusted(&definition.definition)), bare].iter().flatten() {
            let make = sql!("{} {}", make_schema, statement);
            if transaction.batch_execute(make.as_str()).await.is_ok() {
                break;
            }
            transaction.batch_execute("ROLLBACK TO SAVEPOINT extra_type").await?;
        }
    }
    Ok(())
}

/// Which of the columns' types are there.
async fn known_types(transaction: &Transaction<'_>, columns: &[ExtraColumn]) -> Result<BTreeSet<String>> {
    let names: Vec<&str> = columns.iter().map(|column| column.type_name.as_str()).collect();
    let question =
        "SELECT name FROM unnest($1::text[]) AS name WHERE pg_catalog.to_regtype(name) IS NOT NULL";
    let rows = transaction.query(question, &[&names]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// A transform may set a GENERATED ALWAYS identity column, because the live duplicate becomes one only at the retire: here it must be settable, too.
fn settable_identities(schema: &Schema, probes: &[Probe]) -> Vec<Sql> {
    let mut statements: Vec<Sql> = probes
        .iter()
        .filter_map(|probe| {
            let table = schema.table(probe.table)?;
            let column = table.column_named(probe.target.as_str())?;
            matches!(column.identity, Identity::Always(_)).then(|| {
                sql!("ALTER TABLE {} ALTER COLUMN {} SET GENERATED BY DEFAULT", table.name, column.name)
            })
        })
        .collect();
    statements.dedup();
    statements
}

fn busy_draft(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) {
        return Error::new(ErrorKind::Busy, "another session holds locks in the draft's blueprint")
            .with_hint("let the running migration of the draft finish, then run the same command again")
            .with_source(error);
    }
    name_in_use(error)
}
