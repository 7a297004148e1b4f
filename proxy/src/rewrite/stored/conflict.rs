//! `ON CONFLICT ON CONSTRAINT`: a view has no constraints. A key is told by its columns, as PostgreSQL infers it anyway; an exclusion
//! constraint can only be named, so then the physical table is written.

use catalog::{
    snapshot::{ViewConstraint, ViewConstraintKind, ViewRelation},
    sql::parser::nodes,
};

use super::{
    super::scope::{Level, Role, Scopes, Source, Statement},
    Stored,
};

/// Whether a level names a constraint.
pub(super) fn names_constraint(level: &Level<'_>) -> bool {
    matches!(level.statement, Statement::Insert(insert) if named_constraint(insert).is_some())
}

/// Whether it names one that is no key.
pub(super) fn is_by_exclusion(scopes: &Scopes<'_>, level: &Level<'_>, insert: &nodes::InsertStmt) -> bool {
    let name = named_constraint(insert).and_then(nodes::InferClause::conname);
    let found = target(scopes, level).zip(name).and_then(|(view, name)| constraint(view, name));
    found.is_some_and(|found| found.kind == ViewConstraintKind::Exclusion)
}

impl Stored<'_, '_> {
    /// Replaces the names of constraints. What has none of that name is the server's to refuse.
    pub(super) fn conflicts(&mut self) {
        let scopes = self.scopes;
        for level in &scopes.levels {
            let Statement::Insert(insert) = level.statement else { continue };
            let Some(infer) = named_constraint(insert) else { continue };
            let found =
                target(scopes, level).zip(infer.conname()).and_then(|(view, name)| constraint(view, name));
            let Some((found, on)) = found.zip(self.analysis.token_at(infer.location)) else { continue };
            let tokens = self.analysis.name_tokens(on + 2, 1).and_then(|parts| parts.first().cloned());
            let Some(name) = tokens else { continue };
            if found.kind == ViewConstraintKind::Exclusion {
                if let Some(physical) = &found.physical_name {
                    self.splice(name, physical.quoted().to_string());
                }
                continue;
            }
            let stored = level.items.first().and_then(|id| self.stored(*id));
            let columns: Vec<String> = found
                .columns
                .iter()
                .map(|column| {
                    let physical = stored.as_ref().and_then(|stored| stored.physical(column.as_str()));
                    physical.unwrap_or(column).quoted().to_string()
                })
                .collect();
            self.splice(on..name.end, format!("({})", columns.join(", ")));
        }
    }
}

fn named_constraint(insert: &nodes::InsertStmt) -> Option<&nodes::InferClause> {
    insert.on_conflict_clause()?.infer().filter(|infer| infer.conname().is_some())
}

fn target<'t>(scopes: &Scopes<'t>, level: &Level<'t>) -> Option<&'t ViewRelation> {
    match scopes.items.get(*level.items.first()?)?.source {
        Source::View { view, role: Role::Written, .. } => Some(view),
        _ => None,
    }
}

fn constraint<'v>(view: &'v ViewRelation, name: &str) -> Option<&'v ViewConstraint> {
    let by_name = view.constraints.iter().find(|constraint| constraint.name.as_str() == name);
    by_name.filter(|found| match found.kind {
        ViewConstraintKind::PrimaryKey | ViewConstraintKind::Unique => !found.columns.is_empty(),
        kind => kind == ViewConstraintKind::Exclusion,
    })
}
