-- One row a table whose row as a whole a policy, check constraint or index speaks of: the model's WholeRow as JSON. A variable for the whole row has number 0 in the
-- parsed expression and no entry in pg_depend (dependency.c, find_expr_references_walker); a row that is put together or cast has one for its type.
WITH speaker AS (
  SELECT p.tableoid AS class, p.oid, 'policy' AS kind, p.polname AS name, p.polrelid AS relation, concat(p.polqual::text, p.polwithcheck::text) AS tree
  FROM pg_policy p
  UNION ALL
  SELECT k.tableoid, k.oid, 'constraint', k.conname, k.conrelid, k.conbin::text FROM pg_constraint k WHERE k.contype = 'c' AND k.conrelid <> 0
  UNION ALL
  SELECT c.tableoid, c.oid, 'index', c.relname, i.indrelid, concat(i.indexprs::text, i.indpred::text)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
), spoken_of AS (
  SELECT s.class, s.oid, variable[1]::oid AS row_type, false AS builds
  FROM speaker s CROSS JOIN LATERAL regexp_matches(s.tree, ':varattno 0 :vartype (\d+) ', 'g') AS variable
  UNION ALL
  SELECT s.class, s.oid, d.refobjid, true
  FROM speaker s JOIN pg_depend d ON d.classid = s.class AND d.objid = s.oid AND d.refclassid = 'pg_type'::regclass
)
SELECT jsonb_build_object(
  'table', jsonb_build_object('schema', n.nspname, 'name', c.relname),
  'speaker', format('%s %I on %I.%I', s.kind, s.name, rn.nspname, r.relname),
  'builds', bool_or(o.builds))
FROM spoken_of o
JOIN speaker s USING (class, oid)
JOIN pg_class r ON r.oid = s.relation
JOIN pg_namespace rn ON rn.oid = r.relnamespace
JOIN pg_type t ON t.oid = o.row_type
LEFT JOIN pg_type e ON e.oid = t.typelem
JOIN pg_class c ON c.oid IN (t.typrelid, e.typrelid) AND c.relkind IN ('r', 'p') AND c.oid >= 16384
JOIN pg_namespace n ON n.oid = c.relnamespace
GROUP BY n.nspname, c.relname, s.kind, s.name, rn.nspname, r.relname
ORDER BY 1
