-- Names of relations that a statement computes or that come as parameters, as a session's edition means them. The proxies lead to these functions, while editions differ, what
-- reads such a name; those that are given an OID are planned into the query.
CREATE FUNCTION edition.reflect_names() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $reflect$
DECLARE
    one record;
BEGIN
    -- The name under which a relation is found; any other text is what it was. A relation that the edition does not have is NULL, or an error if it must be.
    CREATE FUNCTION edition_catalog."~named"(written text, must_be boolean) RETURNS text LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
    DECLARE
        own CONSTANT int := nullif(current_setting('edition.id', true), '')::int;
        -- As PostgreSQL reads a name with its schema; without one the path leads to the right one.
        parts CONSTANT text[] := regexp_match(written, '^\s*("(?:[^"]|"")+"|[^".\s]+)\s*\.\s*("(?:[^"]|"")+"|[^".\s]+)\s*$');
        names text[];
        place record;
    BEGIN
        IF parts IS NULL OR own IS NULL THEN
            RETURN written;
        END IF;
        names := ARRAY(SELECT CASE WHEN starts_with(p.part, '"') THEN replace(substr(p.part, 2, length(p.part) - 2), '""', '"') ELSE lower(p.part COLLATE "C") END
                       FROM unnest(parts) WITH ORDINALITY AS p (part, rank) ORDER BY p.rank);
        SELECT found_at.schema, found_at.name INTO place
        FROM (SELECT 1 AS rank, coalesce(t.view_schema, t.physical_schema) AS schema,
                     CASE WHEN t.view_schema IS NULL THEN t.physical_name ELSE t.table_name END AS name
              FROM edition.tables t WHERE t.edition_id = own AND t.schema_name = names[1] AND t.table_name = names[2]
              UNION ALL
              SELECT 2, n.physical_schema, n.object_name
              FROM edition.names n WHERE n.edition_id = own AND n.class = 'relation' AND n.schema_name = names[1] AND n.object_name = names[2]
              UNION ALL
              SELECT 3, t.physical_schema, x.physical_name
              FROM edition.indexes x JOIN edition.tables t USING (edition_id, table_id)
              WHERE x.edition_id = own AND t.schema_name = names[1] AND x.index_name = names[2] AND x.physical_name IS NOT NULL
              UNION ALL
              -- sequences and indexes, where their table is
              SELECT 4, t.physical_schema, c.relname
              FROM edition.tables t
              JOIN pg_namespace s ON s.nspname = t.physical_schema
              JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = names[2] AND c.relkind IN ('S', 'i', 'I')
              WHERE t.edition_id = own AND t.schema_name = names[1] AND t.physical_schema <> t.schema_name) AS found_at
        ORDER BY found_at.rank LIMIT 1;
        IF NOT FOUND THEN
            RETURN written;
        ELSIF place.schema IS NULL AND must_be THEN
            RAISE EXCEPTION 'relation "%.%" does not exist', names[1], names[2] USING ERRCODE = 'undefined_table';
        ELSIF place.schema IS NULL THEN
            RETURN NULL;
        ELSE
            RETURN format('%I.%I', place.schema, place.name);
        END IF;
    END $$;

    -- In the place of a cast to regclass.
    CREATE FUNCTION edition_catalog.regclass(relation oid) RETURNS regclass LANGUAGE sql STABLE AS 'SELECT relation::pg_catalog.regclass';
    CREATE FUNCTION edition_catalog.regclass(relation text) RETURNS regclass LANGUAGE sql STABLE AS
        'SELECT edition_catalog."~named"(relation, true)::pg_catalog.regclass';
    CREATE FUNCTION edition_catalog.to_regclass(relation text) RETURNS regclass LANGUAGE sql STABLE AS
        'SELECT pg_catalog.to_regclass(edition_catalog."~named"(relation, false))';

    FOR one IN
        SELECT p.proname AS name, string_agg(format_type(a.type, NULL), ', ' ORDER BY a.place) AS takes,
               string_agg(format(CASE WHEN a.place = p.pronargs - CASE p.proname WHEN 'has_column_privilege' THEN 2 ELSE 1 END AND a.type = 'text'::regtype
                                      THEN 'edition_catalog."~named"($%s, true)' ELSE '$%s' END, a.place), ', ' ORDER BY a.place) AS gives
        FROM pg_proc p CROSS JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY AS a (type, place)
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN ('has_table_privilege', 'has_any_column_privilege', 'has_column_privilege')
        GROUP BY p.oid, p.proname
    LOOP
        EXECUTE format('CREATE FUNCTION edition_catalog.%I(%s) RETURNS boolean LANGUAGE sql STABLE AS %L', one.name, one.takes,
                       format('SELECT pg_catalog.%I(%s)', one.name, one.gives));
    END LOOP;
END $reflect$;
