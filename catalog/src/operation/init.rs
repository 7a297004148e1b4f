//! `init`: adopt a database: install the catalogue, make the root edition and its blueprint.

use serde::Serialize;
use tokio_postgres::GenericClient;

use super::{
    Programs,
    footing::{clear_leftovers, intend, refuse_proxy},
};
use crate::{
    blueprint::{self, Difference},
    error::{Error, Result},
    event::{Event, Events},
    model::{Edition, EditionName, EditionState, Name},
    sql,
    store::{self, RunnerLock},
    target::{Connection, Target},
};

/// What `init` may be told.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Name of the root edition.
    pub root: EditionName,
    /// Schemas to manage.
    pub schemas: Vec<Name>,
    /// Roles that proxies use for the catalogue: granted what they need of schema `edition`.
    pub proxy_roles: Vec<Name>,
    /// `pg_dump` and `psql`.
    pub programs: Programs,
}

/// What `init` did.
#[derive(Clone, Debug, Serialize)]
pub struct Initialised {
    /// False if the database was adopted before, in the same way.
    pub changed: bool,
    /// The root edition.
    pub root: Edition,
    /// The editioned schemas.
    pub schemas: Vec<Name>,
}

/// Adopts the target. Nothing on the user's tables changes; after a failure nothing of ours is left.
pub async fn init(target: &Target, options: &InitOptions, events: &dyn Events) -> Result<Initialised> {
    let blueprint = names_that_fit(target, options)?;
    let lock = RunnerLock::acquire(target).await?;
    let mut connection = target.connect().await?;
    refuse_proxy(&connection).await?;
    if store::is_adopted(&*connection).await? {
        return adopted_before(&mut connection, options).await;
    }
    refuse_unfit(&connection, options).await?;

    let transaction = connection.transaction().await?;
    store::install(&transaction).await?;
    store::insert_schemas(&transaction, &options.schemas).await?;
    transaction.commit().await?;

    let adopted = adopt(target, &mut connection, options, &blueprint, events).await;
    if let Err(error) = &adopted {
        tracing::warn!(%error, "adopting failed; what was made is removed");
        // Only what this run or an earlier one meant to make: never a database that happens to have the name.
        clear_leftovers(target, &connection, &blueprint).await?;
        connection.batch_execute("DROP SCHEMA edition CASCADE").await?;
    }
    drop(lock);
    Ok(Initialised { changed: true, root: adopted?, schemas: options.schemas.clone() })
}

/// Every name that will be derived from the given ones must fit into 63 bytes; found out before anything is done.
fn names_that_fit(target: &Target, options: &InitOptions) -> Result<Name> {
    if options.schemas.is_empty() {
        return Err(Error::refused("no schema to manage").with_hint("name at least one: --schemas public"));
    }
    for (position, schema) in options.schemas.iter().enumerate() {
        if options.schemas.iter().take(position).any(|earlier| earlier == schema) {
            return Err(Error::refused(format!("schema \"{}\" is named twice", schema.as_str())));
        }
        let ours = matches!(schema.as_str(), "edition" | "edition_catalog" | "information_schema");
        if ours || schema.as_str().starts_with("pg_") {
            return Err(Error::refused(format!("schema \"{}\" cannot be managed", schema.as_str()))
                .with_hint("name schemas that hold the application's tables"));
        }
        options.root.schema_for(schema).map_err(|error| does_not_fit(&error))?;
    }
    options.root.blueprint_for(target.database()).map_err(|error| does_not_fit(&error))
}

/// Rewords a name that is too long: it is one that we derive.
pub(super) fn does_not_fit(error: &crate::model::NameError) -> Error {
    Error::refused(error.to_string())
        .with_hint("choose a shorter edition name: schemas and a database are named after it")
}

/// A database that was adopted in the same way is a success that does nothing (but grants to further proxy roles).
async fn adopted_before(connection: &mut Connection, options: &InitOptions) -> Result<Initialised> {
    let row = connection.query_one("SELECT name FROM edition.editions ORDER BY id LIMIT 1", &[]).await?;
    let first = store::stored_edition_name(row.try_get(0)?)?;
    let schemas = store::schemas_of_init(&**connection).await?;
    let list = |names: &[Name]| names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
    if schemas != options.schemas {
        let (is, asked) = (list(&schemas), list(&options.schemas));
        return Err(Error::refused(format!(
            "the database was adopted with other schemas: {is}, not {asked}"
        ))
        .with_hint("edition deinit, then edition init with the schemas that you want"));
    }
    if first != options.root {
        return Err(Error::refused(format!(
            "the database was adopted with the first edition \"{first}\", not \"{}\"",
            options.root
        ))
        .with_hint("edition list shows the editions that there are"));
    }
    refuse_unknown_roles(connection, &options.proxy_roles).await?;
    let transaction = connection.transaction().await?;
    store::install(&transaction).await?;
    grant_to_proxies(&transaction, &options.proxy_roles).await?;
    transaction.commit().await?;
    Ok(Initialised { changed: false, root: store::root(&**connection).await?, schemas })
}

/// What would make an adopted database fail later is refused now.
async fn refuse_unfit(connection: &Connection, options: &InitOptions) -> Result<()> {
    let schemas: Vec<&str> = options.schemas.iter().map(Name::as_str).collect();
    refuse_unknown_roles(connection, &options.proxy_roles).await?;
    let checks: [(&str, &str, &str); 6] = [
        (
            "SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = name)",
            "no such schema",
            "edition init --schemas NAME[,NAME]",
        ),
        (
            "SELECT n.nspname::text FROM pg_namespace n, unnest($1::text[]) AS name WHERE starts_with(n.nspname::text, name || '$')",
            "a schema has a name that editions would use",
            "rename it: names that begin with an editioned schema and a dollar sign belong to editions",
        ),
        (
            "SELECT n.nspname || '.' || c.relname || ' (of ' || pg_get_userbyid(c.relowner) || ')' \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND NOT pg_has_role(c.relowner, 'USAGE') \
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')",
            "relations belong to a role that this one is not a member of",
            "run edition as their owner, or GRANT that role to this one",
        ),
        (
            // A dump does not tell the owner of a schema public that still belongs to pg_database_owner.
            "SELECT nspname || ' (of ' || pg_get_userbyid(nspowner) || ')' FROM pg_namespace n \
             WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT pg_has_role(nspowner, 'USAGE') \
               AND pg_get_userbyid(nspowner) <> 'pg_database_owner' AND $1::text[] IS NOT NULL \
               AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e')",
            "schemas belong to a role that this one is not a member of",
            "a blueprint has the same owners: ALTER SCHEMA … OWNER TO the role that runs edition, or GRANT that role to it",
        ),
        (
            "SELECT current_database() WHERE NOT has_database_privilege(current_database(), 'CREATE') AND $1::text[] IS NOT NULL",
            "this role may not make a schema in the database",
            "GRANT CREATE ON DATABASE … TO the role that runs edition",
        ),
        (
            "SELECT subname::text FROM pg_subscription WHERE $1::text[] IS NOT NULL \
             AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
            "the database subscribes to another one",
            "editions do not manage tables that logical replication writes to yet: drop the subscription first",
        ),
    ];
    for (question, problem, way_out) in checks {
        refuse_what(connection, question, &schemas, problem, way_out).await?;
    }
    Ok(())
}

async fn refuse_unknown_roles(connection: &Connection, roles: &[Name]) -> Result<()> {
    let roles: Vec<&str> = roles.iter().map(Name::as_str).collect();
    let unknown = "SELECT name FROM unnest($1::text[]) AS name WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)";
    refuse_what(
        connection,
        unknown,
        &roles,
        "no such role",
        "CREATE ROLE … LOGIN, then run edition init again",
    )
    .await
}

/// Refuses if the question, whose parameter is these names, has an answer.
async fn refuse_what(
    connection: &Connection,
    question: &str,
    names: &[&str],
    problem: &str,
    way_out: &str,
) -> Result<()> {
    let rows = connection.query(question, &[&names]).await?;
    let found: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Ok(());
    }
    let shown = found.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    Err(Error::refused(format!("{problem}: {shown}")).with_hint(way_out))
}

async fn adopt(
    target: &Target,
    connection: &mut Connection,
    options: &InitOptions,
    blueprint: &Name,
    events: &dyn Events,
) -> Result<Edition> {
    clear_leftovers(target, connection, blueprint).await?;
    if blueprint::exists(target, blueprint).await? {
        return Err(Error::refused(format!("database \"{}\" exists already", blueprint.as_str()))
            .with_hint("it would be the blueprint of this edition: drop or rename it, or choose another name with --name"));
    }
    let intent = intend(connection, &options.root, "init", "adopt the database", blueprint).await?;
    events.emit(Event::Note { text: format!("copying the structure into database {}", blueprint.as_str()) });
    blueprint::copy_structure(target, &options.programs, blueprint, &options.root).await?;
    check_blueprint(target, connection, options, blueprint, events).await?;

    let transaction = connection.transaction().await?;
    let root =
        store::insert_edition(&transaction, &options.root, None, EditionState::Live, blueprint, None).await?;
    grant_to_proxies(&transaction, &options.proxy_roles).await?;
    store::mark_entry(&transaction, intent, "done", None).await?;
    store::bump_epoch(&transaction).await?;
    transaction.commit().await?;
    Ok(root)
}

/// The blueprint must have every object that the live database has. Where PostgreSQL words a definition otherwise after a
/// dump, that is only told.
async fn check_blueprint(
    target: &Target,
    connection: &mut Connection,
    options: &InitOptions,
    blueprint: &Name,
    events: &dyn Events,
) -> Result<()> {
    let live = blueprint::read_database(connection, &options.schemas).await?;
    let mut copy = target.connect_blueprint(blueprint).await?;
    let copied = blueprint::read_database(&mut copy, &options.schemas).await?;
    let mut lost = Vec::new();
    for difference in blueprint::differences(&live, &copied) {
        match difference {
            Difference::Missing(object) | Difference::Added(object)
                if !object.starts_with("database setting ") =>
            {
                lost.push(object);
            }
            Difference::Missing(object) | Difference::Added(object) | Difference::Changed(object) => {
                events.emit(Event::Note { text: format!("{object} has another wording in the blueprint") });
            }
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    let shown = lost.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    Err(Error::refused(format!("a dump of the database does not hold all of it: {shown}"))
        .with_hint("look at what pg_dump --schema-only says about these objects"))
}

/// What a proxy's role needs: to read the catalogue, and to write its own rows.
async fn grant_to_proxies(client: &impl GenericClient, roles: &[Name]) -> Result<()> {
    for role in roles {
        let grants = sql!(
            "GRANT USAGE ON SCHEMA edition TO {}; GRANT SELECT ON ALL TABLES IN SCHEMA edition TO {}; \
             GRANT INSERT, UPDATE, DELETE ON edition.proxies, edition.sessions TO {}",
            role,
            role,
            role
        );
        client.batch_execute(grants.as_str()).await?;
    }
    Ok(())
}
