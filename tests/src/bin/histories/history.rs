//! A history as its application keeps it: a folder of SQL files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The migrations of one application.
#[derive(Debug)]
pub(crate) struct History {
    /// The name of its folder.
    pub(crate) name: String,
    /// In order.
    pub(crate) steps: Vec<Step>,
}

/// A migration.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Its path below the folder, or as much of it as tells it from others.
    pub(crate) name: String,
    /// What it runs.
    pub(crate) sql: String,
}

impl History {
    /// Reads a folder; what undoes a migration (`down.sql`, the Down section of goose) is left out.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        files.retain(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".sql") && name != "down.sql" && !name.ends_with(".down.sql")
        });
        files.sort();
        let mut steps = Vec::new();
        for file in files {
            let text = fs::read_to_string(&file)?;
            let short = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
            let parts: Vec<&str> = short.split('/').collect();
            let name = match parts.as_slice() {
                [.., parent, "up.sql" | "migration.sql"] => (*parent).to_owned(),
                [.., name] => (*name).to_owned(),
                [] => short.clone(),
            };
            let sql = text.split("-- +goose Down").next().unwrap_or_default().to_owned();
            steps.push(Step { name, sql });
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, steps })
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
