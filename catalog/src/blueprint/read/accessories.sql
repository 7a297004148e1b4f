-- $1: the user's schemas. One row an object that is made and unmade as a whole: the model's Accessory as JSON. Statements are separated by ";\n".
WITH objects (kind, class, id, make, unmake, of_table) AS (
  SELECT 'extension', 'pg_extension', e.oid,
         format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I VERSION %L', e.extname, n.nspname, e.extversion),
         format('DROP EXTENSION IF EXISTS %I', e.extname), NULL::oid
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid >= 16384

  UNION ALL
  -- Not told: collencoding follows from the provider and the database, collversion from the system's libraries.
  SELECT 'collation', 'pg_collation', c.oid,
         concat_ws(E';\n',
           format('CREATE COLLATION %I.%I (%s)', n.nspname, c.collname, concat_ws(', ',
             'PROVIDER = ' || CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END,
             'DETERMINISTIC = ' || CASE WHEN NOT c.collisdeterministic THEN 'false' END,
             -- The locale has another name from 17 on.
             'LOCALE = ' || quote_literal(coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale')),
             'LC_COLLATE = ' || quote_literal(c.collcollate), 'LC_CTYPE = ' || quote_literal(c.collctype),
             'RULES = ' || quote_literal(to_jsonb(c) ->> 'collicurules'))),
           format('COMMENT ON COLLATION %I.%I IS ', n.nspname, c.collname) || quote_literal(obj_description(c.oid, 'pg_collation'))),
         format('DROP COLLATION IF EXISTS %I.%I', n.nspname, c.collname), NULL
  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'statistics object', 'pg_statistic_ext', s.oid,
         concat_ws(E';\n', pg_get_statisticsobjdef(s.oid),
           format('ALTER STATISTICS %I.%I SET STATISTICS ', n.nspname, s.stxname) || nullif(s.stxstattarget, -1),
           format('COMMENT ON STATISTICS %I.%I IS ', n.nspname, s.stxname) || quote_literal(obj_description(s.oid, 'pg_statistic_ext'))),
         format('DROP STATISTICS IF EXISTS %I.%I', n.nspname, s.stxname), s.stxrelid
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'publication', 'pg_publication', p.oid,
         concat_ws(E';\n',
           format('CREATE PUBLICATION %I%s WITH (publish = %L, publish_via_partition_root = %s%s)', p.pubname,
             ' FOR ' || CASE WHEN p.puballtables THEN 'ALL TABLES' ELSE nullif(concat_ws(', ',
               (SELECT string_agg(concat_ws(' ', format('TABLE %I.%I', n.nspname, c.relname),
                         '(' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                                 WHERE a.attrelid = c.oid AND a.attnum = ANY (r.prattrs)) || ')',
                         'WHERE ' || '(' || pg_get_expr(r.prqual, r.prrelid) || ')'), ', '
                         ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C")
                FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE r.prpubid = p.oid),
               (SELECT string_agg(format('TABLES IN SCHEMA %I', n.nspname), ', ' ORDER BY n.nspname COLLATE "C")
                FROM pg_publication_namespace s JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = p.oid)), '') END,
             concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                       CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END), p.pubviaroot::text,
             -- From version 18 on; read as JSON, because older ones have no such column.
             CASE WHEN to_jsonb(p) ->> 'pubgencols' = 's' THEN ', publish_generated_columns = stored' END),
           format('COMMENT ON PUBLICATION %I IS ', p.pubname) || quote_literal(obj_description(p.oid, 'pg_publication'))),
         format('DROP PUBLICATION IF EXISTS %I', p.pubname), NULL
  FROM pg_publication p

  UNION ALL
  SELECT 'default privileges', 'pg_default_acl', d.oid,
         -- Those of a schema come on top; those of a role alone stand in the place of what PostgreSQL grants.
         concat_ws(E';\n',
           CASE WHEN d.defaclnamespace = 0 THEN format('%s REVOKE ALL ON %s FROM %I, PUBLIC', text.alter, text.what, text.role) END,
           (SELECT string_agg(format('%s GRANT %s ON %s TO %s%s', text.alter, a.privilege_type, text.what,
                     CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                     CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), E';\n'
                     ORDER BY pg_get_userbyid(a.grantee) COLLATE "C", a.privilege_type)
            FROM aclexplode(d.defaclacl) a)),
         concat_ws(E';\n',
           (SELECT string_agg(DISTINCT format('%s REVOKE ALL ON %s FROM %s', text.alter, text.what,
                     CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), E';\n')
            FROM aclexplode(d.defaclacl) a),
           CASE WHEN d.defaclnamespace = 0 THEN format('%s GRANT ALL ON %s TO %I', text.alter, text.what, text.role) END,
           CASE WHEN d.defaclnamespace = 0 AND d.defaclobjtype IN ('f', 'T') THEN format('%s GRANT ALL ON %s TO PUBLIC', text.alter, text.what) END),
         NULL
  FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
  CROSS JOIN LATERAL (SELECT
    concat_ws(' ', format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', pg_get_userbyid(d.defaclrole)), 'IN SCHEMA ' || quote_ident(n.nspname)) AS alter,
    CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
                         WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END AS what,
    pg_get_userbyid(d.defaclrole) AS role) AS text
  WHERE d.defaclnamespace = 0 OR n.nspname = ANY ($1)
), owned (class, id, owner, owning) AS (
  SELECT 'pg_collation', c.oid, c.collowner, format('ALTER COLLATION %s.%I', c.collnamespace::regnamespace, c.collname) FROM pg_collation c
  UNION ALL
  SELECT 'pg_statistic_ext', s.oid, s.stxowner, format('ALTER STATISTICS %s.%I', s.stxnamespace::regnamespace, s.stxname) FROM pg_statistic_ext s
  UNION ALL
  SELECT 'pg_publication', p.oid, p.pubowner, format('ALTER PUBLICATION %I', p.pubname) FROM pg_publication p
)
SELECT jsonb_build_object(
  'kind', o.kind,
  'identity', coalesce((pg_identify_object(o.class::regclass, o.id, 0)).identity, o.kind),
  'make', o.make,
  'unmake', o.unmake,
  'owner', pg_get_userbyid(w.owner),
  'owning', w.owning,
  'table', o.of_table::bigint)
FROM objects o LEFT JOIN owned w ON w.class = o.class AND w.id = o.id
WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.class::regclass AND e.objid = o.id AND e.deptype IN ('e', 'i'))
ORDER BY o.kind COLLATE "C", o.id
