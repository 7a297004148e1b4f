//! What an operator has accepted: findings that need a word, by code, for one subject or for all, with the reason why.

use serde::Deserialize;

use super::{Code, Finding, Severity};
use crate::error::{Error, ErrorKind, Result};

/// The words given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowances {
    allowed: Vec<Allowance>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Allowance {
    code: Code,
    /// Any if `None`.
    subject: Option<String>,
}

/// The form of an allow file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    allow: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    code: String,
    subject: Option<String>,
    reason: String,
}

impl Allowances {
    /// Accepts every finding with one of these codes.
    pub fn of(codes: impl IntoIterator<Item = Code>) -> Self {
        Self { allowed: codes.into_iter().map(|code| Allowance { code, subject: None }).collect() }
    }

    /// Adds the entries of an allow file (TOML):
    ///
    /// ```toml
    /// [[allow]]
    /// code = "E012"                                    # or tightens-older-edition
    /// subject = "table public.users, constraint adult" # as the plan prints it; without it, every subject
    /// reason = "version 1 has checked this since March"
    /// ```
    ///
    /// Refuses what it does not know, an entry without a reason, and codes that no word can help.
    pub fn add_file(&mut self, text: &str) -> Result<()> {
        let wrong = |why: String| {
            Error::new(ErrorKind::Usage, format!("the allow file cannot be read: {why}"))
                .with_hint("an entry has these lines: [[allow]], then code = \"E012\", then reason = \"…\", and subject = \"…\" as the plan prints it, if it is for one only")
        };
        let file: File =
            toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        for Entry { code, subject, reason } in file.allow {
            let known =
                Code::parse(&code).ok_or_else(|| wrong(format!("no finding has the code \"{code}\"")))?;
            if known.severity() == Severity::Refused {
                return Err(wrong(format!("{known} is refused whatever is said")));
            }
            if reason.trim().is_empty() {
                return Err(wrong(format!("the entry for {known} gives no reason")));
            }
            self.allowed.push(Allowance { code: known, subject });
        }
        Ok(())
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.allowed.extend(others.allowed);
        self
    }

    /// Whether publish may go on in spite of this finding.
    pub fn accept(&self, finding: &Finding) -> bool {
        match finding.severity {
            Severity::Notice => true,
            Severity::Refused => false,
            Severity::NeedsWord => self.allowed.iter().any(|word| {
                word.code == finding.code
                    && word.subject.as_ref().is_none_or(|subject| *subject == finding.subject)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Allowances> {
        let mut allowances = Allowances::default();
        allowances.add_file(text)?;
        Ok(allowances)
    }

    #[test]
    fn a_word_is_for_its_code_and_subject_only() {
        let given = read("[[allow]]\ncode = 'E012'\nsubject = 'table public.t'\nreason = 'checked'\n[[allow]]\ncode = 'lossy-cast'\nreason = 'whole anyway'\n").unwrap();
        let finding = |code, subject: &str| Finding::new(code, subject, "");
        assert!(given.accept(&finding(Code::TightensOlderEdition, "table public.t")));
        assert!(!given.accept(&finding(Code::TightensOlderEdition, "table public.u")));
        assert!(given.accept(&finding(Code::LossyCast, "table public.u")));
        assert!(!given.accept(&finding(Code::RestrictsOlderEdition, "table public.t")));
        assert!(given.accept(&finding(Code::KeptUntilRetire, "anything")));
        assert!(!Allowances::of(Code::ALL.iter().copied()).accept(&finding(Code::Unsupported, "x")));
    }

    #[test]
    fn an_allow_file_that_says_too_little_or_too_much_is_refused() {
        for (text, part) in [
            ("[[allow]]\ncode = 'E012'\n", "reason"),
            ("[[allow]]\ncode = 'E012'\nreason = ' '\n", "gives no reason"),
            ("[[allow]]\ncode = 'E999'\nreason = 'x'\n", "E999"),
            ("[[allow]]\ncode = 'unsupported'\nreason = 'x'\n", "refused whatever"),
            ("[[allow]]\ncode = 'E012'\nreason = 'x'\ntable = 't'\n", "table"),
            ("[[alow]]\n", "alow"),
            ("allow", "line 1"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
