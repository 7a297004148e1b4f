//! The report: a line for each application, then what was refused and why, then what went wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

use crate::{
    history::Step,
    play::{Outcome, Refused},
};

/// Codes that ask the author for a transform.
const ASKS_FOR_TRANSFORM: [&str; 2] = ["needs-forward-transform", "needs-reverse-transform"];

/// Everything so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    applications: BTreeMap<String, Counts>,
    refusals: BTreeMap<String, Refusal>,
    bugs: Vec<(String, String, String)>,
    stopped: Vec<String>,
    given: Vec<String>,
    words: BTreeMap<String, usize>,
    cleared: Vec<String>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Files of the history.
    files: usize,
    /// The first and the last that became an edition.
    window: Option<(usize, usize)>,
    steps: usize,
    automatic: usize,
    with_word: usize,
    with_transform: usize,
    needed_transform: usize,
    refused: usize,
    stopped: usize,
    bugs: usize,
    not_plain: usize,
    cleared: usize,
}

#[derive(Debug, Default)]
struct Refusal {
    /// Steps that have it.
    steps: usize,
    /// Steps in which it is the only kind of refusal.
    alone: usize,
    examples: Vec<String>,
}

impl Report {
    /// A history of so many files begins.
    pub(crate) fn begin(&mut self, application: &str, files: usize) {
        self.applications.entry(application.to_owned()).or_default().files = files;
    }

    /// Adds a step by its number; a bug gets a file of its own in `folder`.
    pub(crate) fn add(
        &mut self,
        application: &str,
        number: usize,
        step: &Step,
        outcome: Outcome,
        folder: Option<&Path>,
    ) {
        let counts = self.applications.entry(application.to_owned()).or_default();
        if matches!(outcome, Outcome::Plain) {
            return;
        }
        counts.steps += 1;
        counts.window = Some((counts.window.map_or(number, |(first, _)| first), number));
        let place = format!("{application} {}", step.name);
        match outcome {
            Outcome::Automatic { words, given, cleared, .. } => {
                counts.cleared += usize::from(!cleared.is_empty());
                self.cleared.extend(cleared.iter().map(|what| format!("{place}: {what}")));
                for word in &words {
                    *self.words.entry(word.clone()).or_default() += 1;
                }
                counts.automatic += usize::from(given.is_empty());
                counts.with_transform += usize::from(!given.is_empty());
                self.given.extend(given.iter().map(|transform| format!("{place}: {transform}")));
                counts.with_word += usize::from(!words.is_empty());
            }
            Outcome::Refused(findings) => {
                let asks = findings.iter().all(|refused| ASKS_FOR_TRANSFORM.contains(&refused.code.as_str()));
                if asks {
                    counts.needed_transform += 1;
                } else {
                    counts.refused += 1;
                }
                let kinds: BTreeSet<String> = findings.iter().map(kind_of).collect();
                for finding in &findings {
                    let refusal = self.refusals.entry(kind_of(finding)).or_default();
                    let Refused { code, subject, message, .. } = finding;
                    if refusal.examples.len() < 6 {
                        refusal.examples.push(format!("{place}: {code}: {subject}: {message}"));
                    }
                }
                for kind in &kinds {
                    let refusal = self.refusals.entry(kind.clone()).or_default();
                    refusal.steps += 1;
                    refusal.alone += usize::from(kinds.len() == 1);
                }
            }
            Outcome::Stopped(why) => {
                counts.stopped += 1;
                self.stopped.push(format!("{place}: {}", why.lines().next().unwrap_or_default()));
            }
            Outcome::Bug(what) => {
                counts.bugs += 1;
                if let Some(folder) = folder {
                    let text = format!("# {place}\n\n```\n{what}\n```\n\n```sql\n{}\n```\n", step.sql);
                    let path = folder.join(format!("hist-{application}-{}.md", step.name));
                    if let Err(error) = fs::write(&path, text) {
                        println!("{}: {error}", path.display());
                    }
                }
                self.bugs.push((application.to_owned(), step.name.clone(), what));
            }
            Outcome::NotPlain(_) => counts.not_plain += 1,
            Outcome::Plain => {}
        }
    }

    /// Whether anything was accepted and then went wrong.
    pub(crate) const fn has_bugs(&self) -> bool {
        !self.bugs.is_empty()
    }
}

/// The code, the kind of the subject, and the message with its names and definitions taken out.
fn kind_of(Refused { code, subject, message, .. }: &Refused) -> String {
    let subject: Vec<&str> = subject.split(' ').take(2).filter(|word| !word.contains('.')).collect();
    let message: String = message.chars().take(60).collect();
    let words: Vec<&str> =
        message.split(' ').filter(|word| !word.contains(['.', '"', '('])).take(8).collect();
    format!("{code} | {} | {}", subject.join(" "), words.join(" "))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| application | files | played | steps | automatic | with a transform | of both with a word | of both rows cleared first | asks for another transform | refused | stopped by rows | bugs | not for this server | not refused |"
        )?;
        writeln!(f, "| --- {}|", "| ---: ".repeat(13))?;
        for (name, c) in &self.applications {
            let judged = c.steps - c.not_plain;
            let bad = c.refused + c.needed_transform + c.stopped + c.bugs;
            let share = (judged - bad) * 1000 / judged.max(1);
            let (first, last) = c.window.unwrap_or_default();
            writeln!(
                f,
                "| {name} | {} | {first}–{last} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {}.{} % |",
                c.files,
                c.steps,
                c.automatic,
                c.with_transform,
                c.with_word,
                c.cleared,
                c.needed_transform,
                c.refused,
                c.stopped,
                c.bugs,
                c.not_plain,
                share / 10,
                share % 10
            )?;
        }
        writeln!(f, "\n## Refusals, by how many steps have them (alone: steps with no other refusal)\n")?;
        let mut refusals: Vec<_> = self.refusals.iter().collect();
        refusals.sort_by_key(|(_, refusal)| std::cmp::Reverse(refusal.steps));
        for (kind, refusal) in refusals {
            writeln!(f, "- **{}** ({} alone) {kind}", refusal.steps, refusal.alone)?;
            for example in &refusal.examples {
                writeln!(f, "  - {}", example.lines().next().unwrap_or_default())?;
            }
        }
        writeln!(f, "\n## Transforms that were given, where the plan asked for one\n")?;
        for line in &self.given {
            writeln!(f, "- {line}")?;
        }
        writeln!(f, "\n## Words that were given, by steps\n")?;
        for (word, steps) in &self.words {
            writeln!(f, "- {word}: {steps}")?;
        }
        writeln!(f, "\n## Rows that PostgreSQL itself does not make the change with, taken away first\n")?;
        for line in &self.cleared {
            writeln!(f, "- {line}")?;
        }
        writeln!(f, "\n## Bugs\n")?;
        for (application, step, what) in &self.bugs {
            writeln!(f, "- {application} {step}: {}", what.lines().take(4).collect::<Vec<_>>().join(" / "))?;
        }
        writeln!(f, "\n## Stopped by the rows that we thought of\n")?;
        for line in &self.stopped {
            writeln!(f, "- {line}")?;
        }
        Ok(())
    }
}
