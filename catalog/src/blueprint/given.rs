//! Transforms that a migration gave inside a draft by `SELECT edition.forward(…)`, and table names as people write them.

use tokio_postgres::{GenericClient, error::SqlState};

use crate::{
    error::{Error, Result},
    model::{Direction, Name, OnError, Origin, QualifiedName, Transform},
    sql::parse_assignments,
};

/// The transforms given inside a draft, in the order in which they were given.
pub async fn given_transforms(blueprint: &impl GenericClient, editioned: &[Name]) -> Result<Vec<Transform>> {
    let rows = blueprint
        .query("SELECT table_name, direction, assignments, on_error FROM edition.transforms ORDER BY id", &[])
        .await?;
    let mut transforms = Vec::new();
    for row in &rows {
        let (table, direction, assignments, on_error): (&str, &str, &str, &str) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let in_call = |error: Error| {
            let hint = error.hint().map(str::to_owned);
            let message = format!("in edition.{direction}('{table}', …) of the draft: {error}");
            let error = Error::new(error.kind(), message);
            match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        };
        let name = resolve_table(blueprint, editioned, table).await.map_err(in_call)?;
        let direction = if direction == "forward" { Direction::Forward } else { Direction::Reverse };
        let on_error = if on_error == "null" { OnError::Null } else { OnError::Reject };
        for (column, expression) in parse_assignments(assignments).map_err(in_call)? {
            transforms.push(Transform {
                schema: name.schema.clone(),
                table: name.name.clone(),
                direction,
                column,
                expression: expression.text().to_owned(),
                on_error,
                origin: Origin::Author,
            });
        }
    }
    Ok(transforms)
}

/// The table that an author means by `users`, `billing.users` or `"Users"`: read as PostgreSQL reads it, the editioned schemas
/// being the search path.
pub async fn resolve_table(
    blueprint: &impl GenericClient,
    editioned: &[Name],
    text: &str,
) -> Result<QualifiedName> {
    let not_a_name = || {
        Error::refused(format!("\"{text}\" is not the name of a table"))
            .with_hint("write users, billing.users, or \"Users\" in double quotes as in SQL")
    };
    let parts: Vec<String> = match blueprint.query_one("SELECT pg_catalog.parse_ident($1)", &[&text]).await {
        Ok(row) => row.try_get(0)?,
        Err(error) if error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE) => return Err(not_a_name()),
        Err(error) => return Err(error.into()),
    };
    let (schemas, table): (Vec<&str>, &str) = match parts.as_slice() {
        [table] => (editioned.iter().map(Name::as_str).collect(), table),
        [schema, table] => (vec![schema], table),
        _ => return Err(not_a_name()),
    };
    let found = blueprint
        .query_opt(
            "SELECT n.nspname::text, c.relname::text FROM unnest($1::text[]) WITH ORDINALITY AS path (schema, position) \
             JOIN pg_catalog.pg_namespace n ON n.nspname = schema \
             JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND c.relname = $2 \
             ORDER BY position LIMIT 1",
            &[&schemas, &table],
        )
        .await?;
    let Some(row) = found else {
        return Err(Error::refused(format!("no table \"{text}\" in the draft"))
            .with_hint("name the table as the draft names it"));
    };
    Ok(QualifiedName::new(
        crate::store::stored_name(row.try_get(0)?)?,
        crate::store::stored_name(row.try_get(1)?)?,
    ))
}
