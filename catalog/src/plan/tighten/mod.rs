//! Steps for constraints and indexes that the child has and no live edition has yet: always built or validated without blocking.

use std::collections::BTreeMap;

use crate::{
    ddl::{concurrent_index, index_body},
    layout::TakenNames,
    model::{Constraint, ConstraintKind, Index, Name, QualifiedName, Table, TableId},
    sql,
    sql::{Sql, join},
};

use crate::plan::{
    Chain, Code, ExpandInput, Finding, Lock, Severity, Step, StepKind,
    expand::{TableView, child_only},
};

/// Constraints with the same kind and the same deparsed text are the same thing.
pub(in crate::plan) fn same(a: &Constraint, b: &Constraint) -> bool {
    a.kind == b.kind && a.definition == b.definition
}

/// Indexes that differ in nothing but their names are the same thing.
pub(in crate::plan) fn same_index(a: &Index, b: &Index) -> bool {
    a.unique == b.unique && index_body(a) == index_body(b)
}

/// Every live edition's sight of one table, under physical names.
fn standing(chain: &Chain, id: TableId) -> impl Iterator<Item = &Table> {
    chain.members.iter().filter_map(move |member| member.physical.table(id))
}

/// All the steps for one inherited table.
pub(in crate::plan) fn tighten(
    input: &ExpandInput<'_>,
    table: &TableView<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let context = Context::new(input, table);
    let mut steps = context.not_null(findings);
    let mut taken = context.taken_names();
    for constraint in &table.physical.constraints {
        if standing(input.chain, table.place.id)
            .flat_map(|t| &t.constraints)
            .any(|known| same(known, constraint))
        {
            continue;
        }
        steps.extend(context.add_constraint(constraint, &mut taken, findings));
    }
    for index in &table.physical.indexes {
        if standing(input.chain, table.place.id)
            .flat_map(|t| &t.indexes)
            .any(|known| same_index(known, index))
        {
            continue;
        }
        steps.extend(context.add_index(index, &mut taken, findings));
    }
    context.kept(findings);
    steps
}

struct Context<'a> {
    input: &'a ExpandInput<'a>,
    table: &'a TableView<'a>,
    physical: &'a QualifiedName,
    /// Physical column → whether only the child has it.
    columns: BTreeMap<Name, bool>,
}

impl<'a> Context<'a> {
    fn new(input: &'a ExpandInput<'a>, table: &'a TableView<'a>) -> Self {
        Self { input, table, physical: &table.place.child.physical, columns: child_only(table) }
    }

    /// Names of constraints and relations that a new constraint or index must not take.
    fn taken_names(&self) -> TakenNames {
        let live = &self.input.chain.live;
        let constraints =
            live.table_named(self.physical).map(|t| t.constraints.as_slice()).unwrap_or_default();
        let relations = crate::plan::names::relations(live)
            .filter(|name| name.schema == self.physical.schema)
            .map(|name| name.name.clone());
        let indexes =
            live.tables.iter().filter(|table| table.name.schema == self.physical.schema).flat_map(|table| {
                table
                    .indexes
                    .iter()
                    .map(|i| i.name.clone())
                    .chain(table.constraints.iter().map(|c| c.name.clone()))
            });
        TakenNames::new(constraints.iter().map(|c| c.name.clone()).chain(relations).chain(indexes))
    }

    fn physical_columns(&self, constraint: &Constraint) -> Vec<Name> {
        constraint
            .columns
            .iter()
            .filter_map(|id| self.table.physical.column(*id))
            .map(|c| c.name.clone())
            .collect()
    }

    /// Whether a rule over these columns binds the writes of older editions as well.
    fn binds_older(&self, columns: &[Name]) -> bool {
        columns.is_empty() || columns.iter().any(|column| self.columns.get(column) == Some(&false))
    }

    fn tightens(&self, what: &str, columns: &[Name]) -> Option<Finding> {
        self.binds_older(columns).then(|| Finding {
            severity: Severity::NeedsWord,
            code: Code::TightensOlderEdition,
            subject: format!("table {}, {what}", self.table.child.name.pretty()),
            message: "the rule will bind the writes of older editions too, because they share its columns".to_owned(),
            fix: Some(format!(
                "give a forward transform for a column of it (edition transform {} {} --forward '…'), or accept it: --allow tightens-older-edition",
                self.input.draft.name,
                self.table.child.name.name.as_str()
            )),
        })
    }

    fn refused(&self, what: &str, why: &str) -> Finding {
        Finding {
            severity: Severity::Refused,
            code: Code::Unsupported,
            subject: format!("table {}, {what}", self.table.child.name.pretty()),
            message: why.to_owned(),
            fix: None,
        }
    }

    fn scan(&self, title: String, statement: Sql) -> Step {
        let kind = StepKind::Scan { statements: vec![statement] };
        Step::new(title, kind, Lock::ShareUpdateExclusive, vec![self.physical.clone()])
            .touching(self.input.chain.size(self.physical))
    }

    /// NOT NULL through a validated check, so that SET NOT NULL has nothing to scan.
    fn not_null(&self, findings: &mut Vec<Finding>) -> Vec<Step> {
        let mut steps = Vec::new();
        let hop = self.input.hop.triggers.get(&self.table.place.id);
        for column in &self.table.child.columns {
            let Some(physical) = self.table.place.child.columns.get(&column.id) else { continue };
            let only_child = self.columns.get(physical) == Some(&true);
            let set_already = if only_child {
                // With a fast default NOT NULL came along with ADD COLUMN.
                !hop.is_some_and(|hop| hop.forward.iter().any(|assignment| &assignment.target == physical))
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
                findings.push(self.relaxes(&column.name));
            }
        }
        steps
    }

    fn relaxes(&self, column: &Name) -> Finding {
        Finding {
            severity: Severity::Refused,
            code: Code::NeedsReverseTransform,
            subject: format!("table {}, column {}, reverse", self.table.child.name.pretty(), column.as_str()),
            message: "the draft drops NOT NULL, but an older edition must never see NULL there".to_owned(),
            fix: Some(format!(
                "edition transform {} {} --reverse '{} = coalesce({}, <value>)'",
                self.input.draft.name,
                self.table.child.name.name.as_str(),
                column.quoted(),
                column.quoted()
            )),
        }
    }

    fn set_not_null(&self, column: &Name, only_child: bool) -> Vec<Step> {
        let check = column.with_suffix("~edition not null");
        let table = self.physical;
        let relations = || vec![table.clone()];
        let add =
            sql!("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID", table, check, column);
        let drop_check = sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", table, check);
        let set = vec![
            sql!("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL", table, column),
            sql!("ALTER TABLE {} DROP CONSTRAINT {}", table, check),
        ];
        let title = |what: &str| format!("{what} {}.{}", table.pretty(), column.as_str());
        let unset = sql!("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL", table, column);
        // A column of the child's own is dropped whole by the inverse of its expansion.
        let undo_set = if only_child { Vec::new() } else { vec![unset] };
        let mut announce =
            Step::transaction(title("announce NOT NULL of"), Lock::AccessExclusive, relations(), vec![add])
                .undone_by(vec![drop_check]);
        if !only_child {
            let query = sql!("SELECT ctid::text FROM ONLY {} WHERE {} IS NULL LIMIT 1", table, column);
            announce =
                announce.unless_found(format!("NOT NULL of {}.{}", table.pretty(), column.as_str()), query);
        }
        vec![
            announce,
            self.scan(
                title("check NOT NULL of"),
                sql!("ALTER TABLE {} VALIDATE CONSTRAINT {}", table, check),
            ),
            Step::transaction(title("set NOT NULL of"), Lock::AccessExclusive, relations(), set)
                .undone_by(undo_set),
        ]
    }

    fn add_constraint(
        &self,
        constraint: &Constraint,
        taken: &mut TakenNames,
        findings: &mut Vec<Finding>,
    ) -> Vec<Step> {
        let columns = self.physical_columns(constraint);
        let what = format!("constraint {}", constraint.name.as_str());
        match constraint.kind {
            ConstraintKind::Check | ConstraintKind::ForeignKey => {
                findings.extend(self.tightens(&what, &columns));
                self.add_validated(constraint, taken)
            }
            ConstraintKind::Unique => {
                findings.extend(self.tightens(&what, &columns));
                self.add_unique(constraint, &columns, taken).unwrap_or_else(|| {
                    findings.push(self.refused(&what, "a UNIQUE constraint with INCLUDE, NULLS NOT DISTINCT or storage options cannot be added to an existing table yet"));
                    Vec::new()
                })
            }
            ConstraintKind::PrimaryKey => {
                findings.push(self.refused(&what, "a primary key cannot be added to or changed on an existing table yet, nor the type of its columns"));
                Vec::new()
            }
            ConstraintKind::Exclusion | ConstraintKind::Other => {
                findings.push(
                    self.refused(&what, "this kind of constraint cannot be added to an existing table yet"),
                );
                Vec::new()
            }
        }
    }

    fn drop_constraint(&self, name: &Name) -> Sql {
        sql!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}", self.physical, name)
    }

    fn add_validated(&self, constraint: &Constraint, taken: &mut TakenNames) -> Vec<Step> {
        let name = taken.take(&constraint.name, &self.input.draft.name);
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
        let lock = if target.is_some() { Lock::ShareRowExclusive } else { Lock::AccessExclusive };
        let mut add =
            Step::transaction(title, lock, relations, vec![add]).undone_by(vec![self.drop_constraint(&name)]);
        let condition = definition.strip_prefix("CHECK (").and_then(|rest| rest.strip_suffix(')'));
        let all_shared =
            self.physical_columns(constraint).iter().all(|column| self.columns.get(column) == Some(&false));
        if let (Some(condition), true, true) = (condition, all_shared, constraint.validated) {
            let query = sql!(
                "SELECT ctid::text FROM ONLY {} WHERE NOT ({}) LIMIT 1",
                self.physical,
                Sql::trusted(condition)
            );
            add = add.unless_found(
                format!("constraint {} of {}", constraint.name.as_str(), self.physical.pretty()),
                query,
            );
        }
        let mut steps = vec![add];
        if constraint.validated {
            let title = format!("validate constraint {} of {}", name.as_str(), self.physical.pretty());
            steps.push(self.scan(title, sql!("ALTER TABLE {} VALIDATE CONSTRAINT {}", self.physical, name)));
        }
        steps
    }

    /// Only the plain form: PostgreSQL's text must be exactly what we would build, or we do not touch it.
    fn add_unique(
        &self,
        constraint: &Constraint,
        columns: &[Name],
        taken: &mut TakenNames,
    ) -> Option<Vec<Step>> {
        let rest = constraint.definition.strip_prefix("UNIQUE (")?;
        let (_, options) = rest.split_once(')')?;
        let deferrable = match options {
            "" => "",
            " DEFERRABLE" => " DEFERRABLE",
            " DEFERRABLE INITIALLY DEFERRED" => " DEFERRABLE INITIALLY DEFERRED",
            _ => return None,
        };
        let name = taken.take(&constraint.name, &self.input.draft.name);
        let index = QualifiedName::new(self.physical.schema.clone(), name.clone());
        let build =
            sql!("CREATE UNIQUE INDEX CONCURRENTLY {} ON {} ({})", name, self.physical, join(columns, ", "));
        let attach = sql!(
            "ALTER TABLE {} ADD CONSTRAINT {} UNIQUE USING INDEX {}{}",
            self.physical,
            name,
            name,
            Sql::trusted(deferrable)
        );
        let title = format!("attach unique constraint {} to {}", name.as_str(), self.physical.pretty());
        let attach =
            Step::transaction(title, Lock::AccessExclusive, vec![self.physical.clone()], vec![attach])
                .undone_by(vec![self.drop_constraint(&name)]);
        Some(vec![self.index_step(build, index), attach])
    }

    fn index_step(&self, statement: Sql, index: QualifiedName) -> Step {
        let title = format!("build index {} on {}", index.name.as_str(), self.physical.pretty());
        let drop = sql!("DROP INDEX CONCURRENTLY IF EXISTS {}", index);
        Step::new(
            title,
            StepKind::Index { statement, index },
            Lock::ShareUpdateExclusive,
            vec![self.physical.clone()],
        )
        .touching(self.input.chain.size(self.physical))
        .undone_by(vec![drop])
    }

    fn add_index(&self, index: &Index, taken: &mut TakenNames, findings: &mut Vec<Finding>) -> Option<Step> {
        if index.unique {
            let columns: Vec<Name> = index
                .columns
                .iter()
                .filter_map(|id| self.table.physical.column(*id))
                .map(|c| c.name.clone())
                .collect();
            findings.extend(self.tightens(&format!("unique index {}", index.name.as_str()), &columns));
        }
        let name = taken.take(&index.name, &self.input.draft.name);
        let Some(statement) = concurrent_index(index, &name) else {
            findings.push(self.refused(
                &format!("index {}", index.name.as_str()),
                "PostgreSQL deparsed the index in an unknown form",
            ));
            return None;
        };
        Some(self.index_step(statement, QualifiedName::new(self.physical.schema.clone(), name)))
    }

    /// What the draft dropped but older editions still rely on.
    fn kept(&self, findings: &mut Vec<Finding>) {
        let Some(parent) = self.input.chain.leaf().and_then(|leaf| leaf.physical.table(self.table.place.id))
        else {
            return;
        };
        let shared = |columns: &[crate::model::ColumnId]| {
            columns.iter().all(|id| {
                parent.column(*id).is_some_and(|column| self.columns.get(&column.name) == Some(&false))
            })
        };
        for constraint in parent.constraints.iter().filter(|constraint| shared(&constraint.columns)) {
            if !self.table.physical.constraints.iter().any(|kept| same(kept, constraint)) {
                findings.push(Finding {
                    severity: Severity::Notice,
                    code: Code::KeptUntilRetire,
                    subject: format!("table {}, constraint {}", self.table.child.name.pretty(), constraint.name.as_str()),
                    message: "the draft drops it; it stays in force for all editions until the older ones are retired".to_owned(),
                    fix: None,
                });
            }
        }
    }
}
