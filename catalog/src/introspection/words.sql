-- $1: tables. What PostgreSQL shows of them, worded under the present search_path; one JSON array whose order is the same under every path.
WITH parts (table_id, kind, name, place, of_schema, of_table, id, plain, pretty, facts) AS (
  SELECT c.oid, 'table', c.relname, 0, NULL::name, NULL::name, c.oid, pg_get_partkeydef(c.oid), pg_get_partkeydef(c.oid),
         jsonb_build_object('relchecks', c.relchecks, 'relhasindex', c.relhasindex, 'relhastriggers', c.relhastriggers,
                            'relrowsecurity', c.relrowsecurity, 'relforcerowsecurity', c.relforcerowsecurity)
  FROM pg_class c WHERE c.oid = ANY ($1)

  UNION ALL
  SELECT a.attrelid, 'column', a.attname, a.attnum, NULL, NULL, NULL, pg_get_expr(d.adbin, d.adrelid), pg_get_expr(d.adbin, d.adrelid, true),
         jsonb_build_object('attnotnull', a.attnotnull, 'atthasdef', a.atthasdef, 'attidentity', a.attidentity, 'attgenerated', a.attgenerated,
                            'attstorage', a.attstorage, 'attcompression', a.attcompression, 'attoptions', a.attoptions)
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped

  UNION ALL
  SELECT k.conrelid, 'constraint', k.conname, 0, NULL, NULL, k.oid, pg_get_constraintdef(k.oid), pg_get_constraintdef(k.oid, true), NULL
  FROM pg_constraint k WHERE k.conrelid = ANY ($1)

  UNION ALL
  SELECT k.conrelid, 'check', k.conname, 0, NULL, NULL, k.oid, pg_get_expr(k.conbin, k.conrelid), pg_get_expr(k.conbin, k.conrelid, true), NULL
  FROM pg_constraint k WHERE k.conrelid = ANY ($1) AND k.contype = 'c'

  UNION ALL
  SELECT k.confrelid, 'inbound', k.conname, 0, n.nspname, c.relname, k.oid, pg_get_constraintdef(k.oid), pg_get_constraintdef(k.oid, true), NULL
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE k.confrelid = ANY ($1) AND k.conrelid <> ALL ($1)

  UNION ALL
  SELECT i.indrelid, 'index', c.relname, place.n, NULL, NULL, c.oid,
         pg_get_indexdef(i.indexrelid, place.n, false), pg_get_indexdef(i.indexrelid, place.n, true), NULL
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid CROSS JOIN LATERAL generate_series(0, i.indnatts) AS place (n)
  WHERE i.indrelid = ANY ($1)

  UNION ALL
  SELECT i.indrelid, part.kind, c.relname, 0, NULL, NULL, c.oid, pg_get_expr(part.tree, i.indrelid), pg_get_expr(part.tree, i.indrelid, true), NULL
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  CROSS JOIN LATERAL (VALUES ('predicate', i.indpred), ('expressions', i.indexprs)) AS part (kind, tree)
  WHERE i.indrelid = ANY ($1) AND part.tree IS NOT NULL

  UNION ALL
  SELECT t.tgrelid, 'trigger', t.tgname, 0, NULL, NULL, t.oid, pg_get_triggerdef(t.oid), pg_get_triggerdef(t.oid, true),
         jsonb_build_object('tgenabled', t.tgenabled, 'tgtype', t.tgtype)
  FROM pg_trigger t WHERE t.tgrelid = ANY ($1) AND NOT t.tgisinternal

  UNION ALL
  SELECT p.polrelid, part.kind, p.polname, 0, NULL, NULL, p.oid, pg_get_expr(part.tree, p.polrelid), pg_get_expr(part.tree, p.polrelid, true), NULL
  FROM pg_policy p CROSS JOIN LATERAL (VALUES ('policy', p.polqual), ('policy check', p.polwithcheck)) AS part (kind, tree)
  WHERE p.polrelid = ANY ($1)

  UNION ALL
  SELECT s.stxrelid, 'statistics', s.stxname, 0, NULL, NULL, s.oid, pg_get_statisticsobjdef(s.oid), pg_get_statisticsobjdef_columns(s.oid), NULL
  FROM pg_statistic_ext s WHERE s.stxrelid = ANY ($1)

  UNION ALL
  SELECT reads.table_id, 'view', c.relname, 0, n.nspname, NULL, c.oid, pg_get_viewdef(c.oid), pg_get_viewdef(c.oid, true), NULL
  FROM (SELECT r.ev_class AS id, min(d.refobjid::bigint)::oid AS table_id
        FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1) AND r.ev_class <> d.refobjid
        GROUP BY 1) AS reads
  JOIN pg_class c ON c.oid = reads.id AND c.relkind IN ('v', 'm') JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT coalesce(jsonb_agg(jsonb_build_object('table_id', table_id::bigint, 'kind', kind, 'name', name, 'place', place, 'of_schema', of_schema, 'of_table', of_table,
                                             'id', id::bigint, 'plain', plain, 'pretty', pretty, 'facts', facts)
                          ORDER BY kind, table_id, name COLLATE "C", place, id), '[]')::text
FROM parts
