//! What of the live database an edition's constraint or index means.

use crate::{
    ddl::index_body,
    model::{Constraint, ConstraintKind, Index, Name, Table},
};

/// Constraints with the same kind and the same deparsed text are the same thing.
pub(in crate::plan) fn same(a: &Constraint, b: &Constraint) -> bool {
    a.kind == b.kind && a.definition == b.definition
}

/// Indexes that differ in nothing but their names are the same thing.
pub(in crate::plan) fn same_index(a: &Index, b: &Index) -> bool {
    a.unique == b.unique && index_body(a) == index_body(b)
}

/// How a constraint of an edition stands in the live database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::plan) enum Standing<'a> {
    /// As a constraint.
    Constraint(&'a Name),
    /// A primary key, as a unique index: a table can have only one, and an older edition's is there until that edition is gone.
    Index(&'a Name),
}

/// The live constraint that an edition's constraint means: the one with the same definition (and, among several, the same name). A check may
/// also be the one with its name, because PostgreSQL may word a definition that it read from a dump otherwise than the original.
pub(in crate::plan) fn standing_constraint<'a>(live: &'a Table, wanted: &Constraint) -> Option<Standing<'a>> {
    let alike = || live.constraints.iter().filter(|constraint| same(constraint, wanted));
    let constraint = alike().find(|constraint| constraint.name == wanted.name).or_else(|| alike().next());
    if let Some(constraint) = constraint {
        return Some(Standing::Constraint(&constraint.name));
    }
    match wanted.kind {
        ConstraintKind::PrimaryKey => {
            let key = wanted.as_index()?;
            let alike: Vec<&Index> = live.indexes.iter().filter(|index| same_index(index, &key)).collect();
            // A unique index over the same columns may stand beside it.
            let named = |fits: &dyn Fn(&str) -> bool| alike.iter().find(|index| fits(index.name.as_str()));
            let derived = format!("{}$", wanted.name.as_str());
            named(&|name| name == wanted.name.as_str())
                .or_else(|| named(&|name| name.starts_with(&derived)))
                .or_else(|| alike.first())
                .map(|index| Standing::Index(&index.name))
        }
        ConstraintKind::Unique | ConstraintKind::ForeignKey => None,
        ConstraintKind::Check | ConstraintKind::Exclusion | ConstraintKind::Other => live
            .constraints
            .iter()
            .find(|constraint| constraint.kind == wanted.kind && constraint.name == wanted.name)
            .map(|constraint| Standing::Constraint(&constraint.name)),
    }
}

/// The same for an index.
pub(in crate::plan) fn standing_index<'a>(live: &'a Table, wanted: &Index) -> Option<&'a Name> {
    let alike = || live.indexes.iter().filter(|index| same_index(index, wanted));
    alike()
        .find(|index| index.name == wanted.name)
        .or_else(|| alike().next())
        .or_else(|| live.indexes.iter().find(|index| index.name == wanted.name))
        .map(|index| &index.name)
}
