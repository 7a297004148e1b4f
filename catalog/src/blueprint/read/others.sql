-- $1: the user's schemas.
-- Everything else that DDL can make, as (kind, identity, definition, the table that it goes with). No definition
-- holds an OID, so that databases can be compared.
WITH objects (kind, class, id, owner, acl, definition, of_table) AS (
  SELECT 'schema', 'pg_namespace', n.oid, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)), '', NULL::oid
  FROM pg_namespace n WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'rule', 'pg_rewrite', r.oid, NULL, NULL, format('%s, enabled %s', pg_get_ruledef(r.oid), r.ev_enabled), r.ev_class
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE r.rulename <> '_RETURN' AND c.relkind <> 'v' AND n.nspname = ANY ($1)

  UNION ALL
  SELECT 'event trigger', 'pg_event_trigger', e.oid, e.evtowner, NULL,
         format('ON %s %s EXECUTE %s, enabled %s', e.evtevent, e.evttags, e.evtfoid::regprocedure, e.evtenabled), NULL
  FROM pg_event_trigger e

  UNION ALL
  SELECT 'subscription', 'pg_subscription', s.oid, s.subowner, NULL,
         format('publications %s, slot %s, enabled %s, synchronous %s', s.subpublications, s.subslotname, s.subenabled, s.subsynccommit), NULL
  FROM pg_subscription s WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())

  UNION ALL
  SELECT 'operator class', 'pg_opclass', o.oid, o.opcowner, NULL,
         format('type %s, default %s, key type %s, family %I', format_type(o.opcintype, NULL), o.opcdefault,
           format_type(nullif(o.opckeytype, 0), NULL), f.opfname), NULL
  FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_opfamily f ON f.oid = o.opcfamily WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'operator family', 'pg_opfamily', f.oid, f.opfowner, NULL,
         format('operators (%s), functions (%s)',
           (SELECT string_agg(concat_ws(' ', a.amopstrategy, a.amopopr::regoperator, a.amoppurpose,
                     (SELECT sf.opfname FROM pg_opfamily sf WHERE sf.oid = a.amopsortfamily)), ', ' ORDER BY a.amopstrategy, a.amopopr::regoperator::text)
            FROM pg_amop a WHERE a.amopfamily = f.oid),
           (SELECT string_agg(format('%s (%s, %s) %s', a.amprocnum, a.amproclefttype::regtype, a.amprocrighttype::regtype, a.amproc::regprocedure), ', '
                     ORDER BY a.amprocnum, a.amproclefttype::regtype::text, a.amprocrighttype::regtype::text, a.amproc::regprocedure::text)
            FROM pg_amproc a WHERE a.amprocfamily = f.oid)), NULL
  FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'cast', 'pg_cast', c.oid, NULL, NULL,
         format('function %s, context %s, method %s', nullif(c.castfunc, 0)::regprocedure, c.castcontext, c.castmethod), NULL
  FROM pg_cast c WHERE c.oid >= 16384

  UNION ALL
  SELECT 'conversion', 'pg_conversion', c.oid, c.conowner, NULL,
         format('from %s to %s function %s default %s', c.conforencoding, c.contoencoding, c.conproc::regproc, c.condefault), NULL
  FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'text search parser', 'pg_ts_parser', p.oid, NULL, NULL,
         format('%s %s %s %s %s', p.prsstart::regproc, p.prstoken::regproc, p.prsend::regproc, p.prsheadline::regproc, p.prslextype::regproc), NULL
  FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'text search template', 'pg_ts_template', t.oid, NULL, NULL, format('%s %s', t.tmplinit::regproc, t.tmpllexize::regproc), NULL
  FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'text search dictionary', 'pg_ts_dict', d.oid, d.dictowner, NULL,
         format('template %I.%I, %s', tn.nspname, t.tmplname, d.dictinitoption), NULL
  FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace
  JOIN pg_ts_template t ON t.oid = d.dicttemplate JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
  WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'text search configuration', 'pg_ts_config', c.oid, c.cfgowner, NULL,
         format('parser %I, %s', p.prsname,
           (SELECT string_agg(format('%s %s %s', m.maptokentype, m.mapseqno, m.mapdict::regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno)
            FROM pg_ts_config_map m WHERE m.mapcfg = c.oid)), NULL
  FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace JOIN pg_ts_parser p ON p.oid = c.cfgparser
  WHERE n.nspname = ANY ($1)

  UNION ALL
  SELECT 'language', 'pg_language', l.oid, l.lanowner, coalesce(l.lanacl, acldefault('l', l.lanowner)),
         format('trusted %s, %s %s %s', l.lanpltrusted, nullif(l.lanplcallfoid, 0)::regproc, nullif(l.laninline, 0)::regproc,
           nullif(l.lanvalidator, 0)::regproc), NULL
  FROM pg_language l WHERE l.oid >= 16384

  UNION ALL
  SELECT 'access method', 'pg_am', a.oid, NULL, NULL, format('%s %s', a.amtype, a.amhandler::regproc), NULL
  FROM pg_am a WHERE a.oid >= 16384

  UNION ALL
  SELECT 'transform', 'pg_transform', t.oid, NULL, NULL,
         format('%s %s', nullif(t.trffromsql, 0)::regprocedure, nullif(t.trftosql, 0)::regprocedure), NULL
  FROM pg_transform t

  UNION ALL
  SELECT 'foreign-data wrapper', 'pg_foreign_data_wrapper', f.oid, f.fdwowner, coalesce(f.fdwacl, acldefault('F', f.fdwowner)),
         format('%s %s %s', nullif(f.fdwhandler, 0)::regproc, nullif(f.fdwvalidator, 0)::regproc, f.fdwoptions), NULL
  FROM pg_foreign_data_wrapper f

  UNION ALL
  SELECT 'foreign server', 'pg_foreign_server', s.oid, s.srvowner, coalesce(s.srvacl, acldefault('S', s.srvowner)),
         format('wrapper %I, type %s, version %s, options %s', f.fdwname, s.srvtype, s.srvversion, s.srvoptions), NULL
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
)
SELECT o.kind::text,
       coalesce((pg_identify_object(o.class::regclass, o.id, 0)).identity, o.kind)::text,
       concat_ws(', ', nullif(o.definition, ''),
         'owner ' || CASE WHEN o.owner IS NOT NULL THEN pg_get_userbyid(o.owner) END,
         'grants ' || (SELECT string_agg(format('%s:%s:%s', coalesce(pg_get_userbyid(nullif(a.grantee, 0)), 'public'), a.privilege_type, a.is_grantable), ' '
                                         ORDER BY pg_get_userbyid(nullif(a.grantee, 0)) COLLATE "C" NULLS FIRST, a.privilege_type, a.is_grantable)
                       FROM aclexplode(o.acl) a),
         'comment ' || obj_description(o.id, o.class))::text,
       o.of_table
FROM objects o
WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.class::regclass AND e.objid = o.id AND e.deptype IN ('e', 'i'))

UNION ALL
-- ALTER TABLE … DISABLE TRIGGER ALL also switches off the triggers of foreign keys, whose names hold OIDs.
SELECT 'trigger', format('of constraint %I on %I.%I', k.conname, n.nspname, c.relname),
       string_agg(format('%s enabled %s', t.tgfoid::regproc, t.tgenabled), ', ' ORDER BY t.tgfoid::regproc::text), c.oid
FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgisinternal AND t.tgenabled <> 'O' AND n.nspname = ANY ($1)
GROUP BY k.conname, n.nspname, c.relname, c.oid

UNION ALL
SELECT 'user mapping', format('%s on server %s', coalesce(m.usename, 'public'), m.srvname), coalesce(array_to_string(m.umoptions, ', '), ''), NULL
FROM pg_user_mappings m

UNION ALL
-- pg_seclabels says the same and costs more to plan than all of this.
SELECT 'security label', format('%s on %s %s', l.provider, o.type, o.identity), l.label, NULL
FROM (SELECT classoid, objoid, objsubid, provider, label FROM pg_seclabel
      UNION ALL SELECT classoid, objoid, 0, provider, label FROM pg_shseclabel) AS l
CROSS JOIN LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) AS o
WHERE o.schema IS DISTINCT FROM 'pg_catalog'

UNION ALL
SELECT 'database setting', format('%s for %s', split_part(setting, '=', 1), coalesce(pg_get_userbyid(nullif(s.setrole, 0)), 'all roles')), setting, NULL
FROM pg_db_role_setting s
CROSS JOIN LATERAL unnest(s.setconfig) AS setting
WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
