-- $1: schemas of ours. Every schema that may hold objects of the user's.
SELECT nspname::text
FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'edition', 'edition_catalog') AND nspname <> ALL ($1)
ORDER BY nspname COLLATE "C"
