//! Asking PostgreSQL whether a transform makes sense: in the child's blueprint, in a transaction that is rolled back, the
//! expression is planned (never run) over a row that has the columns of its source and assigned to a column of its target's type.

use tokio_postgres::{GenericClient, Transaction};

use crate::{
    error::{Error, Result},
    model::{Column, Direction, Name, Table, Transform},
    sql,
    sql::{Expression, Sql, join},
};

/// The two sides of a table in a transition.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// As the parent has it.
    pub parent: &'a Table,
    /// As the child has it.
    pub child: &'a Table,
}

/// Refuses a transform whose target is not there, whose expression names columns that are not there, or which PostgreSQL would
/// not plan. `transaction` is in the child's blueprint, with the editioned schemas as its `search_path`, and to be rolled back.
pub async fn check_transform(
    transaction: &Transaction<'_>,
    sides: Sides<'_>,
    transform: &Transform,
) -> Result<()> {
    let expression = Expression::parse(&transform.expression)?;
    let (source, target) = match transform.direction {
        Direction::Forward => (sides.parent, sides.child),
        Direction::Reverse => (sides.child, sides.parent),
    };
    let column = find(target, &transform.column, transform.direction)?;
    let value = expression.substitute(|qualifier, name| {
        let row = match qualifier.map(Name::as_str) {
            Some("old") if transform.direction == Direction::Reverse => ("edition_old", target),
            None => ("edition_new", source),
            Some(table) if table == source.name.name.as_str() => ("edition_new", source),
            Some(_) => return None,
        };
        let (alias, table) = row;
        table.column_named(name.as_str())?;
        Some(sql!("{}.{}", Sql::trusted(alias), name))
    })?;
    let setup = sql!(
        "SAVEPOINT transform; CREATE TEMPORARY TABLE edition_target ({} {})",
        column.name,
        Sql::trusted(&column.type_name)
    );
    // INSERT coerces as an assignment does. OFFSET 0 keeps the planner from computing with the NULLs.
    let question = sql!(
        "EXPLAIN (COSTS OFF) INSERT INTO pg_temp.edition_target ({}) SELECT ({}) FROM {}, {}",
        column.name,
        value,
        row_of_nulls("edition_new", source),
        row_of_nulls("edition_old", target)
    );
    transaction.batch_execute(setup.as_str()).await?;
    let answer = transaction.batch_execute(question.as_str()).await;
    transaction.batch_execute("ROLLBACK TO SAVEPOINT transform").await?;
    answer.map_err(|error| objection(transform, &error).with_source(error))
}

/// Puts the names that an author uses into the reach of a transaction.
pub async fn set_author_path(client: &impl GenericClient, editioned: &[Name]) -> Result<()> {
    let path = join(editioned.iter(), ", ");
    client.batch_execute(sql!("SET LOCAL search_path = {}", path).as_str()).await?;
    Ok(())
}

fn find<'a>(table: &'a Table, column: &Name, direction: Direction) -> Result<&'a Column> {
    table.column_named(column.as_str()).ok_or_else(|| {
        let (side, what) = match direction {
            Direction::Forward => ("draft", "a forward transform sets columns of the draft"),
            Direction::Reverse => ("parent", "a reverse transform sets columns of the parent edition"),
        };
        let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
        Error::refused(format!("no column \"{}\" in {} of the {side}", column.as_str(), table.name.pretty()))
            .with_hint(format!("{what}: {}", names.join(", ")))
    })
}

fn row_of_nulls(alias: &str, table: &Table) -> Sql {
    let columns = table.columns.iter().map(|column| {
        let collation = match &column.collation {
            Some(collation) => sql!(" COLLATE {}", Sql::trusted(collation)),
            None => Sql::trusted(""),
        };
        sql!("NULL::{}{} AS {}", Sql::trusted(&column.type_name), collation, column.name)
    });
    sql!("(SELECT {} OFFSET 0) AS {}", join(columns, ", "), Sql::trusted(alias))
}

fn objection(transform: &Transform, error: &tokio_postgres::Error) -> Error {
    let said = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
    Error::refused(format!(
        "{} transform of column \"{}\" does not work: {said}",
        transform.direction.as_str(),
        transform.column.as_str()
    ))
    .with_hint(format!("the expression is: {}", transform.expression))
}
