//! Tables that are written.

use super::*;

#[tokio::test]
async fn system_columns_of_what_is_written() {
    agree_on(&[
        "UPDATE users SET full_name = 'x' WHERE ctid = '(0,1)'",
        "UPDATE users SET full_name = upper(full_name) || \"Age\" WHERE users.ctid = '(0,1)' RETURNING *",
        "UPDATE public.users AS u SET (full_name, \"Age\") = (u.full_name || 'y', 5) WHERE u.ctid = '(0,1)' RETURNING u.full_name, u.*, upper(u.full_name), full_name::varchar, full_name AS z",
        "UPDATE users SET full_name = o.total FROM orders o WHERE o.id = users.id AND users.ctid = '(0,1)' RETURNING users.*, o.total",
        "UPDATE users SET full_name = 'x' FROM users u2 WHERE users.ctid = u2.ctid AND u2.full_name = 'Ada' RETURNING *",
        "UPDATE public.users SET full_name = 'z' WHERE public.users.ctid = '(0,1)' RETURNING public.users.full_name, public.users.*",
        "DELETE FROM users WHERE ctid = '(0,2)' RETURNING *",
        "DELETE FROM users WHERE ctid IN (SELECT ctid FROM users ORDER BY id LIMIT 2) RETURNING full_name",
        "DELETE FROM users u USING orders o WHERE o.id = u.id AND u.ctid = '(0,2)' RETURNING u, row_to_json(u), (u).full_name",
        "DELETE FROM users WHERE users.ctid = ANY (ARRAY(SELECT u.ctid FROM users u WHERE u.full_name = 'Ada' FOR UPDATE))",
        "INSERT INTO users (id, full_name) VALUES (7, 'q') RETURNING xmax = 0 AS inserted, full_name, *",
        "INSERT INTO users VALUES (7, 'q') RETURNING id, (xmax = 0)",
        "INSERT INTO users SELECT id + 20, full_name FROM users RETURNING ctid IS NULL, users.full_name",
        "INSERT INTO users SELECT * FROM (VALUES (8, 'v')) v RETURNING (xmax = 0) AS inserted, id, full_name",
        "WITH more AS (SELECT id + 30 AS id, 'w' FROM orders) INSERT INTO users SELECT more.* FROM more RETURNING xmax = 0, id",
        "INSERT INTO users SELECT * FROM orders WHERE id > 99 RETURNING xmax",
        "INSERT INTO orders SELECT *, 1, 2 FROM (SELECT 50) s RETURNING xmax",
        "INSERT INTO users AS u (id, full_name) VALUES (1, 'new') ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name || u.full_name WHERE u.full_name <> excluded.full_name RETURNING u.full_name, xmax <> 0",
        "INSERT INTO users (full_name, id) VALUES ('q', 8) ON CONFLICT DO NOTHING RETURNING tableoid IS NULL, *",
        "INSERT INTO users (id) VALUES (8) RETURNING cmin IS NULL",
        "WITH moved AS (DELETE FROM users WHERE ctid = '(0,1)' RETURNING *) INSERT INTO orders (id, total) SELECT id + 10, \"Age\" FROM moved RETURNING *",
        "UPDATE users SET full_name = 'x' WHERE id = $1 RETURNING xmin IS NULL",
        "UPDATE orders SET total = 5 WHERE ctid = '(0,1)' RETURNING *",
        "UPDATE users SET (full_name, \"Age\") = (SELECT b.full_name || 'x', b.\"Age\" FROM users b WHERE b.ctid = users.ctid) WHERE ctid = '(0,1)' RETURNING *",
        "EXPLAIN (COSTS off) UPDATE users u SET full_name = 'x' WHERE u.id = 1",
        "EXPLAIN (COSTS off) INSERT INTO users AS u (id) VALUES (9) ON CONFLICT (id) DO UPDATE SET id = excluded.id",
        "EXPLAIN (COSTS off) INSERT INTO orders AS o VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET total = 1 WHERE excluded.id IS NULL",
        "INSERT INTO users (id, full_name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET full_name = excluded.*::text RETURNING ctid IS NULL, full_name",
        "EXPLAIN (COSTS off) DELETE FROM users WHERE id IN (SELECT id FROM orders o)",
        // errors stay errors
        "UPDATE users SET nope = 1 WHERE ctid = '(0,1)'",
        "INSERT INTO users (nope) VALUES (1) RETURNING ctid",
        "UPDATE users SET id = 2 WHERE ctid = '(0,1)'",
    ])
    .await;
}

#[tokio::test]
async fn where_current_of() {
    agree_on(&[
        "DECLARE c CURSOR FOR SELECT * FROM users; FETCH 2 FROM c; UPDATE users SET full_name = 'x' WHERE CURRENT OF c",
        "DECLARE c CURSOR FOR SELECT full_name FROM public.users FOR UPDATE; FETCH c; DELETE FROM users WHERE CURRENT OF c RETURNING *",
        "DECLARE c CURSOR FOR SELECT ctid, * FROM users; FETCH c; UPDATE public.users u SET \"Age\" = 1, full_name = u.full_name || '!' WHERE CURRENT OF c RETURNING *",
        "DECLARE c CURSOR FOR SELECT * FROM orders; FETCH c; DELETE FROM orders WHERE CURRENT OF c",
        "DELETE FROM users WHERE CURRENT OF nope",
    ])
    .await;
}

#[tokio::test]
async fn on_conflict_on_constraint() {
    agree_on(&[
        "INSERT INTO users (id, full_name) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT users_pkey DO NOTHING RETURNING *",
        "INSERT INTO public.users AS u (id, full_name) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET full_name = u.full_name || excluded.full_name RETURNING *",
        "INSERT INTO users (id, \"Age\") VALUES (1, 36) ON CONFLICT ON CONSTRAINT users_age_key DO UPDATE SET full_name = 'again'",
        "INSERT INTO users (id, full_name) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET full_name = excluded.full_name RETURNING xmax <> 0, full_name",
        "WITH i AS (INSERT INTO users (id) VALUES (2) ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET full_name = 'two' RETURNING full_name) SELECT * FROM i",
        "INSERT INTO orders VALUES (5, 7) ON CONFLICT ON CONSTRAINT orders_total DO NOTHING RETURNING id",
        "INSERT INTO orders VALUES (6, 8) ON CONFLICT ON CONSTRAINT orders_total DO NOTHING RETURNING *",
        "INSERT INTO users (id, full_name) VALUES (1, 'x') ON CONFLICT (id) WHERE full_name IS NOT NULL DO UPDATE SET full_name = 'p'",
        "INSERT INTO users (id, full_name) VALUES (1, 'x') ON CONFLICT (id) WHERE full_name IS NOT NULL DO UPDATE SET full_name = 'p' RETURNING ctid IS NULL",
        "PREPARE p AS INSERT INTO users (id) VALUES ($1) ON CONFLICT ON CONSTRAINT users_pkey DO NOTHING; EXECUTE p (1); DEALLOCATE p",
        // errors stay errors
        "INSERT INTO users (id) VALUES (1) ON CONFLICT ON CONSTRAINT nope DO NOTHING",
        "INSERT INTO users (id) VALUES (1) ON CONFLICT ON CONSTRAINT users_age_stored DO NOTHING",
    ])
    .await;
}

#[tokio::test]
async fn set_to_default() {
    agree_on(&[
        "UPDATE users SET id = DEFAULT, full_name = 'x' WHERE id = 1",
        "UPDATE \"Odd \"\"Table\"\"\" SET a = DEFAULT RETURNING *",
        "UPDATE \"Odd \"\"Table\"\"\" o SET (a, b) = (DEFAULT, DEFAULT) RETURNING o.*",
        "UPDATE public.users u SET full_name = DEFAULT, \"Age\" = u.\"Age\" + 1 RETURNING u.full_name, *",
        "INSERT INTO users (id, full_name) VALUES (1, DEFAULT) ON CONFLICT (id) DO UPDATE SET id = DEFAULT, full_name = excluded.full_name RETURNING full_name",
        "INSERT INTO users (id, full_name) VALUES (DEFAULT, DEFAULT) RETURNING *",
        "INSERT INTO \"Odd \"\"Table\"\"\" VALUES (DEFAULT) RETURNING *",
        "MERGE INTO \"Odd \"\"Table\"\"\" o USING plain ON true WHEN MATCHED THEN UPDATE SET a = DEFAULT",
    ])
    .await;
}

#[tokio::test]
async fn merge() {
    agree_on(&[
        "MERGE INTO users u USING orders o ON u.id = o.id WHEN MATCHED THEN UPDATE SET full_name = o.total WHEN NOT MATCHED THEN INSERT (id, full_name) VALUES (o.id, 'new')",
        "MERGE INTO users USING (VALUES (1, 'one'), (9, 'nine')) AS s (id, word) ON users.id = s.id WHEN MATCHED AND full_name = 'Ada' THEN UPDATE SET full_name = full_name || word WHEN NOT MATCHED THEN INSERT (id, full_name) VALUES (s.id, s.word)",
        "MERGE INTO public.users AS u USING users v ON u.id = v.id AND v.full_name = 'Ada' WHEN MATCHED THEN DELETE",
        "MERGE INTO plain p USING users u ON p.id = u.id WHEN MATCHED AND u.full_name IS NOT NULL THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (u.id)",
        "MERGE INTO users u USING (VALUES (1, 'one'), (9, 'nine')) s (id, word) ON u.id = s.id WHEN MATCHED THEN UPDATE SET (full_name, \"Age\") = (SELECT full_name || s.word, 1 FROM users b WHERE b.ctid = '(0,1)') \
            WHEN NOT MATCHED AND CASE WHEN s.id > 5 THEN true END THEN INSERT VALUES (s.id, s.word)",
        "MERGE INTO orders o USING users u ON o.id = u.id WHEN NOT MATCHED AND u.full_name IS NULL THEN INSERT OVERRIDING SYSTEM VALUE VALUES (u.id, DEFAULT) WHEN NOT MATCHED THEN INSERT VALUES (u.id)",
        "MERGE INTO users u USING plain p ON false WHEN NOT MATCHED THEN INSERT VALUES (7, 'q', 3, 4)",
        // a row that matches nothing is of the source only
        "MERGE INTO users u USING (VALUES (9, 'nine')) s (id, full_name) ON u.id = s.id WHEN NOT MATCHED AND full_name IS NOT NULL THEN INSERT (id, full_name) VALUES (id, upper(full_name))",
        "MERGE INTO users u USING orders o ON u.id = o.id + 5 WHEN NOT MATCHED THEN INSERT VALUES (id + 5, total)",
        "MERGE INTO users u USING orders o ON u.id = o.id WHEN NOT MATCHED THEN INSERT VALUES (1, full_name)",
        "WITH s AS (SELECT * FROM users GROUP BY id) MERGE INTO orders USING s ON s.id = orders.id WHEN MATCHED THEN UPDATE SET total = \"Age\"",
    ])
    .await;
}
