//! `edition explain`.

use catalog::{
    Result,
    plan::{Code, Severity},
};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Serialize;

use super::{Context, allowing::code};

/// Explain a finding's code, or list them all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition explain E012
  edition explain tightens-older-edition")]
pub(crate) struct Explain {
    /// The code, by number or name
    #[arg(value_parser = code)]
    code: Option<Code>,
}

/// A code as JSON.
#[derive(Serialize)]
struct Entry {
    code: String,
    name: &'static str,
    severity: Severity,
    explanation: &'static str,
    fix: &'static str,
}

impl Explain {
    pub(crate) fn run(self, context: &Context) -> Result<()> {
        if let Some(code) = self.code {
            return context.output.show(&entry(code), |_| text(code));
        }
        let all: Vec<Entry> = Code::ALL.iter().copied().map(entry).collect();
        context.output.show(&all, |_| list())
    }
}

fn entry(code: Code) -> Entry {
    Entry {
        code: code.number(),
        name: code.slug(),
        severity: code.severity(),
        explanation: code.explanation(),
        fix: code.fix(),
    }
}

fn text(code: Code) -> String {
    let severity = match code.severity() {
        Severity::Refused => "publish is refused",
        Severity::NeedsWord => "publish asks for a word: --allow, or an entry in an allow file",
        Severity::Notice => "for information",
    };
    format!(
        "{} ({severity})\n\n{}\n\n{} {}",
        code.bold(),
        code.explanation(),
        "help:".cyan().bold(),
        code.fix()
    )
}

fn list() -> String {
    let line = |code: &Code| {
        let severity = match code.severity() {
            Severity::Refused => "refused",
            Severity::NeedsWord => "needs a word",
            Severity::Notice => "notice",
        };
        format!("{}  {severity:<12}  {}", code.number(), code.slug())
    };
    Code::ALL.iter().map(line).collect::<Vec<_>>().join("\n")
}
