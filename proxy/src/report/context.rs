//! CONTEXT: where in the server something happened, innermost first.

use super::{
    Table,
    fields::Fields,
    vocabulary::Vocabulary,
    words::{Speech, Words},
};

/// How PostgreSQL names our trigger functions, which no plain database has.
const OUR_FUNCTIONS: &str = " edition.";

/// Rewords the context.
pub(super) fn reword(fields: &mut Fields<'_>, vocabulary: &Vocabulary, table: Option<&Table>) {
    let Some(context) = fields.get(b'W') else { return };
    let lines: Vec<&str> = context.split('\n').collect();
    // what ran inside a trigger of ours goes with it
    let ours = lines.iter().rposition(|line| line.starts_with("PL/pgSQL") && line.contains(OUR_FUNCTIONS));
    let theirs = lines.get(ours.map_or(0, |at| at + 1)..).unwrap_or_default();
    if theirs.is_empty() {
        return fields.remove(b'W');
    }
    let words: Vec<String> = theirs.iter().map(|line| reworded(line, vocabulary, table)).collect();
    fields.set(b'W', words.join("\n"));
}

/// The procedure that stands for SET CONSTRAINTS, and what it runs, which no plain database has.
const OUR_PROCEDURE: &str = " edition.set_constraints(";
const RUN_BY_IT: [&str; 2] = ["SET CONSTRAINTS ", " edition.constraints_statements("];

/// Those that stand for CREATE TABLE with LIKE and for what may be skipped. Nothing of the application's own runs by way of them.
const PROCEDURES_ALONE: [&str; 5] = [
    " edition.create_table_like(",
    " edition.create_if_missing(",
    " edition.drop_if_there(",
    " edition.alter_if_needed(",
    " edition.add_label_if_missing(",
];

/// Takes these procedures out of the context. What ran by way of the first, a trigger that was put off, stays.
pub(super) fn leave_out_our_procedure(fields: &mut Fields<'_>) {
    let Some(context) = fields.get(b'W') else { return };
    let lines: Vec<&str> = context.split('\n').collect();
    if lines.last().is_some_and(|last| PROCEDURES_ALONE.iter().any(|ours| last.contains(ours))) {
        // Positions, too, are those in the text that it ran.
        for field in [b'W', b'p', b'q'] {
            fields.remove(field);
        }
        return;
    }
    let Some((_, inner)) = lines.split_last().filter(|(last, _)| last.contains(OUR_PROCEDURE)) else {
        return;
    };
    let theirs = match inner.split_last() {
        Some((line, theirs)) if RUN_BY_IT.iter().any(|ours| line.contains(ours)) => theirs,
        _ => inner,
    };
    if theirs.is_empty() {
        return fields.remove(b'W');
    }
    fields.set(b'W', theirs.join("\n"));
}

fn reworded(line: &str, vocabulary: &Vocabulary, table: Option<&Table>) -> String {
    if let Some(copied) = line.strip_prefix("COPY ") {
        return copy(copied, vocabulary, table).unwrap_or_else(|| line.to_owned());
    }
    if KEY_QUERIES.iter().any(|query| line.starts_with(query))
        && let Some(table) = vocabulary.tables().find(|table| line.contains(&table.quoted()))
    {
        let words = Words::new(vocabulary, Some(table), Speech::Physical);
        return words.quoted(line);
    }
    let Some(at) = POSITIONS.iter().find_map(|phrase| line.rfind(phrase)) else { return line.to_owned() };
    // `while updating tuple (0,1) in relation "users"`
    let (before, relation) = line.split_at(at);
    let words = Words::new(vocabulary, table, Speech::Physical);
    format!("{before}{}", words.quoted(relation))
}

/// What PostgreSQL itself runs for foreign keys.
const KEY_QUERIES: &[&str] = &[
    "SQL statement \"SELECT 1 FROM ONLY \"",
    "SQL statement \"DELETE FROM ONLY \"",
    "SQL statement \"UPDATE ONLY \"",
];

/// What stands before the relation whose row or page something waits for.
const POSITIONS: &[&str] = &[" in relation \"", " of relation \""];

/// The table that a report's context says to be copied into.
pub(super) fn copied<'v>(fields: &Fields<'_>, vocabulary: &'v Vocabulary) -> Option<&'v Table> {
    let line = fields.get(b'W')?.split('\n').find_map(|line| line.strip_prefix("COPY "))?;
    vocabulary.physical_unqualified(line.split_once(", line ")?.0)
}

/// `COPY users, line 1, column name: "x"`, without the first word; names stand there without quotes.
fn copy(line: &str, vocabulary: &Vocabulary, table: Option<&Table>) -> Option<String> {
    let (name, place) = line.split_once(", line ")?;
    let known = table.filter(|table| table.physical_name.as_str() == name);
    let table = known.or_else(|| vocabulary.physical_unqualified(name))?;
    let place = column_renamed(place, table).unwrap_or_else(|| place.to_owned());
    Some(format!("COPY {}, line {place}", table.name.as_str()))
}

/// `1, column name: "x"` or `1, column name: null input`
fn column_renamed(place: &str, table: &Table) -> Option<String> {
    let (number, column) = place.split_once(", column ")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    let (name, value) = column.match_indices(": ").find_map(|(at, _)| {
        let (name, value) = column.split_at(at);
        Some((table.column(name)?, value))
    })?;
    Some(format!("{number}, column {name}{value}"))
}
