-- $1: schemas. One row a function, procedure or aggregate: the model's Function as JSON.
SELECT jsonb_build_object(
  'id', p.oid::bigint,
  'name', jsonb_build_object('schema', n.nspname, 'name', p.proname),
  'arguments', pg_get_function_identity_arguments(p.oid),
  'keyword', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE' ELSE 'FUNCTION' END,
  'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE (
    SELECT concat_ws(E'\n',
      format('AGGREGATE %I.%I(%s) RETURNS %s', n.nspname, p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid)),
      format('kind %s, direct arguments %s, parallel %s', g.aggkind, g.aggnumdirectargs, p.proparallel),
      format('sfunc %s, stype %s, sspace %s', g.aggtransfn::regprocedure, format_type(g.aggtranstype, NULL), g.aggtransspace),
      format('finalfunc %s %s %s, combinefunc %s, serialfunc %s, deserialfunc %s', g.aggfinalfn::regproc, g.aggfinalextra,
             g.aggfinalmodify, g.aggcombinefn::regproc, g.aggserialfn::regproc, g.aggdeserialfn::regproc),
      format('msfunc %s, minvfunc %s, mfinalfunc %s %s %s, mstype %s, msspace %s', g.aggmtransfn::regproc, g.aggminvtransfn::regproc,
             g.aggmfinalfn::regproc, g.aggmfinalextra, g.aggmfinalmodify, format_type(nullif(g.aggmtranstype, 0), NULL), g.aggmtransspace),
      'initcond ' || g.agginitval, 'minitcond ' || g.aggminitval, 'sortop ' || nullif(g.aggsortop, 0)::regoperator)
    FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END,
  'owner', pg_get_userbyid(p.proowner),
  'grants', coalesce((
    SELECT jsonb_agg(jsonb_build_object('grantee', r.rolname, 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                     ORDER BY r.rolname COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable)
    FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a LEFT JOIN pg_roles r ON r.oid = a.grantee), '[]'),
  'properties', to_jsonb(array_remove(ARRAY['comment=' || obj_description(p.oid, 'pg_proc')], NULL))
)
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = ANY ($1)
  -- 'e': of an extension; 'i': made together with a range type
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
ORDER BY n.nspname COLLATE "C", p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"
