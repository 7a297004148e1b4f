//! What the doctor reads of PostgreSQL's catalogues.

use serde::Deserialize;

use super::{Code, Finding};
use crate::{error::Result, model::Name, store, target::Connection};

/// Everything that is judged.
pub(super) struct Facts {
    /// The editioned schemas that exist.
    pub(super) schemas: Vec<Name>,
    /// Relations, functions and types in them.
    pub(super) objects: Vec<(String, String)>,
    /// Functions and procedures of the users.
    pub(super) routines: Vec<Routine>,
    /// What needs no further look.
    pub(super) found: Vec<Finding>,
}

/// A function or procedure.
#[derive(Debug, Deserialize)]
pub(super) struct Routine {
    /// `function` or `procedure`.
    pub(super) kind: String,
    /// With schema and arguments.
    pub(super) name: String,
    pub(super) language: String,
    /// `None`: not a string, or in a language that is not read.
    pub(super) body: Option<String>,
    pub(super) is_definer: bool,
    pub(super) is_trigger: bool,
    /// `name=value`
    pub(super) settings: Vec<String>,
}

/// One row of the queries below that need no further look.
struct Seen {
    subject: String,
    place: Option<String>,
}

/// Schemas of ours are left out: they hold what editions made of the users' own.
pub(super) async fn facts(connection: &Connection, schemas: &[Name], adopted: bool) -> Result<Facts> {
    let asked: Vec<&str> = schemas.iter().map(Name::as_str).collect();
    let own = if adopted { own_schemas(connection, schemas).await? } else { Vec::new() };
    let own: Vec<&str> = own.iter().map(Name::as_str).collect();
    let rows = connection
        .query("SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1)", &[&asked])
        .await?;
    let existing: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let rows = connection.query(OBJECTS, &[&asked]).await?;
    let objects = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, tokio_postgres::Error>>()?;
    let routines: String = connection.query_one(ROUTINES, &[&own]).await?.try_get(0)?;

    let mut found = Vec::new();
    let bound = connection.query(BOUND_OUTSIDE, &[&asked, &own]).await?;
    found.extend(
        seen(&bound)?.into_iter().map(|seen| Finding::new(Code::BoundOutside, seen.subject, seen.place)),
    );
    for seen in seen(&connection.query(SETTINGS, &[]).await?)? {
        let place = seen.place.unwrap_or_default();
        let is_edition = place.starts_with("edition.id") || own.iter().any(|schema| place.contains(schema));
        let code = if is_edition { Code::EditionSetting } else { Code::SearchPathSetting };
        found.push(Finding::new(code, seen.subject, Some(place)));
    }
    let copies = connection.query(COPIES, &[&asked]).await?;
    found.extend(
        seen(&copies)?.into_iter().map(|seen| Finding::new(Code::LogicalCopy, seen.subject, seen.place)),
    );
    if adopted {
        let direct = connection.query(DIRECT, &[]).await?;
        found.extend(
            seen(&direct)?
                .into_iter()
                .map(|seen| Finding::new(Code::DirectConnection, seen.subject, seen.place)),
        );
    }
    Ok(Facts {
        schemas: schemas
            .iter()
            .filter(|schema| existing.iter().any(|name| name == schema.as_str()))
            .cloned()
            .collect(),
        objects,
        routines: serde_json::from_str(&routines)?,
        found,
    })
}

async fn own_schemas(connection: &Connection, schemas: &[Name]) -> Result<Vec<Name>> {
    let editions = store::editions(&**connection).await?;
    let own = editions
        .iter()
        .flat_map(|edition| schemas.iter().filter_map(|schema| edition.name.schema_for(schema).ok()));
    Ok(own.chain(Name::new("edition").ok()).collect())
}

fn seen(rows: &[tokio_postgres::Row]) -> Result<Vec<Seen>> {
    rows.iter().map(|row| Ok(Seen { subject: row.try_get(0)?, place: row.try_get(1)? })).collect()
}

const OBJECTS: &str = "
SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
UNION SELECT n.nspname::text, p.proname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
UNION SELECT n.nspname::text, t.typname::text FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = ANY ($1) AND t.typtype IN ('e', 'd', 'r')";

const ROUTINES: &str = "
SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
    'kind', CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
    'name', pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
    'language', l.lanname,
    'body', CASE WHEN l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL THEN p.prosrc END,
    'is_definer', p.prosecdef,
    'is_trigger', p.prorettype = 'pg_catalog.trigger'::regtype,
    'settings', pg_catalog.to_jsonb(coalesce(p.proconfig, '{}')))), '[]')::pg_catalog.text
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> ALL ($1)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')";

/// What outside is bound to something inside, by PostgreSQL's own record. The rule of a view, the default of a column and the like are told
/// as what they belong to.
const BOUND_OUTSIDE: &str = "
WITH inside AS (
  SELECT 'pg_catalog.pg_class'::regclass AS classid, c.oid, n.nspname FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1)
  UNION ALL SELECT 'pg_catalog.pg_proc'::regclass, p.oid, n.nspname FROM pg_catalog.pg_proc p
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY ($1)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')),
bound AS (
  SELECT d.classid, d.objid, d.refclassid, d.refobjid, coalesce(r.ev_class, a.adrelid, p.polrelid, k.conrelid, f.oid) AS owner, f.oid IS NOT NULL AS is_function
  FROM pg_catalog.pg_depend d JOIN inside i ON i.classid = d.refclassid AND i.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_catalog.pg_attrdef a ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND a.oid = d.objid
    LEFT JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::regclass AND p.oid = d.objid
    LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid AND k.conrelid <> 0 AND k.contype <> 'f'
    LEFT JOIN pg_catalog.pg_proc f ON d.classid = 'pg_catalog.pg_proc'::regclass AND f.oid = d.objid
  WHERE d.deptype IN ('n', 'a'))
SELECT DISTINCT pg_catalog.pg_describe_object(CASE WHEN b.is_function THEN 'pg_catalog.pg_proc'::regclass WHEN b.classid = 'pg_catalog.pg_rewrite'::regclass
           THEN 'pg_catalog.pg_class'::regclass ELSE b.classid END,
         CASE WHEN b.is_function OR b.classid = 'pg_catalog.pg_rewrite'::regclass THEN b.owner ELSE b.objid END, 0),
       pg_catalog.pg_describe_object(b.refclassid, b.refobjid, 0)
FROM bound b
  LEFT JOIN pg_catalog.pg_class c ON NOT b.is_function AND c.oid = b.owner
  LEFT JOIN pg_catalog.pg_proc f ON b.is_function AND f.oid = b.owner
  JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, f.pronamespace)
WHERE n.nspname <> ALL ($1) AND n.nspname <> ALL ($2) AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'";

const SETTINGS: &str = "
SELECT CASE WHEN s.setrole = 0 THEN pg_catalog.format('database %s', d.datname)
            WHEN s.setdatabase = 0 THEN pg_catalog.format('role %s', r.rolname)
            ELSE pg_catalog.format('role %s in database %s', r.rolname, d.datname) END, setting
FROM pg_catalog.pg_db_role_setting s CROSS JOIN pg_catalog.unnest(s.setconfig) AS setting
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
WHERE (s.setdatabase = 0 OR d.datname = pg_catalog.current_database()) AND setting ~* '^(search_path|edition\\.id)='";

const COPIES: &str = "
SELECT pg_catalog.format('publication %s', p.pubname), pg_catalog.format('%I.%I', t.schemaname, t.tablename)
FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_publication_tables t ON t.pubname = p.pubname WHERE t.schemaname = ANY ($1)
UNION ALL SELECT pg_catalog.format('replication slot %s', slot_name), pg_catalog.format('plugin %s', plugin)
FROM pg_catalog.pg_replication_slots WHERE slot_type = 'logical' AND database = pg_catalog.current_database()";

/// Commands of ours call themselves so; the control connections of the proxies are those that listen.
const DIRECT: &str = "
SELECT pg_catalog.format('session %s of role %s', a.pid, a.usename),
       pg_catalog.format('application %s, from %s', coalesce(nullif(a.application_name, ''), 'unnamed'),
                         coalesce(pg_catalog.host(a.client_addr), 'this machine'))
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
  AND a.application_name NOT IN ('edition', 'edition backfill', 'editiond')
  AND NOT EXISTS (SELECT FROM edition.sessions s WHERE s.backend_pid = a.pid)";
