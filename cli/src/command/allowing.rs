//! Options that plan and publish share: which findings are accepted.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use catalog::{
    Error, ErrorKind, Result,
    plan::{Allowances, Code, Finding, Severity},
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

/// What these options accept.
#[derive(Debug, Default)]
pub(super) struct Words {
    of_options: Allowances,
    of_file: Allowances,
    file: Option<PathBuf>,
}

impl Allowing {
    pub(super) fn words(&self) -> Result<Words> {
        let mut of_file = Allowances::default();
        if let Some(file) = &self.allow_file {
            of_file.add_file(&read(file)?).map_err(|error| error.within(&file.display().to_string()))?;
        }
        let of_options = Allowances::of(self.allow.iter().copied());
        Ok(Words { of_options, of_file, file: self.allow_file.clone() })
    }
}

impl Words {
    #[cfg(test)]
    pub(super) fn of(codes: impl IntoIterator<Item = Code>) -> Self {
        Self { of_options: Allowances::of(codes), ..Self::default() }
    }

    pub(super) fn accept(&self, finding: &Finding) -> bool {
        self.of_options.accept(finding) || self.of_file.accept(finding)
    }

    /// Both in one.
    pub(super) fn into_allowances(self) -> Allowances {
        self.of_options.and(self.of_file)
    }

    /// The options that accept these findings, all of those that a word can help: ` --allow-file edition.allow --allow lossy-cast`.
    pub(super) fn options_for(&self, findings: &[Finding]) -> String {
        let file = self.file.iter().map(|file| format!(" --allow-file {}", file.display()));
        let words: BTreeSet<&str> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::NeedsWord && !self.of_file.accept(finding))
            .map(|finding| finding.code.slug())
            .collect();
        file.chain(words.into_iter().map(|word| format!(" --allow {word}"))).collect()
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
