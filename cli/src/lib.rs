//! The companion CLI.
