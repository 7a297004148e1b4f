//! Objects beside tables that editions can share: what has an owner and privileges of its own, and is not made anew for an edition that
//! sees it alike.

use super::{grant::routine, view_subject};
use crate::{
    layout::Mapping,
    model::{Grant, Name, Schema, TypeKind},
    property::Object,
    sql,
    sql::Sql,
};

/// One sequence, view, function or type of an edition.
#[derive(Clone, Debug)]
pub struct SharedObject<'a> {
    /// Its id in the blueprints.
    pub id: u32,
    /// The schema of the edition that it was made for; `None`: it is where its name says.
    pub place: Option<Name>,
    /// As GRANT names it.
    pub object: Sql,
    /// As everything else names it.
    pub subject: Object<'a>,
    /// Its owner.
    pub owner: &'a Name,
    /// Its privileges.
    pub grants: Vec<Grant>,
    /// Its properties.
    pub properties: Vec<String>,
}

/// Everything in the schema that two editions can mean in common, under the names of `schema`.
pub fn shared_objects<'a>(schema: &'a Schema, mapping: &Mapping) -> Vec<SharedObject<'a>> {
    let place = |id: u32| mapping.moved.get(&id).cloned();
    let sequences = schema.sequences.iter().map(|sequence| SharedObject {
        id: sequence.id.get(),
        place: place(sequence.id.get()),
        object: sql!("SEQUENCE {}", sequence.name),
        subject: Object::Sequence(&sequence.name),
        owner: &sequence.owner,
        grants: sequence.grants.clone(),
        properties: sequence
            .properties
            .iter()
            .cloned()
            .chain([format!("options={}", sequence.options)])
            .collect(),
    });
    let views = schema.views.iter().map(|view| SharedObject {
        id: view.id.get(),
        place: place(view.id.get()),
        object: sql!("TABLE {}", view.name),
        subject: view_subject(view),
        owner: &view.owner,
        grants: view.grants.clone(),
        properties: view.properties.clone(),
    });
    let functions = schema.functions.iter().map(|function| SharedObject {
        id: function.id,
        place: place(function.id),
        object: routine(function),
        subject: Object::Function(function),
        owner: &function.owner,
        grants: function.grants.clone(),
        properties: function.properties.clone(),
    });
    let types = schema.types.iter().map(|definition| {
        let is_domain = definition.kind == TypeKind::Domain;
        SharedObject {
            id: definition.id,
            place: place(definition.id),
            object: sql!("TYPE {}", definition.name),
            subject: if is_domain {
                Object::Domain(&definition.name)
            } else {
                Object::Type(&definition.name)
            },
            owner: &definition.owner,
            grants: definition.grants.clone(),
            properties: definition.properties.clone(),
        }
    });
    sequences.chain(views).chain(functions).chain(types).collect()
}
