//! A test file run on two sessions, statement by statement: one that is direct, one that passes the proxy.

use std::{collections::HashMap, io, path::Path};

use catalog::model::Name;
use edition_tests::wire::{Message, Protocol, Wire};
use editiond::rewrite::{Command, Rewriter, SessionTraits, TEXT_BYTES_MAX, Verdict, VerdictCache, Wanted};

use crate::{
    difference::{Class, Difference, compare, error, one_row},
    script::{Item, Script},
};

/// The settings that `pg_regress` gives its sessions.
const USUAL: [(&str, &str); 3] = [
    ("TimeZone", "PST8PDT"),
    ("DateStyle", "Postgres, MDY"),
    ("options", "-c intervalstyle=postgres_verbose"),
];

/// What becomes of DDL that a live edition does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frozen {
    /// The proxied session runs it as a text that is too long for the proxy to look into.
    Hide,
    /// Neither side runs it: what it makes is there already.
    Skip,
}

/// Where a side is reached.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) port: u16,
    pub(crate) database: String,
    /// Set for the proxied side.
    pub(crate) edition: Option<String>,
}

impl Side {
    async fn open(&self, name: &str, user: &str) -> io::Result<Wire> {
        let name = format!("pg_regress/{name}");
        let mut parameters = vec![("user", user), ("database", &self.database), ("application_name", &name)];
        parameters.extend(USUAL);
        if let Some(edition) = &self.edition {
            parameters.push(("edition", edition));
        }
        Wire::open(self.port, &parameters).await
    }
}

/// Judges texts as the proxy does, to know beforehand what a live edition does not take.
pub(crate) struct Judge {
    pub(crate) rewriter: Rewriter,
    pub(crate) cache: VerdictCache,
}

impl Judge {
    /// Whether the proxy refuses the text because the edition is frozen, or leaves it to the server whether there is anything to do and refuses it if so.
    pub(crate) fn freezes(&self, text: &str, traits: &mut SessionTraits) -> bool {
        // A name that was a temporary table's may be a lasting one's by now; nothing is asked here.
        if let Wanted::Whence(names) = self.rewriter.wants(text.as_bytes(), &self.cache, traits) {
            let public = Name::new("public").ok();
            traits.found(names.into_iter().map(|name| (name, public.clone())));
        }
        match self.rewriter.judge(text.as_bytes(), &self.cache, traits) {
            Verdict::Refuse(refusal) => refusal.message.ends_with("its schema is frozen"),
            Verdict::Rewrite(new) => {
                new.substitutes.iter().any(|substitute| matches!(substitute.command, Command::Skipped(_)))
            }
            _ => false,
        }
    }
}

/// How one statement fared.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) verdict: Fared,
}

/// The same, in short.
#[derive(Clone, Debug)]
pub(crate) enum Fared {
    /// Both sides answered the same; whether that was an error.
    Alike { error: bool },
    /// They did not.
    Differs(Difference),
    /// DDL that a live edition does not take; how it differs, where it was run past the proxy's eyes.
    Aside(Option<Difference>),
}

/// A file to be run.
pub(crate) struct Run<'a> {
    pub(crate) name: &'a str,
    pub(crate) file: &'a Path,
    pub(crate) environment: HashMap<String, String>,
    pub(crate) protocol: Protocol,
    /// What is done to the words of each statement before it is sent.
    pub(crate) reworded: &'a dyn Fn(&str) -> String,
}

impl Run<'_> {
    fn script(&self) -> io::Result<Script> {
        let text = String::from_utf8_lossy(&std::fs::read(self.file)?).into_owned();
        Ok(Script::new(text, self.environment.clone()))
    }

    /// Runs the file on one side alone; gives the statements that worked.
    pub(crate) async fn rehearse(&self, side: &Side) -> io::Result<Vec<String>> {
        let mut script = self.script()?;
        let mut wire = side.open(self.name, "postgres").await?;
        let mut worked = Vec::new();
        while let Some(item) = script.next() {
            match item {
                Item::Statement { texts: [text, _], set, .. } => {
                    let lines = script.copy_lines();
                    let given = lines.as_ref().map(|(lines, _)| lines.as_slice());
                    let Ok((answer, asked)) = wire.run(Protocol::Simple, &text, given).await else {
                        wire = side.open(self.name, "postgres").await?;
                        continue;
                    };
                    if let (true, Some((_, end))) = (asked, lines) {
                        script.skip_to(end);
                    }
                    keep(&mut script, set.as_deref(), [&answer, &answer]);
                    if error(&answer).is_none() {
                        worked.push(text);
                    }
                }
                Item::Command { name, words, .. } => {
                    if let Some(user) = connects(&name, &words) {
                        wire = side.open(self.name, &user).await?;
                    }
                }
            }
        }
        Ok(worked)
    }

    /// Runs the file on both sides.
    pub(crate) async fn judge(
        &self,
        direct: &Side,
        proxied: &Side,
        judge: &Judge,
        frozen: Frozen,
    ) -> io::Result<Vec<Outcome>> {
        let mut script = self.script()?;
        let mut outcomes = Vec::new();
        let mut pair = Pair::open(self.name, direct, proxied, "postgres").await?;
        let mut traits = SessionTraits::starting_with(["public"]);
        while let Some(item) = script.next() {
            let ([text, other], line, set) = match item {
                Item::Statement { texts, line, set } => (texts.map(|text| (self.reworded)(&text)), line, set),
                Item::Command { name, words, .. } => {
                    if let Some(user) = connects(&name, &words) {
                        pair = Pair::open(self.name, direct, proxied, &user).await?;
                        traits = SessionTraits::starting_with(["public"]);
                    }
                    continue;
                }
            };
            let is_frozen = judge.freezes(&text, &mut traits);
            if is_frozen && frozen == Frozen::Skip {
                outcomes.push(Outcome { line, text, verdict: Fared::Aside(None) });
                continue;
            }
            let lines = script.copy_lines();
            let given = lines.as_ref().map(|(lines, _)| lines.as_slice());
            let Ok((left, asked)) = pair.direct.run(self.protocol, &text, given).await else {
                // such as a session that a test ends itself
                pair = Pair::open(self.name, direct, proxied, "postgres").await?;
                continue;
            };
            if let (true, Some((_, end))) = (asked, &lines) {
                script.skip_to(*end);
            }
            let other = if is_frozen { padded(&other) } else { other };
            let difference = match pair.proxied.run(self.protocol, &other, given).await {
                Ok((right, _)) => {
                    keep(&mut script, set.as_deref(), [&left, &right]);
                    // a number that a database gives out is compared where it is used
                    compare(&left, &right)
                        .filter(|difference| set.is_none() || difference.class != Class::Rows)
                }
                Err(error) => {
                    pair = Pair::open(self.name, direct, proxied, "postgres").await?;
                    Some(Difference {
                        class: Class::Broken,
                        sides: ["answers".to_owned(), error.to_string()],
                    })
                }
            };
            let verdict = match difference {
                difference if is_frozen => Fared::Aside(difference),
                None => Fared::Alike { error: error(&left).is_some() },
                Some(difference) => Fared::Differs(difference),
            };
            outcomes.push(Outcome { line, text, verdict });
        }
        Ok(outcomes)
    }
}

/// Two sessions of the same user.
struct Pair {
    direct: Wire,
    proxied: Wire,
}

impl Pair {
    async fn open(name: &str, direct: &Side, proxied: &Side, user: &str) -> io::Result<Self> {
        Ok(Self { direct: direct.open(name, user).await?, proxied: proxied.open(name, user).await? })
    }
}

/// The user to whom `\c` goes.
fn connects(name: &str, words: &[String]) -> Option<String> {
    if !matches!(name, "c" | "connect") {
        return None;
    }
    let user = words.get(1).filter(|user| *user != "-");
    Some(user.cloned().unwrap_or_else(|| "postgres".to_owned()))
}

/// What `\gset` does, for each side.
fn keep(script: &mut Script, prefix: Option<&str>, answers: [&[Message]; 2]) {
    let Some(prefix) = prefix else { return };
    for (variables, answer) in script.variables.iter_mut().zip(answers) {
        for (name, value) in one_row(answer).unwrap_or_default() {
            variables.extend(value.map(|value| (format!("{prefix}{name}"), value)));
        }
    }
}

/// A text that is too long for the proxy to look into.
fn padded(text: &str) -> String {
    format!("{text}{}", " ".repeat(TEXT_BYTES_MAX))
}

/// DDL in words that the proxy does not look into.
pub(crate) fn hidden(text: &str) -> String {
    let text = text.trim_end().trim_end_matches(';');
    format!("DO $hidden$BEGIN EXECUTE $ddl${text}$ddl$; END$hidden$")
}
