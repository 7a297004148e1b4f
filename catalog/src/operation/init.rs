//! `init`: adopt a database: install the catalogue, make the root edition and its blueprint.

use serde::Serialize;

use super::Programs;
use crate::{
    error::{Error, Result},
    event::Events,
    model::{Edition, EditionName, Name},
    target::Target,
};

/// What `init` may be told.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Name of the root edition.
    pub root: EditionName,
    /// Schemas to manage.
    pub schemas: Vec<Name>,
    /// Roles that proxies use for the catalogue: granted what they need of schema `edition`.
    pub proxy_roles: Vec<Name>,
    /// `pg_dump` and `psql`.
    pub programs: Programs,
}

/// What `init` did.
#[derive(Clone, Debug, Serialize)]
pub struct Initialised {
    /// False if the database was adopted before, in the same way.
    pub changed: bool,
    /// The root edition.
    pub root: Edition,
    /// The editioned schemas.
    pub schemas: Vec<Name>,
}

/// Adopts the target. Nothing on the user's tables changes.
pub async fn init(target: &Target, options: &InitOptions, events: &dyn Events) -> Result<Initialised> {
    let _ = (target, options, events);
    Err(Error::bug("init is not built yet"))
}
