-- $1: schemas. $2: schemas of ours, whose triggers are not the user's.
-- One row a table (ordinary, partitioned, partition, foreign): the model's Table as JSON, what editions do not manage of it (in words), and how it
-- takes part in partitioning: the model's Partition as JSON, without its table; `of` is null where it is no partition.
SELECT
  jsonb_build_object(
    'id', c.oid::bigint,
    'name', jsonb_build_object('schema', n.nspname, 'name', c.relname),
    'columns', coalesce(columns.list, '[]'),
    'constraints', coalesce(constraints.list, '[]'),
    'indexes', coalesce(indexes.list, '[]'),
    'update_triggers', coalesce((
      SELECT jsonb_agg(t.tgname ORDER BY t.tgname COLLATE "C")
      FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace pn ON pn.oid = p.pronamespace
      WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
        AND t.tgtype & 16 <> 0 AND cardinality(t.tgattr) = 0
        AND pn.nspname <> 'edition' AND pn.nspname <> ALL ($2)), '[]'),
    'owner', pg_get_userbyid(c.relowner),
    'grants', coalesce((
      SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(a.grantee, 0)), 'privilege', a.privilege_type, 'grantable', a.is_grantable)
                       ORDER BY pg_get_userbyid(nullif(a.grantee, 0)) COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable)
      FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a), '[]'),
    'properties', to_jsonb(array_remove(ARRAY[
      'access_method=' || (SELECT nullif(am.amname, 'heap') FROM pg_am am WHERE am.oid = c.relam),
      'comment=' || obj_description(c.oid, 'pg_class'),
      CASE WHEN c.relforcerowsecurity THEN 'force_row_security=true' END,
      'of_type=' || (SELECT format_type(c.reloftype, NULL) WHERE c.reloftype <> 0),
      'options=' || array_to_string(c.reloptions, ', '),
      'persistence=' || nullif(c.relpersistence::text, 'p'),
      'replica_identity=' || nullif(c.relreplident::text, 'd'),
      CASE WHEN c.relrowsecurity THEN 'row_security=true' END,
      'tablespace=' || (SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace),
      'toast_options=' || (SELECT array_to_string(t.reloptions, ', ') FROM pg_class t WHERE t.oid = c.reltoastrelid)
    ], NULL))
  ),
  nullif(concat_ws(E'\n',
    'INHERITS ' || (SELECT string_agg(format('%I.%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno)
                    FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
                    WHERE i.inhrelid = c.oid AND NOT c.relispartition),
    CASE WHEN c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) THEN 'INHERITED' END,
    'SERVER ' || (SELECT format('%I OPTIONS (%s)', s.srvname, array_to_string(f.ftoptions, ', '))
                  FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid)
  ), ''),
  CASE WHEN c.relkind = 'p' OR c.relispartition THEN jsonb_build_object(
    'of', CASE WHEN c.relispartition THEN (SELECT i.inhparent::bigint FROM pg_inherits i WHERE i.inhrelid = c.oid) END,
    'bound', CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
    'rule', CASE WHEN c.relispartition THEN pg_get_partition_constraintdef(c.oid) END,
    'key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    -- Whatever the key reads depends on the table for it.
    'key_columns', coalesce((
      SELECT jsonb_agg(ka.attname ORDER BY ka.attnum)
      FROM pg_attribute ka
      WHERE ka.attrelid = c.oid AND c.relkind = 'p' AND ka.attnum > 0 AND EXISTS (
        SELECT FROM pg_depend pd
        WHERE pd.classid = 'pg_class'::regclass AND pd.objid = c.oid AND pd.objsubid = ka.attnum
          AND pd.refclassid = 'pg_class'::regclass AND pd.refobjid = c.oid AND pd.refobjsubid = 0 AND pd.deptype = 'i')), '[]')
  ) END
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object(
    'id', a.attnum,
    'name', a.attname,
    'type_name', format_type(a.atttypid, a.atttypmod),
    -- What is built in has lower numbers.
    'type_id', (SELECT u.id::bigint FROM (SELECT CASE WHEN t.typtype = 'b' AND t.typlen = -1 AND t.typelem <> 0 THEN t.typelem ELSE t.oid END) AS u (id)
                WHERE u.id >= 16384),
    'collation', (SELECT format('%I.%I', cn.nspname, co.collname)
                  FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
                  WHERE co.oid = a.attcollation AND a.attcollation <> t.typcollation),
    'not_null', a.attnotnull,
    -- From PostgreSQL 18 on there is such a constraint.
    'not_null_name', (SELECT k.conname FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]),
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    -- Built-in functions are not in pg_depend, so the stored tree is asked for the ids of its functions.
    'default_volatility', CASE
      WHEN d.adbin IS NULL THEN 'immutable'
      WHEN d.adbin::text ~ '\{NEXTVALUEEXPR' OR EXISTS (
        SELECT FROM regexp_matches(d.adbin::text, ':(?:funcid|opfuncid) (\d+)', 'g') AS found (ids)
        JOIN pg_proc p ON p.oid = found.ids[1]::oid WHERE p.provolatile = 'v') THEN 'volatile'
      WHEN d.adbin::text ~ '\{(SQLVALUEFUNCTION|COERCEVIAIO)' OR EXISTS (
        SELECT FROM regexp_matches(d.adbin::text, ':(?:funcid|opfuncid) (\d+)', 'g') AS found (ids)
        JOIN pg_proc p ON p.oid = found.ids[1]::oid WHERE p.provolatile = 's') THEN 'stable'
      ELSE 'immutable' END,
    -- From PostgreSQL 17 on a partition is marked, too, but counts with its parent's sequence.
    'identity', CASE CASE WHEN identity.options IS NOT NULL THEN a.attidentity END
      WHEN 'a' THEN jsonb_build_object('always', identity.options)
      WHEN 'd' THEN jsonb_build_object('by_default', identity.options)
      ELSE '"none"' END,
    'generated', CASE a.attgenerated
      WHEN 's' THEN jsonb_build_object('stored', pg_get_expr(d.adbin, d.adrelid))
      WHEN 'v' THEN jsonb_build_object('virtual', pg_get_expr(d.adbin, d.adrelid))
      ELSE '"none"' END,
    'grants', coalesce((
      SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(x.grantee, 0)), 'privilege', x.privilege_type, 'grantable', x.is_grantable)
                       ORDER BY pg_get_userbyid(nullif(x.grantee, 0)) COLLATE "C" NULLS FIRST, x.privilege_type, x.is_grantable)
      FROM aclexplode(a.attacl) x), '[]'),
    'properties', to_jsonb(array_remove(ARRAY[
      'comment=' || col_description(a.attrelid, a.attnum),
      'compression=' || nullif(a.attcompression::text, ''),
      'foreign_options=' || array_to_string(a.attfdwoptions, ', '),
      'identity_grants=' || identity.grants::text,
      'identity_sequence=' || identity.name,
      (SELECT 'not_null_validated=false' FROM pg_constraint k
       WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated),
      -- From 15.20 on (and its siblings) the server keeps a mark of its own, pg_attver, among them, which pg_dump leaves out too.
      'options=' || (SELECT string_agg(o.text, ', ' ORDER BY o.place) FROM unnest(a.attoptions) WITH ORDINALITY AS o (text, place)
                     WHERE NOT starts_with(o.text, 'pg_attver=')),
      'statistics=' || nullif(a.attstattarget, -1),
      'storage=' || CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text || '/' || t.typstorage::text END
    ], NULL))
  ) ORDER BY a.attnum) AS list
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN LATERAL (
    SELECT sc.relname AS name,
           format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s',
                  s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS options,
           (SELECT jsonb_agg(jsonb_build_object('grantee', pg_get_userbyid(nullif(x.grantee, 0)), 'privilege', x.privilege_type, 'grantable', x.is_grantable)
                             ORDER BY pg_get_userbyid(nullif(x.grantee, 0)) COLLATE "C" NULLS FIRST, x.privilege_type, x.is_grantable)
            FROM aclexplode(sc.relacl) x WHERE x.grantee <> sc.relowner) AS grants
    FROM pg_depend pd JOIN pg_sequence s ON s.seqrelid = pd.objid JOIN pg_class sc ON sc.oid = pd.objid
    WHERE pd.classid = 'pg_class'::regclass AND pd.refclassid = 'pg_class'::regclass AND pd.deptype = 'i'
      AND pd.refobjid = a.attrelid AND pd.refobjsubid = a.attnum
  ) AS identity ON a.attidentity <> ''
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) AS columns
CROSS JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object(
    'name', k.conname,
    'kind', CASE k.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check'
                           WHEN 'f' THEN 'foreign_key' WHEN 'x' THEN 'exclusion' ELSE 'other' END,
    'columns', coalesce(to_jsonb(k.conkey), '[]'),
    'references', CASE WHEN k.contype = 'f' THEN jsonb_build_array(k.confrelid::bigint, to_jsonb(k.confkey)) END,
    'restricts_referenced', k.contype = 'f' AND k.confdeltype IN ('a', 'r'),
    'definition', pg_get_constraintdef(k.oid),
    'index', CASE WHEN k.contype IN ('p', 'u', 'x') THEN pg_get_indexdef(k.conindid) END,
    'validated', k.convalidated,
    'comment', obj_description(k.oid, 'pg_constraint'),
    -- What pg_get_constraintdef does not show of the index behind a key.
    'properties', to_jsonb(array_remove(ARRAY[
      CASE WHEN ki.indisclustered THEN 'clustered=true' END,
      'index_comment=' || obj_description(kc.oid, 'pg_class'),
      'options=' || array_to_string(kc.reloptions, ', '),
      CASE WHEN ki.indisreplident THEN 'replica_identity=true' END,
      'tablespace=' || (SELECT spcname FROM pg_tablespace s WHERE s.oid = kc.reltablespace)
    ], NULL)),
    'part_of', CASE
      WHEN k.conparentid <> 0 THEN (SELECT kp.conname FROM pg_constraint kp WHERE kp.oid = k.conparentid)
      -- A check has no parent but the one of its name.
      WHEN c.relispartition AND k.contype = 'c' AND k.coninhcount > 0 THEN k.conname END
  ) ORDER BY k.conname COLLATE "C") AS list
  FROM pg_constraint k
  LEFT JOIN pg_index ki ON ki.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_class kc ON kc.oid = ki.indexrelid
  -- NOT NULL is a property of the column, a constraint trigger is a trigger, and a part of a foreign key is nobody's business.
  WHERE k.conrelid = c.oid AND k.contype NOT IN ('n', 't') AND (k.conparentid = 0 OR k.contype IN ('p', 'u', 'x'))
) AS constraints
CROSS JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_object(
    'name', ic.relname,
    'unique', i.indisunique,
    'columns', coalesce((
      SELECT jsonb_agg(DISTINCT pd.refobjsubid ORDER BY pd.refobjsubid)
      FROM pg_depend pd
      WHERE pd.classid = 'pg_class'::regclass AND pd.objid = i.indexrelid
        AND pd.refclassid = 'pg_class'::regclass AND pd.refobjid = c.oid AND pd.refobjsubid > 0), '[]'),
    'definition', pg_get_indexdef(i.indexrelid),
    'properties', to_jsonb(array_remove(ARRAY[
      CASE WHEN i.indisclustered THEN 'clustered=true' END,
      'comment=' || obj_description(i.indexrelid, 'pg_class'),
      CASE WHEN NOT i.indisvalid AND c.relkind = 'r' THEN 'invalid=true' END,
      CASE WHEN i.indisreplident THEN 'replica_identity=true' END,
      'statistics=' || (SELECT string_agg(format('%s:%s', ia.attnum, ia.attstattarget), ', ' ORDER BY ia.attnum)
                        FROM pg_attribute ia WHERE ia.attrelid = i.indexrelid AND ia.attstattarget >= 0),
      'tablespace=' || (SELECT spcname FROM pg_tablespace s WHERE s.oid = ic.reltablespace)
    ], NULL)),
    'part_of', (SELECT pi.relname FROM pg_inherits h JOIN pg_class pi ON pi.oid = h.inhparent WHERE h.inhrelid = i.indexrelid)
  ) ORDER BY ic.relname COLLATE "C") AS list
  FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid
  WHERE i.indrelid = c.oid
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))
) AS indexes
WHERE c.relkind IN ('r', 'p', 'f') AND n.nspname = ANY ($1)
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
