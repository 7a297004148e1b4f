//! What a plan has to say: refusals, risks that need an explicit word, notices.

use serde::{Deserialize, Serialize};

use super::Code;

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
#[serde(try_from = "Record", into = "Record")]
pub struct Finding {
    /// How grave: that of the code.
    pub severity: Severity,
    /// What it is an instance of.
    pub code: Code,
    /// The object that it is about, for people: `table public.users, column email`.
    pub subject: String,
    /// One sentence.
    pub message: String,
    /// The command or change that helps.
    pub fix: Option<String>,
}

impl Finding {
    /// A finding about `subject`, as grave as its code.
    pub fn new(code: Code, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: code.severity(), code, subject: subject.into(), message: message.into(), fix: None }
    }

    /// Adds the command or change that helps.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// A finding as JSON: the code by number and by name.
#[derive(Serialize, Deserialize)]
struct Record {
    severity: Severity,
    code: String,
    #[serde(default)]
    name: String,
    subject: String,
    message: String,
    fix: Option<String>,
}

impl From<Finding> for Record {
    fn from(finding: Finding) -> Self {
        let Finding { severity, code, subject, message, fix } = finding;
        Self { severity, code: code.number(), name: code.slug().to_owned(), subject, message, fix }
    }
}

impl TryFrom<Record> for Finding {
    type Error = String;

    fn try_from(record: Record) -> Result<Self, String> {
        let Record { severity, code, subject, message, fix, .. } = record;
        let code = Code::parse(&code).ok_or_else(|| format!("unknown finding code {code:?}"))?;
        Ok(Self { severity, code, subject, message, fix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_read_as_it_was_written_and_as_plans_stored_it_before_codes_had_numbers() {
        let finding = Finding::new(Code::LossyCast, "table public.t", "rounds").with_fix("state it");
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!((&json["code"], &json["name"]), (&"E014".into(), &"lossy-cast".into()));
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap(), finding);
        let stored = r#"{"severity":"needs_word","code":"lossy-cast","subject":"table public.t","message":"rounds","fix":"state it"}"#;
        assert_eq!(serde_json::from_str::<Finding>(stored).unwrap(), finding);
    }
}
