//! `sync`: takes into the blueprints what somebody altered directly in the live database.
//!
//! The live database is only read. The equivalent DDL is tried in a transaction in every blueprint, which PostgreSQL judges: what changes
//! nothing is no difference, what cannot be done is refused, and nothing is committed before all of them agree.

use std::collections::BTreeSet;

use serde::Serialize;
use tokio_postgres::Transaction;

use super::{chain::standing, footing::alone, resuming::refuse_running_operation};
use crate::{
    blueprint::{Difference, differences, read_schema},
    ddl::Maker,
    diff::{Change, diff},
    error::{Error, Result},
    event::{Event, Events},
    model::{Edition, EditionState, Name, Schema, Table},
    plan::{Chain, Finding, drift_of_rules, equivalent_ddl},
    sql,
    sql::{Literal, Sql},
    store::{self, NewEntry, stored_name},
    target::{Connection, Target},
};

/// What `sync` did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct Synced {
    /// What the live database has otherwise than the root's blueprint.
    pub changes: Vec<Change>,
    /// What it has otherwise and cannot be taken in.
    pub refused: Vec<String>,
    /// The editions whose blueprints were brought to it; none for a dry run, or if there was nothing to do.
    pub editions: Vec<String>,
}

/// Shows what was altered directly, and unless `dry_run` takes it into the root's blueprint and the draft's. Refused while several editions
/// are live (their views and triggers were made for the tables as they were), or where a draft cannot take it.
pub async fn sync(target: &Target, dry_run: bool, events: &dyn Events) -> Result<Synced> {
    let (lock, mut connection) = alone(target).await?;
    refuse_running_operation(&connection).await?;
    let editions = store::editions(&*connection).await?;
    let editioned = store::schemas(&*connection).await?;
    let root = only_one(&editions)?;
    let draft = editions.iter().find(|edition| edition.state == EditionState::Draft);
    if !dry_run {
        finish_interrupted(target, &connection, root, draft).await?;
    }

    let live = read_live(&mut connection, &editioned).await?;
    let runner: String = connection.query_one("SELECT current_user::text", &[]).await?.try_get(0)?;
    let maker = Maker::new(stored_name(&runner)?);

    let mut blueprint = target.connect_blueprint(&root.blueprint).await?;
    let reader = blueprint.schema_reader().await?;
    let transaction = begin(&mut blueprint).await?;
    let before = read_schema(&reader, &transaction, &editioned).await?;
    let statements = equivalent_ddl(&before, &live, &maker);
    run(&transaction, root, &statements).await?;
    let after = read_schema(&reader, &transaction, &editioned).await?;
    let changes = diff(&before, &after, &after).changes;
    let refused = left_over(&after, &live);
    if dry_run || !refused.is_empty() || changes.is_empty() {
        transaction.rollback().await?;
        let outcome = Synced { changes, refused, editions: Vec::new() };
        return if dry_run || outcome.refused.is_empty() {
            Ok(outcome)
        } else {
            Err(cannot(&outcome.refused))
        };
    }

    // Told from one blueprint to the other, so that nothing is left in it that only words the same otherwise.
    let statements = equivalent_ddl(&before, &after, &maker);
    let mut names = vec![root.name.to_string()];
    names.extend(draft.map(|draft| draft.name.to_string()));
    let title = format!("take direct DDL into the blueprints of {}", names.join(", "));
    let text = statements.iter().map(Sql::as_str).collect::<Vec<_>>().join(";\n");
    let entry = NewEntry {
        edition: root.name.as_str(),
        verb: "sync",
        title: &title,
        statement: Some(&text),
        state: "started",
        ..NewEntry::default()
    };
    let entry = store::append(&*connection, &entry).await?;
    if let Some(draft) = draft {
        let mut sandbox = target.connect_blueprint(&draft.blueprint).await?;
        let in_sandbox = sandbox.schema_reader().await?;
        let in_draft = begin(&mut sandbox).await?;
        run(&in_draft, draft, &statements).await?;
        let draft_after = read_schema(&in_sandbox, &in_draft, &editioned).await?;
        refuse_other_identities(draft, &before, &after, &draft_after)?;
        taken(&in_draft, entry).await?;
        in_draft.commit().await?;
    }
    taken(&transaction, entry).await?;
    transaction.commit().await?;
    store::mark_entry(&*connection, entry, "done", None).await?;
    events.emit(Event::Note { text: title });
    drop(lock);
    Ok(Synced { changes, refused, editions: names })
}

/// Notes in a blueprint, in the transaction that changes it, which entry of the journal the change is of.
async fn taken(transaction: &Transaction<'_>, entry: i64) -> Result<()> {
    let note = sql!("COMMENT ON SCHEMA edition IS {}", Literal(&note_of(entry)));
    Ok(transaction.batch_execute(note.as_str()).await?)
}

fn note_of(entry: i64) -> String {
    format!("sync {entry}")
}

/// A `sync` that was killed left an entry in the journal. Where the draft's blueprint has taken it in and the root's has not, it does now; where
/// neither has, nothing has happened.
async fn finish_interrupted(
    target: &Target,
    connection: &Connection,
    root: &Edition,
    draft: Option<&Edition>,
) -> Result<()> {
    let entries = connection
        .query(
            "SELECT id, statement FROM edition.journal WHERE verb = 'sync' AND state = 'started' ORDER BY id",
            &[],
        )
        .await?;
    for row in entries {
        let (entry, statements): (i64, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let in_draft = match draft {
            Some(draft) => has_taken(target, draft, entry).await?,
            None => false,
        };
        let in_root = has_taken(target, root, entry).await?;
        if in_draft && !in_root {
            let mut blueprint = target.connect_blueprint(&root.blueprint).await?;
            let transaction = begin(&mut blueprint).await?;
            run(&transaction, root, &[Sql::trusted(statements.unwrap_or_default())]).await?;
            taken(&transaction, entry).await?;
            transaction.commit().await?;
        }
        let state = if in_draft || in_root { "done" } else { "undone" };
        store::mark_entry(&**connection, entry, state, None).await?;
    }
    Ok(())
}

async fn has_taken(target: &Target, edition: &Edition, entry: i64) -> Result<bool> {
    let blueprint = target.connect_blueprint(&edition.blueprint).await?;
    let row = blueprint
        .query_one(
            "SELECT coalesce(obj_description(to_regnamespace('edition'), 'pg_namespace') = $1, false)",
            &[&note_of(entry)],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// Refusals for rules of tables (defaults, NOT NULL, constraints, indexes) that somebody altered directly. Only at rest: while several editions are
/// live, a table has more than one blueprint says. PostgreSQL may word the same otherwise in two databases, so where words differ the DDL from the
/// one to the other is tried in the root's blueprint: what changes nothing there is no difference.
pub(super) async fn altered_rules(target: &Target, chain: &Chain) -> Result<Vec<Finding>> {
    let [root] = chain.members.as_slice() else { return Ok(Vec::new()) };
    let statements = equivalent_ddl(&root.logical, &chain.live, chain.maker());
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    let mut blueprint = target.connect_blueprint(&root.edition.blueprint).await?;
    let reader = blueprint.schema_reader().await?;
    let transaction = begin(&mut blueprint).await?;
    run(&transaction, &root.edition, &statements).await?;
    let after = read_schema(&reader, &transaction, &chain.editioned).await?;
    transaction.rollback().await?;
    Ok(drift_of_rules(&diff(&root.logical, &after, &after).changes))
}

fn only_one(editions: &[Edition]) -> Result<&Edition> {
    let open = standing(editions);
    let count = open.len();
    let root = editions.iter().find(|edition| open.first().is_some_and(|first| first.id == edition.id));
    match (root, count) {
        (Some(root), 1) => Ok(root),
        (None, _) => Err(Error::bug("no edition is live")),
        (Some(root), _) => {
            let leaf = open.last().map_or("", |edition| edition.name.as_str());
            Err(Error::refused(format!(
                "{count} editions are live, whose views and triggers fit the tables as they were: direct DDL cannot be taken in"
            ))
            .with_hint(format!(
                "undo the direct change (edition plan names it), or leave one edition: edition retire {}, or edition rollback {leaf} --save FILE",
                root.name
            )))
        }
    }
}

async fn read_live(connection: &mut Connection, editioned: &[Name]) -> Result<Schema> {
    let reader = connection.schema_reader().await?;
    let transaction = connection.transaction().await?;
    let schema = read_schema(&reader, &transaction, editioned).await?;
    transaction.rollback().await?;
    Ok(schema)
}

async fn begin(blueprint: &mut Connection) -> Result<Transaction<'_>> {
    let transaction = blueprint.transaction().await?;
    transaction
        .batch_execute("SET LOCAL lock_timeout = '10s'; SET LOCAL check_function_bodies = off")
        .await?;
    Ok(transaction)
}

async fn run(transaction: &Transaction<'_>, edition: &Edition, statements: &[Sql]) -> Result<()> {
    for statement in statements {
        transaction.batch_execute(statement.as_str()).await.map_err(|error| {
            let said = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
            refused_by(edition, &format!("{statement}: {said}")).with_source(error)
        })?;
    }
    Ok(())
}

fn refused_by(edition: &Edition, why: &str) -> Error {
    let error = Error::refused(format!(
        "edition \"{}\" cannot take in what was altered directly: {why}",
        edition.name
    ));
    match edition.state {
        EditionState::Draft => error.with_hint(format!(
            "edition drop {0}; edition sync; then edition create {0} --from its migrations again",
            edition.name
        )),
        _ => error.with_hint("undo the direct change, and make it in a draft"),
    }
}

/// A column is its number and a table its OID in every blueprint: what gets others in the draft would be taken for something else.
fn refuse_other_identities(draft: &Edition, before: &Schema, after: &Schema, drafted: &Schema) -> Result<()> {
    for table in &after.tables {
        let name = table.name.pretty();
        let Some(known) = before.table(table.id) else {
            return Err(refused_by(draft, &format!("table {name} is new, and would be another table there")));
        };
        for column in table.columns.iter().filter(|column| known.column(column.id).is_none()) {
            let there = drafted.table(table.id).and_then(|table| table.column(column.id));
            if there.is_none_or(|there| there.name != column.name) {
                let why = format!("column {} of {name} would be another column there", column.name.as_str());
                return Err(refused_by(draft, &why));
            }
        }
    }
    Ok(())
}

/// Objects that one has and the other has not, but for partitions, which come and go by maintenance, and tables that are still not alike in what has no wording of its own.
fn left_over(taken_in: &Schema, live: &Schema) -> Vec<String> {
    let detached: BTreeSet<String> = taken_in
        .tables
        .iter()
        .flat_map(Table::partitions)
        .map(|part| format!("table {}", part.table.name.pretty()))
        .collect();
    let is_maintenance = |object: &String| object.starts_with("partition ") || detached.contains(object);
    let by_name = differences(taken_in, live).into_iter().filter_map(|difference| match difference {
        Difference::Added(object) | Difference::Missing(object) if is_maintenance(&object) => None,
        Difference::Added(object) => Some(format!("{object} was added")),
        Difference::Missing(object) => Some(format!("{object} was dropped")),
        Difference::Changed(_) => None,
    });
    let tables = taken_in.tables.iter().filter_map(|table| {
        let there = live.table_named(&table.name)?;
        (table.owner != there.owner || table.grants != there.grants || table.properties != there.properties)
            .then(|| {
                format!("table {}: its owner, privileges or properties were changed", table.name.pretty())
            })
    });
    by_name.chain(tables).collect()
}

fn cannot(refused: &[String]) -> Error {
    Error::refused(format!("what was altered directly cannot be taken in:\n  {}", refused.join("\n  ")))
        .with_hint("undo that part in the live database, and make it in a draft; edition sync --dry-run shows the rest")
}
