-- What a draft's blueprint has in schema "edition" besides transforms; made (or emptied) when it is forked, so that blueprints of any age
-- serve as parents.

-- The rows that the fork copied into bookkeeping tables, as text: what differs now is the work of the draft's migrations.
CREATE TABLE IF NOT EXISTS edition.forked_rows (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_id   oid    NOT NULL,
    column_ids int2[] NOT NULL,
    cells      text[] NOT NULL
);
CREATE TABLE IF NOT EXISTS edition.forked_sequences (
    sequence_id oid PRIMARY KEY,
    last_value  bigint              -- NULL: never used
);

-- What earlier drafts of the line inserted; the live database has it, a fork only if it is asked to keep it.
CREATE TABLE IF NOT EXISTS edition.earlier_rows (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_id   oid    NOT NULL,
    column_ids int2[] NOT NULL,
    cells      text[] NOT NULL
);
-- The keys of those that the fork kept: what the draft does to them is no seed of its own.
CREATE TABLE IF NOT EXISTS edition.kept_keys (
    table_id oid    NOT NULL,
    cells    text[] NOT NULL
);

-- Statements of the draft's migrations from whose text transforms are inferred: on empty tables they leave no other trace.
CREATE TABLE IF NOT EXISTS edition.statements (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text     text NOT NULL,
    table_id oid,                   -- NULL: nobody knew the table when the statement was noted; 0: it was gone by then
    names    jsonb,                 -- column name → attnum, as the names were when it ran
    reads    oid[]                  -- the relations that it names besides; 0: unknown or gone
);
GRANT USAGE ON SCHEMA edition TO PUBLIC;
GRANT INSERT ON edition.statements TO PUBLIC;
