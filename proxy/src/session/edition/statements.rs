//! The statements that PostgreSQL does not know, as statements that it does.

use catalog::{
    model::EditionId,
    sql,
    sql::{Literal, Sql, join},
};

use crate::{
    catalogue::Reading,
    wire::message::{self, Report},
};

/// `SHOW EDITION`: one row, one column.
pub(super) fn show_edition(reading: &Reading, edition: EditionId) -> String {
    let name = name_of(reading, edition);
    sql!("SELECT {}::pg_catalog.text AS edition", Literal(&name)).to_string()
}

/// `SHOW EDITIONS`: one row an edition, root first.
pub(super) fn show_editions(reading: &Reading, own: EditionId) -> String {
    let rows = reading.snapshot.editions.iter().map(|edition| {
        sql!(
            "({}::pg_catalog.text, {}::pg_catalog.text, {}, {})",
            Literal(edition.name.as_str()),
            Literal(edition.state.as_str()),
            boolean(edition.is_default),
            boolean(edition.id == own)
        )
    });
    let rows = join(rows, ", ");
    sql!("SELECT * FROM (VALUES {}) AS editions (name, state, \"default\", yours)", rows).to_string()
}

fn boolean(value: bool) -> Sql {
    if value { sql!("true") } else { sql!("false") }
}

fn name_of(reading: &Reading, edition: EditionId) -> String {
    let known = reading.snapshot.edition_by_id(edition);
    known.map_or_else(|| edition.to_string(), |edition| edition.name.to_string())
}

/// What tells our own notices from everybody else's.
#[derive(Debug)]
pub(super) struct Mark(String);

impl Mark {
    /// One that nobody can guess.
    pub(super) fn random() -> Self {
        Self(format!("editiond {:032x}", rand::random::<u128>()))
    }

    /// The edition in a notice of ours.
    pub(super) fn read(&self, notice: &[u8]) -> Option<EditionId> {
        let text = std::str::from_utf8(message::report_field(notice, b'M')?).ok()?;
        let id = text.strip_prefix(self.0.as_str())?.trim().parse().ok()?;
        Some(EditionId::new(id))
    }
}

/// `SET edition`: changes path and marker, and drops what was prepared, so that nothing runs silently in the
/// other edition. The first COMMIT is there to fail inside a transaction block, the second so that nothing
/// behind it in the pipeline can take the change back. INFO is always sent, whatever `client_min_messages`; it
/// tells us that this has really run.
pub(super) fn switch(mark: &Mark, edition: EditionId, path: &str) -> String {
    let body = sql!(
        "BEGIN COMMIT; {} COMMIT; EXECUTE 'DEALLOCATE ALL'; EXECUTE 'DISCARD PLANS'; RAISE INFO '%', {}; END",
        perform_settings(edition, path),
        Literal(&format!("{} {edition}", mark.0))
    );
    sql!("DO LANGUAGE plpgsql {}", Literal(body.as_str())).to_string()
}

fn perform_settings(edition: EditionId, path: &str) -> Sql {
    sql!(
        "PERFORM pg_catalog.set_config('search_path', {}, false), pg_catalog.set_config('edition.id', {}, false);",
        Literal(path),
        Literal(&edition.to_string())
    )
}

/// Sets path and marker again after a reset.
pub(super) fn restore(edition: EditionId, path: &str) -> String {
    sql!(
        "SELECT pg_catalog.set_config('search_path', {}, false), pg_catalog.set_config('edition.id', {}, false)",
        Literal(path),
        Literal(&edition.to_string())
    )
    .to_string()
}

/// Whether an error is that of the COMMIT in [`switch`].
pub(super) fn failed_in_transaction(error: &[u8]) -> bool {
    message::report_field(error, b'C') == Some(b"2D000")
}

/// What the client sees of it.
pub(super) fn in_transaction() -> Report {
    Report::error("25001", "the edition cannot be changed inside a transaction block")
        .with_hint("End the transaction first: COMMIT or ROLLBACK")
}

/// For a statement that stands behind a change of the edition in the same pipeline.
pub(super) fn behind_a_switch() -> Report {
    Report::error("0A000", "a statement cannot follow a change of the edition in the same pipeline")
        .with_hint("Send a Sync after the change and wait for its answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_one_block_that_names_its_edition_to_us_alone() {
        let mark = Mark("editiond 0".to_owned());
        assert_eq!(
            switch(&mark, EditionId::new(2), "\"it's\""),
            "DO LANGUAGE plpgsql 'BEGIN COMMIT; PERFORM pg_catalog.set_config(''search_path'', ''\"it''''s\"'', false), \
             pg_catalog.set_config(''edition.id'', ''2'', false); COMMIT; EXECUTE ''DEALLOCATE ALL''; EXECUTE ''DISCARD PLANS''; \
             RAISE INFO ''%'', ''editiond 0 2''; END'"
        );
        assert_eq!(mark.read(&Report::error("00000", "editiond 0 2").encode()), Some(EditionId::new(2)));
        assert_eq!(mark.read(&Report::error("00000", "editiond 1 2").encode()), None);
    }
}
