//! `edition create`.

use std::path::PathBuf;

use catalog::{
    Result,
    model::EditionName,
    operation::{self, CreateOptions},
};
use clap::Args;

use super::Context;

/// Draft a new edition: a private copy of the newest one's schema, to be changed with plain DDL
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  edition create v2 --from migrations/0042_split_name.sql --comment 'split users.name'

Without --from, connect to the draft through the proxy (see: edition url v2) and run your migration tool there."
)]
pub(crate) struct Create {
    /// The new edition's name
    name: EditionName,

    /// An SQL file to run in the draft, in one transaction; - for standard input; may be repeated
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,

    /// Begin with the rows that earlier drafts inserted; else all tables are empty
    #[arg(long)]
    with_rows: bool,

    /// Free text, shown by list
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

impl Create {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let programs = context.programs(&target).await?;
        let Self { name, from, with_rows, comment } = self;
        let options = CreateOptions { name, from, with_rows, comment, programs };
        let progress = context.output.progress();
        let outcome = operation::create(&target, &options, &progress).await;
        progress.finish();
        context.output.show(&outcome?, |created| {
            let name = &created.edition.name;
            if created.changed {
                format!(
                    "drafted {name} in database {}\nnext: edition plan {name}",
                    created.edition.blueprint.as_str()
                )
            } else {
                format!("{name} is a draft already; nothing to do")
            }
        })
    }
}
