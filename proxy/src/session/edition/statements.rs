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

/// `SET edition`: changes path and marker, and drops what was prepared or is still open (cursors WITH HOLD), so that nothing runs
/// or is read silently in the other edition. What a temporary view reads is settled when it is made, so the change is refused
/// while there is one that reads more than temporary tables. The COMMIT is there to fail inside a transaction block. INFO is always sent, whatever
/// `client_min_messages`; it tells us that this has run, for good if no error follows in the batch: what fails, or is cancelled, takes the settings back.
pub(super) fn switch(mark: &Mark, edition: EditionId, path: &str) -> String {
    let body = sql!(
        "DECLARE bound name; BEGIN COMMIT; {} IF bound IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = {}, MESSAGE = bound; END IF; \
         {} EXECUTE 'DEALLOCATE ALL'; EXECUTE 'CLOSE ALL'; EXECUTE 'DISCARD PLANS'; RAISE INFO '%', {}; END",
        Sql::trusted(BOUND_VIEW),
        Literal(BOUND_VIEW_SQLSTATE),
        perform_settings(edition, path),
        Literal(&format!("{} {edition}", mark.0))
    );
    sql!("DO LANGUAGE plpgsql {}", Literal(body.as_str())).to_string()
}

/// The first temporary view that reads a relation, or calls a function, that is neither temporary nor PostgreSQL's own.
const BOUND_VIEW: &str = "\
SELECT v.relname INTO bound FROM pg_catalog.pg_class v \
JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.oid \
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid \
LEFT JOIN pg_catalog.pg_class c ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.refobjid \
LEFT JOIN pg_catalog.pg_proc p ON d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.refobjid \
WHERE v.relkind = 'v' AND v.relnamespace = pg_catalog.pg_my_temp_schema() \
AND coalesce(c.relnamespace, p.pronamespace) NOT IN (pg_catalog.pg_my_temp_schema(), 'pg_catalog'::pg_catalog.regnamespace, \
'information_schema'::pg_catalog.regnamespace) ORDER BY 1 LIMIT 1;";

/// How [`switch`] tells us of it; in no class of PostgreSQL's own.
const BOUND_VIEW_SQLSTATE: &str = "ED001";

/// What the client sees of the temporary view that kept [`switch`] from happening, if this error tells of one.
pub(super) fn kept_by_a_view(error: &[u8]) -> Option<Report> {
    let is_ours = message::report_field(error, b'C') == Some(BOUND_VIEW_SQLSTATE.as_bytes());
    let view = message::report_field(error, b'M').filter(|_| is_ours)?;
    let view = String::from_utf8_lossy(view);
    let message = format!("the edition cannot be changed while the session has temporary view \"{view}\"");
    let report = Report::error("55006", message)
        .with_detail("It would go on reading the tables of the present edition.")
        .with_hint(format!(
            "DROP VIEW pg_temp.\"{}\", and make it again afterwards.",
            view.replace('"', "\"\"")
        ));
    Some(report)
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

/// For a change of the edition that stands behind other statements.
pub(super) fn amid_a_pipeline() -> Report {
    Report::error("25001", "the edition cannot be changed within a pipeline")
        .with_hint("Send a Sync before the change and wait for its answer")
}

/// For a statement that stands behind one that resets settings in the same pipeline: it would run in the edition that the session began in.
pub(super) fn behind_a_reset() -> Report {
    Report::error(
        "0A000",
        "in a session that changed its edition a statement cannot follow a reset of settings in the same pipeline",
    )
    .with_hint("Send a Sync after the reset and wait for its answer")
}

/// For one more prepared statement that resets settings than are followed.
pub(super) fn too_many_resets() -> Report {
    Report::error(
        "54000",
        "too many prepared statements that reset settings in a session that changed its edition",
    )
    .with_hint("Close those that are not needed, or prepare them under one name")
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
        let switch = switch(&mark, EditionId::new(2), "\"it's\"");
        let (start, end) = (
            "DO LANGUAGE plpgsql 'DECLARE bound name; BEGIN COMMIT; SELECT v.relname INTO bound",
            "PERFORM pg_catalog.set_config(''search_path'', ''\"it''''s\"'', false), \
             pg_catalog.set_config(''edition.id'', ''2'', false); EXECUTE ''DEALLOCATE ALL''; EXECUTE ''CLOSE ALL''; \
             EXECUTE ''DISCARD PLANS''; RAISE INFO ''%'', ''editiond 0 2''; END'",
        );
        assert!(switch.starts_with(start) && switch.ends_with(end), "{switch}");
        assert_eq!(mark.read(&Report::error("00000", "editiond 0 2").encode()), Some(EditionId::new(2)));
        assert_eq!(mark.read(&Report::error("00000", "editiond 1 2").encode()), None);
    }
}
