-- $1: schemas. One row an operator: the model's Function as JSON. One that is only promised, as another's commutator or negator, has no function yet.
SELECT jsonb_build_object(
  'id', o.oid::bigint,
  'name', jsonb_build_object('schema', n.nspname, 'name', o.oprname),
  'arguments', arguments,
  'kind', 'operator',
  -- PostgreSQL has no function that gives the statement.
  'definition', format('CREATE OPERATOR %I.%s (%s)', n.nspname, o.oprname, concat_ws(', ',
    'FUNCTION = ' || o.oprcode::regproc, 'LEFTARG = ' || format_type(nullif(o.oprleft, 0), NULL), 'RIGHTARG = ' || format_type(o.oprright, NULL),
    'RESTRICT = ' || nullif(o.oprrest, 0)::regproc, 'JOIN = ' || nullif(o.oprjoin, 0)::regproc,
    CASE WHEN o.oprcanhash THEN 'HASHES' END, CASE WHEN o.oprcanmerge THEN 'MERGES' END)),
  'links', nullif(concat_ws(', ', (
    SELECT format('COMMUTATOR = OPERATOR(%I.%s)', ln.nspname, l.oprname)
    FROM pg_operator l JOIN pg_namespace ln ON ln.oid = l.oprnamespace WHERE l.oid = o.oprcom), (
    SELECT format('NEGATOR = OPERATOR(%I.%s)', ln.nspname, l.oprname)
    FROM pg_operator l JOIN pg_namespace ln ON ln.oid = l.oprnamespace WHERE l.oid = o.oprnegate)), ''),
  'owner', pg_get_userbyid(o.oprowner),
  'grants', '[]'::jsonb,
  'properties', to_jsonb(array_remove(ARRAY['comment=' || obj_description(o.oid, 'pg_operator')], NULL)),
  'depends', coalesce((
    -- A row type is its table, an array its elements; what is built in has lower numbers.
    SELECT jsonb_agg(DISTINCT coalesce(r.oid, e.oid, d.refobjid)::bigint)
    FROM pg_depend d
    LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typtype = 'b' AND t.typlen = -1
    LEFT JOIN pg_class r ON r.oid = coalesce(e.typrelid, t.typrelid) AND r.relkind <> 'c'
    WHERE d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'n' AND d.refobjid >= 16384
      AND d.refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass)), '[]')
)
FROM pg_operator o
JOIN pg_namespace n ON n.oid = o.oprnamespace
CROSS JOIN LATERAL (
  SELECT format('%s, %s', coalesce(format_type(nullif(o.oprleft, 0), NULL), 'NONE'), format_type(o.oprright, NULL))) AS signature (arguments)
WHERE n.nspname = ANY ($1) AND o.oprcode <> 0
  -- 'e': of an extension
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", o.oprname COLLATE "C", arguments COLLATE "C"
