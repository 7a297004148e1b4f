CREATE TABLE accounts (
    id    integer PRIMARY KEY,
    owner text NOT NULL,
    cents integer NOT NULL DEFAULT 0 CHECK (cents > -2000000000),
    note  text
);
CREATE TABLE entries (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account integer NOT NULL REFERENCES accounts,
    cents   integer NOT NULL
);
CREATE INDEX entries_account ON entries (account);
CREATE TABLE labels (id integer PRIMARY KEY, label text NOT NULL);
INSERT INTO accounts (id, owner, note)
    SELECT n, 'Given' || n || ' Family' || n % 100, CASE WHEN n % 3 = 0 THEN 'note ' || n END FROM generate_series(1, 20000) AS n;
INSERT INTO labels SELECT n, 'label ' || n FROM generate_series(1, 20) AS n;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO app;
