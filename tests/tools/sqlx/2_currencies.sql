ALTER TABLE customers RENAME COLUMN name TO full_name;
CREATE TABLE currencies (code char(3) PRIMARY KEY, digits smallint NOT NULL DEFAULT 2);
INSERT INTO currencies (code, digits) VALUES ('EUR', 2), ('JPY', 0);
ALTER TABLE orders ALTER COLUMN total TYPE bigint;
ALTER TABLE orders ADD COLUMN currency char(3) NOT NULL DEFAULT 'EUR' REFERENCES currencies;
CREATE INDEX orders_by_customer ON orders (customer_id);
