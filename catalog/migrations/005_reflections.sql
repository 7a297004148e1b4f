-- The reflections: each shows what its namesake in pg_catalog or information_schema would show if the session's edition were all there is.

-- The columns of a system catalogue as a select list: `changed` gives other expressions for some. With `filled` the row may be missing.
CREATE FUNCTION edition.reflected_columns(catalogue regclass, alias text, changed jsonb DEFAULT '{}', filled boolean DEFAULT false)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT string_agg(
        format('%s AS %I', coalesce(
            changed ->> a.attname,
            -- A view cannot have a column of this type.
            CASE t.typname WHEN 'anyarray' THEN format('%s.%I::text', alias, a.attname) END,
            CASE WHEN filled AND t.typname IN ('bool', 'char', 'int2', 'int4', 'oid')
                 THEN format('coalesce(%s.%I, %L::%s)', alias, a.attname,
                             CASE t.typname WHEN 'bool' THEN 'f' WHEN 'char' THEN ' ' ELSE '0' END, format_type(t.oid, NULL))
                 ELSE format('%s.%I', alias, a.attname) END), a.attname), ', ' ORDER BY a.attnum)
        -- Clients ask for these two; a view may have columns of their names.
        || CASE WHEN EXISTS (SELECT FROM pg_class c WHERE c.oid = catalogue AND c.relkind = 'r')
                THEN format(', %L::oid AS tableoid, %s.xmin AS xmin', catalogue::oid, alias) ELSE '' END
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = catalogue AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- Makes one reflection out of arms: each gives the changed columns, the alias of the row that the others are from, and what it reads.
CREATE FUNCTION edition.reflect_relation(catalogue regclass, VARIADIC arms jsonb[]) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('CREATE VIEW edition_catalog.%I AS %s', (SELECT relname FROM pg_class WHERE oid = catalogue),
        (SELECT string_agg(format('SELECT %s FROM %s',
                    edition.reflected_columns(catalogue, arm ->> 'of', coalesce(arm -> 'changed', '{}'), coalesce((arm ->> 'filled')::boolean, false)),
                    arm ->> 'from'), ' UNION ALL ' ORDER BY place)
         FROM unnest(arms) WITH ORDINALITY AS given (arm, place)));
END $$;

-- The bodies of its functions are checked by whoever runs them first: checking takes a tenth of the whole.
CREATE FUNCTION edition.reflect() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog SET check_function_bodies = off AS $reflect$
DECLARE
    -- View columns in the place of stored ones, in the order of the key; `%s`: the key, and the viewed table's OID.
    keys CONSTANT text := 'ARRAY(SELECT coalesce(q.view_attnum, 0::int2) FROM unnest(%s::int2[]) WITH ORDINALITY AS u (n, place)
        LEFT JOIN edition_catalog."~columns" q ON q.view_oid = %s AND q.stored_attnum = u.n ORDER BY u.place)';
    -- The same for the columns that a foreign key points at: its own may not have been retyped, and then it points at those of an older edition.
    pointed CONSTANT text := 'ARRAY(SELECT coalesce((SELECT q.view_attnum FROM edition_catalog."~columns" q
            WHERE q.view_oid = %2$s AND (q.stored_attnum = u.n OR u.n = ANY (q.older_attnums)) LIMIT 1), 0::int2)
        FROM unnest(%1$s::int2[]) WITH ORDINALITY AS u (n, place) ORDER BY u.place)';
    -- And the edition's index over them, where theirs is not the edition's.
    pointed_index CONSTANT text := 'CASE WHEN c.conindid = ANY (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = ''r''))
        THEN (SELECT i.index_oid FROM edition_catalog."~parts" i CROSS JOIN (SELECT ' || pointed || ' AS keys) AS p
              WHERE i.view_oid = %2$s AND i.kind = ''constraint'' AND i.contype IN (''p'', ''u'') AND i.keys @> p.keys AND i.keys <@ p.keys
              ORDER BY i.contype LIMIT 1) END';
    -- The relation that an index is over.
    over CONSTANT text := 'CASE WHEN i.oid IS NOT NULL THEN i.view_oid
        ELSE coalesce((SELECT t.view_oid FROM edition_catalog."~tables" t WHERE t.stored_oid = x.indrelid), x.indrelid) END';
    -- What hangs on a stored column, and the edition's column in its place, if it has one.
    of_stored CONSTANT text := $$d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
        AND d.refobjid = ANY (ARRAY(SELECT t.stored_oid FROM edition_catalog."~tables" t))$$;
    seen_as CONSTANT text := $$FROM edition_catalog."~columns" k WHERE k.stored_oid = d.refobjid AND d.refobjsubid =
        CASE WHEN d.classid = 'pg_attrdef'::regclass OR d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_sequence q WHERE q.seqrelid = d.objid)
             THEN k.default_attnum ELSE k.stored_attnum END$$;
    one regclass;
BEGIN
    IF to_regnamespace('edition_catalog') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE SCHEMA edition_catalog;
    COMMENT ON SCHEMA edition_catalog IS 'Editions for PostgreSQL: the system catalogues as an edition sees them.';

    -- Filled by edition.reflect_objects.
    CREATE TABLE edition_catalog."~~ours" (oid oid PRIMARY KEY);
    CREATE TABLE edition_catalog."~~stored" (oid oid PRIMARY KEY);
    CREATE TABLE edition_catalog."~~places" (edition_id int, place oid, schema oid, rank int, PRIMARY KEY (edition_id, place));
    -- is_whole: its partitions are none of the edition's, since they name columns otherwise. It is shown as a table without any, or dumps would
    -- look for its rows in partitions.
    CREATE TABLE edition_catalog."~~tables" (edition_id int, table_id oid, view_oid oid, stored_oid oid, schema_oid oid, name name, type_oid oid,
        stored_schema oid, is_whole boolean, facts jsonb, PRIMARY KEY (edition_id, view_oid));
    CREATE INDEX ON edition_catalog."~~tables" (edition_id, stored_oid);
    -- older_attnums: what older editions have in its place. default_attnum: the stored column that the default, the identity and the sequence of this one hang on. A duplicate draws from an older edition's.
    CREATE TABLE edition_catalog."~~columns" (edition_id int, view_oid oid, stored_oid oid, name name, view_attnum int2, stored_attnum int2,
        older_attnums int2[], default_attnum int2, facts jsonb, plain text, pretty text, bare text, bare_pretty text, alone jsonb, PRIMARY KEY (edition_id, view_oid, view_attnum));
    CREATE INDEX ON edition_catalog."~~columns" (edition_id, stored_oid, stored_attnum);
    -- r: relations, t: types, f: functions, w: rules of editioning views
    CREATE TABLE edition_catalog."~~hidden" (edition_id int, kind "char", oid oid, PRIMARY KEY (edition_id, kind, oid));
    CREATE TABLE edition_catalog."~~parts" (edition_id int, kind text, oid oid, live_oid oid, view_oid oid, name name, place int, index_oid oid,
        contype "char", keys int2[], facts jsonb, plain text, pretty text, bare text, bare_pretty text, alone jsonb, table_id oid);
    CREATE INDEX ON edition_catalog."~~parts" (table_id);
    CREATE INDEX ON edition_catalog."~~tables" (table_id);
    CREATE INDEX ON edition_catalog."~~parts" (edition_id, kind, oid);
    CREATE INDEX ON edition_catalog."~~parts" (edition_id, view_oid, kind);
    -- Names of indexes over stored tables that some edition knows; one that was not free has a suffix.
    CREATE TABLE edition_catalog."~~planned" (stored_oid oid, name text, PRIMARY KEY (stored_oid, name));

    -- The same for the session's edition.
    CREATE VIEW edition_catalog."~places" AS
        SELECT p.place, p.schema, p.rank FROM edition_catalog."~~places" p WHERE p.edition_id = nullif(current_setting('edition.id', true), '')::int;
    CREATE VIEW edition_catalog."~tables" AS
        SELECT t.view_oid, t.stored_oid, t.schema_oid, t.name, t.type_oid, t.is_whole, t.facts FROM edition_catalog."~~tables" t
        WHERE t.edition_id = nullif(current_setting('edition.id', true), '')::int;
    CREATE VIEW edition_catalog."~columns" AS
        SELECT k.view_oid, k.stored_oid, k.name, k.view_attnum, k.stored_attnum, k.older_attnums, k.default_attnum, k.facts FROM edition_catalog."~~columns" k
        WHERE k.edition_id = nullif(current_setting('edition.id', true), '')::int;
    CREATE VIEW edition_catalog."~hidden" AS
        SELECT h.kind, h.oid FROM edition_catalog."~~hidden" h WHERE h.edition_id = nullif(current_setting('edition.id', true), '')::int;
    CREATE VIEW edition_catalog."~parts" AS
        SELECT p.kind, p.oid, p.live_oid, p.view_oid, p.name, p.place, p.index_oid, p.contype, p.keys, p.facts, p.plain, p.pretty, p.bare, p.bare_pretty, p.alone
        FROM edition_catalog."~~parts" p WHERE p.edition_id = nullif(current_setting('edition.id', true), '')::int;

    -- Whether the edition sees an index over a stored table that no plan knows.
    CREATE FUNCTION edition_catalog."~by_hand"(index_oid oid) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT NOT EXISTS (SELECT FROM edition_catalog."~~planned" p
                           WHERE p.stored_oid = x.indrelid AND (c.relname = p.name OR pg_catalog.starts_with(c.relname::text, p.name || '$')))
           AND NOT EXISTS (
               SELECT FROM pg_catalog.pg_depend d
               LEFT JOIN edition_catalog."~columns" k ON k.stored_oid = d.refobjid AND k.stored_attnum = d.refobjsubid
               WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = x.indexrelid
                 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = x.indrelid AND d.refobjsubid > 0 AND k.view_oid IS NULL)
        FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid WHERE x.indexrelid = index_oid
    $$;

    -- As few joined relations as can be: clients join many catalogues, and beyond join_collapse_limit the planner keeps the order that is written. So
    -- what is hidden is an array, looked up once, and what is named otherwise a scalar sub-query.
    PERFORM edition.reflect_relation('pg_namespace', jsonb_build_object('of', 'n', 'from',
        $$pg_namespace n WHERE n.oid <> ALL (ARRAY(SELECT o.oid FROM edition_catalog."~~ours" o))$$));

    PERFORM edition.reflect_relation('pg_class',
        jsonb_build_object('of', 'c', 'changed', jsonb_build_object(
                'relname', $$CASE WHEN c.relkind IN ('i', 'I') THEN coalesce((SELECT i.name FROM edition_catalog."~parts" i WHERE i.kind = 'index' AND i.place = 0 AND i.oid = c.oid), c.relname)
                             ELSE c.relname END$$,
                'relnamespace', $$coalesce((SELECT p.schema FROM edition_catalog."~places" p WHERE p.place = c.relnamespace),
                    (SELECT l.schema_oid FROM edition_catalog."~parts" i JOIN edition_catalog."~tables" l ON l.view_oid = i.view_oid
                     WHERE c.relkind IN ('i', 'I') AND i.kind = 'index' AND i.place = 0 AND i.oid = c.oid), c.relnamespace)$$,
                'relkind', $$CASE WHEN t.is_whole THEN 'r' WHEN c.relkind = 'I' AND EXISTS (SELECT FROM pg_index x JOIN edition_catalog."~tables" w ON w.stored_oid = x.indrelid
                             WHERE x.indexrelid = c.oid AND w.is_whole) THEN 'i' ELSE coalesce(s.relkind, c.relkind) END$$,
                'relam', 'coalesce(s.relam, c.relam)', 'relfilenode', 'coalesce(s.relfilenode, c.relfilenode)',
                'reltablespace', 'coalesce(s.reltablespace, c.reltablespace)', 'relpages', 'coalesce(s.relpages, c.relpages)',
                'reltuples', 'coalesce(s.reltuples, c.reltuples)', 'relallvisible', 'coalesce(s.relallvisible, c.relallvisible)',
                'relallfrozen', 'coalesce(s.relallfrozen, c.relallfrozen)', 'reltoastrelid', 'coalesce(s.reltoastrelid, c.reltoastrelid)',
                'relpersistence', 'coalesce(s.relpersistence, c.relpersistence)', 'relreplident', 'coalesce(s.relreplident, c.relreplident)',
                'relfrozenxid', 'coalesce(s.relfrozenxid, c.relfrozenxid)', 'relminmxid', 'coalesce(s.relminmxid, c.relminmxid)',
                'reloptions', 'CASE WHEN s.oid IS NULL THEN c.reloptions ELSE s.reloptions END',
                -- Publishing has spelt out what an owner has anyway.
                'relacl', $$CASE WHEN c.relnamespace = ANY (ARRAY(SELECT p.place FROM edition_catalog."~places" p WHERE p.rank > 0))
                            THEN nullif(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)) ELSE c.relacl END$$,
                'relhasrules', 'c.relhasrules AND s.oid IS NULL', 'relhassubclass', 'coalesce(s.relhassubclass AND NOT t.is_whole, c.relhassubclass)',
                'relchecks', $$coalesce((t.facts ->> 'relchecks')::int2, s.relchecks, c.relchecks)$$,
                'relhasindex', $$coalesce((t.facts ->> 'relhasindex')::bool, s.relhasindex, c.relhasindex)$$,
                'relhastriggers', $$coalesce((t.facts ->> 'relhastriggers')::bool, s.relhastriggers, c.relhastriggers)$$,
                'relrowsecurity', $$coalesce((t.facts ->> 'relrowsecurity')::bool, s.relrowsecurity, c.relrowsecurity)$$,
                'relforcerowsecurity', $$coalesce((t.facts ->> 'relforcerowsecurity')::bool, s.relforcerowsecurity, c.relforcerowsecurity)$$), 'from',
            $$pg_class c LEFT JOIN edition_catalog."~tables" t ON t.view_oid = c.oid LEFT JOIN pg_class s ON s.oid = t.stored_oid
              WHERE c.oid <> ALL (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 'r'))
                -- A partition, or its index, that came since names were last looked up.
                AND NOT (c.relispartition AND EXISTS (SELECT FROM edition_catalog."~tables" w WHERE w.is_whole)
                         AND pg_partition_root(c.oid) = ANY (ARRAY(
                             SELECT w.stored_oid FROM edition_catalog."~tables" w WHERE w.is_whole UNION ALL
                             SELECT x.indexrelid FROM edition_catalog."~tables" w JOIN pg_index x ON x.indrelid = w.stored_oid WHERE w.is_whole)))
                AND c.relnamespace <> ALL (ARRAY['edition'::regnamespace::oid, 'edition_catalog'::regnamespace::oid])$$));

    PERFORM edition.reflect_relation('pg_attribute',
        jsonb_build_object('of', 'a', 'changed', jsonb_build_object(
                'attname', 'coalesce(k.name, a.attname)',
                'attnotnull', $$coalesce((k.facts ->> 'attnotnull')::bool, a.attnotnull)$$,
                'atthasdef', $$coalesce((k.facts ->> 'atthasdef')::bool, a.atthasdef)$$,
                'attidentity', $$coalesce((k.facts ->> 'attidentity')::"char", a.attidentity)$$,
                'attgenerated', $$coalesce((k.facts ->> 'attgenerated')::"char", a.attgenerated)$$,
                'attstorage', $$coalesce((k.facts ->> 'attstorage')::"char", a.attstorage)$$,
                'attcompression', $$coalesce((k.facts ->> 'attcompression')::"char", a.attcompression)$$,
                'attoptions', $$CASE WHEN k.facts IS NULL THEN a.attoptions ELSE (SELECT array_agg(o) FROM jsonb_array_elements_text(nullif(k.facts -> 'attoptions', 'null')) AS o) END$$), 'from',
            $$pg_attribute a LEFT JOIN edition_catalog."~columns" k ON k.view_oid = a.attrelid AND k.view_attnum = a.attnum
              WHERE a.attrelid NOT IN (SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 'r')$$));

    -- The expression of the view's default if it has one, else that of the stored column: pg_get_expr knows both.
    PERFORM edition.reflect_relation('pg_attrdef',
        jsonb_build_object('of', 'd', 'changed', jsonb_build_object('adrelid', 'coalesce(k.view_oid, d.adrelid)', 'adnum', 'coalesce(k.view_attnum, d.adnum)'), 'from',
            $$pg_attrdef d LEFT JOIN edition_catalog."~columns" k ON k.stored_oid = d.adrelid AND k.default_attnum = d.adnum
              WHERE k.view_oid IS NULL AND d.adrelid <> ALL (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 'r'
                          UNION ALL SELECT c.oid FROM pg_class c WHERE c.relnamespace IN ('edition'::regnamespace, 'edition_catalog'::regnamespace)))
                 OR (k.facts ->> 'atthasdef')::bool AND NOT EXISTS (SELECT FROM pg_attrdef v WHERE v.adrelid = k.view_oid AND v.adnum = k.view_attnum)$$));

    PERFORM edition.reflect_relation('pg_constraint',
        jsonb_build_object('of', 'c', 'changed', jsonb_build_object('connamespace', 'coalesce(p.schema, c.connamespace)'), 'from',
            $$pg_constraint c LEFT JOIN edition_catalog."~places" p ON p.place = c.connamespace
              WHERE NOT EXISTS (SELECT FROM edition_catalog."~hidden" h WHERE h.kind = 'r' AND h.oid = c.conrelid)
                AND NOT EXISTS (SELECT FROM edition_catalog."~~stored" s WHERE s.oid = c.confrelid)$$),
        jsonb_build_object('of', 'c', 'changed', jsonb_build_object('connamespace', 'coalesce(p.schema, c.connamespace)', 'confrelid', 't.view_oid',
                'conindid', format('coalesce(%s, c.conindid)', format(pointed_index, 'c.confkey', 't.view_oid')), 'confkey', format(pointed, 'c.confkey', 't.view_oid')), 'from',
            $$edition_catalog."~tables" t JOIN pg_constraint c ON c.confrelid = t.stored_oid
              LEFT JOIN edition_catalog."~places" p ON p.place = c.connamespace
              WHERE NOT EXISTS (SELECT FROM edition_catalog."~hidden" h WHERE h.kind = 'r' AND h.oid = c.conrelid)$$),
        jsonb_build_object('of', 'c', 'filled', true, 'changed', jsonb_build_object(
                'oid', 'k.oid', 'conname', 'k.name', 'connamespace', 't.schema_oid', 'contype', 'k.contype', 'conrelid', 'k.view_oid',
                'convalidated', 'coalesce(c.convalidated, true)', 'conenforced', 'coalesce(c.conenforced, true)', 'conislocal', 'coalesce(c.conislocal, true)',
                'conindid', format('coalesce(%s, c.conindid, k.index_oid, 0)', format(pointed_index, 'c.confkey', 'f.view_oid')), 'conkey', $$nullif(k.keys, '{}')$$, 'confrelid', 'coalesce(f.view_oid, c.confrelid, 0)',
                'confkey', format('CASE WHEN f.view_oid IS NULL THEN c.confkey ELSE %s END', format(pointed, 'c.confkey', 'f.view_oid'))), 'from',
            $$edition_catalog."~parts" k JOIN edition_catalog."~tables" t ON t.view_oid = k.view_oid
              LEFT JOIN pg_constraint c ON c.oid = k.live_oid LEFT JOIN edition_catalog."~tables" f ON f.stored_oid = c.confrelid
              WHERE k.kind = 'constraint'$$));

    -- What no plan knows and lies over a stored table was made by hand: it is shown where the edition has all of its columns.
    PERFORM edition.reflect_relation('pg_index',
        jsonb_build_object('of', 'x', 'changed', jsonb_build_object(
                'indrelid', over, 'indisprimary', $$coalesce((i.facts ->> 'is_primary')::bool, x.indisprimary)$$,
                'indkey', format($$CASE WHEN %1$s = x.indrelid THEN x.indkey ELSE array_to_string(%2$s, ' ')::int2vector END$$, over, format(keys, 'x.indkey', over))), 'from',
            $$pg_index x LEFT JOIN edition_catalog."~parts" i ON i.oid = x.indexrelid AND i.kind = 'index' AND i.place = 0
              WHERE x.indexrelid <> ALL (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 'r'))
                AND (i.oid IS NOT NULL OR x.indrelid NOT IN (SELECT t.stored_oid FROM edition_catalog."~tables" t) OR edition_catalog."~by_hand"(x.indexrelid))$$));

    PERFORM edition.reflect_relation('pg_inherits', jsonb_build_object('of', 'h', 'changed', jsonb_build_object(
            'inhparent', 'coalesce((SELECT t.view_oid FROM edition_catalog."~tables" t WHERE t.stored_oid = h.inhparent), h.inhparent)'), 'from',
        $$pg_inherits h WHERE h.inhrelid <> ALL (ARRAY(SELECT o.oid FROM edition_catalog."~hidden" o WHERE o.kind = 'r'))
            AND h.inhparent <> ALL (ARRAY(SELECT w.stored_oid FROM edition_catalog."~tables" w WHERE w.is_whole))$$));

    PERFORM edition.reflect_relation('pg_partitioned_table', jsonb_build_object('of', 'p', 'changed', jsonb_build_object(
            'partrelid', 'coalesce(t.view_oid, p.partrelid)',
            'partattrs', format($$CASE WHEN t.view_oid IS NULL THEN p.partattrs ELSE array_to_string(%s, ' ')::int2vector END$$, format(keys, 'p.partattrs', 't.view_oid'))), 'from',
        $$pg_partitioned_table p LEFT JOIN edition_catalog."~tables" t ON t.stored_oid = p.partrelid WHERE t.is_whole IS NOT TRUE$$));

    PERFORM edition.reflect_relation('pg_type',
        jsonb_build_object('of', 't', 'changed', jsonb_build_object(
                'typnamespace', 'coalesce((SELECT p.schema FROM edition_catalog."~places" p WHERE p.place = t.typnamespace), t.typnamespace)'), 'from',
            $$pg_type t WHERE t.oid <> ALL (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 't'))
              AND t.typnamespace <> ALL (ARRAY['edition'::regnamespace::oid, 'edition_catalog'::regnamespace::oid])$$));

    PERFORM edition.reflect_relation('pg_proc',
        jsonb_build_object('of', 'f', 'changed', jsonb_build_object(
                'pronamespace', 'coalesce((SELECT p.schema FROM edition_catalog."~places" p WHERE p.place = f.pronamespace), f.pronamespace)'), 'from',
            $$pg_proc f WHERE f.oid <> ALL (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 'f'))
              AND f.pronamespace <> ALL (ARRAY['edition'::regnamespace::oid, 'edition_catalog'::regnamespace::oid])$$));

    PERFORM edition.reflect_relation('pg_trigger',
        jsonb_build_object('of', 'g', 'from',
            $$pg_trigger g WHERE NOT EXISTS (SELECT FROM edition_catalog."~hidden" h WHERE h.kind = 'r' AND h.oid = g.tgrelid)
                AND NOT EXISTS (SELECT FROM edition_catalog."~~stored" s WHERE s.oid = g.tgconstrrelid)$$),
        -- Those of foreign keys.
        jsonb_build_object('of', 'g', 'changed', jsonb_build_object('tgrelid', 'coalesce(t.view_oid, g.tgrelid)', 'tgconstrrelid', 'coalesce(f.view_oid, g.tgconstrrelid)'), 'from',
            $$pg_trigger g LEFT JOIN edition_catalog."~tables" t ON t.stored_oid = g.tgrelid LEFT JOIN edition_catalog."~tables" f ON f.stored_oid = g.tgconstrrelid
              WHERE g.tgisinternal AND (t.stored_oid IS NOT NULL OR f.stored_oid IS NOT NULL)$$),
        jsonb_build_object('of', 'g', 'filled', true, 'changed', jsonb_build_object(
                'oid', 't.oid', 'tgname', 't.name', 'tgrelid', 't.view_oid', 'tgisinternal', 'false',
                'tgenabled', $$(t.facts ->> 'tgenabled')::"char"$$, 'tgtype', $$(t.facts ->> 'tgtype')::int2$$,
                'tgconstrrelid', $$coalesce((SELECT f.view_oid FROM edition_catalog."~tables" f WHERE f.stored_oid = g.tgconstrrelid), g.tgconstrrelid, 0)$$), 'from',
            $$edition_catalog."~parts" t LEFT JOIN pg_trigger g ON g.oid = t.live_oid WHERE t.kind = 'trigger'$$));

    PERFORM edition.reflect_relation('pg_policy',
        jsonb_build_object('of', 'g', 'from', $$pg_policy g WHERE NOT EXISTS (SELECT FROM edition_catalog."~hidden" h WHERE h.kind = 'r' AND h.oid = g.polrelid)$$),
        jsonb_build_object('of', 'g', 'changed', jsonb_build_object('oid', 't.oid', 'polname', 't.name', 'polrelid', 't.view_oid'), 'from',
            $$edition_catalog."~parts" t JOIN pg_policy g ON g.oid = t.live_oid WHERE t.kind = 'policy'$$));

    PERFORM edition.reflect_relation('pg_rewrite', jsonb_build_object('of', 'r', 'from',
        $$pg_rewrite r WHERE r.ev_class <> ALL (ARRAY(SELECT c.oid FROM pg_class c WHERE c.relnamespace IN ('edition'::regnamespace, 'edition_catalog'::regnamespace))) AND NOT EXISTS (SELECT FROM edition_catalog."~hidden" h WHERE h.kind = 'r' AND h.oid = r.ev_class)
            AND NOT EXISTS (SELECT FROM edition_catalog."~tables" t WHERE t.view_oid = r.ev_class)$$));

    PERFORM edition.reflect_relation('pg_statistic_ext',
        jsonb_build_object('of', 'x', 'from', $$pg_statistic_ext x WHERE NOT EXISTS (SELECT FROM edition_catalog."~hidden" h WHERE h.kind = 'r' AND h.oid = x.stxrelid)$$),
        jsonb_build_object('of', 'x', 'changed', jsonb_build_object('stxrelid', 'w.view_oid', 'stxnamespace', 't.schema_oid',
                'stxkeys', format($$array_to_string(%s, ' ')::int2vector$$, format(keys, 'x.stxkeys', 'w.view_oid'))), 'from',
            $$edition_catalog."~parts" w JOIN pg_statistic_ext x ON x.oid = w.live_oid JOIN edition_catalog."~tables" t ON t.view_oid = w.view_oid
              WHERE w.kind = 'statistics'$$));

    PERFORM edition.reflect_relation('pg_sequence', jsonb_build_object('of', 's', 'from',
        $$pg_sequence s WHERE NOT EXISTS (SELECT FROM edition_catalog."~hidden" h WHERE h.kind = 'r' AND h.oid = s.seqrelid)$$));

    -- What is said of a stored table is said of the table that the edition sees; what makes a view of it is not said.
    PERFORM edition.reflect_relation('pg_depend',
        jsonb_build_object('of', 'd', 'changed', jsonb_build_object(
                'objid', $$CASE WHEN d.classid = 'pg_class'::regclass THEN coalesce((SELECT t.view_oid FROM edition_catalog."~tables" t WHERE t.stored_oid = d.objid), d.objid) ELSE d.objid END$$,
                'refobjid', $$CASE WHEN d.refclassid = 'pg_class'::regclass THEN coalesce((SELECT t.view_oid FROM edition_catalog."~tables" t WHERE t.stored_oid = d.refobjid), d.refobjid) ELSE d.refobjid END$$,
                'refobjsubid', format('CASE WHEN %s THEN (SELECT k.view_attnum::int %s) ELSE d.refobjsubid END', of_stored, seen_as)), 'from',
            $$pg_depend d
              WHERE NOT (d.classid = 'pg_rewrite'::regclass AND d.objid = ANY (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 'w')))
                AND NOT (d.classid = 'pg_class'::regclass AND d.objid = ANY (ARRAY(SELECT t.view_oid FROM edition_catalog."~tables" t)))
                AND $$ || format('NOT (%s AND NOT EXISTS (SELECT %s))', of_stored, seen_as)));

    PERFORM edition.reflect_relation('pg_description',
        jsonb_build_object('of', 'd', 'changed', jsonb_build_object(
                'objoid', 'coalesce(t.view_oid, d.objoid)', 'objsubid', 'CASE WHEN t.view_oid IS NULL THEN d.objsubid ELSE coalesce(k.view_attnum::int, 0) END'), 'from',
            $$pg_description d
              LEFT JOIN edition_catalog."~tables" t ON d.classoid = 'pg_class'::regclass AND t.stored_oid = d.objoid
              LEFT JOIN edition_catalog."~columns" k ON k.view_oid = t.view_oid AND k.stored_attnum = d.objsubid
              WHERE (t.view_oid IS NULL OR d.objsubid = 0 OR k.view_attnum IS NOT NULL)
                AND NOT EXISTS (SELECT FROM edition_catalog."~~ours" o WHERE o.oid = d.objoid AND d.classoid = 'pg_namespace'::regclass)$$));

    -- pg_statistic is closed to most, so what may be seen of it is what the server's own view shows.
    PERFORM edition.reflect_relation('pg_stats',
        jsonb_build_object('of', 's', 'from',
            $$pg_stats s WHERE s.schemaname NOT IN (SELECT n.nspname FROM edition_catalog."~~ours" o JOIN pg_namespace n ON n.oid = o.oid)
              AND (s.schemaname, s.tablename) NOT IN (SELECT n.nspname, r.relname FROM edition_catalog."~~stored" t JOIN pg_class r ON r.oid = t.oid
                                                      JOIN pg_namespace n ON n.oid = r.relnamespace)$$),
        jsonb_build_object('of', 's', 'changed', jsonb_build_object('schemaname', 'l.nspname', 'tablename', 't.name', 'attname', 'k.name'), 'from',
            $$edition_catalog."~columns" k JOIN edition_catalog."~tables" t ON t.view_oid = k.view_oid
              JOIN pg_class r ON r.oid = k.stored_oid JOIN pg_namespace n ON n.oid = r.relnamespace
              JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.stored_attnum JOIN pg_namespace l ON l.oid = t.schema_oid
              JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = r.relname AND s.attname = a.attname$$));

    -- Whoever uses a view locks the stored table, too, and its lock is the one that others wait for.
    PERFORM edition.reflect_relation('pg_locks', jsonb_build_object('of', 'l', 'changed', jsonb_build_object('relation', 'coalesce(t.view_oid, l.relation)'), 'from',
        $$pg_locks l JOIN pg_database here ON here.datname = current_database()
          LEFT JOIN edition_catalog."~tables" t ON t.stored_oid = l.relation AND l.database = here.oid
          WHERE t.view_oid IS NOT NULL OR l.relation IS NULL OR l.database <> here.oid
             OR l.relation <> ALL (ARRAY(SELECT v.view_oid FROM edition_catalog."~tables" v))
                AND l.relation <> ALL (ARRAY(SELECT h.oid FROM edition_catalog."~hidden" h WHERE h.kind = 'r'))$$));
    FOR one IN
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'relid'
        WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'v' AND c.relname ~ '^pg_stat_progress_'
    LOOP
        PERFORM edition.reflect_relation(one, jsonb_build_object('of', 'p', 'changed', jsonb_build_object('relid', 'coalesce(t.view_oid, p.relid)'), 'from',
            format($$%s p LEFT JOIN edition_catalog."~tables" t ON t.stored_oid = p.relid AND p.datname = current_database()$$, one)));
    END LOOP;

    -- pg_dump turns off views that are not the system's if it finds this setting, and the reflections are such.
    PERFORM edition.reflect_relation('pg_settings', jsonb_build_object('of', 's', 'changed', jsonb_build_object(
            'setting', $$CASE s.name WHEN 'search_path' THEN edition.own_path(s.setting) ELSE s.setting END$$,
            'reset_val', $$CASE s.name WHEN 'search_path' THEN edition.own_path(s.reset_val) ELSE s.reset_val END$$),
        'from', $$pg_settings s WHERE s.name <> 'restrict_nonsystem_relation_kind'$$));

    -- For the server's own views only, which name roles by it; clients are not led there.
    CREATE VIEW edition_catalog.pg_authid AS SELECT r.oid, r.rolname FROM pg_roles r;

    PERFORM edition.reflect_functions();
    PERFORM edition.reflect_system_views();
    PERFORM edition.reflect_objects();
    GRANT USAGE ON SCHEMA edition_catalog TO PUBLIC;
    GRANT SELECT ON ALL TABLES IN SCHEMA edition_catalog TO PUBLIC;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA edition_catalog TO PUBLIC; -- the owner's default privileges may have taken it away
END $reflect$;

-- The server's own views over its catalogues, told again over the reflections: their text is read with the names of pg_catalog and
-- information_schema bare, and run where those mean the reflections.
CREATE FUNCTION edition.reflect_system_views() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, information_schema AS $$
DECLARE
    one record;
    reflected text[] := ARRAY(SELECT relname FROM pg_class WHERE relnamespace = 'edition_catalog'::regnamespace);
BEGIN
    FOR one IN
        SELECT c.oid, c.relname, c.relnamespace = 'information_schema'::regnamespace AS of_standard,
               -- Constants that mean the catalogues themselves go on doing so.
               regexp_replace(pg_get_viewdef(c.oid), $x$'(pg_[a-z_]+)'::regclass$x$, $x$'pg_catalog.\1'::regclass$x$, 'g') AS definition
        FROM pg_class c
        WHERE c.relkind = 'v' AND c.relname <> ALL (reflected) AND has_table_privilege('public', c.oid, 'SELECT')
          AND (c.relnamespace = 'information_schema'::regnamespace AND c.relname !~ '^(_|sql_)|foreign|user_mapping|transforms'
               OR c.relnamespace = 'pg_catalog'::regnamespace
                  AND (c.relname IN ('pg_tables', 'pg_views', 'pg_indexes', 'pg_matviews', 'pg_sequences', 'pg_policies', 'pg_rules')
                       OR c.relname ~ '^pg_stat(io)?_(xact_)?(all|sys|user)_(tables|indexes|sequences)$'))
        ORDER BY c.oid
    LOOP
        PERFORM set_config('search_path', 'edition_catalog, pg_catalog, information_schema', true);
        -- Two of the server's functions take rows of the catalogues. What they say is said in their place: a row of a reflection would be put together for each.
        one.definition := regexp_replace(one.definition, '_pg_truetypid\((\w+)\.\*, (\w+)\.\*\)',
            $x$CASE WHEN \2.typtype = 'd' THEN \2.typbasetype ELSE \1.atttypid END$x$, 'g');
        one.definition := regexp_replace(one.definition, '_pg_truetypmod\((\w+)\.\*, (\w+)\.\*\)',
            $x$CASE WHEN \2.typtype = 'd' THEN \2.typtypmod ELSE \1.atttypmod END$x$, 'g');
        IF one.of_standard THEN
            -- These join more relations than the planner puts into order, so the loops that it would nest are turned off around them.
            EXECUTE format('CREATE VIEW edition_catalog.%I AS %s', '~information_schema.' || one.relname, one.definition);
            EXECUTE format('CREATE FUNCTION edition_catalog.%I() RETURNS SETOF edition_catalog.%I LANGUAGE sql STABLE SET enable_nestloop = off SET jit = off AS %L',
                           '~information_schema.' || one.relname, '~information_schema.' || one.relname, format('SELECT * FROM edition_catalog.%I', '~information_schema.' || one.relname));
            EXECUTE format('CREATE VIEW edition_catalog.%I AS SELECT * FROM edition_catalog.%I()', one.relname, '~information_schema.' || one.relname);
        ELSE
            EXECUTE format('CREATE VIEW edition_catalog.%I AS %s', one.relname, one.definition);
        END IF;
        PERFORM set_config('search_path', 'pg_catalog, information_schema', true);
    END LOOP;
END $$;
