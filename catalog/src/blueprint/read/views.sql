-- $1: schemas. One row a view or materialized view: the model's View as JSON.
SELECT
  jsonb_build_object(
    'id', c.oid::bigint,
    'name', jsonb_build_object('schema', n.nspname, 'name', c.relname),
    'definition', pg_get_viewdef(c.oid),
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
    'reads', coalesce((
      SELECT jsonb_agg(DISTINCT jsonb_build_array(d.refobjid::bigint, d.refobjsubid))
      FROM pg_rewrite r
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
      WHERE r.ev_class = c.oid AND r.rulename = '_RETURN' AND d.refobjid <> c.oid), '[]'),
    'calls', coalesce((
      SELECT jsonb_agg(DISTINCT d.refobjid::bigint)
      FROM pg_rewrite r
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
      WHERE r.ev_class = c.oid), '[]'),
    'groups_by', coalesce((
      SELECT jsonb_agg(DISTINCT k.conrelid::bigint)
      FROM pg_rewrite r
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_constraint'::regclass
      JOIN pg_constraint k ON k.oid = d.refobjid
      WHERE r.ev_class = c.oid), '[]'),
    'materialized', c.relkind = 'm',
    'indexes', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', ic.relname, 'unique', i.indisunique, 'columns', '[]'::jsonb, 'definition', pg_get_indexdef(i.indexrelid),
        'properties', to_jsonb(array_remove(ARRAY[
          CASE WHEN i.indisclustered THEN 'clustered=true' END,
          'comment=' || obj_description(i.indexrelid, 'pg_class'),
          'tablespace=' || (SELECT spcname FROM pg_tablespace s WHERE s.oid = ic.reltablespace)], NULL))
      ) ORDER BY ic.relname COLLATE "C")
      FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid), '[]'),
    'rules', coalesce((
      SELECT jsonb_agg(jsonb_build_object('name', r.rulename, 'definition', pg_get_ruledef(r.oid),
                                          'comment', obj_description(r.oid, 'pg_rewrite')) ORDER BY r.rulename COLLATE "C")
      FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN'), '[]'),
    'details', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', a.attname,
        'comment', col_description(c.oid, a.attnum),
        'default', (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum),
        'grants', coalesce((
          SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(x.grantee, 0)), 'privilege', x.privilege_type, 'grantable', x.is_grantable)
                           ORDER BY pg_get_userbyid(nullif(x.grantee, 0)) COLLATE "C" NULLS FIRST, x.privilege_type, x.is_grantable)
          FROM aclexplode(a.attacl) x), '[]')
      ) ORDER BY a.attname COLLATE "C")
      FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0
        AND (a.attacl IS NOT NULL OR a.atthasdef OR col_description(c.oid, a.attnum) IS NOT NULL)), '[]'),
    'owner', pg_get_userbyid(c.relowner),
    'grants', coalesce((
      SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(a.grantee, 0)), 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                       ORDER BY pg_get_userbyid(nullif(a.grantee, 0)) COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable)
      FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a), '[]'),
    'properties', to_jsonb(array_remove(ARRAY[
      'access_method=' || (SELECT nullif(am.amname, 'heap') FROM pg_am am WHERE am.oid = c.relam),
      'comment=' || obj_description(c.oid, 'pg_class'),
      'options=' || array_to_string(c.reloptions, ', '),
      'tablespace=' || (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace)
    ], NULL))
  )
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
