-- What is in the application's schemas, as one JSON value: only what a generator of statements and rows wants to know.
WITH spaces AS (
  SELECT oid, nspname FROM pg_catalog.pg_namespace
  WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'edition', 'edition_catalog')
), relations AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.relrowsecurity, c.relnamespace
  FROM pg_catalog.pg_class c JOIN spaces n ON n.oid = c.relnamespace
  WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), columns AS (
  SELECT a.attrelid, jsonb_agg(jsonb_build_object(
    'name', a.attname,
    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'base', coalesce(b.typname, t.typname),
    'kind', coalesce(b.typtype, t.typtype),
    'length', CASE WHEN coalesce(b.typname, t.typname) IN ('varchar', 'bpchar') THEN nullif(coalesce(nullif(t.typtypmod, -1), a.atttypmod), -1) - 4 END,
    'labels', coalesce((SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = coalesce(b.oid, t.oid)), '[]'),
    'not_null', a.attnotnull,
    'default', a.atthasdef AND a.attgenerated = '',
    'identity', a.attidentity <> '',
    'generated', a.attgenerated <> ''
  ) ORDER BY a.attnum) AS list
  FROM pg_catalog.pg_attribute a JOIN relations r ON r.oid = a.attrelid
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
  WHERE a.attnum > 0 AND NOT a.attisdropped
  GROUP BY a.attrelid
), constraints AS (
  SELECT o.conrelid, jsonb_agg(jsonb_build_object(
    'name', o.conname,
    'kind', o.contype,
    'definition', pg_catalog.pg_get_constraintdef(o.oid),
    'columns', coalesce((SELECT jsonb_agg(a.attname ORDER BY k.place) FROM unnest(o.conkey) WITH ORDINALITY AS k (attnum, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.attnum), '[]'),
    'target', (SELECT jsonb_build_array(f.nspname, f.relname) FROM relations f WHERE f.oid = o.confrelid),
    'target_columns', coalesce((SELECT jsonb_agg(a.attname ORDER BY k.place) FROM unnest(o.confkey) WITH ORDINALITY AS k (attnum, place)
                JOIN pg_catalog.pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.attnum), '[]')
  ) ORDER BY o.conname) AS list
  FROM pg_catalog.pg_constraint o WHERE o.conrelid <> 0 AND o.contype IN ('c', 'u', 'p', 'f', 'x')
    -- Not those by which a foreign key points at each partition of its table.
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint whole WHERE whole.oid = o.conparentid AND whole.conrelid = o.conrelid)
  GROUP BY o.conrelid
)
SELECT jsonb_build_object(
  'tables', coalesce((SELECT jsonb_agg(jsonb_build_object(
      'oid', r.oid::bigint, 'schema', r.nspname, 'name', r.relname, 'partitioned', r.relkind = 'p', 'partition', r.relispartition, 'row_security', r.relrowsecurity,
      'inherits', EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE r.oid IN (i.inhrelid, i.inhparent)),
      'columns', coalesce(c.list, '[]'), 'constraints', coalesce(k.list, '[]'),
      'indexes', coalesce((SELECT jsonb_agg(i.relname ORDER BY i.relname) FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
                 WHERE x.indrelid = r.oid AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conindid = i.oid AND o.conrelid = r.oid)), '[]'),
      'unique_columns', coalesce((SELECT jsonb_agg(DISTINCT a.attname ORDER BY a.attname) FROM pg_catalog.pg_index x
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey) WHERE x.indrelid = r.oid AND x.indisunique), '[]'),
      'triggers', coalesce((SELECT jsonb_agg(t.tgname ORDER BY t.tgname) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = r.oid AND NOT t.tgisinternal), '[]'),
      'policies', coalesce((SELECT jsonb_agg(p.polname ORDER BY p.polname) FROM pg_catalog.pg_policy p WHERE p.polrelid = r.oid), '[]')
    ) ORDER BY r.nspname, r.relname) FROM relations r LEFT JOIN columns c ON c.attrelid = r.oid LEFT JOIN constraints k ON k.conrelid = r.oid
    WHERE r.relkind IN ('r', 'p')), '[]'),
  'views', coalesce((SELECT jsonb_agg(jsonb_build_object('schema', r.nspname, 'name', r.relname, 'materialized', r.relkind = 'm',
      'definition', pg_catalog.pg_get_viewdef(r.oid), 'columns', coalesce(c.list, '[]')) ORDER BY r.relname)
    FROM relations r LEFT JOIN columns c ON c.attrelid = r.oid WHERE r.relkind IN ('v', 'm')), '[]'),
  'sequences', coalesce((SELECT jsonb_agg(r.relname ORDER BY r.relname) FROM relations r WHERE r.relkind = 'S'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.deptype IN ('a', 'i'))), '[]'),
  'routines', coalesce((SELECT jsonb_agg(jsonb_build_object('kind', p.prokind, 'name', p.proname, 'signature', p.oid::regprocedure,
      'trigger', p.prorettype = 'trigger'::regtype) ORDER BY p.proname)
    FROM pg_catalog.pg_proc p JOIN spaces n ON n.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')), '[]'),
  'types', coalesce((SELECT jsonb_agg(jsonb_build_object('name', t.typname, 'kind', t.typtype,
      'labels', coalesce((SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid), '[]'),
      'constraints', coalesce((SELECT jsonb_agg(o.conname ORDER BY o.conname) FROM pg_catalog.pg_constraint o WHERE o.contypid = t.oid), '[]')) ORDER BY t.typname)
    FROM pg_catalog.pg_type t JOIN spaces n ON n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE t.typtype IN ('e', 'd') OR (t.typtype = 'c' AND c.relkind = 'c')), '[]')
)::text
