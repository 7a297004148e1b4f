//! Values that cannot be transformed while a table is being populated.

use super::{Assignment, HopTriggers};
use crate::{
    model::OnError,
    sql,
    sql::{Literal, Sql},
};

/// In populate mode a value that does not fit must not fail the older edition's statement: it is recorded, and publish undoes itself.
pub(super) fn populate_guard(hop: &HopTriggers, assignment: &Assignment, set: &Sql) -> Sql {
    let table = hop.table.pretty();
    let report = |message: Sql| {
        sql!(
            "PERFORM edition.report_failure({}, {}, {});",
            Literal(&table),
            Literal(assignment.label.as_str()),
            message
        )
    };
    let null_check = if assignment.not_null {
        sql!(
            " IF NEW.{} IS NOT DISTINCT FROM NULL THEN {} END IF;",
            assignment.target,
            report(Sql::trusted("'the transform gave NULL for a NOT NULL column'"))
        )
    } else {
        Sql::trusted("")
    };
    sql!(
        "BEGIN {}{} EXCEPTION WHEN OTHERS THEN NEW.{} := NULL; {} END;",
        set,
        null_check,
        assignment.target,
        report(Sql::trusted("SQLERRM"))
    )
}

/// What fails if any was recorded; `None` where none can be. Meant for the transaction that ends populate mode, after it has locked the table: whoever
/// wrote in that mode has committed by then.
pub fn refuse_failures(hop: &HopTriggers) -> Option<Sql> {
    let records = hop.forward.iter().any(|assignment| assignment.on_error == OnError::Reject);
    let body = sql!(
        "DECLARE failed record; BEGIN \
         SELECT column_name, error_message INTO failed FROM edition.failures WHERE table_name = {} ORDER BY id LIMIT 1; \
         IF FOUND THEN RAISE EXCEPTION 'a row that an older edition wrote meanwhile cannot be transformed: table %, column %: % \
(make the transform cover that value, or give it with --on-error null)', {}, failed.column_name, failed.error_message; END IF; END",
        Literal(&hop.table.pretty()),
        Literal(&hop.table.pretty())
    );
    records.then(|| sql!("DO {}", Literal(body.as_str())))
}
