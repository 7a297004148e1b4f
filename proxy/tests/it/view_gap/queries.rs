//! Tables that are read.

use super::*;

#[tokio::test]
async fn group_by_a_key() {
    agree_on(&[
        "SELECT full_name, count(*) FROM users GROUP BY id ORDER BY id",
        "SELECT users.*, count(*) FROM users GROUP BY users.id ORDER BY users.id",
        "SELECT * FROM users GROUP BY id ORDER BY 1",
        "SELECT u.full_name, u.\"Age\" + 1 FROM public.users AS u GROUP BY u.id ORDER BY 2",
        "SELECT public.users.full_name, public.users.* FROM public.users GROUP BY public.users.id ORDER BY 1",
        "SELECT upper(full_name) AS x FROM users GROUP BY id HAVING max(\"Age\") IS NULL OR full_name IS NOT NULL ORDER BY full_name",
        "SELECT u.*, count(o.*), sum(o.total) FROM users u LEFT JOIN orders o ON o.id = u.id GROUP BY u.id ORDER BY u.id",
        "SELECT * FROM users u JOIN orders o USING (id) GROUP BY u.id, o.id ORDER BY 1",
        "SELECT * FROM users u FULL JOIN orders o USING (id) GROUP BY u.id, o.id, id ORDER BY 1",
        "SELECT full_name FROM users GROUP BY id UNION SELECT full_name FROM users GROUP BY id ORDER BY full_name",
        "SELECT *, a.xmin IS NULL FROM users a JOIN orders b USING (id) JOIN orders c ON c.id = a.id ORDER BY 1",
        "SELECT *, a.xmin IS NULL FROM users a RIGHT JOIN orders b USING (id) LEFT JOIN users c ON c.id = a.id ORDER BY 1",
        "SELECT *, a.xmin IS NULL FROM orders c, users a FULL JOIN orders b USING (id) ORDER BY 1, 2, 3",
        "SELECT *, count(*) FROM users a JOIN orders b USING (id) JOIN orders c ON c.id = a.id GROUP BY a.id, b.id, c.id ORDER BY 1",
        "EXPLAIN (COSTS off) SELECT * FROM users a JOIN users b USING (id) JOIN users c ON c.id = a.id",
        "SELECT * FROM users a JOIN orders b USING (nope) JOIN orders c ON c.id = a.id GROUP BY a.id",
        "SELECT * FROM (SELECT full_name AS who, count(*) AS n FROM users GROUP BY id) s ORDER BY who",
        "WITH s AS (SELECT full_name FROM users GROUP BY id) SELECT * FROM s ORDER BY 1",
        "SELECT id FROM orders WHERE id IN (SELECT id FROM users GROUP BY id HAVING full_name > 'A') ORDER BY 1",
        "SELECT (SELECT max(o.total) FROM orders o WHERE o.id = users.id), full_name FROM users GROUP BY id ORDER BY id",
        "SELECT row_to_json(u), u::text, u, (u).full_name, (u).* FROM users u GROUP BY u.id ORDER BY u.id",
        "SELECT count(u), count(u.*), u.id FROM orders o LEFT JOIN users u ON u.id = o.id + 1 GROUP BY u.id ORDER BY 3",
        "SELECT ROW(u.*), ROW(u.id, u.*) FROM users u GROUP BY u.id ORDER BY u.id",
        "SELECT a, b FROM users AS x (a, b) GROUP BY a ORDER BY 1",
        "SELECT * FROM users AS x (a, b) GROUP BY a ORDER BY 1",
        "SELECT full_name FROM ONLY users GROUP BY id ORDER BY 1",
        "SELECT full_name FROM ONLY (users) GROUP BY id ORDER BY 1",
        "SELECT full_name FROM users * GROUP BY id ORDER BY 1",
        "SELECT full_name FROM users GROUP BY ROLLUP (id), full_name ORDER BY 1",
        "SELECT full_name FROM users GROUP BY GROUPING SETS ((id), (id, full_name)) ORDER BY 1",
        "SELECT total AS full_name FROM orders GROUP BY orders.id ORDER BY full_name",
        "SELECT hidden FROM users CROSS JOIN (SELECT 5 AS hidden) p GROUP BY users.id, hidden ORDER BY users.id",
        "SELECT hidden FROM users CROSS JOIN (VALUES (5)) p (hidden) GROUP BY users.id, hidden ORDER BY users.id",
        "SELECT (SELECT count(*) FROM orders GROUP BY hidden LIMIT 1) FROM (SELECT 1 AS hidden) p",
        "SELECT \"Odd \"\"Table\"\"\".a FROM \"Odd \"\"Table\"\"\" GROUP BY a",
        "PREPARE p AS SELECT full_name FROM users GROUP BY id ORDER BY id; EXECUTE p; DEALLOCATE p",
        "DECLARE c CURSOR FOR SELECT full_name FROM users GROUP BY id ORDER BY id; FETCH ALL FROM c",
        "CREATE TEMP TABLE t AS SELECT * FROM users GROUP BY id; SELECT * FROM t ORDER BY id; DROP TABLE pg_temp.t",
        "INSERT INTO orders (id, total) SELECT id + 10, \"Age\" FROM users GROUP BY id RETURNING *",
        "SELECT full_name FROM users WHERE id = $1 GROUP BY id",
        // errors stay errors
        "SELECT full_name FROM users GROUP BY \"Age\"",
        "SELECT hidden FROM users GROUP BY id",
        "SELECT users.hidden FROM users GROUP BY id",
        "SELECT o.hidden FROM orders o GROUP BY o.id",
    ])
    .await;
}

#[tokio::test]
async fn system_columns() {
    agree_on(&[
        "SELECT ctid FROM users ORDER BY ctid",
        "SELECT ctid, * FROM users ORDER BY 1",
        "SELECT *, ctid FROM public.users ORDER BY ctid",
        "SELECT users.ctid, public.users.cmin IS NULL, public.users.full_name FROM public.users ORDER BY 1",
        "SELECT u.\"ctid\", u.xmax, u.full_name, u.xmin IS NULL AS x FROM users u ORDER BY u.ctid",
        "SELECT xmin IS NULL, cmin IS NULL, cmax IS NULL, xmax, tableoid IS NULL FROM users",
        "SELECT full_name FROM users WHERE ctid = '(0,2)'",
        "SELECT full_name FROM users WHERE ctid = ANY (ARRAY(SELECT ctid FROM users ORDER BY id LIMIT 2)) ORDER BY id",
        "SELECT a.id FROM users a JOIN users b ON a.ctid = b.ctid WHERE b.full_name = 'Ada'",
        "SELECT a.* FROM users a JOIN users b USING (id) WHERE a.ctid = b.ctid ORDER BY id",
        "SELECT id FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.id = u.id AND u.ctid = '(0,1)')",
        "SELECT id FROM users FOR UPDATE OF users",
        "SELECT ctid, full_name FROM users u ORDER BY u.id FOR UPDATE OF u SKIP LOCKED",
        "SELECT max(ctid) FROM users",
        "SELECT ctid FROM (SELECT ctid FROM users) s ORDER BY 1",
        "SELECT ctid FROM (SELECT 1 AS ctid) s, LATERAL (SELECT count(*) FROM users) c",
        "SELECT full_name AS ctid FROM users ORDER BY 1",
        "EXPLAIN (COSTS off) SELECT id FROM users WHERE ctid = '(0,1)'",
        "SELECT ctid FROM users WHERE id = $1",
        "SELECT users.ctid, t.* FROM users JOIN plain t ON t.id = users.id",
        // what has no name of its own is called as PostgreSQL does
        "SELECT s.*, u.ctid FROM users u, LATERAL (SELECT coalesce(u.id), least(u.id, 1), greatest(1, 2), nullif(1, 2), CASE WHEN true THEN 1 END, ARRAY[1], \
            EXISTS (SELECT 1), ARRAY(SELECT 2), (SELECT u.full_name), (VALUES (1)), ROW(1, 2), 1 + 1, u.id::text, CASE WHEN true THEN 1 END::text, (SELECT 1)::text, \
            CASE WHEN true THEN 1 ELSE u.id END, current_date IS NULL, CURRENT_USER IS NULL, true, 'a' COLLATE \"C\", (ARRAY[1])[1], upper('a')) s WHERE u.id = 1",
        "SELECT s.*, u.ctid FROM users u, (SELECT (ROW(1, 2)).*) s WHERE u.id = 1",
        // errors
        "SELECT ctid FROM users, orders",
        "SELECT oid FROM users",
    ])
    .await;
}

#[tokio::test]
async fn tablesample() {
    agree_on(&[
        "SELECT * FROM users TABLESAMPLE system (100) ORDER BY id",
        "SELECT u.full_name FROM public.users u TABLESAMPLE bernoulli (100) REPEATABLE (3) ORDER BY u.id",
        "SELECT count(*) FROM users TABLESAMPLE system (0)",
        "SELECT a FROM users AS x (a) TABLESAMPLE system (100) JOIN orders o ON o.id = a ORDER BY 1",
        "SELECT * FROM users TABLESAMPLE system (100) WHERE id = $1",
    ])
    .await;
}
