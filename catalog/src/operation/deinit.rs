//! `deinit`: the way out: removes the catalogue and all blueprints of a database at rest.

use serde::Serialize;

use crate::{
    error::{Error, Result},
    event::Events,
    target::Target,
};

/// What `deinit` may be told.
#[derive(Clone, Debug, Default)]
pub struct DeinitOptions {
    /// Also give up a draft, if there is one.
    pub discard_draft: bool,
}

/// What `deinit` did.
#[derive(Clone, Debug, Serialize)]
pub struct Deinitialised {
    /// False if the database was not adopted.
    pub changed: bool,
}

/// Removes everything of ours; refused while more than one edition is live.
pub async fn deinit(target: &Target, options: &DeinitOptions, events: &dyn Events) -> Result<Deinitialised> {
    let _ = (target, options, events);
    Err(Error::bug("deinit is not built yet"))
}
