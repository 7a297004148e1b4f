//! What became of the acts, by the kinds of statement in them and by the codes of refusals.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::act::{Outcome, Script};

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    outcomes: BTreeMap<&'static str, usize>,
    kinds: BTreeMap<&'static str, Kind>,
    refusals: BTreeMap<String, (usize, String)>,
    spent: BTreeMap<&'static str, Duration>,
    /// In all acts.
    drafts: usize,
}

/// What became of drafts in which a kind of statement was; `alone`: of those which were nothing else.
#[derive(Debug, Default)]
struct Kind {
    done: usize,
    refused: usize,
    refused_alone: usize,
    bugs: usize,
}

impl Tally {
    /// Acts that went to their end.
    pub(crate) fn done(&self) -> usize {
        self.outcomes.get("done").copied().unwrap_or_default()
    }

    /// One line, for who watches a long run; it may be ended by hand.
    pub(crate) fn shown_so_far(&self) -> String {
        let counts = self.outcomes.iter().map(|(name, count)| format!("  {name}: {count}"));
        format!("acts: {}  drafts: {}{}", self.acts(), self.drafts, counts.collect::<String>())
    }

    /// Acts in all.
    pub(crate) fn acts(&self) -> usize {
        self.outcomes.values().sum()
    }

    /// Adds how long each kind of work took.
    pub(crate) fn spent(&mut self, spent: &BTreeMap<&'static str, Duration>) {
        for (what, time) in spent {
            *self.spent.entry(what).or_default() += *time;
        }
    }

    /// Adds an act.
    pub(crate) fn count(&mut self, script: &Script, outcome: &Outcome) {
        let name = match outcome {
            Outcome::Refused(_) => "refused",
            Outcome::Stopped(_) => "stopped by rows",
            Outcome::Barred => "barred by triggers",
            Outcome::Done => "done",
            Outcome::Bug(_) => "bugs",
        };
        *self.outcomes.entry(name).or_default() += 1;
        self.drafts += script.drafts.len();
        let statements: Vec<&(&str, String)> = script.drafts.iter().flatten().collect();
        for (kind, _) in &statements {
            let entry = self.kinds.entry(kind).or_default();
            match outcome {
                Outcome::Refused(_) => {
                    entry.refused += 1;
                    entry.refused_alone += usize::from(statements.len() == 1);
                }
                Outcome::Bug(_) => entry.bugs += 1,
                Outcome::Done | Outcome::Stopped(_) | Outcome::Barred => entry.done += 1,
            }
        }
        if let Outcome::Refused(findings) = outcome {
            for (code, about) in findings {
                let subject = about.split([' ', ':']).next().unwrap_or_default();
                let last = script
                    .drafts
                    .last()
                    .into_iter()
                    .flatten()
                    .map(|(_, sql)| sql.as_str())
                    .collect::<Vec<_>>();
                let entry = self.refusals.entry(format!("{code} ({subject})")).or_default();
                entry.0 += 1;
                if entry.1.is_empty() || last.len() == 1 {
                    entry.1 = format!("{about}\n        {}", last.join("; "));
                }
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.outcomes {
            write!(f, "{name}: {count}  ")?;
        }
        write!(f, "drafts: {}", self.drafts)?;
        let acts = self.outcomes.values().sum::<usize>().max(1);
        write!(f, "\nmilliseconds an act: ")?;
        for (what, time) in &self.spent {
            write!(f, "{what} {}  ", time.as_millis() / acts as u128)?;
        }
        writeln!(f, "\n\n{:36} {:>6} {:>8} {:>6} {:>5}", "statement", "done", "refused", "alone", "bugs")?;
        for (name, kind) in &self.kinds {
            writeln!(
                f,
                "{name:36} {:>6} {:>8} {:>6} {:>5}",
                kind.done, kind.refused, kind.refused_alone, kind.bugs
            )?;
        }
        writeln!(f, "\nrefusals")?;
        for (code, (count, example)) in &self.refusals {
            writeln!(f, "{count:>6}  {code}\n        {example}")?;
        }
        Ok(())
    }
}
