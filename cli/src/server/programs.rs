//! The client programs that operations run.

use std::path::Path;

use catalog::{Error, ErrorKind, Result, operation::Programs};

use super::installation::{Version, folders, install_command};

/// `pg_dump` and `psql` of one version, the newest there is: `pg_dump` refuses servers that are newer than itself.
/// `chosen` (`--pg-bin`) is looked at first and wins if it will do; `server_major` is that of the server, if known.
pub fn find_programs(chosen: Option<&Path>, server_major: Option<u32>) -> Result<Programs> {
    let mut candidates = folders();
    let environment =
        std::env::var_os("EDITION_PGBIN").filter(|value| !value.is_empty()).map(std::path::PathBuf::from);
    let preferred = chosen.map(Path::to_owned).or(environment);
    if let Some(folder) = &preferred {
        candidates = vec![folder.clone()];
    }
    let newest = candidates
        .iter()
        .rev()
        .filter(|folder| folder.join("psql").exists())
        .filter_map(|folder| Some((Version::of_program(&folder.join("pg_dump"))?, folder)))
        .max_by_key(|(version, _)| *version);
    let needed = server_major.unwrap_or(0);
    match newest {
        Some((version, folder)) if version.major >= needed => {
            Ok(Programs { pg_dump: folder.join("pg_dump"), psql: folder.join("psql") })
        }
        Some((version, folder)) => Err(Error::new(
            ErrorKind::Environment,
            format!(
                "pg_dump in \"{}\" is version {version}, and the server is version {needed}",
                folder.display()
            ),
        )
        .with_hint(format!(
            "install the client programs of PostgreSQL {needed} or newer, or point --pg-bin at them"
        ))),
        None => Err(Error::new(ErrorKind::Environment, "pg_dump and psql are not on this machine")
            .with_hint(format!("{}, or point --pg-bin at them", install_command()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_and_old_ones_refused_with_both_versions() {
        let programs = find_programs(None, Some(15)).unwrap();
        assert!(programs.pg_dump.exists() && programs.psql.exists());
        let error = find_programs(None, Some(99)).unwrap_err();
        assert!(error.to_string().contains("the server is version 99"), "{error}");
    }
}
