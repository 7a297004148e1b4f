//! Statements of a draft over the physical tables: the body of a function of SQL's own kind is kept as a parse tree (PostgreSQL, CREATE FUNCTION, "sql_body"), in
//! which names are numbers, so it is written out with the names that tables and columns have by then.

use std::collections::BTreeSet;

use tokio_postgres::Transaction;

use super::{alter_briefly, rename_statements};
use crate::{
    blueprint::set_author_path,
    error::Result,
    layout::Mapping,
    model::{Name, Schema, TableId},
    sql,
    sql::{Sql, join},
    target::Connection,
};

/// A statement over the physical tables, every name qualified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The statement.
    pub text: Sql,
    /// Tables by whose primary key it groups rows of more columns (PostgreSQL, SELECT, "GROUP BY Clause"): these must have it.
    pub keys: BTreeSet<TableId>,
}

/// The keys by which a function's body groups: it depends on the constraints (PostgreSQL, parse_agg.c, `check_functional_grouping`).
const KEYS: &str = "\
SELECT DISTINCT k.conrelid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_constraint k ON k.oid = d.refobjid \
WHERE d.refclassid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
AND d.objid = $1::pg_catalog.text::pg_catalog.regprocedure AND k.contype = 'p'";

/// The statements, as a draft understands them, in physical words; `None` for one that PostgreSQL takes in no such body. Leaves no trace.
pub async fn statements_in_physical_words(
    connection: &mut Connection,
    (logical, mapping, editioned): (&Schema, &Mapping, &[Name]),
    statements: &[&str],
) -> Result<Vec<Option<Written>>> {
    let transaction = connection.transaction().await?;
    set_author_path(&transaction, editioned).await?;
    let mut is_kept = Vec::with_capacity(statements.len());
    for (number, statement) in statements.iter().enumerate() {
        is_kept.push(keep(&transaction, &function(number), statement).await?);
    }
    let schemas = mapping.foreign_schemas(editioned);
    let mut renaming: Vec<Sql> = schemas.iter().map(|schema| sql!("CREATE SCHEMA {}", schema)).collect();
    renaming.extend(rename_statements(logical, mapping));
    renaming.push(Sql::trusted("SET LOCAL search_path = ''"));
    alter_briefly(&transaction, &join(renaming, ";\n")).await?;
    let mut written = Vec::with_capacity(statements.len());
    for (number, is_kept) in is_kept.into_iter().enumerate() {
        written.push(if is_kept { body(&transaction, &function(number)).await? } else { None });
    }
    transaction.rollback().await?;
    Ok(written)
}

fn function(number: usize) -> Sql {
    Sql::trusted(format!("pg_temp.edition_statement_{number}"))
}

/// False if PostgreSQL does not take the statement.
async fn keep(transaction: &Transaction<'_>, function: &Sql, statement: &str) -> Result<bool> {
    let create = sql!(
        "CREATE FUNCTION {}() RETURNS void LANGUAGE sql BEGIN ATOMIC {}\n; END",
        function,
        Sql::trusted(statement)
    );
    transaction.batch_execute("SAVEPOINT statement").await?;
    match transaction.batch_execute(create.as_str()).await {
        Ok(()) => Ok(true),
        Err(error) if error.as_db_error().is_some() => {
            transaction.batch_execute("ROLLBACK TO SAVEPOINT statement").await?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

async fn body(transaction: &Transaction<'_>, function: &Sql) -> Result<Option<Written>> {
    let question = "SELECT pg_catalog.pg_get_function_sqlbody($1::pg_catalog.text::pg_catalog.regprocedure)";
    let signature = format!("{}()", function.as_str());
    let body: Option<String> = transaction.query_one(question, &[&signature]).await?.try_get(0)?;
    let keys = transaction.query(KEYS, &[&signature]).await?;
    let keys = keys.iter().map(|row| Ok(TableId::new(row.try_get(0)?))).collect::<Result<_>>()?;
    Ok(body.as_deref().and_then(statement_of).map(|text| Written { text: Sql::trusted(text), keys }))
}

/// The statement between the fixed words of a body (ruleutils.c, `print_function_sqlbody`).
fn statement_of(body: &str) -> Option<&str> {
    Some(body.strip_prefix("BEGIN ATOMIC")?.trim_end().strip_suffix("END")?.trim().trim_end_matches(';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_is_what_stands_between() {
        let body = "BEGIN ATOMIC\n DELETE FROM public.t\n   WHERE (t.a = 'END;'::text);\nEND";
        assert_eq!(statement_of(body), Some("DELETE FROM public.t\n   WHERE (t.a = 'END;'::text)"));
    }
}
