//! The epoch: the number that tells proxies that there is something new to load.

use tokio_postgres::GenericClient;

use crate::{error::Result, model::Epoch};

/// Moves the epoch on, in the caller's transaction: proxies are notified when that commits.
pub async fn bump_epoch(client: &impl GenericClient) -> Result<Epoch> {
    let row = client.query_one("UPDATE edition.epoch SET epoch = epoch + 1 RETURNING epoch", &[]).await?;
    let epoch: i64 = row.try_get(0)?;
    client.execute("SELECT pg_catalog.pg_notify('edition', $1)", &[&epoch.to_string()]).await?;
    Ok(Epoch::new(epoch))
}

/// The epoch as it stands.
pub async fn current_epoch(client: &impl GenericClient) -> Result<Epoch> {
    Ok(Epoch::new(client.query_one("SELECT epoch FROM edition.epoch", &[]).await?.try_get(0)?))
}
