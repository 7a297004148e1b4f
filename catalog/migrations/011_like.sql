-- CREATE TABLE x (LIKE t) where t is an editioning view: PostgreSQL would copy names and types alone. The table is made of what the session's edition has of t.
-- https://www.postgresql.org/docs/current/sql-createtable.html, LIKE; the numbers of the options are those of its parse tree (CREATE_TABLE_LIKE_…).

-- What stands in the place of LIKE: the columns. NULL if `source` is no table of the session's edition that stands as a view.
CREATE FUNCTION edition.like_columns(source oid, options int) RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    own CONSTANT int := nullif(current_setting('edition.id', true), '')::int;
BEGIN
    IF to_regnamespace('edition_catalog') IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT string_agg(
            format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
            || CASE WHEN a.attcollation <> y.typcollation THEN format(' COLLATE %I.%I', n.nspname, l.collname) ELSE '' END
            || CASE WHEN k.facts ->> 'attgenerated' IN ('s', 'v') AND options & 16 <> 0
                    THEN format(' GENERATED ALWAYS AS (%s) %s', k.bare, CASE k.facts ->> 'attgenerated' WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
                    WHEN k.facts ->> 'attidentity' <> '' AND options & 32 <> 0
                    THEN format(' GENERATED %s AS IDENTITY%s', CASE k.facts ->> 'attidentity' WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
                                coalesce(format(' (START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s)', q.seqstart, q.seqincrement, q.seqmin, q.seqmax,
                                                q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END), ''))
                    ELSE '' END
            || CASE WHEN (k.facts ->> 'attnotnull')::boolean THEN ' NOT NULL' ELSE '' END,
            ', ' ORDER BY a.attnum)
        FROM edition_catalog."~~columns" k
        JOIN pg_attribute a ON a.attrelid = k.view_oid AND a.attnum = k.view_attnum
        JOIN pg_type y ON y.oid = a.atttypid
        LEFT JOIN (pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace) ON l.oid = a.attcollation
        LEFT JOIN (pg_depend d JOIN pg_sequence q ON q.seqrelid = d.objid)
               ON d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
                  AND d.refobjid = k.stored_oid AND d.refobjsubid = k.stored_attnum AND q.seqtypid = a.atttypid
        WHERE k.edition_id = own AND k.view_oid = source);
END $$;

-- What else is copied, as statements about the table `made`, which has its columns by now; in the edition's words.
CREATE FUNCTION edition.like_statements(source oid, options int, made text) RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    own CONSTANT int := nullif(current_setting('edition.id', true), '')::int;
BEGIN
    RETURN QUERY
        SELECT format('ALTER TABLE %s ALTER %I SET DEFAULT %s', made, k.name, k.bare)
        FROM edition_catalog."~~columns" k
        WHERE k.edition_id = own AND k.view_oid = source AND options & 8 <> 0
          AND (k.facts ->> 'atthasdef')::boolean AND k.facts ->> 'attgenerated' = ''
        ORDER BY k.view_attnum;
    RETURN QUERY
        SELECT format('ALTER TABLE %s ALTER %I SET STORAGE %s', made, k.name,
                      CASE k.facts ->> 'attstorage' WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)
        FROM edition_catalog."~~columns" k
        JOIN pg_attribute a ON a.attrelid = k.view_oid AND a.attnum = k.view_attnum JOIN pg_type y ON y.oid = a.atttypid
        WHERE k.edition_id = own AND k.view_oid = source AND options & 256 <> 0 AND k.facts ->> 'attstorage' <> y.typstorage::text
        ORDER BY k.view_attnum;
    RETURN QUERY
        SELECT format('ALTER TABLE %s ALTER %I SET COMPRESSION %s', made, k.name, CASE k.facts ->> 'attcompression' WHEN 'p' THEN 'pglz' ELSE 'lz4' END)
        FROM edition_catalog."~~columns" k
        WHERE k.edition_id = own AND k.view_oid = source AND options & 2 <> 0 AND k.facts ->> 'attcompression' <> ''
        ORDER BY k.view_attnum;
    RETURN QUERY
        SELECT format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (%s)%s', made, c.name, c.bare, CASE WHEN whole.plain LIKE '% NO INHERIT%' THEN ' NO INHERIT' ELSE '' END)
        FROM edition_catalog."~~parts" c
        JOIN edition_catalog."~~parts" whole ON whole.edition_id = own AND whole.view_oid = source AND whole.kind = 'constraint' AND whole.name = c.name
        WHERE c.edition_id = own AND c.view_oid = source AND c.kind = 'check' AND options & 4 <> 0
        ORDER BY c.name;
    RETURN QUERY
        SELECT format('ALTER TABLE %s ADD %s', made, c.bare)
        FROM edition_catalog."~~parts" c
        WHERE c.edition_id = own AND c.view_oid = source AND c.kind = 'constraint' AND c.contype IN ('p', 'u', 'x') AND options & 64 <> 0
        ORDER BY c.contype <> 'p', c.name;
    -- PostgreSQL names the indexes. Behind the index's own name comes that of its table, then how it is made.
    RETURN QUERY
        SELECT format('%s ON %s%s', begun.words, made, substr(i.bare, length(begun.words) + length(format(' %I', i.name)) + strpos(rest.words, ' USING ')))
        FROM edition_catalog."~~parts" i
        CROSS JOIN LATERAL (SELECT substring(i.bare FROM '^CREATE (?:UNIQUE )?INDEX')) AS begun (words)
        CROSS JOIN LATERAL (SELECT substr(i.bare, length(begun.words) + length(format(' %I', i.name)) + 1)) AS rest (words)
        WHERE i.edition_id = own AND i.view_oid = source AND i.kind = 'index' AND i.place = 0 AND options & 64 <> 0
          AND NOT EXISTS (SELECT FROM edition_catalog."~~parts" c
                          WHERE c.edition_id = own AND c.view_oid = source AND c.kind = 'constraint' AND c.contype IN ('p', 'u', 'x') AND c.name = i.name)
        ORDER BY i.name;
    RETURN QUERY
        SELECT format('COMMENT ON COLUMN %s.%I IS %L', made, k.name, edition_catalog.col_description(k.view_oid, k.view_attnum))
        FROM edition_catalog."~~columns" k
        WHERE k.edition_id = own AND k.view_oid = source AND options & 1 <> 0 AND edition_catalog.col_description(k.view_oid, k.view_attnum) IS NOT NULL
        ORDER BY k.view_attnum;
END $$;

-- Runs a CREATE TABLE, cut at each LIKE: what stands before it, the relation, the options, what stands before the next … . With the rights of the session, whose
-- table it becomes.
CREATE PROCEDURE edition.create_table_like(made text, cut text[]) LANGUAGE plpgsql AS $$
DECLARE
    statement text := cut[1];
    known CONSTANT boolean := pg_catalog.to_regclass(made) IS NOT NULL;
    path CONSTANT text := pg_catalog.current_setting('search_path');
    source oid;
    options int;
    columns text;
    statements text[] := '{}';
BEGIN
    FOR at IN 2 .. pg_catalog.cardinality(cut) BY 3 LOOP
        source := pg_catalog.to_regclass(cut[at]);
        options := cut[at + 1]::int;
        columns := CASE WHEN pg_catalog.has_table_privilege(source, 'SELECT') THEN edition.like_columns(source, options) END;
        IF columns IS NULL THEN
            columns := 'LIKE ' || cut[at] || pg_catalog.concat(
                CASE WHEN options & 1 <> 0 THEN ' INCLUDING COMMENTS' END, CASE WHEN options & 2 <> 0 THEN ' INCLUDING COMPRESSION' END,
                CASE WHEN options & 4 <> 0 THEN ' INCLUDING CONSTRAINTS' END, CASE WHEN options & 8 <> 0 THEN ' INCLUDING DEFAULTS' END,
                CASE WHEN options & 16 <> 0 THEN ' INCLUDING GENERATED' END, CASE WHEN options & 32 <> 0 THEN ' INCLUDING IDENTITY' END,
                CASE WHEN options & 64 <> 0 THEN ' INCLUDING INDEXES' END, CASE WHEN options & 128 <> 0 THEN ' INCLUDING STATISTICS' END,
                CASE WHEN options & 256 <> 0 THEN ' INCLUDING STORAGE' END);
        ELSE
            statements := statements || ARRAY(SELECT s FROM edition.like_statements(source, options, made) AS s);
        END IF;
        statement := statement || columns || cut[at + 2];
    END LOOP;
    EXECUTE statement;
    -- IF NOT EXISTS
    IF known OR statements = '{}' THEN
        RETURN;
    END IF;
    -- Bare names are those of the edition, wherever the session looks.
    PERFORM pg_catalog.set_config('search_path', (
        SELECT pg_catalog.string_agg(pg_catalog.quote_ident(n.nspname), ', ' ORDER BY p.rank DESC)
        FROM edition_catalog."~places" p JOIN pg_catalog.pg_namespace n ON n.oid = p.place), true);
    FOREACH statement IN ARRAY statements LOOP
        EXECUTE statement;
    END LOOP;
    PERFORM pg_catalog.set_config('search_path', path, true);
END $$;

-- The owner's default privileges may have taken it away.
GRANT EXECUTE ON FUNCTION edition.like_columns, edition.like_statements TO PUBLIC;
GRANT EXECUTE ON PROCEDURE edition.create_table_like TO PUBLIC;
