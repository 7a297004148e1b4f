//! What keeps tables in shape: a probe tells whether it has reached the stored table.

use super::*;

/// How many of the columns of `users` are analysed.
const ANALYSED: &str = "SELECT count(*) FROM pg_stats WHERE tablename = 'users' AND attname <> 'hidden'";
/// The indexes of `users`, those that were there before aside.
const INDEXES: &str = "SELECT c.relname, i.indnatts, i.indkey::text, i.indisclustered, i.indpred IS NULL, i.indexprs IS NULL, c.reloptions FROM pg_index i \
    JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
    WHERE t.relname = 'users' AND t.relkind = 'r' AND c.relname NOT LIKE 'users_age%' AND c.relname NOT LIKE 'users_words%' ORDER BY 1";
/// The comments on `users`, its columns and what hangs on it.
const COMMENTS: &str = "SELECT d.objsubid, d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid \
    WHERE c.relname = 'users' AND c.relkind = 'r' UNION ALL SELECT 0, description FROM pg_description WHERE objoid IN \
    (SELECT oid FROM pg_constraint WHERE conrelid IN (SELECT oid FROM pg_class WHERE relname = 'users' AND relkind = 'r') \
     UNION SELECT oid FROM pg_class WHERE relname LIKE 'users_words%') ORDER BY 1, 2";

fn then(texts: &[&str], probe: &str) -> Vec<String> {
    texts.iter().map(|text| format!("{text}; {probe}")).collect()
}

async fn agree_on_all(texts: Vec<String>) {
    agree_on(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn analyse_cluster_reindex() {
    let mut texts = then(
        &[
            "ANALYZE users",
            "ANALYSE public.users (full_name, id)",
            "ANALYZE VERBOSE users (\"Age\"), orders, plain",
            "ANALYZE users (nope)",
        ],
        ANALYSED,
    );
    texts.extend(then(
        &[
            "CLUSTER users USING users_pkey",
            "CLUSTER users_pkey ON public.users",
            "CLUSTER users USING users_words; CLUSTER users USING users_pkey",
            "ALTER TABLE users CLUSTER ON users_pkey; CLUSTER users",
            "REINDEX TABLE users",
            "REINDEX INDEX users_words",
            "REINDEX INDEX public.users_words",
            "REINDEX INDEX nope",
        ],
        INDEXES,
    ));
    agree_on_all(texts).await;
}

#[tokio::test]
async fn vacuum_and_concurrent_indexes() {
    for side in [Side::Child, Side::Parent] {
        let pair = Pair::of(side).await;
        let mapped = "SELECT relallvisible > 0 FROM pg_class WHERE relname = 'users' AND relkind = 'r'";
        for (text, probe) in [
            ("VACUUM users", mapped),
            ("VACUUM (ANALYZE) public.users (full_name), orders", ANALYSED),
            ("CREATE INDEX CONCURRENTLY i ON users (full_name)", INDEXES),
            ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON users (full_name)", INDEXES),
            ("REINDEX TABLE CONCURRENTLY users", INDEXES),
            ("DROP INDEX CONCURRENTLY i", INDEXES),
            ("DROP INDEX users_words", "SELECT count(*) FROM pg_class WHERE relname LIKE 'users_words%'"),
        ] {
            pair.agree_alone(&side.text(text), &side.text(probe)).await;
        }
        pair.end().await;
    }
}

#[tokio::test]
async fn indexes() {
    agree_on_all(then(
        &[
            "CREATE INDEX i ON users (full_name)",
            "CREATE INDEX i ON public.users USING btree (lower(full_name) DESC NULLS LAST, \"Age\", (users.full_name || 'x')) INCLUDE (id, full_name) WHERE full_name IS NOT NULL",
            "CREATE UNIQUE INDEX IF NOT EXISTS i ON ONLY users (id, full_name COLLATE \"C\" text_pattern_ops) WITH (fillfactor = 70)",
            "CREATE INDEX i ON users (full_name); ALTER INDEX i RENAME TO j; ALTER INDEX j SET (fillfactor = 60)",
            "CREATE INDEX i ON users (full_name); DROP INDEX IF EXISTS i, nope",
            "CREATE INDEX i ON users (nope)",
            "ALTER INDEX users_words SET (fillfactor = 60)",
            "DROP INDEX users_words",
            "DROP INDEX IF EXISTS public.users_words, users_nope",
        ],
        INDEXES,
    ))
    .await;
}

#[tokio::test]
async fn statistics_comments_and_storage() {
    let mut texts = then(
        &[
            "COMMENT ON TABLE users IS 'people'",
            "COMMENT ON TABLE public.users IS 'people'; COMMENT ON COLUMN users.full_name IS 'first and last'",
            "COMMENT ON COLUMN public.users.full_name IS 'x'; COMMENT ON COLUMN public.users.full_name IS NULL",
            "COMMENT ON CONSTRAINT users_age_key ON public.users IS 'both'",
            "COMMENT ON INDEX users_words IS 'words'",
            "COMMENT ON COLUMN users.nope IS 'x'",
        ],
        COMMENTS,
    );
    texts.extend(then(
        &[
            "CREATE STATISTICS s ON id, full_name FROM users",
            "CREATE STATISTICS s (ndistinct) ON (lower(full_name)), (users.\"Age\" + 1), id FROM public.users",
        ],
        "SELECT stxname, stxkeys::text, stxkind::text FROM pg_statistic_ext",
    ));
    texts.extend(then(
        &[
            "ALTER TABLE users SET (fillfactor = 50)",
            "ALTER TABLE public.users ALTER COLUMN full_name SET STATISTICS 7, ALTER id SET (n_distinct = 3)",
        ],
        "SELECT c.reloptions, a.attnum, a.attoptions FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE c.relname = 'users' AND c.relkind = 'r' AND a.attnum IN (1, 2) ORDER BY 2",
    ));
    agree_on_all(texts).await;
}

#[tokio::test]
async fn grants_locks_and_sequences() {
    let user = "SET LOCAL ROLE stranger; SELECT full_name FROM users ORDER BY id; RESET ROLE";
    let mut texts = then(
        &["GRANT SELECT ON users TO stranger", "GRANT ALL ON TABLE public.users, plain TO stranger"],
        user,
    );
    let stored = "SELECT has_table_privilege('stranger', oid, 'SELECT'), has_table_privilege('stranger', 'users', 'SELECT') FROM pg_class \
                  WHERE relname = 'users' AND relkind = 'r'";
    texts.extend(then(
        &[
            "SELECT 1",
            "GRANT SELECT, INSERT ON users TO stranger; REVOKE SELECT ON public.users FROM stranger CASCADE",
        ],
        stored,
    ));
    texts.extend(
        [
            "GRANT INSERT, SELECT ON users TO stranger; GRANT USAGE ON SEQUENCE users_id_seq TO stranger; SET LOCAL ROLE stranger; INSERT INTO users (full_name) VALUES ('s') ON CONFLICT DO NOTHING; RESET ROLE",
            "LOCK TABLE users IN SHARE MODE; LOCK public.users, orders",
            "LOCK TABLE ONLY public.audit IN EXCLUSIVE MODE NOWAIT",
            "SELECT pg_get_serial_sequence('users', 'id'), pg_get_serial_sequence('public.users', 'id') = 'public.users_id_seq'",
            "SELECT pg_get_serial_sequence('users', 'full_name') IS NULL",
            "SELECT setval(pg_get_serial_sequence('users', 'id'), 40); INSERT INTO users (full_name) VALUES ('x') RETURNING id, currval(pg_get_serial_sequence('users', 'id')), lastval()",
            "CREATE TEMP TABLE t (a int REFERENCES users)",
            "CREATE TEMP TABLE t (a int, FOREIGN KEY (a) REFERENCES public.users (id))",
            "EXPLAIN (COSTS off) SELECT * FROM users WHERE upper(full_name) = 'A'",
            "EXPLAIN (COSTS off, VERBOSE) SELECT upper(u.full_name) FROM users u WHERE u.\"Age\" + 1 > 3",
        ]
        .map(str::to_owned),
    );
    agree_on_all(texts).await;
}
