-- $1: the editioned schemas. One row a thing that is bound to one of their functions or operators: the model's Bound as JSON. What is built in has lower numbers.
SELECT jsonb_build_object(
  'function', d.refobjid::bigint,
  'user', CASE
    WHEN a.adrelid IS NOT NULL THEN jsonb_build_object(
      CASE WHEN c.attgenerated = '' THEN 'default' ELSE 'generated' END, jsonb_build_array(a.adrelid::bigint, a.adnum))
    WHEN i.indrelid IS NOT NULL THEN jsonb_build_object('rule', i.indrelid::bigint)
    WHEN k.conrelid <> 0 THEN jsonb_build_object('rule', k.conrelid::bigint)
    WHEN k.contypid <> 0 THEN jsonb_build_object('type', k.contypid::bigint)
    WHEN d.classid = 'pg_type'::regclass THEN jsonb_build_object('type', d.objid::bigint)
    ELSE '"shared"' END,
  'described', pg_describe_object(d.classid, d.objid, 0))
FROM pg_depend d
LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
JOIN pg_namespace n ON n.oid = coalesce(p.pronamespace, o.oprnamespace)
LEFT JOIN pg_operator sign ON d.classid = 'pg_operator'::regclass AND sign.oid = d.objid
LEFT JOIN pg_namespace sn ON sn.oid = sign.oprnamespace
LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
LEFT JOIN pg_attribute c ON c.attrelid = a.adrelid AND c.attnum = a.adnum
LEFT JOIN pg_class r ON r.oid = a.adrelid
LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
LEFT JOIN pg_class v ON v.oid = coalesce(w.ev_class, i.indrelid)
WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND d.refobjid >= 16384 AND n.nspname = ANY ($1)
  AND d.classid NOT IN ('pg_proc'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass)
  -- An operator of an editioned schema is an edition's own with its function.
  AND coalesce(sn.nspname <> ALL ($1), true)
  -- A view's rules, column defaults and indexes go with the view.
  AND coalesce(v.relkind, 'r') NOT IN ('v', 'm') AND coalesce(r.relkind, 'r') <> 'v'
ORDER BY 1
