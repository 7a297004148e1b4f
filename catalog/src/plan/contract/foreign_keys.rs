//! Foreign keys: those that only the edition that goes has, and those that stay but lean on a key of its own.

use std::collections::BTreeSet;

use super::Contraction;
use crate::{
    model::{ColumnId, Constraint, ConstraintKind, Name, QualifiedName, Table, TableId},
    plan::{Lock, Step, StepKind},
    sql,
    sql::{Literal, Sql},
};

impl Contraction<'_> {
    /// Foreign keys go first, one by one: each locks two tables.
    pub(super) fn drop_foreign_keys(&self) -> Vec<Step> {
        let gone = self.table_ids().into_iter().filter(|id| !self.is_kept(*id));
        let going: BTreeSet<TableId> = gone.filter_map(|id| Some(self.live(id)?.id)).collect();
        let mut steps = Vec::new();
        for id in self.table_ids() {
            let (Some(physical), Some(live)) = (self.standing(id), self.live(id)) else { continue };
            let doomed = if self.is_kept(id) {
                self.doomed_constraints(id, true)
            } else {
                pointers_at_others(live, &going)
            };
            for name in doomed {
                let target = live.constraints.iter().find(|c| c.name == name).and_then(|c| {
                    let (target, _) = c.references.as_ref()?;
                    Some(self.input.chain.live.table(*target)?.name.clone())
                });
                let statement = sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", physical, name);
                let relations = std::iter::once(physical.clone()).chain(target).collect();
                let title = format!("drop foreign key {} of {}", name.as_str(), physical.pretty());
                steps.push(Step::transaction(title, Lock::AccessExclusive, relations, vec![statement]));
            }
        }
        steps
    }

    /// A key that goes may be the one that a foreign key was made with, while another over the same columns stays. PostgreSQL binds a foreign key
    /// to one index for life, so it is made again, together with the dropping; what was valid stays so, but PostgreSQL has to be shown.
    pub(super) fn lean_on_other_keys(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for id in self.table_ids().into_iter().filter(|id| self.is_kept(*id)) {
            let Some(target) = self.live(id) else { continue };
            let doomed = self.doomed_constraints(id, false);
            let keys = target.constraints.iter().filter(|key| {
                doomed.contains(&key.name)
                    && matches!(key.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
            });
            for key in keys {
                steps.extend(self.lean_on_another_key(target, key));
            }
        }
        steps
    }

    fn lean_on_another_key(&self, target: &Table, key: &Constraint) -> Vec<Step> {
        let leaning: Vec<(&Table, &Constraint)> = self
            .live_tables_that_stay()
            .flat_map(|(table, dropped)| {
                let stays = move |foreign: &&Constraint| !dropped.contains(&foreign.name);
                table.constraints.iter().filter(stays).map(move |foreign| (table, foreign))
            })
            .filter(|(_, foreign)| {
                foreign
                    .references
                    .as_ref()
                    .is_some_and(|(to, columns)| *to == target.id && set(columns) == set(&key.columns))
            })
            .collect();
        if leaning.is_empty() {
            return Vec::new();
        }
        let mut statements: Vec<Sql> = leaning
            .iter()
            .map(|(table, foreign)| {
                sql!("ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}", table.name, foreign.name)
            })
            .collect();
        statements.push(sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", target.name, key.name));
        let mut scans = Vec::new();
        for (table, foreign) in &leaning {
            let definition = foreign.definition.strip_suffix(" NOT VALID").unwrap_or(&foreign.definition);
            statements.push(sql!(
                "ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID",
                table.name,
                foreign.name,
                Sql::trusted(definition)
            ));
            if let Some(comment) = &foreign.comment {
                statements.push(sql!(
                    "COMMENT ON CONSTRAINT {} ON {} IS {}",
                    foreign.name,
                    table.name,
                    Literal(comment)
                ));
            }
            if foreign.validated {
                let title =
                    format!("validate foreign key {} of {}", foreign.name.as_str(), table.name.pretty());
                let statements =
                    vec![sql!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table.name, foreign.name)];
                scans.push(
                    Step::new(
                        title,
                        StepKind::Scan { statements },
                        Lock::ShareUpdateExclusive,
                        vec![table.name.clone()],
                    )
                    .touching(self.input.chain.size(&table.name)),
                );
            }
        }
        let relations: BTreeSet<QualifiedName> =
            leaning.iter().map(|(table, _)| table.name.clone()).chain([target.name.clone()]).collect();
        let title = format!("let foreign keys to {} lean on the key that stays", target.name.pretty());
        let mut steps = vec![Step::transaction(
            title,
            Lock::AccessExclusive,
            relations.into_iter().collect(),
            statements,
        )];
        steps.append(&mut scans);
        steps
    }

    /// Live tables that stay, each with the foreign keys that go.
    fn live_tables_that_stay(&self) -> impl Iterator<Item = (&Table, Vec<Name>)> {
        self.table_ids()
            .into_iter()
            .filter(|id| self.is_kept(*id))
            .filter_map(|id| Some((self.live(id)?, self.doomed_constraints(id, true))))
    }
}

/// Foreign keys of a table that goes: while they stand, the keys of other tables that go with it cannot be dropped.
fn pointers_at_others(table: &Table, going: &BTreeSet<TableId>) -> Vec<Name> {
    let points_at_others = |constraint: &&Constraint| {
        constraint.references.as_ref().is_some_and(|(target, _)| !going.contains(target))
    };
    table.constraints.iter().filter(points_at_others).map(|constraint| constraint.name.clone()).collect()
}

fn set(columns: &[ColumnId]) -> BTreeSet<ColumnId> {
    columns.iter().copied().collect()
}
