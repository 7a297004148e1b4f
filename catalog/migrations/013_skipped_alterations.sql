-- ALTER TABLE … ADD COLUMN IF NOT EXISTS, DROP … IF EXISTS, ALTER TABLE IF EXISTS and ALTER TYPE … ADD VALUE IF NOT EXISTS in a live edition: as with
-- 012_skipped, what PostgreSQL would skip is skipped, in its words; what would change something is refused.

-- The first relation of a path that is called so, as the session's edition sees it. No row: there is none. No kind: not one that is altered as a table.
CREATE FUNCTION edition.find_members(path name[], relation name)
    RETURNS TABLE (is_editioned boolean, kind "char", owner oid, columns text[], constraints text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH own AS (
        SELECT nullif(current_setting('edition.id', true), '')::int AS id
    ), found AS (
        SELECT f.schema, f.is_editioned FROM edition.find_relation(path, relation) AS f WHERE f.has_it LIMIT 1
    ), standing AS (
        SELECT f.is_editioned, own.id AS edition_id, t.table_id, c.oid, c.relkind, c.relowner
        FROM found f
        LEFT JOIN own ON true
        LEFT JOIN edition.names n ON n.edition_id = own.id AND n.class = 'relation' AND n.schema_name = f.schema AND n.object_name = relation
        LEFT JOIN edition.tables t ON t.edition_id = own.id AND t.schema_name = f.schema AND t.table_name = relation
        LEFT JOIN pg_namespace k ON k.nspname = coalesce(n.physical_schema, t.view_schema, t.physical_schema, f.schema)
        LEFT JOIN pg_class c ON c.relnamespace = k.oid
            AND c.relname = CASE WHEN t.view_schema IS NULL THEN coalesce(t.physical_name, relation) ELSE relation END
    )
    SELECT s.is_editioned, CASE WHEN s.table_id IS NOT NULL THEN 'r' ELSE s.relkind END, s.relowner,
           CASE WHEN s.table_id IS NULL
                THEN ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped)
                ELSE ARRAY(SELECT c.column_name FROM edition.columns c WHERE c.edition_id = s.edition_id AND c.table_id = s.table_id) END,
           CASE WHEN s.table_id IS NULL
                THEN ARRAY(SELECT k.conname::text FROM pg_constraint k WHERE k.conrelid = s.oid)
                ELSE ARRAY(SELECT k.constraint_name FROM edition.constraints k WHERE k.edition_id = s.edition_id AND k.table_id = s.table_id) END
    FROM standing s
$$;

-- `schema`: if the statement names one. `skips_table`: ALTER TABLE IF EXISTS. `changes`: 'drop column', 'drop constraint' or 'add column' if they are to be
-- skipped, anything else if not, and of what, in the order in which PostgreSQL goes about them.
CREATE PROCEDURE edition.alter_if_needed(schema text, relation text, skips_table boolean, changes text[], members text[], refusal text, hint text)
    LANGUAGE plpgsql AS $$
DECLARE
    named CONSTANT name := relation;
    seen record;
BEGIN
    IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot execute ALTER TABLE in a read-only transaction' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    SELECT * INTO seen FROM edition.find_members(CASE WHEN schema IS NULL THEN pg_catalog.current_schemas(true) ELSE ARRAY[schema::name] END, named);
    IF NOT FOUND THEN
        IF NOT skips_table THEN
            RAISE EXCEPTION 'relation "%" does not exist', pg_catalog.concat_ws('.', schema, named) USING ERRCODE = 'undefined_table';
        END IF;
        RAISE NOTICE 'relation "%" does not exist, skipping', named;
        RETURN;
    ELSIF seen.kind IS NULL OR seen.kind NOT IN ('r', 'p', 'f') THEN
        RAISE EXCEPTION USING MESSAGE = refusal, HINT = hint, ERRCODE = 'feature_not_supported';
    ELSIF NOT pg_catalog.pg_has_role(seen.owner, 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of table %', named USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR at IN 1 .. pg_catalog.cardinality(changes) LOOP
        IF changes[at] = 'drop column' AND members[at] <> ALL (seen.columns) THEN
            RAISE NOTICE 'column "%" of relation "%" does not exist, skipping', members[at], named;
        ELSIF changes[at] = 'drop constraint' AND members[at] <> ALL (seen.constraints) THEN
            RAISE NOTICE 'constraint "%" of relation "%" does not exist, skipping', members[at], named;
        ELSIF changes[at] = 'add column' AND members[at] = ANY (seen.columns) THEN
            RAISE NOTICE 'column "%" of relation "%" already exists, skipping', members[at], named USING ERRCODE = 'duplicate_column';
        ELSE
            RAISE EXCEPTION USING MESSAGE = refusal, HINT = hint, ERRCODE = 'feature_not_supported';
        END IF;
    END LOOP;
END $$;

-- `type`: as the session finds it; `named`: as the statement calls it.
CREATE PROCEDURE edition.add_label_if_missing(type text, named text, label text, refusal text, hint text) LANGUAGE plpgsql AS $$
DECLARE
    altered CONSTANT regtype := pg_catalog.to_regtype(type);
BEGIN
    IF pg_catalog.current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot execute ALTER TYPE in a read-only transaction' USING ERRCODE = 'read_only_sql_transaction';
    ELSIF altered IS NULL THEN
        RAISE EXCEPTION 'type "%" does not exist', named USING ERRCODE = 'undefined_object';
    ELSIF NOT pg_catalog.pg_has_role((SELECT t.typowner FROM pg_catalog.pg_type t WHERE t.oid = altered), 'USAGE') THEN
        RAISE EXCEPTION 'must be owner of type %', altered USING ERRCODE = 'insufficient_privilege';
    ELSIF EXISTS (SELECT FROM pg_catalog.pg_enum e WHERE e.enumtypid = altered AND e.enumlabel = label::name) THEN
        RAISE NOTICE 'enum label "%" already exists, skipping', label USING ERRCODE = 'duplicate_object';
    ELSE
        RAISE EXCEPTION USING MESSAGE = refusal, HINT = hint, ERRCODE = 'feature_not_supported';
    END IF;
END $$;

-- The owner's default privileges may have taken it away.
GRANT EXECUTE ON FUNCTION edition.find_members TO PUBLIC;
GRANT EXECUTE ON PROCEDURE edition.alter_if_needed, edition.add_label_if_missing TO PUBLIC;
