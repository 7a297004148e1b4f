//! Functions and views of an edition's own: made when it is published, in the order in which they depend on each other.

use std::collections::BTreeSet;

use crate::{
    ddl::{
        create_function, create_user_view, drop_function, drop_type, drop_user_view, function_in,
        view_object, view_triggers,
    },
    layout::{ColumnFate, Mapping},
    model::{ColumnId, EditionName, Function, Schema, TableId, TypeDef, View},
    order::needed_first,
    sql,
    sql::Sql,
};

use super::{ExpandInput, Finding, Lock, Step, introduce};

/// Whether the child has an object of its own with this blueprint id: a new one, or one beside the parent's.
pub(super) fn is_own(input: &ExpandInput<'_>, id: u32) -> bool {
    let Some(place) = input.layout.mapping.moved.get(&id) else { return false };
    input.chain.leaf().is_none_or(|leaf| leaf.mapping.moved.get(&id) != Some(place))
}

/// A type, a function or a view.
#[derive(Clone, Copy)]
pub(super) enum Object<'a> {
    Type(&'a TypeDef),
    Function(&'a Function),
    View(&'a View),
}

impl Object<'_> {
    fn id(self) -> u32 {
        match self {
            Self::Type(definition) => definition.id,
            Self::Function(function) => function.id,
            Self::View(view) => view.id.get(),
        }
    }

    fn needs(self, id: u32) -> bool {
        match self {
            Self::Type(definition) => definition.uses.contains(&id),
            Self::Function(function) => function.depends.contains(&id),
            Self::View(view) => {
                view.calls.contains(&id) || view.reads.iter().any(|(read, _)| read.get() == id)
            }
        }
    }
}

/// Tables, views and columns that come with an edition at its publication, or go with it at its end.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// Tables and views.
    pub(super) relations: BTreeSet<u32>,
    /// Columns of tables that stay.
    pub(super) columns: BTreeSet<(TableId, ColumnId)>,
}

impl Extent {
    /// What a publication makes.
    pub(super) fn made(input: &ExpandInput<'_>) -> Self {
        let tables = input.layout.created.keys().map(|table| table.get());
        let views = input.physical.views.iter().map(|view| view.id.get()).filter(|id| is_own(input, *id));
        let inherited = input.layout.inherited.iter();
        let columns = inherited.flat_map(|place| {
            let new = place.fates.iter().filter(|(_, fate)| **fate != ColumnFate::Shared);
            new.map(|(column, _)| (place.id, *column))
        });
        Self { relations: tables.chain(views).collect(), columns: columns.collect() }
    }

    /// The functions whose signature or parsed body leads to some of it, directly or through others.
    pub(super) fn functions_over(&self, schema: &Schema) -> BTreeSet<u32> {
        let mut late: BTreeSet<u32> = BTreeSet::new();
        loop {
            let leads_there = |function: &&Function| {
                function.depends.iter().any(|id| self.relations.contains(id) || late.contains(id))
                    || function.reads.iter().any(|column| self.columns.contains(column))
            };
            let found: BTreeSet<u32> =
                schema.functions.iter().filter(leads_there).map(|function| function.id).collect();
            if found.len() == late.len() {
                return late;
            }
            late = found;
        }
    }
}

/// Types, and functions that can stand without what comes or goes: tables may use them. A domain's check calls functions, and a function's arguments are
/// of types.
pub(super) fn early<'a>(
    schema: &'a Schema,
    types: Vec<&'a TypeDef>,
    functions: &[&'a Function],
    extent: &Extent,
) -> Vec<Object<'a>> {
    let late = extent.functions_over(schema);
    let functions = functions.iter().filter(|function| !late.contains(&function.id));
    let functions = functions.map(|function| Object::Function(function));
    in_order(types.into_iter().map(Object::Type).chain(functions).collect())
}

/// Each behind those that it needs; what PostgreSQL took in a circle stays in the order given.
fn in_order(waiting: Vec<Object<'_>>) -> Vec<Object<'_>> {
    needed_first(
        waiting,
        |code| code.id(),
        |code, waiting| waiting.iter().any(|id| *id != code.id() && code.needs(*id)),
    )
}

/// Drops these, each before those that it needs.
pub(super) fn drop_code<'a>(objects: impl Iterator<Item = Object<'a>>) -> Vec<Sql> {
    let ordered = in_order(objects.collect());
    ordered
        .into_iter()
        .rev()
        .map(|object| match object {
            Object::Type(definition) => drop_type(definition),
            Object::Function(function) => drop_function(function),
            Object::View(view) => drop_user_view(view),
        })
        .collect()
}

/// Views, and functions that need tables or views: they read the expanded tables. Then the materialized ones are filled.
pub(super) fn late(input: &ExpandInput<'_>, findings: &mut Vec<Finding>) -> Vec<Step> {
    let maker = input.chain.maker();
    let functions: Vec<&Function> = input.physical.functions.iter().filter(|f| is_own(input, f.id)).collect();
    let over_made = Extent::made(input).functions_over(input.physical);
    let views: Vec<&View> = input.physical.views.iter().filter(|view| is_own(input, view.id.get())).collect();
    let functions = functions.into_iter().filter(|function| over_made.contains(&function.id));
    let code =
        in_order(functions.map(Object::Function).chain(views.iter().copied().map(Object::View)).collect());

    let mut statements = vec![Sql::trusted("SET LOCAL check_function_bodies = off")];
    let mut drops = Vec::new();
    for code in &code {
        match code {
            Object::Type(_) => {}
            Object::Function(function) => {
                statements.extend(create_function(function, maker));
                drops.push(drop_function(function));
            }
            Object::View(view) => {
                findings.extend(introduce::lost("view", &view.name.name, &view.properties));
                statements.extend(create_user_view(view, maker));
                drops.push(drop_user_view(view));
            }
        }
    }
    for view in &views {
        statements.extend(view_triggers(view, input.physical));
    }
    for companion in companions(&input.draft.name, input.physical, input.child, &input.layout.mapping) {
        statements.extend(create_function(&companion, maker));
        drops.push(drop_function(&companion));
    }
    if statements.len() == 1 {
        return Vec::new();
    }
    drops.reverse();
    let statements = introduce::with_owners(input, statements);
    let mut steps = vec![
        Step::transaction(
            "make the edition's views and functions",
            Lock::AccessShare,
            Vec::new(),
            statements,
        )
        .undone_by(drops),
    ];
    let materialized = code.iter().filter_map(|code| match code {
        Object::View(view) if view.materialized => Some(*view),
        _ => None,
    });
    steps.extend(materialized.map(fill));
    steps
}

fn fill(view: &View) -> Step {
    let statements = vec![sql!("REFRESH {}", view_object(view))];
    let title = format!("fill {}", view.name.pretty());
    Step::new(title, super::StepKind::Scan { statements }, Lock::AccessShare, Vec::new())
}

/// Copies of functions whose name the edition also has for a function of its own: a qualified name is looked up in one schema for all arguments, so the
/// ones that stand elsewhere must be found there too. Nothing is bound to a companion.
pub(super) fn companions(
    edition: &EditionName,
    worded: &Schema,
    logical: &Schema,
    mapping: &Mapping,
) -> Vec<Function> {
    let mut found = Vec::new();
    for function in &logical.functions {
        let Ok(own) = edition.schema_for(&function.name.schema) else { continue };
        let stands_there = |id: &u32| mapping.moved.get(id) == Some(&own);
        let has_own_name =
            logical.functions.iter().any(|other| other.name == function.name && stands_there(&other.id));
        if !has_own_name || stands_there(&function.id) {
            continue;
        }
        let words = worded.functions.iter().find(|words| words.id == function.id);
        found.extend(words.and_then(|words| function_in(words, &own)));
    }
    found
}
