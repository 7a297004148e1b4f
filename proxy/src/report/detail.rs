//! The DETAIL of broken constraints: `Key (a, b)=(1, 2) already exists.` and `Failing row contains (1, 2, null).`

use std::ops::Range;

use catalog::{
    model::Name,
    sql::lexer::{Lexer, Token, TokenKind},
};

use super::{
    Table,
    fields::Fields,
    identifier::quoted_if_needed,
    vocabulary::Vocabulary,
    words::{Speech, Words},
};

/// Rewords the detail.
pub(super) fn reword(fields: &mut Fields<'_>, vocabulary: &Vocabulary, table: Option<&Table>) {
    let Some(detail) = fields.get(b'D').map(str::to_owned) else { return };
    let sqlstate = fields.get(b'C').unwrap_or_default().to_owned();
    let words = |speech| Words { generated: sqlstate == "428C9", ..Words::new(vocabulary, table, speech) };
    let new = match sqlstate.as_str() {
        "23505" => table.map_or(Some(detail.clone()), |table| key(&detail, table, Again::No)),
        "23P01" => table.map_or(Some(detail.clone()), |table| key(&detail, table, Again::Once)),
        "23503" => foreign_key(&detail, fields, vocabulary),
        "23502" | "23514" => table.map_or(Some(detail.clone()), |table| {
            failing_row(&detail, table).or_else(|| partition_key(&detail, table))
        }),
        "2BP01" => {
            Some(dependents(&words(Speech::Statement).without_our_schemas(detail.clone()), vocabulary))
        }
        "428C9" => Some(words(Speech::Physical).quoted(&detail)),
        other if Speech::of(other) == Speech::Statement => {
            Some(words(Speech::Statement).without_our_schemas(detail.clone()))
        }
        _ => return,
    };
    match new {
        Some(new) => fields.set(b'D', new),
        None => fields.remove(b'D'),
    }
}

/// `privileges for view users`, a line for each object that needs another: what is a view of ours is a table of the edition, and the
/// stored table behind it is not told twice.
fn dependents(detail: &str, vocabulary: &Vocabulary) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in detail.lines() {
        let told = |kind: &str, name: &str| format!("{kind} table {name}");
        let line = match (line.split_once(" view "), line.split_once(" table ")) {
            (Some((kind, name)), _) if vocabulary.has(name) => told(kind, name),
            // with its schema, since the view hides it
            (None, Some((kind, name))) => match name.split_once('.') {
                Some((schema, bare)) => match vocabulary.physical(schema, bare) {
                    Some(table) => told(kind, &quoted_if_needed(table.name.as_str())),
                    None => line.to_owned(),
                },
                None => line.to_owned(),
            },
            _ => line.to_owned(),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Whether a detail tells its key columns again, behind their first values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    No,
    /// `Key (c)=(…) conflicts with existing key (c)=(…).`
    Once,
}

/// A detail that begins with key columns and their values. `None`: it cannot be told in the edition's words.
fn key(detail: &str, table: &Table, again: Again) -> Option<String> {
    let Some(list) = key_columns(detail) else { return unless_renamed(detail, table) };
    let old = detail.get(list.clone())?;
    let new = in_the_editions_words(old, table)?;
    if new == old {
        return Some(detail.to_owned());
    }
    let (before, mut after) = (detail.get(..list.start)?, detail.get(list.end..)?.to_owned());
    if again == Again::Once {
        let told = format!("{old}=(");
        // a value that looks like it could be taken for it
        (after.matches(&told).count() == 1).then_some(())?;
        after = after.replace(&told, &format!("{new}=("));
    }
    Some(format!("{before}{new}{after}"))
}

/// As it is where no column has another name.
fn unless_renamed(detail: &str, table: &Table) -> Option<String> {
    table.is_as_stored().then(|| detail.to_owned())
}

/// The columns are those of the table that the message names first; the table that the detail names, behind the values, is the other one.
fn foreign_key(detail: &str, fields: &Fields<'_>, vocabulary: &Vocabulary) -> Option<String> {
    let message = fields.get(b'M').unwrap_or_default();
    let first = message.split('"').nth(1).unwrap_or_default();
    // the message is in the edition's words by now
    let keys = vocabulary.named(first);
    let detail = keys.map_or(Some(detail.to_owned()), |table| match key_columns(detail) {
        Some(_) => key(detail, table, Again::No),
        // `Key is not present in table "users".`
        None => Some(detail.to_owned()),
    })?;
    let values_end = detail.rfind(')').map_or(0, |at| at + 1);
    let (values, phrase) = detail.split_at_checked(values_end)?;
    let words = Words::new(vocabulary, None, Speech::Physical);
    Some(format!("{values}{}", words.quoted(phrase)))
}

/// Where the list of key columns stands, its parentheses included.
fn key_columns(detail: &str) -> Option<Range<usize>> {
    let start = detail.find('(')?;
    let bytes = detail.as_bytes();
    let mut depth = 0_usize;
    for token in Lexer::starting_at(bytes, start) {
        if token.kind == TokenKind::Broken {
            return None;
        }
        if token.is_symbol(bytes, b'(') {
            depth += 1;
        } else if token.is_symbol(bytes, b')') {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return detail.get(token.end..)?.starts_with("=(").then_some(start..token.end);
            }
        }
    }
    None
}

/// Columns and expressions of an index with the edition's names; `None` if a column of another edition is among them.
fn in_the_editions_words(list: &str, table: &Table) -> Option<String> {
    let bytes = list.as_bytes();
    let tokens: Vec<Token> = Lexer::new(list.as_bytes()).collect();
    let symbol = |at: Option<usize>, symbol: u8| {
        at.and_then(|at| tokens.get(at)).is_some_and(|token: &Token| token.is_symbol(bytes, symbol))
    };
    let mut result = String::with_capacity(list.len());
    let mut copied = 0;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1);
        let qualified = symbol(before, b'.') || symbol(Some(at + 1), b'.');
        if qualified || symbol(before, b':') || symbol(Some(at + 1), b'(') {
            continue;
        }
        let Some(name) = token.name(list).filter(|name| table.has_stored(name)) else { continue };
        let new = table.column(&name)?;
        if new != name {
            result.push_str(list.get(copied..token.start)?);
            result.push_str(&quoted_if_needed(new));
            copied = token.end;
        }
    }
    result.push_str(list.get(copied..)?);
    Some(result)
}

/// A detail that lists values of a stored row: of these the edition's. `None`: they cannot be told apart for sure.
fn failing_row(detail: &str, table: &Table) -> Option<String> {
    if table.is_as_stored() {
        return Some(detail.to_owned());
    }
    let (start, end) = (detail.find('(')? + 1, detail.rfind(')')?);
    let inside = detail.get(start..end)?;
    let names: Vec<&str> = table.stored.iter().map(Name::as_str).collect();
    let all = Some((names, values(inside)));
    let all = all.filter(|(names, values)| !names.is_empty() && names.len() == values.len());
    let (new, lists_names) = match (all, listed(inside, table)) {
        // told apart by nothing
        (Some(_), Some(_)) | (None, None) => return None,
        (Some(row), None) => (row, false),
        (None, Some(row)) => (row, true),
    };
    let (names, values) = new;
    let kept = names.iter().zip(values).filter_map(|(name, value)| Some((table.column(name)?, value)));
    let (names, values): (Vec<&str>, Vec<&str>) = kept.unzip();
    let row = if lists_names {
        format!("{}) = ({}", names.join(SEPARATOR), values.join(SEPARATOR))
    } else {
        values.join(SEPARATOR)
    };
    Some(format!("{}{row}{}", detail.get(..start)?, detail.get(end..)?))
}

/// `… (a, lower(b)) = (1, x).`, where no partition takes a row. `None`: a column of another edition is part of the key.
fn partition_key(detail: &str, table: &Table) -> Option<String> {
    let start = detail.find('(')?;
    let list = detail.get(start..)?.split_once(") = (")?.0;
    let new = in_the_editions_words(list, table)?;
    Some(format!("{}{new}{}", detail.get(..start)?, detail.get(start + list.len()..)?))
}

/// What stands between names and between values, which may hold it as well.
const SEPARATOR: &str = ", ";

fn values(inside: &str) -> Vec<&str> {
    inside.split(SEPARATOR).collect()
}

/// `(a, b) = (1, 2)`, without the outer parentheses, as those see it who may not read all columns.
fn listed<'d>(inside: &'d str, table: &Table) -> Option<(Vec<&'d str>, Vec<&'d str>)> {
    let (names, row) = inside.split_once(") = (")?;
    let (names, values) = (values(names), values(row));
    let known = names.iter().all(|name| table.has_stored(name));
    (known && names.len() == values.len()).then_some((names, values))
}
