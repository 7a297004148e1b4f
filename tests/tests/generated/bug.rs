//! A script that was accepted and then went wrong.

use std::{fmt, fs, path::Path};

use crate::act::Script;

/// Everything that one needs to see it again.
#[derive(Clone, Debug)]
pub(crate) struct Bug {
    /// Makes the databases as they were before.
    pub(crate) base: String,
    /// The act.
    pub(crate) script: Script,
    /// What went wrong; begins with the name of the verb and a colon.
    pub(crate) what: String,
}

impl Bug {
    /// Which verb, and the first line without names and numbers: bugs with the same sign are likely the same.
    pub(crate) fn sign(&self) -> String {
        sign(&self.what)
    }

    /// Writes it to a file of its own, unless one with the same sign is there.
    pub(crate) fn write(&self, folder: &str) {
        let last = self.script.drafts.iter().flatten().last().map_or("none", |(kind, _)| kind);
        let title: String = format!("{}-{last}", self.what.split(':').next().unwrap_or_default())
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let path = Path::new(folder).join(format!("gen-{title}.md"));
        if !path.exists() {
            fs::write(path, self.to_string()).unwrap();
        }
    }
}

/// See [`Bug::sign`].
pub(crate) fn sign(what: &str) -> String {
    let line = what.lines().next().unwrap_or_default();
    let mut quoted = false;
    line.chars()
        .filter(|c| {
            quoted ^= *c == '"';
            !quoted && !c.is_ascii_digit()
        })
        .collect()
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}\n\n## What happened\n\n```\n{}\n```\n\n## Base\n\n```sql", self.sign(), self.what)?;
        for line in self
            .base
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("--") && !line.starts_with("SET "))
        {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "```")?;
        for (index, draft) in self.script.drafts.iter().enumerate() {
            writeln!(f, "\n## Draft {}\n\n```sql", index + 1)?;
            for (kind, statement) in draft {
                writeln!(f, "{statement};  -- {kind}")?;
            }
            writeln!(f, "```")?;
        }
        writeln!(f, "\nPublished, rows written in both editions, then: {:?}.", self.script.end)
    }
}
