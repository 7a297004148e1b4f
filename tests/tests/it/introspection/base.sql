CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email varchar(80) CONSTRAINT one_email UNIQUE,
                        feels mood DEFAULT 'happy', born date, note text COLLATE "C", CONSTRAINT named CHECK (name <> '' AND length(name) < 100));
COMMENT ON TABLE customers IS 'who buys';
COMMENT ON COLUMN customers.email IS 'where to write';
CREATE INDEX customers_by_name ON customers (lower(name), born DESC) WHERE born IS NOT NULL;
CREATE TABLE orders (id serial PRIMARY KEY, customer bigint NOT NULL REFERENCES customers ON DELETE CASCADE, placed timestamptz DEFAULT now(),
                     total numeric(12, 2) DEFAULT 0 CHECK (total >= 0), paid boolean, tax_of numeric(12, 2) DEFAULT 0, taxed numeric(12, 2) GENERATED ALWAYS AS (tax_of * 1.2) STORED);
CREATE INDEX orders_by_customer ON orders (customer) INCLUDE (total);
CREATE STATISTICS orders_together (dependencies) ON customer, placed FROM orders;
CREATE TABLE lines (order_id int REFERENCES orders, position int, article text NOT NULL, PRIMARY KEY (order_id, position),
                    EXCLUDE USING btree (article WITH =, order_id WITH =));
CREATE TABLE plain (id int PRIMARY KEY, customer bigint CONSTRAINT plain_customer REFERENCES customers, name text);
CREATE TABLE legacy (id int PRIMARY KEY, name text);
CREATE VIEW big_orders AS SELECT id, customer, total FROM orders WHERE total > 1000;
CREATE VIEW plain_names AS SELECT name FROM plain;
CREATE SEQUENCE tickets START 100;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.placed = now(); RETURN NEW; END';
CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b';
CREATE TRIGGER stamped BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON plain USING (name <> 'secret') WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON customers, orders, lines, plain, legacy TO app;
