//! `CREATE … IF NOT EXISTS` of what an edition has, and `DROP … IF EXISTS` of what it has not, change nothing: PostgreSQL skips them with a notice, and
//! applications that migrate when they start send them each time. Most relations are in no snapshot, so a procedure of ours looks: it gives that notice, or
//! refuses as [`ddl`] does.

use catalog::{
    sql,
    sql::{
        Literal, Sql, join,
        lexer::TokenKind,
        parser::{
            nodes,
            raw::{DropBehavior, ObjectType},
        },
    },
};

use super::{analysis::Analysis, command::Command, ddl};

/// Puts a call of our procedure in the place of a CREATE of this tag. False: it cannot take it.
pub(super) fn create(analysis: &mut Analysis<'_>, tag: &'static str, named: &nodes::RangeVar) -> bool {
    let Some(name) = named.relname().filter(|_| named.catalogname().is_none()) else { return false };
    let call = sql!(
        "CALL edition.create_if_missing({}, {}, {}, {}, {})",
        Literal(tag),
        literal(named.schemaname()),
        Literal(name),
        Literal(&ddl::frozen(analysis, tag)),
        Literal(ddl::WAY_OUT)
    );
    take_place(analysis, tag, &call)
}

/// The same of a DROP. What it names besides, temporary tables or those of schemas that are not editioned, the procedure drops.
pub(super) fn drop(analysis: &mut Analysis<'_>, tag: &'static str, drop: &nodes::DropStmt) -> bool {
    let is_of_relations = matches!(
        drop.remove_type,
        ObjectType::OBJECT_TABLE
            | ObjectType::OBJECT_VIEW
            | ObjectType::OBJECT_MATVIEW
            | ObjectType::OBJECT_SEQUENCE
            | ObjectType::OBJECT_FOREIGN_TABLE
    );
    if !is_of_relations {
        return false;
    }
    let (mut schemas, mut names) = (Vec::new(), Vec::new());
    for dropped in drop.objects() {
        let parts = ddl::object_parts(dropped).unwrap_or_default();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            _ => return false,
        };
        schemas.push(literal(schema));
        names.push(literal(Some(name)));
    }
    let call = sql!(
        "CALL edition.drop_if_there({}, ARRAY[{}]::pg_catalog.text[], ARRAY[{}]::pg_catalog.text[], {}, {}, {})",
        Literal(tag),
        join(schemas, ", "),
        join(names, ", "),
        if drop.behavior == DropBehavior::DROP_CASCADE { sql!("true") } else { sql!("false") },
        Literal(&ddl::frozen(analysis, tag)),
        Literal(ddl::WAY_OUT)
    );
    take_place(analysis, tag, &call)
}

/// Not of a statement with parameters: CALL would have others.
fn take_place(analysis: &mut Analysis<'_>, tag: &'static str, call: &Sql) -> bool {
    let statement = analysis.statement_tokens();
    let tokens = analysis.tokens.get(statement.clone()).unwrap_or_default();
    if tokens.is_empty() || tokens.iter().any(|token| token.kind == TokenKind::Param) {
        return false;
    }
    analysis.splice(statement, call.to_string());
    analysis.stands_for(Command::Skipped(tag));
    true
}

fn literal(name: Option<&str>) -> Sql {
    name.map_or_else(|| sql!("NULL"), |name| sql!("{}", Literal(name)))
}
