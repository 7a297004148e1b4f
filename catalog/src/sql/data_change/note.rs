//! What puts the statements that change data down in the draft that they ran in.

use super::DataStatement;
use crate::{
    sql,
    sql::{Literal, RelationName, Sql},
};

/// What notes statements in a draft's blueprint, with the columns' numbers under their names of then. It never fails and changes nothing
/// where the place for notes is missing.
pub fn note_statements(statements: &[DataStatement]) -> Sql {
    let inserts = statements.iter().map(|statement| {
        let reads = statement.reads_later.iter().map(|read| sql!("coalesce({}, 0::oid)", oid_of(read.as_ref())));
        let none = sql!("(NULL::text, NULL::text)");
        let renamed = statement.later.columns.iter().map(|(now, then)| match then {
            Some(then) => sql!("({}, {})", Literal(now.as_str()), Literal(then.as_str())),
            None => sql!("({}, NULL)", Literal(now.as_str())),
        });
        sql!(
            "INSERT INTO edition.statements (text, table_id, reads, names) SELECT {}, named.oid, ARRAY[{}]::oid[], \
             (SELECT pg_catalog.jsonb_object_agg(coalesce(later.name_then, attname), attnum) \
              FROM pg_catalog.pg_attribute LEFT JOIN (VALUES {}) AS later (name_now, name_then) ON later.name_now = attname \
              WHERE attrelid = named.oid AND attnum > 0 AND NOT attisdropped AND (later.name_now IS NULL OR later.name_then IS NOT NULL)) \
             FROM (SELECT {} AS oid) AS named;",
            Literal(&statement.text),
            sql::join(reads, ", "),
            sql::join(std::iter::once(none).chain(renamed), ", "),
            oid_of(statement.later.table.as_ref())
        )
    });
    let body = sql!(
        "BEGIN IF pg_catalog.to_regclass('edition.statements') IS NOT NULL THEN {} END IF; EXCEPTION WHEN OTHERS THEN NULL; END",
        sql::join(inserts, " ")
    );
    sql!("DO {}", Literal(body.as_str()))
}

/// The number of a relation: NULL if nobody knows it, 0 if it is gone.
fn oid_of(relation: Option<&RelationName>) -> Sql {
    let name = match relation {
        Some((Some(schema), name)) => sql!("{}.{}", schema, name),
        Some((None, name)) => sql!("{}", name),
        None => return Sql::trusted("0::oid"),
    };
    sql!("pg_catalog.to_regclass({})::oid", Literal(name.as_str()))
}
