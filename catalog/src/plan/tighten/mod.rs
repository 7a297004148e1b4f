//! Steps for constraints and indexes that the child has and no live edition has yet: built or validated without blocking, wherever PostgreSQL can.

mod checked;
mod keys;
mod not_null;
mod partitioned;
mod standing;
mod wording;

use std::collections::BTreeMap;

pub(crate) use keys::BYTES_BUILT_AT_ONCE;
pub(in crate::plan) use keys::attach;
pub(in crate::plan) use standing::{Standing, Standings, same, same_index, surplus};
use wording::without_casts;

use super::{
    Chain, Code, ExpandInput, Finding, Lock, Severity, Step, StepKind,
    expand::{TableView, child_only},
    transforms::names,
};
use crate::{
    layout::TakenNames,
    model::{Constraint, ConstraintKind, EditionName, Index, Name, QualifiedName, Table, TableId},
    sql,
    sql::{Literal, Sql, join},
};

/// All the steps for the inherited tables. Foreign keys come last, because each needs the key that it points at.
pub(in crate::plan) fn tighten(
    input: &ExpandInput<'_>,
    tables: &[TableView<'_>],
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let contexts: Vec<Context<'_>> = tables.iter().map(|table| Context::new(input, table)).collect();
    let mut taken = Taken::new(&input.chain.live.tables, input);
    let mut steps = Vec::new();
    for context in &contexts {
        steps.extend(context.not_null(findings));
        steps.extend(context.rules(&mut taken, findings));
    }
    for context in &contexts {
        steps.extend(context.foreign_keys(&taken, findings));
        context.kept(findings);
    }
    steps
}

/// Every live edition's sight of one table, under physical names.
fn standing(chain: &Chain, id: TableId) -> impl Iterator<Item = &Table> {
    chain.members.iter().filter_map(move |member| member.physical.table(id))
}

/// Names that new indexes and constraints must not take: those that stand, and those that live editions have for what stands under others.
struct Taken {
    /// By schema: relations, and constraints, which may have an index of their name.
    relations: BTreeMap<Name, TakenNames>,
    /// By table.
    constraints: BTreeMap<QualifiedName, TakenNames>,
    /// The schema of the table at hand.
    schema: Option<Name>,
}

impl Taken {
    fn new(tables: &[Table], input: &ExpandInput<'_>) -> Self {
        let mut relations: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
        let mut constraints: BTreeMap<QualifiedName, Vec<Name>> = BTreeMap::new();
        // What a live edition has given another name gets it when the older ones are gone.
        let seen = || input.chain.members.iter();
        let schemas = std::iter::once(&input.chain.live).chain(seen().map(|member| &member.logical));
        for name in schemas.flat_map(super::names::relations) {
            relations.entry(name.schema.clone()).or_default().push(name.name.clone());
        }
        let tables = tables.iter().chain(seen().flat_map(|member| &member.physical.tables));
        for table in tables
            .flat_map(|table| std::iter::once(table).chain(table.partitions().iter().map(|part| &part.table)))
        {
            let own = || table.constraints.iter().map(|constraint| constraint.name.clone());
            let indexes = table.indexes.iter().map(|index| index.name.clone());
            relations.entry(table.name.schema.clone()).or_default().extend(own().chain(indexes));
            let parts = input.chain.facts.key_parts.get(&table.name).into_iter();
            let parts = parts.flat_map(|parts| parts.keys().cloned());
            constraints.entry(table.name.clone()).or_default().extend(own().chain(parts));
        }
        // So does what stands in an edition's schema: it moves.
        for table in seen().flat_map(|member| &member.logical.tables) {
            let own = table.constraints.iter().map(|constraint| constraint.name.clone());
            let indexes = table.indexes.iter().map(|index| index.name.clone());
            relations.entry(table.name.schema.clone()).or_default().extend(own.chain(indexes));
        }
        Self { relations: taken(relations), constraints: taken(constraints), schema: None }
    }

    /// A free name for an index on the table at hand.
    fn index(&mut self, wanted: &Name, edition: &EditionName) -> Name {
        match self.schema.clone() {
            Some(schema) => self.index_in(&schema, wanted, edition),
            None => wanted.clone(),
        }
    }

    /// A free name for an index on a table of this schema.
    fn index_in(&mut self, schema: &Name, wanted: &Name, edition: &EditionName) -> Name {
        self.relations.get_mut(schema).map_or_else(|| wanted.clone(), |taken| taken.take(wanted, edition))
    }

    fn of_table(&self, table: &QualifiedName) -> TakenNames {
        self.constraints.get(table).cloned().unwrap_or_default()
    }
}

fn taken<P: Ord>(names: BTreeMap<P, Vec<Name>>) -> BTreeMap<P, TakenNames> {
    names.into_iter().map(|(place, names)| (place, TakenNames::new(names))).collect()
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

    /// Everything but NOT NULL and foreign keys.
    fn rules(&self, taken: &mut Taken, findings: &mut Vec<Finding>) -> Vec<Step> {
        taken.schema = Some(self.physical.schema.clone());
        let mut names = taken.of_table(self.physical);
        let mut steps = Vec::new();
        findings.extend(self.key_of_an_older_edition());
        findings.extend(self.leaned_on_while_it_waits());
        for constraint in self.missing_constraints() {
            match constraint.kind {
                ConstraintKind::ForeignKey => {}
                ConstraintKind::Check => steps.extend(self.add_checked(constraint, &mut names, findings)),
                // PostgreSQL makes no such key of an index that stands.
                ConstraintKind::PrimaryKey if constraint.is_temporal() && self.has_primary_key() => {
                    let what = format!("constraint {}", constraint.name.as_str());
                    let why = "a key WITHOUT OVERLAPS cannot stand beside the older editions' primary key";
                    let fix = "make it UNIQUE beside the old key now, and the primary key once the older editions are retired";
                    findings.push(self.refused(&what, why).with_fix(fix));
                }
                ConstraintKind::Unique | ConstraintKind::PrimaryKey if constraint.is_temporal() => {
                    steps.extend(self.add_exclusion(constraint, taken, findings));
                }
                ConstraintKind::Unique | ConstraintKind::PrimaryKey => {
                    steps.extend(self.add_key(constraint, taken, findings));
                }
                ConstraintKind::Exclusion => {
                    steps.extend(self.add_exclusion(constraint, taken, findings));
                }
                ConstraintKind::Other => {
                    let what = format!("constraint {}", constraint.name.as_str());
                    findings.push(self.refused(&what, "this kind of constraint is not known"));
                }
            }
        }
        for index in self.missing_indexes() {
            steps.extend(self.add_index(index, taken, findings));
        }
        steps
    }

    fn foreign_keys(&self, taken: &Taken, findings: &mut Vec<Finding>) -> Vec<Step> {
        let mut names = taken.of_table(self.physical);
        let missing = self.missing_constraints();
        let mut missing: Vec<&Constraint> =
            missing.filter(|constraint| constraint.kind == ConstraintKind::ForeignKey).collect();
        // PostgreSQL names the parts of a key that points at a partitioned table by what is free when it is made. Keys that keep the draft's names come
        // first, so that no part of another takes one of these.
        missing.sort_by_key(|constraint| names.contains(&constraint.name));
        let steps = missing.into_iter().flat_map(|constraint| {
            findings.extend(self.part_of_its_name(constraint));
            self.add_reference(constraint, taken, &mut names, findings)
        });
        steps.collect()
    }

    /// A part of a foreign key keeps its name as long as the key is there, so that nothing else could have it when older editions retire.
    fn part_of_its_name(&self, constraint: &Constraint) -> Option<Finding> {
        let key = self.input.chain.facts.key_parts.get(self.physical)?.get(&constraint.name)?;
        let live = self.input.chain.live.table_named(self.physical)?;
        let standings = Standings::of(live, self.table.physical);
        let stays =
            |kept| matches!(standings.constraint(kept), Some(Standing::Constraint(name)) if name == key);
        self.table.physical.constraints.iter().any(stays).then(|| {
            let (table, name) = (&self.table.child.name, &constraint.name);
            let subject = format!("table {}, constraint {}", table.pretty(), name.as_str());
            let message = "a part of another foreign key, named by PostgreSQL itself, has its name in the live database";
            let rename = sql!("ALTER TABLE {} RENAME CONSTRAINT {} TO …", table, name);
            let fix = format!("give it another name in the draft: {}", rename.as_str());
            Finding::new(Code::Unsupported, subject, message).with_fix(fix)
        })
    }

    /// Constraints that no live edition has.
    fn missing_constraints(&self) -> impl Iterator<Item = &'a Constraint> {
        let known: Vec<(&Table, Standings<'_, 'a>)> = self.known();
        let wanted = &self.table.physical.constraints;
        let all: Vec<&[Constraint]> = known.iter().map(|(table, _)| table.constraints.as_slice()).collect();
        let is_parents = |constraint: &Constraint| {
            known.last().is_some_and(|(_, parent)| parent.constraint(constraint).is_some())
        };
        let surplus = surplus(wanted, &all, same, is_parents);
        wanted.iter().filter(move |constraint| {
            let is_new = known.iter().all(|(table, standings)| match standings.constraint(constraint) {
                None => true,
                // Only a name in common is not enough here.
                Some(Standing::Constraint(name)) => {
                    !table.constraints.iter().any(|other| &other.name == name && same(other, constraint))
                }
                Some(Standing::Index(_)) => false,
            });
            is_new || surplus.contains(constraint)
        })
    }

    /// Indexes that no live edition has.
    fn missing_indexes(&self) -> impl Iterator<Item = &'a Index> {
        let known: Vec<(&Table, Standings<'_, 'a>)> = self.known();
        let wanted = &self.table.physical.indexes;
        let all: Vec<&[Index]> = known.iter().map(|(table, _)| table.indexes.as_slice()).collect();
        let is_known = |standings: &Standings<'_, '_>, index: &Index| {
            standings.indexes.iter().any(|(wanted, _)| wanted.name == index.name)
        };
        let is_parents = |index: &Index| known.last().is_some_and(|(_, parent)| is_known(parent, index));
        let surplus = surplus(wanted, &all, same_index, is_parents);
        wanted.iter().filter(move |index| {
            let is_new = known.iter().all(|(table, standings)| {
                let mut alike = standings.indexes.iter().filter(|(wanted, _)| wanted.name == index.name);
                !alike.any(|(_, name)| {
                    table.indexes.iter().any(|other| &other.name == *name && same_index(other, index))
                })
            });
            is_new || surplus.contains(index)
        })
    }

    /// What the live editions have of the child's constraints and indexes.
    fn known(&self) -> Vec<(&'a Table, Standings<'a, 'a>)> {
        let wanted = self.table.physical;
        standing(self.input.chain, self.table.place.id)
            .map(|known| (known, Standings::of(known, wanted)))
            .collect()
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
                "give a column of it a forward transform whose value meets the rule whatever older editions write (edition transform {} {} --forward '…'), or accept it: --allow tightens-older-edition",
                self.input.draft.name,
                self.table.child.name.name.as_str()
            )),
        })
    }

    /// The same for a constraint; one that an older edition has too, over columns of which some are the child's duplicates now, is no news.
    fn tightens_by(&self, constraint: &Constraint) -> Option<Finding> {
        if !constraint.is_enforced() {
            return None;
        }
        let what = format!("constraint {}", constraint.name.as_str());
        let columns = self.physical_columns(constraint);
        if self.says_the_same(constraint) {
            return self.broken_by_transform(&what, &columns, true);
        }
        let is_key = !matches!(constraint.kind, ConstraintKind::Check | ConstraintKind::Other);
        let known = self.table.parent.constraints.iter().any(|known| {
            known.kind == constraint.kind
                && known.columns == constraint.columns
                && known.references == constraint.references
        });
        let duplicated = columns.iter().any(|column| self.columns.get(column) == Some(&true))
            || constraint.references.as_ref().is_some_and(|(id, ids)| self.is_duplicated(*id, ids));
        if is_key && known && duplicated {
            return self.broken_by_transform(&what, &columns, true);
        }
        self.tightens(&what, &columns).or_else(|| self.broken_by_transform(&what, &columns, false))
    }

    /// A rule over columns of the child's own binds older editions by way of what the transforms give. One that their own columns have, too, holds for values
    /// that are given as they are.
    fn broken_by_transform(&self, what: &str, columns: &[Name], is_known: bool) -> Option<Finding> {
        let fills = self.input.hop.fills(self.table.place.id).iter();
        let given: Vec<&Name> = fills
            .filter(|fill| columns.contains(&fill.target) && fill.fit.is_computed)
            .filter(|fill| !(is_known && fill.fit.keeps))
            .map(|fill| self.logical_name(&fill.target))
            .collect();
        if given.is_empty() {
            return None;
        }
        let given: Vec<&str> = given.into_iter().map(Name::as_str).collect();
        let message = format!(
            "a write of {} fails where what the transform gives for {} breaks the rule",
            names(&self.older()),
            given.join(", ")
        );
        let subject = format!("table {}, {what}", self.table.child.name.pretty());
        Some(Finding::new(Code::OlderWriteMayFail, subject, message).with_fix(format!(
            "make sure that it meets the rule whatever they write (edition transform {} {} --forward '…'), and accept it: --allow older-write-may-fail",
            self.input.draft.name,
            self.table.child.name.name.as_str()
        )))
    }

    /// The editions that are live.
    fn older(&self) -> Vec<EditionName> {
        self.input.chain.members.iter().map(|member| member.edition.name.clone()).collect()
    }

    /// What the child calls a physical column.
    fn logical_name<'n>(&'n self, physical: &'n Name) -> &'n Name {
        let mut columns = self.table.child.columns.iter();
        columns
            .find(|column| self.table.place.child.column(column) == physical)
            .map_or(physical, |column| &column.name)
    }

    /// Whether parent and child word a check alike: it differs only in whose columns, types or functions it means. PostgreSQL writes casts out
    /// by the column's type, so they do not count.
    fn says_the_same(&self, constraint: &Constraint) -> bool {
        let (before, after) = (worded(self.table.parent, constraint), worded(self.table.child, constraint));
        before.is_some()
            && before == after
            && constraint.kind == ConstraintKind::Check
            && !self.duplicated(constraint).is_empty()
    }

    /// The columns of a constraint that the child has for itself.
    fn duplicated(&self, constraint: &Constraint) -> Vec<Name> {
        let columns = self.physical_columns(constraint).into_iter();
        columns.filter(|column| self.columns.get(column) == Some(&true)).collect()
    }

    /// Whether the child has one of these columns for itself.
    fn is_duplicated(&self, table: TableId, columns: &[crate::model::ColumnId]) -> bool {
        let place = self.input.layout.inherited.iter().find(|place| place.id == table);
        place.is_some_and(|place| columns.iter().any(|id| place.parent_only.contains(id)))
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

    /// The key of a row for which a condition holds: `(id)=(17)`.
    fn row_where(&self, condition: &Sql) -> Sql {
        let key = self.table.parent.primary_key().iter();
        let key: Vec<&Name> = key.filter_map(|id| self.table.place.parent.columns.get(id)).collect();
        let names: Vec<&str> = key.iter().map(|name| name.as_str()).collect();
        let (names, values) = if key.is_empty() {
            ("ctid".to_owned(), Sql::trusted("CAST(ctid AS text)"))
        } else {
            (names.join(", "), join(key.iter().map(|name| sql!("CAST({} AS text)", *name)), " || ', ' || "))
        };
        let begin = format!("({names})=(");
        sql!(
            "SELECT {} || {} || ')' FROM {} WHERE {} LIMIT 1",
            Literal(&begin),
            values,
            self.physical,
            condition
        )
    }

    /// The table's name before the first step.
    fn as_it_stands(&self) -> &QualifiedName {
        let relocated = self.input.relocations.iter().find(|(_, to)| to == self.physical);
        relocated.map_or(self.physical, |(from, _)| from)
    }

    fn drop_constraint(&self, name: &Name) -> Sql {
        sql!("ALTER TABLE IF EXISTS {} DROP CONSTRAINT IF EXISTS {}", self.physical, name)
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

/// What a table's constraint of that name says.
fn worded<'t>(table: &'t Table, constraint: &Constraint) -> Option<(ConstraintKind, Vec<&'t str>)> {
    let found = table.constraints.iter().find(|known| known.name == constraint.name)?;
    Some((found.kind, without_casts(&found.definition)))
}
