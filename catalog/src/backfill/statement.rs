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
    let set =
        join(assignments.iter().map(|(column, expression)| sql!("{} = ({})", column, expression)), ", ");
    sql!(
        "UPDATE ONLY {} AS edition_row SET {} WHERE {} AND ({})",
        spec.table,
        set,
        between(from, to),
        spec.pending
    )
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
            table: QualifiedName::new(name("public"), name("odd \"table")),
            child: EditionId::new(2),
            assignments: vec![
                (name("first"), Sql::trusted("split_part(edition_row.name, ' ', 1)")),
                (name("Last"), Sql::trusted("split_part(edition_row.name, ' ', 2)")),
            ],
            pending: Sql::trusted("edition_row.first IS NULL"),
            primary_key: vec![],
        };
        insta::assert_snapshot!(
            update(&spec, Position::start_of(3), Position { block: 3, offset: 17 }),
            @r#"UPDATE ONLY "public"."odd ""table" AS edition_row SET "first" = (split_part(edition_row.name, ' ', 1)), "Last" = (split_part(edition_row.name, ' ', 2)) WHERE edition_row.ctid >= '(3,0)'::tid AND edition_row.ctid < '(3,17)'::tid AND (edition_row.first IS NULL)"#
        );
    }
}
