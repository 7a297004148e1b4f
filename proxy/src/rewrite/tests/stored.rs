//! What needs the physical table in a query.

use super::*;

#[test]
fn a_table_that_is_read_takes_a_list_of_its_columns() {
    check(&[
        (
            "SELECT full_name, count(*) FROM users GROUP BY id",
            r#"SELECT full_name, count(*) FROM "public"."users" AS "users" ("id", "full_name", "Age") GROUP BY id"#,
        ),
        (
            "SELECT u.full_name FROM public.users u GROUP BY u.id",
            r#"SELECT u.full_name FROM "public"."users" u ("id", "full_name", "Age") GROUP BY u.id"#,
        ),
        // columns of other editions in between get a name that nobody uses; later ones none
        (
            "SELECT ctid FROM orders",
            r#"SELECT ctid FROM "public"."orders" AS "orders" ("id", "~other edition's 2~", "total")"#,
        ),
        (
            "SELECT 1 FROM users AS x (a) TABLESAMPLE system (1)",
            r#"SELECT 1 FROM "public"."users" AS x ("a", "full_name", "Age") TABLESAMPLE system (1)"#,
        ),
        (
            "SELECT 1 FROM ONLY (users) WHERE ctid IS NULL",
            r#"SELECT 1 FROM ONLY ("public"."users") AS "users" ("id", "full_name", "Age") WHERE ctid IS NULL"#,
        ),
        // another item's column that the stored table has, too
        (
            "SELECT hidden FROM users, (SELECT 1 AS hidden) p WHERE users.ctid IS NULL",
            r#"SELECT "p"."hidden" FROM "public"."users" AS "users" ("id", "full_name", "Age"), (SELECT 1 AS hidden) p WHERE users.ctid IS NULL"#,
        ),
        (
            "SELECT hidden FROM users, plain a, plain b WHERE users.ctid IS NULL",
            r#"SELECT hidden FROM "public"."users" AS "users" ("id", "full_name", "Age", "~other edition's 4~"), plain a, plain b WHERE users.ctid IS NULL"#,
        ),
    ]);
}

#[test]
fn only_what_needs_it_is_replaced() {
    check(&[
        ("SELECT id FROM users", "="),
        // the key is not among what is grouped by
        ("SELECT count(*) FROM users GROUP BY full_name", "="),
        ("SELECT max(ctid) FROM plain", "="),
        ("SELECT ctid FROM (SELECT 1 AS ctid FROM users) s", "="),
        (
            "SELECT a.ctid FROM users a, users b",
            r#"SELECT a.ctid FROM "public"."users" a ("id", "full_name", "Age"), users b"#,
        ),
        (
            "SELECT 1 FROM users a WHERE EXISTS (SELECT FROM users b WHERE b.ctid IS NULL)",
            r#"SELECT 1 FROM users a WHERE EXISTS (SELECT FROM "public"."users" b ("id", "full_name", "Age") WHERE b.ctid IS NULL)"#,
        ),
        ("WITH users AS (SELECT 1 AS id) SELECT id FROM users GROUP BY id", "="),
        ("UPDATE users SET id = 1 FROM plain p WHERE p.ctid IS NULL", "="),
    ]);
}

#[test]
fn stars_and_rows_hold_the_columns_of_the_edition() {
    let row = r#"(ROW(u."id", u."full_name", u."Age")::"public$v2"."users")"#.replace("u.", "\"u\".");
    let from = r#"FROM "public"."users" u ("id", "full_name", "Age")"#;
    let texts = [
        (
            "SELECT *, ctid FROM users u",
            format!(r#"SELECT "u"."id", "u"."full_name", "u"."Age", ctid {from}"#),
        ),
        (
            "SELECT u.*, ctid, p.* FROM users u, plain p",
            format!(r#"SELECT "u"."id", "u"."full_name", "u"."Age", ctid, p.* {from}, plain p"#),
        ),
        (
            "SELECT u FROM users u WHERE ctid IS NULL",
            format!(r#"SELECT {row} AS "u" {from} WHERE ctid IS NULL"#),
        ),
        (
            "SELECT u::text, f(u.*) FROM users u WHERE ctid IS NULL",
            format!(r#"SELECT {row}::text AS "u", f({row}) {from} WHERE ctid IS NULL"#),
        ),
    ];
    for (sql, expected) in texts {
        check(&[(sql, expected.as_str())]);
    }
}

#[test]
fn a_column_that_a_join_merged_is_told_from_others_of_its_name() {
    check(&[
        (
            "SELECT *, u.xmin FROM users u JOIN orders o USING (id)",
            r#"SELECT "id", "u"."full_name", "u"."Age", "o"."total", u.xmin FROM "public"."users" u ("id", "full_name", "Age") JOIN orders o USING (id)"#,
        ),
        // with a third column of the name
        (
            "SELECT *, u.xmin FROM users u JOIN orders o USING (id) JOIN orders p ON p.id = u.id",
            r#"SELECT "u"."id" AS "id", "u"."full_name", "u"."Age", "o"."total", "p"."id", "p"."total", u.xmin FROM "public"."users" u ("id", "full_name", "Age") JOIN orders o USING (id) JOIN orders p ON p.id = u.id"#,
        ),
        (
            "SELECT *, u.xmin FROM users u LEFT JOIN orders o USING (id) RIGHT JOIN orders p USING (id, total), orders q",
            r#"SELECT "p"."id" AS "id", "p"."total" AS "total", "u"."full_name", "u"."Age", "q"."id", "q"."total", u.xmin FROM "public"."users" u ("id", "full_name", "Age") LEFT JOIN orders o USING (id) RIGHT JOIN orders p USING (id, total), orders q"#,
        ),
        (
            "SELECT *, u.xmin FROM orders q, users u FULL JOIN orders o USING (id)",
            r#"SELECT "q"."id", "q"."total", COALESCE("u"."id", "o"."id") AS "id", "u"."full_name", "u"."Age", "o"."total", u.xmin FROM orders q, "public"."users" u ("id", "full_name", "Age") FULL JOIN orders o USING (id)"#,
        ),
    ]);
}

#[test]
fn a_table_that_is_written_gets_its_own_names() {
    check(&[
        (
            "UPDATE users SET full_name = upper(full_name) WHERE ctid = $1 RETURNING *, full_name",
            r#"UPDATE "public"."users" AS "users" SET "name" = upper("users"."name") WHERE ctid = $1 RETURNING "users"."id", "users"."name" AS "full_name", "users"."Age", "users"."name" AS "full_name""#,
        ),
        ("DELETE FROM users u WHERE CURRENT OF c", r#"DELETE FROM "public"."users" u WHERE CURRENT OF c"#),
        (
            "INSERT INTO users VALUES (1, 'a') RETURNING xmax = 0",
            r#"INSERT INTO "public"."users" AS "users" ("id", "name") VALUES (1, 'a') RETURNING xmax = 0"#,
        ),
        (
            "INSERT INTO users (id) VALUES (1) ON CONFLICT ON CONSTRAINT users_age_key DO NOTHING",
            r#"INSERT INTO users (id) VALUES (1) ON CONFLICT ("Age", "id") DO NOTHING"#,
        ),
        (
            "INSERT INTO orders VALUES (1) ON CONFLICT ON CONSTRAINT orders_total DO NOTHING",
            r#"INSERT INTO "public"."orders" AS "orders" ("id") VALUES (1) ON CONFLICT ON CONSTRAINT "orders_total_stored" DO NOTHING"#,
        ),
    ]);
}

#[test]
fn an_insert_lists_as_many_columns_as_its_rows_have() {
    let head = "INSERT INTO users ";
    let two = r#"INSERT INTO "public"."users" AS "users" ("id", "name") "#;
    let three = r#"INSERT INTO "public"."users" AS "users" ("id", "name", "Age") "#;
    for (rows, expected) in [
        ("SELECT * FROM (VALUES (8, 'v')) v", two),
        ("SELECT v.* FROM (SELECT 1, 'v') AS v, plain", two),
        ("SELECT * FROM (SELECT * FROM (VALUES (8, 'v')) a) b", two),
        ("WITH a AS (SELECT 1 AS x), b AS (SELECT *, 'v' FROM a) SELECT * FROM b", two),
        ("WITH RECURSIVE a (x, y) AS (SELECT 1, 'v' UNION ALL SELECT * FROM a) SELECT * FROM a", two),
        ("SELECT * FROM orders", two),
        ("TABLE orders", two),
        ("SELECT o.* FROM orders o JOIN plain p ON true", two),
        ("SELECT * FROM orders JOIN orders o USING (id)", three),
        ("SELECT *, 1 FROM orders UNION SELECT * FROM plain", three),
        ("WITH a AS (DELETE FROM orders RETURNING *) SELECT * FROM a", two),
        ("WITH orders AS (SELECT 1, 2, 3) SELECT * FROM orders", three),
        // not counted
        ("SELECT * FROM plain", three),
        ("SELECT * FROM orders NATURAL JOIN orders o", three),
        ("SELECT (ROW(1, 2)).*", three),
    ] {
        let returning = " RETURNING users.xmax = 0";
        let sql = format!("{head}{rows}{returning}");
        let is = judged(&rewriter(VIEWED), &sql, &SessionTraits::default());
        assert_eq!(is, format!("{expected}{rows}{returning}"), "{sql}");
    }
    // in time that does not grow with what it would be written out
    let ctes: Vec<String> =
        (1..40).map(|at| format!("a{at} AS (SELECT * FROM a{0}, a{0} b)", at - 1)).collect();
    let sql = format!(
        "WITH a0 AS (SELECT 1), {} INSERT INTO users SELECT * FROM a39 RETURNING xmax",
        ctes.join(", ")
    );
    assert!(
        judged(&rewriter(VIEWED), &sql, &SessionTraits::default())
            .contains(r#"("id", "name", "Age") SELECT"#)
    );
}

#[test]
fn merge_inserts_the_editions_columns() {
    check(&[
        (
            "MERGE INTO users u USING plain p ON u.id = p.id WHEN NOT MATCHED AND CASE WHEN true THEN p.id END > 1 THEN INSERT VALUES (p.id, 'a') WHEN NOT MATCHED THEN INSERT OVERRIDING USER VALUE VALUES (p.id)",
            r#"MERGE INTO "public"."users" u USING plain p ON u.id = p.id WHEN NOT MATCHED AND CASE WHEN true THEN p.id END > 1 THEN INSERT ("id", "name") VALUES (p.id, 'a') WHEN NOT MATCHED THEN INSERT ("id") OVERRIDING USER VALUE VALUES (p.id)"#,
        ),
        (
            "EXPLAIN UPDATE users SET (full_name, id) = (SELECT full_name, id FROM orders) WHERE id = 1",
            r#"EXPLAIN UPDATE "public"."users" AS "users" SET ("name", id) = (SELECT "users"."name" AS "full_name", id FROM "public"."orders" AS "orders" ("id", "~other edition's 2~", "total")) WHERE id = 1"#,
        ),
    ]);
}

#[test]
fn statistics_are_over_tables() {
    check(&[
        (
            "CREATE STATISTICS s ON id, full_name FROM users",
            r#"CREATE STATISTICS s ON id, "name" FROM "public"."users""#,
        ),
        (
            "CREATE STATISTICS s ON id, (extract(year FROM now())) FROM users;",
            r#"CREATE STATISTICS s ON id, (extract(year FROM now())) FROM "public"."users";"#,
        ),
        // the server says that it takes tables only
        ("CREATE STATISTICS s ON id, full_name FROM (SELECT * FROM users) u", "="),
        ("CREATE STATISTICS s ON a, b FROM generate_series(1, 2) a", "="),
        ("CREATE STATISTICS s ON a, b FROM users u JOIN orders o ON u.id = o.id", "="),
    ]);
}

#[test]
fn what_cannot_be_told_is_not_guessed() {
    let refused = "! 0A000 at";
    let rewriter = rewriter(VIEWED);
    for sql in [
        // `full_name` may be a column of `plain`
        "UPDATE users SET id = 1 WHERE ctid = $1 AND EXISTS (SELECT FROM plain WHERE full_name = 'a')",
        "DELETE FROM users WHERE ctid = $1 AND id IN (SELECT hidden FROM plain a, plain b)",
        "SELECT users.ctid, * FROM users NATURAL JOIN orders",
        "SELECT users.ctid, * FROM users JOIN plain USING (id)",
        "UPDATE users SET hidden = 1 WHERE CURRENT OF c",
    ] {
        let verdict = judged(&rewriter, sql, &SessionTraits::default());
        assert!(verdict.starts_with(refused), "{sql}: {verdict}");
    }
    // it may be fine as it is
    check(&[("SELECT * FROM users NATURAL JOIN orders GROUP BY id", "=")]);
}

#[test]
fn a_rows_table_is_what_the_edition_calls_it() {
    let from = r#"FROM "public"."users" u ("id", "full_name", "Age")"#;
    let id = |written: &str| {
        format!(
            r#"(CASE {written} WHEN '"public"."users"'::pg_catalog.regclass::pg_catalog.oid THEN '"public$v2"."users"'::pg_catalog.regclass::pg_catalog.oid ELSE {written} END)"#
        )
    };
    let (bare, qualified) = (id("tableoid"), id(r#""u".tableoid"#));
    let texts = [
        ("SELECT tableoid FROM users u", format!(r#"SELECT {bare} AS "tableoid" {from}"#)),
        (
            "SELECT u.tableoid::regclass, count(*) FROM users u GROUP BY u.tableoid ORDER BY tableoid",
            format!(
                r#"SELECT {qualified}::regclass AS "tableoid", count(*) {from} GROUP BY {qualified} ORDER BY tableoid"#
            ),
        ),
        (
            "SELECT id FROM users u WHERE tableoid = 'users'::regclass",
            format!("SELECT id {from} WHERE {bare} = 'users'::regclass"),
        ),
        (
            "UPDATE users u SET id = 1 RETURNING tableoid AS t",
            format!(r#"UPDATE "public"."users" u SET id = 1 RETURNING {bare} AS t"#),
        ),
        (
            "DELETE FROM public.users WHERE public.users.tableoid = 1",
            format!(r#"DELETE FROM "public"."users" AS "users" WHERE {} = 1"#, id(r#""users".tableoid"#)),
        ),
    ];
    for (sql, expected) in texts {
        check(&[(sql, expected.as_str())]);
    }
    // another table's
    check(&[(
        "SELECT p.tableoid FROM users u, plain p WHERE u.ctid IS NULL",
        &format!("SELECT p.tableoid {from}, plain p WHERE u.ctid IS NULL"),
    )]);
}

/// The stored table of `orders` has another edition's key.
#[test]
fn the_stored_key_joins_the_list_where_it_is_another_editions() {
    let mut snapshot = sample::snapshot().unwrap();
    for edition in &mut snapshot.editions {
        for relation in edition.names.relations.values_mut() {
            if let catalog::snapshot::Relation::View(view) = relation
                && view.physical_name.as_str() == "orders"
            {
                view.stored_key = view.stored_columns.get(1).cloned().into_iter().collect();
            }
        }
    }
    let rewriter = Rewriter::new(Arc::new(snapshot), VIEWED);
    let list = r#"("id", "~other edition's 2~", "total")"#;
    let table = format!(r#""public"."orders" AS "orders" {list}"#);
    for (sql, expected) in [
        (
            "SELECT total, count(*) FROM orders GROUP BY id",
            format!(r#"SELECT total, count(*) FROM {table} GROUP BY id, "orders"."~other edition's 2~""#),
        ),
        (
            "SELECT o.*, u.full_name FROM users u, public.orders o GROUP BY o.id, u.id HAVING true",
            format!(
                r#"SELECT "o"."id", "o"."total", u.full_name FROM "public"."users" u ("id", "full_name", "Age"), "public"."orders" o {list} GROUP BY o.id, "o"."~other edition's 2~", u.id HAVING true"#
            ),
        ),
        (
            "SELECT x.b FROM orders x (a, b) GROUP BY a",
            r#"SELECT x.b FROM "public"."orders" x ("a", "~other edition's 2~", "b") GROUP BY a, "x"."~other edition's 2~""#.to_owned(),
        ),
        (
            "SELECT (SELECT o.total FROM plain p WHERE p.id = o.id) FROM orders o GROUP BY o.id",
            format!(
                r#"SELECT (SELECT o.total FROM plain p WHERE p.id = o.id) FROM "public"."orders" o {list} GROUP BY o.id, "o"."~other edition's 2~""#
            ),
        ),
        // not where it would make more groups
        ("SELECT total FROM orders GROUP BY total", "=".to_owned()),
        (
            "SELECT total FROM orders WHERE ctid IS NULL GROUP BY total",
            format!("SELECT total FROM {table} WHERE ctid IS NULL GROUP BY total"),
        ),
        (
            "SELECT id FROM orders GROUP BY ROLLUP (id)",
            format!("SELECT id FROM {table} GROUP BY ROLLUP (id)"),
        ),
        (
            "SELECT o.id + 0 AS id FROM orders o GROUP BY o.id + 0",
            format!(r#"SELECT o.id + 0 AS id FROM "public"."orders" o {list} GROUP BY o.id + 0"#),
        ),
    ] {
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), expected, "{sql}");
    }
}
