-- The parts of an index that have none themselves. $1: the index of the whole, quoted.
WITH RECURSIVE parts AS (
    SELECT x.indexrelid, x.indrelid FROM pg_catalog.pg_index AS x WHERE x.indexrelid = pg_catalog.to_regclass($1)::oid
    UNION ALL
    SELECT x.indexrelid, x.indrelid
    FROM parts AS p
    JOIN pg_catalog.pg_inherits AS h ON h.inhparent = p.indexrelid
    JOIN pg_catalog.pg_index AS x ON x.indexrelid = h.inhrelid
)
SELECT n.nspname::text, c.relname::text, xc.relname::text
FROM parts AS p
JOIN pg_catalog.pg_class AS c ON c.oid = p.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS xc ON xc.oid = p.indexrelid
WHERE c.relkind = 'r'
ORDER BY 1, 2
