//! A session from accept to its summary in the log.
//!
//! - [`handshake`]: a client's first packets; TLS
//! - [`login`]: the relayed authentication
//! - [`channel_binding`]: what becomes of SCRAM-SHA-256-PLUS on the way
//! - [`relay`]: the hot path
//! - [`edition`]: what becomes of statements in an edition
//! - [`draft`]: what is noted of statements in a draft
//! - [`cancel`]: cancel requests
//! - [`roster`]: the sessions of a thread as others see them
//! - [`servers`]: which server a session goes to
//! - [`stream`]: TCP, TLS or unix socket

mod cancel;
mod channel_binding;
mod draft;
mod edition;
mod handshake;
mod interlude;
mod login;
mod path_report;
mod relay;
mod reported;
mod roster;
mod servers;
mod stream;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use bytes::BytesMut;
use catalog::{model::EditionState, tls::Tls};
use tokio::{io::AsyncWriteExt, time::timeout};
use tracing::{Instrument, Span, debug, field, info, info_span};

pub(crate) use roster::{Place, Roster, SessionRow};
pub(crate) use stream::Stream;

use crate::{
    catalogue::Catalogue,
    config::{Address, Replication},
    route::{self, Route},
    settings::Settings,
    wire::{
        message::{self, Report},
        startup::{FirstPacket, Startup},
    },
};
use cancel::CancelKeys;
use channel_binding::Offer;
use draft::InDraft;
use edition::InEdition;
use login::{LoggedIn, LoginError};
use relay::{End, Relay, Side};
use roster::Stay;
use servers::Servers;

/// How long a last word to a peer may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// What every session needs of its surroundings.
pub(crate) struct Surroundings {
    pub(crate) settings: Arc<ArcSwap<Settings>>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) shared: Shared,
    pub(crate) roster: Roster,
}

/// What sessions of all threads share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    cancel_keys: CancelKeys,
    servers: Servers,
}

/// Serves one connection of a client to its end.
pub(crate) async fn serve(mut client: Stream, peer: String, session: u64, surroundings: &Surroundings) {
    let span = info_span!(
        "session",
        id = session,
        edition = field::Empty,
        user = field::Empty,
        database = field::Empty
    );
    let begun = Instant::now();
    let settings = surroundings.settings.load_full();
    let stay = surroundings.roster.enter(settings.max_logins.div_ceil(settings.threads.get()));
    let login_timeout = settings.login_timeout;
    // Boxed: what a login needs is large, and gone when the session begins.
    let opening = Box::pin(open(&mut client, &peer, &settings, surroundings, &stay)).instrument(span.clone());
    let opened = tokio::select! {
        opened = timeout(login_timeout, opening) => opened.unwrap_or_else(|_| {
            Err(LoginError::Refused(Report::fatal("57014", "canceling authentication due to timeout")))
        }),
        report = stay.seat.ended_now() => Err(LoginError::Refused(report)),
    };
    match opened {
        Ok(Some(opened)) => {
            let tls = settings.server_tls.clone();
            drop(settings);
            run(client, opened, stay, begun, &peer, &span, &tls).await;
        }
        Ok(None) => {}
        Err(error) => {
            info!(parent: &span, client = peer, reason = %error, "login failed");
            let report = match error {
                LoginError::Refused(report) => Some(report),
                LoginError::ServerGone(None) => Some(server_gone()),
                LoginError::ServerGone(Some(_))
                | LoginError::NoClient(_)
                | LoginError::ClientGone(_)
                | LoginError::Handshake(_) => None,
            };
            if let Some(report) = report {
                say_farewell(&mut client, &report.encode()).await;
            }
        }
    }
}

fn server_gone() -> Report {
    Report::fatal("08006", "the server closed the connection during the login")
        .with_hint("The server's log says why. It may be shutting down or out of resources.")
}

/// A session that has logged in.
struct Opened {
    server: Stream,
    address: Address,
    route: Route,
    login: LoggedIn,
    key: Option<cancel::RememberedKey>,
}

/// Everything up to ReadyForQuery, which is not yet passed on. None: it was a cancel request.
async fn open(
    client: &mut Stream,
    peer: &str,
    settings: &Settings,
    surroundings: &Surroundings,
    stay: &Stay,
) -> Result<Option<Opened>, LoginError> {
    let mut inbox = BytesMut::new();
    let acceptor = settings.client_tls.as_ref();
    let startup = match handshake::first_packet(client, &mut inbox, acceptor).await? {
        FirstPacket::Startup(startup) => startup,
        FirstPacket::Cancel(key) => {
            surroundings.shared.cancel_keys.forward(&key, &settings.servers, &settings.server_tls).await;
            return Ok(None);
        }
        FirstPacket::Ssl | FirstPacket::GssEnc => return Ok(None),
    };
    stay.asks();
    if settings.replication == Replication::Refuse && route::asks_for_replication(&startup) {
        return Err(LoginError::Refused(
            Report::fatal("0A000", "replication connections do not pass through editiond")
                .with_hint("Connect to the server itself, or start editiond with --replication pass."),
        ));
    }
    let route = find_route(startup, surroundings).await?;
    stay.seat.place.replace(route.place.clone());
    let connected = surroundings.shared.servers.connect(settings, &route.database).await;
    let (mut server, address) = connected.map_err(LoginError::Refused)?;
    server.write_all(&route.startup.encode()).await.map_err(|_| LoginError::ServerGone(None))?;
    server.flush().await.map_err(|_| LoginError::ServerGone(None))?;
    let offer = Offer::between(client, acceptor, &server);
    let login = login::relay(client, &mut server, inbox, offer, route.place.as_ref()).await?;
    admit(&route, &login, peer, stay).map_err(LoginError::Refused)?;
    stay.logged_in();
    let key = (!login.key.is_empty())
        .then(|| surroundings.shared.cancel_keys.remember(login.key.clone(), address.clone()));
    Ok(Some(Opened { server, address, route, login, key }))
}

async fn find_route(startup: Startup, surroundings: &Surroundings) -> Result<Route, LoginError> {
    let routed = route::decide(startup, &surroundings.catalogue).await;
    let route = routed.map_err(LoginError::Refused)?;
    let span = Span::current();
    span.record("user", &route.user).record("database", &route.database);
    if let Some(place) = &route.place
        && let Some(edition) = place.database.edition(place.edition)
    {
        span.record("edition", edition.name.as_str());
    }
    Ok(route)
}

/// The last look before the client may speak: a login can take long, and the edition may have closed meanwhile.
/// From here on the session is in every report to the catalogue.
fn admit(route: &Route, login: &LoggedIn, peer: &str, stay: &Stay) -> Result<(), Report> {
    let Some(place) = &route.place else { return Ok(()) };
    if !place.database.lease_is_valid() {
        return Err(route::unavailable("the proxy has lost touch with the catalogue"));
    }
    let wanted = if place.is_draft { EditionState::Draft } else { EditionState::Live };
    match place.database.edition(place.edition) {
        Some(edition) if edition.state == wanted => {}
        Some(edition) => return Err(route::no_such_edition(edition.name.as_str())),
        None => return Err(route::no_such_edition(&place.edition.to_string())),
    }
    stay.seat.report(SessionRow {
        backend_pid: login.backend_pid(),
        edition: place.edition,
        user: route.user.clone(),
        application: route.application.clone(),
        client: peer.to_owned(),
        connected_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
    });
    Ok(())
}

async fn run(client: Stream, opened: Opened, stay: Stay, begun: Instant, peer: &str, span: &Span, tls: &Tls) {
    let Opened { server, address, route, login, key } = opened;
    debug!(parent: span, client = peer, server = %address, application = route.application, "session begins");
    let LoggedIn { from_client, from_server, key: secret, reported } = login;
    let edition = match (&route.place, &route.own_path) {
        (Some(place), Some(path)) => Some(InEdition::new(place, &route.user, path, reported)),
        _ => None,
    };
    let draft = route.place.as_ref().is_some_and(|place| place.is_draft).then(InDraft::default);
    let inside = relay::Inside { edition, draft };
    let mut relay = Relay::new(client, server, stay.seat.clone(), inside, from_client, from_server);
    let end = relay.run().await;
    let (received, sent) = relay.bytes();
    part(&mut relay, &end, (&address, tls), &secret).await;
    drop((key, stay));
    let lasted = begun.elapsed().as_secs_f64();
    match end {
        End::Client => info!(parent: span, client = peer, lasted, received, sent, "session ended"),
        End::Server => {
            info!(parent: span, client = peer, lasted, received, sent, "session ended by the server");
        }
        End::Ordered(report) => {
            info!(parent: span, client = peer, lasted, received, sent, reason = report.message, "session ended by editiond");
        }
        End::Broken(side, error) => {
            info!(parent: span, client = peer, lasted, received, sent, ?side, %error, "session broke");
        }
        End::Malformed(side) => {
            tracing::warn!(parent: span, client = peer, lasted, received, sent, ?side, "session sent what is no message");
        }
    }
}

/// Last words: the reason to the client and a Terminate to the server, where whole messages have gone before;
/// what the server still runs for a session that we end is cancelled.
async fn part(relay: &mut Relay, end: &End, (server, tls): (&Address, &Tls), key: &[u8]) {
    let report = match end {
        End::Ordered(report) => report.clone(),
        End::Malformed(side) => {
            let whose = if *side == Side::Client { "frontend" } else { "backend" };
            Report::fatal("08P01", format!("invalid {whose} message"))
        }
        End::Client | End::Server | End::Broken(..) => return,
    };
    if relay.is_busy() && !key.is_empty() {
        cancel::deliver(server, tls, key).await;
    }
    if relay.may_speak_to(Side::Server) {
        say_farewell(&mut relay.server, &message::TERMINATE).await;
    }
    if relay.may_speak_to(Side::Client) {
        say_farewell(&mut relay.client, &report.encode()).await;
    }
}

/// Best effort: the peer may be gone or not listening.
async fn say_farewell(peer: &mut Stream, message: &[u8]) {
    let farewell = async {
        peer.write_all(message).await?;
        peer.shutdown().await
    };
    if let Ok(Err(error)) = timeout(FAREWELL, farewell).await {
        debug!(%error, "farewell not delivered");
    }
}
