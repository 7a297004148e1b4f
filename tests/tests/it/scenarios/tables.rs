//! Tables: new, renamed, dropped, and names that change hands.

use super::story;

const SHOP: &str = "\
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES customers ON DELETE CASCADE, total int);
CREATE INDEX orders_customer ON orders (customer);
INSERT INTO customers VALUES (1, 'Ada'), (2, 'Alan');
INSERT INTO orders (customer, total) VALUES (1, 10), (1, 20), (2, 30);
";

#[tokio::test]
async fn a_new_table_with_everything_is_the_childs_alone() {
    story(SHOP)
        .draft(
            "v2",
            "CREATE TABLE invoices (
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number serial UNIQUE, order_id int NOT NULL REFERENCES orders ON DELETE CASCADE,
                 amount numeric(10,2) NOT NULL CHECK (amount >= 0), parent bigint REFERENCES invoices, note text DEFAULT 'new',
                 gross numeric GENERATED ALWAYS AS (amount * 1.2) STORED);
             CREATE INDEX invoices_big ON invoices (amount) WHERE amount > 1000;
             CREATE INDEX invoices_note ON invoices (lower(note));
             CREATE TABLE invoice_lines (invoice bigint NOT NULL REFERENCES invoices, position int, PRIMARY KEY (invoice, position));
             COMMENT ON TABLE invoices IS 'bills'; COMMENT ON COLUMN invoices.amount IS 'net';
             GRANT SELECT, INSERT, UPDATE, DELETE ON invoices, invoice_lines TO app; GRANT USAGE ON SEQUENCE invoices_number_seq TO app",
        )
        .run("v2", "INSERT INTO invoices (order_id, amount) VALUES (1, 100), (2, 5)")
        .run("v2", "INSERT INTO invoice_lines VALUES (1, 1)")
        .see("v2", "SELECT id, number, amount, note, gross FROM invoices ORDER BY id", &["1|1|100.00|new|120.000", "2|2|5.00|new|6.000"])
        .see("v2", "SELECT count(*) FROM public.invoices", &["2"])
        .fail("v1", "SELECT * FROM invoices", "42P01")
        .fail("v1", "SELECT * FROM public.invoices", "42P01")
        .fail("v2", "INSERT INTO invoices (order_id, amount) VALUES (99, 1)", "23503")
        .fail("v2", "INSERT INTO invoices (order_id, amount) VALUES (1, -1)", "23514")
        .run("v1", "DELETE FROM orders WHERE id = 2")
        .see("v2", "SELECT id FROM invoices", &["1"])
        .at_rest("SELECT count(*) FROM public.invoices", &["0"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_new_table_may_restrict_older_editions_by_an_explicit_word() {
    story(SHOP)
        .draft("v2", "CREATE TABLE invoices (id int PRIMARY KEY, order_id int REFERENCES orders); GRANT SELECT, INSERT ON invoices TO app")
        .allow("restricts-older-edition")
        .run("v2", "INSERT INTO invoices VALUES (1, 1)")
        .fail("v1", "DELETE FROM orders WHERE id = 1", "23503")
        .run("v1", "DELETE FROM orders WHERE id = 2")
        .tell()
        .await;
}

#[tokio::test]
async fn a_renamed_table_has_another_name_in_each_edition() {
    story(SHOP)
        .draft("v2", "ALTER TABLE customers RENAME TO clients")
        .run("v1", "INSERT INTO customers VALUES (3, 'Grace')")
        .run("v2", "INSERT INTO clients VALUES (4, 'Edsger')")
        .run("v2", "INSERT INTO public.clients VALUES (5, 'Donald')")
        .see("v1", "SELECT count(*) FROM customers", &["5"])
        .see("v1", "SELECT count(*) FROM public.customers", &["5"])
        .see("v2", "SELECT count(*) FROM clients", &["5"])
        .fail("v2", "SELECT * FROM customers", "42P01")
        .fail("v2", "SELECT * FROM public.customers", "42P01")
        .fail("v1", "SELECT * FROM clients", "42P01")
        .run("v1", "INSERT INTO orders (customer) VALUES (4)")
        .fail("v2", "INSERT INTO orders (customer) VALUES (77)", "23503")
        .at_rest("SELECT count(*) FROM clients", &["5"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_renamed_table_may_change_too() {
    story(SHOP)
        .draft("v2", "ALTER TABLE orders RENAME TO purchases; ALTER TABLE purchases RENAME customer TO client; ALTER TABLE purchases ADD cents int; ALTER TABLE purchases DROP total")
        .transform("purchases", "cents = total * 100", "total = cents / 100")
        .run("v1", "INSERT INTO orders (customer, total) VALUES (2, 7)")
        .run("v2", "INSERT INTO purchases (client, cents) VALUES (2, 850)")
        .see("v1", "SELECT id, total FROM orders WHERE customer = 2 ORDER BY id", &["3|30", "4|7", "5|8"])
        .see("v2", "SELECT id, cents FROM purchases WHERE client = 2 ORDER BY id", &["3|3000", "4|700", "5|850"])
        .at_rest("SELECT sum(cents) FROM purchases", &["7500"])
        .tell()
        .await;
}

#[tokio::test]
async fn two_tables_swap_their_names() {
    story("CREATE TABLE a (x int); CREATE TABLE b (y text); INSERT INTO a VALUES (1); INSERT INTO b VALUES ('one')")
        .draft("v2", "ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b")
        .see("v1", "SELECT * FROM a", &["1"])
        .see("v2", "SELECT * FROM a", &["one"])
        .run("v2", "INSERT INTO b VALUES (2)")
        .run("v1", "INSERT INTO b VALUES ('two')")
        .see("v1", "SELECT * FROM public.a", &["1", "2"])
        .see("v2", "SELECT * FROM public.a", &["one", "two"])
        .at_rest("SELECT * FROM b", &["1", "2"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_dropped_table_stays_for_the_parent() {
    story(SHOP)
        .draft("v2", "DROP TABLE orders")
        .fail("v2", "SELECT * FROM orders", "42P01")
        .fail("v2", "INSERT INTO public.orders (customer) VALUES (1)", "42P01")
        .run("v1", "INSERT INTO orders (customer, total) VALUES (2, 1)")
        .see("v1", "SELECT count(*) FROM orders", &["4"])
        .run("v2", "DELETE FROM customers WHERE id = 2")
        .see("v1", "SELECT count(*) FROM orders", &["2"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_new_table_takes_the_name_of_a_dropped_one() {
    story(SHOP)
        .draft("v2", "DROP TABLE orders; CREATE TABLE orders (id serial PRIMARY KEY, what text NOT NULL); CREATE INDEX orders_customer ON orders (what); GRANT ALL ON orders TO app; GRANT USAGE ON orders_id_seq TO app")
        .run("v2", "INSERT INTO orders (what) VALUES ('books')")
        .run("v2", "INSERT INTO public.orders (what) VALUES ('tea')")
        .see("v2", "SELECT * FROM orders ORDER BY id", &["1|books", "2|tea"])
        .see("v1", "SELECT count(*), sum(total) FROM orders", &["3|60"])
        .run("v1", "INSERT INTO orders (customer, total) VALUES (1, 1)")
        .see("v1", "SELECT id FROM public.orders ORDER BY id DESC LIMIT 1", &["4"])
        .at_rest("SELECT * FROM orders", &[])
        .tell()
        .await;
}

#[tokio::test]
async fn a_renamed_table_takes_the_name_of_a_dropped_one() {
    story("CREATE TABLE a (x int); CREATE TABLE b (y text); INSERT INTO a VALUES (1); INSERT INTO b VALUES ('one')")
        .draft("v2", "DROP TABLE a; ALTER TABLE b RENAME TO a")
        .see("v1", "SELECT * FROM a", &["1"])
        .see("v2", "SELECT * FROM a", &["one"])
        .fail("v2", "SELECT * FROM b", "42P01")
        .run("v2", "INSERT INTO a VALUES ('two')")
        .see("v1", "SELECT * FROM b", &["one", "two"])
        .at_rest("SELECT * FROM a", &["one", "two"])
        .tell()
        .await;
}

#[tokio::test]
async fn truncate_goes_through_each_edition() {
    story(SHOP)
        .draft("v2", "ALTER TABLE orders RENAME total TO amount; ALTER TABLE orders ADD paid boolean NOT NULL DEFAULT false")
        .see("v2", "SELECT * FROM orders WHERE id = 1", &["1|1|10|f"])
        .run("v1", "INSERT INTO orders (customer, total) SELECT customer, total FROM orders")
        .see("v2", "SELECT count(*) FROM public.orders WHERE NOT paid", &["6"])
        .run("v2", "TRUNCATE orders")
        .see("v1", "SELECT count(*) FROM orders", &["0"])
        .run("v1", "INSERT INTO orders (customer, total) VALUES (1, 5)")
        .run("v1", "TRUNCATE TABLE public.orders")
        .see("v2", "SELECT count(*) FROM orders", &["0"])
        .tell()
        .await;
}

#[tokio::test]
async fn a_trigger_of_the_application_and_the_transforms_work_together() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, name text, changed int DEFAULT 0);
         CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed := OLD.changed + 1; NEW.name := upper(NEW.name); RETURN NEW; END $$;
         CREATE TRIGGER zz_bump BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.name IS DISTINCT FROM OLD.name) EXECUTE FUNCTION bump();
         INSERT INTO t VALUES (1, 'a')",
    )
    .draft("v2", "ALTER TABLE t ADD label text")
    .transform("t", "label = '<' || name || '>'", "")
    .allow("backfill-fires-triggers")
    .see("v2", "SELECT label, changed FROM t", &["<a>|0"])
    .run("v1", "UPDATE t SET name = 'b'")
    .see("v1", "SELECT name, changed FROM t", &["B|1"])
    .see("v2", "SELECT name, label, changed FROM t", &["B|<B>|1"])
    .run("v2", "UPDATE t SET label = 'x'")
    .see("v2", "SELECT name, label, changed FROM t", &["B|x|1"])
    .tell()
    .await;
}
