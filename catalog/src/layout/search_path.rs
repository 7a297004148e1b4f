//! What a function's own `SET search_path` must be where it stands in the schema of an edition: it hides the session's, which would have led to that
//! edition's objects.

use crate::{
    model::{EditionName, Name},
    sql::lexer::{Lexer, Token},
};

/// The live editions up to one of them, root first: what its search_path goes through.
#[derive(Clone, Debug)]
pub struct Ancestry(Vec<EditionName>);

impl Ancestry {
    /// Root first, the edition itself last.
    pub fn new(editions: impl IntoIterator<Item = EditionName>) -> Self {
        Self(editions.into_iter().collect())
    }

    /// `path`, as `pg_proc.proconfig` has it, for a function that stands in `place`: before each editioned schema come those of the edition that owns
    /// `place` and of its ancestors. `None` if that changes nothing.
    pub fn search_path(&self, path: &str, place: &Name, editioned: &[Name]) -> Option<Vec<Name>> {
        let is_of = |edition: &EditionName| {
            editioned.iter().any(|schema| edition.schema_for(schema).is_ok_and(|own| &own == place))
        };
        let position = self.0.iter().position(is_of)?;
        // What the root has stands in the editioned schema itself.
        let line = self.0.get(1..=position).unwrap_or_default();
        let mut found = Vec::new();
        for schema in names(path) {
            if editioned.contains(&schema) {
                found.extend(line.iter().rev().filter_map(|edition| edition.schema_for(&schema).ok()));
            }
            found.push(schema);
        }
        (found != names(path)).then_some(found)
    }
}

/// Whether a function with this `search_path` looks for names in an editioned schema.
pub fn reads_editioned(path: &str, editioned: &[Name]) -> bool {
    names(path).iter().any(|name| editioned.contains(name))
}

fn names(path: &str) -> Vec<Name> {
    Lexer::new(path.as_bytes())
        .filter(Token::is_name)
        .filter_map(|token| Name::new(token.name(path)?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn schemas_of_the_line_come_before_the_editioned_schema() {
        let line = Ancestry::new(["v1", "v2", "v3"].map(|text| EditionName::new(text).unwrap()));
        let editioned = [name("public"), name("Shop")];
        let path = |place: &str| {
            let found = line.search_path("\"$user\", public, \"Shop\", pg_temp", &name(place), &editioned);
            found.map(|names| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(path("public"), None);
        assert_eq!(
            path("public$v3").as_deref(),
            Some("$user public$v3 public$v2 public Shop$v3 Shop$v2 Shop pg_temp")
        );
        assert_eq!(line.search_path("pg_catalog", &name("public$v3"), &editioned), None);
        assert!(reads_editioned("public", &editioned) && !reads_editioned("shop, \"\"", &editioned));
    }
}
