-- search_path as applications see and set it: without the schemas by which their sessions are in an edition. The proxies lead to these functions what asks
-- for it, or sets it to something that only the server knows. They bear the names of those of pg_catalog, so that columns of results do.

CREATE FUNCTION edition.own_path(path text) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    -- As the proxies and PostgreSQL itself write them. Not in PL/pgSQL, which would bring settings of its own with it.
    SELECT coalesce(regexp_replace(path, (
        SELECT string_agg(regexp_replace('"' || replace(s.schema_name || '$' || e.name, '"', '""') || '", ', '(\W)', '\\\1', 'g'), '|')
        FROM edition.schemas s, edition.editions e), '', 'g'), path)
$$;

-- The path with each editioned schema preceded by those of the session's edition and of its ancestors but the root's. What is not a path is left to the
-- server to refuse.
CREATE FUNCTION edition.path_in_edition(path text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    rest text := edition.own_path(path);
    found text[];
    named text;
    whole text := '';
BEGIN
    IF coalesce(current_setting('edition.id', true), '') = '' THEN
        RETURN path;
    END IF;
    LOOP
        found := regexp_match(rest, '^(\s*)("(?:[^"]|"")*"|[^",\s]+)(\s*)(,?)');
        IF found IS NULL THEN
            RETURN path;
        END IF;
        named := CASE WHEN starts_with(found[2], '"') THEN replace(substr(found[2], 2, length(found[2]) - 2), '""', '"') ELSE lower(found[2]) END;
        IF named = '$user' THEN
            named := session_user;
        END IF;
        whole := whole || found[1] || coalesce((
            WITH RECURSIVE line AS (
                SELECT e.id, e.parent_id, e.name, true AS is_own FROM edition.editions e
                WHERE e.id = nullif(current_setting('edition.id', true), '')::int
                UNION ALL
                SELECT e.id, e.parent_id, e.name, false FROM line l JOIN edition.editions e ON e.id = l.parent_id WHERE e.state <> 'retired'
            )
            SELECT string_agg('"' || replace(s.schema_name || '$' || l.name, '"', '""') || '", ', '' ORDER BY l.id DESC)
            FROM edition.schemas s, line l
            WHERE s.schema_name = named
              AND (l.is_own OR EXISTS (SELECT FROM edition.editions p WHERE p.id = l.parent_id AND p.state <> 'retired'))), '')
            || found[2] || found[3] || found[4];
        rest := substr(rest, length(found[1] || found[2] || found[3] || found[4]) + 1);
        EXIT WHEN found[4] = '';
    END LOOP;
    RETURN CASE WHEN rest = '' THEN whole ELSE path END;
END $$;

CREATE FUNCTION edition.current_setting(setting_name text, missing_ok boolean DEFAULT false) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT edition.own_path(pg_catalog.current_setting(setting_name, missing_ok))
$$;

-- For search_path only.
CREATE FUNCTION edition.set_config(setting_name text, new_value text, is_local boolean) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT edition.own_path(pg_catalog.set_config(setting_name, edition.path_in_edition(new_value), is_local))
$$;

-- The owner's default privileges may have taken it away.
GRANT EXECUTE ON FUNCTION edition.own_path, edition.path_in_edition, edition.current_setting, edition.set_config TO PUBLIC;
