//! What becomes of one SQL text of a client: forwarded, rewritten, refused, or answered by ourselves. Pure: no I/O, no
//! clock, no runtime. One [`Rewriter`] serves all sessions of one edition in one epoch of the catalogue.

mod verdict;

use std::sync::Arc;

use catalog::{
    model::EditionId,
    snapshot::{Snapshot, SnapshotEdition},
};

pub use verdict::{Refusal, SessionTraits, Statement, Verdict, VerdictCache};

/// Judges the texts of the sessions of one edition. Built once per epoch and edition, shared by `Arc`.
#[derive(Debug)]
pub struct Rewriter {
    snapshot: Arc<Snapshot>,
    edition: EditionId,
}

impl Rewriter {
    /// For the sessions of `edition` while `snapshot` holds.
    pub fn new(snapshot: Arc<Snapshot>, edition: EditionId) -> Self {
        Self { snapshot, edition }
    }

    /// The edition that this serves; `None` if the snapshot does not have it.
    pub fn edition(&self) -> Option<&SnapshotEdition> {
        self.snapshot.edition_by_id(self.edition)
    }

    /// Judges the SQL text of one `Query` or `Parse` message (without its terminating zero). What it learns of the session
    /// (temporary tables made) it keeps in `session`.
    pub fn judge(&self, sql: &[u8], cache: &VerdictCache, session: &mut SessionTraits) -> Verdict {
        let _ = (sql, cache, session);
        Verdict::Forward
    }
}
