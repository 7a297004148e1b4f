//! Rows of `edition.transforms`: what the author gave by `edition transform`.

use tokio_postgres::{GenericClient, Row};

use super::stored_name;
use crate::{
    error::{Error, Result},
    model::{Direction, EditionId, Name, OnError, Origin, Transform},
};

const COLUMNS: &str = "schema_name, table_name, direction, column_name, expression, on_error, origin";

fn from_row(row: &Row) -> Result<Transform> {
    let (direction, on_error, origin): (&str, &str, &str) =
        (row.try_get("direction")?, row.try_get("on_error")?, row.try_get("origin")?);
    let unknown =
        |what: &str| Error::bug(format!("the catalogue holds an unknown value \"{what}\" in a transform"));
    Ok(Transform {
        schema: stored_name(row.try_get("schema_name")?)?,
        table: stored_name(row.try_get("table_name")?)?,
        direction: match direction {
            "forward" => Direction::Forward,
            "reverse" => Direction::Reverse,
            other => return Err(unknown(other)),
        },
        column: stored_name(row.try_get("column_name")?)?,
        expression: row.try_get("expression")?,
        on_error: match on_error {
            "reject" => OnError::Reject,
            "null" => OnError::Null,
            other => return Err(unknown(other)),
        },
        origin: match origin {
            "author" => Origin::Author,
            "inferred" => Origin::Inferred,
            other => return Err(unknown(other)),
        },
    })
}

/// The transforms of the transition into `edition`, in a stable order.
pub async fn transforms(client: &impl GenericClient, edition: EditionId) -> Result<Vec<Transform>> {
    let text = format!(
        "SELECT {COLUMNS} FROM edition.transforms WHERE edition_id = $1 \
         ORDER BY schema_name, table_name, direction, column_name"
    );
    client.query(&text, &[&edition.get()]).await?.iter().map(from_row).collect()
}

/// The same, of one table.
pub async fn transforms_of_table(
    client: &impl GenericClient,
    edition: EditionId,
    schema: &Name,
    table: &Name,
) -> Result<Vec<Transform>> {
    let mut all = transforms(client, edition).await?;
    all.retain(|transform| transform.schema == *schema && transform.table == *table);
    Ok(all)
}

/// Stores a transform, instead of an earlier one for the same column and direction.
pub async fn put_transform(
    client: &impl GenericClient,
    edition: EditionId,
    transform: &Transform,
) -> Result<()> {
    let origin = match transform.origin {
        Origin::Author => "author",
        Origin::Inferred => "inferred",
    };
    client
        .execute(
            "INSERT INTO edition.transforms \
             (edition_id, schema_name, table_name, direction, column_name, expression, on_error, origin) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (edition_id, schema_name, table_name, direction, column_name) \
             DO UPDATE SET expression = excluded.expression, on_error = excluded.on_error, origin = excluded.origin",
            &[
                &edition.get(),
                &transform.schema.as_str(),
                &transform.table.as_str(),
                &transform.direction.as_str(),
                &transform.column.as_str(),
                &transform.expression,
                &transform.on_error.as_str(),
                &origin,
            ],
        )
        .await?;
    Ok(())
}

/// Removes the transforms of one table, or (without one) of the whole transition.
pub async fn delete_transforms(
    client: &impl GenericClient,
    edition: EditionId,
    table: Option<(&Name, &Name)>,
) -> Result<()> {
    let (schema, table) = table.unzip();
    client
        .execute(
            "DELETE FROM edition.transforms WHERE edition_id = $1 \
             AND ($2::text IS NULL OR (schema_name = $2 AND table_name = $3))",
            &[&edition.get(), &schema.map(Name::as_str), &table.map(Name::as_str)],
        )
        .await?;
    Ok(())
}
