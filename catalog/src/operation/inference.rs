//! Asking a draft what its migrations say about transforms, and the live database whether transforms undo each other.

use std::collections::BTreeSet;

use crate::{
    blueprint::{noted_statements, set_author_path},
    error::Result,
    model::{Edition, Name, Schema, Transform},
    plan::{Agreement, Code, DataStep, Finding, InferInput, Inferred, infer},
    seed::BookkeepingTables,
    sql,
    sql::Sql,
    store,
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
    let editioned = store::schemas(&**live).await?;
    let bookkeeping = BookkeepingTables::load(&**live).await?;
    let carried: BTreeSet<_> = child
        .tables
        .iter()
        .filter(|table| bookkeeping.holds(table.name.name.as_str()))
        .map(|table| table.id)
        .collect();
    let mut inferred = infer(&InferInput {
        edition: &draft.name,
        parent,
        child,
        editioned: &editioned,
        statements: &statements,
        given,
        carried: &carried,
    });
    let mut steps = Vec::new();
    for step in inferred.steps {
        match objection(blueprint, &editioned, &step).await? {
            None => steps.push(step),
            Some(objection) => {
                inferred.findings.retain(|finding| {
                    finding.code != Code::DataStep
                        || finding.subject != format!("table {}", step.table.pretty())
                });
                inferred.findings.push(outdated(&step, &objection));
            }
        }
    }
    Ok(Inferred { steps, ..inferred })
}

/// Whether PostgreSQL could still run the statement in the draft as it has become.
async fn objection(
    blueprint: &mut Connection,
    editioned: &[Name],
    step: &DataStep,
) -> Result<Option<String>> {
    let transaction = blueprint.transaction().await?;
    set_author_path(&transaction, editioned).await?;
    let explain = sql!("EXPLAIN (COSTS OFF) {}", Sql::trusted(&step.text));
    let answer = transaction.batch_execute(explain.as_str()).await;
    transaction.rollback().await?;
    match answer {
        Ok(()) => Ok(None),
        Err(error) => match error.as_db_error() {
            Some(said) => Ok(Some(said.message().to_owned())),
            None => Err(error.into()),
        },
    }
}

fn outdated(step: &DataStep, objection: &str) -> Finding {
    let shown: String =
        step.text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    Finding {
        severity: Code::NotInferred.severity(),
        code: Code::NotInferred,
        subject: format!("table {}", step.table.pretty()),
        message: format!(
            "a statement of the draft cannot be run in the schema that it led to ({objection}): {shown}"
        ),
        fix: Some(
            "say by edition transform what it did, or accept that it is left out: --allow not-inferred"
                .to_owned(),
        ),
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
