//! NOT NULL that the child asks for.

use super::{Context, standing};
use crate::{
    layout::not_null_check,
    model::{Generated, Name},
    plan::{Finding, Lock, Step, transforms::nulls_wait},
    sql,
};

impl Context<'_> {
    /// NOT NULL through a validated check, so that SET NOT NULL has nothing to scan. Of a composite, `IS NOT NULL` would ask that no attribute is NULL;
    /// `IS DISTINCT FROM NULL` is PostgreSQL's own test for any type (parse_expr.c, make_nulltest_from_distinct).
    pub(super) fn not_null(&self, findings: &mut Vec<Finding>) -> Vec<Step> {
        let mut steps = Vec::new();
        for column in &self.table.child.columns {
            let Some(physical) = self.table.place.child.columns.get(&column.id) else { continue };
            let only_child = self.columns.get(physical) == Some(&true);
            let set_already = if only_child {
                // Where no row has to be written, NOT NULL came along with ADD COLUMN.
                let backfilled = self.input.hop.backfilled(self.table.place.id);
                column.generated == Generated::None
                    && !backfilled.map(|fill| &fill.target).any(|target| target == physical)
            } else {
                standing(self.input.chain, self.table.place.id)
                    .filter_map(|table| table.column_named(physical.as_str()))
                    .any(|known| known.not_null)
            };
            if column.not_null && !set_already {
                findings.extend(self.tightens(
                    &format!("column {}, NOT NULL", column.name.as_str()),
                    std::slice::from_ref(physical),
                ));
                steps.extend(self.set_not_null(physical, only_child));
            } else if !column.not_null && !only_child && set_already {
                findings.push(nulls_wait(&self.input.draft.name, &self.table.child.name, &column.name));
            }
        }
        steps
    }

    fn set_not_null(&self, column: &Name, only_child: bool) -> Vec<Step> {
        let check = not_null_check(column);
        let table = self.physical;
        let relations = || vec![table.clone()];
        let add = sql!(
            "ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} IS DISTINCT FROM NULL) NOT VALID",
            table,
            check,
            column
        );
        let drop_check = sql!("ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}", table, check);
        let set = vec![
            sql!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, column),
            sql!("ALTER TABLE {} DROP CONSTRAINT {}", table, check),
        ];
        let title = |what: &str| format!("{what} {}.{}", table.pretty(), column.as_str());
        let unset = sql!("ALTER TABLE IF EXISTS {} ALTER COLUMN {} DROP NOT NULL", table, column);
        // A column of the child's own is dropped whole by the inverse of its expansion.
        let undo_set = if only_child { Vec::new() } else { vec![unset] };
        let mut announce =
            Step::transaction(title("announce NOT NULL of"), Lock::AccessExclusive, relations(), vec![add])
                .undone_by(vec![drop_check]);
        if !only_child {
            let query = sql!(
                "SELECT ctid::text FROM {} WHERE {} IS NOT DISTINCT FROM NULL LIMIT 1",
                self.as_it_stands(),
                column
            );
            announce =
                announce.unless_found(format!("NOT NULL of {}.{}", table.pretty(), column.as_str()), query);
        }
        vec![
            announce,
            self.scan(
                title("check NOT NULL of"),
                sql!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, check),
            )
            .naming(self.row_where(&sql!("{} IS NOT DISTINCT FROM NULL", column))),
            Step::transaction(title("set NOT NULL of"), Lock::AccessExclusive, relations(), set)
                .undone_by(undo_set),
        ]
    }
}
