//! From a startup packet to where the session goes and what the server is told: the edition's marker and its
//! `search_path`.

mod search_path;

use std::sync::Arc;

use catalog::{
    model::EditionState,
    snapshot::{Snapshot, SnapshotEdition},
};

pub(crate) use search_path::{elements, split, with_edition, without_editions};

use crate::{
    catalogue::{Catalogue, Database, Standing},
    session::Place,
    wire::{
        message::Report,
        options::{self, Setting},
        startup::Startup,
    },
};

const EDITION: &str = "edition";
const EDITION_ID: &str = "edition.id";
const SEARCH_PATH: &str = "search_path";

/// Where a session goes.
#[derive(Debug)]
pub(crate) struct Route {
    /// For the server.
    pub(crate) startup: Startup,
    /// Its edition; None in a database that is not adopted.
    pub(crate) place: Option<Place>,
    /// The `search_path` that the session asked for or has by its role and database; None where nothing was put
    /// in.
    pub(crate) own_path: Option<String>,
    /// For logs and the catalogue.
    pub(crate) user: String,
    /// As the client named it, without an edition.
    pub(crate) database: String,
    /// At connect.
    pub(crate) application: String,
}

/// Whether the server would take the connection for one that replicates (its `parse_bool`, or `database`); what is neither is
/// the server's to refuse.
pub(crate) fn asks_for_replication(startup: &Startup) -> bool {
    let value = startup.get("replication").unwrap_or(b"off").to_ascii_lowercase();
    let begins = |word: &[u8]| !value.is_empty() && word.starts_with(&value);
    value == b"database" || begins(b"true") || begins(b"yes") || matches!(value.as_slice(), b"on" | b"1")
}

/// Decides. An error is what the client is told; no server has been contacted then.
pub(crate) async fn decide(startup: Startup, catalogue: &Arc<Catalogue>) -> Result<Route, Report> {
    let request = Request::read(startup)?;
    if request.is_physical_replication() {
        return Ok(request.into_plain());
    }
    let (database, suffix) = match request.find_database(catalogue).await? {
        Found::Plain => return Ok(request.into_plain()),
        Found::Adopted { database, suffix } => (database, suffix),
    };
    if !database.lease_is_valid() {
        return Err(unavailable("the proxy has lost touch with the catalogue"));
    }
    let snapshot = database.reading().snapshot.clone();
    let asked = match request.asked_edition()? {
        Some(asked) => Some(asked),
        None => suffix,
    };
    let edition = find_edition(&snapshot, asked.as_deref())?;
    match edition.state {
        EditionState::Live => request.into_live(database, edition).await,
        EditionState::Draft => request.into_draft(database, edition).await,
        _ => Err(no_such_edition(edition.name.as_str())),
    }
}

/// Says the same whether the edition does not exist, is not open or is not permitted: outsiders learn nothing.
pub(crate) fn no_such_edition(name: &str) -> Report {
    Report::fatal("3D000", format!("edition \"{name}\" does not exist or you may not use it"))
}

/// The catalogue cannot be read, so no edition can be told from another: no session, rather than a wrong one.
pub(crate) fn unavailable(reason: &str) -> Report {
    Report::fatal("57P03", "editions of this database are not available at the moment")
        .with_detail(format!("{}.", reason.trim_end_matches('.')))
}

fn find_edition<'a>(snapshot: &'a Snapshot, asked: Option<&str>) -> Result<&'a SnapshotEdition, Report> {
    match asked {
        Some(name) => snapshot.edition(name).ok_or_else(|| no_such_edition(name)),
        None => snapshot.default_edition().ok_or_else(|| {
            Report::fatal("3D000", "no edition was asked for and this database has no default edition")
                .with_hint("Ask for one by \"options=-c edition=…\", or set a default: edition default NAME")
        }),
    }
}

enum Found {
    Plain,
    Adopted { database: Arc<Database>, suffix: Option<String> },
}

/// A startup packet, read.
struct Request {
    startup: Startup,
    options: Vec<Setting>,
    user: String,
    database: String,
}

impl Request {
    fn read(startup: Startup) -> Result<Self, Report> {
        let text = |name: &str, value: &[u8]| match std::str::from_utf8(value) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Report::fatal("08P01", format!("startup parameter \"{name}\" is not UTF-8"))),
        };
        let user = text("user", startup.get("user").unwrap_or_default())?;
        let database = match startup.get("database") {
            Some(name) if !name.is_empty() => text("database", name)?,
            _ => user.clone(),
        };
        let options = options::settings(startup.get("options").unwrap_or_default());
        Ok(Self { startup, options, user, database })
    }

    /// A replication connection that is in no database has no edition either.
    fn is_physical_replication(&self) -> bool {
        asks_for_replication(&self.startup) && self.startup.get("replication") != Some(b"database")
    }

    /// `app@v2` means edition v2 of app if app is adopted; else it is the name of a database.
    async fn find_database(&self, catalogue: &Arc<Catalogue>) -> Result<Found, Report> {
        if let Some((base, edition)) = self.database.rsplit_once('@')
            && !base.is_empty()
            && let Some(database) = adopted(catalogue, base).await?
        {
            return Ok(Found::Adopted { database, suffix: Some(edition.to_owned()) });
        }
        Ok(match adopted(catalogue, &self.database).await? {
            Some(database) => Found::Adopted { database, suffix: None },
            None => Found::Plain,
        })
    }

    /// By startup parameter, else by `options`.
    fn asked_edition(&self) -> Result<Option<String>, Report> {
        self.setting(EDITION)
            .map(|name| String::from_utf8(name).map_err(|_| no_such_edition("?")))
            .transpose()
    }

    /// A setting that the client gives, in the server's order: parameters win over `options`.
    fn setting(&self, name: &str) -> Option<Vec<u8>> {
        self.startup.setting(name).map(<[u8]>::to_vec).or_else(|| options::value_of(&self.options, name))
    }

    fn into_plain(self) -> Route {
        let application = self.application();
        Route {
            startup: self.startup,
            place: None,
            own_path: None,
            user: self.user,
            database: self.database,
            application,
        }
    }

    async fn into_live(
        mut self,
        database: Arc<Database>,
        edition: &SnapshotEdition,
    ) -> Result<Route, Report> {
        let own_path = match self.setting(SEARCH_PATH) {
            Some(path) => {
                String::from_utf8(path).map_err(|_| Report::fatal("22023", "search_path is not UTF-8"))?
            }
            None => {
                database.search_path_of(&self.user).await.map_err(|error| unavailable(&error.to_string()))?
            }
        };
        // What is not a path is refused by the server in its own words.
        let path = with_edition(&own_path, edition, &self.user).unwrap_or_else(|| own_path.clone());
        self.strip_edition(&database);
        self.startup.remove_setting(SEARCH_PATH);
        self.startup.push(SEARCH_PATH, path.as_bytes());
        self.startup.push(EDITION_ID, edition.id.to_string().as_bytes());
        Ok(self.into_route(Place { database, edition: edition.id, is_draft: false }, Some(own_path)))
    }

    async fn into_draft(
        mut self,
        database: Arc<Database>,
        edition: &SnapshotEdition,
    ) -> Result<Route, Report> {
        let permitted = database.may_connect(&self.user, &edition.blueprint).await;
        if !permitted.map_err(|error| unavailable(&error.to_string()))? {
            return Err(no_such_edition(edition.name.as_str()));
        }
        self.strip_edition(&database);
        self.startup.set("database", edition.blueprint.as_str().as_bytes());
        Ok(self.into_route(Place { database, edition: edition.id, is_draft: true }, None))
    }

    /// Takes out what is for us, so that the server sees a plain startup packet.
    fn strip_edition(&mut self, database: &Database) {
        self.startup.set("database", database.name().as_bytes());
        self.startup.remove_setting(EDITION);
        self.startup.remove_setting(EDITION_ID);
        if options::value_of(&self.options, EDITION).is_some() {
            let given = self.startup.get("options").unwrap_or_default();
            let kept = options::without(given, &self.options, EDITION);
            self.startup.set("options", &kept);
        }
    }

    fn into_route(self, place: Place, own_path: Option<String>) -> Route {
        let database = place.database.name().to_owned();
        Route { database, place: Some(place), own_path, ..self.into_plain() }
    }

    fn application(&self) -> String {
        String::from_utf8_lossy(&self.setting("application_name").unwrap_or_default()).into_owned()
    }
}

async fn adopted(catalogue: &Arc<Catalogue>, database: &str) -> Result<Option<Arc<Database>>, Report> {
    match catalogue.standing(database).await {
        Standing::Adopted(database) => Ok(Some(database)),
        Standing::Plain => Ok(None),
        Standing::Unknown => Err(unavailable("the catalogue has not answered")),
        Standing::Unreachable(reason) => Err(unavailable(&reason)),
    }
}
