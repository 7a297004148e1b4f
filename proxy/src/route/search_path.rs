//! `search_path` as PostgreSQL reads it, and with an edition's schemas put in.

use catalog::{
    model::Name,
    snapshot::{Snapshot, SnapshotEdition},
};

const USER: &str = "$user";

/// The elements of a `search_path` value, folded and cut as `SplitIdentifierString` does; None if it is not one.
pub(crate) fn split(value: &str) -> Option<Vec<String>> {
    Some(elements(value)?.into_iter().map(|(element, _)| element).collect())
}

/// The same, and where in the text each begins.
pub(crate) fn elements(value: &str) -> Option<Vec<(String, usize)>> {
    let mut rest = value.trim_start_matches(is_space);
    let mut elements = Vec::new();
    if rest.is_empty() {
        return Some(elements);
    }
    loop {
        let at = value.len() - rest.len();
        let (element, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted)?,
            None => take_bare(rest)?,
        };
        elements.push((cut(element), at));
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
    let mut end = element.len().min(Name::BYTES_MAX);
    while !element.is_char_boundary(end) {
        end -= 1;
    }
    element.truncate(end);
    element
}

/// A session's own path with each editioned schema preceded by its edition's, as it is written otherwise; None if `own` is not a path (the
/// server will say so). `user` matters because "$user" may name an editioned schema.
pub(crate) fn with_edition(own: &str, edition: &SnapshotEdition, user: &str) -> Option<String> {
    let (mut path, mut written) = (String::new(), 0);
    for (element, at) in elements(own)? {
        let schema = if element == USER { user } else { &element };
        path.push_str(own.get(written..at)?);
        written = at;
        let before = edition.path.iter().find(|(editioned, _)| editioned.as_str() == schema);
        path.extend(before.into_iter().flat_map(|(_, schemas)| schemas).map(in_path));
    }
    path.push_str(own.get(written..)?);
    Some(path)
}

/// A path as the application set it: without what [`with_edition`] and the rewriter put in, for whichever edition. SQL function `edition.own_path` says
/// the same.
pub(crate) fn without_editions(path: &str, snapshot: &Snapshot) -> String {
    let ours = snapshot.editions.iter().flat_map(|edition| &edition.path).flat_map(|(_, schemas)| schemas);
    ours.fold(path.to_owned(), |path, schema| path.replace(&in_path(schema), ""))
}

/// A schema of an edition as it stands before others.
fn in_path(schema: &Name) -> String {
    format!("{}, ", schema.quoted())
}

#[cfg(test)]
mod tests {
    use catalog::{
        model::{EditionId, EditionName, EditionState, Epoch},
        snapshot::{NameMap, Reflected},
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
        assert_eq!(path("\"$user\", public"), some(r#""$user", "public$v3", "public$v2", public"#));
        assert_eq!(path(" PUBLIC ,other"), some(r#" "public$v3", "public$v2", PUBLIC ,other"#));
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

    #[test]
    fn the_own_path_is_found_again() {
        let snapshot = Snapshot {
            epoch: Epoch::new(1),
            server_version: 180_000,
            schemas: Vec::new(),
            editions: vec![edition()],
            reflected: Reflected::default(),
        };
        for own in ["\"$user\", public", " PUBLIC ,other", "\"Odd \"\"\",public", "", "other"] {
            let path = with_edition(own, &edition(), "ann").unwrap();
            assert_eq!(without_editions(&path, &snapshot), own);
        }
    }

    /// Quoted even if it is no valid name: an empty element is one to the server.
    fn quoted(element: &str) -> String {
        Name::new(element).map_or_else(|_| "\"\"".to_owned(), |name| name.quoted().to_string())
    }

    proptest! {
        #[test]
        fn quoting_and_splitting_are_inverse(elements in prop::collection::vec("[a-zA-Z\"$ ,é]{1,20}", 0..6)) {
            let text = elements.iter().map(|element| quoted(element)).collect::<Vec<_>>().join(", ");
            prop_assert_eq!(split(&text), Some(elements));
        }
    }
}
