//! This proxy's rows in `edition.proxies` and `edition.sessions`.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use catalog::model::{EditionId, Epoch};
use tokio_postgres::{Client, types::ToSql};

use super::{
    Drain, Identity,
    control::{Failure, in_time},
};
use crate::session::SessionRow;

/// How long a lease lasts.
pub(super) const LASTS: Duration = Duration::from_secs(5);
/// How often it is renewed.
pub(super) const RENEWED: Duration = Duration::from_secs(1);

const RENEW: &str = "
INSERT INTO edition.proxies (id, address, version, lease_expires_at)
VALUES ($1::pg_catalog.text::pg_catalog.uuid, $2, $3, pg_catalog.clock_timestamp() + $4::pg_catalog.float8 * '1 s'::pg_catalog.interval)
ON CONFLICT (id) DO UPDATE SET lease_expires_at = excluded.lease_expires_at
RETURNING (SELECT epoch FROM edition.epoch), acked_epoch";

const DRAINS: &str =
    "SELECT pg_catalog.substr(name, 7), value FROM edition.settings WHERE name LIKE 'drain:%'";

/// One statement, so one transaction: sessions first, then the acknowledgement that rests on them.
const REPORT: &str = "
WITH gone AS (
  DELETE FROM edition.sessions
  WHERE proxy_id = $1::pg_catalog.text::pg_catalog.uuid AND backend_pid = ANY ($3::pg_catalog.int4[])),
came AS (
  INSERT INTO edition.sessions
         (proxy_id, backend_pid, edition_id, user_name, application_name, client_address, connected_at)
  SELECT $1::pg_catalog.text::pg_catalog.uuid, pid, edition, usr, app, addr, pg_catalog.to_timestamp(since)
  FROM ROWS FROM (pg_catalog.unnest($4::pg_catalog.int4[]), pg_catalog.unnest($5::pg_catalog.int4[]),
                  pg_catalog.unnest($6::pg_catalog.text[]), pg_catalog.unnest($7::pg_catalog.text[]),
                  pg_catalog.unnest($8::pg_catalog.text[]), pg_catalog.unnest($9::pg_catalog.float8[]))
       AS s (pid, edition, usr, app, addr, since)
  ON CONFLICT (proxy_id, backend_pid) DO UPDATE SET
     edition_id = excluded.edition_id, user_name = excluded.user_name, application_name = excluded.application_name,
     client_address = excluded.client_address, connected_at = excluded.connected_at)
UPDATE edition.proxies SET acked_epoch = $2 WHERE id = $1::pg_catalog.text::pg_catalog.uuid";

const BEGIN_ANEW: &str =
    "UPDATE edition.proxies SET acked_epoch = DEFAULT WHERE id = $1::pg_catalog.text::pg_catalog.uuid";

const LEFT_OVER: &str =
    "SELECT backend_pid FROM edition.sessions WHERE proxy_id = $1::pg_catalog.text::pg_catalog.uuid";

/// Proxies that went without a word, and whose sessions have gone too.
const FORGET_THE_DEAD: &str = "
DELETE FROM edition.proxies WHERE id IN (
  SELECT id FROM edition.proxies AS p
  WHERE lease_expires_at < pg_catalog.clock_timestamp() - '1 day'::pg_catalog.interval
    AND NOT EXISTS (SELECT FROM edition.sessions AS s JOIN pg_catalog.pg_stat_activity AS a
                    ON a.pid = s.backend_pid AND a.usename = s.user_name WHERE s.proxy_id = p.id)
  FOR UPDATE SKIP LOCKED)";

const LEAVE: &str = "DELETE FROM edition.proxies WHERE id = $1::pg_catalog.text::pg_catalog.uuid";

/// What a renewal found.
pub(super) struct Renewed {
    /// Until when the lease is valid, by our own clock, on the safe side.
    pub(super) until: Instant,
    /// The catalogue's epoch.
    pub(super) epoch: Epoch,
    /// What the catalogue has of our acknowledgements: nothing (0) if another proxy took this one for dead and forgot its rows.
    pub(super) acknowledged: Epoch,
    /// Editions whose sessions are to end.
    pub(super) drains: HashMap<EditionId, Drain>,
}

/// Makes the lease last from now, and looks what there is to do.
pub(super) async fn renew(client: &Client, identity: &Identity) -> Result<Renewed, Failure> {
    let asked = Instant::now();
    let parameters: [&(dyn ToSql + Sync); 4] =
        [&identity.id, &identity.address, &identity.version, &LASTS.as_secs_f64()];
    let (renewed, drains) = in_time(futures_util::future::try_join(
        client.query_one(RENEW, &parameters),
        client.query(DRAINS, &[]),
    ))
    .await?;
    let drains = drains.iter().filter_map(|row| {
        let id: i32 = row.try_get::<_, &str>(0).ok()?.parse().ok()?;
        match row.try_get(1).ok()? {
            "idle" => Some((EditionId::new(id), Drain::Idle)),
            "now" => Some((EditionId::new(id), Drain::Now)),
            other => {
                tracing::warn!(edition = id, value = other, "unknown drain setting");
                None
            }
        }
    });
    Ok(Renewed {
        until: asked + LASTS,
        epoch: Epoch::new(renewed.try_get(0)?),
        acknowledged: Epoch::new(renewed.try_get(1)?),
        drains: drains.collect(),
    })
}

/// Which sessions the catalogue knows of, as far as we told it.
/// A process of which only the number is known was told by an earlier connection.
#[derive(Default)]
pub(super) struct Reported(HashMap<i32, Option<SessionRow>>);

impl Reported {
    /// Brings the catalogue's rows to exactly `sessions`, and acknowledges `epoch`.
    pub(super) async fn report(
        &mut self,
        client: &Client,
        identity: &Identity,
        epoch: Epoch,
        sessions: Vec<SessionRow>,
    ) -> Result<(), Failure> {
        let sessions: HashMap<i32, SessionRow> =
            sessions.into_iter().map(|row| (row.backend_pid, row)).collect();
        let gone: Vec<i32> = self.0.keys().filter(|pid| !sessions.contains_key(pid)).copied().collect();
        let told = |row: &SessionRow| self.0.get(&row.backend_pid).and_then(Option::as_ref) == Some(row);
        let came: Vec<&SessionRow> = sessions.values().filter(|row| !told(row)).collect();
        let pids: Vec<i32> = came.iter().map(|row| row.backend_pid).collect();
        let editions: Vec<i32> = came.iter().map(|row| row.edition.get()).collect();
        let users: Vec<&str> = came.iter().map(|row| row.user.as_str()).collect();
        let applications: Vec<&str> = came.iter().map(|row| row.application.as_str()).collect();
        let clients: Vec<&str> = came.iter().map(|row| row.client.as_str()).collect();
        let since: Vec<f64> = came.iter().map(|row| row.connected_at).collect();
        let parameters: [&(dyn ToSql + Sync); 9] =
            [&identity.id, &epoch.get(), &gone, &pids, &editions, &users, &applications, &clients, &since];
        in_time(client.execute(REPORT, &parameters)).await?;
        self.0 = sessions.into_iter().map(|(pid, row)| (pid, Some(row))).collect();
        Ok(())
    }
}

/// As [`renew`], for a connection that begins: nothing counts as acknowledged until it is reported anew. The sessions that an earlier connection
/// reported stay in the catalogue until then: while they live, a runner has to wait for them.
pub(super) async fn renew_from_nothing(
    client: &Client,
    identity: &Identity,
) -> Result<(Renewed, Reported), Failure> {
    in_time(client.execute(FORGET_THE_DEAD, &[])).await?;
    in_time(client.execute(BEGIN_ANEW, &[&identity.id])).await?;
    let left_over = in_time(client.query(LEFT_OVER, &[&identity.id])).await?;
    let pids = left_over.iter().map(|row| Ok((row.try_get(0)?, None)));
    let reported = Reported(pids.collect::<Result<_, tokio_postgres::Error>>()?);
    Ok((renew(client, identity).await?, reported))
}

/// Takes this proxy's rows out.
pub(super) async fn leave(client: &Client, identity: &Identity) -> Result<(), Failure> {
    in_time(client.execute(LEAVE, &[&identity.id])).await?;
    Ok(())
}
