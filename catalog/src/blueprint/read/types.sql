-- $1: schemas. One row a free-standing type: the model's TypeDef as JSON, and 'BASE' for a kind that the model does not have, in the order
-- in which they can be made.
SELECT jsonb_build_object(
  'id', t.oid::bigint,
  'name', jsonb_build_object('schema', n.nspname, 'name', t.typname),
  'kind', CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range' ELSE 'enum' END,
  -- What is built in has lower numbers than 16384; the parts of an array are its elements.
  'uses', coalesce((
    SELECT jsonb_agg(DISTINCT coalesce(nullif(d.typelem, 0), d.id)::bigint)
    FROM (
      SELECT dep.refobjid, CASE WHEN ref.typtype = 'b' AND ref.typlen = -1 THEN ref.typelem END
      FROM pg_depend dep LEFT JOIN pg_type ref ON dep.refclassid = 'pg_type'::regclass AND ref.oid = dep.refobjid
      WHERE dep.deptype = 'n' AND dep.refclassid IN ('pg_type'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass) AND dep.refobjid >= 16384
        AND (dep.classid, dep.objid) IN (
          SELECT 'pg_type'::regclass::oid, t.oid UNION ALL
          SELECT 'pg_class'::regclass, nullif(t.typrelid, 0) UNION ALL
          SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k WHERE k.contypid = t.oid)
    ) AS d (id, typelem)), '[]'),
  'body', CASE t.typtype
    WHEN 'e' THEN jsonb_build_object('labels', coalesce((
      SELECT jsonb_agg(jsonb_build_object('id', e.oid::bigint, 'text', e.enumlabel) ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '[]'))
    WHEN 'd' THEN (
      SELECT jsonb_build_object('base', jsonb_build_object('of', jsonb_build_object('type_name', format_type(t.typbasetype, t.typtypmod),
        'type_id', (SELECT u.id::bigint FROM (SELECT CASE WHEN b.typtype = 'b' AND b.typlen = -1 AND b.typelem <> 0 THEN b.typelem ELSE b.oid END) AS u (id) WHERE u.id >= 16384)),
        'rules', to_jsonb(ARRAY(SELECT 'NOT NULL' WHERE t.typnotnull UNION ALL
          SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' ORDER BY 1)),
        'default', pg_get_expr(t.typdefaultbin, 0)))
      FROM pg_type b WHERE b.oid = t.typbasetype)
    WHEN 'c' THEN jsonb_build_object('attributes', coalesce((
      SELECT jsonb_agg(jsonb_build_object('id', a.attnum, 'name', a.attname, 'of', jsonb_build_object('type_name', format_type(a.atttypid, a.atttypmod),
        'type_id', (SELECT u.id::bigint FROM (SELECT CASE WHEN b.typtype = 'b' AND b.typlen = -1 AND b.typelem <> 0 THEN b.typelem ELSE b.oid END) AS u (id) WHERE u.id >= 16384))) ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type b ON b.oid = a.atttypid WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]'))
    ELSE '"opaque"' END,
  'definition', CASE t.typtype
    WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname,
      (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
    WHEN 'd' THEN concat_ws(' ', format('CREATE DOMAIN %I.%I AS %s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod)),
      'COLLATE ' || (SELECT format('%I.%I', cn.nspname, co.collname)
                     FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace JOIN pg_type b ON b.oid = t.typbasetype
                     WHERE co.oid = t.typcollation AND t.typcollation <> b.typcollation),
      'DEFAULT ' || pg_get_expr(t.typdefaultbin, 0),
      CASE WHEN t.typnotnull THEN 'NOT NULL' END,
      (SELECT string_agg(format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), ' ' ORDER BY k.conname COLLATE "C")
       FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
    WHEN 'c' THEN format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname,
      (SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
          'COLLATE ' || (SELECT format('%I.%I', cn.nspname, co.collname)
                         FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace JOIN pg_type b ON b.oid = a.atttypid
                         WHERE co.oid = a.attcollation AND a.attcollation <> b.typcollation)), ', ' ORDER BY a.attnum)
       FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
    WHEN 'r' THEN (SELECT format('CREATE TYPE %I.%I AS RANGE (%s)', n.nspname, t.typname, concat_ws(', ',
        'SUBTYPE = ' || format_type(r.rngsubtype, NULL),
        'SUBTYPE_OPCLASS = ' || (SELECT format('%I.%I', opn.nspname, o.opcname) FROM pg_opclass o JOIN pg_namespace opn ON opn.oid = o.opcnamespace
                                 WHERE o.oid = r.rngsubopc AND NOT o.opcdefault),
        'COLLATION = ' || (SELECT format('%I.%I', cn.nspname, co.collname)
                           FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace JOIN pg_type b ON b.oid = r.rngsubtype
                           WHERE co.oid = r.rngcollation AND r.rngcollation <> b.typcollation),
        'CANONICAL = ' || nullif(r.rngcanonical, 0)::regproc, 'SUBTYPE_DIFF = ' || nullif(r.rngsubdiff, 0)::regproc,
        'MULTIRANGE_TYPE_NAME = ' || (SELECT format('%I.%I', mn.nspname, m.typname) FROM pg_type m JOIN pg_namespace mn ON mn.oid = m.typnamespace
                                      WHERE m.oid = r.rngmultitypid)))
      FROM pg_range r WHERE r.rngtypid = t.oid)
    ELSE concat_ws(', ', format('TYPE %I.%I', n.nspname, t.typname), CASE WHEN NOT t.typisdefined THEN 'shell' END,
      format('input %s, output %s, receive %s, send %s, length %s, by value %s, alignment %s, storage %s, category %s, preferred %s, delimiter %s, subscript %s, modifiers %s %s, analyze %s',
             t.typinput::regproc, t.typoutput::regproc, t.typreceive::regproc, t.typsend::regproc, t.typlen, t.typbyval, t.typalign,
             t.typstorage, t.typcategory, t.typispreferred, t.typdelim, t.typsubscript, t.typmodin, t.typmodout, t.typanalyze), 'default ' || t.typdefault) END,
  'owner', pg_get_userbyid(t.typowner),
  'grants', coalesce((
    SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(a.grantee, 0)), 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                     ORDER BY pg_get_userbyid(nullif(a.grantee, 0)) COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable)
    FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a), '[]'),
  'properties', to_jsonb(array_remove(ARRAY(
    SELECT format('attribute %s comment=%s', quote_ident(a.attname), col_description(t.typrelid, a.attnum))
    FROM pg_attribute a
    WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND col_description(t.typrelid, a.attnum) IS NOT NULL
    ORDER BY a.attname COLLATE "C"
  ) || ARRAY['comment=' || obj_description(t.oid, 'pg_type')] || ARRAY(
    SELECT format('constraint %s comment=%s', quote_ident(k.conname), obj_description(k.oid, 'pg_constraint'))
    FROM pg_constraint k WHERE k.contypid = t.oid AND obj_description(k.oid, 'pg_constraint') IS NOT NULL
    ORDER BY k.conname COLLATE "C"
  ), NULL))
), CASE WHEN t.typtype IN ('b', 'p') THEN 'BASE' END
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE n.nspname = ANY ($1)
  AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c')
       OR (t.typtype IN ('b', 'p') AND NOT EXISTS (SELECT FROM pg_type el WHERE el.oid = t.typelem AND el.typarray = t.oid)))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
ORDER BY t.oid
