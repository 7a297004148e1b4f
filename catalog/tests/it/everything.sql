-- At least one of everything that a role without special rights can make.
CREATE SCHEMA other;
COMMENT ON SCHEMA other IS 'not editioned';
CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
CREATE DOMAIN email AS text NOT NULL DEFAULT 'x@y' CONSTRAINT has_at CHECK (value LIKE '%@%');
CREATE TYPE pair AS (a int, b text COLLATE "C");
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    address email,
    feeling mood DEFAULT 'sad',
    created timestamptz DEFAULT now(),
    token uuid DEFAULT gen_random_uuid(),
    age int CHECK (age > 0),
    upper_name text GENERATED ALWAYS AS (upper(name)) STORED
);
COMMENT ON TABLE users IS 'people';
COMMENT ON COLUMN users.name IS 'as they say it';
ALTER TABLE users ALTER name SET STORAGE EXTERNAL;
ALTER TABLE users ALTER age SET STATISTICS 500;
ALTER TABLE users SET (fillfactor = 70);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
GRANT SELECT (name), UPDATE (age) ON users TO app;
CREATE TABLE orders (
    id serial PRIMARY KEY,
    user_id bigint REFERENCES users ON DELETE CASCADE,
    total numeric(10, 2) DEFAULT 0,
    "we ""ird" text COLLATE "C",
    EXCLUDE USING btree (total WITH =)
);
GRANT SELECT, INSERT ON orders TO app WITH GRANT OPTION;
CREATE INDEX orders_user ON orders (user_id) INCLUDE (total) WHERE total > 0;
CREATE UNIQUE INDEX users_lower ON users (lower(name));
ALTER TABLE orders CLUSTER ON orders_pkey;
CREATE VIEW names AS SELECT id, name FROM users;
CREATE VIEW a_count WITH (security_invoker = true) AS SELECT count(*) FROM names;
CREATE MATERIALIZED VIEW cached AS SELECT * FROM names;
CREATE SEQUENCE numbers AS smallint INCREMENT BY 5 CYCLE;
CREATE FUNCTION plus_one(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'select a + 1';
CREATE FUNCTION plus_two(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT a + 2; END;
CREATE PROCEDURE nothing() LANGUAGE plpgsql AS 'begin end';
REVOKE EXECUTE ON FUNCTION plus_one FROM PUBLIC;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER only_age BEFORE UPDATE OF age ON users FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE users DISABLE TRIGGER only_age;
CREATE AGGREGATE mysum(int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE POLICY grown_up ON users FOR SELECT TO app USING (age > 17);
CREATE TABLE parts (a int) PARTITION BY RANGE (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE other.t (x int PRIMARY KEY, y mood);
CREATE FUNCTION other.f() RETURNS int LANGUAGE sql AS 'select 1';
CREATE STATISTICS together ON name, age FROM users;
CREATE PUBLICATION pub FOR TABLE users (id, name) WHERE (id > 3);
CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq);
CREATE COLLATION german FROM "C";
CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE TEXT SEARCH CONFIGURATION search (COPY = english);
CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple);
CREATE RULE nowhere AS ON INSERT TO names DO INSTEAD NOTHING;
CREATE EXTENSION pg_trgm;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO app;
CREATE TABLE elders (e int);
CREATE TABLE heirs () INHERITS (elders);
