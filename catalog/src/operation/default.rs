//! `default`: which edition a session gets that names none.

use serde::Serialize;

use super::footing::alone;
use crate::{
    error::{Error, Result},
    model::{EditionName, EditionState},
    store::{self, NewEntry},
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
    let (_lock, mut connection) = alone(target).await?;
    let edition = store::require_edition(&*connection, name).await?;
    let editions = store::editions(&*connection).await?;
    let before = editions
        .iter()
        .find(|edition| edition.is_default)
        .map(|edition| edition.name.clone())
        .ok_or_else(|| Error::bug("no edition is the default"))?;
    if edition.is_default {
        return Ok(DefaultChanged { changed: false, before });
    }
    match edition.state {
        EditionState::Live => {}
        EditionState::Draft => {
            return Err(Error::refused(format!(
                "edition \"{name}\" is a draft: sessions need a live edition"
            ))
            .with_hint(format!("edition publish {name}")));
        }
        state => {
            return Err(Error::refused(format!("edition \"{name}\" is {}", state.as_str()))
                .with_hint("finish what was begun with it first: edition status"));
        }
    }
    let (statement, inverse) = (format!("default: {name}"), format!("default: {before}"));
    let transaction = connection.transaction().await?;
    store::set_default_edition(&transaction, edition.id).await?;
    let entry = NewEntry {
        edition: name.as_str(),
        verb: "default",
        title: "make it the default",
        statement: Some(&statement),
        inverse: Some(&inverse),
        state: "done",
        ..NewEntry::default()
    };
    store::append(&transaction, &entry).await?;
    let epoch = store::bump_epoch(&transaction).await?;
    transaction.commit().await?;
    store::tell_proxies(&*connection, epoch).await?;
    Ok(DefaultChanged { changed: true, before })
}
