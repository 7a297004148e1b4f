//! How many statements fared how, and the statements that differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    difference::{Class, Difference},
    lockstep::{Fared, Outcome},
};

/// Counts of one run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) title: String,
    files: usize,
    identical_files: usize,
    alike: usize,
    alike_errors: usize,
    aside: usize,
    aside_differs: usize,
    classes: BTreeMap<Class, usize>,
    families: BTreeMap<(Class, String), usize>,
    /// Files that could not be run, and why.
    pub(crate) not_run: Vec<(String, String)>,
    /// Tables that are not views, and why.
    pub(crate) no_views: BTreeSet<String>,
    /// The text for people: one entry for each statement that differs.
    pub(crate) details: String,
}

impl Report {
    /// Of a run that is called so.
    pub(crate) fn of(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// Adds a file; gives a line about it.
    pub(crate) fn add(&mut self, file: &str, outcomes: &[Outcome]) -> String {
        let (mut differs, mut aside) = (0, 0);
        for outcome in outcomes {
            match &outcome.verdict {
                Fared::Alike { error } => {
                    self.alike += 1;
                    self.alike_errors += usize::from(*error);
                }
                Fared::Aside(difference) => {
                    aside += 1;
                    if let Some(difference) = difference {
                        self.aside_differs += 1;
                        self.detail(file, outcome, difference, "DDL aside, ");
                    }
                }
                Fared::Differs(difference) => {
                    differs += 1;
                    *self.classes.entry(difference.class).or_default() += 1;
                    *self.families.entry((difference.class, family(&outcome.text))).or_default() += 1;
                    self.detail(file, outcome, difference, "");
                }
            }
        }
        self.aside += aside;
        self.files += 1;
        self.identical_files += usize::from(differs == 0);
        format!("{file}: {} statements, {differs} differ, {aside} DDL aside", outcomes.len())
    }

    fn detail(&mut self, file: &str, outcome: &Outcome, difference: &Difference, mark: &str) {
        let [direct, proxied] = &difference.sides;
        let alike = direct.chars().zip(proxied.chars()).take_while(|(left, right)| left == right).count();
        // What is long and alike is left out, but for the words just before they part.
        let skipped = if alike > 1000 { alike - 200 } else { 0 };
        self.details.push_str(&format!(
            "== {mark}{} | {} | {file}:{}\n{}\n-- direct:  {}\n-- proxied: {}\n\n",
            difference.class,
            family(&outcome.text),
            outcome.line,
            short(outcome.text.trim(), 1500),
            short_from(direct, skipped),
            short_from(proxied, skipped)
        ));
    }

    /// Whether everything was run and nothing differed.
    pub(crate) fn is_clean(&self) -> bool {
        self.classes.is_empty() && self.not_run.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differ: usize = self.classes.values().sum();
        let judged = self.alike + differ;
        writeln!(f, "## {}\n", self.title)?;
        writeln!(
            f,
            "- files: {} of {} without a difference; {} not run",
            self.identical_files,
            self.files,
            self.not_run.len()
        )?;
        writeln!(
            f,
            "- statements: {} of {judged} alike ({:.2} %), of which {} are errors; {} more are DDL aside, {} of them differ",
            self.alike,
            share(self.alike, judged),
            self.alike_errors,
            self.aside,
            self.aside_differs
        )?;
        if let Some(plans) = self.classes.get(&Class::Plan) {
            let rest = judged - plans;
            writeln!(f, "- plans aside: {} of {rest} alike ({:.2} %)", self.alike, share(self.alike, rest))?;
        }
        for (class, count) in &self.classes {
            writeln!(f, "- {class}: {count}")?;
            let mut families: Vec<(&String, &usize)> = self
                .families
                .iter()
                .filter(|((of, _), _)| of == class)
                .map(|((_, family), count)| (family, count))
                .collect();
            families.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let families: Vec<String> =
                families.iter().map(|(family, count)| format!("{family} {count}")).collect();
            writeln!(f, "  - {}", families.join(", "))?;
        }
        for (file, reason) in &self.not_run {
            writeln!(f, "- not run: {file}: {}", short(reason, 400))?;
        }
        for table in &self.no_views {
            writeln!(f, "- no view: {}", short(table, 300))?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// The first word of a statement, or the first two where one says little.
fn family(text: &str) -> String {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let code = code.join("\n");
    let mut of_code = code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let first = of_code.next().or_else(|| words.next()).unwrap_or_default().to_ascii_uppercase();
    match first.as_str() {
        "CREATE" | "ALTER" | "DROP" | "SET" | "COMMENT" | "REFRESH" => {
            format!("{first} {}", of_code.next().unwrap_or_default().to_ascii_uppercase())
        }
        "COPY" if code.to_ascii_lowercase().contains(" from ") => "COPY FROM".to_owned(),
        "COPY" => "COPY TO".to_owned(),
        _ => first,
    }
}

fn short_from(text: &str, skipped: usize) -> String {
    let start = if skipped > 0 { "…" } else { "" };
    let rest: String = text.chars().skip(skipped).collect();
    format!("{start}{}", short(&rest, 1500))
}

fn short(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    text.chars().take(characters).chain("…".chars()).collect()
}
