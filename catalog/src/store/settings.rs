//! Rows of `edition.settings` and `edition.schemas`.

use tokio_postgres::GenericClient;

use super::stored_name;
use crate::{error::Result, model::Name};

/// The value of a setting, if it is set.
pub async fn setting(client: &impl GenericClient, name: &str) -> Result<Option<String>> {
    let row = client.query_opt("SELECT value FROM edition.settings WHERE name = $1", &[&name]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Sets a setting.
pub async fn set_setting(client: &impl GenericClient, name: &str, value: &str) -> Result<()> {
    client
        .execute(
            "INSERT INTO edition.settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            &[&name, &value],
        )
        .await?;
    Ok(())
}

/// Removes a setting.
pub async fn delete_setting(client: &impl GenericClient, name: &str) -> Result<()> {
    client.execute("DELETE FROM edition.settings WHERE name = $1", &[&name]).await?;
    Ok(())
}

/// The editioned schemas, in the order given at `init`; behind them those that drafts made.
pub async fn schemas(client: &impl GenericClient) -> Result<Vec<Name>> {
    let rows = client.query("SELECT schema_name FROM edition.schemas ORDER BY position", &[]).await?;
    rows.iter().map(|row| stored_name(row.try_get(0)?)).collect()
}

/// Those of them that were given at `init`, and not made by drafts since.
pub async fn schemas_of_init(client: &impl GenericClient) -> Result<Vec<Name>> {
    let query = "SELECT schema_name FROM edition.schemas WHERE introduced_by IS NULL ORDER BY position";
    let rows = client.query(query, &[]).await?;
    rows.iter().map(|row| stored_name(row.try_get(0)?)).collect()
}

/// Records the editioned schemas, instead of any that an unfinished `init` left.
pub async fn insert_schemas(client: &impl GenericClient, schemas: &[Name]) -> Result<()> {
    let names: Vec<&str> = schemas.iter().map(Name::as_str).collect();
    client.execute("DELETE FROM edition.schemas", &[]).await?;
    client
        .execute(
            "INSERT INTO edition.schemas (position, schema_name) \
             SELECT ordinality, name FROM unnest($1::text[]) WITH ORDINALITY AS given (name, ordinality)",
            &[&names],
        )
        .await?;
    Ok(())
}
