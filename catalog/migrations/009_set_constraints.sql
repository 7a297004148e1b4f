-- SET CONSTRAINTS in the words of an edition. A constraint of a column that is stored twice stands twice, too, once for each side of the transition, and
-- sessions of either write to both: what defers the one must defer the other. Which constraints stand is looked up when the statement runs, so that its text
-- holds before and after the constraints of a publication come and go.

-- The statements that reach what the session's edition calls so, and what stands for the same in other editions. `path`: the session's; `schemas`: of each
-- name, if it has one. A name that means nothing of ours is left as it is, for the server to judge.
CREATE FUNCTION edition.constraints_statements(path name[], schemas text[], names text[], deferred boolean) RETURNS text[]
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    own CONSTANT int := nullif(current_setting('edition.id', true), '')::int;
    listed text[] := '{}';
    beside text[] := '{}';
    meant record;
BEGIN
    FOR at IN 1 .. cardinality(names) LOOP
        WITH ours AS (
            SELECT (s.schema_name || '$' || e.name)::name AS place, s.schema_name::name AS schema
            FROM edition.schemas s, edition.editions e WHERE e.state <> 'retired' AND e.id <= own
        ), searched AS (
            SELECT coalesce(o.schema, p.name) AS schema, min(p.rank) AS rank
            FROM unnest(CASE WHEN schemas[at] IS NULL THEN path ELSE ARRAY[schemas[at]::name] END) WITH ORDINALITY AS p (name, rank)
            LEFT JOIN ours o ON o.place = p.name
            GROUP BY 1
        ), called AS (
            -- of a table that the edition has under names of its own
            SELECT c.oid, t.schema_name::name AS schema, t.table_id,
                   ARRAY(SELECT u.column_id FROM edition.columns u
                         WHERE u.edition_id = own AND u.table_id = t.table_id AND u.column_name = ANY (k.columns) ORDER BY 1) AS columns
            FROM edition.constraints k
            JOIN edition.tables t ON t.edition_id = own AND t.table_id = k.table_id
            JOIN pg_namespace n ON n.nspname = t.physical_schema
            JOIN pg_class r ON r.relnamespace = n.oid AND r.relname = t.physical_name
            JOIN pg_constraint c ON c.conrelid = r.oid AND c.conname = k.physical_name
            WHERE k.edition_id = own AND k.constraint_name = names[at]
            UNION ALL
            -- of one that it has as it stands
            SELECT c.oid, coalesce(o.schema, n.nspname), NULL, '{}'
            FROM pg_constraint c
            JOIN pg_namespace n ON n.oid = c.connamespace
            LEFT JOIN ours o ON o.place = n.nspname
            WHERE c.conname = names[at]::name AND c.contype <> 't'
              AND NOT EXISTS (SELECT FROM pg_class r JOIN edition.tables t ON t.physical_name = r.relname AND t.physical_schema = n.nspname
                              WHERE r.oid = c.conrelid AND t.edition_id = own AND t.view_schema IS NOT NULL)
            UNION ALL
            -- a constraint trigger, which bears its edition's mark if older ones do not have it; that of another edition does not fire here
            SELECT c.oid, coalesce(o.schema, n.nspname), NULL, '{}'
            FROM pg_constraint c
            JOIN pg_namespace n ON n.oid = c.connamespace
            LEFT JOIN ours o ON o.place = n.nspname
            WHERE c.contype = 't' AND c.conname IN (
                SELECT names[at]::name
                UNION SELECT (names[at] || '$' || e.name)::name FROM edition.editions e WHERE e.state <> 'retired' AND e.id <= own)
        ), first AS (
            SELECT c.* FROM called c JOIN searched s USING (schema)
            WHERE s.rank = (SELECT min(s.rank) FROM called JOIN searched s USING (schema))
        ), twins AS (
            SELECT c.oid
            FROM first f
            JOIN pg_constraint m ON m.oid = f.oid AND m.contype <> 't'
            JOIN pg_constraint c ON c.conrelid = m.conrelid AND c.conrelid <> 0 AND c.condeferrable
                 AND (c.contype = m.contype OR c.contype IN ('p', 'u') AND m.contype IN ('p', 'u'))
            WHERE NOT EXISTS (SELECT FROM edition.constraints k WHERE k.edition_id = own AND k.table_id = f.table_id AND k.physical_name = c.conname)
              AND CASE WHEN EXISTS (SELECT FROM edition.constraints k WHERE k.table_id = f.table_id AND k.physical_name = c.conname)
                  THEN EXISTS (SELECT FROM edition.constraints k
                               WHERE k.table_id = f.table_id AND k.physical_name = c.conname
                                 AND (k.constraint_name = names[at]
                                      OR f.columns <> '{}'
                                     AND f.columns = ARRAY(SELECT u.column_id FROM edition.columns u
                                                           WHERE u.edition_id = k.edition_id AND u.table_id = k.table_id AND u.column_name = ANY (k.columns)
                                                           ORDER BY 1)))
                  -- of a publication under way, or of a table that looks the same in all editions: as a name that was taken is made free
                  ELSE EXISTS (SELECT FROM edition.editions e, (VALUES (m.conname::text), (names[at])) AS taken (name)
                               WHERE e.state <> 'retired' AND starts_with(c.conname::text, taken.name || '$' || e.name)
                                 AND substr(c.conname::text, length(taken.name || '$' || e.name) + 1) ~ '^(_[0-9]+)?$') END
        ), reached AS (
            SELECT r.oid, bool_or(r.is_own) AS is_own
            FROM (SELECT f.oid, true AS is_own FROM first f UNION ALL SELECT t.oid, false FROM twins t) AS r GROUP BY r.oid
        )
        SELECT array_agg(DISTINCT format('%I.%I', n.nspname, c.conname)) FILTER (WHERE r.is_own) AS names,
               array_agg(DISTINCT format('%I.%I', n.nspname, c.conname)) FILTER (WHERE NOT r.is_own) AS twins,
               bool_or(r.is_own AND NOT c.condeferrable) AS is_fixed
        INTO meant
        FROM reached r JOIN pg_constraint c ON c.oid = r.oid JOIN pg_namespace n ON n.oid = c.connamespace;

        IF meant.names IS NULL AND EXISTS (
            SELECT FROM edition.constraints k
            JOIN edition.tables t USING (edition_id, table_id)
            JOIN edition.tables o ON o.edition_id = own AND o.table_id = k.table_id AND o.view_schema IS NOT NULL
            WHERE k.edition_id <> own AND k.physical_name = names[at] AND coalesce(schemas[at], t.schema_name) = t.schema_name) THEN
            -- It stands, but for other editions. In PostgreSQL's own words, since it would find it.
            RAISE EXCEPTION 'constraint "%" does not exist', names[at] USING ERRCODE = 'undefined_object';
        ELSIF meant.names IS NULL THEN
            listed := listed || CASE WHEN schemas[at] IS NULL THEN format('%I', names[at]) ELSE format('%I.%I', schemas[at], names[at]) END;
        ELSIF deferred AND meant.is_fixed THEN
            -- As above, with the edition's name.
            RAISE EXCEPTION 'constraint "%" is not deferrable', names[at] USING ERRCODE = 'wrong_object_type';
        ELSE
            listed := listed || meant.names;
            beside := beside || meant.twins;
        END IF;
    END LOOP;
    -- The edition's own first, so that they are what an error names.
    RETURN ARRAY(SELECT format('SET CONSTRAINTS %s %s', array_to_string(s.list, ', '), CASE WHEN deferred THEN 'DEFERRED' ELSE 'IMMEDIATE' END)
                 FROM (VALUES (1, listed), (2, beside)) AS s (place, list) WHERE s.list <> '{}' ORDER BY s.place);
END $$;

-- With the rights of the session, by which triggers run that were put off.
CREATE PROCEDURE edition.set_constraints(path name[], schemas text[], names text[], deferred boolean) LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY edition.constraints_statements(path, schemas, names, deferred) LOOP
        EXECUTE statement;
    END LOOP;
END $$;

-- The owner's default privileges may have taken it away.
GRANT EXECUTE ON FUNCTION edition.constraints_statements TO PUBLIC;
GRANT EXECUTE ON PROCEDURE edition.set_constraints TO PUBLIC;
