//! Rows of `edition.proxies` and `edition.sessions`, which proxies write and runners read.

use std::time::{Duration, Instant};

use tokio_postgres::GenericClient;

use super::rfc3339;
use crate::{
    error::{Error, ErrorKind, Result},
    model::{EditionId, Epoch},
};

/// How often a wait for acknowledgements looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A proxy whose lease has not run out.
#[derive(Clone, Debug)]
pub struct LiveProxy {
    /// Where it listens.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The newest epoch that it applies.
    pub acked_epoch: Epoch,
}

/// A session that a proxy with a valid lease reported.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of edition.sessions")]
pub struct ProxySession {
    pub edition: EditionId,
    pub backend_pid: i32,
    pub user: String,
    pub application: String,
    pub client: String,
    pub connected_at: String,
    /// `pg_stat_activity.state`, if we may see it and the backend is still there.
    pub state: Option<String>,
}

/// Proxies with a valid lease.
pub async fn live_proxies(client: &impl GenericClient) -> Result<Vec<LiveProxy>> {
    let rows = client
        .query(
            "SELECT address, version, acked_epoch FROM edition.proxies \
             WHERE lease_expires_at > clock_timestamp() ORDER BY address, id",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(LiveProxy {
                address: row.try_get(0)?,
                version: row.try_get(1)?,
                acked_epoch: Epoch::new(row.try_get(2)?),
            })
        })
        .collect()
}

/// Sessions that proxies with a valid lease hold, of one edition or of all.
pub async fn proxy_sessions(
    client: &impl GenericClient,
    edition: Option<EditionId>,
) -> Result<Vec<ProxySession>> {
    let text = concat!(
        "SELECT edition_id, backend_pid, user_name, application_name, client_address, ",
        rfc3339!("connected_at"),
        ", (SELECT state FROM pg_catalog.pg_stat_activity WHERE pid = backend_pid) ",
        "FROM edition.sessions JOIN edition.proxies ON proxies.id = proxy_id ",
        "WHERE lease_expires_at > clock_timestamp() AND ($1::int IS NULL OR edition_id = $1) ",
        "ORDER BY edition_id, connected_at, backend_pid"
    );
    let rows = client.query(text, &[&edition.map(EditionId::get)]).await?;
    rows.iter()
        .map(|row| {
            Ok(ProxySession {
                edition: EditionId::new(row.try_get(0)?),
                backend_pid: row.try_get(1)?,
                user: row.try_get(2)?,
                application: row.try_get(3)?,
                client: row.try_get(4)?,
                connected_at: row.try_get(5)?,
                state: row.try_get(6)?,
            })
        })
        .collect()
}

/// How long a verb that changes nothing but the catalogue waits for the proxies.
const USUAL_PATIENCE: Duration = Duration::from_secs(10);

/// As [`wait_for_acknowledgement`], for as long as is usual: when a verb is over, what it did is true for the next session.
pub async fn tell_proxies(client: &impl GenericClient, epoch: Epoch) -> Result<()> {
    wait_for_acknowledgement(client, epoch, USUAL_PATIENCE).await
}

/// Waits until every proxy with a valid lease applies `epoch` or a newer one. A proxy whose lease runs out meanwhile
/// takes no sessions until it has loaded the catalogue again, so it is no longer waited for.
pub async fn wait_for_acknowledgement(
    client: &impl GenericClient,
    epoch: Epoch,
    patience: Duration,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        let behind: Vec<String> = live_proxies(client)
            .await?
            .into_iter()
            .filter(|proxy| proxy.acked_epoch < epoch)
            .map(|proxy| format!("{} (at epoch {})", proxy.address, proxy.acked_epoch))
            .collect();
        if behind.is_empty() {
            return Ok(());
        }
        if begun.elapsed() >= patience {
            return Err(Error::new(
                ErrorKind::Busy,
                format!("proxies have not taken up epoch {epoch} within {patience:?}: {}", behind.join(", ")),
            )
            .with_hint("look at the log of these proxies, then run the same command again"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
