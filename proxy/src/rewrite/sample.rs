//! A snapshot with something of everything, for the tests, the benches and the fuzzer.

use std::collections::HashMap;

use catalog::{
    model::{EditionId, EditionName, EditionState, Epoch, Name, NameError},
    snapshot::{
        NameMap, Reflected, Relation, Snapshot, SnapshotEdition, ViewConstraint, ViewConstraintKind,
        ViewIndex, ViewRelation,
    },
};

/// The edition that is as it would be at rest: its schema does not exist yet.
pub const PLAIN: EditionId = EditionId::new(1);
/// The edition with views, in schema `public$v2`: `users` has a renamed column, `Odd "Table"` a table of another name under it,
/// `orders` differs in columns that it does not have; `legacy` was dropped; `audit`, its sequence and index, the function `total_of` and
/// the type `mood` are new.
pub const VIEWED: EditionId = EditionId::new(2);

/// Both editions over the editioned schema `public`.
pub fn snapshot() -> Result<Snapshot, NameError> {
    Ok(Snapshot {
        epoch: Epoch::new(7),
        server_version: 150_000,
        schemas: vec![Name::new("public")?],
        editions: vec![
            edition(PLAIN, &["public$v1"], NameMap::default())?,
            edition(VIEWED, &["public$v2"], names()?)?,
        ],
        reflected: Reflected {
            relations: ["pg_class", "pg_attribute", "columns"].map(str::to_owned).into(),
            functions: ["pg_get_expr", "obj_description", "current_schema", "current_schemas"]
                .map(str::to_owned)
                .into(),
        },
    })
}

/// A live edition with these schemas before `public`.
pub fn edition(id: EditionId, path: &[&str], names: NameMap) -> Result<SnapshotEdition, NameError> {
    let before = path.iter().map(|schema| Name::new(*schema)).collect::<Result<_, _>>()?;
    Ok(SnapshotEdition {
        id,
        name: EditionName::new(format!("v{id}"))?,
        state: EditionState::Live,
        is_default: id == PLAIN,
        blueprint: Name::new(format!("app$v{id}"))?,
        path: vec![(Name::new("public")?, before)],
        names,
    })
}

/// The names of [`VIEWED`].
pub fn names() -> Result<NameMap, NameError> {
    let public = |object: &str| Ok((Name::new("public")?, Name::new(object)?));
    let own = || Name::new("public$v2");
    Ok(NameMap {
        relations: HashMap::from([
            (
                public("users")?,
                view(
                    "users",
                    &["id", "name", "Age", "hidden"],
                    &[("id", "id"), ("full_name", "name"), ("Age", "Age")],
                )?,
            ),
            (
                public("orders")?,
                view("orders", &["id", "hidden", "total"], &[("id", "id"), ("total", "total")])?,
            ),
            (public("Odd \"Table\"")?, view("odd", &["a", "hidden", "b"], &[("a", "a"), ("b", "b")])?),
            (public("legacy")?, Relation::Tombstone),
            (public("audit")?, Relation::Moved { schema: own()? }),
            (public("audit_id_seq")?, Relation::Moved { schema: own()? }),
            (public("audit_pkey")?, Relation::Moved { schema: own()? }),
        ]),
        functions: HashMap::from([(public("total_of")?, own()?)]),
        operators: HashMap::from([(public("@#@")?, own()?)]),
        types: HashMap::from([(public("mood")?, own()?)]),
    })
}

fn view(physical: &str, stored: &[&str], columns: &[(&str, &str)]) -> Result<Relation, NameError> {
    let columns = columns.iter().map(|(logical, physical)| Ok((Name::new(*logical)?, Name::new(*physical)?)));
    let (constraints, indexes) = match physical {
        "users" => (
            vec![
                constraint(("users_pkey", "users_pkey"), ViewConstraintKind::PrimaryKey, &["id"])?,
                constraint(
                    ("users_age_key", "users_age_stored"),
                    ViewConstraintKind::Unique,
                    &["Age", "id"],
                )?,
            ],
            vec![
                index("users_pkey", "users_pkey", &["id"])?,
                index("users_age_key", "users_age_stored", &["Age", "id"])?,
                index("users_words", "users_words_stored", &["full_name"])?,
            ],
        ),
        "orders" => (
            vec![
                constraint(("orders_pkey", "orders_pkey"), ViewConstraintKind::PrimaryKey, &["id"])?,
                constraint(
                    ("orders_total", "orders_total_stored"),
                    ViewConstraintKind::Exclusion,
                    &["total"],
                )?,
            ],
            vec![index("orders_pkey", "orders_pkey", &["id"])?],
        ),
        _ => Default::default(),
    };
    Ok(Relation::View(Box::new(ViewRelation {
        columns: columns.collect::<Result<_, _>>()?,
        numbers: None,
        stored_columns: names_of(stored)?,
        generated_columns: if physical == "odd" { names_of(&["b"])? } else { Vec::new() },
        constraints,
        indexes,
        ..view_relation(physical)?
    })))
}

/// A view of [`VIEWED`] over `public.physical`, without columns.
pub fn view_relation(physical: &str) -> Result<ViewRelation, NameError> {
    Ok(ViewRelation {
        schema: Name::new("public$v2")?,
        physical_schema: Name::new("public")?,
        physical_name: Name::new(physical)?,
        columns: Vec::new(),
        numbers: None,
        stored_columns: Vec::new(),
        stored_key: Vec::new(),
        partitions: Vec::new(),
        generated_columns: Vec::new(),
        view_defaults: Vec::new(),
        own_defaults: Vec::new(),
        numbered: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
    })
}

fn constraint(
    (name, physical): (&str, &str),
    kind: ViewConstraintKind,
    columns: &[&str],
) -> Result<ViewConstraint, NameError> {
    let physical_name = Some(Name::new(physical)?);
    Ok(ViewConstraint { name: Name::new(name)?, physical_name, kind, columns: names_of(columns)? })
}

fn index(name: &str, physical: &str, columns: &[&str]) -> Result<ViewIndex, NameError> {
    let physical_name = Some(Name::new(physical)?);
    Ok(ViewIndex { name: Name::new(name)?, physical_name, is_unique: false, columns: names_of(columns)? })
}

fn names_of(names: &[&str]) -> Result<Vec<Name>, NameError> {
    names.iter().map(|name| Name::new(*name)).collect()
}
