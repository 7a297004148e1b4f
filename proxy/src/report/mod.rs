//! Errors and notices of the server in the words of a session's edition. The server speaks of what it has: physical tables, columns
//! and constraints, a view where the edition has a table. The client is to read what a plain PostgreSQL with the edition's schema would
//! have said. Pure: bytes in, bytes out.
//!
//! What a report names in fields of its own (schema, table, column, constraint) is looked up. Texts are changed only at identifiers that
//! PostgreSQL quotes, and only where the SQLSTATE says that they are names and in whose words: what a statement's author got wrong is told in
//! the words of the statement, which are the edition's already; what execution ran into is told in physical ones. Values of rows
//! are never taken for names. What the application's own code raised is left alone.

mod context;
mod detail;
mod fields;
mod identifier;
mod vocabulary;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use vocabulary::Vocabulary;

use crate::{rewrite::Edits, wire::message::server};
use fields::Fields;
use vocabulary::Table;

/// The report of the server in `frame` (whole) as the client is to see it; `None`: as it is. `edits`: what was replaced in the text that it
/// is about.
pub(crate) fn translate(
    frame: &[u8],
    vocabulary: Option<&Vocabulary>,
    edits: Option<&Edits>,
) -> Option<Vec<u8>> {
    let tag = *frame.first().filter(|tag| matches!(**tag, server::ERROR | server::NOTICE))?;
    let mut fields = Fields::parse(frame)?;
    if let Some(edits) = edits {
        point_into_given_text(&mut fields, edits);
    }
    context::leave_out_our_procedure(&mut fields);
    if let Some(vocabulary) = vocabulary
        && !is_the_applications(&fields)
    {
        reword(&mut fields, vocabulary, edits);
    }
    fields.changed().then(|| fields.encode(tag))
}

fn point_into_given_text(fields: &mut Fields<'_>, edits: &Edits) {
    let position = fields.get(b'P').and_then(|text| text.parse().ok());
    if let Some(position) = position {
        fields.set(b'P', edits.position(position).to_string());
    }
}

/// Whether a routine of the application said so by `RAISE`, in words of its own.
fn is_the_applications(fields: &Fields<'_>) -> bool {
    fields.get(b'R') == Some("exec_stmt_raise")
        || fields.get(b'C').is_some_and(|sqlstate| sqlstate.starts_with("P0"))
}

fn reword(fields: &mut Fields<'_>, vocabulary: &Vocabulary, edits: Option<&Edits>) {
    let table = fields.get(b's').zip(fields.get(b't'));
    let table = table.and_then(|(schema, name)| vocabulary.physical(schema, name));
    if let Some(column) = table.and_then(|table| column_of_our_check(fields, table)) {
        become_not_null_violation(fields, &column);
    }
    words::reword(fields, vocabulary, table, edits);
    detail::reword(fields, vocabulary, table);
    context::reword(fields, vocabulary, table);
    name_what_the_edition_has(fields, vocabulary, table);
}

/// The fields that hold nothing but a name.
fn name_what_the_edition_has(fields: &mut Fields<'_>, vocabulary: &Vocabulary, table: Option<&Table>) {
    match table {
        Some(table) => {
            fields.replace(b's', |_| Some(table.schema.as_str().to_owned()));
            fields.replace(b't', |_| Some(table.name.as_str().to_owned()));
            fields.replace(b'c', |name| table.column(name).map(str::to_owned));
            fields.replace(b'n', |name| table.constraint(name).map(str::to_owned));
        }
        None => fields.replace(b's', |name| vocabulary.schema(name).map(str::to_owned)),
    }
}

/// While a publication introduces NOT NULL, a check of ours stands for it.
fn column_of_our_check(fields: &Fields<'_>, table: &Table) -> Option<String> {
    (fields.get(b'C') == Some("23514")).then_some(())?;
    table.column_of_not_null_check(fields.get(b'n')?).map(str::to_owned)
}

fn become_not_null_violation(fields: &mut Fields<'_>, column: &str) {
    let table = fields.get(b't').unwrap_or_default().to_owned();
    fields.set(b'C', "23502".to_owned());
    fields.set(
        b'M',
        format!("null value in column \"{column}\" of relation \"{table}\" violates not-null constraint"),
    );
    fields.rename(b'n', b'c');
    fields.set(b'c', column.to_owned());
}
