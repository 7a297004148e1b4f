//! `edition explain`.

use catalog::{
    Result, doctor,
    doctor::Gravity,
    plan::{Code, Severity},
};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::Context;

/// Explain a code of plan or doctor, or list them all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition explain E012
  edition explain tightens-older-edition
  edition explain D001")]
pub(crate) struct Explain {
    /// The code, by number or name
    #[arg(value_parser = Explained::parse)]
    code: Option<Explained>,
}

/// What has a code.
#[derive(Clone, Copy, Debug)]
enum Explained {
    /// Of plan.
    Finding(Code),
    /// Of doctor.
    Bypass(doctor::Code),
}

/// How grave, of either.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    Refused,
    NeedsWord,
    Bypass,
    Notice,
}

/// A code as JSON.
#[derive(Serialize)]
struct Entry {
    code: String,
    name: &'static str,
    severity: Grade,
    explanation: &'static str,
    fix: &'static str,
}

impl Explain {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        if let Some(code) = self.code {
            return context.output.show(&code.entry(), Entry::text);
        }
        let findings = Code::ALL.iter().copied().map(Explained::Finding);
        let all: Vec<Entry> = findings
            .chain(doctor::Code::ALL.iter().copied().map(Explained::Bypass))
            .map(Explained::entry)
            .collect();
        context.output.show(&all, |all| all.iter().map(Entry::line).collect::<Vec<_>>().join("\n"))
    }
}

impl Explained {
    fn parse(text: &str) -> Result<Self, String> {
        let finding = Code::parse(text).map(Self::Finding);
        finding
            .or_else(|| doctor::Code::parse(text).map(Self::Bypass))
            .ok_or_else(|| "nothing has this code; edition explain lists them".to_owned())
    }

    fn entry(self) -> Entry {
        match self {
            Self::Finding(code) => Entry {
                code: code.number(),
                name: code.slug(),
                severity: match code.severity() {
                    Severity::Refused => Grade::Refused,
                    Severity::NeedsWord => Grade::NeedsWord,
                    Severity::Notice => Grade::Notice,
                },
                explanation: code.explanation(),
                fix: code.fix(),
            },
            Self::Bypass(code) => Entry {
                code: code.number(),
                name: code.slug(),
                severity: match code.gravity() {
                    Gravity::Bypass => Grade::Bypass,
                    Gravity::Notice => Grade::Notice,
                },
                explanation: code.why(),
                fix: code.fix(),
            },
        }
    }
}

impl Entry {
    fn text(&self) -> String {
        let severity = match self.severity {
            Grade::Refused => "publish is refused",
            Grade::NeedsWord => "publish asks for a word: --allow, or an entry in an allow file",
            Grade::Bypass => "it goes around editions",
            Grade::Notice => "for information",
        };
        let title = format!("{} {}", self.code, self.name);
        let (title, help) = (title.bold(), "help:".cyan().bold().to_string());
        format!("{title} ({severity})\n\n{}\n\n{help} {}", self.explanation, self.fix)
    }

    fn line(&self) -> String {
        let severity = match self.severity {
            Grade::Refused => "refused",
            Grade::NeedsWord => "needs a word",
            Grade::Bypass => "bypass",
            Grade::Notice => "notice",
        };
        format!("{}  {severity:<12}  {}", self.code, self.name)
    }
}
