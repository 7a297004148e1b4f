//! Rows that an UPDATE moves to another partition. PostgreSQL fires the triggers of an update, and then, for the very same row, those of an insert (docs,
//! 39.1), which would compute anew what nobody edited. So the update leaves a mark of the row as it made it, and the insert lets that row pass.
//!
//! A mark that outlives its row does no harm: it is over the sources and the targets of all transforms, and a row that fits it has the values that
//! belong together.

use std::collections::BTreeSet;

use super::{HopTriggers, changed};
use crate::{
    model::{Name, QualifiedName},
    sql,
    sql::{Literal, Sql, join},
};

/// The trigger that leaves the mark, last of all; nothing for a table without partitions.
pub fn moved_statements(hop: &HopTriggers) -> Vec<Sql> {
    if !marks(hop) {
        return Vec::new();
    }
    let body = sql!(
        "BEGIN\n  PERFORM pg_catalog.set_config({}, {}, true);\n  RETURN NEW;\nEND",
        Literal(&setting(hop)),
        mark(hop)
    );
    // A key may be of any type, so images are compared.
    let placing: Vec<(Name, bool)> = hop.placing.iter().map(|column| (column.clone(), false)).collect();
    vec![
        super::trigger_function(&function(hop), &body),
        sql!(
            "CREATE OR REPLACE TRIGGER {} BEFORE UPDATE ON {} FOR EACH ROW WHEN ({}) EXECUTE FUNCTION {}()",
            trigger(hop),
            hop.table,
            changed(&placing),
            function(hop)
        ),
    ]
}

/// Removes it.
pub(super) fn drop_moved(hop: &HopTriggers) -> Vec<Sql> {
    if !marks(hop) {
        return Vec::new();
    }
    vec![
        sql!("DROP TRIGGER IF EXISTS {} ON {}", trigger(hop), hop.table),
        sql!("DROP FUNCTION IF EXISTS {}()", function(hop)),
    ]
}

/// At the beginning of a body that inserts run: a row that was moved passes.
pub(super) fn let_moved_pass(hop: &HopTriggers) -> Sql {
    if !marks(hop) {
        return Sql::trusted("");
    }
    sql!(
        "  IF TG_OP = 'INSERT' AND NULLIF(pg_catalog.current_setting({}, true), '') = {} THEN RETURN NEW; END IF;\n",
        Literal(&setting(hop)),
        mark(hop)
    )
}

fn marks(hop: &HopTriggers) -> bool {
    !(hop.placing.is_empty() || hop.forward.is_empty() && hop.reverse.is_empty())
}

fn setting(hop: &HopTriggers) -> String {
    format!("edition.moved_{}_{}", hop.child, hop.table_id)
}

fn function(hop: &HopTriggers) -> QualifiedName {
    hop.named("moved")
}

/// Behind those of all hops.
fn trigger(hop: &HopTriggers) -> Name {
    let name = format!("~edition 3 {:010} moved", hop.child.get());
    Name::new(name).unwrap_or_else(|_| unreachable!("short and not empty"))
}

/// Everything that transforms read or set, and what places the row.
fn mark(hop: &HopTriggers) -> Sql {
    let assignments = || hop.forward.iter().chain(&hop.reverse);
    let columns: BTreeSet<&Name> = assignments()
        .map(|assignment| &assignment.target)
        .chain(assignments().flat_map(|assignment| assignment.sources.iter().map(|(name, _)| name)))
        .chain(&hop.placing)
        .collect();
    sql!(
        "pg_catalog.md5(ROW({})::text)",
        join(columns.into_iter().map(|column| sql!("NEW.{}", column)), ", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ddl::{Assignment, AssignmentKind, TriggerMode, forward_statements},
        model::{EditionId, OnError, TableId},
    };

    #[test]
    fn an_insert_lets_pass_what_an_update_has_marked() {
        let name = |text: &str| Name::new(text).unwrap();
        let hop = HopTriggers {
            table: QualifiedName::new(name("public"), name("events")),
            table_id: TableId::new(16390),
            child: EditionId::new(2),
            placing: vec![name("at")],
            forward: vec![Assignment {
                target: name("id$v2"),
                sources: vec![(name("id"), true)],
                expression: Sql::trusted("new.id"),
                kind: AssignmentKind::Transform,
                on_error: OnError::Reject,
                not_null: true,
                label: name("id"),
            }],
            reverse: Vec::new(),
            numbered: Vec::new(),
        };
        let mark = "pg_catalog.md5(ROW(NEW.\"at\", NEW.\"id\", NEW.\"id$v2\")::text)";
        let leaves = moved_statements(&hop);
        assert!(leaves[0].as_str().contains(mark), "{leaves:?}");
        assert!(
            leaves[1].as_str().contains("record_image_ne(ROW(NEW.\"at\"), ROW(OLD.\"at\"))"),
            "{leaves:?}"
        );
        let steady = forward_statements(&hop, TriggerMode::Steady);
        assert!(steady[0].as_str().contains(&format!("= {mark} THEN RETURN NEW")), "{steady:?}");
        let whole = HopTriggers { placing: Vec::new(), ..hop };
        assert!(moved_statements(&whole).is_empty());
        assert!(!forward_statements(&whole, TriggerMode::Steady)[0].as_str().contains("md5"));
    }
}
