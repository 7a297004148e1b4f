//! CREATE INDEX CONCURRENTLY from `pg_get_indexdef`.

use crate::{
    model::{Index, Name},
    sql,
    sql::Sql,
};

/// The part of a definition after `ON `: table, method, keys, options. The text before it is known to the letter (CREATE \[UNIQUE\]
/// INDEX name ON), so it is cut off by comparison, not by search.
pub fn index_body(index: &Index) -> Option<Sql> {
    let kind = if index.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " };
    let rest = index.definition.strip_prefix(kind)?;
    // PostgreSQL quotes a name only where it must.
    let quoted = index.name.quoted().to_string();
    let rest = rest.strip_prefix(index.name.as_str()).or_else(|| rest.strip_prefix(quoted.as_str()))?;
    rest.strip_prefix(" ON ").map(Sql::trusted)
}

/// The statement that builds this index under `name` without blocking writers.
pub fn concurrent_index(index: &Index, name: &Name) -> Option<Sql> {
    let body = index_body(index)?;
    let unique = Sql::trusted(if index.unique { "UNIQUE " } else { "" });
    Some(sql!("CREATE {}INDEX CONCURRENTLY {} ON {}", unique, name, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_starts_after_a_plain_or_a_quoted_name() {
        for (name, written) in [("users_email", "users_email"), ("Users ON x", "\"Users ON x\"")] {
            let index = Index {
                name: Name::new(name).unwrap(),
                unique: true,
                columns: vec![],
                definition: format!("CREATE UNIQUE INDEX {written} ON public.users USING btree (email)"),
                properties: vec![],
                part_of: None,
            };
            assert_eq!(index_body(&index).unwrap().as_str(), "public.users USING btree (email)");
        }
    }
}
