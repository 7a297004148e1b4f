//! The primary key of a partitioned table that takes the place of an older one. While both editions were live it was a unique index, and PostgreSQL makes no
//! constraint of an index with parts: each partition gets another one, without anybody waiting, and these become the key in the place of the first.

use super::{Contraction, End};
use crate::{
    ddl::index_keys,
    model::{Constraint, ConstraintKind, Name, QualifiedName, Table, TableId},
    plan::{
        Lock, Parts, Step, StepKind, WantedPart,
        tighten::{Standing, Standings},
    },
    sql,
    sql::{Literal, Sql},
};

/// Ends the name of an index that waits to become a part of the key.
const WAITING: &str = "~key";

impl Contraction<'_> {
    /// Indexes for what [`promote_key_of_parts`](Self::promote_key_of_parts) does.
    pub(super) fn build_keys_of_parts(&self) -> Vec<Step> {
        let kept = self.table_ids().into_iter().filter(|id| self.is_kept(*id) && self.input.end == End::Root);
        kept.flat_map(|id| self.build_key_of_parts(id)).collect()
    }

    fn build_key_of_parts(&self, id: TableId) -> Vec<Step> {
        let Some((live, key, index)) = self.key_of_parts(id) else { return Vec::new() };
        let Some(keys) = key.as_index().and_then(|key| index_keys(&key, &live.name)) else {
            return Vec::new();
        };
        let step = |title: String, wanted: WantedPart| {
            let index = beside(&live.name, index);
            let parts = Parts { index, unique: true, keys: keys.clone(), wanted };
            Step::new(title, StepKind::Parts(parts), Lock::ShareUpdateExclusive, vec![live.name.clone()])
        };
        let (of, name) = (live.name.pretty(), index.as_str());
        let waiting = WantedPart::Waiting { suffix: WAITING.to_owned() };
        let sizes = live.stores().into_iter().map(|store| self.input.chain.size(&store.name));
        let size = sizes.fold((0, 0), |(rows, bytes), (more, larger)| (rows + more, bytes + larger));
        vec![
            step(format!("see that {name} of {of} has all its parts"), WantedPart::Index),
            step(
                format!("build indexes on the partitions of {of}, to become {}", key.name.as_str()),
                waiting,
            )
            .touching(size),
        ]
    }

    /// The key takes the names of the index that it replaces; others are given with all the rest. Which partitions there are is known only now.
    pub(super) fn promote_key_of_parts(&self, id: TableId) -> Option<Sql> {
        let (live, key, index) = self.key_of_parts(id)?;
        let name = |name: Sql| name.to_string();
        let (root, table, index) = (
            name(sql!("{}", beside(&live.name, index))),
            name(sql!("{}", live.name)),
            name(sql!("{}", index)),
        );
        let body = sql!(
            "
DECLARE
    parts jsonb;
    part record;
    made text;
BEGIN
    LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;
    -- Every partition behind the one that it is a partition of.
    WITH RECURSIVE tree AS (
        SELECT x.indexrelid, x.indrelid, x.indkey, 0 AS level, NULL::oid AS above
        FROM pg_catalog.pg_index AS x WHERE x.indexrelid = {}::regclass
        UNION ALL
        SELECT x.indexrelid, x.indrelid, x.indkey, t.level + 1, t.indexrelid
        FROM tree AS t JOIN pg_catalog.pg_inherits AS h ON h.inhparent = t.indexrelid JOIN pg_catalog.pg_index AS x ON x.indexrelid = h.inhrelid
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'relation', t.indrelid::regclass::text, 'schema', quote_ident(n.nspname), 'name', quote_ident(c.relname), 'above', t.above::regclass::text,
        'is_leaf', r.relkind <> 'p', 'waiting', (
            SELECT quote_ident(wc.relname) FROM pg_catalog.pg_index AS w JOIN pg_catalog.pg_class AS wc ON wc.oid = w.indexrelid
            WHERE w.indrelid = t.indrelid AND w.indisvalid AND w.indisunique AND w.indkey::text = t.indkey::text AND wc.relname ~ '~(key|[0-9a-f]+)$'
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS h WHERE h.inhrelid = w.indexrelid)
            ORDER BY wc.relname LIMIT 1)) ORDER BY t.level), '[]')
    INTO parts
    FROM tree AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.indexrelid
    JOIN pg_catalog.pg_class AS r ON r.oid = t.indrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE t.level > 0;
    EXECUTE format('DROP INDEX %s', {});
    EXECUTE format('ALTER TABLE ONLY %s ADD CONSTRAINT %s %s', {}, {}, {});
    FOR part IN SELECT * FROM jsonb_to_recordset(parts) AS p (relation text, schema text, name text, above text, is_leaf boolean, waiting text) LOOP
        -- A partition of the last few seconds has nothing that waits: it is small.
        made := CASE WHEN part.is_leaf AND part.waiting IS NOT NULL THEN format('PRIMARY KEY USING INDEX %s%s', part.waiting, {}) ELSE {} END;
        EXECUTE format('ALTER TABLE ONLY %s ADD CONSTRAINT %s %s', part.relation, part.name, made);
        EXECUTE format('ALTER INDEX %s ATTACH PARTITION %s.%s', part.above, part.schema, part.name);
    END LOOP;
END",
            live.name,
            Literal(&root),
            Literal(&root),
            Literal(&table),
            Literal(&index),
            Literal(&key.definition),
            Literal(key.deferrable().unwrap_or_default()),
            Literal(&key.definition)
        );
        Some(sql!("DO {}", Literal(body.as_str())))
    }

    /// The table as it stands, the new root's key, and the index that stands for it.
    fn key_of_parts(&self, id: TableId) -> Option<(&Table, &Constraint, &Name)> {
        let (live, root) = (self.live(id)?, self.new_root.physical.table(id)?);
        live.partitioning.as_ref()?;
        let key = root.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)?;
        match Standings::of(live, root).constraint(key)? {
            Standing::Constraint(_) => None,
            Standing::Index(index) => Some((live, key, index)),
        }
    }
}

/// An index is in the schema of its table.
fn beside(table: &QualifiedName, index: &Name) -> QualifiedName {
    QualifiedName::new(table.schema.clone(), index.clone())
}
