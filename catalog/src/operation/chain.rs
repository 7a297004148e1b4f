//! Loads the live editions and what stands in the live database, once per operation.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    blueprint::{read_database, read_schema, whole_rows},
    ddl::HopTriggers,
    error::Result,
    layout::{Ancestry, Mapping, TableMapping, renamed_sequences},
    model::{
        ColumnId, Edition, EditionId, EditionName, EditionState, Grant, Name, QualifiedName, Schema, TableId,
    },
    physical::{PhysicalRequest, read_in_physical_words},
    plan::{Chain, Facts, Member},
    store::{self, stored_name},
    target::{Connection, Target},
};

/// Everything that a plan starts from, as it stands.
pub(super) async fn load_chain(
    target: &Target,
    connection: &mut Connection,
    editions: &[Edition],
) -> Result<Chain> {
    ChainReader::open(target, connection, editions).await?.chain(&[]).await
}

/// The live editions in their own words, and connections to their blueprints to ask for physical ones.
pub(super) struct ChainReader {
    /// Its members' physical schemas are the logical ones.
    chain: Chain,
    /// One a member.
    blueprints: Vec<Connection>,
}

impl ChainReader {
    /// Reads the live database and each edition's blueprint.
    pub(super) async fn open(
        target: &Target,
        connection: &mut Connection,
        editions: &[Edition],
    ) -> Result<Self> {
        let editioned = store::schemas(&**connection).await?;
        let (mut members, mut blueprints) = (Vec::new(), Vec::new());
        for edition in editions {
            let mut blueprint = target.connect_blueprint(&edition.blueprint).await?;
            let logical = read_database(&mut blueprint, &editioned).await?;
            let mapping = load_mapping(connection, edition.id).await?;
            members.push(Member { edition: edition.clone(), physical: logical.clone(), logical, mapping });
            blueprints.push(blueprint);
        }
        let facts = load_facts(connection, &editioned).await?;
        let live = read_live(connection, &editioned, &facts).await?;
        Ok(Self { chain: Chain { editioned, members, live, facts }, blueprints })
    }

    /// The chain in physical words, as they are once the tables of `relocations` stand elsewhere.
    pub(super) async fn chain(&mut self, relocations: &[(QualifiedName, QualifiedName)]) -> Result<Chain> {
        let mut chain = self.chain.clone();
        for (from, to) in relocations {
            chain.relocate(from, to);
        }
        let names: Vec<EditionName> =
            chain.members.iter().map(|member| member.edition.name.clone()).collect();
        let schemas: Vec<Schema> = chain.members.iter().map(|member| member.logical.clone()).collect();
        for (position, (member, blueprint)) in chain.members.iter_mut().zip(&mut self.blueprints).enumerate()
        {
            member.mapping.renamed = renamed_sequences(&member.logical, &schemas.iter().take(position));
            let ancestry = Ancestry::new(names.iter().take(position + 1).cloned());
            let request = PhysicalRequest {
                logical: &member.logical,
                mapping: &member.mapping,
                editioned: &chain.editioned,
                extra_types: &[],
                ancestry: &ancestry,
                extra: &[],
                probes: &[],
            };
            member.physical = read_in_physical_words(blueprint, &request).await?.schema;
        }
        Ok(chain)
    }
}

/// The editions that take part in an operation as live: published, or on their way out.
pub(super) fn standing(editions: &[Edition]) -> Vec<Edition> {
    let stands =
        |state| matches!(state, EditionState::Live | EditionState::Retiring | EditionState::RollingBack);
    editions.iter().filter(|edition| stands(edition.state)).cloned().collect()
}

/// The live schema, editions' own schemas included.
async fn read_live(connection: &mut Connection, editioned: &[Name], facts: &Facts) -> Result<Schema> {
    let ours: Vec<Name> = facts
        .schemas
        .iter()
        .filter(|schema| {
            editioned
                .iter()
                .any(|e| schema.as_str().strip_prefix(e.as_str()).is_some_and(|rest| rest.starts_with('$')))
        })
        .cloned()
        .collect();
    let all: Vec<Name> = editioned.iter().cloned().chain(ours).collect();
    let reader = connection.schema_reader().await?;
    let transaction = connection.transaction().await?;
    let schema = read_schema(&reader, &transaction, &all).await?;
    transaction.rollback().await?;
    Ok(schema)
}

async fn load_mapping(connection: &Connection, edition: EditionId) -> Result<Mapping> {
    let mut mapping = Mapping::default();
    let rows = connection
        .query(
            "SELECT table_id, physical_schema, physical_name, view_schema FROM edition.tables WHERE edition_id = $1",
            &[&edition.get()],
        )
        .await?;
    for row in rows {
        let view: Option<&str> = row.try_get(3)?;
        mapping.tables.insert(
            TableId::new(row.try_get(0)?),
            TableMapping {
                physical: QualifiedName::new(stored_name(row.try_get(1)?)?, stored_name(row.try_get(2)?)?),
                view_schema: view.map(stored_name).transpose()?,
                columns: BTreeMap::new(),
            },
        );
    }
    let rows = connection
        .query(
            "SELECT table_id, column_id, physical_name FROM edition.columns WHERE edition_id = $1",
            &[&edition.get()],
        )
        .await?;
    for row in rows {
        if let Some(table) = mapping.tables.get_mut(&TableId::new(row.try_get(0)?)) {
            table.columns.insert(ColumnId::new(row.try_get(1)?), stored_name(row.try_get(2)?)?);
        }
    }
    let rows = connection
        .query(
            "SELECT object_id, physical_schema FROM edition.places WHERE edition_id = $1",
            &[&edition.get()],
        )
        .await?;
    for row in rows {
        mapping.moved.insert(row.try_get(0)?, stored_name(row.try_get(1)?)?);
    }
    Ok(mapping)
}

async fn load_facts(connection: &Connection, editioned: &[Name]) -> Result<Facts> {
    let row = connection
        .query_one("SELECT current_user::text, current_setting('server_version_num')::int", &[])
        .await?;
    let mut facts = Facts::new(stored_name(row.try_get(0)?)?);
    let defaults = "SELECT DISTINCT r.rolname::text FROM pg_catalog.pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee \
         WHERE d.defaclrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user) AND a.grantee <> d.defaclrole ORDER BY 1 NULLS FIRST";
    for row in connection.query(defaults, &[]).await? {
        let role: Option<&str> = row.try_get(0)?;
        facts.maker.gives_to.push(role.map(stored_name).transpose()?);
    }
    facts.merges_into_views = row.try_get::<_, i32>(1)? >= 170_000;
    let silence = connection
        .query_one("SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET'), rolbypassrls OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user", &[])
        .await?;
    facts.may_silence_triggers = silence.try_get(0)?;
    facts.bypasses_policies = silence.try_get(1)?;
    let extensions = "SELECT quote_ident(name) FROM pg_catalog.pg_available_extensions";
    for row in connection.query(extensions, &[]).await? {
        facts.available_extensions.insert(row.try_get(0)?);
    }
    for row in connection.query("SELECT nspname::text FROM pg_catalog.pg_namespace", &[]).await? {
        facts.schemas.insert(stored_name(row.try_get(0)?)?);
    }
    let introduced = "SELECT schema_name, introduced_by FROM edition.schemas WHERE introduced_by IS NOT NULL";
    for row in connection.query(introduced, &[]).await? {
        facts.introduced_schemas.insert(stored_name(row.try_get(0)?)?, EditionId::new(row.try_get(1)?));
    }
    let names: Vec<&str> = editioned.iter().map(Name::as_str).collect();
    let rows = connection
        .query(
            "SELECT n.nspname::text, r.rolname::text, a.privilege_type, a.is_grantable \
             FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a \
             LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee \
             WHERE n.nspname = ANY ($1) AND a.grantee <> n.nspowner ORDER BY 1, 2 NULLS FIRST, 3",
            &[&names],
        )
        .await?;
    for row in rows {
        let grantee: Option<&str> = row.try_get(1)?;
        let grant = Grant {
            grantee: grantee.map(stored_name).transpose()?,
            privilege: row.try_get(2)?,
            grantable: row.try_get(3)?,
        };
        facts.schema_grants.entry(stored_name(row.try_get(0)?)?).or_default().push(grant);
    }
    let rows = connection
        .query(
            "SELECT n.nspname::text, c.relname::text, CASE c.relkind WHEN 'p' THEN (SELECT coalesce(sum(greatest(l.reltuples, 0)), 0)::bigint FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid WHERE t.isleaf AND l.relkind = 'r') ELSE greatest(c.reltuples, 0)::bigint END, CASE c.relkind WHEN 'p' THEN (SELECT coalesce(sum(pg_relation_size(t.relid)), 0)::bigint FROM pg_partition_tree(c.oid) t) ELSE pg_relation_size(c.oid) END, c.relrowsecurity, unidentified.so \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubupdate) AND EXISTS ( \
               SELECT FROM (SELECT c.oid AS relid UNION SELECT relid FROM pg_partition_tree(c.oid)) AS part JOIN pg_catalog.pg_class l ON l.oid = part.relid \
               WHERE l.relkind = 'r' AND l.relpersistence = 'p' AND l.relreplident <> 'f' \
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l.oid AND CASE l.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END) \
                 AND EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE p.pubupdate AND (p.puballtables \
                   OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND (r.prrelid = l.oid OR r.prrelid IN (SELECT pg_partition_ancestors(l.oid)))) \
                   OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = l.relnamespace))))) AS unidentified (so) \
             WHERE c.relkind IN ('r', 'p') AND n.nspname <> ALL ('{pg_catalog,information_schema,edition,edition_catalog}')",
            &[],
        )
        .await?;
    let mut secured = BTreeSet::new();
    for row in rows {
        let name = QualifiedName::new(stored_name(row.try_get(0)?)?, stored_name(row.try_get(1)?)?);
        let (tuples, bytes): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
        let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
        if row.try_get(4)? {
            secured.insert(name.clone());
        }
        if row.try_get(5)? {
            facts.unidentified.insert(name.clone());
        }
        facts.sizes.insert(name, (unsigned(tuples), unsigned(bytes)));
    }
    facts.row_security = secured;
    // A part may be cut again.
    let parts = "WITH RECURSIVE part (relid, name, of) AS ( \
                   SELECT conrelid, conname, conparentid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND conparentid <> 0 \
                   UNION ALL SELECT p.relid, p.name, k.conparentid FROM part p JOIN pg_catalog.pg_constraint k ON k.oid = p.of WHERE k.conparentid <> 0) \
                 SELECT n.nspname::text, c.relname::text, p.name::text, k.conname::text \
                 FROM part p JOIN pg_catalog.pg_constraint k ON k.oid = p.of AND k.conparentid = 0 \
                 JOIN pg_catalog.pg_class c ON c.oid = p.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";
    for row in connection.query(parts, &[]).await? {
        let table = QualifiedName::new(stored_name(row.try_get(0)?)?, stored_name(row.try_get(1)?)?);
        let parts = facts.key_parts.entry(table).or_default();
        parts.insert(stored_name(row.try_get(2)?)?, stored_name(row.try_get(3)?)?);
    }
    facts.whole_rows = whole_rows(&**connection).await?;
    Ok(facts)
}

/// The crossedition triggers of all live hops.
pub(super) async fn load_hops(connection: &Connection) -> Result<Vec<HopTriggers>> {
    let rows =
        connection.query("SELECT triggers FROM edition.hops ORDER BY edition_id, table_id", &[]).await?;
    rows.iter().map(|row| Ok(serde_json::from_value(row.try_get(0)?)?)).collect()
}
