ALTER TABLE accounts ADD COLUMN given text NOT NULL, ADD COLUMN family text NOT NULL, DROP COLUMN owner;
ALTER TABLE accounts RENAME COLUMN cents TO amount;
ALTER TABLE accounts ALTER COLUMN amount DROP DEFAULT, ALTER COLUMN amount TYPE numeric(14,2) USING amount / 100.0,
    ALTER COLUMN amount SET DEFAULT 0;
ALTER TABLE accounts ADD CONSTRAINT named CHECK (given <> '');
CREATE INDEX accounts_family ON accounts (family);
ALTER TABLE entries RENAME TO movements;
CREATE TABLE audits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account integer NOT NULL REFERENCES accounts ON DELETE CASCADE, seen timestamptz DEFAULT now());
GRANT SELECT, INSERT ON audits TO app;
