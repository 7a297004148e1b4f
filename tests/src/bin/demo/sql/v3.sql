-- Version 3: branches under their own name, with room for more money, and a currency for each account.
ALTER TABLE pgbench_branches RENAME TO branches;
ALTER TABLE branches RENAME COLUMN bbalance TO balance;
ALTER TABLE branches ALTER COLUMN balance TYPE bigint;
ALTER TABLE pgbench_accounts ADD COLUMN currency text NOT NULL DEFAULT 'EUR';
