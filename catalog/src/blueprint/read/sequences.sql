-- $1: schemas. One row a sequence that is not an identity column's: the model's Sequence as JSON.
SELECT jsonb_build_object(
  'id', c.oid::bigint,
  'name', jsonb_build_object('schema', n.nspname, 'name', c.relname),
  'options', format('AS %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s',
                    format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                    CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END),
  'owned_by', (SELECT jsonb_build_array(d.refobjid::bigint, d.refobjsubid) FROM pg_depend d
               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
                 AND d.deptype = 'a' AND d.refobjsubid > 0),
  'owner', pg_get_userbyid(c.relowner),
  'grants', coalesce((
    SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(a.grantee, 0)), 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                     ORDER BY pg_get_userbyid(nullif(a.grantee, 0)) COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable)
    FROM aclexplode(coalesce(c.relacl, acldefault('s', c.relowner))) a), '[]'),
  'properties', to_jsonb(array_remove(ARRAY[
    'comment=' || obj_description(c.oid, 'pg_class'),
    'persistence=' || nullif(c.relpersistence::text, 'p')
  ], NULL))
)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_sequence s ON s.seqrelid = c.oid
WHERE n.nspname = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
