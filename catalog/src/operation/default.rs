//! `default`: which edition a session gets that names none.

use serde::Serialize;

use crate::{
    error::{Error, Result},
    model::EditionName,
    target::Target,
};

/// What `default` did.
#[derive(Clone, Debug, Serialize)]
pub struct DefaultChanged {
    /// False if it was the default already.
    pub changed: bool,
    /// The default before.
    pub before: EditionName,
}

/// Makes a live edition the default.
pub async fn set_default(target: &Target, name: &EditionName) -> Result<DefaultChanged> {
    let _ = (target, name);
    Err(Error::bug("default is not built yet"))
}
