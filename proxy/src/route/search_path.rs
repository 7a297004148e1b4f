//! `search_path` as PostgreSQL reads it, and with an edition's schemas put in.

use catalog::{model::Name, snapshot::SnapshotEdition};

/// `NAMEDATALEN - 1` of a stock build.
const NAME_BYTES_MAX: usize = 63;
const USER: &str = "$user";

/// The elements of a `search_path` value, folded and cut as `SplitIdentifierString` does; None if it is not one.
pub(crate) fn split(value: &str) -> Option<Vec<String>> {
    let mut rest = value.trim_start_matches(is_space);
    let mut elements = Vec::new();
    if rest.is_empty() {
        return Some(elements);
    }
    loop {
        let (element, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted)?,
            None => take_bare(rest)?,
        };
        elements.push(cut(element));
        rest = after.trim_start_matches(is_space);
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start_matches(is_space),
            None => return rest.is_empty().then_some(elements),
        }
    }
}

/// Up to the closing quote, where two quotes stand for one.
fn take_quoted(mut rest: &str) -> Option<(String, &str)> {
    let mut element = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        element.push_str(part);
        match after.strip_prefix('"') {
            Some(next) => {
                element.push('"');
                rest = next;
            }
            None => return Some((element, after)),
        }
    }
}

/// Up to a comma or white space, folded.
fn take_bare(rest: &str) -> Option<(String, &str)> {
    let end = rest.find(|c| c == ',' || is_space(c)).unwrap_or(rest.len());
    let (element, after) = rest.split_at_checked(end)?;
    (!element.is_empty()).then(|| (element.to_ascii_lowercase(), after))
}

/// The server's `scanner_isspace`.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn cut(mut element: String) -> String {
    let mut end = element.len().min(NAME_BYTES_MAX);
    while !element.is_char_boundary(end) {
        end -= 1;
    }
    element.truncate(end);
    element
}

/// A session's own path with each editioned schema preceded by its edition's; None if `own` is not a path (the
/// server will say so). `user` matters because "$user" may name an editioned schema.
pub(crate) fn with_edition(own: &str, edition: &SnapshotEdition, user: &str) -> Option<String> {
    let mut path: Vec<String> = Vec::new();
    for element in split(own)? {
        let schema = if element == USER { user } else { &element };
        let before = edition.path.iter().find(|(editioned, _)| editioned.as_str() == schema);
        path.extend(
            before.into_iter().flat_map(|(_, schemas)| schemas).map(|schema| schema.quoted().to_string()),
        );
        path.push(quoted(&element));
    }
    Some(path.join(", "))
}

/// Quoted even if it is no valid name: an empty element is one to the server.
fn quoted(element: &str) -> String {
    match Name::new(element) {
        Ok(name) => name.quoted().to_string(),
        Err(_) => "\"\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use catalog::{
        model::{EditionId, EditionName, EditionState},
        snapshot::NameMap,
    };
    use proptest::prelude::*;

    use super::*;

    fn edition() -> SnapshotEdition {
        let name = |text: &str| Name::new(text).unwrap();
        SnapshotEdition {
            id: EditionId::new(3),
            name: EditionName::new("v3").unwrap(),
            state: EditionState::Live,
            is_default: false,
            blueprint: name("app$v3"),
            path: vec![
                (name("public"), vec![name("public$v3"), name("public$v2")]),
                (name("Odd \""), vec![name("Odd \"$v3")]),
            ],
            names: NameMap::default(),
        }
    }

    #[test]
    fn editioned_schemas_are_preceded_by_their_editions() {
        let path = |own: &str| with_edition(own, &edition(), "ann");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(path("\"$user\", public"), some(r#""$user", "public$v3", "public$v2", "public""#));
        assert_eq!(path(" PUBLIC ,other"), some(r#""public$v3", "public$v2", "public", "other""#));
        assert_eq!(path("\"Odd \"\"\""), some(r#""Odd ""$v3", "Odd """"#));
        assert_eq!(path("\"PUBLIC\""), some("\"PUBLIC\""));
        assert_eq!(path(""), some(""));
        assert_eq!(path("\"\""), some("\"\""));
        assert_eq!(path("a,,b"), None);
        assert_eq!(path("a b"), None);
        assert_eq!(path("\"a"), None);
    }

    #[test]
    fn user_is_replaced_where_the_role_bears_the_name_of_an_editioned_schema() {
        assert_eq!(
            with_edition("\"$user\"", &edition(), "public"),
            Some(r#""public$v3", "public$v2", "$user""#.to_owned())
        );
    }

    proptest! {
        #[test]
        fn quoting_and_splitting_are_inverse(elements in prop::collection::vec("[a-zA-Z\"$ ,é]{1,20}", 0..6)) {
            let text = elements.iter().map(|element| quoted(element)).collect::<Vec<_>>().join(", ");
            prop_assert_eq!(split(&text), Some(elements));
        }
    }
}
