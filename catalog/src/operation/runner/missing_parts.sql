-- Partitions without their part of an index, each of a table that has one. $1: the index of the whole, quoted.
WITH RECURSIVE parts AS (
    SELECT x.indexrelid, x.indrelid FROM pg_catalog.pg_index AS x WHERE x.indexrelid = pg_catalog.to_regclass($1)::oid
    UNION ALL
    SELECT x.indexrelid, x.indrelid
    FROM parts AS p
    JOIN pg_catalog.pg_inherits AS h ON h.inhparent = p.indexrelid
    JOIN pg_catalog.pg_index AS x ON x.indexrelid = h.inhrelid
)
SELECT n.nspname::text, c.relname::text, c.relkind <> 'p', xn.nspname::text, xc.relname::text
FROM parts AS p
JOIN pg_catalog.pg_inherits AS h ON h.inhparent = p.indrelid
JOIN pg_catalog.pg_class AS c ON c.oid = h.inhrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class AS xc ON xc.oid = p.indexrelid
JOIN pg_catalog.pg_namespace AS xn ON xn.oid = xc.relnamespace
WHERE NOT h.inhdetachpending AND c.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM parts AS q WHERE q.indrelid = c.oid)
ORDER BY 1, 2
