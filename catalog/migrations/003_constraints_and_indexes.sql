-- What the constraints and indexes of a table with editioning views are called, and say, in each live edition. Written with its row of edition.tables.

-- NOT NULL is among them where PostgreSQL names it (from version 18 on).
CREATE TABLE edition.constraints (
    edition_id      int    NOT NULL,
    table_id        oid    NOT NULL,
    constraint_name text   NOT NULL,
    physical_name   text,             -- NULL: nothing in the live database enforces it by itself
    kind            "char" NOT NULL,  -- as in pg_constraint.contype
    columns         text[] NOT NULL,  -- in key order, in the edition's words; empty if it is about no column in particular
    definition      text   NOT NULL,  -- pg_get_constraintdef in the edition's blueprint, with an empty search_path
    target_id       oid,              -- of a foreign key: the table that it points at
    PRIMARY KEY (edition_id, table_id, constraint_name),
    FOREIGN KEY (edition_id, table_id) REFERENCES edition.tables ON DELETE CASCADE
);

-- Those behind constraints, which bear their names, are among them.
CREATE TABLE edition.indexes (
    edition_id    int     NOT NULL,
    table_id      oid     NOT NULL,
    index_name    text    NOT NULL,
    physical_name text,               -- NULL: no such index in the live database
    is_unique     boolean NOT NULL,
    columns       text[]  NOT NULL,   -- all that it reads, in the edition's words; in key order if a constraint is behind it
    definition    text    NOT NULL,   -- pg_get_indexdef in the edition's blueprint, with an empty search_path
    PRIMARY KEY (edition_id, table_id, index_name),
    FOREIGN KEY (edition_id, table_id) REFERENCES edition.tables ON DELETE CASCADE
);

-- Finds what in the live database stands for the constraints and indexes of one edition's table: a free name was given to what the name
-- was taken for, and a primary key may stand as a unique index. Of several that fit, the one with the name, or with the name and a suffix, or
-- that says the same; and none stands for two as long as there are others.
CREATE FUNCTION edition.find_standing(edition int, id oid) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    pair record;
    stored CONSTANT oid := (SELECT c.oid
                            FROM edition.tables t
                            JOIN pg_namespace n ON n.nspname = t.physical_schema
                            JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.physical_name
                            WHERE t.edition_id = edition AND t.table_id = id);
BEGIN
    UPDATE edition.constraints k SET physical_name = NULL WHERE k.edition_id = edition AND k.table_id = id;
    FOR pair IN
        WITH wanted AS (
            SELECT k.constraint_name, k.kind, k.definition,
                   ARRAY(SELECT a.attnum
                         FROM unnest(k.columns) WITH ORDINALITY AS used (name, place)
                         JOIN edition.columns c ON c.edition_id = edition AND c.table_id = id AND c.column_name = used.name
                         JOIN pg_attribute a ON a.attrelid = stored AND a.attname = c.physical_name
                         ORDER BY used.place) AS keys
            FROM edition.constraints k WHERE k.edition_id = edition AND k.table_id = id
        ), candidates AS (
            SELECT w.constraint_name, k.conname AS name, 1 AS rank, pg_get_constraintdef(k.oid) <> w.definition AS says_other
            FROM wanted w
            JOIN pg_constraint k ON k.conrelid = stored AND k.contype = w.kind
                 AND (SELECT coalesce(array_agg(one ORDER BY one), '{}') FROM unnest(k.conkey) AS one)
                   = (SELECT coalesce(array_agg(one ORDER BY one), '{}') FROM unnest(w.keys) AS one)
            UNION ALL
            SELECT w.constraint_name, c.relname, 2, false
            FROM wanted w
            JOIN pg_index i ON i.indrelid = stored AND i.indisunique AND i.indpred IS NULL
                 AND (i.indkey::int2[])[0:i.indnkeyatts - 1] = w.keys
            JOIN pg_class c ON c.oid = i.indexrelid
            WHERE w.kind = 'p'
        ), ranked AS (
            SELECT c.constraint_name, c.name, row_number() OVER (
                ORDER BY c.rank, c.name <> c.constraint_name, NOT starts_with(c.name::text, c.constraint_name || '$'), c.says_other, c.name) AS place
            FROM candidates c
        )
        -- Once for those that nothing has been found for yet and that nobody else has; then for those that must share.
        SELECT r.constraint_name, r.name, shares FROM ranked r, (VALUES (false), (true)) AS twice (shares) ORDER BY shares, r.place
    LOOP
        UPDATE edition.constraints k SET physical_name = pair.name
        WHERE k.edition_id = edition AND k.table_id = id AND k.constraint_name = pair.constraint_name AND k.physical_name IS NULL
          AND (pair.shares OR NOT EXISTS (SELECT FROM edition.constraints o WHERE o.edition_id = edition AND o.table_id = id AND o.physical_name = pair.name));
    END LOOP;

    UPDATE edition.indexes x SET physical_name = NULL WHERE x.edition_id = edition AND x.table_id = id;
    FOR pair IN
        WITH candidates AS (
            SELECT k.constraint_name AS index_name, k.physical_name AS name, 1 AS rank, false AS says_other
            FROM edition.constraints k
            WHERE k.edition_id = edition AND k.table_id = id AND k.kind IN ('p', 'u', 'x') AND k.physical_name IS NOT NULL
            UNION ALL
            SELECT x.index_name, c.relname, 2,
                   substring(pg_get_indexdef(i.indexrelid) FROM ' USING .*') IS DISTINCT FROM substring(x.definition FROM ' USING .*')
            FROM edition.indexes x
            JOIN pg_index i ON i.indrelid = stored AND i.indisunique = x.is_unique
            JOIN pg_class c ON c.oid = i.indexrelid
            WHERE x.edition_id = edition AND x.table_id = id
              AND ARRAY(SELECT DISTINCT d.refobjsubid::int FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
                          AND d.refobjid = stored AND d.refobjsubid > 0
                        UNION SELECT k::int FROM unnest(i.indkey) AS k WHERE k > 0 ORDER BY 1)
                = ARRAY(SELECT DISTINCT a.attnum::int
                        FROM unnest(x.columns) AS used (name)
                        JOIN edition.columns c ON c.edition_id = edition AND c.table_id = id AND c.column_name = used.name
                        JOIN pg_attribute a ON a.attrelid = stored AND a.attname = c.physical_name ORDER BY 1)
        )
        SELECT c.index_name, c.name FROM candidates c
        ORDER BY c.rank, c.name <> c.index_name, NOT starts_with(c.name::text, c.index_name || '$'), c.says_other, c.name
    LOOP
        UPDATE edition.indexes x SET physical_name = pair.name
        WHERE x.edition_id = edition AND x.table_id = id AND x.index_name = pair.index_name AND x.physical_name IS NULL
          AND NOT EXISTS (SELECT FROM edition.indexes o WHERE o.edition_id = edition AND o.table_id = id AND o.physical_name = pair.name);
    END LOOP;
END $$;
