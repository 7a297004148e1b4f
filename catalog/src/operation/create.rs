//! `create`: fork the leaf's blueprint into a draft.

use std::path::PathBuf;

use serde::Serialize;

use super::Programs;
use crate::{
    error::{Error, Result},
    event::Events,
    model::{Edition, EditionName},
    target::Target,
};

/// What `create` may be told.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// The new edition.
    pub name: EditionName,
    /// SQL files to run in the draft, in order, each in one transaction.
    pub from: Vec<PathBuf>,
    /// Free text.
    pub comment: Option<String>,
    /// `psql` runs the files.
    pub programs: Programs,
}

/// What `create` did.
#[derive(Clone, Debug, Serialize)]
pub struct Created {
    /// False if this draft was there already.
    pub changed: bool,
    /// The draft.
    pub edition: Edition,
}

/// Creates a draft as a child of the leaf; a failing file leaves no draft behind.
pub async fn create(target: &Target, options: &CreateOptions, events: &dyn Events) -> Result<Created> {
    let _ = (target, options, events);
    Err(Error::bug("create is not built yet"))
}

/// Gives up a draft: drops its blueprint and its row.
pub async fn drop_draft(target: &Target, name: &EditionName, events: &dyn Events) -> Result<bool> {
    let _ = (target, name, events);
    Err(Error::bug("drop is not built yet"))
}
