//! `plan`: what publishing a draft would do, without doing it.

use crate::{
    error::{Error, Result},
    model::EditionName,
    plan::Plan,
    target::Target,
};

/// Plans the publication of a draft (or shows the stored plan of one that is on its way).
pub async fn plan(target: &Target, name: &EditionName) -> Result<Plan> {
    let _ = (target, name);
    Err(Error::bug("plan is not built yet"))
}
