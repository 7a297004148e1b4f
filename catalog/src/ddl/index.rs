//! CREATE INDEX CONCURRENTLY from `pg_get_indexdef`.

use crate::{
    model::{Index, Name, QualifiedName},
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

/// The part of a definition after the table's name: method, keys, options. PostgreSQL quotes a name only where it must, and says ONLY of a table with
/// partitions.
pub fn index_keys(index: &Index, table: &QualifiedName) -> Option<Sql> {
    let body = index_body(index)?;
    let rest = body.as_str();
    let rest = rest.strip_prefix("ONLY ").unwrap_or(rest);
    let after = |rest: &str, name: &Name| {
        let quoted = name.quoted().to_string();
        let found = rest.strip_prefix(quoted.as_str()).or_else(|| rest.strip_prefix(name.as_str()));
        found.map(str::to_owned)
    };
    let rest = after(rest, &table.schema)?;
    let rest = after(rest.strip_prefix('.')?, &table.name)?;
    rest.starts_with(" USING ").then(|| Sql::trusted(rest))
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
            let table = QualifiedName::new(Name::new("public").unwrap(), Name::new("users").unwrap());
            assert_eq!(index_keys(&index, &table).unwrap().as_str(), " USING btree (email)");
        }
    }
}
