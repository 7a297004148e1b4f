-- Version 2 of the bank: money is money, names say what they mean, and payments are kept.
ALTER TABLE pgbench_accounts RENAME COLUMN aid TO account_id;
ALTER TABLE pgbench_accounts RENAME COLUMN abalance TO balance;
ALTER TABLE pgbench_accounts ALTER COLUMN balance TYPE numeric(14,2) USING balance / 100.0;
ALTER TABLE pgbench_accounts ALTER COLUMN balance SET NOT NULL;
ALTER TABLE pgbench_accounts ADD COLUMN overdrawn boolean NOT NULL;
ALTER TABLE pgbench_accounts DROP COLUMN filler;

CREATE TABLE payments (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL,
    amount     numeric(14,2) NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_account ON payments (account_id);
