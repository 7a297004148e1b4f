//! The catalogue in schema `edition` of the live database: its migrations and typed access to its rows.
//!
//! Row functions take any `GenericClient`, so that they run alone or in the caller's transaction. None of them commits.

mod editions;
mod epoch;
mod journal;
mod migrate;
mod operations;
mod proxies;
mod runner;
mod seeds;
mod settings;
mod transforms;

pub use editions::{
    clear_default, draft, edition_by_id, edition_named, editions, insert_edition, leaf, require_edition,
    root, set_default_edition, set_state,
};
pub use epoch::{bump_epoch, current_epoch};
pub use journal::{JournalEntry, NewEntry, append, intents, mark_entry, recent, record_step, steps_done};
pub use migrate::{catalogue_exists, install, is_adopted};
pub use operations::{
    Operation, OperationState, Verb, finish_operation, insert_operation, running_operation,
    set_operation_state,
};
pub use proxies::{Proxy, ProxySession, proxies, proxy_sessions, tell_proxies, wait_for_acknowledgement};
pub use runner::RunnerLock;
pub use seeds::seeded_tables;
pub use settings::{delete_setting, insert_schemas, schemas, schemas_of_init, set_setting, setting};
pub use transforms::{delete_transforms, put_transform, transforms, transforms_of_table};

/// SQL that shows a `timestamptz` column as RFC 3339 text.
macro_rules! rfc3339 {
    ($column:literal) => {
        concat!("to_char(", $column, " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    };
}
pub(crate) use rfc3339;

use crate::{
    error::{Error, Result},
    model::{EditionName, Name},
};

/// Reads a name that our own catalogue or PostgreSQL stored: it can only be wrong if somebody wrote there by hand.
pub(crate) fn stored_name(text: &str) -> Result<Name> {
    Name::new(text).map_err(|error| Error::bug(format!("the catalogue holds an impossible name: {error}")))
}

/// Reads the name of an edition that our own catalogue stored.
pub(crate) fn stored_edition_name(text: &str) -> Result<EditionName> {
    EditionName::new(text)
        .map_err(|error| Error::bug(format!("the catalogue holds an impossible name: {error}")))
}
