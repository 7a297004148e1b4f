//! `edition list`.

use catalog::{
    Result,
    model::{Edition, EditionState},
    operation,
};
use clap::Args;

use super::Context;
use crate::output::Table;

/// List the editions, oldest first
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edition list --json | jq -r '.[].name'")]
pub(crate) struct List {}

impl List {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let editions = operation::list(&context.target()?).await?;
        context.output.show(&editions, |editions| table(editions).text())
    }
}

/// The editions, one a row.
pub(super) fn table(editions: &[Edition]) -> Table {
    let mut table = Table::new(["EDITION", "STATE", "DEFAULT", "CREATED", "PUBLISHED", "COMMENT"]);
    for edition in editions {
        table.row([
            edition.name.to_string(),
            state_word(edition.state).to_owned(),
            if edition.is_default { "yes" } else { "" }.to_owned(),
            minute(&edition.created_at),
            edition.published_at.as_deref().map(minute).unwrap_or_default(),
            edition.comment.clone().unwrap_or_default(),
        ]);
    }
    table
}

/// For people.
fn state_word(state: EditionState) -> &'static str {
    match state {
        EditionState::RollingBack => "rolling back",
        other => other.as_str(),
    }
}

/// An RFC 3339 time cut to what a table needs: `2026-11-21 08:06`.
pub(super) fn minute(time: &str) -> String {
    time.get(..16).map_or_else(|| time.to_owned(), |short| short.replace('T', " "))
}
