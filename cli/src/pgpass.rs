//! `~/.pgpass` (PostgreSQL docs, 34.16): `host:port:database:user:password`, `*` matches anything, backslash escapes.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use tokio_postgres::{Config, config::Host};

use crate::connection::{host_text, port, variable};

/// The password for this connection, if the file has one.
pub(crate) fn look_up(config: &Config) -> Option<String> {
    let file = variable("PGPASSFILE")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".pgpass")))?;
    let mode = fs::metadata(&file).ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(file = %file.display(), "ignored: others can read it; chmod 600 it");
        return None;
    }
    let host = match config.get_hosts().first() {
        Some(Host::Unix(_)) => "localhost".to_owned(),
        _ => host_text(config),
    };
    let port = port(config).to_string();
    let wanted =
        [&host, &port, config.get_dbname().unwrap_or_default(), config.get_user().unwrap_or_default()];
    fs::read_to_string(file).ok()?.lines().find_map(|line| password_of(line, wanted))
}

/// The password of a line that matches.
fn password_of(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let fields = split(line);
    let [host, port, database, user, password] = fields.as_slice() else { return None };
    let matches = [host, port, database, user]
        .into_iter()
        .zip(wanted)
        .all(|(field, value)| field == "*" || field == value);
    matches.then(|| password.clone())
}

/// Fields between colons; `\:` and `\\` are a colon and a backslash.
fn split(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        let taken = match c {
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(field) = fields.last_mut() {
            field.push(taken);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_match_by_field_and_wildcard() {
        let wanted = ["db.example", "5432", "app", "ann"];
        let password = |line| password_of(line, wanted);
        assert_eq!(password("db.example:5432:app:ann:secret").as_deref(), Some("secret"));
        assert_eq!(password("*:*:*:*:a\\:b\\\\c").as_deref(), Some("a:b\\c"));
        assert_eq!(password("*:*:*:ann:with:colon").as_deref(), Some("with:colon"));
        assert_eq!(password("db.example:5433:app:ann:secret"), None);
        assert_eq!(password("# *:*:*:*:secret"), None);
        assert_eq!(password("*:*"), None);
    }
}
