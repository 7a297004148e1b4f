//! The form in which publish runs a statement of the draft. As it stands it meets editioning views where the draft had tables. Of one that a view does not take
//! (`GROUP BY` a key, `ctid`, …) PostgreSQL writes out what it means for the stored tables.

use std::collections::BTreeSet;

use crate::{
    blueprint::set_author_path,
    error::Result,
    model::{Name, Table, TableId},
    physical::{alter_briefly, statements_in_physical_words},
    plan::{Code, DataStep, ExpandInput, Finding, viewed_tables},
    sql,
    sql::{Sql, join},
    target::Connection,
};

/// The steps that PostgreSQL could still run in the draft as it has become. For others findings take the place of theirs.
pub(super) async fn still_valid(
    blueprint: &mut Connection,
    editioned: &[Name],
    steps: Vec<DataStep>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<DataStep>> {
    let objections = objections(blueprint, editioned, &steps, None).await?;
    let mut valid = Vec::with_capacity(steps.len());
    for (step, objection) in steps.into_iter().zip(objections) {
        match objection {
            None => {
                let leaves_rows = step.inserts && leaves_rows(blueprint, editioned, &step).await?;
                valid.push(DataStep { leaves_rows, ..step });
            }
            Some(objection) => leave_out(
                findings,
                &step,
                &format!("a statement of the draft cannot be run in the schema that it led to ({objection})"),
                "say by edition transform what it did, or accept that it is left out: --allow not-inferred",
            ),
        }
    }
    Ok(valid)
}

/// Whether an INSERT gives rows in a draft, where its table has some.
async fn leaves_rows(blueprint: &mut Connection, editioned: &[Name], step: &DataStep) -> Result<bool> {
    let transaction = blueprint.transaction().await?;
    let has_rows = sql!("SELECT EXISTS (SELECT FROM {})", step.table);
    let mut leaves = transaction.query_one(has_rows.as_str(), &[]).await?.try_get(0)?;
    if leaves {
        set_author_path(&transaction, editioned).await?;
        // One that fails meets the rows that it has left.
        leaves = transaction.execute(step.text.as_str(), &[]).await.map_or(true, |rows| rows > 0);
    }
    transaction.rollback().await?;
    Ok(leaves)
}

/// Gives the steps that views do not take their form for the stored tables. For those that have none findings take the place of theirs.
pub(super) async fn fit_for_views(
    blueprint: &mut Connection,
    input: &ExpandInput<'_>,
    findings: &mut Vec<Finding>,
) -> Result<Vec<DataStep>> {
    let (steps, child, editioned) = (input.data_steps.to_vec(), input.child, &input.chain.editioned);
    if steps.is_empty() {
        return Ok(steps);
    }
    let viewed = viewed_tables(input)?;
    let is_viewed = |table: &Table| viewed.contains(&table.id);
    let views: Vec<Sql> = child.tables.iter().filter(|table| is_viewed(table)).map(make_a_view).collect();
    if views.is_empty() {
        return Ok(steps);
    }
    let views = join(views, "; ");
    let objections = objections(blueprint, editioned, &steps, Some(&views)).await?;
    if objections.iter().all(Option::is_none) {
        return Ok(steps);
    }
    let texts: Vec<&str> = steps.iter().map(|step| step.text.as_str()).collect();
    let stored =
        statements_in_physical_words(blueprint, (child, &input.layout.mapping, editioned), &texts).await?;
    let mut fit = Vec::with_capacity(steps.len());
    for ((step, objection), stored) in steps.into_iter().zip(objections).zip(stored) {
        let Some(objection) = objection else {
            fit.push(step);
            continue;
        };
        // The stored table applies defaults of its own.
        let target = child.table_named(&step.table).filter(|_| step.inserts);
        let stored = match target {
            Some(table) if is_viewed(table) && has_own_default(input, table.id) => None,
            _ => stored.filter(|stored| stored.keys.iter().all(|table| has_its_key(input, *table))),
        };
        match stored {
            Some(stored) => fit.push(DataStep { stored: Some(stored.text), ..step }),
            None => leave_out(
                findings,
                &step,
                &format!(
                    "publish would run a statement of the draft on editioning views, which do not take it ({objection})"
                ),
                "run it through the edition once it is published, and accept that publish leaves it out: --allow not-inferred",
            ),
        }
    }
    Ok(fit)
}

/// Puts a view in the place of a table, as the edition's sessions have one.
fn make_a_view(table: &Table) -> Sql {
    let base = Sql::trusted(format!("\"edition~{}\"", table.id));
    let columns = join(table.columns.iter().map(|column| sql!("{}", column.name)), ", ");
    let schema = &table.name.schema;
    sql!(
        "ALTER TABLE {} RENAME TO {}; CREATE VIEW {} AS SELECT {} FROM {}.{}",
        table.name,
        base,
        table.name,
        columns,
        schema,
        base
    )
}

/// Whether an INSERT into the stored table might give a column another value than one in the draft.
fn has_own_default(input: &ExpandInput<'_>, table: TableId) -> bool {
    let (Some(stored), Some(wanted)) = (stored_table(input, table), input.physical.table(table)) else {
        return true;
    };
    wanted.columns.iter().any(|column| match stored.column_named(column.name.as_str()) {
        Some(standing) => standing.default != column.default,
        None => column.default.is_some(),
    })
}

/// The physical table of an inherited one.
fn stored_table<'a>(input: &'a ExpandInput<'_>, table: TableId) -> Option<&'a Table> {
    let place = input.layout.inherited.iter().find(|place| place.id == table)?;
    input.chain.live.table_named(&place.child.physical)
}

/// Whether the primary key that a table has in the draft is the stored table's while older editions live.
fn has_its_key(input: &ExpandInput<'_>, table: TableId) -> bool {
    let Some(place) = input.layout.inherited.iter().find(|place| place.id == table) else { return true };
    let wanted = input.child.table(table).and_then(|table| {
        table
            .primary_key()
            .iter()
            .map(|column| place.child.columns.get(column))
            .collect::<Option<BTreeSet<_>>>()
    });
    let standing = stored_table(input, table).and_then(|table| {
        let names = table.primary_key().iter().map(|column| Some(&table.column(*column)?.name));
        names.collect::<Option<BTreeSet<_>>>()
    });
    wanted.is_some_and(|wanted| !wanted.is_empty() && Some(wanted) == standing)
}

/// For each step why PostgreSQL could not run it in the draft as it has become, when something else has been done before.
async fn objections(
    blueprint: &mut Connection,
    editioned: &[Name],
    steps: &[DataStep],
    before: Option<&Sql>,
) -> Result<Vec<Option<String>>> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = blueprint.transaction().await?;
    if let Some(before) = before {
        alter_briefly(&transaction, before).await?;
    }
    set_author_path(&transaction, editioned).await?;
    let mut objections = Vec::with_capacity(steps.len());
    for step in steps {
        transaction.batch_execute("SAVEPOINT step").await?;
        let explain = sql!("EXPLAIN (COSTS OFF) {}", Sql::trusted(&step.text));
        let answer = transaction.batch_execute(explain.as_str()).await;
        transaction.batch_execute("ROLLBACK TO SAVEPOINT step").await?;
        objections.push(match answer {
            Ok(()) => None,
            Err(error) => match error.as_db_error() {
                Some(said) => Some(said.message().to_owned()),
                None => return Err(error.into()),
            },
        });
    }
    transaction.rollback().await?;
    Ok(objections)
}

/// Says that publish does not run the step, instead of saying that it does.
fn leave_out(findings: &mut Vec<Finding>, step: &DataStep, why: &str, fix: &str) {
    let (subject, shown) = (format!("table {}", step.table.pretty()), step.shown());
    // One: what is shown of others may read the same.
    let own = findings.iter().position(|finding| {
        finding.code == Code::DataStep && finding.subject == subject && finding.message.ends_with(&shown)
    });
    if let Some(own) = own {
        findings.remove(own);
    }
    findings.push(Finding::new(Code::NotInferred, subject, format!("{why}: {shown}")).with_fix(fix));
}
