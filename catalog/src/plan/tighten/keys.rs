//! What an index enforces or is: primary keys, unique constraints, exclusions and indexes.

use std::collections::BTreeSet;

use super::{Context, Standing, Standings, Taken, partitioned::Whole};
use crate::{
    ddl::concurrent_index,
    model::{ColumnId, Constraint, ConstraintKind, Index, Name, QualifiedName},
    plan::{Code, Finding, Lock, Step, StepKind, transforms::names},
    sql,
    sql::Sql,
};

/// What PostgreSQL builds under an exclusive lock within milliseconds.
pub(crate) const BYTES_BUILT_AT_ONCE: u64 = 1 << 20;

impl Context<'_> {
    /// The primary key that the parent gave up for another: the table has it still, and would have to keep it when the parent's is to take its place.
    pub(super) fn key_of_an_older_edition(&self) -> Option<Finding> {
        let is_key = |constraint: &&Constraint| constraint.kind == ConstraintKind::PrimaryKey;
        let key = self.table.physical.constraints.iter().find(is_key)?;
        let before = self.table.parent.constraints.iter().find(is_key)?;
        let live = self.input.chain.live.table_named(self.physical)?;
        let standing = Standings::of(live, self.table.physical).constraint(key)?;
        let is_another = before.columns != key.columns;
        (is_another && matches!(standing, Standing::Constraint(_))).then(|| {
            let what = format!("constraint {}", key.name.as_str());
            let message = "it is the primary key that the edition before gave up for another, and the table cannot have both";
            let fix = "retire the editions that have it first, or add a unique constraint instead";
            self.refused(&what, message).with_fix(fix)
        })
    }

    /// A primary key that waits, as an index, for an older edition's to go.
    pub(super) fn leaned_on_while_it_waits(&self) -> Option<Finding> {
        let is_key = |constraint: &&Constraint| constraint.kind == ConstraintKind::PrimaryKey;
        let key = self.table.physical.constraints.iter().find(is_key)?;
        let standing = Standings::of(self.partitioned()?, self.table.physical).constraint(key)?;
        matches!(standing, Standing::Index(_)).then(|| self.leaned_on(key)).flatten()
    }

    /// A unique constraint or a primary key: its index is built without blocking anybody and then attached.
    ///
    /// A table can have one primary key. While an older edition has another, the child's is a unique index over columns that are NOT NULL, which
    /// enforces the same; it becomes the primary key when that edition is retired.
    pub(super) fn add_key(
        &self,
        constraint: &Constraint,
        taken: &mut Taken,
        findings: &mut Vec<Finding>,
    ) -> Vec<Step> {
        let Some(index) = constraint.as_index() else { return Vec::new() };
        findings.extend(self.tightens_by(constraint));
        let is_known = self
            .table
            .parent
            .constraints
            .iter()
            .any(|known| known.as_index().is_some() && known.columns == constraint.columns);
        let what = format!("constraint {}", constraint.name.as_str());
        // ON CONFLICT takes no arbiter that can be put off.
        let may_be_arbiter = is_known && constraint.deferrable().is_none();
        findings.extend(self.stands_twice(&what, &self.physical_columns(constraint), may_be_arbiter));
        if constraint.kind == ConstraintKind::PrimaryKey && self.has_primary_key() {
            findings.extend(self.grouped_by());
        }
        let name = taken.index(&constraint.name, &self.input.draft.name);
        let takes_over = constraint.kind == ConstraintKind::PrimaryKey && self.has_primary_key();
        if is_known && constraint.deferrable().is_some() {
            // Until it is a constraint, an index enforces at once what older editions put off.
            if self.partitioned().is_none() && !takes_over {
                findings.extend(self.blocks(&what));
                return vec![self.add_at_once(constraint, &name)];
            }
            findings.push(self.cannot_be_put_off(&what));
        }
        if let Some(live) = self.partitioned() {
            let whole = match constraint.kind {
                ConstraintKind::PrimaryKey if self.has_primary_key() => Whole::Index,
                ConstraintKind::PrimaryKey => Whole::Key(constraint, "PRIMARY KEY"),
                _ => Whole::Key(constraint, "UNIQUE"),
            };
            if constraint.kind == ConstraintKind::PrimaryKey && self.has_primary_key() {
                findings.extend(self.leaned_on(constraint));
            }
            let steps = self.build_in_parts(live, (&index, &name), whole, taken);
            return steps.unwrap_or_else(|| {
                findings.push(self.unknown_index(&index));
                Vec::new()
            });
        }
        let Some(build) = concurrent_index(&index, &name) else {
            findings.push(self.unknown_index(&index));
            return Vec::new();
        };
        let place = QualifiedName::new(self.physical.schema.clone(), name.clone());
        let mut steps = vec![self.index_step(build, place)];
        let keyword = match constraint.kind {
            ConstraintKind::PrimaryKey if self.has_primary_key() => return steps,
            ConstraintKind::PrimaryKey => "PRIMARY KEY",
            _ => "UNIQUE",
        };
        let statements = vec![attach(self.physical, &name, &name, keyword, constraint)];
        let title =
            format!("attach {} {} to {}", keyword.to_lowercase(), name.as_str(), self.physical.pretty());
        let relations = vec![self.physical.clone()];
        steps.push(
            Step::transaction(title, Lock::AccessExclusive, relations, statements)
                .undone_by(vec![self.drop_constraint(&name)]),
        );
        steps
    }

    /// A primary key of a partitioned table is made anew when the older one is gone, which no foreign key can wait for.
    fn leaned_on(&self, key: &Constraint) -> Option<Finding> {
        let columns = |columns: &[ColumnId]| columns.iter().copied().collect::<BTreeSet<_>>();
        let leans = |foreign: &Constraint| {
            let target = foreign.references.as_ref();
            target.is_some_and(|(id, to)| *id == self.table.place.id && columns(to) == columns(&key.columns))
        };
        let foreign = self.input.child.tables.iter().find(|table| table.constraints.iter().any(leans))?;
        let what = format!("constraint {}", key.name.as_str());
        let why = "the primary key of a partitioned table takes another one's place, and a foreign key points at it";
        let fix = format!(
            "drop the foreign key of {} in this draft, and add it in one that is made when the older editions are retired",
            foreign.name.pretty()
        );
        Some(self.refused(&what, why).with_fix(fix))
    }

    /// That other columns follow from a key, PostgreSQL knows of a primary key only.
    fn grouped_by(&self) -> Vec<Finding> {
        let id = self.table.place.id;
        let views = self.input.child.views.iter().filter(|view| view.groups_by.contains(&id));
        let functions = self.input.child.functions.iter().filter(|function| function.groups_by.contains(&id));
        views
            .map(|view| format!("view {}", view.name.pretty()))
            .chain(functions.map(|function| format!("{} {}", function.kind.word(), function.name.pretty())))
            .map(|subject| {
                let message = format!(
                    "it groups by the primary key of {}, and the draft's key becomes the primary one when the older editions are retired",
                    self.table.child.name.pretty()
                );
                Finding::new(Code::Unsupported, subject, message)
                    .with_fix("name all columns that it reads of that table under GROUP BY")
            })
            .collect()
    }

    pub(super) fn has_primary_key(&self) -> bool {
        let live = self.input.chain.live.table_named(self.physical);
        live.is_some_and(|table| !table.primary_key().is_empty())
    }

    /// PostgreSQL can build the index of an exclusion only under an exclusive lock.
    pub(super) fn add_exclusion(
        &self,
        constraint: &Constraint,
        taken: &mut Taken,
        findings: &mut Vec<Finding>,
    ) -> Vec<Step> {
        findings.extend(self.tightens_by(constraint));
        findings.extend(self.blocks(&format!("constraint {}", constraint.name.as_str())));
        vec![self.add_at_once(constraint, &taken.index(&constraint.name, &self.input.draft.name))]
    }

    fn add_at_once(&self, constraint: &Constraint, name: &Name) -> Step {
        let definition = Sql::trusted(&constraint.definition);
        let statements = vec![sql!("ALTER TABLE {} ADD CONSTRAINT {} {}", self.physical, name, definition)];
        let title = format!("add constraint {} to {}", name.as_str(), self.physical.pretty());
        Step::transaction(title, Lock::AccessExclusive, vec![self.physical.clone()], statements)
            .touching(self.input.chain.size(self.physical))
            .undone_by(vec![self.drop_constraint(name)])
    }

    fn cannot_be_put_off(&self, what: &str) -> Finding {
        let until = if self.partitioned().is_some() { "its parts are attached" } else { "they are retired" };
        let message = format!(
            "the older editions have it DEFERRABLE, but what stands for the draft's enforces it at once until {until}: what writers of {} put off may fail with 23505",
            names(&self.older())
        );
        let subject = format!("table {}, {what}", self.table.child.name.pretty());
        Finding::new(Code::TightensOlderEdition, subject, message).with_fix(
            "let older applications put it off no more, and accept it: --allow tightens-older-edition",
        )
    }

    /// A word is needed for what reads a large table under an exclusive lock.
    fn blocks(&self, what: &str) -> Option<Finding> {
        let (rows, bytes) = self.input.chain.size(self.physical);
        (bytes > BYTES_BUILT_AT_ONCE).then(|| {
            let subject = format!("table {}, {what}", self.table.child.name.pretty());
            let message = format!(
                "PostgreSQL builds it under an exclusive lock: nobody can use the table while about {rows} rows are read"
            );
            Finding::new(Code::BlocksWriters, subject, message)
                .with_fix("choose a quiet time, and accept it: --allow blocks-writers")
        })
    }

    pub(super) fn add_index(
        &self,
        index: &Index,
        taken: &mut Taken,
        findings: &mut Vec<Finding>,
    ) -> Vec<Step> {
        if index.unique {
            let columns: Vec<Name> = index
                .columns
                .iter()
                .filter_map(|id| self.table.physical.column(*id))
                .map(|c| c.name.clone())
                .collect();
            let what = format!("unique index {}", index.name.as_str());
            let is_known = self.is_told_anew(index);
            let shared = if is_known { None } else { self.tightens(&what, &columns) };
            findings.extend(shared.or_else(|| self.broken_by_transform(&what, &columns, is_known)));
            findings.extend(self.stands_twice(&what, &columns, is_known));
        }
        let name = taken.index(&index.name, &self.input.draft.name);
        if let Some(live) = self.partitioned() {
            let steps = self.build_in_parts(live, (index, &name), Whole::Index, taken);
            return steps.unwrap_or_else(|| {
                findings.push(self.unknown_index(index));
                Vec::new()
            });
        }
        let Some(statement) = concurrent_index(index, &name) else {
            findings.push(self.unknown_index(index));
            return Vec::new();
        };
        let place = QualifiedName::new(self.physical.schema.clone(), name);
        vec![self.index_step(statement, place)]
    }

    /// ON CONFLICT (key) takes one index for its arbiter: the older key's or the duplicate's, and not both.
    fn stands_twice(&self, what: &str, columns: &[Name], is_known: bool) -> Option<Finding> {
        let is_doubled = is_known && columns.iter().any(|column| self.columns.get(column) == Some(&true));
        is_doubled.then(|| {
            let message = format!(
                "two unique indexes stand for it until {} is retired: of two sessions that INSERT … ON CONFLICT the same new key at the same moment, one may fail with 23505",
                names(&self.older())
            );
            Finding::new(Code::KeyStandsTwice, format!("table {}, {what}", self.table.child.name.pretty()), message)
                .with_fix("repeat what fails with 23505, or leave the key out where nothing is to be updated: ON CONFLICT DO NOTHING heeds both")
        })
    }

    /// Whether an older edition has a unique index over the same columns, of which some are the child's duplicates now.
    fn is_told_anew(&self, index: &Index) -> bool {
        self.table.parent.indexes.iter().any(|known| known.unique && known.columns == index.columns)
    }

    fn unknown_index(&self, index: &Index) -> Finding {
        self.refused(
            &format!("index {}", index.name.as_str()),
            "PostgreSQL deparsed the index in an unknown form",
        )
    }

    fn index_step(&self, statement: Sql, index: QualifiedName) -> Step {
        self.index_step_on(self.physical, statement, index)
    }

    /// The same for a table of which this one may be the whole.
    pub(super) fn index_step_on(&self, table: &QualifiedName, statement: Sql, index: QualifiedName) -> Step {
        let title = format!("build index {} on {}", index.name.as_str(), table.pretty());
        let drop = sql!("DROP INDEX CONCURRENTLY IF EXISTS {}", index);
        Step::new(
            title,
            StepKind::Index { statement, index },
            Lock::ShareUpdateExclusive,
            vec![table.clone()],
        )
        .touching(self.input.chain.size(table))
        .undone_by(vec![drop])
    }
}

/// Makes a constraint of a unique index that stands; the index takes the constraint's name.
pub(in crate::plan) fn attach(
    table: &QualifiedName,
    name: &Name,
    index: &Name,
    keyword: &'static str,
    constraint: &Constraint,
) -> Sql {
    let deferrable = constraint.deferrable().unwrap_or_default();
    sql!(
        "ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}{}",
        table,
        name,
        Sql::trusted(keyword),
        index,
        Sql::trusted(deferrable)
    )
}
