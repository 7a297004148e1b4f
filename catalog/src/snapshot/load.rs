//! Reads a [`Snapshot`] from the catalogue: one statement, so one database snapshot, and no transaction that could
//! get in the way of other statements on the same connection.

use std::collections::HashMap;

use serde::Deserialize;
use tokio_postgres::Client;

use super::{
    NameMap, Numbers, Partition, Reflected, Relation, Snapshot, SnapshotEdition, ViewConstraint, ViewIndex,
    ViewRelation,
};
use crate::{
    error::{Error, Result},
    model::{EditionId, EditionName, EditionState, Epoch, Name},
};

const CATALOGUE: &str = "
SELECT pg_catalog.jsonb_build_object(
  'epoch', (SELECT epoch FROM edition.epoch),
  'server_version', pg_catalog.current_setting('server_version_num')::int,
  'schemas', (SELECT coalesce(pg_catalog.jsonb_agg(schema_name ORDER BY position), '[]') FROM edition.schemas),
  'editions', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'id', id, 'parent', parent_id, 'name', name, 'state', state, 'is_default', is_default, 'blueprint', blueprint)
      ORDER BY id), '[]') FROM edition.editions WHERE state <> 'retired'),
  'tables', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'edition', t.edition_id, 'schema', t.schema_name, 'name', t.table_name, 'physical_schema', t.physical_schema,
        'physical_name', t.physical_name, 'view_schema', t.view_schema,
        'numbers', (SELECT pg_catalog.jsonb_build_object('view', v.oid::bigint, 'stored', s.oid::bigint, 'columns', (
                       SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(sa.attnum, va.attnum) ORDER BY va.attnum), '[]')
                       FROM edition.columns k
                       JOIN pg_catalog.pg_attribute va ON va.attrelid = v.oid AND va.attname = k.column_name
                       JOIN pg_catalog.pg_attribute sa ON sa.attrelid = s.oid AND sa.attname = k.physical_name
                       WHERE k.edition_id = t.edition_id AND k.table_id = t.table_id))
                    FROM pg_catalog.pg_namespace vn JOIN pg_catalog.pg_class v ON v.relnamespace = vn.oid AND v.relkind = 'v',
                         pg_catalog.pg_namespace sn JOIN pg_catalog.pg_class s ON s.relnamespace = sn.oid
                    WHERE vn.nspname = t.view_schema AND v.relname = t.table_name
                      AND sn.nspname = t.physical_schema AND s.relname = t.physical_name),
        'stored_columns', (SELECT coalesce(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                           FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
                           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                           WHERE t.view_schema IS NOT NULL AND n.nspname = t.physical_schema AND c.relname = t.physical_name),
        'stored_key', (SELECT coalesce(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                       FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
                       JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
                       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
                       WHERE t.view_schema IS NOT NULL AND n.nspname = t.physical_schema AND c.relname = t.physical_name),
        'partitions', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
                                'schema', pn.nspname, 'name', pc.relname, 'stored_columns', nullif(own.columns, root.columns))
                              ORDER BY pn.nspname, pc.relname), '[]')
                       FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind = 'p'
                       CROSS JOIN LATERAL pg_catalog.pg_partition_tree(c.oid) AS part
                       JOIN pg_catalog.pg_class pc ON pc.oid = part.relid AND pc.oid <> c.oid
                       JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
                       CROSS JOIN LATERAL (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum) AS columns FROM pg_catalog.pg_attribute a
                                           WHERE a.attrelid = pc.oid AND a.attnum > 0 AND NOT a.attisdropped) AS own
                       CROSS JOIN LATERAL (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum) AS columns FROM pg_catalog.pg_attribute a
                                           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS root
                       WHERE t.view_schema IS NOT NULL AND n.nspname = t.physical_schema AND c.relname = t.physical_name),
        'generated_columns', (SELECT coalesce(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                              FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
                              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attgenerated <> ''
                              WHERE t.view_schema IS NOT NULL AND n.nspname = t.physical_schema AND c.relname = t.physical_name),
        'view_defaults', (SELECT coalesce(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                          FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
                          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND a.atthasdef
                          WHERE n.nspname = t.view_schema AND c.relname = t.table_name AND c.relkind = 'v'),
        'own_defaults', (SELECT coalesce(pg_catalog.jsonb_agg(a.attname ORDER BY a.attnum), '[]')
                         -- The relations first, their columns by key: joined freely this was planned as all defaults for each column of each table.
                         FROM (SELECT v.oid AS seen, s.oid AS stored
                               FROM pg_catalog.pg_namespace vn JOIN pg_catalog.pg_class v ON v.relnamespace = vn.oid,
                                    pg_catalog.pg_namespace sn JOIN pg_catalog.pg_class s ON s.relnamespace = sn.oid
                               WHERE vn.nspname = t.view_schema AND v.relname = t.table_name
                                 AND sn.nspname = t.physical_schema AND s.relname = t.physical_name OFFSET 0) AS stands
                         JOIN pg_catalog.pg_attribute a ON a.attrelid = stands.seen AND a.attnum > 0 AND a.atthasdef
                         JOIN edition.columns k ON k.edition_id = t.edition_id AND k.table_id = t.table_id AND k.column_name = a.attname
                         JOIN pg_catalog.pg_attribute sa ON sa.attrelid = stands.stored AND sa.attname = k.physical_name
                         WHERE (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
                                WHERE d.adrelid = stands.stored AND d.adnum = sa.attnum)
                               IS DISTINCT FROM
                               (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attrdef d
                                WHERE d.adrelid = stands.seen AND d.adnum = a.attnum)),
        'numbered', (SELECT coalesce(pg_catalog.jsonb_agg(n.entry -> 'target' ORDER BY n.entry ->> 'target'), '[]')
                     FROM edition.hops h CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(h.triggers -> 'numbered') AS n (entry)
                     WHERE t.view_schema IS NOT NULL AND h.table_id = t.table_id AND h.edition_id <= t.edition_id),
        -- Sequences and indexes go where their table goes. The indexes of a table behind a view are told of below.
        'along', (SELECT coalesce(pg_catalog.jsonb_agg(a.relname ORDER BY a.relname), '[]')
                  FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
                  CROSS JOIN LATERAL (SELECT i.indexrelid AS id FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND t.view_schema IS NULL
                                      UNION SELECT d.objid FROM pg_catalog.pg_depend d
                                      WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = c.oid
                                        AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')) AS own
                  JOIN pg_catalog.pg_class a ON a.oid = own.id AND a.relnamespace = n.oid AND a.relkind IN ('S', 'i', 'I')
                  WHERE t.physical_schema <> t.schema_name AND n.nspname = t.physical_schema AND c.relname = t.physical_name),
        'columns', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(c.column_name, c.physical_name)
                                                         ORDER BY c.position), '[]')
                    FROM edition.columns c WHERE c.edition_id = t.edition_id AND c.table_id = t.table_id),
        'constraints', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', k.constraint_name,
                                'physical_name', k.physical_name, 'kind', k.kind, 'columns', k.columns) ORDER BY k.constraint_name), '[]')
                        FROM edition.constraints k WHERE k.edition_id = t.edition_id AND k.table_id = t.table_id),
        'indexes', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', x.index_name,
                            'physical_name', x.physical_name, 'is_unique', x.is_unique, 'columns', x.columns) ORDER BY x.index_name), '[]')
                    FROM edition.indexes x WHERE x.edition_id = t.edition_id AND x.table_id = t.table_id))), '[]')
      FROM edition.tables t),
  'names', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'edition', edition_id, 'class', class, 'schema', schema_name, 'name', object_name,
        'physical_schema', physical_schema)), '[]') FROM edition.names),
  'reflected', (SELECT pg_catalog.jsonb_build_object(
        'relations', (SELECT coalesce(pg_catalog.jsonb_agg(c.relname), '[]') FROM pg_catalog.pg_class c
                      WHERE c.relnamespace = n.oid AND c.relkind = 'v' AND c.relname <> 'pg_authid'
                      AND NOT pg_catalog.starts_with(c.relname::pg_catalog.text, '~')),
        'functions', (SELECT coalesce(pg_catalog.jsonb_agg(DISTINCT f.proname), '[]') FROM pg_catalog.pg_proc f
                      WHERE f.pronamespace = n.oid AND NOT pg_catalog.starts_with(f.proname::pg_catalog.text, '~')))
      FROM pg_catalog.pg_namespace n WHERE n.nspname = 'edition_catalog' AND edition.differs())
)::pg_catalog.text";

#[derive(Deserialize)]
struct Rows {
    epoch: i64,
    server_version: u32,
    schemas: Vec<Name>,
    editions: Vec<EditionRow>,
    tables: Vec<TableRow>,
    names: Vec<NameRow>,
    #[serde(default)]
    reflected: Option<Reflected>,
}

#[derive(Deserialize)]
struct EditionRow {
    id: EditionId,
    parent: Option<EditionId>,
    name: EditionName,
    state: EditionState,
    is_default: bool,
    blueprint: Name,
}

#[derive(Deserialize)]
struct TableRow {
    edition: EditionId,
    schema: Name,
    name: Name,
    physical_schema: Name,
    physical_name: Name,
    view_schema: Option<Name>,
    #[serde(default)]
    along: Vec<Name>,
    #[serde(default)]
    numbers: Option<Numbers>,
    columns: Vec<(Name, Name)>,
    stored_columns: Vec<Name>,
    #[serde(default)]
    stored_key: Vec<Name>,
    #[serde(default)]
    partitions: Vec<Partition>,
    generated_columns: Vec<Name>,
    view_defaults: Vec<Name>,
    own_defaults: Vec<Name>,
    #[serde(default)]
    numbered: Vec<Name>,
    constraints: Vec<ViewConstraint>,
    indexes: Vec<ViewIndex>,
}

#[derive(Deserialize)]
struct NameRow {
    edition: EditionId,
    class: NameClass,
    schema: Name,
    name: Name,
    physical_schema: Option<Name>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NameClass {
    Relation,
    Function,
    Operator,
    Type,
}

impl Snapshot {
    /// Reads the catalogue of the database that `client` is connected to.
    ///
    /// # Errors
    /// A [`Database`](crate::ErrorKind::Database) error if the database has no catalogue (SQLSTATE 3F000 or 42P01) or the
    /// connection is lost; a [`Bug`](crate::ErrorKind::Bug) if its rows contradict each other.
    pub async fn load(client: &Client) -> Result<Self> {
        let row = client.query_one(CATALOGUE, &[]).await?;
        let rows: Rows = serde_json::from_str(row.try_get(0)?)?;
        Self::from_rows(rows)
    }

    fn from_rows(rows: Rows) -> Result<Self> {
        let mut maps = name_maps(rows.tables, rows.names)?;
        let editions = rows
            .editions
            .iter()
            .map(|edition| {
                Ok(SnapshotEdition {
                    id: edition.id,
                    name: edition.name.clone(),
                    state: edition.state,
                    is_default: edition.is_default,
                    blueprint: edition.blueprint.clone(),
                    path: path_of(edition, &rows.editions, &rows.schemas)?,
                    names: maps.remove(&edition.id).unwrap_or_default(),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            epoch: Epoch::new(rows.epoch),
            server_version: rows.server_version,
            schemas: rows.schemas,
            editions,
            reflected: rows.reflected.unwrap_or_default(),
        })
    }
}

/// For each editioned schema the schemas that go before it: the edition's own, then its ancestors' up to the root, whose
/// own is left out because what the root has stands in the editioned schema itself.
fn path_of(edition: &EditionRow, all: &[EditionRow], schemas: &[Name]) -> Result<Vec<(Name, Vec<Name>)>> {
    let mut line = vec![&edition.name];
    let mut parent = edition.parent;
    while let Some(ancestor) = parent.and_then(|id| all.iter().find(|other| other.id == id)) {
        parent = ancestor.parent.filter(|id| all.iter().any(|other| other.id == *id));
        if parent.is_some() {
            line.push(&ancestor.name);
        }
    }
    schemas
        .iter()
        .map(|schema| {
            let before = line.iter().map(|name| name.schema_for(schema)).collect::<Result<_, _>>();
            let before = before.map_err(|error| Error::bug(format!("the catalogue holds {error}")))?;
            Ok((schema.clone(), before))
        })
        .collect()
}

fn name_maps(tables: Vec<TableRow>, names: Vec<NameRow>) -> Result<HashMap<EditionId, NameMap>> {
    let mut maps: HashMap<EditionId, NameMap> = HashMap::new();
    let mut along = Vec::new();
    for table in tables {
        let moved = || Relation::Moved { schema: table.physical_schema.clone() };
        along.extend(
            table.along.iter().map(|name| (table.edition, (table.schema.clone(), name.clone()), moved())),
        );
        let relation = match table.view_schema {
            Some(schema) => Relation::View(Box::new(ViewRelation {
                schema,
                physical_schema: table.physical_schema,
                physical_name: table.physical_name,
                numbers: table.numbers,
                columns: table.columns,
                stored_columns: table.stored_columns,
                stored_key: table.stored_key,
                partitions: table.partitions,
                generated_columns: table.generated_columns,
                view_defaults: table.view_defaults,
                own_defaults: table.own_defaults,
                numbered: table.numbered,
                constraints: table.constraints,
                indexes: table.indexes,
            })),
            None if table.physical_name != table.name => {
                return Err(Error::bug(format!(
                    "the catalogue gives table \"{}\" the physical name \"{}\" but no view",
                    table.name.as_str(),
                    table.physical_name.as_str()
                )));
            }
            None if table.physical_schema == table.schema => continue,
            None => Relation::Moved { schema: table.physical_schema },
        };
        maps.entry(table.edition).or_default().relations.insert((table.schema, table.name), relation);
    }
    for row in names {
        let map = maps.entry(row.edition).or_default();
        let key = (row.schema, row.name);
        match (row.class, row.physical_schema) {
            (NameClass::Relation, None) => drop(map.relations.insert(key, Relation::Tombstone)),
            (NameClass::Relation, Some(schema)) => {
                drop(map.relations.insert(key, Relation::Moved { schema }));
            }
            (NameClass::Function, Some(schema)) => drop(map.functions.insert(key, schema)),
            (NameClass::Operator, Some(schema)) => drop(map.operators.insert(key, schema)),
            (NameClass::Type, Some(schema)) => drop(map.types.insert(key, schema)),
            // Functions, operators and types that an edition dropped are still reachable by name: hidden by a later step of the view gap.
            (NameClass::Function | NameClass::Operator | NameClass::Type, None) => {}
        }
    }
    for (edition, key, moved) in along {
        maps.entry(edition).or_default().relations.insert(key, moved);
    }
    Ok(maps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(json: &str) -> Result<Snapshot> {
        Snapshot::from_rows(serde_json::from_str(json).unwrap())
    }

    const CHAIN: &str = r#"[
        {"id": 2, "parent": 1, "name": "v2", "state": "live", "is_default": true, "blueprint": "app$v2"},
        {"id": 3, "parent": 2, "name": "v3", "state": "live", "is_default": false, "blueprint": "app$v3"},
        {"id": 4, "parent": 3, "name": "v4", "state": "rolling_back", "is_default": false, "blueprint": "app$v4"}]"#;

    #[test]
    fn a_path_holds_the_own_schema_then_the_ancestors_without_the_root() {
        let snapshot = rows(&format!(
            r#"{{"epoch": 7, "server_version": 150000, "schemas": ["public"], "editions": {CHAIN}, "tables": [], "names": []}}"#
        ))
        .unwrap();
        let before = |name| -> Vec<String> {
            let edition = snapshot.edition(name).unwrap();
            edition.path[0].1.iter().map(|schema| schema.as_str().to_owned()).collect()
        };
        assert_eq!(before("v2"), ["public$v2"]);
        assert_eq!(before("v3"), ["public$v3"]);
        assert_eq!(before("v4"), ["public$v4", "public$v3"]);
        assert_eq!(snapshot.edition("v4").unwrap().state, EditionState::RollingBack);
    }

    #[test]
    fn a_plain_table_needs_no_entry_and_a_rename_without_a_view_is_a_bug() {
        let table = |physical: &str| {
            rows(&format!(
                r#"{{"epoch": 1, "server_version": 150000, "schemas": ["public"], "editions": {CHAIN}, "names": [], "tables": [{{"edition": 2,
                "schema": "public", "name": "users", "physical_schema": "public", "physical_name": "{physical}",
                "view_schema": null, "columns": [], "stored_columns": [], "generated_columns": [], "view_defaults": [], "own_defaults": [], "constraints": [],
                "indexes": []}}]}}"#
            ))
        };
        assert!(table("users").unwrap().editions[0].names.is_empty());
        assert!(table("users_1").is_err());
    }

    #[test]
    fn sequences_and_indexes_are_where_their_table_is() {
        let snapshot = rows(&format!(
            r#"{{"epoch": 1, "server_version": 150000, "schemas": ["public"], "editions": {CHAIN}, "names": [], "tables": [{{"edition": 3,
            "schema": "public", "name": "notes", "physical_schema": "public$v3", "physical_name": "notes", "along": ["notes_id_seq", "notes_pkey"],
            "view_schema": null, "columns": [], "stored_columns": [], "generated_columns": [], "view_defaults": [], "own_defaults": [], "constraints": [],
            "indexes": []}}]}}"#
        ))
        .unwrap();
        let name = |text| Name::new(text).unwrap();
        let relations = &snapshot.edition("v3").unwrap().names.relations;
        for moved in ["notes", "notes_id_seq", "notes_pkey"] {
            let schema = name("public$v3");
            assert_eq!(relations.get(&(name("public"), name(moved))), Some(&Relation::Moved { schema }));
        }
        assert!(snapshot.edition("v2").unwrap().names.is_empty());
    }
}
