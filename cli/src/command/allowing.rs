//! Options that plan and publish share: which findings are accepted.

use std::path::{Path, PathBuf};

use catalog::{
    Error, ErrorKind, Result,
    plan::{Allowances, Code},
};
use clap::Args;

/// Words for findings that need one.
#[derive(Debug, Args)]
pub(super) struct Allowing {
    /// Accept findings by their code (E012 or its name); may be repeated
    #[arg(long, value_name = "CODE", value_parser = code)]
    allow: Vec<Code>,

    /// Accept the findings that this TOML file names with a reason: code, subject, reason in each `[[allow]]`
    #[arg(long, value_name = "FILE")]
    allow_file: Option<PathBuf>,
}

impl Allowing {
    pub(super) fn allowances(&self) -> Result<Allowances> {
        let mut allowances = Allowances::of(self.allow.iter().copied());
        if let Some(file) = &self.allow_file {
            allowances.add_file(&read(file)?)?;
        }
        Ok(allowances)
    }
}

/// A file that an option names.
pub(super) fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| {
        Error::new(ErrorKind::Environment, format!("cannot read {}: {error}", file.display()))
    })
}

pub(super) fn code(text: &str) -> Result<Code, String> {
    Code::parse(text).ok_or_else(|| "no finding has this code; edition explain lists them".to_owned())
}
