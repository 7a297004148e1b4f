//! The SQL of a backfill (pure).

use super::{BackfillSpec, pace::Position};
use crate::{
    model::{Name, QualifiedName},
    sql,
    sql::{Literal, Sql, join},
};

/// Sets all columns for the pending rows from `from` to before `to`.
pub(super) fn update(spec: &BackfillSpec, from: Position, to: Position) -> Sql {
    update_of(spec, &spec.assignments, from, to)
}

/// Sets these columns only.
pub(super) fn update_of(
    spec: &BackfillSpec,
    assignments: &[(Name, Sql)],
    from: Position,
    to: Position,
) -> Sql {
    sql!(
        "UPDATE ONLY {} AS edition_row SET {} WHERE {} AND ({})",
        spec.table,
        set_list(assignments),
        between(from, to),
        spec.pending
    )
}

/// Does what [`update`] does, row by row, giving NULL where a column of `null_on_error` cannot be computed or stored; any other failure
/// still fails it. Leaves the number of rows in the setting `edition.backfill_rows`.
pub(super) fn update_forgiving(spec: &BackfillSpec, from: Position, to: Position) -> Sql {
    // Variables have names that no column is likely to have.
    let here = sql!("edition_row.ctid = \"~place\"");
    let set_one = |column: &Name, value: &Sql| {
        sql!(
            "UPDATE ONLY {} AS edition_row SET {} = ({}) WHERE {} RETURNING edition_row.ctid INTO \"~place\";",
            spec.table,
            column,
            value,
            here
        )
    };
    let one_by_one = spec.assignments.iter().map(|(column, expression)| {
        let set = set_one(column, expression);
        if spec.null_on_error.contains(column) { guarded(&set, &set_one(column, &sql!("NULL"))) } else { set }
    });
    let all =
        sql!("UPDATE ONLY {} AS edition_row SET {} WHERE {};", spec.table, set_list(&spec.assignments), here);
    let body = sql!(
        "DECLARE \"~row\" record; \"~place\" tid; \"~rows\" bigint := 0; \
         BEGIN \
           FOR \"~row\" IN SELECT edition_row.ctid FROM ONLY {} AS edition_row WHERE {} AND ({}) FOR NO KEY UPDATE LOOP \
             \"~place\" := \"~row\".ctid; {} \"~rows\" := \"~rows\" + 1; \
           END LOOP; \
           PERFORM set_config('edition.backfill_rows', \"~rows\"::text, true); \
         END",
        spec.table,
        between(from, to),
        spec.pending,
        guarded(&all, &join(one_by_one, " "))
    );
    sql!("DO {}", Literal(body.as_str()))
}

/// PL/pgSQL: the first, or the second where the first fails for its data. What is only in the way for a while is no reason.
fn guarded(first: &Sql, second: &Sql) -> Sql {
    sql!(
        "BEGIN {} EXCEPTION WHEN lock_not_available OR deadlock_detected THEN RAISE; WHEN OTHERS THEN {} END;",
        first,
        second
    )
}

fn set_list(assignments: &[(Name, Sql)]) -> Sql {
    join(assignments.iter().map(|(column, expression)| sql!("{} = ({})", column, expression)), ", ")
}

/// A condition that PostgreSQL answers by a TID range scan.
pub(super) fn between(from: Position, to: Position) -> Sql {
    sql!(
        "edition_row.ctid >= '({},{})'::tid AND edition_row.ctid < '({},{})'::tid",
        from.block,
        from.offset,
        to.block,
        to.offset
    )
}

/// The table as a `regclass` constant.
pub(crate) fn regclass(table: &QualifiedName) -> Sql {
    let text = sql!("{}", table);
    sql!("{}::regclass", Literal(text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EditionId;

    #[test]
    fn one_update_sets_every_column_within_a_tid_range() {
        let name = |text: &str| Name::new(text).unwrap();
        let spec = BackfillSpec {
            search_path: Vec::new(),
            table: QualifiedName::new(name("public"), name("odd \"table")),
            child: EditionId::new(2),
            assignments: vec![
                (name("first"), Sql::trusted("split_part(edition_row.name, ' ', 1)")),
                (name("Last"), Sql::trusted("split_part(edition_row.name, ' ', 2)")),
            ],
            null_on_error: vec![],
            pending: Sql::trusted("edition_row.first IS NULL"),
            primary_key: vec![],
        };
        insta::assert_snapshot!(
            update(&spec, Position::start_of(3), Position { block: 3, offset: 17 }),
            @r#"UPDATE ONLY "public"."odd ""table" AS edition_row SET "first" = (split_part(edition_row.name, ' ', 1)), "Last" = (split_part(edition_row.name, ' ', 2)) WHERE edition_row.ctid >= '(3,0)'::tid AND edition_row.ctid < '(3,17)'::tid AND (edition_row.first IS NULL)"#
        );
    }
}
