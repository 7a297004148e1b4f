//! How results, progress and errors reach people and programs: text or one JSON document on stdout, everything else on stderr.

mod failure;
mod progress;
mod table;

pub(crate) use progress::{Progress, brief, thousands};
pub(crate) use table::Table;

use std::io::{self, IsTerminal, Write};

use catalog::{Error, ErrorKind, Result};
use serde::Serialize;

use crate::arguments::Color;

/// The form of all output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Sets the process-wide choice of colours, too.
    pub(crate) fn new(json: bool, color: Color) -> Self {
        let choice = match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        Self { json }
    }

    /// Prints an outcome: as JSON, or as the text that `text` makes of it.
    pub(crate) fn show<T: Serialize>(self, outcome: &T, text: impl FnOnce(&T) -> String) -> Result<()> {
        if self.json {
            let document = serde_json::to_string_pretty(outcome)
                .map_err(|error| Error::bug(format!("an outcome is not JSON: {error}")))?;
            print(&document)
        } else {
            print(&text(outcome))
        }
    }

    /// Whether all output is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Where the events of an operation go.
    pub(crate) fn progress(self) -> Progress {
        if self.json {
            Progress::json()
        } else if io::stderr().is_terminal() {
            Progress::bars()
        } else {
            Progress::lines()
        }
    }
}

/// As `--color` and the terminal have it.
pub(crate) fn has_colors_on_stderr() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Prints text as it is, and ends its last line.
pub(crate) fn print(text: &str) -> Result<()> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut stdout = anstream::stdout().lock();
    match write!(stdout, "{text}{end}").and_then(|()| stdout.flush()) {
        // whoever read us has read enough: `edition log | head`
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(ErrorKind::Environment, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
