//! Two editioned schemas, and what leads from one to the other.

use super::story;

const SHOP_AND_BILLING: &str = "\
CREATE SCHEMA billing;
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE billing.invoices (id int PRIMARY KEY, customer int NOT NULL CONSTRAINT bills REFERENCES public.customers ON DELETE CASCADE, cents int NOT NULL);
CREATE TABLE billing.rates (code text PRIMARY KEY);
CREATE VIEW billing.owed AS SELECT c.name, sum(i.cents) AS cents FROM public.customers c JOIN billing.invoices i ON i.customer = c.id GROUP BY c.name;
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Alan'); INSERT INTO billing.invoices VALUES (1, 1, 100), (2, 1, 250), (3, 2, 50);
GRANT USAGE ON SCHEMA billing TO app; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, billing TO app;
";

#[tokio::test]
async fn a_change_in_each_and_a_key_across() {
    story(SHOP_AND_BILLING)
        .schemas(&["public", "billing"])
        .draft(
            "v2",
            "DROP VIEW billing.owed; ALTER TABLE customers ALTER id TYPE bigint; ALTER TABLE billing.invoices ALTER customer TYPE bigint;
             ALTER TABLE billing.invoices RENAME cents TO amount; ALTER TABLE customers RENAME name TO full_name;
             CREATE VIEW billing.owed AS SELECT c.full_name AS name, sum(i.amount) AS cents FROM public.customers c JOIN billing.invoices i ON i.customer = c.id GROUP BY c.full_name;
             GRANT SELECT ON billing.owed TO app",
        )
        .run("v1", "INSERT INTO customers VALUES (3, 'Grace'); INSERT INTO billing.invoices VALUES (4, 3, 75)")
        .run("v2", "INSERT INTO customers (id, full_name) VALUES (4, 'Edsger'); INSERT INTO billing.invoices (id, customer, amount) VALUES (5, 4, 20)")
        .see("v1", "SELECT cents FROM billing.owed WHERE name = 'Edsger'", &["20"])
        .see("v2", "SELECT cents FROM billing.owed WHERE name = 'Grace'", &["75"])
        .fail("v2", "INSERT INTO billing.invoices (id, customer, amount) VALUES (9, 99, 1)", "23503")
        .run("v2", "DELETE FROM customers WHERE id = 1")
        .see("v1", "SELECT id FROM billing.invoices ORDER BY id", &["3", "4", "5"])
        .run("v1", "SET search_path = billing, public; UPDATE invoices SET cents = 51 WHERE id = 3")
        .see("v2", "SELECT amount FROM billing.invoices WHERE id = 3", &["51"])
        .at_rest("SELECT full_name FROM customers JOIN billing.invoices ON customer = customers.id WHERE amount = 51", &["Alan"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_table_of_the_same_name_in_each() {
    story(
        "CREATE SCHEMA billing; CREATE TABLE notes (id int PRIMARY KEY, body text); CREATE TABLE billing.notes (id int PRIMARY KEY, body text);
         INSERT INTO notes VALUES (1, 'shop'); INSERT INTO billing.notes VALUES (1, 'bill');
         GRANT USAGE ON SCHEMA billing TO app; GRANT SELECT, INSERT, UPDATE ON notes, billing.notes TO app",
    )
    .schemas(&["public", "billing"])
    .draft("v2", "ALTER TABLE billing.notes RENAME body TO remark; CREATE TABLE billing.extra (id int PRIMARY KEY REFERENCES public.notes ON DELETE CASCADE); GRANT SELECT, INSERT ON billing.extra TO app")
    .see("v2", "SELECT n.body, b.remark FROM notes n JOIN billing.notes b USING (id)", &["shop|bill"])
    .see("v1", "SELECT n.body, b.body FROM notes n JOIN billing.notes b USING (id)", &["shop|bill"])
    .run("v2", "INSERT INTO billing.extra VALUES (1); UPDATE billing.notes SET remark = 'billed'")
    .see("v1", "SELECT body FROM billing.notes", &["billed"])
    .fail("v1", "SELECT 1 FROM billing.extra", "42P01")
    .tell()
    .await;
}

#[tokio::test]
async fn a_table_moves_from_one_to_the_other() {
    story(SHOP_AND_BILLING)
        .schemas(&["public", "billing"])
        .draft("v2", "ALTER TABLE billing.rates SET SCHEMA public")
        .run("v1", "INSERT INTO billing.rates VALUES ('a')")
        .run("v2", "INSERT INTO rates VALUES ('b')")
        .see("v1", "SELECT code FROM billing.rates ORDER BY 1", &["a", "b"])
        .fail("v2", "SELECT 1 FROM billing.rates", "42P01")
        .fail("v1", "SELECT 1 FROM public.rates", "42P01")
        .tell()
        .await;
}

/// Names of editions are those of migrations: schemas are named after them, and no name is longer than 63 bytes.
#[tokio::test]
async fn editions_with_long_names() {
    story("CREATE TABLE t (id serial PRIMARY KEY, a int); INSERT INTO t (a) VALUES (1); GRANT ALL ON t, t_id_seq TO app")
        .root("20240101000000_as_it_was_before_we_had_editions")
        .draft("20240115120000_a_second_column_with_a_long_name", "ALTER TABLE t ADD b int DEFAULT 2; CREATE TABLE u (i int)")
        .see("20240101000000_as_it_was_before_we_had_editions", "SELECT id, a FROM t", &["1|1"])
        .tell()
        .await;
}

/// What a draft makes stands in that edition's schemas; the schema itself is there for all, and goes with the edition.
#[tokio::test]
async fn a_draft_makes_a_schema_of_its_own() {
    story(
        "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL); CREATE TABLE visits (customer int, day date);
         INSERT INTO customers VALUES (1, 'Ada'), (2, 'Alan'); INSERT INTO visits VALUES (1, '2026-01-01'); GRANT ALL ON customers, visits TO app",
    )
    .draft(
        "v2",
        "CREATE SCHEMA \"Audit\"; COMMENT ON SCHEMA \"Audit\" IS 'who did it'; GRANT USAGE ON SCHEMA \"Audit\" TO app;
         CREATE TYPE \"Audit\".verb AS ENUM ('made', 'sent');
         CREATE TABLE \"Audit\".log (id serial PRIMARY KEY, customer int REFERENCES customers ON DELETE CASCADE, what \"Audit\".verb NOT NULL DEFAULT 'made');
         GRANT ALL ON \"Audit\".log, \"Audit\".log_id_seq TO app; INSERT INTO \"Audit\".log (customer) VALUES (NULL);
         CREATE FUNCTION \"Audit\".note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = \"Audit\" AS $$ BEGIN INSERT INTO log (customer) VALUES (NEW.id); RETURN NEW; END $$;
         CREATE TRIGGER note AFTER INSERT ON customers FOR EACH ROW EXECUTE FUNCTION \"Audit\".note();
         ALTER TABLE customers RENAME name TO full_name; CREATE VIEW \"Audit\".seen AS SELECT full_name, what FROM customers JOIN \"Audit\".log ON customer = customers.id;
         GRANT SELECT ON \"Audit\".seen TO app",
    )
    .fail("v1", "SELECT 1 FROM \"Audit\".log", "42P01")
    .run("v1", "INSERT INTO customers VALUES (3, 'Grace')")
    .run("v2", "SET search_path = \"Audit\", public; INSERT INTO log (customer, what) VALUES (1, 'sent'); INSERT INTO customers VALUES (4, 'Edsger')")
    .see("v2", "SELECT * FROM \"Audit\".seen ORDER BY 1", &["Ada|sent", "Edsger|made"])
    .run("v1", "DELETE FROM customers WHERE id = 1")
    .see("v2", "SELECT id, customer, what FROM \"Audit\".log ORDER BY id", &["1|∅|made", "3|4|made"])
    .draft("v3", "ALTER TABLE \"Audit\".log RENAME customer TO whose; ALTER TABLE visits SET SCHEMA \"Audit\"; ALTER TYPE \"Audit\".verb ADD VALUE 'lost'; CREATE SCHEMA more; CREATE TABLE more.t (i int)")
    .see("v3", "SELECT id, whose, what FROM \"Audit\".log ORDER BY id", &["1|∅|made", "3|4|made"])
    .run("v3", "INSERT INTO \"Audit\".visits VALUES (2, '2026-02-02')")
    .see("v1", "SELECT count(*) FROM visits", &["2"])
    .see("v2", "SELECT count(*) FROM public.visits", &["2"])
    .tell()
    .await;
}
