//! Which server a session goes to: the first that can be reached, or the first that is what `target_session_attrs` asks
//! for. A server says what it is to the control role, because a client's login cannot be taken back once its server turns
//! out to be the wrong one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::time::timeout;
use tokio_postgres::error::SqlState;

use super::stream::Stream;
use crate::{
    config::{Address, SessionAttributes},
    settings::Settings,
    wire::message::Report,
};

/// How long a server's word about itself is believed.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long it may take to say it.
const DEADLINE: Duration = Duration::from_secs(5);

const ASK: &str = "SELECT pg_catalog.pg_is_in_recovery(), \
     pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool";

/// What a server said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Character {
    in_recovery: bool,
    read_only: bool,
}

/// What one server said last, and when. Whoever finds it old asks; the others wait for that answer.
type Word = Arc<tokio::sync::Mutex<Option<(Instant, Character)>>>;

/// What the servers have said of themselves lately; shared by all threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Servers(Arc<Mutex<HashMap<Address, Word>>>);

/// Why a server is not the one.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("{0}")]
    Unreachable(String),
    #[error("server is in hot standby mode")]
    Standby,
    #[error("server is not in hot standby mode")]
    Primary,
    #[error("session is read-only")]
    ReadOnly,
    #[error("session is not read-only")]
    ReadWrite,
}

impl Servers {
    /// Connects to the first server that will do.
    pub(super) async fn connect(
        &self,
        settings: &Settings,
        database: &str,
    ) -> Result<(Stream, Address), Report> {
        let passes: &[SessionAttributes] = match settings.target_session_attrs {
            SessionAttributes::PreferStandby => &[SessionAttributes::Standby, SessionAttributes::Any],
            ref only => std::slice::from_ref(only),
        };
        let mut failures = Vec::new();
        for wanted in passes {
            failures.clear();
            for address in &settings.servers {
                match self.try_one(address, *wanted, settings, database).await {
                    Ok(stream) => return Ok((stream, address.clone())),
                    Err(unfit) => {
                        if let Unfit::Unreachable(error) = &unfit {
                            tracing::error!(server = %address, error, "cannot connect to the server");
                        }
                        failures.push((address, unfit));
                    }
                }
            }
        }
        Err(refusal(&failures))
    }

    async fn try_one(
        &self,
        address: &Address,
        wanted: SessionAttributes,
        settings: &Settings,
        database: &str,
    ) -> Result<Stream, Unfit> {
        if wanted != SessionAttributes::Any {
            // A server that has no such database says so to the client itself.
            let character = self.character(address, settings, database).await.map_err(Unfit::Unreachable)?;
            character.map_or(Ok(()), |character| character.fits(wanted))?;
        }
        let connected = Stream::connect(address, &settings.server_tls).await;
        connected.map_err(|error| Unfit::Unreachable(error.to_string()))
    }

    /// None: it has no such database.
    async fn character(
        &self,
        address: &Address,
        settings: &Settings,
        database: &str,
    ) -> Result<Option<Character>, String> {
        let word = {
            let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // A reload may have brought others.
            words.retain(|known, _| settings.servers.contains(known));
            words.entry(address.clone()).or_default().clone()
        };
        let mut word = word.lock().await;
        if let Some((said, character)) = *word
            && said.elapsed() < BELIEVED
        {
            return Ok(Some(character));
        }
        *word = None;
        let asked = timeout(DEADLINE, ask(address, settings, database)).await;
        match asked.map_err(|_| "it does not say what it is".to_owned())? {
            Ok(character) => {
                *word = Some((Instant::now(), character));
                Ok(Some(character))
            }
            Err(error) if error.code() == Some(&SqlState::INVALID_CATALOG_NAME) => Ok(None),
            Err(error) => Err(match (error.as_db_error(), std::error::Error::source(&error)) {
                (Some(db), _) => db.message().to_owned(),
                (None, Some(source)) => format!("{error}: {source}"),
                (None, None) => error.to_string(),
            }),
        }
    }
}

impl Character {
    fn fits(self, wanted: SessionAttributes) -> Result<(), Unfit> {
        let unfit = match wanted {
            SessionAttributes::Any | SessionAttributes::PreferStandby => return Ok(()),
            SessionAttributes::ReadWrite => self.read_only.then_some(Unfit::ReadOnly),
            SessionAttributes::ReadOnly => (!self.read_only).then_some(Unfit::ReadWrite),
            SessionAttributes::Primary => self.in_recovery.then_some(Unfit::Standby),
            SessionAttributes::Standby => (!self.in_recovery).then_some(Unfit::Primary),
        };
        unfit.map_or(Ok(()), Err)
    }
}

async fn ask(
    address: &Address,
    settings: &Settings,
    database: &str,
) -> Result<Character, tokio_postgres::Error> {
    let mut config = settings.control_settings_at(address, database);
    settings.control_tls.apply(&mut config);
    let (client, connection) = config.connect(settings.control_tls.connector()).await?;
    let driver = tokio::spawn(connection);
    let row = client.query_one(ASK, &[]).await;
    drop(client);
    driver.abort();
    let row = row?;
    Ok(Character { in_recovery: row.try_get(0)?, read_only: row.try_get(1)? })
}

fn refusal(failures: &[(&Address, Unfit)]) -> Report {
    match failures {
        [(_, only)] => Report::fatal("57P03", format!("could not connect to the server: {only}")),
        several => {
            let lines: Vec<_> =
                several.iter().map(|(address, unfit)| format!("{address}: {unfit}")).collect();
            Report::fatal("57P03", "could not connect to any of the servers").with_detail(lines.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_libpqs() {
        use SessionAttributes::{Any, Primary, ReadOnly, ReadWrite, Standby};
        let primary = Character { in_recovery: false, read_only: false };
        let frozen = Character { in_recovery: false, read_only: true };
        let standby = Character { in_recovery: true, read_only: true };
        for (wanted, fits) in [
            (Any, [true, true, true]),
            (ReadWrite, [true, false, false]),
            (ReadOnly, [false, true, true]),
            (Primary, [true, true, false]),
            (Standby, [false, false, true]),
        ] {
            assert_eq!(
                [primary, frozen, standby].map(|server| server.fits(wanted).is_ok()),
                fits,
                "{wanted:?}"
            );
        }
    }
}
