-- $1: the user's schemas. One row a policy: the model's Policy as JSON.
SELECT jsonb_build_object(
  'table', p.polrelid::bigint,
  'on', jsonb_build_object('schema', n.nspname, 'name', c.relname),
  'name', p.polname,
  'command', CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END,
  'permissive', p.polpermissive,
  'roles', (SELECT jsonb_agg(r.rolname ORDER BY r.rolname COLLATE "C" NULLS FIRST)
            FROM unnest(p.polroles) AS role (id) LEFT JOIN pg_roles r ON r.oid = role.id),
  'using', pg_get_expr(p.polqual, p.polrelid),
  'check', pg_get_expr(p.polwithcheck, p.polrelid),
  'comment', obj_description(p.oid, 'pg_policy')
)
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_policy'::regclass AND e.objid = p.oid AND e.deptype IN ('e', 'i'))
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", p.polname COLLATE "C"
