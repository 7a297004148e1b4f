//! The `edition` command and its private servers, against real PostgreSQL.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed set-up step is a failed test")]

use std::path::Path;

mod command_line;
mod dev;
mod doctor;
mod private_server;
mod publishing;

/// The server may run under another account, which has to reach its data.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
