-- The names of what has an OID, which blueprints of a chain share: what it is, and the statement that renames it, but for the new name.
SELECT coalesce(jsonb_agg(jsonb_build_array(key, rename, name)), '[]')::text FROM (
    SELECT 'relation ' || c.oid AS key,
        format('ALTER %s %s RENAME TO ', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'i' THEN 'INDEX' WHEN 'I' THEN 'INDEX' ELSE 'TABLE' END, c.oid::regclass) AS rename,
        quote_ident(c.relname) AS name
    FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'i', 'I')
    UNION ALL
    SELECT format('column %s %s', a.attrelid, a.attnum), format('ALTER TABLE %s RENAME COLUMN %I TO ', a.attrelid::regclass, a.attname), quote_ident(a.attname)
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'constraint ' || n.oid, format('ALTER TABLE %s RENAME CONSTRAINT %I TO ', n.conrelid::regclass, n.conname), quote_ident(n.conname)
    FROM pg_constraint AS n WHERE n.connamespace = 'public'::regnamespace AND n.conrelid <> 0
    UNION ALL
    SELECT 'routine ' || p.oid, format('ALTER ROUTINE %s RENAME TO ', p.oid::regprocedure), quote_ident(p.proname)
    FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
    UNION ALL
    SELECT 'label ' || e.oid, format('ALTER TYPE %s RENAME VALUE %L TO ', e.enumtypid::regtype, e.enumlabel), quote_literal(e.enumlabel)
    FROM pg_enum AS e
    UNION ALL
    SELECT 'type ' || t.oid, format('ALTER TYPE %s RENAME TO ', t.oid::regtype), quote_ident(t.typname)
    FROM pg_type AS t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')
) AS names
