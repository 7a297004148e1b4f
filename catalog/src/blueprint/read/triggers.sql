-- $1: the user's schemas. $2: schemas of ours. One row a trigger: the model's Trigger as JSON.
SELECT jsonb_build_object(
  'id', t.oid::bigint,
  'table', t.tgrelid::bigint,
  'on', jsonb_build_object('schema', n.nspname, 'name', c.relname),
  'name', t.tgname,
  'definition', pg_get_triggerdef(t.oid),
  'enabled', t.tgenabled,
  'function', CASE WHEN t.tgfoid >= 16384 THEN t.tgfoid::bigint END,
  'transition_tables', t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL,
  -- Arguments are stored one after the other, each ended by a zero byte.
  'arguments', to_jsonb((string_to_array(encode(t.tgargs, 'escape'), '\000'))[1:t.tgnargs]),
  'comment', obj_description(t.oid, 'pg_trigger')
)
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace pn ON pn.oid = p.pronamespace
WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND n.nspname = ANY ($1)
  AND pn.nspname <> 'edition' AND pn.nspname <> ALL ($2)
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_trigger'::regclass AND e.objid = t.oid AND e.deptype IN ('e', 'i'))
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", t.tgname COLLATE "C"
