//! The rewriter against PostgreSQL as the oracle: the same statement, unchanged on a database whose tables are what the
//! edition shows, and rewritten on one where they are views over other tables, must do the same.

use std::sync::Arc;

use bytes::Bytes;
use catalog::snapshot::{Reflected, Relation};
use editiond::rewrite::{Edits, Rewriter, Rewritten, SessionTraits, Verdict, VerdictCache, sample};
use futures_util::{SinkExt, StreamExt};
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::world::{World, ask, connect, execute, failure};

/// What the edition shows, as real tables.
const LOGICAL: &str = r#"
CREATE TABLE users (id serial PRIMARY KEY, full_name text, "Age" int, CONSTRAINT users_age_key UNIQUE ("Age", id));
CREATE INDEX users_words ON users (full_name);
CREATE TABLE orders (id int PRIMARY KEY, total numeric, CONSTRAINT orders_total EXCLUDE (total WITH =));
CREATE TABLE "Odd ""Table""" (a int DEFAULT 3, b int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE audit (id serial, what text);
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE FUNCTION total_of(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
CREATE TABLE plain (id int);
"#;

/// The same as `sample::VIEWED` has it.
const PHYSICAL: &str = r#"
CREATE SCHEMA "public$v2";
GRANT USAGE ON SCHEMA "public$v2" TO PUBLIC;
CREATE TABLE users (id serial PRIMARY KEY, name text, "Age" int, hidden int, CONSTRAINT users_age_stored UNIQUE ("Age", id));
CREATE INDEX users_words_stored ON users (name);
CREATE VIEW "public$v2".users WITH (security_invoker) AS SELECT id, name AS full_name, "Age" FROM users;
CREATE TABLE orders (id int PRIMARY KEY, hidden int, total numeric, CONSTRAINT orders_total_stored EXCLUDE (total WITH =));
CREATE VIEW "public$v2".orders WITH (security_invoker) AS SELECT id, total FROM orders;
CREATE TABLE odd (a int DEFAULT 3, hidden int, b int GENERATED ALWAYS AS (a * 2) STORED);
CREATE VIEW "public$v2"."Odd ""Table""" WITH (security_invoker) AS SELECT a, b FROM odd;
CREATE TABLE legacy (id int);
CREATE TABLE "public$v2".audit (id serial, what text);
CREATE TYPE "public$v2".mood AS ENUM ('happy', 'sad');
CREATE FUNCTION "public$v2".total_of(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
CREATE TABLE plain (id int);
SET search_path = "public$v2", public;
"#;

const ROWS: &str = r#"
INSERT INTO users (id, full_name, "Age") VALUES (1, 'Ada', 36), (2, NULL, 41), (3, 'Zoë, "Z"', NULL);
INSERT INTO orders (id, total) VALUES (1, 9.5), (2, 7);
INSERT INTO "Odd ""Table""" VALUES (1);
INSERT INTO audit (what) VALUES ('made');
INSERT INTO plain VALUES (1);
"#;

/// Two databases that must not be told apart.
pub(crate) struct Pair {
    logical: Client,
    physical: Client,
    rewriter: Rewriter,
    cache: VerdictCache,
    world: World,
    logical_database: String,
}

/// What a client sees: rows and tags, or an error.
type Seen = Result<Vec<String>, (String, String, Option<u32>)>;

/// For the functions of schema `edition`; what the rewriter knows of editions is made by hand.
async fn install_catalogue(physical: &mut Client) {
    let transaction = physical.transaction().await.unwrap();
    catalog::store::install(&transaction).await.unwrap();
    let rows = "INSERT INTO edition.schemas VALUES (1, 'public'); \
        INSERT INTO edition.editions (id, name, state, blueprint) VALUES (2, 'v2', 'live', '')";
    transaction.batch_execute(rows).await.unwrap();
    transaction.commit().await.unwrap();
}

impl Pair {
    async fn new() -> Self {
        Self::of(Side::Child).await
    }

    /// With the edition on this side of the difference.
    pub(crate) async fn of(side: Side) -> Self {
        let world = World::plain().await;
        let logical_database = format!("{}_logical", world.database);
        execute(&world.direct().await, &format!("CREATE DATABASE {logical_database}")).await;
        let logical = connect(&world.server.config(&logical_database)).await;
        let mut physical = world.direct().await;
        install_catalogue(&mut physical).await;
        execute(&logical, &side.text(&format!("{LOGICAL}{ROWS}"))).await;
        execute(&physical, &side.text(&format!("{PHYSICAL}{ROWS}"))).await;
        let mut snapshot = sample::snapshot().unwrap();
        // This database is made by hand: nothing reflects its catalogues.
        snapshot.reflected = Reflected::default();
        snapshot.server_version = ask(&physical, "SHOW server_version_num").await.concat().parse().unwrap();
        if side == Side::Parent {
            for relation in
                snapshot.editions.iter_mut().flat_map(|edition| edition.names.relations.values_mut())
            {
                if let Relation::View(view) = relation {
                    view.columns.iter_mut().for_each(|(logical, physical)| logical.clone_from(physical));
                }
            }
        }
        let rewriter = Rewriter::new(Arc::new(snapshot), sample::VIEWED);
        Self { logical, physical, rewriter, cache: VerdictCache::default(), world, logical_database }
    }

    /// What the edition's session sends to the server for `sql`, or the proxy's own error.
    fn rewritten(&self, sql: &str) -> Result<String, (String, String, Option<u32>)> {
        self.edited(sql).map(|rewritten| rewritten.text)
    }

    fn edited(&self, sql: &str) -> Result<Rewritten, (String, String, Option<u32>)> {
        match self.rewriter.judge(sql.as_bytes(), &self.cache, &mut SessionTraits::default()) {
            Verdict::Forward => {
                Ok(Rewritten { text: sql.to_owned(), edits: Edits::default(), substitutes: Vec::new() })
            }
            Verdict::Rewrite(rewritten) => Ok(rewritten),
            Verdict::Refuse(refusal) => {
                let position = refusal.position.map(|at| u32::try_from(at).unwrap());
                Err((refusal.sqlstate.to_owned(), refusal.message, position))
            }
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// Runs `sql` in both, each in a transaction of its own, and wants the same result and the same tables afterwards.
    /// Where the server finds an error in a rewritten text, its position is told in the client's.
    pub(crate) async fn agree(&self, sql: &str) {
        let expected = query_and_state(&self.logical, sql).await;
        let seen = match self.edited(sql) {
            Ok(Rewritten { text, edits, .. }) => {
                let given = |at| u32::try_from(edits.position(usize::try_from(at).unwrap())).unwrap();
                let seen = query_and_state(&self.physical, &text).await;
                seen.map_err(|(sqlstate, message, at)| (sqlstate, message, at.map(given)))
            }
            Err(error) => Err(error),
        };
        assert_eq!(seen, expected, "{sql}");
    }

    /// As [`Pair::agree`], for what cannot run in a transaction; then `probe` tells what it has done.
    pub(crate) async fn agree_alone(&self, sql: &str, probe: &str) {
        for text in [sql, probe] {
            let expected = query(&self.logical, text).await;
            let seen = query(&self.physical, &self.rewritten(text).unwrap()).await;
            assert_eq!(seen, expected, "{sql}: {text}");
        }
    }

    /// As [`Pair::agree`], for one statement that is prepared: what it says of its parameters and columns, and its rows.
    pub(crate) async fn agree_prepared(&self, sql: &str) {
        let expected = prepare_and_query(&self.logical, sql).await;
        let seen = match self.rewritten(sql) {
            Ok(text) => prepare_and_query(&self.physical, &text).await,
            Err((sqlstate, ..)) => Err(sqlstate),
        };
        assert_eq!(seen, expected, "{sql}");
    }

    pub(crate) async fn end(self) {
        self.world.end().await;
    }

    /// As [`Pair::agree`], for COPY … TO.
    async fn agree_out(&self, sql: &str) {
        let expected = copy_out(&self.logical, sql).await;
        let text = self.rewritten(sql).unwrap();
        assert_ne!(text, sql);
        assert_eq!(copy_out(&self.physical, &text).await, expected, "{sql}");
        assert!(!expected.is_empty());
    }

    /// As [`Pair::agree`], for COPY … FROM. The driver loses count when a COPY is refused, hence connections of their own.
    async fn agree_in(&self, sql: &str, data: &'static [u8]) {
        let logical = connect(&self.world.server.config(&self.logical_database)).await;
        let physical = self.world.direct().await;
        execute(&physical, "SET search_path = \"public$v2\", public").await;
        let expected = copy_in(&logical, sql, data).await;
        let seen = match self.rewritten(sql) {
            Ok(text) => copy_in(&physical, &text, data).await,
            Err((sqlstate, ..)) => Err(sqlstate),
        };
        assert_eq!(seen, expected, "{sql}");
    }
}

/// Whose names the edition uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// `users` has a column `full_name` that is stored as `name`.
    Child,
    /// All columns are called as they are stored; others have columns that it does not have.
    Parent,
}

impl Side {
    /// A text in its words.
    pub(crate) fn text(self, child: &str) -> String {
        match self {
            Self::Child => child.to_owned(),
            Self::Parent => child.replace("name AS full_name", "name").replace("full_name", "name"),
        }
    }
}

/// Parameters, columns and the number of rows, or the SQLSTATE.
type Prepared = Result<(Vec<String>, Vec<(String, String)>, usize), String>;

async fn prepare_and_query(client: &Client, sql: &str) -> Prepared {
    let code = |error: tokio_postgres::Error| failure(&error).0;
    let statement = client.prepare(sql).await.map_err(code)?;
    let parameters = statement.params().iter().map(|kind| kind.name().to_owned()).collect();
    let columns = statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_().name().to_owned()))
        .collect();
    execute(client, "BEGIN").await;
    let none: Vec<Option<i32>> = vec![None; statement.params().len()];
    let parameter = |value| value as &(dyn tokio_postgres::types::ToSql + Sync);
    let rows = client.query(&statement, &none.iter().map(parameter).collect::<Vec<_>>()).await.map_err(code);
    execute(client, "ROLLBACK").await;
    Ok((parameters, columns, rows?.len()))
}

const STATE: &str = r#"SELECT 'u', u::text FROM users u UNION ALL SELECT 'o', o::text FROM orders o UNION ALL
    SELECT 'd', d::text FROM "Odd ""Table""" d UNION ALL SELECT 'a', a::text FROM audit a UNION ALL SELECT 'p', p::text FROM plain p ORDER BY 1, 2"#;

async fn query_and_state(client: &Client, sql: &str) -> Seen {
    execute(client, "BEGIN").await;
    let mut seen = query(client, sql).await;
    if let Ok(rows) = &mut seen {
        rows.extend(query(client, STATE).await.unwrap());
    }
    execute(client, "ROLLBACK").await;
    seen
}

async fn query(client: &Client, sql: &str) -> Seen {
    let messages = client.simple_query(sql).await.map_err(|error| {
        let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error:?}"));
        let position = match error.position() {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => Some(*at),
            _ => None,
        };
        (error.code().code().to_owned(), error.message().to_owned(), position)
    })?;
    Ok(messages
        .iter()
        .map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let fields = row.columns().iter().enumerate();
                let fields = fields.map(|(at, column)| format!("{}={:?}", column.name(), row.get(at)));
                fields.collect::<Vec<_>>().join(" ")
            }
            SimpleQueryMessage::CommandComplete(rows) => format!("{rows} rows"),
            _ => String::new(),
        })
        .collect())
}

async fn copy_out(client: &Client, sql: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut stream = Box::pin(client.copy_out(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")));
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    bytes
}

async fn copy_in(client: &Client, sql: &str, data: &'static [u8]) -> Result<Vec<String>, String> {
    let code = |error: tokio_postgres::Error| {
        error.code().map_or_else(|| format!("{error:?}"), |code| code.code().to_owned())
    };
    execute(client, "BEGIN").await;
    let mut sink = Box::pin(client.copy_in::<_, Bytes>(sql).await.map_err(code)?);
    sink.send(Bytes::from_static(data)).await.map_err(code)?;
    sink.as_mut().finish().await.map_err(code)?;
    Ok(query(client, STATE).await.unwrap())
}

#[tokio::test]
async fn statements_do_the_same_over_views_as_over_tables() {
    let pair = Pair::new().await;
    let statements = [
        "SELECT * FROM public.users ORDER BY id",
        "SELECT u.* FROM public . \"users\" u WHERE u.id = (SELECT max(id) FROM public.orders)",
        "SELECT public.users.id, public.users.full_name FROM public.users WHERE public.users.\"Age\" > 1 ORDER BY public.users.id",
        "SELECT public.users.* FROM public.users JOIN public.orders USING (id) ORDER BY public.orders.total",
        "TABLE public.audit",
        "WITH gone AS (DELETE FROM public.users WHERE id = 1 RETURNING *) SELECT * FROM gone",
        "INSERT INTO public.users AS u (id, full_name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET full_name = excluded.full_name || u.full_name RETURNING *",
        "UPDATE public.users SET (full_name, \"Age\") = (SELECT total::text, public.total_of(3) FROM public.orders LIMIT 1) RETURNING public.users.full_name",
        "DELETE FROM public.users USING public.orders WHERE public.users.id = public.orders.id",
        "SELECT public.total_of(4), 'happy'::public.mood, CAST(ARRAY['sad'] AS public.mood[]), public.mood 'sad'",
        "SELECT * FROM public.total_of(5) AS t",
        "SELECT (ROW(1, 'a', 2)::public.users).full_name",
        "INSERT INTO public.audit (what) VALUES ('x') RETURNING id",
        "SELECT nextval('public.audit_id_seq'), currval('public.audit_id_seq'::regclass), setval('audit_id_seq', 9)",
        "SELECT to_regclass('public.legacy'), to_regclass('legacy_') IS NULL, to_regclass('public.audit') IS NULL",
        "SELECT regtype 'public.mood' = 'mood'::regtype, 'public.users'::regclass = 'users'::regclass",
        "PREPARE p AS SELECT full_name FROM public.users WHERE id = $1; EXECUTE p (1); DEALLOCATE p",
        "DECLARE c CURSOR FOR SELECT full_name FROM public.users ORDER BY id; FETCH 2 FROM c; CLOSE c",
        "CREATE TEMP TABLE t AS SELECT * FROM public.users; SELECT * FROM t ORDER BY id; DROP TABLE pg_temp.t",
        "CREATE TEMP VIEW t AS SELECT * FROM public.users; SELECT count(*) FROM t; DROP VIEW pg_temp.t",
        "SET LOCAL search_path = public; SELECT * FROM users ORDER BY id",
        "SET LOCAL search_path = 'public', pg_catalog; SELECT total_of(1), 'sad'::mood",
        "SET SCHEMA 'public'; SELECT * FROM users ORDER BY id",
        "SELECT set_config('search_path', 'pg_catalog,public', true); SELECT * FROM users ORDER BY id",
        "SELECT set_config('search_path', 'public', true), current_setting('search_path')",
        "TRUNCATE public.users",
        "TRUNCATE TABLE users, ONLY public.orders, \"Odd \"\"Table\"\"\", plain, public.audit RESTART IDENTITY; INSERT INTO audit (what) VALUES ('y')",
        // errors
        "SELECT * FROM legacy",
        "SELECT 'é',  * FROM public.legacy",
        "INSERT INTO legacy VALUES (1)",
        "DELETE FROM public.users WHERE id IN (SELECT id FROM legacy)",
        "WITH legacy AS (SELECT 1) DELETE FROM legacy",
        "WITH a AS (SELECT * FROM legacy), legacy AS (SELECT 1) SELECT * FROM a",
        "TRUNCATE legacy",
        "SELECT 'legacy'::regclass",
        "SELECT nextval('public.legacy')",
        "SELECT * FROM public.users WHERE nope",
        // names that mean something else
        "WITH legacy AS (SELECT 7 AS x) SELECT legacy.x, 'public.users' FROM legacy",
        "WITH RECURSIVE legacy AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM legacy WHERE n < 3) SELECT * FROM legacy",
        "SELECT public.id, public.* FROM plain public",
        "SELECT legacy.full_name AS \"public\" FROM users legacy ORDER BY 1 FOR UPDATE OF legacy",
        "CREATE TEMP TABLE legacy (a int); INSERT INTO legacy VALUES (1); SELECT * FROM legacy",
    ];
    for sql in statements {
        pair.agree(sql).await;
    }
    pair.world.end().await;
}

#[tokio::test]
async fn copy_does_the_same_over_views_as_over_tables() {
    let pair = Pair::new().await;
    for sql in [
        "COPY users TO STDOUT",
        "COPY public.users (full_name, id) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE (full_name), NULL 'none')",
        "COPY users TO STDOUT CSV HEADER FORCE QUOTE full_name",
        "COPY users (id, \"Age\") TO STDOUT (FORMAT binary)",
        "COPY BINARY users TO STDOUT",
        "COPY \"Odd \"\"Table\"\"\" TO STDOUT",
        "COPY public.audit TO STDOUT",
        "COPY (SELECT full_name FROM public.users ORDER BY id) TO STDOUT (FORMAT csv, HEADER)",
    ] {
        pair.agree_out(sql).await;
    }
    let cases: [(&str, &'static [u8]); 12] = [
        ("COPY users FROM STDIN", b"7\tseven\t70\n8\t\\N\t\\N\n"),
        ("COPY public.users (full_name, id) FROM STDIN", b"seven\t7\n"),
        (
            "COPY users FROM STDIN (FORMAT csv, HEADER, FORCE_NULL (full_name), NULL 'x')",
            b"id,name,age\n7,\"x\",70\n",
        ),
        ("COPY users (full_name, id) FROM STDIN CSV FORCE NOT NULL full_name", b",7\n"),
        (
            "COPY users FROM STDIN WHERE full_name <> 'no' AND users.\"Age\" > public.total_of(2)",
            b"7\tyes\t5\n8\tno\t5\n9\tyes\t4\n",
        ),
        ("COPY \"Odd \"\"Table\"\"\" FROM STDIN", b"5\n"),
        ("COPY \"Odd \"\"Table\"\"\" (b) FROM STDIN", b"5\n"),
        ("COPY public.audit (what) FROM STDIN", b"copied\n"),
        ("COPY orders FROM STDIN (FORMAT csv, HEADER match)", b"id,total\n5,1\n"),
        ("COPY users (id, nope) FROM STDIN", b"1\t2\n"),
        ("COPY users FROM STDIN", b"1\ttwice\t1\n"),
        ("COPY legacy FROM STDIN", b"1\n"),
    ];
    for (sql, data) in cases {
        pair.agree_in(sql, data).await;
    }
    pair.world.end().await;
}
