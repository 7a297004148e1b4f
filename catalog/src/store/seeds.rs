//! Rows of `edition.seeds`.

use tokio_postgres::GenericClient;

use crate::{
    error::Result,
    model::{EditionId, TableId},
};

/// The tables in which the publication of an edition carried out what its draft had done to rows.
pub async fn seeded_tables(client: &impl GenericClient, edition: EditionId) -> Result<Vec<TableId>> {
    let rows = client
        .query("SELECT DISTINCT table_id FROM edition.seeds WHERE edition_id = $1", &[&edition.get()])
        .await?;
    rows.iter().map(|row| Ok(TableId::new(row.try_get(0)?))).collect()
}
