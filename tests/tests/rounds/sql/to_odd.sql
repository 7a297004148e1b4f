ALTER TABLE accounts ADD COLUMN owner text NOT NULL, DROP COLUMN given, DROP COLUMN family;
ALTER TABLE accounts RENAME COLUMN amount TO cents;
ALTER TABLE accounts ALTER COLUMN cents DROP DEFAULT, ALTER COLUMN cents TYPE integer USING (cents * 100)::integer,
    ALTER COLUMN cents SET DEFAULT 0;
ALTER TABLE movements RENAME TO entries;
DROP TABLE audits;
