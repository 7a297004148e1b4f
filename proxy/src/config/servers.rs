//! Which of several servers sessions go to, and which sessions may go at all.

use serde::Deserialize;

/// Which of several servers a session may go to, as libpq's `target_session_attrs` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionAttributes {
    /// The first that can be reached; none is asked.
    #[default]
    Any,
    /// One that takes writes by default.
    ReadWrite,
    /// One that does not.
    ReadOnly,
    /// One that is not in recovery.
    Primary,
    /// One that is.
    Standby,
    /// One that is in recovery if there is such a one, else any.
    PreferStandby,
}

/// What becomes of replication connections, which have no edition: they read the log of the whole database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replication {
    /// They are told to connect to the server itself.
    #[default]
    Refuse,
    /// They go to the server as they come.
    Pass,
}
