//! Numbers that a duplicate has from the column that it is one of. An identity or a sequence draws once a row, by the default of the column that has it
//! (drawn for each column, `currval` and `lastval` would be wrong); a writer of a younger edition gives no number, so the duplicate of
//! its edition must have the one that was drawn before anything reads it: the application's triggers and every hop.

use serde::{Deserialize, Serialize};

use super::{HopTriggers, Way};
use crate::{
    model::{ColumnId, Name, QualifiedName},
    sql,
    sql::{Sql, join},
};

/// A duplicate without a default of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// The logical column.
    pub column: ColumnId,
    /// The duplicate.
    pub target: Name,
    /// The physical column whose default or identity draws, in the oldest edition that counts.
    pub counter: Name,
}

/// The trigger that hands the number over, for the child and younger editions; nothing for a hop without such columns.
pub(super) fn number_statements(hop: &HopTriggers) -> Vec<Sql> {
    if hop.numbered.is_empty() {
        return Vec::new();
    }
    let is_missing = |column: &Numbered| sql!("NEW.{} IS NULL", column.target);
    let missing = join(hop.numbered.iter().map(is_missing), " OR ");
    // An assignment converts as the default of a column of another type would.
    let take = |column: &Numbered| {
        let Numbered { target, counter, .. } = column;
        sql!("  IF NEW.{} IS NULL THEN NEW.{} := NEW.{}; END IF;", target, target, counter)
    };
    let body = sql!("BEGIN\n{}\n  RETURN NEW;\nEND", join(hop.numbered.iter().map(take), "\n"));
    vec![
        super::trigger_function(&function(hop), &body),
        sql!(
            "CREATE OR REPLACE TRIGGER {} BEFORE INSERT ON {} FOR EACH ROW WHEN ({} AND ({})) EXECUTE FUNCTION {}()",
            trigger(hop),
            hop.table,
            hop.gate(Way::Reverse),
            missing,
            function(hop)
        ),
    ]
}

/// Removes it.
pub(super) fn drop_number(hop: &HopTriggers) -> Vec<Sql> {
    if hop.numbered.is_empty() {
        return Vec::new();
    }
    vec![
        sql!("DROP TRIGGER IF EXISTS {} ON {}", trigger(hop), hop.table),
        sql!("DROP FUNCTION IF EXISTS {}()", function(hop)),
    ]
}

fn function(hop: &HopTriggers) -> QualifiedName {
    hop.named("number")
}

/// `!` sorts before whatever an identifier begins with, quoted ones with a blank or a control character aside.
fn trigger(hop: &HopTriggers) -> Name {
    let name = format!("!edition {:010} number", hop.child.get());
    Name::new(name).unwrap_or_else(|_| unreachable!("short and not empty"))
}
