-- Rows that publish inserted, changed or deleted because a draft's migrations had done so in its blueprint; a rollback takes them back.
-- Cells are text, in the words of the edition.
CREATE TABLE edition.seeds (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    edition_id  int    NOT NULL REFERENCES edition.editions,
    table_id    oid    NOT NULL,
    schema_name text   NOT NULL,
    table_name  text   NOT NULL,
    columns     text[] NOT NULL,
    before      text[],             -- NULL: inserted
    after       text[],             -- NULL: deleted
    CHECK (before IS NOT NULL OR after IS NOT NULL)
);

-- Key values that a draft drew from a sequence of its own, and what the live sequence gave in their place.
CREATE TABLE edition.seed_keys (
    edition_id int    NOT NULL REFERENCES edition.editions,
    table_id   oid    NOT NULL,
    column_id  int2   NOT NULL,
    draft_key  bigint NOT NULL,
    live_key   bigint NOT NULL,
    PRIMARY KEY (edition_id, table_id, column_id, draft_key)
);
