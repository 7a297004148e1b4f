//! What a plan has to say: refusals, risks that need an explicit word, notices.

use serde::{Deserialize, Serialize};

/// How grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For information.
    Notice,
    /// Publish needs `--allow CODE`.
    NeedsWord,
    /// Publish is refused until the draft or its transforms change.
    Refused,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// Stable, kebab-case: `needs-forward-transform`, `tightens-older-edition`, `unsupported` …
    pub code: String,
    /// The object that it is about, for people: `table public.users, column email`.
    pub subject: String,
    /// One sentence.
    pub message: String,
    /// The command or change that helps.
    pub fix: Option<String>,
}
