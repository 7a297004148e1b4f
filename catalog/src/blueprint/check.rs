//! Asking PostgreSQL whether a transform makes sense: in the child's blueprint, in a transaction that is rolled back, the
//! expression is planned (never run) over a row that has the columns of its source and assigned to a column of its target's type.

use tokio_postgres::{GenericClient, Transaction};

use crate::{
    error::{Error, Result},
    model::{Column, ColumnId, Direction, Label, Name, Schema, Table, Transform, TypeBody},
    sql,
    sql::{Expression, Literal, Sql, join},
};

/// The two sides of a table in a transition.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// As the parent has it.
    pub parent: &'a Table,
    /// As the child has it.
    pub child: &'a Table,
    /// The schemas of both, parent's first, for types that differ.
    pub schemas: (&'a Schema, &'a Schema),
}

/// How a type of the parent's is named in the child's blueprint.
enum ParentsType<'a> {
    /// As in the parent's: it is the same.
    AsItIs,
    /// It is an enum there, too, with other values: one with those of the parent has to be made.
    Enum(&'a [Label]),
    /// It is not there, or another one. The plan, which makes the parent's types beside the child's, can tell.
    Unknown,
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
    let parents = match transform.direction {
        Direction::Forward => source,
        Direction::Reverse => target,
    };
    let mut enums = Vec::new();
    for used in &parents.columns {
        match sides.parents_type(used) {
            ParentsType::AsItIs => {}
            ParentsType::Enum(labels) => enums.push(make_enum(used, labels)),
            ParentsType::Unknown => return Ok(()),
        }
    }
    enums.sort();
    enums.dedup();
    let type_of = |table: &Table, column: &Column| {
        let is_parents = std::ptr::eq(table, sides.parent);
        sides.type_name(column, is_parents)
    };
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
    let value = if sides.takes_text(column.id) {
        sql!("CAST(CAST(({}) AS {}) AS {})", value, text_type(column), type_of(target, column))
    } else {
        value
    };
    let setup = sql!(
        "SAVEPOINT transform; {}; CREATE TEMPORARY TABLE edition_target ({} {})",
        join(enums, "; "),
        column.name,
        type_of(target, column)
    );
    // INSERT coerces as an assignment does. OFFSET 0 keeps the planner from computing with the NULLs.
    let question = sql!(
        "EXPLAIN (COSTS OFF) INSERT INTO pg_temp.edition_target ({}) SELECT ({}) FROM {}, {}",
        column.name,
        value,
        row_of_nulls("edition_new", source, type_of),
        row_of_nulls("edition_old", target, type_of)
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

impl<'a> Sides<'a> {
    fn parents_type(&self, column: &Column) -> ParentsType<'a> {
        let (parent, child) = self.schemas;
        let Some(old) = column.type_id.and_then(|id| parent.type_def(id)) else { return ParentsType::AsItIs };
        match (child.type_def(old.id), &old.body) {
            (Some(new), _) if (&new.name, &new.definition) == (&old.name, &old.definition) => {
                ParentsType::AsItIs
            }
            (_, TypeBody::Labels(labels)) => ParentsType::Enum(labels),
            _ => ParentsType::Unknown,
        }
    }

    fn type_name(&self, column: &Column, is_parents: bool) -> Sql {
        match self.parents_type(column) {
            ParentsType::Enum(_) if is_parents => {
                let array = if column.type_name.ends_with("[]") { "[]" } else { "" };
                sql!("pg_temp.{}{}", enum_name(column), Sql::trusted(array))
            }
            _ => Sql::trusted(&column.type_name),
        }
    }

    /// Whether both have the column as enums, but not as the same: a transform gives the value as text.
    fn takes_text(&self, column: ColumnId) -> bool {
        let (Some(before), Some(after)) = (self.parent.column(column), self.child.column(column)) else {
            return false;
        };
        let child = after.type_id.and_then(|id| self.schemas.1.type_def(id));
        matches!(self.parents_type(before), ParentsType::Enum(_))
            && child.is_some_and(|definition| matches!(definition.body, TypeBody::Labels(_)))
    }
}

fn enum_name(column: &Column) -> Name {
    let id = column.type_id.unwrap_or_default();
    Name::new(format!("edition_enum_{id}")).unwrap_or_else(|_| unreachable!("short and not empty"))
}

fn make_enum(column: &Column, labels: &[Label]) -> Sql {
    let labels = join(labels.iter().map(|label| Literal(&label.text)), ", ");
    sql!("CREATE TYPE pg_temp.{} AS ENUM ({})", enum_name(column), labels)
}

fn text_type(column: &Column) -> Sql {
    Sql::trusted(if column.type_name.ends_with("[]") { "text[]" } else { "text" })
}

fn row_of_nulls(alias: &str, table: &Table, type_of: impl Fn(&Table, &Column) -> Sql) -> Sql {
    let columns = table.columns.iter().map(|column| {
        let collation = match &column.collation {
            Some(collation) => sql!(" COLLATE {}", Sql::trusted(collation)),
            None => Sql::trusted(""),
        };
        sql!("NULL::{}{} AS {}", type_of(table, column), collation, column.name)
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
