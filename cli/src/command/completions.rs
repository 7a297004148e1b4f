//! `edition completions`.

use catalog::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{arguments::Arguments, output};

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  edition completions bash > ~/.local/share/bash-completion/completions/edition"
)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "edition", &mut script);
        output::print(&String::from_utf8_lossy(&script))
    }
}
