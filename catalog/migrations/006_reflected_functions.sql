-- Functions that deparse, describe and measure, for an edition's tables: they take what introspection found in the reflections.
CREATE FUNCTION edition.reflect_functions() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $reflect$
DECLARE
    one record;
BEGIN
    PERFORM edition.reflect_names();

    -- What a relation of the edition is stored as.
    CREATE FUNCTION edition_catalog."~stored"(relation oid) RETURNS oid LANGUAGE sql STABLE AS $$
        SELECT coalesce((SELECT t.stored_oid FROM edition_catalog."~tables" t WHERE t.view_oid = relation), relation)
    $$;

    -- What the edition sees in the place of a stored relation.
    CREATE FUNCTION edition_catalog."~seen"(relation oid) RETURNS oid LANGUAGE sql STABLE AS $$
        SELECT coalesce((SELECT t.view_oid FROM edition_catalog."~tables" t WHERE t.stored_oid = relation), relation)
    $$;

    -- Of the words that there are those in which names are bare that the path finds so: in all editioned schemas, in one, in none.
    CREATE FUNCTION edition_catalog."~worded"(plain text, bare text, alone jsonb, form int) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE WHEN pg_catalog.bool_and(s.found) THEN bare
                    WHEN pg_catalog.count(*) FILTER (WHERE s.found) = 1 THEN coalesce(alone -> pg_catalog.max(s.name) FILTER (WHERE s.found) ->> form, plain)
                    ELSE plain END
        FROM (SELECT DISTINCT n.nspname::text AS name, n.nspname = ANY (pg_catalog.current_schemas(false)) AS found
              FROM edition_catalog."~places" p JOIN pg_catalog.pg_namespace n ON n.oid = p.schema) AS s
    $$;

    -- The edition's words for an object, or NULL.
    CREATE FUNCTION edition_catalog."~said"(of_kind text, of_oid oid, of_place int, is_pretty boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
    DECLARE
        said record;
    BEGIN
        SELECT p.plain, p.pretty, p.bare, p.bare_pretty, p.alone INTO said
        FROM edition_catalog."~parts" p WHERE p.kind IN (of_kind, 'foreign ' || of_kind) AND p.oid = of_oid AND p.place = of_place LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        ELSIF is_pretty THEN
            RETURN edition_catalog."~worded"(said.pretty, said.bare_pretty, said.alone, 1);
        ELSE
            RETURN edition_catalog."~worded"(said.plain, said.bare, said.alone, 0);
        END IF;
    END $$;

    CREATE FUNCTION edition_catalog.pg_get_constraintdef(constraint_oid oid, is_pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(edition_catalog."~said"('constraint', $1, 0, $2), pg_catalog.pg_get_constraintdef($1, $2))
    $$;
    -- Of an index that a session made by hand, which no blueprint words, a column that is none of an expression bears the edition's name.
    CREATE FUNCTION edition_catalog.pg_get_indexdef(index_oid oid, place int DEFAULT 0, is_pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(edition_catalog."~said"('index', $1, $2, $3),
            (SELECT pg_catalog.quote_ident(k.name::text) FROM pg_catalog.pg_index x
             JOIN edition_catalog."~columns" k ON k.stored_oid = x.indrelid AND k.stored_attnum = x.indkey[$2 - 1]
             WHERE $2 > 0 AND x.indexrelid = $1),
            pg_catalog.pg_get_indexdef($1, $2, $3))
    $$;
    CREATE FUNCTION edition_catalog.pg_get_triggerdef(trigger_oid oid, is_pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(edition_catalog."~said"('trigger', $1, 0, $2), pg_catalog.pg_get_triggerdef($1, $2))
    $$;
    CREATE FUNCTION edition_catalog.pg_get_viewdef(view_oid oid, is_pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(edition_catalog."~said"('view', $1, 0, $2), pg_catalog.pg_get_viewdef($1, $2))
    $$;
    -- Lines of this width; those of the edition are those of the pretty form.
    CREATE FUNCTION edition_catalog.pg_get_viewdef(view_oid oid, width int) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(edition_catalog."~said"('view', $1, 0, true), pg_catalog.pg_get_viewdef($1, $2))
    $$;
    CREATE FUNCTION edition_catalog.pg_get_viewdef(view_name text, is_pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT edition_catalog.pg_get_viewdef($1::pg_catalog.regclass::pg_catalog.oid, $2)
    $$;
    CREATE FUNCTION edition_catalog.pg_get_statisticsobjdef(statistics_oid oid) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(edition_catalog."~said"('statistics', $1, 0, false), pg_catalog.pg_get_statisticsobjdef($1))
    $$;
    CREATE FUNCTION edition_catalog.pg_get_statisticsobjdef_columns(statistics_oid oid) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(edition_catalog."~said"('statistics', $1, 0, true), pg_catalog.pg_get_statisticsobjdef_columns($1))
    $$;

    -- The words of a partitioned table are those of its key; one that is shown whole is not partitioned.
    CREATE FUNCTION edition_catalog.pg_get_partkeydef(relation oid) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce((SELECT edition_catalog."~worded"(p.plain, p.bare, p.alone, 0) FROM edition_catalog."~parts" p
                         JOIN edition_catalog."~tables" t ON t.view_oid = p.view_oid AND NOT t.is_whole
                         WHERE p.view_oid = relation AND p.kind = 'table' LIMIT 1), pg_catalog.pg_get_partkeydef(relation))
    $$;
    CREATE FUNCTION edition_catalog.pg_partition_root(relation regclass) RETURNS regclass LANGUAGE sql STABLE AS $$
        SELECT edition_catalog."~seen"(pg_catalog.pg_partition_root(edition_catalog."~stored"(relation)))
    $$;
    CREATE FUNCTION edition_catalog.pg_partition_ancestors(partition regclass, OUT relid regclass) RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
        SELECT edition_catalog."~seen"(a.relid) FROM pg_catalog.pg_partition_ancestors(edition_catalog."~stored"(partition)) WITH ORDINALITY AS a (relid, place)
        ORDER BY a.place
    $$;
    CREATE FUNCTION edition_catalog.pg_partition_tree(root regclass, OUT relid regclass, OUT parentrelid regclass, OUT isleaf boolean, OUT level int)
    RETURNS SETOF record LANGUAGE sql STABLE AS $$
        SELECT edition_catalog."~seen"(t.relid), edition_catalog."~seen"(t.parentrelid), t.isleaf, t.level
        FROM pg_catalog.pg_partition_tree(edition_catalog."~stored"(root)) WITH ORDINALITY AS t (relid, parentrelid, isleaf, level, place) ORDER BY t.place
    $$;

    -- A view of ours is a table of the edition.
    CREATE FUNCTION edition_catalog.pg_describe_object(catalogue oid, object oid, part int) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE WHEN catalogue = 'pg_catalog.pg_class'::pg_catalog.regclass AND EXISTS (SELECT FROM edition_catalog."~tables" t WHERE t.view_oid = object)
                    THEN (SELECT pg_catalog.replace(pg_catalog.pg_describe_object(catalogue, object, part), described, pg_catalog.regexp_replace(described, '^view ', 'table '))
                          FROM pg_catalog.pg_describe_object(catalogue, object, 0) AS described)
                    ELSE pg_catalog.pg_describe_object(catalogue, object, part) END
    $$;

    -- A stored expression speaks of the columns of the table as it is stored, so it is looked for there.
    CREATE FUNCTION edition_catalog."~expression"(tree pg_node_tree, relation oid, is_pretty boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
    DECLARE
        stored oid;
        said record;
    BEGIN
        SELECT t.stored_oid INTO stored FROM edition_catalog."~tables" t WHERE t.view_oid = relation;
        IF NOT FOUND OR tree IS NULL THEN
            RETURN coalesce(
                (SELECT edition_catalog."~said"('column', relation, d.adnum, is_pretty) FROM pg_catalog.pg_attrdef d
                 WHERE d.adrelid = relation AND d.adbin::text = tree::text LIMIT 1),
                pg_catalog.pg_get_expr(tree, relation, is_pretty));
        END IF;
        SELECT found_words.plain, found_words.pretty, found_words.bare, found_words.bare_pretty, found_words.alone INTO said
        FROM (SELECT k.plain, k.pretty, k.bare, k.bare_pretty, k.alone
              FROM pg_catalog.pg_attrdef d JOIN edition_catalog."~~columns" k
                ON k.edition_id = nullif(pg_catalog.current_setting('edition.id', true), '')::int AND k.view_oid = relation
               AND (d.adrelid = relation AND d.adnum = k.view_attnum OR d.adrelid = stored AND d.adnum = k.default_attnum)
              WHERE d.adrelid IN (relation, stored) AND d.adbin::text = tree::text
              UNION ALL
              SELECT p.plain, p.pretty, p.bare, p.bare_pretty, p.alone
              FROM edition_catalog."~parts" p
              LEFT JOIN pg_catalog.pg_index x ON x.indexrelid = p.live_oid AND p.kind IN ('predicate', 'expressions')
              LEFT JOIN pg_catalog.pg_policy q ON q.oid = p.live_oid AND p.kind IN ('policy', 'policy check')
              LEFT JOIN pg_catalog.pg_constraint c ON c.oid = p.live_oid AND p.kind = 'check'
              WHERE p.view_oid = relation AND p.kind IN ('predicate', 'expressions', 'policy', 'policy check', 'check')
                AND tree::text = CASE p.kind WHEN 'predicate' THEN x.indpred::text WHEN 'expressions' THEN x.indexprs::text WHEN 'check' THEN c.conbin::text
                                             WHEN 'policy' THEN q.polqual::text ELSE q.polwithcheck::text END
             ) AS found_words
        WHERE found_words.plain IS NOT NULL LIMIT 1;
        IF NOT FOUND THEN
            RETURN pg_catalog.pg_get_expr(tree, stored, is_pretty);
        ELSIF is_pretty THEN
            RETURN edition_catalog."~worded"(said.pretty, said.bare_pretty, said.alone, 1);
        ELSE
            RETURN edition_catalog."~worded"(said.plain, said.bare, said.alone, 0);
        END IF;
    END $$;
    -- Most relations are no views, which a look into the server's cache tells, and most expressions name no schema of an edition. So this is what can be
    -- planned into the query, and what it calls is seldom called.
    CREATE FUNCTION edition_catalog.pg_get_expr(tree pg_node_tree, relation oid, is_pretty boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT CASE WHEN pg_catalog.pg_relation_filenode(relation) IS NULL OR pg_catalog.strpos(pg_catalog.pg_get_expr(tree, relation, is_pretty), '$') > 0
                    THEN edition_catalog."~expression"(tree, relation, is_pretty) ELSE pg_catalog.pg_get_expr(tree, relation, is_pretty) END
    $$;

    CREATE FUNCTION edition_catalog.pg_get_serial_sequence(table_name text, column_name text) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT coalesce(
            (SELECT pg_catalog.pg_get_serial_sequence(k.stored_oid::pg_catalog.regclass::text, a.attname::text)
             FROM edition_catalog."~columns" k JOIN pg_catalog.pg_attribute a ON a.attrelid = k.stored_oid AND a.attnum = k.default_attnum
             WHERE k.view_oid = edition_catalog."~named"(table_name, true)::pg_catalog.regclass AND k.name = column_name::name),
            pg_catalog.pg_get_serial_sequence(edition_catalog."~named"(table_name, true), column_name))
    $$;

    CREATE FUNCTION edition_catalog.obj_description(id oid, catalogue name) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT d.description FROM edition_catalog.pg_description d
        WHERE d.objoid = id AND d.objsubid = 0
          AND d.classoid = (SELECT c.oid FROM pg_catalog.pg_class c WHERE c.relname = catalogue AND c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace)
    $$;
    CREATE FUNCTION edition_catalog.obj_description(id oid) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT d.description FROM edition_catalog.pg_description d WHERE d.objoid = id AND d.objsubid = 0
    $$;
    CREATE FUNCTION edition_catalog.col_description(id oid, place int) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT d.description FROM edition_catalog.pg_description d
        WHERE d.objoid = id AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = place
    $$;

    -- The path as the application set it. Sessions have other schemas in it only for editions.
    CREATE FUNCTION edition_catalog.current_schemas(implicit boolean) RETURNS name[] LANGUAGE sql STABLE AS $$
        SELECT coalesce(pg_catalog.array_agg(named.schema ORDER BY named.place), '{}') FROM (
            SELECT coalesce(s.nspname, path.name) AS schema, pg_catalog.min(path.place) AS place
            FROM pg_catalog.unnest(pg_catalog.current_schemas(implicit)) WITH ORDINALITY AS path (name, place)
            LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = path.name
            LEFT JOIN edition_catalog."~places" p ON p.place = n.oid
            LEFT JOIN pg_catalog.pg_namespace s ON s.oid = p.schema
            GROUP BY 1) AS named
    $$;
    CREATE FUNCTION edition_catalog.current_schema() RETURNS name LANGUAGE sql STABLE AS 'SELECT (edition_catalog.current_schemas(false))[1]';

    -- The kind of a relation is not known yet where the server's own view asks this.
    CREATE FUNCTION edition_catalog.has_sequence_privilege(relation oid, privilege text) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT CASE WHEN (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = relation) = 'S' THEN pg_catalog.has_sequence_privilege(relation, privilege) END
    $$;

    CREATE FUNCTION edition_catalog.has_sequence_privilege(relation text, privilege text) RETURNS boolean LANGUAGE sql STABLE AS
        'SELECT pg_catalog.has_sequence_privilege(edition_catalog."~named"(relation, true), privilege)';
    CREATE FUNCTION edition_catalog.has_sequence_privilege(role name, relation text, privilege text) RETURNS boolean LANGUAGE sql STABLE AS
        'SELECT pg_catalog.has_sequence_privilege(role, edition_catalog."~named"(relation, true), privilege)';
    CREATE FUNCTION edition_catalog.has_sequence_privilege(role oid, relation text, privilege text) RETURNS boolean LANGUAGE sql STABLE AS
        'SELECT pg_catalog.has_sequence_privilege(role, edition_catalog."~named"(relation, true), privilege)';
    CREATE FUNCTION edition_catalog.has_sequence_privilege(role name, relation oid, privilege text) RETURNS boolean LANGUAGE sql STABLE AS
        'SELECT pg_catalog.has_sequence_privilege(role, relation, privilege)';
    CREATE FUNCTION edition_catalog.has_sequence_privilege(role oid, relation oid, privilege text) RETURNS boolean LANGUAGE sql STABLE AS
        'SELECT pg_catalog.has_sequence_privilege(role, relation, privilege)';

    -- Of the table as it is stored: sizes and counters.
    FOR one IN
        SELECT p.proname, p.prorettype, p.proargtypes[0]::regtype AS takes FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND NOT p.proretset AND p.prokind = 'f' AND p.pronargs = 1
          AND (p.proargtypes[0] = 'regclass'::regtype
               AND p.proname IN ('pg_relation_size', 'pg_total_relation_size', 'pg_table_size', 'pg_indexes_size', 'pg_relation_filenode', 'pg_relation_filepath')
               OR p.proargtypes[0] = 'oid'::regtype AND p.proname ~ '^pg_stat_get_' AND p.proname !~ '_(db|function|backend|subscription|wal)_')
    LOOP
        EXECUTE format('CREATE FUNCTION edition_catalog.%I(relation %s) RETURNS %s LANGUAGE sql STABLE AS %L', one.proname, one.takes,
                       format_type(one.prorettype, NULL), format('SELECT pg_catalog.%I(edition_catalog."~stored"(relation))', one.proname));
    END LOOP;
    CREATE FUNCTION edition_catalog.pg_relation_size(relation regclass, fork text) RETURNS bigint LANGUAGE sql STABLE AS
        'SELECT pg_catalog.pg_relation_size(edition_catalog."~stored"(relation), fork)';

    -- What a view of information_schema calls.
    CREATE FUNCTION edition_catalog._pg_index_position(oid, smallint) RETURNS int LANGUAGE sql STABLE AS
        $$SELECT (ss.a).n FROM (SELECT information_schema._pg_expandarray(indkey) AS a FROM edition_catalog.pg_index WHERE indexrelid = $1) ss WHERE (ss.a).x = $2$$;
END $reflect$;
