//! Schemas that a draft makes. Editions manage them from its publication on; until then they are known by this alone: the draft has them, and the
//! live database does not.

use tokio_postgres::GenericClient;

use crate::{
    error::Result,
    model::{Name, NewSchema},
    store,
};

/// A schema of the user's, as [`NewSchema`] reads it. What an extension brings is the extension's.
const SCHEMAS: &str = "\
SELECT pg_catalog.jsonb_build_object('name', n.nspname, 'owner', pg_catalog.pg_get_userbyid(n.nspowner), \
  'comment', pg_catalog.obj_description(n.oid, 'pg_namespace'), \
  'grants', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('grantee', nullif(pg_catalog.pg_get_userbyid(nullif(a.grantee, 0)), ''), \
                'privilege', a.privilege_type, 'grantable', a.is_grantable) ORDER BY a.grantee, a.privilege_type), '[]') \
             FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.grantee <> n.nspowner))::text \
FROM pg_catalog.pg_namespace n \
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'edition', 'edition_catalog') \
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid AND d.deptype = 'e') \
ORDER BY n.nspname COLLATE \"C\"";

/// The schemas that a draft has and the live database lacks.
pub async fn new_schemas(live: &impl GenericClient, draft: &impl GenericClient) -> Result<Vec<NewSchema>> {
    let standing = live.query("SELECT nspname::text FROM pg_catalog.pg_namespace", &[]).await?;
    let standing: Vec<&str> = standing.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for row in draft.query(SCHEMAS, &[]).await? {
        let schema: NewSchema = serde_json::from_str(row.try_get(0)?)?;
        if !standing.contains(&schema.name.as_str()) {
            found.push(schema);
        }
    }
    Ok(found)
}

/// The schemas that editions manage once the draft is published.
pub async fn managed_with(live: &impl GenericClient, draft: &impl GenericClient) -> Result<Vec<Name>> {
    let mut managed = store::schemas(live).await?;
    managed.extend(new_schemas(live, draft).await?.into_iter().map(|schema| schema.name));
    Ok(managed)
}
