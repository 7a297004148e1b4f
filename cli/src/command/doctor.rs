//! `edition doctor`.

use std::process::ExitCode;

use catalog::{
    Result,
    doctor::{self, Examination, Finding, Gravity},
    model::Name,
};
use clap::Args;
use owo_colors::OwoColorize;

use super::Context;

/// Something goes around editions; documented in `edition --help`.
const BYPASSED: u8 = 8;

/// Find what would go around an edition: qualified names in function bodies, fixed search paths, direct connections
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  edition doctor                     examine an adopted database\n  \
                        edition doctor --schemas app,api   … or one before edition init\n\n\
                        Ends with exit code 8 if something goes around editions; docs/doctor.md lists the codes.")]
pub(crate) struct Doctor {
    /// Of a database that is not adopted: the schemas that would be editioned
    #[arg(long, value_name = "SCHEMAS", value_delimiter = ',', default_value = "public")]
    schemas: Vec<Name>,
}

impl Doctor {
    pub(crate) async fn run(self, context: &Context) -> Result<ExitCode> {
        let target = context.target()?;
        let examination = doctor::examine(&target, &self.schemas).await?;
        context.output.show(&examination, |examination| text(target.database(), examination))?;
        Ok(if examination.is_healthy() { ExitCode::SUCCESS } else { ExitCode::from(BYPASSED) })
    }
}

fn text(database: &str, examination: &Examination) -> String {
    let findings = &examination.findings;
    let count = |gravity| findings.iter().filter(|finding| finding.gravity == gravity).count();
    let (bypasses, notices) = (count(Gravity::Bypass), count(Gravity::Notice));
    let verdict = match (bypasses, notices) {
        (0, 0) => format!("nothing in database {database} goes around editions"),
        (0, _) => format!("nothing in database {database} goes around editions; worth a look: {notices}"),
        _ => format!("{bypasses} in database {database} that go around editions; worth a look: {notices}"),
    };
    // one explanation for all findings of a code
    let chapters = findings.chunk_by(|one, other| one.code == other.code).map(chapter);
    chapters.chain([verdict]).collect::<Vec<_>>().join("\n\n")
}

fn chapter(findings: &[Finding]) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let title = match first.gravity {
        Gravity::Bypass => first.code.red().bold().to_string(),
        Gravity::Notice => first.code.yellow().bold().to_string(),
    };
    let mut text = format!("{title}\n{}", first.why);
    for finding in findings {
        text.push_str(&format!("\n  {}", finding.subject));
        if let Some(place) = &finding.place {
            text.push_str(&format!(", {place}"));
        }
    }
    text.push_str(&format!("\n{} {}", "help:".cyan().bold(), first.fix));
    text
}
