//! An edition and the states of its life.

use serde::{Deserialize, Serialize};

use super::{EditionId, EditionName, Name};

/// Where an edition stands. `Publishing`, `RollingBack` and `Retiring` are the states that an operation holds it in, so
/// that a killed runner leaves a trace that the same command recognises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditionState {
    /// A private sandbox: sessions are routed to the blueprint database.
    Draft,
    /// On its way from draft to live; no session may enter.
    Publishing,
    /// Open to sessions; its logical schema is frozen.
    Live,
    /// On its way from live back to draft; no session may enter.
    RollingBack,
    /// The root, on its way out; no session may enter.
    Retiring,
    /// Gone; only its journal is kept.
    Retired,
}

impl EditionState {
    /// The form in the catalogue.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Publishing => "publishing",
            Self::Live => "live",
            Self::RollingBack => "rolling_back",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
        }
    }

    /// Reads the form in the catalogue.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Publishing, Self::Live, Self::RollingBack, Self::Retiring, Self::Retired]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One row of `edition.editions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Position-comparable id.
    pub id: EditionId,
    /// The name that people and connection strings use.
    pub name: EditionName,
    /// `None` for the root.
    pub parent: Option<EditionId>,
    /// Where it stands.
    pub state: EditionState,
    /// Whether a session that names no edition lands here.
    pub is_default: bool,
    /// The database that holds its logical schema as real, empty tables.
    pub blueprint: Name,
    /// Free text by its author.
    pub comment: Option<String>,
    /// RFC 3339 times.
    pub created_at: String,
    /// When it was last opened.
    pub published_at: Option<String>,
}
