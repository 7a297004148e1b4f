-- What pg_catalog and information_schema show to a session of an edition. While live editions differ, the proxies lead queries of the catalogues to
-- schema "edition_catalog", which holds a reflection of each relation and function that introspection reads. It is made from the server's own
-- catalogues when the first difference appears, and dropped when the last one is gone: at rest, and for a server upgrade, there is nothing of it.

-- How PostgreSQL words the parts of a viewed table in the edition's blueprint. Each text four times: with every name qualified, as with an empty
-- search_path, and with those of the editioned schemas bare; each of them plain and pretty. With several such schemas also with the names of each alone bare.
CREATE TABLE edition.words (
    edition_id  int  NOT NULL REFERENCES edition.editions,
    table_id    oid  NOT NULL,
    kind        text NOT NULL,           -- table, column, constraint, check (its expression), inbound (foreign key from a table without views), index, trigger, policy …
    name        text NOT NULL,           -- in the edition
    place       int  NOT NULL DEFAULT 0, -- of an index: the column; 0 is the whole
    of_schema   text,                    -- inbound, view: where it is
    of_table    text,                    -- inbound: the table that has it
    id          oid,                     -- in the blueprint
    plain       text,
    pretty      text,
    bare        text,
    bare_pretty text,
    alone       jsonb,                   -- by schema: plain and pretty
    facts       jsonb
);
CREATE INDEX words_of_table ON edition.words (edition_id, table_id, kind, name);

-- Whether anything stands otherwise than some live edition names it.
CREATE FUNCTION edition.differs() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM edition.tables) OR EXISTS (SELECT FROM edition.names) OR EXISTS (SELECT FROM edition.places)
$$;

-- The schemas of ours, and where names of each edition are looked for.
CREATE FUNCTION edition.reflect_schemas() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog SET jit = off AS $$
BEGIN
    INSERT INTO edition_catalog."~~ours"
        SELECT n.oid FROM pg_namespace n
        WHERE n.nspname IN ('edition', 'edition_catalog')
           OR n.nspname IN (SELECT (s.schema_name || '$' || x.name)::name FROM edition.schemas s, edition.editions x WHERE x.state <> 'retired');

    -- An edition's own schemas, its ancestors' but the root's, and the editioned ones: the nearer, the higher the rank.
    INSERT INTO edition_catalog."~~places"
        SELECT e.id, n.oid, s.oid, ranks.rank
        FROM edition.editions e
        CROSS JOIN LATERAL (
            SELECT d.schema_name, d.schema_name AS stands, 0 AS rank FROM edition.schemas d
            UNION ALL
            SELECT d.schema_name, d.schema_name || '$' || x.name, x.id
            FROM edition.schemas d, edition.editions x
            WHERE x.state <> 'retired' AND x.id <= e.id
              AND (x.id = e.id OR x.id > (SELECT min(o.id) FROM edition.editions o WHERE o.state <> 'retired'))) AS ranks
        JOIN pg_namespace n ON n.nspname = ranks.stands::name
        JOIN pg_namespace s ON s.nspname = ranks.schema_name::name
        WHERE e.state <> 'retired';
END $$;

-- Fills in, by OID, what names lead to now, so that a question of the catalogues is planned and answered without looking names up again. Called
-- whenever the tables of the catalogue, or the live objects that they name, have changed. `changed`: the tables (as edition.tables numbers
-- them) that alone have; what an operation does to one table must not cost more the more tables there are.
CREATE FUNCTION edition.reflect_objects(changed oid[] DEFAULT NULL) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog SET jit = off AS $$
BEGIN
    IF to_regnamespace('edition_catalog') IS NULL THEN
        RETURN;
    END IF;
    IF changed IS NULL THEN
        DELETE FROM edition_catalog."~~ours";
        DELETE FROM edition_catalog."~~places";
        DELETE FROM edition_catalog."~~tables";
        DELETE FROM edition_catalog."~~columns";
        DELETE FROM edition_catalog."~~parts";
        DELETE FROM edition_catalog."~~planned";
        PERFORM edition.reflect_schemas();
    ELSE
        DELETE FROM edition_catalog."~~columns" k
            USING (SELECT t.edition_id, t.view_oid FROM edition_catalog."~~tables" t WHERE t.table_id = ANY (changed)
                   UNION SELECT p.edition_id, p.oid FROM edition_catalog."~~parts" p WHERE p.table_id = ANY (changed) AND p.kind = 'index') AS gone
            WHERE k.edition_id = gone.edition_id AND k.view_oid = gone.view_oid;
        DELETE FROM edition_catalog."~~planned" p
            USING (SELECT t.stored_oid AS oid FROM edition_catalog."~~tables" t WHERE t.table_id = ANY (changed)
                   UNION SELECT c.oid FROM edition.tables t JOIN pg_namespace n ON n.nspname = t.physical_schema::name
                         JOIN pg_class c ON c.relname = t.physical_name::name AND c.relnamespace = n.oid
                         WHERE t.table_id = ANY (changed)) AS gone
            WHERE p.stored_oid = gone.oid;
        DELETE FROM edition_catalog."~~parts" p WHERE p.table_id = ANY (changed);
        DELETE FROM edition_catalog."~~tables" t WHERE t.table_id = ANY (changed);
    END IF;

    -- While the view comes or goes the row names the table's own schema; it counts as viewed while the view stands.
    INSERT INTO edition_catalog."~~tables"
        SELECT t.edition_id, t.table_id, v.oid, p.oid, s.oid, v.relname, v.reltype, p.relnamespace,
               p.relkind = 'p' AND EXISTS (SELECT FROM edition.columns k WHERE k.edition_id = t.edition_id AND k.table_id = t.table_id AND k.physical_name <> k.column_name),
               (SELECT w.facts FROM edition.words w WHERE w.edition_id = t.edition_id AND w.table_id = t.table_id AND w.kind = 'table')
        FROM edition.tables t
        JOIN edition.editions e ON e.id = t.edition_id
        JOIN pg_namespace vn ON vn.nspname = (CASE t.view_schema WHEN t.schema_name THEN t.schema_name || '$' || e.name ELSE t.view_schema END)::name
        JOIN pg_class v ON v.relname = t.table_name::name AND v.relnamespace = vn.oid AND v.relkind = 'v'
        JOIN pg_namespace pn ON pn.nspname = t.physical_schema::name
        JOIN pg_class p ON p.relname = t.physical_name::name AND p.relnamespace = pn.oid
        JOIN pg_namespace s ON s.nspname = t.schema_name::name
        WHERE changed IS NULL OR t.table_id = ANY (changed);

    DELETE FROM edition_catalog."~~stored" s WHERE NOT EXISTS (SELECT FROM edition_catalog."~~tables" t WHERE t.stored_oid = s.oid);
    INSERT INTO edition_catalog."~~stored" SELECT DISTINCT t.stored_oid FROM edition_catalog."~~tables" t ON CONFLICT DO NOTHING;

    INSERT INTO edition_catalog."~~columns"
        SELECT t.edition_id, t.view_oid, t.stored_oid, va.attname, va.attnum, pa.attnum, older.attnums, coalesce(older.counting, pa.attnum), w.facts, w.plain, w.pretty, w.bare, w.bare_pretty, w.alone
        FROM edition_catalog."~~tables" t
        JOIN edition.columns k ON k.edition_id = t.edition_id AND k.table_id = t.table_id
        JOIN pg_attribute va ON va.attrelid = t.view_oid AND va.attname = k.column_name::name
        JOIN pg_attribute pa ON pa.attrelid = t.stored_oid AND pa.attname = k.physical_name::name
        LEFT JOIN edition.words w ON w.edition_id = t.edition_id AND w.table_id = t.table_id AND w.kind = 'column' AND w.name = k.column_name
        CROSS JOIN LATERAL (
            SELECT array_agg(o.attnum) AS attnums,
                   (array_agg(o.attnum ORDER BY e.edition_id DESC)
                    FILTER (WHERE NOT pa.atthasdef AND pa.attidentity = '' AND (o.atthasdef OR o.attidentity <> '' AND w.facts ->> 'attidentity' <> '')))[1] AS counting
            FROM edition.columns e JOIN pg_attribute o ON o.attrelid = t.stored_oid AND o.attname = e.physical_name::name AND o.attnum <> pa.attnum
            WHERE e.edition_id < t.edition_id AND e.table_id = k.table_id AND e.column_id = k.column_id) AS older
        WHERE changed IS NULL OR t.table_id = ANY (changed);

    -- What has no live counterpart gets a number that OIDs, which are given out in turn, have not come to yet.
    INSERT INTO edition_catalog."~~parts"
        SELECT w.edition_id, t.prefix || w.kind, coalesce(live.oid, (2147483648 + w.id::bigint % 2147483648)::oid), live.oid, t.view_oid, w.name, w.place,
               live.index_oid, k.kind,
               ARRAY(SELECT a.attnum FROM unnest(k.columns) WITH ORDINALITY AS used (name, place)
                     JOIN pg_attribute a ON a.attrelid = t.view_oid AND a.attname = used.name::name ORDER BY used.place),
               CASE w.kind WHEN 'index' THEN jsonb_build_object('is_primary', EXISTS (
                        SELECT FROM edition.constraints p
                        WHERE p.edition_id = w.edition_id AND p.table_id = w.table_id AND p.kind = 'p' AND p.constraint_name = w.name))
                    ELSE w.facts END,
               w.plain, w.pretty, w.bare, w.bare_pretty, w.alone, t.table_id
        FROM (SELECT v.edition_id, v.table_id, v.view_oid, v.stored_oid, v.stored_schema, '' AS prefix FROM edition_catalog."~~tables" v
              UNION ALL
              SELECT m.edition_id, m.table_id, 0, p.oid, p.relnamespace, 'foreign ' FROM edition.tables m
              JOIN pg_namespace pn ON pn.nspname = m.physical_schema::name
              JOIN pg_class p ON p.relname = m.physical_name::name AND p.relnamespace = pn.oid
              WHERE m.view_schema IS NULL) AS t
        JOIN edition.words w ON w.edition_id = t.edition_id AND w.table_id = t.table_id AND w.kind <> 'column'
        LEFT JOIN edition.constraints k ON w.kind IN ('constraint', 'check') AND k.edition_id = w.edition_id AND k.table_id = w.table_id AND k.constraint_name = w.name
        LEFT JOIN edition.indexes x ON w.kind IN ('index', 'predicate', 'expressions')
             AND x.edition_id = w.edition_id AND x.table_id = w.table_id AND x.index_name = w.name
        LEFT JOIN LATERAL (
            SELECT c.oid, (SELECT i.oid FROM pg_class i
                           WHERE i.relname = k.physical_name::name AND i.relnamespace = t.stored_schema AND k.kind IN ('p', 'u', 'x')) AS index_oid
            FROM (SELECT 1) AS always
            LEFT JOIN pg_constraint c ON c.conrelid = t.stored_oid AND c.conname = coalesce(k.physical_name, w.name)::name
                      AND c.contype = coalesce(k.kind, c.contype)
            WHERE w.kind IN ('constraint', 'check')
            UNION ALL
            SELECT i.oid, NULL FROM pg_class i
            WHERE w.kind IN ('index', 'predicate', 'expressions') AND i.relname = coalesce(x.physical_name, w.name)::name AND i.relnamespace = t.stored_schema
            UNION ALL
            SELECT c.oid, NULL FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
            WHERE w.kind = 'inbound' AND c.confrelid = t.stored_oid AND c.conname = w.name::name AND r.relname = w.of_table::name
            UNION ALL
            -- A trigger or policy may bear its edition as a suffix.
            (SELECT g.oid, NULL FROM pg_trigger g
             WHERE w.kind = 'trigger' AND g.tgrelid = t.stored_oid AND NOT g.tgisinternal
               AND (g.tgname = w.name::name OR starts_with(g.tgname::text, w.name || '$'))
             ORDER BY g.tgname = w.name::name DESC, g.tgname LIMIT 1)
            UNION ALL
            (SELECT g.oid, NULL FROM pg_policy g
             WHERE w.kind IN ('policy', 'policy check') AND g.polrelid = t.stored_oid
               AND (g.polname = w.name::name OR starts_with(g.polname::text, w.name || '$'))
             ORDER BY g.polname = w.name::name DESC, g.polname LIMIT 1)
            UNION ALL
            SELECT g.oid, NULL FROM pg_statistic_ext g WHERE w.kind = 'statistics' AND g.stxrelid = t.stored_oid AND g.stxname = w.name::name
            UNION ALL
            (SELECT v.oid, NULL FROM pg_namespace s
             JOIN edition_catalog."~~places" p ON p.edition_id = t.edition_id AND p.schema = s.oid
             JOIN pg_class v ON v.relnamespace = p.place AND v.relname = w.name::name
             WHERE w.kind = 'view' AND s.nspname = w.of_schema::name ORDER BY p.rank DESC LIMIT 1)
        ) AS live ON true
        WHERE (live.oid IS NOT NULL OR t.prefix = '' AND w.kind IN ('constraint', 'trigger', 'table'))
          AND (changed IS NULL OR t.table_id = ANY (changed));
    -- What is not a viewed table's own has words only.
    UPDATE edition_catalog."~~parts" SET view_oid = 0, kind = CASE kind WHEN 'inbound' THEN 'foreign constraint' WHEN 'view' THEN 'foreign view' ELSE kind END
    WHERE kind IN ('inbound', 'view');

    -- Defaults of tables that are no views but stand in a schema of the edition: their words name what the editioned schema holds.
    INSERT INTO edition_catalog."~~parts" (edition_id, kind, oid, live_oid, view_oid, name, place, plain, pretty, bare, bare_pretty, alone, table_id)
        SELECT w.edition_id, 'foreign column', p.oid, p.oid, 0, w.name, a.attnum, w.plain, w.pretty, w.bare, w.bare_pretty, w.alone, m.table_id
        FROM edition.tables m
        JOIN pg_namespace pn ON pn.nspname = m.physical_schema::name
        JOIN pg_class p ON p.relname = m.physical_name::name AND p.relnamespace = pn.oid
        JOIN edition.words w ON w.edition_id = m.edition_id AND w.table_id = m.table_id AND w.kind = 'column' AND w.plain IS NOT NULL
        JOIN pg_attribute a ON a.attrelid = p.oid AND a.attname = w.name::name
        WHERE m.view_schema IS NULL AND (changed IS NULL OR m.table_id = ANY (changed));

    INSERT INTO edition_catalog."~~planned"
        SELECT p.oid, k.name
        FROM (SELECT x.edition_id, x.table_id, coalesce(x.physical_name, x.index_name) AS name FROM edition.indexes x
              UNION ALL
              SELECT c.edition_id, c.table_id, coalesce(c.physical_name, c.constraint_name) FROM edition.constraints c) AS k
        JOIN edition.tables t ON t.edition_id = k.edition_id AND t.table_id = k.table_id
        JOIN pg_namespace n ON n.nspname = t.physical_schema::name
        JOIN pg_class p ON p.relname = t.physical_name::name AND p.relnamespace = n.oid
        WHERE changed IS NULL OR t.table_id = ANY (changed)
        GROUP BY 1, 2
        ON CONFLICT DO NOTHING;

    -- Columns of indexes bear the names of the columns that they are over.
    INSERT INTO edition_catalog."~~columns"
        SELECT p.edition_id, p.oid, p.oid, k.name, a.attnum, a.attnum, NULL, a.attnum, NULL, NULL, NULL, NULL, NULL, NULL
        FROM edition_catalog."~~parts" p JOIN pg_index x ON x.indexrelid = p.oid
        JOIN pg_attribute a ON a.attrelid = p.oid
        JOIN edition_catalog."~~columns" k ON k.edition_id = p.edition_id AND k.view_oid = p.view_oid AND k.stored_attnum = x.indkey[a.attnum - 1]
        WHERE p.kind = 'index' AND p.place = 0 AND (changed IS NULL OR p.table_id = ANY (changed));

    -- Relations that are not shown: ours, other editions', what is stored behind views, what bears a name of the edition but is not what the name
    -- means (dropped in it, or behind an edition's own); with the indexes that are planned for them and the sequences of their columns.
    -- Types and functions with them, and in the schemas that are not the edition's; and what makes views of its tables. Nearly all of it stays as it was.
    WITH relations AS (
            SELECT e.id AS edition_id, r.oid
            FROM edition.editions e CROSS JOIN edition_catalog."~~ours" o
            JOIN pg_class r ON r.relnamespace = o.oid
            WHERE e.state <> 'retired' AND o.oid NOT IN ('edition'::regnamespace, 'edition_catalog'::regnamespace)
              AND NOT EXISTS (SELECT FROM edition_catalog."~~places" p WHERE p.edition_id = e.id AND p.place = o.oid)
            UNION
            SELECT e.id, p.oid FROM edition.editions e CROSS JOIN edition_catalog."~~stored" p WHERE e.state <> 'retired'
            UNION
            SELECT near.edition_id, later.oid
            FROM edition_catalog."~~places" near JOIN pg_class r ON r.relnamespace = near.place
            JOIN edition_catalog."~~places" far ON far.edition_id = near.edition_id AND far.schema = near.schema AND far.rank < near.rank
            JOIN pg_class later ON later.relname = r.relname AND later.relnamespace = far.place
            WHERE near.rank > 0
            UNION
            SELECT n.edition_id, r.oid
            FROM edition.names n
            JOIN pg_namespace s ON s.nspname = n.schema_name::name
            JOIN edition_catalog."~~places" p ON p.edition_id = n.edition_id AND p.schema = s.oid
            JOIN pg_class r ON r.relname = n.object_name::name AND r.relnamespace = p.place
            WHERE n.class = 'relation' AND n.physical_schema IS NULL
        ), with_parts AS (
            SELECT r.edition_id, r.oid FROM relations r
            UNION
            SELECT r.edition_id, i.indexrelid
            FROM relations r JOIN pg_index i ON i.indrelid = r.oid JOIN pg_class c ON c.oid = i.indexrelid
            WHERE NOT EXISTS (SELECT FROM edition_catalog."~~tables" t WHERE t.edition_id = r.edition_id AND t.stored_oid = r.oid)
               OR EXISTS (SELECT FROM edition_catalog."~~planned" p WHERE p.stored_oid = r.oid AND (c.relname = p.name OR starts_with(c.relname::text, p.name || '$')))
            UNION
            SELECT r.edition_id, d.objid
            FROM relations r
            JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = r.oid AND d.refobjsubid > 0
                 AND d.deptype IN ('a', 'i')
            JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
            WHERE NOT EXISTS (SELECT FROM edition_catalog."~~tables" t WHERE t.edition_id = r.edition_id AND t.stored_oid = r.oid)
               -- An identity that the edition's column does not have.
               OR d.deptype = 'i' AND NOT EXISTS (
                   SELECT FROM edition_catalog."~~columns" k WHERE k.edition_id = r.edition_id AND k.stored_oid = r.oid
                      AND k.default_attnum = d.refobjsubid AND k.facts ->> 'attidentity' IS DISTINCT FROM '')
        ), hidden_relations AS (
            SELECT h.edition_id, h.oid FROM with_parts h
            WHERE NOT EXISTS (SELECT FROM edition_catalog."~~parts" x WHERE x.edition_id = h.edition_id AND x.kind = 'index' AND x.oid = h.oid)
        ), types AS (
            SELECT h.edition_id, r.reltype AS oid FROM hidden_relations h JOIN pg_class r ON r.oid = h.oid WHERE r.reltype <> 0
            UNION
            SELECT e.id, t.oid FROM edition.editions e CROSS JOIN edition_catalog."~~ours" o JOIN pg_type t ON t.typnamespace = o.oid
            WHERE e.state <> 'retired' AND o.oid NOT IN ('edition'::regnamespace, 'edition_catalog'::regnamespace)
              AND NOT EXISTS (SELECT FROM edition_catalog."~~places" p WHERE p.edition_id = e.id AND p.place = o.oid)
            UNION
            SELECT near.edition_id, later.oid
            FROM edition_catalog."~~places" near JOIN pg_type n ON n.typnamespace = near.place
            JOIN edition_catalog."~~places" far ON far.edition_id = near.edition_id AND far.schema = near.schema AND far.rank < near.rank
            JOIN pg_type later ON later.typname = n.typname AND later.typnamespace = far.place
            WHERE near.rank > 0
        ), functions AS (
            SELECT e.id AS edition_id, f.oid FROM edition.editions e CROSS JOIN edition_catalog."~~ours" o JOIN pg_proc f ON f.pronamespace = o.oid
            WHERE e.state <> 'retired' AND o.oid NOT IN ('edition'::regnamespace, 'edition_catalog'::regnamespace)
              AND NOT EXISTS (SELECT FROM edition_catalog."~~places" p WHERE p.edition_id = e.id AND p.place = o.oid)
            UNION
            SELECT near.edition_id, later.oid
            FROM edition_catalog."~~places" near JOIN pg_proc n ON n.pronamespace = near.place
            JOIN edition_catalog."~~places" far ON far.edition_id = near.edition_id AND far.schema = near.schema AND far.rank < near.rank
            JOIN pg_proc later ON later.proname = n.proname AND later.pronamespace = far.place
            WHERE near.rank > 0
        ), now (edition_id, kind, oid) AS MATERIALIZED (
            SELECT h.edition_id, 'r'::"char", h.oid FROM hidden_relations h
            UNION SELECT t.edition_id, 't', t.oid FROM types t
            UNION SELECT t.edition_id, 't', a.typarray FROM types t JOIN pg_type a ON a.oid = t.oid WHERE a.typarray <> 0
            UNION SELECT f.edition_id, 'f', f.oid FROM functions f
            UNION SELECT e.id, 'w', r.oid
                  FROM edition_catalog."~~tables" t JOIN pg_rewrite r ON r.ev_class = t.view_oid CROSS JOIN edition.editions e
                  WHERE e.state <> 'retired'
        ), gone AS (
            DELETE FROM edition_catalog."~~hidden" h
            WHERE NOT EXISTS (SELECT FROM now n WHERE n.edition_id = h.edition_id AND n.kind = h.kind AND n.oid = h.oid))
    INSERT INTO edition_catalog."~~hidden" SELECT n.edition_id, n.kind, n.oid FROM now n ON CONFLICT DO NOTHING;

    -- Nobody else would, and a plan that takes a handful of rows for thousands is a bad one.
    IF changed IS NULL THEN
        ANALYZE edition_catalog."~~ours", edition_catalog."~~stored", edition_catalog."~~places", edition_catalog."~~tables", edition_catalog."~~columns",
            edition_catalog."~~hidden", edition_catalog."~~parts";
    END IF;
END $$;
