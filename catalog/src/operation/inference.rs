//! Asking a draft what its migrations say about transforms, and the live database whether transforms undo each other.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use tokio_postgres::Row;

use super::data_steps::still_valid;
use crate::{
    blueprint::{managed_with, noted_statements, set_author_path},
    error::Result,
    model::{Column, ColumnId, Edition, Generated, Identity, Name, Schema, TableId, Transform, Volatility},
    plan::{AddedConstant, AddedWith, Agreement, Code, Finding, InferInput, Inferred, infer},
    seed::BookkeepingTables,
    sql,
    sql::{Literal, Sql, join},
    target::Connection,
};

/// What can be inferred from a draft and the statements that ran in it. `given`: by the author, who wins.
pub(super) async fn infer_from_draft(
    live: &Connection,
    blueprint: &mut Connection,
    draft: &Edition,
    (parent, child): (&Schema, &Schema),
    given: &[Transform],
) -> Result<Inferred> {
    let statements = noted_statements(&**blueprint).await?;
    let editioned = managed_with(&**live, &**blueprint).await?;
    let bookkeeping = BookkeepingTables::load(&**live).await?;
    let carried: BTreeSet<_> = child
        .tables
        .iter()
        .filter(|table| bookkeeping.holds(table.name.name.as_str()))
        .map(|table| table.id)
        .collect();
    let added_with = added_with(blueprint, &draft.created_at, parent, child).await?;
    let mut inferred = infer(&InferInput {
        edition: &draft.name,
        parent,
        child,
        editioned: &editioned,
        statements: &statements,
        given,
        carried: &carried,
        added_with: &added_with,
    });
    inferred.transforms.extend(of_constants(blueprint, &editioned, draft, child, &inferred.constants).await?);
    inferred.steps = still_valid(blueprint, &editioned, inferred.steps, &mut inferred.findings).await?;
    Ok(inferred)
}

/// What `ADD COLUMN` gives to the rows that are there stands in the catalogue, of partitioned tables in that of their partitions (pg_attribute,
/// atthasmissing); and the default of the column's domain.
const MISSING: &str = "\
SELECT DISTINCT ON (whole.attrelid, whole.attnum) whole.attrelid, whole.attnum, pg_catalog.array_to_string(a.attmissingval, ''), \
  pg_catalog.pg_get_expr(t.typdefaultbin, 0) \
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
JOIN pg_catalog.pg_attribute whole ON whole.attname = a.attname \
  AND whole.attrelid = CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid ELSE c.oid END \
JOIN pg_catalog.pg_type t ON t.oid = whole.atttypid \
WHERE a.atthasmissing AND NOT a.attisdropped AND a.attnum > 0 ORDER BY 1, 2, a.attrelid";

/// What rows that are there got in columns that the draft has added, where the column's default is no such constant any more. A default that is
/// another value at another time (`now()`) is taken for the one that the column was added with if the value is of a time since the draft was made (at
/// `made_at`), give or take a time zone.
async fn added_with(
    blueprint: &Connection,
    made_at: &str,
    parent: &Schema,
    child: &Schema,
) -> Result<AddedWith> {
    let mut candidates = Vec::new();
    for row in blueprint.query(MISSING, &[]).await? {
        let (table, id) = (TableId::new(row.try_get(0)?), ColumnId::new(row.try_get(1)?));
        let is_new = parent.table(table).is_some_and(|table| table.column(id).is_none());
        let column = child.table(table).and_then(|table| table.column(id)).filter(|_| is_new);
        let Some(column) = column else { continue };
        if column.generated == Generated::None && column.identity == Identity::None {
            let (value, of_domain) = (row.try_get(2)?, row.try_get(3)?);
            candidates.push(Added { key: (table, id), column, value, of_domain, made_at });
        }
    }
    let differ = try_join_all(candidates.iter().map(|added| added.has_another_default(blueprint))).await?;
    let differ = candidates.iter().zip(differ).filter(|(_, differs)| *differs);
    Ok(differ.map(|(added, _)| (added.key, added.expression())).collect())
}

/// Transforms that give rows what they get in columns that the draft has added, where that is not what the default says now.
async fn of_constants(
    blueprint: &mut Connection,
    editioned: &[Name],
    draft: &Edition,
    child: &Schema,
    constants: &[AddedConstant],
) -> Result<Vec<Transform>> {
    let mut columns = Vec::new();
    for constant in constants {
        let table = child.table(constant.table);
        let column = table.and_then(|table| Some((table, table.column(constant.column)?)));
        columns.extend(
            column
                .filter(|(_, column)| column.identity == Identity::None)
                .map(|(table, column)| (constant, table, column)),
        );
    }
    let asked: Vec<_> = columns.iter().map(|(constant, ..)| *constant).collect();
    let answers = values_of(blueprint, editioned, &asked).await?;
    let blueprint = &*blueprint;
    let values = try_join_all(columns.iter().zip(answers).map(async |((constant, _, column), answer)| {
        let key = (constant.table, constant.column);
        match answer {
            Some(computed) => computed.unlike_default(blueprint, key, column, draft).await,
            None => Ok(None),
        }
    }))
    .await?;
    let transforms = columns.iter().zip(values);
    Ok(transforms.filter_map(|((constant, table, _), value)| constant.transform(table, &value?)).collect())
}

/// What PostgreSQL says about the constant of a column.
struct Computed {
    /// As text.
    value: Option<String>,
    /// The default of the column's domain.
    of_domain: Option<String>,
}

impl Computed {
    /// As an expression; `None` if the default says it, and for NULL where the column takes none.
    async fn unlike_default(
        self,
        blueprint: &Connection,
        key: (TableId, ColumnId),
        column: &Column,
        draft: &Edition,
    ) -> Result<Option<Sql>> {
        let Self { value, of_domain } = self;
        let has_default = column.default.is_some() || of_domain.is_some();
        match value {
            Some(value) => {
                let added = Added { key, column, value, of_domain, made_at: &draft.created_at };
                Ok(added.has_another_default(blueprint).await?.then(|| added.expression()))
            }
            None if has_default && !column.not_null => Ok(Some(match column.type_id {
                None => sql!("CAST(NULL AS {})", Sql::trusted(&column.type_name)),
                Some(_) => Sql::trusted("NULL"),
            })),
            None => Ok(None),
        }
    }
}

/// Lets PostgreSQL compute constants, in the draft; `None` where it cannot (a type that is gone). One that it cannot compute makes it ask for each by itself.
async fn values_of(
    blueprint: &mut Connection,
    editioned: &[Name],
    constants: &[&AddedConstant],
) -> Result<Vec<Option<Computed>>> {
    if constants.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(all) = computed(blueprint, editioned, constants).await? {
        return Ok(all.into_iter().map(Some).collect());
    }
    let mut values = Vec::new();
    for constant in constants {
        let one = computed(blueprint, editioned, &[constant]).await?;
        values.push(one.and_then(|computed| computed.into_iter().next()));
    }
    Ok(values)
}

/// In the order of the constants; `None` if PostgreSQL refuses one of them.
async fn computed(
    blueprint: &mut Connection,
    editioned: &[Name],
    constants: &[&AddedConstant],
) -> Result<Option<Vec<Computed>>> {
    let rows = constants.iter().enumerate().map(|(position, constant)| {
        let (table, column) = (constant.table.get(), constant.column.get());
        sql!("({}, {}, {}, CAST({} AS pg_catalog.text))", position, table, column, constant.expression)
    });
    let query = sql!(
        "SELECT c.value, pg_catalog.pg_get_expr(t.typdefaultbin, 0) FROM (VALUES {}) c (position, of_table, number, value) \
         LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.of_table AND a.attnum = c.number \
         LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid ORDER BY c.position",
        join(rows, ", ")
    );
    let transaction = blueprint.transaction().await?;
    set_author_path(&transaction, editioned).await?;
    let answer = transaction.query(query.as_str(), &[]).await;
    transaction.rollback().await?;
    match answer {
        Ok(rows) => {
            let read = |row: &Row| Ok(Computed { value: row.try_get(0)?, of_domain: row.try_get(1)? });
            rows.iter().map(read).collect::<Result<_>>().map(Some)
        }
        Err(error) if error.as_db_error().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A column that the draft has added with a constant.
struct Added<'a> {
    /// When the draft was made.
    made_at: &'a str,
    key: (TableId, ColumnId),
    column: &'a Column,
    /// The constant, as text.
    value: String,
    /// The default of its type.
    of_domain: Option<String>,
}

/// Types of values that a stable default takes from the clock.
const TIMES: [&str; 2] = ["timestamp", "date"];

impl Added<'_> {
    /// In words of any edition: a type of the draft's own has another name elsewhere.
    fn expression(&self) -> Sql {
        let value = Literal(&self.value);
        match self.column.type_id {
            None => sql!("CAST({} AS {})", value, Sql::trusted(&self.column.type_name)),
            Some(_) => sql!("{}", value),
        }
    }

    /// Whether the constant is not what the default says now.
    async fn has_another_default(&self, blueprint: &Connection) -> Result<bool> {
        if self.column.default.is_some() && self.column.default_volatility == Volatility::Volatile {
            // Rows would have got a value each.
            return Ok(true);
        }
        let Some(default) = self.column.default.as_ref().or(self.of_domain.as_ref()) else { return Ok(true) };
        let type_name = Sql::trusted(&self.column.type_name);
        let tells_time = self.column.default_volatility == Volatility::Stable
            && TIMES.iter().any(|time| self.column.type_name.starts_with(time));
        let query = if tells_time {
            sql!(
                "SELECT CAST({} AS timestamptz) NOT BETWEEN CAST({} AS timestamptz) - interval '1 day' AND now() + interval '1 day'",
                Literal(&self.value),
                Literal(self.made_at)
            )
        } else {
            sql!(
                "SELECT CAST(({}) AS {})::pg_catalog.text IS DISTINCT FROM CAST({} AS {})::pg_catalog.text",
                Sql::trusted(default),
                type_name,
                Literal(&self.value),
                type_name
            )
        };
        match blueprint.query_one(query.as_str(), &[]).await {
            Ok(row) => Ok(row.try_get(0)?),
            // A default that cannot be had is not the one that rows have got.
            Err(error) if error.as_db_error().is_some() => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Tells which transforms do not give back what they were given, by the keys of rows. What cannot be asked (an expression that fails on
/// some row, a type that is not there yet) is left to the backfill.
pub(super) async fn disagreements(live: &mut Connection, agreements: &[Agreement]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for agreement in agreements {
        let transaction = live.build_transaction().read_only(true).start().await?;
        transaction.batch_execute("SET LOCAL statement_timeout = '5s'; SET LOCAL row_security = off").await?;
        let answer = transaction.query(agreement.query.as_str(), &[]).await;
        transaction.rollback().await?;
        let rows = match answer {
            Ok(rows) => rows,
            Err(error) if error.as_db_error().is_some() => continue,
            Err(error) => return Err(error.into()),
        };
        let keys: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        if !keys.is_empty() {
            findings.push(Finding {
                severity: Code::DoesNotUndo.severity(),
                code: Code::DoesNotUndo,
                subject: format!("table {}, column {}, reverse", agreement.table.pretty(), agreement.column.as_str()),
                message: format!(
                    "what the forward transform gives does not lead back to the same value, for example for the rows {}; the older value stays until somebody edits such a row in the new edition",
                    keys.join("; ")
                ),
                fix: None,
            });
        }
    }
    Ok(findings)
}
