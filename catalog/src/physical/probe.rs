//! Checking a transform and having PostgreSQL write it out: the expression becomes the WHEN condition of a trigger, whose
//! deparsed form has every name qualified, so that it means the same in any session's search_path.

use tokio_postgres::Transaction;

use crate::{
    error::{Error, Result},
    model::{Name, QualifiedName, Schema, TableId},
    sql,
    sql::{Expression, Sql},
};

/// One transform to check.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The table.
    pub table: TableId,
    /// The physical column that it sets.
    pub target: Name,
    /// The expression over `NEW."physical column"`.
    pub expression: Sql,
}

/// The result.
#[derive(Clone, Debug)]
pub enum Probed {
    /// It works.
    Fine {
        /// Over `new.column`, every name qualified: for a trigger.
        in_trigger: Sql,
        /// Over `edition_row."column"`: for an UPDATE of the table under that alias.
        in_update: Sql,
        /// Whether it gives the same again for the same row, so that a stored value can be compared with it later.
        is_repeatable: bool,
        /// Whether it is one value for all rows, whoever asks and when, that nothing but the server's own functions makes.
        is_constant: bool,
        /// Whether a NULL stands in it.
        has_null: bool,
        /// What the expression gives, and what the column takes.
        result: ResultType,
    },
    /// PostgreSQL's objection.
    Objection(String),
}

/// The type of an expression, and that of the column that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultType {
    /// The expression's, as `format_type` writes it.
    pub of: String,
    /// The column's.
    pub to: String,
    /// Whether a value of the one is stored as a value of the other, by a cast of the database (`text` → `citext`).
    pub is_image: bool,
}

/// Reads a [`ResultType`] off a view whose only column the expression is. `$1`: the table, `$2`: the column that it is for.
const RESULT: &str = "\
SELECT pg_catalog.format_type(e.atttypid, e.atttypmod), pg_catalog.format_type(c.atttypid, c.atttypmod), \
  e.atttypid <> c.atttypid AND c.atttypmod = -1 AND EXISTS (SELECT FROM pg_catalog.pg_cast \
    WHERE castsource = e.atttypid AND casttarget = c.atttypid AND castmethod = 'b') \
FROM pg_catalog.pg_attribute e, pg_catalog.pg_attribute c \
WHERE e.attrelid = 'pg_temp.edition_result'::pg_catalog.regclass AND e.attnum = 1 \
  AND c.attrelid = $1::pg_catalog.text::pg_catalog.regclass AND c.attname = $2";

/// Alias of the table in set-based statements.
pub const ROW_ALIAS: &str = "edition_row";

/// The probing trigger in PostgreSQL's words, and whether its expression is repeatable: a stable function of the server is one of its arguments and of settings,
/// but for those that tell the time; one of the application's may read what changes. Built-in functions are not in pg_depend, so the stored tree is asked.
/// A constant is made of constants by immutable functions only (two of the names of nodes are those of PostgreSQL 15).
const DEPARSED: &str = r"
    SELECT pg_catalog.pg_get_triggerdef(t.oid),
           t.tgqual::text !~ '\{(SQLVALUEFUNCTION|NEXTVALUEEXPR)' AND NOT EXISTS (
               SELECT FROM pg_catalog.regexp_matches(t.tgqual::text, ':(?:funcid|opfuncid) (\d+)', 'g') AS found (ids)
               JOIN pg_catalog.pg_proc p ON p.oid = found.ids[1]::oid
               WHERE p.provolatile = 'v'
                  OR p.provolatile = 's' AND (p.pronargs = 0 OR p.oid >= 16384 OR p.proname = 'age' AND p.pronargs = 1)),
           NOT EXISTS (
               SELECT FROM pg_catalog.regexp_matches(t.tgqual::text, '\{([A-Z]+)', 'g') AS found (nodes)
               WHERE found.nodes[1] NOT IN
                   ('NULLTEST', 'CONST', 'FUNCEXPR', 'OPEXPR', 'RELABELTYPE', 'ARRAYEXPR', 'ARRAY', 'ROWEXPR', 'ROW',
                    'ARRAYCOERCEEXPR', 'CASETESTEXPR'))
           AND NOT EXISTS (
               SELECT FROM pg_catalog.regexp_matches(t.tgqual::text, ':(?:funcid|opfuncid) (\d+)', 'g') AS found (ids)
               LEFT JOIN pg_catalog.pg_proc p ON p.oid = found.ids[1]::oid
               WHERE p.provolatile IS DISTINCT FROM 'i' OR p.oid >= 16384),
           t.tgqual::text ~ ':constisnull true'
    FROM pg_catalog.pg_trigger t WHERE t.tgname = 'edition_probe' AND t.tgparentid = 0";

/// Makes the function that probing triggers need (temporary, and rolled back with the rest).
pub(super) async fn prepare(transaction: &Transaction<'_>) -> Result<()> {
    let function =
        "CREATE FUNCTION pg_temp.edition_probe() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
    Ok(transaction.batch_execute(function).await?)
}

/// Runs one probe under a savepoint.
pub(super) async fn run(
    transaction: &Transaction<'_>,
    schema: &Schema,
    probe: &Probe,
    path: &Sql,
) -> Result<Probed> {
    let table =
        schema.table(probe.table).ok_or_else(|| Error::bug("a transform names a table that is not there"))?;
    transaction.batch_execute("SAVEPOINT probe").await?;
    let outcome = deparse(transaction, &table.name, probe, path).await;
    transaction.batch_execute("ROLLBACK TO SAVEPOINT probe").await?;
    match outcome {
        Ok(fine) => Ok(fine),
        Err(error) => match error.sqlstate() {
            Some(_) => Ok(Probed::Objection(objection(&error))),
            None => Err(error),
        },
    }
}

fn objection(error: &Error) -> String {
    use std::error::Error as _;
    let db = error
        .source()
        .and_then(|source| source.downcast_ref::<tokio_postgres::Error>())
        .and_then(|e| e.as_db_error());
    db.map_or_else(|| error.to_string(), |db| db.message().to_owned())
}

async fn deparse(
    transaction: &Transaction<'_>,
    table: &QualifiedName,
    probe: &Probe,
    path: &Sql,
) -> Result<Probed> {
    let create = sql!(
        "SET LOCAL search_path = {}; CREATE TRIGGER edition_probe BEFORE UPDATE ON {} FOR EACH ROW WHEN (({}) IS NULL) EXECUTE FUNCTION pg_temp.edition_probe(); SET LOCAL search_path = ''",
        path,
        table,
        probe.expression
    );
    transaction.batch_execute(create.as_str()).await?;
    let row = transaction.query_one(DEPARSED, &[]).await?;
    let definition: String = row.try_get(0)?;
    let (is_repeatable, is_constant, has_null) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    let in_trigger = expression_of(&definition).ok_or_else(|| {
        Error::bug(format!("PostgreSQL deparsed a trigger in an unknown form: {definition}"))
    })?;
    let in_update = over_row_alias(in_trigger)?;
    let alias = Name::new(ROW_ALIAS).map_err(|error| Error::bug(error.to_string()))?;
    // Assignment rules, not cast rules: what an UPDATE would refuse, a transform may not do silently.
    let check = sql!(
        "EXPLAIN (COSTS OFF) UPDATE ONLY {} AS {} SET {} = {}; CREATE TEMP VIEW edition_result AS SELECT {} AS value FROM ONLY {} AS {}",
        table,
        alias,
        probe.target,
        in_update,
        in_update,
        table,
        alias
    );
    transaction.batch_execute(check.as_str()).await?;
    let row = transaction.query_one(RESULT, &[&sql!("{}", table).as_str(), &probe.target.as_str()]).await?;
    let result = ResultType { of: row.try_get(0)?, to: row.try_get(1)?, is_image: row.try_get(2)? };
    let in_trigger = Sql::trusted(in_trigger);
    Ok(Probed::Fine { in_trigger, in_update, is_repeatable, is_constant, has_null, result })
}

/// The text between the WHEN of a deparsed probing trigger and its ` IS NULL`. Both ends are PostgreSQL's own fixed words
/// (ruleutils.c, pg_get_triggerdef_worker), and the expression cannot contain the end, which is the last thing in the text.
fn expression_of(definition: &str) -> Option<&str> {
    let (_, condition) = definition.split_once(" FOR EACH ROW WHEN ((")?;
    let (condition, _) = condition
        .rsplit_once("))  EXECUTE FUNCTION ")
        .or_else(|| condition.rsplit_once(")) EXECUTE FUNCTION "))?;
    condition.strip_suffix(" IS NULL")
}

/// `new.a` → `edition_row."a"`.
pub fn over_row_alias(in_trigger: &str) -> Result<Sql> {
    let alias = Name::new(ROW_ALIAS).map_err(|error| Error::bug(error.to_string()))?;
    Expression::parse(in_trigger)?.substitute(|qualifier, column| {
        qualifier.filter(|qualifier| qualifier.as_str() == "new").map(|_| sql!("{}.{}", alias, column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_is_what_stands_between() {
        let definition = "CREATE TRIGGER edition_probe BEFORE UPDATE ON public.users FOR EACH ROW WHEN ((split_part(new.name, ') EXECUTE'::text, 1) IS NULL)) EXECUTE FUNCTION pg_temp_3.edition_probe()";
        assert_eq!(expression_of(definition), Some("split_part(new.name, ') EXECUTE'::text, 1)"));
    }
}
