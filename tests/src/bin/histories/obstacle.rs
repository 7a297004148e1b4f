//! Rows that a migration cannot stand. PostgreSQL itself refuses `ADD COLUMN … NOT NULL` without a default on a table with rows, or a unique
//! index over equal ones: whoever wrote such a migration knew that his tables held none. They are taken away before the step becomes an edition,
//! as few as will do, and the report says so.

use edition_tests::{Pair, Session, Shape};

use crate::psql::{self, Complaint};

/// Rounds until everything is taken away.
const ROUNDS: usize = 12;

/// How many rows go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Force {
    /// Those that are known to be in the way.
    Some,
    /// All of a table, and those that refer to them.
    Table,
    /// All.
    Everything,
}

/// What was taken away so far, so that the next try takes more.
#[derive(Default)]
struct Clearing {
    tables: Vec<(String, String)>,
    done: Vec<String>,
}

/// Takes away what keeps `sql` from running on the live database's rows; gives what that was. The file is tried on copies.
pub(crate) async fn clear_live(pair: &Pair, sql: &str) -> Result<Vec<String>, Complaint> {
    let mut clearing = Clearing::default();
    for _ in 0..ROUNDS {
        let copy = pair.try_live().await;
        let Err(complaint) = psql::run(&pair.verbs, &copy, sql).await else { return Ok(clearing.done) };
        if !clearing.clear(&pair.in_live().await, &complaint).await {
            return Err(complaint);
        }
    }
    Ok(clearing.done)
}

/// Runs `sql` in the plain database, without the rows that keep it from running.
pub(crate) async fn run_plainly(pair: &Pair, sql: &str) -> Result<(), Complaint> {
    let mut clearing = Clearing::default();
    pair.keep_plain().await;
    for _ in 0..ROUNDS {
        let Err(complaint) = psql::run(&pair.verbs, &pair.plain, sql).await else { return Ok(()) };
        pair.restore_plain().await;
        let session = pair.in_plain().await;
        if !clearing.clear(&session, &complaint).await {
            return Err(complaint);
        }
        drop(session);
        pair.keep_plain().await;
    }
    Ok(())
}

/// Takes away all but one row of the table that stopped a publication, because a transform gives all of them one value; says so.
pub(crate) async fn clear_named(pair: &Pair, message: &str) -> Option<String> {
    let session = pair.in_live().await;
    let shape = Shape::read(&session).await.ok()?;
    let named = |schema: &str, name: &str| {
        let full = format!("{schema}.{name}");
        let mut ends = message.match_indices(&full).map(|(at, _)| message.get(at + full.len()..));
        ends.any(|rest| rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')))
    };
    let table = shape.tables.iter().find(|table| named(&table.schema, &table.name))?;
    let name = quoted(&table.schema, &table.name);
    if session.try_ask(&all_but_one(&name)).await.is_ok() {
        return Some(format!("all but one row of {} deleted", table.name));
    }
    session.try_ask(&format!("TRUNCATE {name} CASCADE")).await.ok()?;
    Some(format!("{} emptied", table.name))
}

impl Clearing {
    /// Takes rows away so that the complaint should go; false if it is not about rows, or nothing is left to take.
    async fn clear(&mut self, session: &Session, complaint: &Complaint) -> bool {
        let about_rows = ["22", "23", "P0"].iter().any(|class| complaint.code.starts_with(class));
        let everything = "all tables emptied".to_owned();
        if !about_rows || self.done.contains(&everything) {
            return false;
        }
        let force = match &complaint.table {
            None => Force::Everything,
            Some(table) => match self.tables.iter().filter(|known| *known == table).count() {
                0 => Force::Some,
                1 => Force::Table,
                _ => Force::Everything,
            },
        };
        self.tables.extend(complaint.table.clone());
        let done = match clear(session, complaint, force).await {
            Some(done) => done,
            None if clear(session, complaint, Force::Everything).await.is_some() => everything,
            None => return false,
        };
        self.done.push(done);
        true
    }
}

async fn clear(session: &Session, complaint: &Complaint, force: Force) -> Option<String> {
    let shape = Shape::read(session).await.ok()?;
    if force == Force::Everything {
        for table in shape.tables.iter().filter(|table| !table.partition) {
            let _ =
                session.try_ask(&format!("TRUNCATE {} CASCADE", quoted(&table.schema, &table.name))).await;
        }
        return Some("all tables emptied".to_owned());
    }
    let (schema, name) = complaint.table.as_ref()?;
    let table = shape.table(schema, name)?;
    let target = quoted(schema, name);
    let column = complaint.column.as_ref().filter(|column| table.column(column).is_some());
    let fewer = match (complaint.code.as_str(), column) {
        _ if force == Force::Table => None,
        ("23502", Some(column)) => Some((
            format!("DELETE FROM {target} WHERE \"{column}\" IS NULL"),
            format!("rows of {name} without {column} deleted"),
        )),
        ("23505", _) => Some((all_but_one(&target), format!("all but one row of {name} deleted"))),
        _ => None,
    };
    if let Some((statement, what)) = fewer
        && session.try_ask(&statement).await.is_ok()
    {
        return Some(what);
    }
    session.try_ask(&format!("TRUNCATE {target} CASCADE")).await.ok()?;
    Some(format!("{name} emptied"))
}

fn all_but_one(table: &str) -> String {
    format!("DELETE FROM {table} WHERE ctid <> (SELECT ctid FROM {table} ORDER BY ctid LIMIT 1)")
}

fn quoted(schema: &str, name: &str) -> String {
    format!("\"{schema}\".\"{name}\"")
}
