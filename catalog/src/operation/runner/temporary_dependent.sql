-- What sessions made for themselves and that depends on a relation, or its row type, in a schema of an edition.
WITH kept AS (
    SELECT c.oid, c.reltype, t.typarray
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN edition.schemas s ON pg_catalog.starts_with(n.nspname::pg_catalog.text, s.schema_name || '$')
    LEFT JOIN pg_catalog.pg_type t ON t.oid = c.reltype
), depending AS (
    SELECT coalesce(r.ev_class, d.objid) AS oid, CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END AS class
    FROM pg_catalog.pg_depend d
    JOIN kept k ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = k.oid
                OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (k.reltype, k.typarray)
    LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
), temporary AS (
    SELECT CASE c.relkind WHEN 'v' THEN 'temporary view ' ELSE 'temporary table ' END || c.relname AS what, c.relowner AS owner, c.relnamespace AS namespace
    FROM depending d JOIN pg_catalog.pg_class c ON d.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.oid
    UNION ALL
    SELECT 'temporary function ' || f.proname, f.proowner, f.pronamespace
    FROM depending d JOIN pg_catalog.pg_proc f ON d.class = 'pg_catalog.pg_proc'::pg_catalog.regclass AND f.oid = d.oid
)
SELECT t.what, pg_catalog.pg_get_userbyid(t.owner)::pg_catalog.text,
       CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000
            THEN 'pid ' || pg_catalog.pg_stat_get_backend_pid(pg_catalog.substr(n.nspname::pg_catalog.text, 9)::pg_catalog.int4) END
FROM temporary t JOIN pg_catalog.pg_namespace n ON n.oid = t.namespace
WHERE n.nspname::pg_catalog.text ~ '^pg_temp_[0-9]+$'
ORDER BY 1 LIMIT 1
