//! Functions and views that the new root has of its own: they move to where it names them, and are worded as its blueprint words them.

use super::{Contraction, End};
use crate::{
    ddl::{
        create_function, create_user_view, drop_function, drop_user_view, function_in, function_object,
        replace_user_view, signature, view_object, view_triggers,
    },
    model::{Function, FunctionKind, Name, QualifiedName, View},
    plan::{Member, code_objects::companions},
    sql,
    sql::{Literal, Sql},
};

/// An object as the new root names it, and the schema in which it stands until now.
type Standing<'a, T> = (&'a T, &'a Name);

/// PostgreSQL leaves the place of an operator that was promised, as a commutator or negator, when the one that had promised it is dropped.
fn drop_promised(operator: &Function) -> Sql {
    let operator = signature(operator);
    let body = sql!(
        "BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_operator WHERE oid = pg_catalog.to_regoperator({}) AND oprcode = 0) THEN \
         DROP OPERATOR {}; END IF; END",
        Literal(operator.as_str()),
        operator
    );
    sql!("DO LANGUAGE plpgsql {}", Literal(body.as_str()))
}

impl Contraction<'_> {
    pub(super) fn move_functions(&self) -> Vec<Sql> {
        let root = self.new_root;
        let moved =
            root.physical.functions.iter().filter(|function| root.mapping.moved.contains_key(&function.id));
        moved
            .filter_map(|function| {
                let logical = root.logical.functions.iter().find(|logical| logical.id == function.id)?;
                let sweep = (function.kind == FunctionKind::Operator).then(|| drop_promised(logical));
                let move_there =
                    sql!("ALTER {} SET SCHEMA {}", function_object(function), logical.name.schema);
                Some(sweep.into_iter().chain([move_there]))
            })
            .flatten()
            .collect()
    }

    pub(super) fn move_views(&self) -> impl Iterator<Item = Sql> {
        let root = self.new_root;
        root.physical.views.iter().filter_map(|view| {
            let logical = root.logical.views.iter().find(|logical| logical.id == view.id)?;
            root.mapping.moved.get(&view.id.get())?;
            Some(sql!("ALTER {} SET SCHEMA {}", view_object(view), logical.name.schema))
        })
    }

    /// In place, so that whoever is bound to them stays so: PostgreSQL keeps some words of the names that columns had when a view was made.
    pub(super) fn word_anew(&self) -> Vec<Sql> {
        let (functions, views) = self.own_code();
        let mut statements = Vec::new();
        if !functions.is_empty() {
            statements.push(Sql::trusted("SET LOCAL check_function_bodies = off"));
        }
        // An operator has no words of its own.
        let worded = functions.iter().filter(|(function, _)| function.kind != FunctionKind::Operator);
        statements.extend(worded.map(|(function, _)| Sql::trusted(&function.definition)));
        for (view, _) in views {
            statements.extend(replace_user_view(view));
            statements.extend(view_triggers(view, &self.new_root.logical));
        }
        statements
    }

    /// Where they stood something takes their place until it is announced that nothing there is needed any more.
    pub(super) fn stand_in_for_code(&self) -> Vec<Sql> {
        let (functions, views) = self.own_code();
        let maker = self.input.chain.maker();
        let mut statements = Vec::new();
        for (function, place) in functions {
            let stand_in = function_in(function, place);
            statements.extend(stand_in.iter().flat_map(|stand_in| create_function(stand_in, maker)));
        }
        for (view, place) in views {
            statements.extend(create_user_view(&view_in_place_of(view, place), maker));
        }
        statements.extend(self.own_types().map(|(place, name)| sql!("CREATE DOMAIN {} AS {}", place, name)));
        statements
    }

    /// Drops what stood in, and companions that the new root needs no more.
    pub(super) fn drop_stand_ins(&self) -> Vec<Sql> {
        if self.input.end == End::Leaf {
            return Vec::new();
        }
        let (functions, views) = self.own_code();
        let functions = functions.into_iter().filter_map(|(function, place)| function_in(function, place));
        let views = views.into_iter().map(|(view, place)| view_in_place_of(view, place));
        let companions = self.companions_of(self.new_root);
        views
            .map(|view| drop_user_view(&view))
            .chain(functions.map(|function| drop_function(&function)))
            .chain(companions.iter().map(drop_function))
            .chain(self.own_types().map(|(place, _)| sql!("DROP DOMAIN IF EXISTS {}", place)))
            .collect()
    }

    /// Companions that stand in the schema of `member`, in the words of the end of this operation.
    pub(super) fn companions_of(&self, member: &Member) -> Vec<Function> {
        let words = match self.input.end {
            End::Root => &member.logical,
            End::Leaf => &member.physical,
        };
        companions(&member.edition.name, words, &member.logical, &member.mapping)
    }

    /// The new root's own functions and views as it names them, with the schema that each stands in until now.
    fn own_code(&self) -> (Vec<Standing<'_, Function>>, Vec<Standing<'_, View>>) {
        let root = self.new_root;
        let functions = root.logical.functions.iter();
        let views = root.logical.views.iter();
        (
            functions
                .filter_map(|function| Some((function, root.mapping.moved.get(&function.id)?)))
                .collect(),
            views.filter_map(|view| Some((view, root.mapping.moved.get(&view.id.get())?))).collect(),
        )
    }

    /// The new root's own types: where each stands until now, and where it will.
    fn own_types(&self) -> impl Iterator<Item = (QualifiedName, &QualifiedName)> {
        let root = self.new_root;
        root.logical.types.iter().filter_map(|definition| {
            let place = root.mapping.moved.get(&definition.id)?.clone();
            Some((QualifiedName::new(place, definition.name.name.clone()), &definition.name))
        })
    }
}

/// A plain view of `view` under its name in `place`. It reads with its owner's rights what the view gives its owner.
fn view_in_place_of(view: &View, place: &Name) -> View {
    View {
        name: QualifiedName::new(place.clone(), view.name.name.clone()),
        definition: sql!("SELECT * FROM {}", view.name).as_str().to_owned(),
        materialized: false,
        indexes: Vec::new(),
        rules: Vec::new(),
        properties: view
            .properties
            .iter()
            .filter(|property| *property == "options=security_invoker=true")
            .cloned()
            .collect(),
        ..view.clone()
    }
}
