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

/// A proxy that serves the database.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The newest epoch that it applies.
    pub acked_epoch: Epoch,
    /// Without a valid lease it takes no new sessions, and it hears of nothing.
    pub has_lease: bool,
    /// How many of the sessions that it reported the server still has.
    pub sessions: u64,
}

/// A session that a proxy reported and that is still there.
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

/// Whether the server still has session `s`, which its proxy `p` reported. A proxy with a lease takes out by itself those that have ended; of
/// another one only the server knows. Everybody may see the number and the role of a server process. They are read once, whatever
/// the number of sessions: this is asked every few milliseconds while somebody waits.
macro_rules! lives {
    () => {
        "(p.lease_expires_at > clock_timestamp() OR \
          (s.backend_pid, s.user_name) IN (SELECT a.pid, a.usename::text FROM pg_catalog.pg_stat_activity a))"
    };
}

/// Proxies that take sessions or have some: those with a valid lease, and those that lost theirs while their sessions go on.
pub async fn proxies(client: &impl GenericClient) -> Result<Vec<Proxy>> {
    let text = concat!(
        "SELECT * FROM (SELECT p.address, p.version, p.acked_epoch, p.lease_expires_at > clock_timestamp() AS has_lease, ",
        "(SELECT count(*) FROM edition.sessions s WHERE s.proxy_id = p.id AND ",
        lives!(),
        ") AS sessions, p.id FROM edition.proxies p) AS known WHERE has_lease OR sessions > 0 ORDER BY address, id"
    );
    let rows = client.query(text, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Proxy {
                address: row.try_get(0)?,
                version: row.try_get(1)?,
                acked_epoch: Epoch::new(row.try_get(2)?),
                has_lease: row.try_get(3)?,
                sessions: row.try_get::<_, i64>(4)?.unsigned_abs(),
            })
        })
        .collect()
}

/// Sessions that go through proxies, of one edition or of all.
pub async fn proxy_sessions(
    client: &impl GenericClient,
    edition: Option<EditionId>,
) -> Result<Vec<ProxySession>> {
    let text = concat!(
        "SELECT s.edition_id, s.backend_pid, s.user_name, s.application_name, s.client_address, ",
        rfc3339!("s.connected_at"),
        ", activity.state FROM edition.sessions s JOIN edition.proxies p ON p.id = s.proxy_id ",
        "LEFT JOIN pg_catalog.pg_stat_activity activity ON activity.pid = s.backend_pid ",
        "WHERE ($1::int IS NULL OR s.edition_id = $1) AND ",
        lives!(),
        " ORDER BY s.edition_id, s.connected_at, s.backend_pid"
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

/// Waits, for as long as is usual, until the proxies that take sessions apply `epoch`: when a verb is over, what it did is true for the next
/// session.
pub async fn tell_proxies(client: &impl GenericClient, epoch: Epoch) -> Result<()> {
    wait_for(client, epoch, USUAL_PATIENCE, |proxy| proxy.has_lease).await
}

/// Waits until every proxy that has sessions or takes some applies `epoch` or a newer one. One that has lost its lease takes none until it
/// has read the catalogue again; but those that it has go on by what it read last, so it is waited for until they have ended.
pub async fn wait_for_acknowledgement(
    client: &impl GenericClient,
    epoch: Epoch,
    patience: Duration,
) -> Result<()> {
    wait_for(client, epoch, patience, |_| true).await
}

async fn wait_for(
    client: &impl GenericClient,
    epoch: Epoch,
    patience: Duration,
    is_concerned: fn(&Proxy) -> bool,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        let mut behind = proxies(client).await?;
        behind.retain(|proxy| proxy.acked_epoch < epoch && is_concerned(proxy));
        if behind.is_empty() {
            return Ok(());
        }
        if begun.elapsed() >= patience {
            return Err(lag_behind(epoch, patience, &behind));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn lag_behind(epoch: Epoch, patience: Duration, behind: &[Proxy]) -> Error {
    let told = |proxy: &Proxy| {
        let out_of_touch = format!(", out of touch, with {} sessions that go on", proxy.sessions);
        let note = if proxy.has_lease { "" } else { &out_of_touch };
        format!("{} (at epoch {}{note})", proxy.address, proxy.acked_epoch)
    };
    let names: Vec<String> = behind.iter().map(told).collect();
    let text = format!("proxies have not taken up epoch {epoch} within {patience:?}: {}", names.join(", "));
    let hint = if behind.iter().all(|proxy| proxy.has_lease) {
        "look at the log of these proxies, then run the same command again"
    } else {
        "look in the log why a proxy cannot reach the catalogue, or end its sessions (edition sessions lists them); then run the same command again"
    };
    Error::new(ErrorKind::Busy, text).with_hint(hint)
}
