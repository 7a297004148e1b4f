-- What every blueprint database has in schema "edition", so that a migration can give transforms in SQL:
--   SELECT edition.forward('users', $$first_name = split_part(name, ' ', 1)$$);
-- The text is parsed and checked by `edition plan`, not here.

CREATE SCHEMA edition;
CREATE TABLE edition.transforms (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name  text NOT NULL,                       -- as given: "users" or "public.users"
    direction   text NOT NULL CHECK (direction IN ('forward', 'reverse')),
    assignments text NOT NULL,                       -- column = expression [, …]
    on_error    text NOT NULL CHECK (on_error IN ('reject', 'null'))
);
CREATE FUNCTION edition.forward(table_name text, assignments text, on_error text DEFAULT 'reject') RETURNS void
    LANGUAGE sql AS $$ INSERT INTO edition.transforms (table_name, direction, assignments, on_error) VALUES (table_name, 'forward', assignments, on_error) $$;
CREATE FUNCTION edition.reverse(table_name text, assignments text, on_error text DEFAULT 'reject') RETURNS void
    LANGUAGE sql AS $$ INSERT INTO edition.transforms (table_name, direction, assignments, on_error) VALUES (table_name, 'reverse', assignments, on_error) $$;
GRANT USAGE ON SCHEMA edition TO PUBLIC;
GRANT SELECT, INSERT ON edition.transforms TO PUBLIC;
