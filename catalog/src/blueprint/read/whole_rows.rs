//! What speaks of tables' rows as a whole.

use tokio_postgres::GenericClient;

use super::value;
use crate::{error::Result, model::WholeRow};

/// Every policy, check constraint and index that speaks of a table's row as a whole, for a blueprint or the live database.
pub async fn whole_rows(client: &impl GenericClient) -> Result<Vec<WholeRow>> {
    client.query(include_str!("whole_rows.sql"), &[]).await?.iter().map(value).collect()
}
