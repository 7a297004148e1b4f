//! Two answers to the same text, and how they differ.

use std::fmt;

use edition_tests::wire::Message;

/// The first object that a database makes itself; numbers from there on may differ from one database to another.
const FIRST_OWN_OID: u32 = 16384;
/// Fields of an error that say where in PostgreSQL's sources it was raised.
const PLACES_IN_SOURCES: [u8; 3] = [b'F', b'L', b'R'];

/// In which way two answers differ; of several the first of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// The proxied session ended or never answered.
    Broken,
    /// An error where there was none.
    Fails,
    /// No error where there was one.
    Succeeds,
    /// Two errors of different code.
    OtherError,
    /// Two errors of the same code that differ in another field.
    ErrorFields,
    /// Names or types of columns.
    Columns,
    /// Other rows.
    Rows,
    /// Other lines of a plan.
    Plan,
    /// The same rows in another order.
    Order,
    /// The table and column number that a column of a result comes from.
    Origin,
    /// The command tag.
    Tag,
    /// Notices and warnings.
    Notices,
    /// The transaction status, a reported parameter, or other messages.
    Messages,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "session broken",
            Self::Fails => "fails",
            Self::Succeeds => "succeeds",
            Self::OtherError => "other error",
            Self::ErrorFields => "fields of the error",
            Self::Columns => "columns",
            Self::Rows => "rows",
            Self::Plan => "plans",
            Self::Order => "order of rows",
            Self::Origin => "origin of columns",
            Self::Tag => "command tag",
            Self::Notices => "notices",
            Self::Messages => "messages",
        })
    }
}

/// What differs.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) class: Class,
    /// Direct, then proxied.
    pub(crate) sides: [String; 2],
}

/// Fields of an error or notice by their letters.
pub(crate) type Fields = Vec<(u8, String)>;

/// The error of an answer.
pub(crate) fn error(answer: &[Message]) -> Option<Fields> {
    answer.iter().find(|message| message.tag == b'E').map(|message| fields(&message.body))
}

/// One field of an error.
pub(crate) fn field(fields: &Fields, letter: u8) -> &str {
    fields.iter().find(|(found, _)| *found == letter).map_or("", |(_, value)| value.as_str())
}

/// The one row of an answer, with the names of its columns, as `\gset` wants it.
pub(crate) fn one_row(answer: &[Message]) -> Option<Vec<(String, Option<String>)>> {
    let names =
        columns(answer.iter().find(|message| message.tag == b'T')?).into_iter().map(|column| column.name);
    let row = values(answer.iter().find(|message| message.tag == b'D')?);
    Some(names.zip(row).collect())
}

/// How `proxied` differs from `direct`.
pub(crate) fn compare(direct: &[Message], proxied: &[Message]) -> Option<Difference> {
    if direct == proxied {
        return None;
    }
    let sides = |class, left: String, right: String| Some(Difference { class, sides: [left, right] });
    match (error(direct), error(proxied)) {
        (None, Some(right)) => return sides(Class::Fails, "no error".to_owned(), told(&right)),
        (Some(left), None) => return sides(Class::Succeeds, told(&left), "no error".to_owned()),
        (Some(left), Some(right)) if field(&left, b'C') != field(&right, b'C') => {
            return sides(Class::OtherError, told(&left), told(&right));
        }
        (Some(left), Some(right)) if left != right => {
            return sides(Class::ErrorFields, told(&left), told(&right));
        }
        _ => {}
    }
    let described = |answer: &[Message]| -> Vec<Vec<Column>> {
        answer.iter().filter(|message| message.tag == b'T').map(columns).collect()
    };
    let (left, right) = (described(direct), described(proxied));
    let shapes = |all: &[Vec<Column>]| -> Vec<Vec<Column>> {
        all.iter().map(|one| one.iter().map(Column::without_origin).collect()).collect()
    };
    if shapes(&left) != shapes(&right) {
        return sides(Class::Columns, format!("{left:?}"), format!("{right:?}"));
    }
    let rows = |answer: &[Message]| -> Vec<String> {
        answer.iter().filter(|message| matches!(message.tag, b'D' | b'd')).map(row).collect()
    };
    let (mut left_rows, mut right_rows) = (rows(direct), rows(proxied));
    if left_rows != right_rows {
        let at = left_rows.iter().zip(&right_rows).position(|(left, right)| left != right);
        let at = at.unwrap_or(left_rows.len().min(right_rows.len()));
        let shown = |rows: &[String]| {
            let row = rows.get(at).map_or("none", String::as_str);
            format!("row {} of {}: {row}", at + 1, rows.len())
        };
        let shown = [shown(&left_rows), shown(&right_rows)];
        left_rows.sort();
        right_rows.sort();
        let is_plan =
            left.first().is_some_and(|columns| columns.iter().any(|column| column.name == "QUERY PLAN"));
        let class = match left_rows == right_rows {
            _ if is_plan => Class::Plan,
            true => Class::Order,
            false => Class::Rows,
        };
        return Some(Difference { class, sides: shown });
    }
    if left != right {
        return sides(Class::Origin, format!("{left:?}"), format!("{right:?}"));
    }
    let of_tags = |answer: &[Message], tags: &[u8]| -> Vec<String> {
        answer.iter().filter(|message| tags.contains(&message.tag)).map(plain).collect()
    };
    for (class, tags) in [
        (Class::Tag, b"CI".as_slice()),
        (Class::Notices, b"N"),
        // of notifications only that they came: they hold process numbers
        (Class::Messages, b"ZSGHW12nst"),
    ] {
        let (left, right) = (of_tags(direct, tags), of_tags(proxied, tags));
        if left != right {
            return sides(class, left.join("; "), right.join("; "));
        }
    }
    None
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    /// Whether it comes from a table, and the column's number there.
    origin: Option<(bool, u16)>,
    kind: u32,
    modifier: u32,
}

impl Column {
    fn without_origin(&self) -> Self {
        Self { origin: None, ..self.clone() }
    }
}

/// Reads a message from its front; what is missing reads as nothing.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number<const N: usize>(&mut self) -> u32 {
        let (bytes, rest) = self.0.split_at_checked(N).unwrap_or_default();
        self.0 = rest;
        bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    fn bytes(&mut self, length: u32) -> &[u8] {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).unwrap_or(0)).unwrap_or_default();
        self.0 = rest;
        bytes
    }
}

fn columns(description: &Message) -> Vec<Column> {
    let mut reader = Reader(&description.body);
    (0..reader.number::<2>())
        .map(|_| {
            let name = reader.text();
            let table = reader.number::<4>();
            let number = u16::try_from(reader.number::<2>()).unwrap_or(0);
            let kind = reader.number::<4>().min(FIRST_OWN_OID);
            let _length = reader.number::<2>();
            let modifier = reader.number::<4>();
            let _format = reader.number::<2>();
            Column { name, origin: Some((table != 0, number)), kind, modifier }
        })
        .collect()
}

fn values(row: &Message) -> Vec<Option<String>> {
    let mut reader = Reader(&row.body);
    (0..reader.number::<2>())
        .map(|_| match reader.number::<4>() {
            u32::MAX => None,
            length => Some(String::from_utf8_lossy(reader.bytes(length)).into_owned()),
        })
        .collect()
}

fn row(message: &Message) -> String {
    if message.tag == b'd' {
        return String::from_utf8_lossy(&message.body).into_owned();
    }
    let values: Vec<String> =
        values(message).into_iter().map(|value| value.unwrap_or_else(|| "∅".to_owned())).collect();
    values.join("|")
}

fn fields(body: &[u8]) -> Fields {
    let mut reader = Reader(body);
    let mut fields = Vec::new();
    loop {
        let letter = u8::try_from(reader.number::<1>()).unwrap_or(0);
        if letter == 0 {
            return fields;
        }
        let value = reader.text();
        if !PLACES_IN_SOURCES.contains(&letter) {
            fields.push((letter, without_numbers(&value)));
        }
    }
}

/// A session's temporary schema bears a number that hangs on which sessions there are.
fn without_numbers(text: &str) -> String {
    let mut parts = text.split("pg_temp_");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "pg_temp_" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn told(fields: &Fields) -> String {
    let fields: Vec<String> = fields
        .iter()
        .filter(|(letter, _)| !b"SV".contains(letter))
        .map(|(letter, value)| format!("{}={value}", char::from(*letter)))
        .collect();
    fields.join(" ")
}

fn plain(message: &Message) -> String {
    match message.tag {
        b'N' => told(&fields(&message.body)),
        tag => format!("{} {}", char::from(tag), String::from_utf8_lossy(&message.body).replace('\0', " ")),
    }
}
