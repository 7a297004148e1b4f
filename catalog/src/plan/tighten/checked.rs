//! Checks and foreign keys: added NOT VALID, which scans nothing, then validated, which blocks nobody.

use super::{Context, Taken};
use crate::{
    layout::TakenNames,
    model::{Constraint, ConstraintKind},
    plan::{Finding, Lock, Step},
    sql,
    sql::Sql,
};

impl Context<'_> {
    /// A foreign key; its name is taken from `names`.
    pub(super) fn add_reference(
        &self,
        constraint: &Constraint,
        taken: &Taken,
        names: &mut TakenNames,
        findings: &mut Vec<Finding>,
    ) -> Vec<Step> {
        let Some(live) = self.partitioned().filter(|_| constraint.validated) else {
            return self.add_checked(constraint, names, findings);
        };
        findings.extend(self.tightens_by(constraint));
        let name = names.take(&constraint.name, &self.input.draft.name);
        self.reference_in_parts(live, &name, constraint, taken)
    }

    /// A check or a foreign key; its name is taken from `names`.
    pub(super) fn add_checked(
        &self,
        constraint: &Constraint,
        names: &mut TakenNames,
        findings: &mut Vec<Finding>,
    ) -> Vec<Step> {
        findings.extend(self.tightens_by(constraint));
        let name = names.take(&constraint.name, &self.input.draft.name);
        let definition = constraint.definition.strip_suffix(" NOT VALID").unwrap_or(&constraint.definition);
        let add = sql!(
            "ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID",
            self.physical,
            name,
            Sql::trusted(definition)
        );
        let title = format!("add constraint {} to {}", name.as_str(), self.physical.pretty());
        let mut relations = vec![self.physical.clone()];
        let target = constraint.references.as_ref().and_then(|(id, _)| self.input.physical.table(*id));
        relations.extend(target.map(|table| table.name.clone()));
        let is_foreign = constraint.kind == ConstraintKind::ForeignKey;
        let lock = if is_foreign { Lock::ShareRowExclusive } else { Lock::AccessExclusive };
        let mut add =
            Step::transaction(title, lock, relations, vec![add]).undone_by(vec![self.drop_constraint(&name)]);
        if let (Some(query), true) = (self.broken_check(constraint, definition), constraint.validated) {
            add = add.unless_found(
                format!("constraint {} of {}", constraint.name.as_str(), self.physical.pretty()),
                query,
            );
        }
        let mut steps = vec![add];
        if constraint.validated {
            let title = format!("validate constraint {} of {}", name.as_str(), self.physical.pretty());
            let scan = self.scan(title, sql!("ALTER TABLE {} VALIDATE CONSTRAINT {}", self.physical, name));
            steps.push(match condition(definition) {
                Some(condition) => scan.naming(self.row_where(&sql!("NOT ({})", condition))),
                None => scan,
            });
        }
        steps
    }

    /// A query for rows that break a check over columns that are there already.
    fn broken_check(&self, constraint: &Constraint, definition: &str) -> Option<Sql> {
        let condition = condition(definition)?;
        let all_shared =
            self.physical_columns(constraint).iter().all(|column| self.columns.get(column) == Some(&false));
        all_shared
            .then(|| sql!("SELECT ctid::text FROM {} WHERE NOT ({}) LIMIT 1", self.as_it_stands(), condition))
    }
}

/// What a check says.
fn condition(definition: &str) -> Option<Sql> {
    let definition = definition.strip_suffix(" NO INHERIT").unwrap_or(definition);
    let condition = definition.strip_prefix("CHECK (").and_then(|rest| rest.strip_suffix(')'))?;
    Some(Sql::trusted(condition))
}
