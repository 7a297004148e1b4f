-- $1: schemas. One row a function, procedure or aggregate: the model's Function as JSON.
SELECT jsonb_build_object(
  'id', p.oid::bigint,
  'name', jsonb_build_object('schema', n.nspname, 'name', p.proname),
  'arguments', pg_get_function_identity_arguments(p.oid),
  'kind', CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
  'definition', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE (
    -- PostgreSQL has no function that gives the statement.
    SELECT format('CREATE OR REPLACE AGGREGATE %I.%I(%s) (%s)', n.nspname, p.proname,
      CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_identity_arguments(p.oid) END,
      concat_ws(', ', 'SFUNC = ' || g.aggtransfn::regproc, 'STYPE = ' || format_type(g.aggtranstype, NULL),
        'SSPACE = ' || nullif(g.aggtransspace, 0), 'FINALFUNC = ' || nullif(g.aggfinalfn, 0)::regproc,
        CASE WHEN g.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
        'FINALFUNC_MODIFY = ' || CASE g.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END,
        'COMBINEFUNC = ' || nullif(g.aggcombinefn, 0)::regproc, 'SERIALFUNC = ' || nullif(g.aggserialfn, 0)::regproc,
        'DESERIALFUNC = ' || nullif(g.aggdeserialfn, 0)::regproc, 'INITCOND = ' || quote_literal(g.agginitval),
        'MSFUNC = ' || nullif(g.aggmtransfn, 0)::regproc, 'MINVFUNC = ' || nullif(g.aggminvtransfn, 0)::regproc,
        'MSTYPE = ' || format_type(nullif(g.aggmtranstype, 0), NULL), 'MSSPACE = ' || nullif(g.aggmtransspace, 0),
        'MFINALFUNC = ' || nullif(g.aggmfinalfn, 0)::regproc, CASE WHEN g.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
        CASE WHEN g.aggmtransfn <> 0 THEN 'MFINALFUNC_MODIFY = ' || CASE g.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END END,
        'MINITCOND = ' || quote_literal(g.aggminitval),
        'SORTOP = ' || (SELECT format('OPERATOR(%I.%s)', sn.nspname, so.oprname) FROM pg_operator so JOIN pg_namespace sn ON sn.oid = so.oprnamespace WHERE so.oid = g.aggsortop),
        'PARALLEL = ' || CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END,
        CASE WHEN g.aggkind = 'h' THEN 'HYPOTHETICAL' END))
    FROM pg_aggregate g WHERE g.aggfnoid = p.oid) END,
  'owner', pg_get_userbyid(p.proowner),
  'grants', coalesce((
    SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(a.grantee, 0)), 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                     ORDER BY pg_get_userbyid(nullif(a.grantee, 0)) COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable)
    FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a), '[]'),
  'properties', to_jsonb(array_remove(ARRAY['comment=' || obj_description(p.oid, 'pg_proc')], NULL)),
  'depends', coalesce((
    -- A row type is its table, an array its elements; what is built in has lower numbers.
    SELECT jsonb_agg(DISTINCT coalesce(r.oid, e.oid, d.refobjid)::bigint)
    FROM pg_depend d
    LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typtype = 'b' AND t.typlen = -1
    LEFT JOIN pg_class r ON r.oid = coalesce(e.typrelid, t.typrelid) AND r.relkind <> 'c'
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'n' AND d.refobjid >= 16384
      AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass)), '[]'),
  'reads', coalesce((
    SELECT jsonb_agg(jsonb_build_array(d.refobjid::bigint, d.refobjsubid) ORDER BY d.refobjid, d.refobjsubid)
    FROM pg_depend d
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0), '[]'),
  'groups_by', coalesce((
    SELECT jsonb_agg(DISTINCT k.conrelid::bigint)
    FROM pg_depend d JOIN pg_constraint k ON k.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_constraint'::regclass AND k.conrelid <> 0), '[]'),
  'row_types', coalesce((
    SELECT jsonb_agg(DISTINCT r.oid::bigint)
    FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype) AS used
    JOIN pg_type t ON t.oid = used
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typtype = 'b' AND t.typlen = -1
    JOIN pg_class r ON r.oid = coalesce(e.typrelid, t.typrelid) AND r.relkind <> 'c'), '[]'),
  'search_path', (SELECT substr(setting, 13) FROM unnest(p.proconfig) AS setting
                  WHERE setting LIKE 'search\_path=%' AND p.provolatile <> 'i')
)
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = ANY ($1)
  -- 'e': of an extension; 'i': made together with a range type
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype IN ('e', 'i'))
ORDER BY n.nspname COLLATE "C", p.proname COLLATE "C", pg_get_function_identity_arguments(p.oid) COLLATE "C"
