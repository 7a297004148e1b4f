//! Of which functions, views and types a draft needs its own, beside its parent's: those that PostgreSQL words differently for the two editions. The wording is
//! over physical names, so it tells a changed body as well as a column that the draft stores elsewhere, or another object that is the draft's own.

use std::collections::BTreeSet;

use crate::{
    layout::reads_editioned,
    model::{Function, Name, Schema, TableId, TypeDef, View},
};

use super::Member;

/// The objects of `child` that `parent` has as well, but not alike. `physical` is the child under the physical names that it would have with the own
/// objects found so far: one more may show in the words of those that mention it, so this is asked until nothing is added.
pub fn own_objects(parent: &Member, child: &Schema, physical: &Schema) -> BTreeSet<u32> {
    let views = physical.views.iter().filter(|view| {
        let known = parent.physical.views.iter().find(|known| known.id == view.id);
        known.is_some_and(|known| {
            !same_view(known, view) || triggers(&parent.physical, known.id) != triggers(physical, view.id)
        })
    });
    let functions = physical.functions.iter().filter(|function| {
        let known = parent.physical.functions.iter().find(|known| known.id == function.id);
        known.is_some_and(|known| !same_function(known, function))
    });
    let types = physical.types.iter().filter(|definition| {
        let known = parent.physical.type_def(definition.id);
        known.is_some_and(|known| known.name != definition.name || known.definition != definition.definition)
    });
    let ids = views
        .map(|view| view.id.get())
        .chain(functions.map(|function| function.id))
        .chain(types.map(|definition| definition.id));
    with_readers(ids.collect(), child)
}

/// Types that `child` changes or renames, and those that are made of them. A value of the one is not a value of the other, so a draft has its own
/// beside its parent's, which is told before anything is read.
pub fn own_types(parent: &Schema, child: &Schema) -> BTreeSet<u32> {
    let differs = |new: &&TypeDef| {
        parent.type_def(new.id).is_some_and(|old| {
            old.name != new.name || old.definition != new.definition || old.body != new.body
        })
    };
    let is_new = |id: &u32| parent.type_def(*id).is_none() && child.type_def(*id).is_some();
    let mut own: BTreeSet<u32> = child.types.iter().filter(differs).map(|definition| definition.id).collect();
    // In dependency order: one pass is enough.
    for definition in &child.types {
        if definition.uses.iter().any(|used| own.contains(used) || is_new(used))
            && parent.type_def(definition.id).is_some()
        {
            own.insert(definition.id);
        }
    }
    own
}

/// Functions that find tables by their own `SET search_path`: where names differ, the draft's must look into the draft's schemas first.
pub fn searching_functions(child: &Schema, editioned: &[Name]) -> BTreeSet<u32> {
    let searches = |function: &&Function| {
        function.search_path.as_ref().is_some_and(|path| reads_editioned(path, editioned))
    };
    child.functions.iter().filter(searches).map(|function| function.id).collect()
}

/// Owners, privileges and properties are the business of [`property`](crate::property): what differs in nothing else is shared.
fn same_view(a: &View, b: &View) -> bool {
    let words = |view: &View| {
        (
            (view.name.clone(), view.materialized, view.definition.clone(), view.columns.clone()),
            (view.indexes.clone(), view.rules.clone(), view.details.clone()),
        )
    };
    words(a) == words(b)
}

fn same_function(a: &Function, b: &Function) -> bool {
    (&a.name, &a.arguments, a.kind, &a.definition, &a.links)
        == (&b.name, &b.arguments, b.kind, &b.definition, &b.links)
}

/// What the triggers of a view are, without ids.
fn triggers(schema: &Schema, view: TableId) -> Vec<(&str, &str, Option<&str>)> {
    let of_view = schema.triggers.iter().filter(|trigger| trigger.table == view);
    of_view.map(|t| (t.definition.as_str(), t.enabled.as_str(), t.comment.as_deref())).collect()
}

/// With the views that read or call one of them, so that most chains need one reading only.
fn with_readers(mut own: BTreeSet<u32>, child: &Schema) -> BTreeSet<u32> {
    // In dependency order: one pass is enough.
    for view in &child.views {
        if view.reads.iter().any(|(read, _)| own.contains(&read.get()))
            || view.calls.iter().any(|called| own.contains(called))
        {
            own.insert(view.id.get());
        }
    }
    own
}
