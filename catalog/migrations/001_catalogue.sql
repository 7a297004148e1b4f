-- The catalogue of editions, in schema "edition" of the live database. Installed by `edition init` (which has made the schema), gone after
-- `edition deinit`. Ids of tables and columns are those of the blueprints (OID and attnum), kept by CREATE DATABASE … TEMPLATE.

COMMENT ON SCHEMA edition IS 'Editions for PostgreSQL: catalogue. Made by "edition init", removed by "edition deinit".';

CREATE TABLE edition.settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- Editioned schemas, in the order given at init; behind them those that drafts made.
CREATE TABLE edition.schemas (
    position      int  PRIMARY KEY,
    schema_name   text NOT NULL UNIQUE,
    introduced_by int               -- the edition
);

CREATE TABLE edition.editions (
    id           int  PRIMARY KEY CHECK (id > 0),
    name         text NOT NULL,
    parent_id    int  REFERENCES edition.editions CHECK (parent_id < id),
    state        text NOT NULL CHECK (state IN ('draft', 'publishing', 'live', 'rolling_back', 'retiring', 'retired')),
    is_default   boolean NOT NULL DEFAULT false,
    blueprint    text NOT NULL,
    comment      text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    retired_at   timestamptz
);
CREATE UNIQUE INDEX editions_name ON edition.editions (name) WHERE state <> 'retired';
CREATE UNIQUE INDEX editions_one_default ON edition.editions (is_default) WHERE is_default;
CREATE UNIQUE INDEX editions_one_draft ON edition.editions ((true)) WHERE state IN ('draft', 'publishing', 'rolling_back');

-- Which physical table and columns a live edition's logical table means; only for tables that some live edition sees otherwise
-- than as it physically stands.
CREATE TABLE edition.tables (
    edition_id      int    NOT NULL REFERENCES edition.editions,
    table_id        oid    NOT NULL,
    schema_name     text   NOT NULL,
    table_name      text   NOT NULL,
    physical_schema text   NOT NULL,
    physical_name   text   NOT NULL,
    view_schema     text,             -- NULL: this edition uses the physical table itself; schema_name: a view is about to come or go
    PRIMARY KEY (edition_id, table_id)
);
CREATE TABLE edition.columns (
    edition_id    int      NOT NULL,
    table_id      oid      NOT NULL,
    column_id     smallint NOT NULL,
    column_name   text     NOT NULL,
    physical_name text     NOT NULL,
    position      int      NOT NULL,  -- order in the view
    PRIMARY KEY (edition_id, table_id, column_id),
    FOREIGN KEY (edition_id, table_id) REFERENCES edition.tables ON DELETE CASCADE
);

-- Names of an edition that are not editioning views but still do not mean schema.name as it physically stands.
CREATE TABLE edition.names (
    edition_id      int  NOT NULL REFERENCES edition.editions,
    class           text NOT NULL CHECK (class IN ('relation', 'function', 'type')),
    schema_name     text NOT NULL,
    object_name     text NOT NULL,
    physical_schema text,             -- NULL: a tombstone
    PRIMARY KEY (edition_id, class, schema_name, object_name)
);

-- Which object of an edition stands in the schema of an edition: functions of one name, or the same view of two editions, need not stand together.
CREATE TABLE edition.places (
    edition_id      int  NOT NULL REFERENCES edition.editions,
    object_id       oid  NOT NULL,
    physical_schema text NOT NULL,
    PRIMARY KEY (edition_id, object_id)
);

CREATE TABLE edition.transforms (
    edition_id  int  NOT NULL REFERENCES edition.editions,   -- the child of the transition
    schema_name text NOT NULL,
    table_name  text NOT NULL,
    direction   text NOT NULL CHECK (direction IN ('forward', 'reverse')),
    column_name text NOT NULL,
    expression  text NOT NULL,
    on_error    text NOT NULL DEFAULT 'reject' CHECK (on_error IN ('reject', 'null')),
    origin      text NOT NULL DEFAULT 'author' CHECK (origin IN ('author', 'inferred')),
    PRIMARY KEY (edition_id, schema_name, table_name, direction, column_name)
);

-- The crossedition triggers of each live hop, so that they can be rewritten when physical names change and dropped when an end of the hop goes.
CREATE TABLE edition.hops (
    edition_id int   NOT NULL REFERENCES edition.editions,   -- the child of the hop
    table_id   oid   NOT NULL,
    triggers   jsonb NOT NULL,
    PRIMARY KEY (edition_id, table_id)
);

-- One run of publish, rollback or retire, however often it was interrupted.
CREATE TABLE edition.operations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    edition_id  int  NOT NULL REFERENCES edition.editions,
    verb        text NOT NULL CHECK (verb IN ('publish', 'rollback', 'retire')),
    state       text NOT NULL CHECK (state IN ('running', 'undoing', 'done', 'undone')),
    plan        jsonb NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX operations_one_running ON edition.operations ((true)) WHERE state IN ('running', 'undoing');

-- Everything that was done, with the inverse of each step. Operations that are one step (init, create, default …) have no operation_id.
CREATE TABLE edition.journal (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operation_id bigint REFERENCES edition.operations,
    step         int,
    edition_name text NOT NULL,
    verb         text NOT NULL,
    title        text NOT NULL,
    statement    text,
    inverse      text,
    state        text NOT NULL CHECK (state IN ('started', 'done', 'undone', 'failed')),
    detail       text,
    role_name    text NOT NULL DEFAULT session_user,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz
);
CREATE UNIQUE INDEX journal_step ON edition.journal (operation_id, step) WHERE operation_id IS NOT NULL;

-- One range of one table's blocks; several ranges a table, so that it can be done in parallel. Block numbers mean nothing
-- once the table is rewritten (VACUUM FULL, CLUSTER): filenode tells for which file they were counted.
CREATE TABLE edition.backfills (
    operation_id bigint NOT NULL REFERENCES edition.operations,
    step         int    NOT NULL,
    range        int    NOT NULL,
    filenode     oid    NOT NULL,
    next_block   bigint NOT NULL,
    end_block    bigint NOT NULL,    -- exclusive
    rows_done    bigint NOT NULL DEFAULT 0,
    rows_changed bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (operation_id, step, range)
);

-- Values that a populate-mode trigger could not transform; any row here makes publish undo itself.
CREATE TABLE edition.failures (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name    text NOT NULL,
    column_name   text NOT NULL,
    error_message text NOT NULL,
    happened_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The epoch: bumped, with NOTIFY edition, by each change that proxies must know of.
CREATE TABLE edition.epoch (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    bigint  NOT NULL
);
INSERT INTO edition.epoch (epoch) VALUES (1);

CREATE TABLE edition.proxies (
    id               uuid PRIMARY KEY,
    address          text NOT NULL,
    version          text NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT now(),
    lease_expires_at timestamptz NOT NULL,
    acked_epoch      bigint NOT NULL DEFAULT 0
);
-- Sessions as the proxies know them; written with each lease renewal and before an epoch is acknowledged.
CREATE TABLE edition.sessions (
    proxy_id         uuid NOT NULL REFERENCES edition.proxies ON DELETE CASCADE,
    backend_pid      int  NOT NULL,
    edition_id       int  NOT NULL,
    user_name        text NOT NULL,
    application_name text NOT NULL,
    client_address   text NOT NULL,
    connected_at     timestamptz NOT NULL,
    PRIMARY KEY (proxy_id, backend_pid)
);

-- Called by populate-mode triggers in the application's sessions, hence SECURITY DEFINER and open to all.
CREATE FUNCTION edition.report_failure(table_name text, column_name text, error_message text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
    AS $$ INSERT INTO edition.failures (table_name, column_name, error_message) VALUES (table_name, column_name, error_message) $$;
GRANT USAGE ON SCHEMA edition TO PUBLIC;
GRANT EXECUTE ON FUNCTION edition.report_failure TO PUBLIC; -- the owner's default privileges may have taken it away
