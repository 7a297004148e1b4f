-- CREATE … IF NOT EXISTS and DROP … IF EXISTS in a live edition, whose schema is frozen. What PostgreSQL would skip is skipped, in its words; what would change
-- something is refused.

-- Of each schema of a path, those of editions taken for the ones that they stand for: whether it is editioned, and whether it has the relation, as the session's
-- edition sees it.
CREATE FUNCTION edition.find_relation(path name[], relation name) RETURNS TABLE (schema name, is_editioned boolean, has_it boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH own AS (
        SELECT nullif(current_setting('edition.id', true), '')::int AS id
    ), ours AS (
        SELECT (s.schema_name || '$' || e.name)::name AS place, s.schema_name::name AS schema
        FROM edition.schemas s, edition.editions e, own WHERE e.state <> 'retired' AND e.id <= own.id
    ), meant AS (
        SELECT coalesce(o.schema, p.name) AS schema, min(p.rank) AS rank
        FROM unnest(path) WITH ORDINALITY AS p (name, rank) LEFT JOIN ours o ON o.place = p.name GROUP BY 1
    )
    SELECT m.schema, s.schema_name IS NOT NULL, CASE
        WHEN n.edition_id IS NOT NULL THEN n.physical_schema IS NOT NULL
        WHEN t.edition_id IS NOT NULL THEN true
        -- what is no table of its own is not listed: sequences and indexes stand where their table does
        ELSE EXISTS (SELECT FROM pg_class c JOIN pg_namespace k ON k.oid = c.relnamespace
                     WHERE c.relname = relation AND (k.nspname = m.schema OR k.nspname IN (SELECT o.place FROM ours o WHERE o.schema = m.schema))) END
    FROM meant m
    LEFT JOIN own ON true
    LEFT JOIN edition.schemas s ON s.schema_name = m.schema
    LEFT JOIN edition.names n ON n.edition_id = own.id AND n.class = 'relation' AND n.schema_name = m.schema AND n.object_name = relation
    LEFT JOIN edition.tables t ON t.edition_id = own.id AND t.schema_name = m.schema AND t.table_name = relation
    ORDER BY m.rank
$$;

-- `command`: its tag. `schema`: if it names one. `refusal`, `hint`: for what is not there.
CREATE PROCEDURE edition.create_if_missing(command text, schema text, relation text, refusal text, hint text) LANGUAGE plpgsql AS $$
DECLARE
    place CONSTANT name := coalesce(schema::name, (pg_catalog.current_schemas(false))[1]);
    seen record;
BEGIN
    IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot execute % in a read-only transaction', command USING ERRCODE = 'read_only_sql_transaction';
    ELSIF place IS NULL THEN
        RAISE EXCEPTION 'no schema has been selected to create in' USING ERRCODE = 'invalid_schema_name';
    END IF;
    SELECT * INTO seen FROM edition.find_relation(ARRAY[place], relation::name);
    -- CREATE TABLE AS does not ask before it has found nothing.
    IF command IN ('CREATE TABLE', 'CREATE SEQUENCE') AND NOT pg_catalog.has_schema_privilege(seen.schema, 'CREATE') THEN
        RAISE EXCEPTION 'permission denied for schema %', seen.schema USING ERRCODE = 'insufficient_privilege';
    ELSIF seen.has_it THEN
        RAISE NOTICE 'relation "%" already exists, skipping', relation USING ERRCODE = 'duplicate_table';
    ELSE
        RAISE EXCEPTION USING MESSAGE = refusal, HINT = hint, ERRCODE = 'feature_not_supported';
    END IF;
END $$;

-- With the rights of the session, what it drops being no part of an edition: a temporary table, or one of another schema.
CREATE PROCEDURE edition.drop_if_there(command text, schemas text[], names text[], cascades boolean, refusal text, hint text) LANGUAGE plpgsql AS $$
DECLARE
    path CONSTANT name[] := pg_catalog.current_schemas(true);
    kind CONSTANT text := pg_catalog.lower(pg_catalog.substr(command, 6));
    listed text[] := '{}';
    place name;
    seen record;
BEGIN
    IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot execute % in a read-only transaction', command USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    FOR at IN 1 .. pg_catalog.cardinality(names) LOOP
        place := CASE schemas[at] WHEN 'pg_temp' THEN (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = pg_catalog.pg_my_temp_schema())
                                  ELSE schemas[at] END;
        -- a name without a schema means the first of the path that has it
        SELECT * INTO seen FROM edition.find_relation(CASE WHEN schemas[at] IS NULL THEN path ELSE ARRAY[place] END, names[at]::name) AS f
        WHERE f.has_it LIMIT 1;
        IF seen.is_editioned THEN
            RAISE EXCEPTION USING MESSAGE = refusal, HINT = hint, ERRCODE = 'feature_not_supported';
        ELSIF seen.has_it THEN
            listed := listed || pg_catalog.format('%I.%I', seen.schema, names[at]);
        ELSIF schemas[at] IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = place) THEN
            RAISE NOTICE '% "%" does not exist, skipping', kind, names[at];
        ELSE
            RAISE NOTICE 'schema "%" does not exist, skipping', schemas[at];
        END IF;
    END LOOP;
    IF listed <> '{}' THEN
        EXECUTE pg_catalog.format('%s IF EXISTS %s %s', command, pg_catalog.array_to_string(listed, ', '), CASE WHEN cascades THEN 'CASCADE' ELSE 'RESTRICT' END);
    END IF;
END $$;

-- The owner's default privileges may have taken it away.
GRANT EXECUTE ON FUNCTION edition.find_relation TO PUBLIC;
GRANT EXECUTE ON PROCEDURE edition.create_if_missing, edition.drop_if_there TO PUBLIC;
