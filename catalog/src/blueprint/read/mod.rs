//! Reading a logical schema from a blueprint (or from the live database): one query a kind of object, each of which
//! builds the model's value as JSON, all in one snapshot and with an empty `search_path`, so that PostgreSQL qualifies
//! every name that it deparses.

mod aligned;
mod bound;
mod foreign;
mod partitions;
mod reader;
mod rows;
mod whole_rows;

pub use aligned::{name_in_use, read_aligned};
pub use bound::bound_to_functions;
pub(super) use foreign::flatten;
pub use reader::SchemaReader;
pub use rows::rows_in;
pub use whole_rows::whole_rows;

use foreign::Foreign;
use partitions::{Part, TableRow};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_postgres::{GenericClient, IsolationLevel, Row, types::ToSql};

use crate::{
    error::{Error, Result},
    model::{
        ColumnId, Constraint, Function, Name, OtherObject, Pointer, Policy, Schema, Sequence, Table, TableId,
        Trigger, TypeDef, View,
    },
    order::needed_first,
    target::Connection,
};

/// Reads a database in one snapshot of its own: [`read_schema`] in a read-only transaction.
pub async fn read_database(connection: &mut Connection, editioned: &[Name]) -> Result<Schema> {
    let reader = connection.schema_reader().await?;
    let transaction = connection
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let schema = read_schema(&reader, &transaction, editioned).await?;
    transaction.commit().await?;
    Ok(schema)
}

/// Reads everything that DDL can change: the editioned schemas as tables, views, …, all else as [`OtherObject`]s; within the
/// caller's transaction, whose uncommitted changes it sees. Left out are system schemas, schemas of ours, members of
/// extensions, and row contents. In the live database, ids are its own OIDs, which are not those of the blueprints.
/// `reader` is of the transaction's connection; its plans are made once, whatever the schemas.
pub async fn read_schema(
    reader: &SchemaReader,
    client: &impl GenericClient,
    editioned: &[Name],
) -> Result<Schema> {
    client
        .batch_execute(
            "SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off; SET LOCAL jit = off; \
             SET LOCAL plan_cache_mode = force_generic_plan",
        )
        .await?;
    let ours = schemas_of_ours(client, editioned).await?;
    let rows = client.query(&reader.schemas, &[&ours]).await?;
    let all: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;

    // Sent at once, answered in order.
    let (one, two): ([Parameter<'_>; 1], [Parameter<'_>; 2]) = ([&all], [&all, &ours]);
    let (tables, views, sequences, functions, operators, triggers, policies, types, others, accessories) = futures_util::try_join!(
        client.query(&reader.tables, &two),
        client.query(&reader.views, &one),
        client.query(&reader.sequences, &one),
        client.query(&reader.functions, &one),
        client.query(&reader.operators, &one),
        client.query(&reader.triggers, &two),
        client.query(&reader.policies, &one),
        client.query(&reader.types, &one),
        client.query(&reader.others, &one),
        client.query(&reader.accessories, &one),
    )?;

    let mut schema = Schema { others: others.iter().map(other).collect::<Result<_>>()?, ..Schema::default() };
    let scope = Scope { editioned };
    let rows: Vec<TableRow> = tables.iter().map(table_row).collect::<Result<_>>()?;
    let (managed, unmanaged) = partitions::gather(rows, |table| scope.manages(&table.name.schema));
    schema.tables = managed;
    for (table, words) in unmanaged {
        let references = references(&table);
        let other = table.into_other((!words.is_empty()).then_some(words));
        schema.pointers.extend(pointers(&other, references));
        schema.others.push(other);
    }
    for row in &views {
        let view: View = value(row)?;
        if scope.manages(&view.name.schema) {
            schema.views.push(view);
        } else {
            schema.others.push(view.into_other(None));
        }
    }
    for row in &triggers {
        let trigger: Trigger = value(row)?;
        if scope.manages(&trigger.on.schema) {
            schema.triggers.push(trigger);
        } else {
            schema.others.push(trigger.into_other(None));
        }
    }
    for row in &policies {
        let policy: Policy = value(row)?;
        if scope.manages(&policy.on.schema) {
            schema.policies.push(policy);
        } else {
            schema.others.push(policy.into_other(None));
        }
    }
    for row in &sequences {
        let sequence: Sequence = value(row)?;
        if scope.manages(&sequence.name.schema) {
            schema.sequences.push(sequence);
        } else {
            schema.others.push(sequence.into_other(None));
        }
    }
    for row in functions.iter().chain(&operators) {
        let function: Function = value(row)?;
        if scope.manages(&function.name.schema) {
            schema.functions.push(function);
        } else {
            schema.others.push(function.into_other(None));
        }
    }
    for row in &types {
        let (definition, special): (TypeDef, Option<String>) = (value(row)?, row.try_get(1)?);
        match special {
            None if scope.manages(&definition.name.schema) => schema.types.push(definition),
            special => schema.others.push(definition.into_other(special)),
        }
    }
    schema.accessories = accessories.iter().map(value).collect::<Result<_>>()?;
    schema.others.sort();
    schema.views = in_dependency_order(schema.views);
    schema.types = needed_first(
        schema.types,
        |definition| definition.id,
        |definition, waiting| definition.uses.iter().any(|id| *id != definition.id && waiting.contains(id)),
    );
    Ok(schema)
}

type Parameter<'a> = &'a (dyn ToSql + Sync);

/// Which schemas are editioned: objects of all others are only watched for changes.
struct Scope<'a> {
    editioned: &'a [Name],
}

impl Scope<'_> {
    fn manages(&self, schema: &Name) -> bool {
        self.editioned.contains(schema)
    }
}

/// In the live database, the schemas of its editions except those that the caller asks for by name; in a blueprint, none.
/// Of an edition's own schema there is none (`public$v2$v2`), so what is too long for a name is no schema.
async fn schemas_of_ours(client: &impl GenericClient, editioned: &[Name]) -> Result<Vec<String>> {
    let live: bool =
        client.query_one("SELECT to_regclass('edition.editions') IS NOT NULL", &[]).await?.try_get(0)?;
    if !live {
        return Ok(Vec::new());
    }
    let editioned: Vec<&str> = editioned.iter().map(Name::as_str).collect();
    let rows = client
        .query(
            "SELECT ours FROM unnest($1::text[]) AS schema, edition.editions, \
             LATERAL (SELECT schema || '$' || name) AS edition_schema (ours) WHERE ours <> ALL ($1) AND octet_length(ours) < 64",
            &[&editioned],
        )
        .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The model's value that the first column holds as JSON.
fn value<T: DeserializeOwned>(row: &Row) -> Result<T> {
    value_of(row.try_get(0)?)
}

fn value_of<T: DeserializeOwned>(json: Value) -> Result<T> {
    serde_json::from_value(json).map_err(|error| {
        Error::bug(format!("a query of the system catalogues gave what the model cannot hold: {error}"))
            .with_source(error)
    })
}

fn table_row(row: &Row) -> Result<TableRow> {
    let part: Option<Value> = row.try_get(2)?;
    let part = part.map(value_of::<Part>).transpose()?;
    Ok(TableRow { table: value(row)?, special: row.try_get(1)?, part })
}

type Reference = (Name, TableId, Vec<ColumnId>);

fn references(table: &Table) -> Vec<Reference> {
    let of = |constraint: &Constraint| {
        let (target, columns) = constraint.references.clone()?;
        Some((constraint.name.clone(), target, columns))
    };
    table.constraints.iter().filter_map(of).collect()
}

fn pointers(from: &OtherObject, references: Vec<Reference>) -> impl Iterator<Item = Pointer> {
    let from = format!("{} {}", from.kind, from.identity);
    references.into_iter().map(move |(constraint, target, columns)| Pointer {
        from: from.clone(),
        constraint,
        target,
        columns,
    })
}

fn other(row: &Row) -> Result<OtherObject> {
    Ok(OtherObject {
        kind: row.try_get(0)?,
        identity: row.try_get(1)?,
        definition: row.try_get(2)?,
        table: row.try_get::<_, Option<u32>>(3)?.map(TableId::new),
    })
}

/// Each view behind those that it reads; PostgreSQL allows no cycles.
fn in_dependency_order(views: Vec<View>) -> Vec<View> {
    needed_first(
        views,
        |view| view.id,
        |view, waiting| view.reads.iter().any(|(read, _)| *read != view.id && waiting.contains(read)),
    )
}
