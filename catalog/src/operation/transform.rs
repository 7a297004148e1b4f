//! `transform`: give a draft the expressions between its columns and its parent's.

use serde::Serialize;
use tokio_postgres::GenericClient;

use super::{footing::alone, inference::infer_from_draft};
use crate::{
    blueprint::{self, Sides},
    error::{Error, Result},
    model::{
        Direction, Edition, EditionName, EditionState, OnError, Origin, QualifiedName, Schema, Transform,
    },
    sql::parse_assignments,
    store::{self, NewEntry},
    target::{Connection, Target},
};

/// What `transform` may be told.
#[derive(Clone, Debug)]
pub struct TransformOptions {
    /// The draft.
    pub edition: EditionName,
    /// `users` or `schema.users`, as the draft names it.
    pub table: String,
    /// `column = expression [, …]` from parent to child.
    pub forward: Vec<String>,
    /// `column = expression [, …]` from child to parent.
    pub reverse: Vec<String>,
    /// Policy for all of these.
    pub on_error: OnError,
    /// Remove the transforms of this table that are not given here.
    pub replace: bool,
}

/// What `transform` did.
#[derive(Clone, Debug, Serialize)]
pub struct Transformed {
    /// All transforms of the table now: stored ones, and those inferred from what ran in the draft.
    pub transforms: Vec<Transform>,
}

/// Stores transforms after parsing them and checking them against both blueprints (planned by PostgreSQL, never run).
pub async fn transform(target: &Target, options: &TransformOptions) -> Result<Transformed> {
    let (_lock, mut connection) = alone(target).await?;
    let draft = store::require_edition(&*connection, &options.edition).await?;
    let parent = parent_of_draft(&connection, &draft).await?;
    let mut child_blueprint = target.connect_blueprint(&draft.blueprint).await?;
    let editioned = blueprint::managed_with(&*connection, &*child_blueprint).await?;
    let mut parent_blueprint = target.connect_blueprint(&parent.blueprint).await?;
    let name = match blueprint::resolve_table(&*child_blueprint, &editioned, &options.table).await {
        Ok(name) => name,
        Err(error) => gone_table(&connection, &draft, options).await?.ok_or(error)?,
    };
    let given = parse(&name, options)?;
    let (before, after) = tokio::try_join!(
        blueprint::read_database(&mut parent_blueprint, &editioned),
        blueprint::read_database(&mut child_blueprint, &editioned)
    )?;
    if !given.is_empty() {
        let sides = sides(&before, &after, &name)?;
        let transaction = child_blueprint.transaction().await?;
        blueprint::set_author_path(&transaction, &editioned).await?;
        for transform in &given {
            blueprint::check_transform(&transaction, sides, transform).await?;
        }
        transaction.rollback().await?;
    }

    let transaction = connection.transaction().await?;
    if options.replace {
        store::delete_transforms(&transaction, draft.id, Some((&name.schema, &name.name))).await?;
    }
    for transform in &given {
        store::put_transform(&transaction, draft.id, transform).await?;
    }
    let mut transforms = store::transforms_of_table(&transaction, draft.id, &name.schema, &name.name).await?;
    let entry = NewEntry {
        edition: draft.name.as_str(),
        verb: "transform",
        title: &format!("transforms of {}", name.pretty()),
        state: "done",
        ..NewEntry::default()
    };
    store::append(&transaction, &entry).await?;
    transaction.commit().await?;
    let authors = collect_transforms(&*connection, &*child_blueprint, &draft).await?;
    let inferred =
        infer_from_draft(&connection, &mut child_blueprint, &draft, (&before, &after), &authors).await?;
    let of_table = |t: &Transform| (&t.schema, &t.table) == (&name.schema, &name.name);
    transforms.extend(inferred.transforms.into_iter().filter(of_table));
    Ok(Transformed { transforms })
}

/// A table that the draft has no more, where its transforms are only to be forgotten.
async fn gone_table(
    connection: &Connection,
    draft: &Edition,
    options: &TransformOptions,
) -> Result<Option<QualifiedName>> {
    if !options.replace || !options.forward.is_empty() || !options.reverse.is_empty() {
        return Ok(None);
    }
    // With or without the quotes of SQL: there is nothing to mistake it for.
    let asked = options.table.replace('"', "");
    let stored = store::transforms(&**connection, draft.id).await?;
    let mut tables =
        stored.into_iter().map(|transform| QualifiedName::new(transform.schema, transform.table));
    Ok(tables.find(|table| asked == table.name.as_str() || asked == table.pretty()))
}

/// Every transform that the author gave for a draft: inside the draft by SQL, and by `edition transform`. Of two for the same
/// column and direction the later call counts, and the command line before SQL.
pub async fn collect_transforms(
    live: &impl GenericClient,
    draft_blueprint: &impl GenericClient,
    draft: &Edition,
) -> Result<Vec<Transform>> {
    let editioned = blueprint::managed_with(live, draft_blueprint).await?;
    let mut transforms: Vec<Transform> = Vec::new();
    let in_draft = blueprint::given_transforms(draft_blueprint, &editioned).await?;
    for transform in in_draft.into_iter().chain(store::transforms(live, draft.id).await?) {
        let same = |other: &Transform| {
            other.direction == transform.direction
                && (&other.schema, &other.table, &other.column)
                    == (&transform.schema, &transform.table, &transform.column)
        };
        transforms.retain(|other| !same(other));
        transforms.push(transform);
    }
    transforms.sort_by(|a, b| {
        (&a.schema, &a.table, a.direction, &a.column).cmp(&(&b.schema, &b.table, b.direction, &b.column))
    });
    Ok(transforms)
}

async fn parent_of_draft(connection: &Connection, draft: &Edition) -> Result<Edition> {
    if draft.state != EditionState::Draft {
        return Err(Error::refused(format!(
            "edition \"{}\" is {}: its transforms are settled",
            draft.name,
            draft.state.as_str()
        ))
        .with_hint(
            "transforms are given to a draft; edition rollback makes the newest live edition one again",
        ));
    }
    let editions = store::editions(&**connection).await?;
    let parent = editions.into_iter().find(|edition| Some(edition.id) == draft.parent);
    parent.ok_or_else(|| Error::bug(format!("draft \"{}\" has no parent", draft.name)))
}

fn parse(table: &QualifiedName, options: &TransformOptions) -> Result<Vec<Transform>> {
    let forward = options.forward.iter().map(|text| (Direction::Forward, text));
    let reverse = options.reverse.iter().map(|text| (Direction::Reverse, text));
    let mut transforms: Vec<Transform> = Vec::new();
    for (direction, text) in forward.chain(reverse) {
        for (column, expression) in parse_assignments(text)? {
            if transforms.iter().any(|earlier| earlier.direction == direction && earlier.column == column) {
                let message =
                    format!("the {} transform of \"{}\" is given twice", direction.as_str(), column.as_str());
                return Err(Error::refused(message));
            }
            transforms.push(Transform {
                schema: table.schema.clone(),
                table: table.name.clone(),
                direction,
                column,
                expression: expression.text().to_owned(),
                on_error: options.on_error,
                origin: Origin::Author,
            });
        }
    }
    Ok(transforms)
}

fn sides<'a>(before: &'a Schema, after: &'a Schema, name: &QualifiedName) -> Result<Sides<'a>> {
    let child = after.table_named(name).ok_or_else(|| {
        Error::refused(format!("table {} is of a kind that editions do not manage", name.pretty()))
            .with_hint("transforms are for ordinary tables")
    })?;
    let parent = before.table(child.id).ok_or_else(|| {
        Error::refused(format!(
            "table {} is new in the draft: there is nothing to transform it from",
            name.pretty()
        ))
        .with_hint("a new table starts empty; transforms are for tables that the parent has too")
    })?;
    Ok(Sides { parent, child, schemas: (before, after) })
}
