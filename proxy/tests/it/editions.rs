//! What becomes of statements in an edition.

use crate::{
    raw::{Raw, extended, frame, query, sync},
    world::{World, ask, connect, execute, failure},
};

const WHOAMI: &str = "SELECT name FROM whoami";
const MARKER: &str = "SELECT current_setting('edition.id', true)";

/// A table that v2 does not have, and one that it sees through a view.
const NAMES: &str = "CREATE TABLE public.gone (n int); CREATE TABLE public.users (id int, full_name text); \
    INSERT INTO users VALUES (1, 'ann'); \
    CREATE VIEW \"public$v2\".users AS SELECT id, full_name AS name FROM public.users; \
    CREATE VIEW \"public$v1\".users AS SELECT id, full_name FROM public.users; \
    INSERT INTO edition.names VALUES (2, 'relation', 'public', 'gone', NULL); \
    INSERT INTO edition.tables VALUES (2, 4711, 'public', 'users', 'public', 'users', 'public$v2'), \
                                      (1, 4711, 'public', 'users', 'public', 'users', 'public$v1'); \
    INSERT INTO edition.columns VALUES (2, 4711, 1, 'id', 'id', 1), (2, 4711, 2, 'name', 'full_name', 2), \
                                       (1, 4711, 1, 'id', 'id', 1), (1, 4711, 2, 'full_name', 'full_name', 2)";

async fn with_names() -> World {
    let world = World::adopted().await;
    drop(world.session("").await);
    world.change_catalogue(NAMES).await;
    world
}

#[tokio::test]
async fn names_are_rewritten_in_both_protocols_and_from_the_epoch_on() {
    let world = World::adopted().await;
    let session = world.session("--edition=v2").await;
    world.change_catalogue(NAMES).await;
    assert_eq!(ask(&session, "SELECT name FROM public.users").await, ["ann"]);
    let row = session.query_one("SELECT name FROM public.users WHERE id = $1", &[&1]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "ann");
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v2").await;
    let pipeline = [
        extended("SELECT 1"),
        extended("SELECT name FROM public.users"),
        extended("SELECT name FROM users"),
        sync(),
        query("SELECT name FROM public.users"),
        query("SELECT 2"),
    ];
    assert_eq!(raw.tags(&pipeline.concat()).await, "12DC12DC12DCZI");
    assert_eq!(raw.tags_until_ready().await, "TDCZI");
    assert_eq!(raw.tags_until_ready().await, "TDCZI");
    world.end().await;
}

/// As JDBC begins a transaction: nothing can be asked of the server amid the pipeline, so it is asked before.
#[tokio::test]
async fn a_pipeline_of_a_session_whose_path_is_not_known_works_on_what_the_server_means() {
    let world = with_names().await;
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v2").await;
    let transaction = |work: &str| [extended("BEGIN"), extended(work), extended("COMMIT"), sync()].concat();
    for (path, work, answer) in [
        ("SET LOCAL search_path = other", "SELECT ctid FROM users", "12C12DC12CZI"),
        (
            "SET LOCAL search_path = public, other",
            "SELECT name, count(*) FROM users GROUP BY name",
            "12C12DC12CZI",
        ),
    ] {
        assert_eq!(raw.tags(&query(&format!("BEGIN; {path}"))).await, "CCZT");
        assert_eq!(raw.tags(&query("ROLLBACK")).await, "CZI");
        assert_eq!(raw.tags(&transaction(work)).await, answer);
        // Known by now.
        assert_eq!(raw.tags(&transaction(work)).await, answer);
    }
    assert_eq!(raw.tags(&query("SET search_path = other")).await, "CZI");
    assert_eq!(raw.tags(&transaction("SELECT ctid FROM whoami")).await, "12C12DC12CZI");
    assert_eq!(raw.tags(&transaction("SELECT ctid FROM users")).await, "12CEZE");
    world.end().await;
}

#[tokio::test]
async fn what_was_prepared_by_qualified_names_follows_the_epoch() {
    let world = World::adopted().await;
    let session = world.session("--edition=v1").await;
    let direct = world.direct().await;
    execute(&direct, "CREATE TABLE public.orders (id int); INSERT INTO public.orders VALUES (1)").await;
    let prepared = session.prepare("SELECT * FROM public.orders").await.unwrap();
    let other = session.prepare("SELECT * FROM orders").await.unwrap();
    let columns = async |statement| session.query_one(statement, &[]).await.unwrap().len();
    assert_eq!((columns(&prepared).await, columns(&other).await), (1, 1));
    // As publish does: the parent's view, the announcement, and only then the table.
    let announce = "CREATE VIEW \"public$v1\".orders AS SELECT id FROM public.orders; \
        INSERT INTO edition.tables VALUES (1, 4712, 'public', 'orders', 'public', 'orders', 'public$v1'); \
        INSERT INTO edition.columns VALUES (1, 4712, 1, 'id', 'id', 1)";
    world.change_catalogue(announce).await;
    execute(&direct, "ALTER TABLE public.orders ADD COLUMN extra int").await;
    assert_eq!((columns(&prepared).await, columns(&other).await), (1, 1));
    // And back, withdrawn first, then dropped; inside a transaction too.
    execute(&session, "BEGIN").await;
    let withdraw =
        "DELETE FROM edition.columns WHERE table_id = 4712; DELETE FROM edition.tables WHERE table_id = 4712";
    world.change_catalogue(withdraw).await;
    execute(&direct, "DROP VIEW \"public$v1\".orders; ALTER TABLE public.orders DROP COLUMN extra").await;
    assert_eq!((columns(&prepared).await, columns(&other).await), (1, 1));
    execute(&session, "COMMIT").await;
    world.end().await;
}

#[tokio::test]
async fn what_was_prepared_where_the_path_was_known_is_left_alone_where_it_is_not() {
    let world = with_names().await;
    let session = world.session("--edition=v2").await;
    let begin = async || {
        execute(&session, "BEGIN").await;
        execute(&session, "SET LOCAL search_path = public").await;
    };
    begin().await;
    let prepared = session.prepare("TRUNCATE users").await.unwrap();
    session.execute(&prepared, &[]).await.unwrap();
    execute(&session, "COMMIT").await;
    begin().await;
    world.change_catalogue("SELECT").await;
    session.execute(&prepared, &[]).await.unwrap();
    execute(&session, "COMMIT").await;
    world.end().await;
}

#[tokio::test]
async fn what_the_client_closed_is_not_brought_back_and_what_it_uses_is_prepared_anew() {
    let world = with_names().await;
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v2").await;
    let parse = |name: &str| frame(b'P', format!("{name}\0SELECT id FROM public.users\0\0\0").as_bytes());
    assert_eq!(raw.tags(&[parse("a"), parse("b"), sync()].concat()).await, "11ZI");
    assert_eq!(raw.tags(&[frame(b'C', b"Sa\0"), sync()].concat()).await, "3ZI");
    let plain = "DELETE FROM edition.columns; DELETE FROM edition.tables; DELETE FROM edition.names";
    world.change_catalogue(plain).await;
    let describe = [frame(b'D', b"Sb\0"), sync()].concat();
    assert_eq!(raw.tags(&describe).await, "tTZI", "the client sees no answer but its own");
    let statements = query("SELECT name || ' ' || statement FROM pg_prepared_statements");
    raw.send(&statements).await;
    let messages = raw.until_ready().await;
    let rows: Vec<&[u8]> = messages.iter().filter(|(tag, _)| *tag == b'D').map(|(_, row)| &row[..]).collect();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].ends_with(b"b SELECT id FROM public.users"), "prepared anew with the text of now");
    assert_eq!(raw.tags(&query("DEALLOCATE ALL")).await, "CZI");
    world.change_catalogue("SELECT").await;
    assert_eq!(raw.tags(&statements).await, "TCZI");
    world.end().await;
}

#[tokio::test]
async fn a_refusal_looks_and_acts_like_the_servers_own_error() {
    let world = with_names().await;
    let session = world.session("--edition=v2").await;
    let error = session.simple_query("SELECT 'x', n FROM gone").await.unwrap_err();
    assert_eq!(failure(&error), ("42P01".to_owned(), "relation \"gone\" does not exist".to_owned()));
    let position = tokio_postgres::error::ErrorPosition::Original(20);
    assert_eq!(error.as_db_error().unwrap().position(), Some(&position));
    let error = session.prepare("SELECT n FROM public.gone").await.unwrap_err();
    assert_eq!(failure(&error).0, "42P01");
    // It fails the transaction, and no more than that.
    execute(&session, "BEGIN").await;
    session.simple_query("SELECT n FROM gone").await.unwrap_err();
    assert_eq!(failure(&session.simple_query("SELECT 1").await.unwrap_err()).0, "25P02");
    // In a failed transaction the server is not even asked whether the table exists.
    assert_eq!(failure(&session.simple_query("SELECT n FROM gone").await.unwrap_err()).0, "25P02");
    execute(&session, "ROLLBACK").await;
    assert_eq!(ask(&session, "SELECT 1").await, ["1"]);
    world.end().await;
}

#[tokio::test]
async fn a_refusal_in_a_pipeline_skips_to_its_sync() {
    let world = with_names().await;
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v2").await;
    let pipeline = [
        extended("SELECT 1"),
        extended("SELECT n FROM gone"),
        extended("SELECT 2"),
        sync(),
        extended("SELECT nonsense"),
        extended("SELECT n FROM gone"),
        sync(),
        query("SELECT n FROM gone"),
        extended("SELECT 3"),
        sync(),
    ];
    raw.send(&pipeline.concat()).await;
    for (tags, code) in [("12DCEZ", "42P01"), ("EZ", "42703"), ("EZ", "42P01"), ("12DCZ", "")] {
        let messages = raw.until_ready().await;
        assert_eq!(messages.iter().map(|(tag, _)| char::from(*tag)).collect::<String>(), tags);
        let error = messages.iter().find(|(tag, _)| *tag == b'E');
        assert!(
            error.is_none_or(|(_, body)| String::from_utf8_lossy(body).contains(&format!("\0C{code}\0")))
        );
    }
    world.end().await;
}

#[tokio::test]
async fn editions_can_be_shown() {
    let world = World::adopted().await;
    let session = world.session("--edition=v2").await;
    assert_eq!(ask(&session, "SHOW EDITION").await, ["v2"]);
    assert_eq!(session.query_one("show edition", &[]).await.unwrap().get::<_, &str>("edition"), "v2");
    let rows = session.query("SHOW EDITIONS", &[]).await.unwrap();
    let rows: Vec<(String, String, bool, bool)> = rows
        .iter()
        .map(|row| (row.get("name"), row.get("state"), row.get("default"), row.get("yours")))
        .collect();
    let row = |name: &str, default, yours| (name.to_owned(), "live".to_owned(), default, yours);
    assert_eq!(rows, [row("v1", true, false), row("v2", false, true)]);
    world.end().await;
}

/// A constant in two pieces, which the proxy does not look into.
const REAL_PATH: &str = "SELECT current_setting('search_'\n'path')";

#[tokio::test]
async fn a_session_can_change_its_edition_in_either_protocol() {
    let world = World::adopted().await;
    let session = connect(world.config().options("--edition=v1 -c search_path=other,public")).await;
    execute(&session, "SET search_path = public").await;
    let prepared = session.prepare(WHOAMI).await.unwrap();
    assert_eq!(session.query_one(&prepared, &[]).await.unwrap().get::<_, &str>(0), "first");
    execute(&session, "ALTER SESSION SET EDITION v2").await;
    assert_eq!(ask(&session, MARKER).await, ["2"]);
    assert_eq!(ask(&session, "SHOW search_path").await, ["other,public"]);
    assert_eq!(ask(&session, REAL_PATH).await, [r#"other,"public$v2", public"#]);
    assert_eq!(ask(&session, "SHOW EDITION").await, ["v2"]);
    let error = session.query_one(&prepared, &[]).await.unwrap_err();
    assert_eq!(failure(&error).0, "26000", "what was prepared does not run in the other edition");
    world.change_catalogue("SELECT").await;
    assert_eq!(ask(&world.direct().await, "SELECT edition_id::text FROM edition.sessions").await, ["2"]);
    // Extended protocol: prepared first, run later.
    session.execute("SET edition = v1", &[]).await.unwrap();
    assert_eq!(ask(&session, MARKER).await, ["1"]);
    assert_eq!(ask(&session, "SHOW EDITION").await, ["v1"]);
    world.end().await;
}

#[tokio::test]
async fn resetting_settings_does_not_bring_the_first_edition_back() {
    let world = World::adopted().await;
    let session = world.session("--edition=v1").await;
    execute(&session, "SET edition = v2").await;
    for reset in [
        "RESET ALL",
        "DISCARD ALL",
        "RESET search_path",
        "RESET \"edition.id\"",
        "SET search_path TO DEFAULT",
    ] {
        session.simple_query(reset).await.unwrap();
        assert_eq!(ask(&session, WHOAMI).await, ["second"], "{reset}");
        assert_eq!(ask(&session, MARKER).await, ["2"], "{reset}");
        session.execute(reset, &[]).await.unwrap();
        assert_eq!(ask(&session, WHOAMI).await, ["second"], "{reset}");
        assert_eq!(ask(&session, MARKER).await, ["2"], "{reset}");
    }
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    let pipeline = ["SET edition = v2", "RESET ALL", WHOAMI].map(query).concat();
    raw.send(&pipeline).await;
    assert_eq!(raw.tags_until_ready().await, "CZI");
    assert_eq!(raw.tags_until_ready().await, "CZI");
    let answer = raw.until_ready().await;
    assert!(answer.iter().any(|(_, body)| body.ends_with(b"second")), "{answer:?}");
    world.end().await;
}

#[tokio::test]
async fn nothing_runs_in_the_first_edition_behind_a_reset() {
    let world = World::adopted().await;
    let session = world.session("--edition=v1").await;
    execute(&session, "SET edition = v2").await;
    for text in
        ["RESET ALL; SELECT 1", "SET search_path TO DEFAULT; SELECT 1", "DISCARD PLANS; RESET ALL; SELECT 1"]
    {
        let error = session.simple_query(text).await.unwrap_err();
        assert_eq!(failure(&error).0, "0A000", "{text}");
    }
    execute(&session, "SELECT 1; RESET ALL").await;
    execute(&session, "BEGIN; RESET ALL; COMMIT").await;
    assert_eq!(ask(&session, WHOAMI).await, ["second"]);

    let mut raw = Raw::login(world.port(), &world.database, "").await;
    assert_eq!(raw.tags(&query("SET edition = v2")).await, "CZI");
    let pipeline = [extended("RESET ALL"), extended(WHOAMI), sync(), extended(WHOAMI), sync()].concat();
    raw.send(&pipeline).await;
    assert_eq!(raw.tags_until_ready().await, "12CEZI");
    let answer = raw.until_ready().await;
    assert!(answer.contains(&(b'D', b"\0\x01\0\0\0\x06second".to_vec())), "{answer:?}");
    // One that was prepared before, and something else that was.
    let prepare =
        [frame(b'P', b"r\0RESET ALL\0\0\0"), frame(b'P', format!("w\0{WHOAMI}\0\0\0").as_bytes()), sync()]
            .concat();
    assert_eq!(raw.tags(&prepare).await, "11ZI");
    let run = |name: &[u8]| {
        [frame(b'B', &[b"\0", name, b"\0\0\0\0\0\0\0"].concat()), frame(b'E', b"\0\0\0\0\0")].concat()
    };
    assert_eq!(raw.tags(&[run(b"r"), run(b"w"), sync()].concat()).await, "2CEZI");
    raw.send(&[run(b"w"), sync()].concat()).await;
    let answer = raw.until_ready().await;
    assert!(answer.contains(&(b'D', b"\0\x01\0\0\0\x06second".to_vec())), "{answer:?}");
    world.end().await;
}

#[tokio::test]
async fn rows_are_copied_in_by_sessions_that_reset_their_settings() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    assert_eq!(raw.tags(&query("SET edition = v2; ")).await, "CZI");
    assert_eq!(raw.tags(&query("CREATE TEMP TABLE own (a int)")).await, "CZI");
    let rows = |last: &[u8]| [frame(b'd', b"1\n"), frame(b'd', last), frame(b'c', b"")].concat();
    // A Query with both is refused, so the reset is a prepared one, which may come at any time.
    assert_eq!(raw.tags(&[frame(b'P', b"r\0RESET ALL\0\0\0"), sync()].concat()).await, "1ZI");
    for (last, ends) in [(&b"2\n"[..], "CZI"), (b"two\n", "EZI")] {
        raw.send(&query("COPY own FROM STDIN")).await;
        assert_eq!(raw.message().await.0, b'G');
        raw.send(&rows(last)).await;
        assert_eq!(raw.tags_until_ready().await, ends);

        raw.send(&[extended("COPY own FROM STDIN"), sync()].concat()).await;
        assert_eq!((raw.message().await.0, raw.message().await.0, raw.message().await.0), (b'1', b'2', b'G'));
        raw.send(&[rows(last), sync()].concat()).await;
        assert_eq!(raw.tags_until_ready().await, ends);
        raw.send(&query(WHOAMI)).await;
        let answer = raw.until_ready().await;
        assert!(answer.contains(&(b'D', b"\0\x01\0\0\0\x06second".to_vec())), "{answer:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn the_edition_cannot_be_changed_in_a_transaction_nor_to_one_that_is_not_open() {
    let world = World::adopted().await;
    let session = world.session("").await;
    execute(&session, "BEGIN").await;
    let error = session.simple_query("SET edition = v2").await.unwrap_err();
    assert_eq!(failure(&error).0, "25001");
    execute(&session, "ROLLBACK").await;
    let error = session.simple_query("SET edition = v9").await.unwrap_err();
    let expected = "edition \"v9\" does not exist or you may not use it";
    assert_eq!(failure(&error), ("3D000".to_owned(), expected.to_owned()));
    assert_eq!(ask(&session, MARKER).await, ["1"]);
    // Prepared outside, run inside.
    let prepared = session.prepare("SET edition = v2").await.unwrap();
    execute(&session, "BEGIN").await;
    assert_eq!(failure(&session.execute(&prepared, &[]).await.unwrap_err()).0, "25001");
    execute(&session, "ROLLBACK").await;
    assert_eq!(ask(&session, "SHOW EDITION").await, ["v1"]);
    session.execute(&prepared, &[]).await.unwrap();
    assert_eq!(ask(&session, "SHOW EDITION").await, ["v2"]);
    world.end().await;
}

#[tokio::test]
async fn nothing_follows_a_change_of_the_edition_in_its_pipeline() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    let pipeline =
        [extended("SET edition = v2"), extended(WHOAMI), sync(), extended(WHOAMI), sync()].concat();
    raw.send(&pipeline).await;
    assert_eq!(raw.tags_until_ready().await, "12CEZI");
    // What fails in a batch takes back all that the batch has done.
    let answer = raw.until_ready().await;
    assert!(answer.contains(&(b'D', b"\0\x01\0\0\0\x05first".to_vec())), "{answer:?}");
    raw.send(&[extended("SET edition = v2"), query(WHOAMI)].concat()).await;
    assert!(raw.tags_until_ready().await.ends_with("EZI"), "a Query in its place");
    raw.send(&[extended("SET edition = v2"), sync(), extended(WHOAMI), sync()].concat()).await;
    assert_eq!(raw.tags_until_ready().await, "12CZI");
    let answer = raw.until_ready().await;
    assert!(answer.contains(&(b'D', b"\0\x01\0\0\0\x06second".to_vec())), "{answer:?}");
    // By halves: the server is not asked for more than was sent.
    raw.send(&frame(b'P', b"change\0SET edition = v1\0\0\0")).await;
    assert_eq!(raw.tags(&sync()).await, "1ZI");
    assert_eq!(raw.tags(&query("SHOW EDITION")).await, "TDCZI");
    world.end().await;
}

#[tokio::test]
async fn copy_and_truncate_work_on_what_an_edition_sees() {
    let world = with_names().await;
    let session = world.session("--edition=v2").await;
    let out = session.copy_out("COPY users TO STDOUT WITH (FORMAT csv, HEADER)").await.unwrap();
    let out: Vec<bytes::Bytes> = futures_util::TryStreamExt::try_collect(out).await.unwrap();
    assert_eq!(out.concat(), b"id,name\n1,ann\n");
    execute(&session, "TRUNCATE users").await;
    assert!(ask(&session, "SELECT id::text FROM users").await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn nothing_that_was_prepared_or_opened_before_is_used_in_the_other_edition() {
    let world = World::adopted().await;
    let session = world.session("--edition=v1").await;
    execute(&session, &format!("PREPARE p AS {WHOAMI}")).await;
    execute(&session, &format!("DECLARE c CURSOR WITH HOLD FOR {WHOAMI}")).await;
    execute(&session, "CREATE TEMP TABLE kept AS SELECT 1 AS n; CREATE TEMP VIEW own AS SELECT n FROM kept")
        .await;
    execute(&session, &format!("CREATE TEMP VIEW \"Bound\" AS {WHOAMI}")).await;
    let error = session.simple_query("SET edition = v2").await.unwrap_err();
    let message = "the edition cannot be changed while the session has temporary view \"Bound\"";
    assert_eq!(failure(&error), ("55006".to_owned(), message.to_owned()));
    assert_eq!(ask(&session, "EXECUTE p").await, ["first"], "nothing has changed");
    assert_eq!(ask(&session, "SHOW EDITION").await, ["v1"]);

    execute(&session, "DROP VIEW pg_temp.\"Bound\"; SET work_mem = '5MB'").await;
    execute(&session, "SET edition = v2").await;
    for (sql, code) in [("EXECUTE p", "26000"), ("FETCH c", "34000")] {
        assert_eq!(failure(&session.simple_query(sql).await.unwrap_err()).0, code, "{sql}");
    }
    assert_eq!(ask(&session, "SELECT n::text FROM own").await, ["1"]);
    assert_eq!(ask(&session, "SHOW work_mem").await, ["5MB"]);
    assert_eq!(ask(&session, WHOAMI).await, ["second"]);
    world.end().await;
}

#[tokio::test]
async fn the_edition_is_not_changed_amid_a_pipeline() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "").await;
    let pipeline =
        [extended("CREATE TEMP TABLE made (n int)"), extended("SET edition = v2"), extended(WHOAMI), sync()];
    assert_eq!(raw.tags(&pipeline.concat()).await, "12C1EZI");
    assert_eq!(
        raw.tags(&[extended("SELECT n FROM made"), sync()].concat()).await,
        "EZI",
        "all of it is undone"
    );
    let answer = [query("SHOW EDITION")].concat();
    raw.send(&answer).await;
    let answer = raw.until_ready().await;
    assert!(answer.iter().any(|(_, body)| body.ends_with(b"v1")), "{answer:?}");
    world.end().await;
}

#[tokio::test]
async fn what_sql_prepared_by_qualified_names_follows_the_epoch() {
    let world = World::adopted().await;
    let session = world.session("--edition=v1").await;
    let direct = world.direct().await;
    execute(&direct, "CREATE TABLE public.orders (id int); INSERT INTO public.orders VALUES (1)").await;
    execute(&session, "PREPARE q AS SELECT * FROM public.orders").await;
    execute(&session, "PREPARE gone AS SELECT * FROM public.orders; DEALLOCATE gone").await;
    session.execute("PREPARE \"By Protocol\" (int) AS SELECT id + $1 FROM public.orders", &[]).await.unwrap();
    let announce = "CREATE VIEW \"public$v1\".orders AS SELECT id FROM public.orders; \
        INSERT INTO edition.tables VALUES (1, 4712, 'public', 'orders', 'public', 'orders', 'public$v1'); \
        INSERT INTO edition.columns VALUES (1, 4712, 1, 'id', 'id', 1)";
    let withdraw =
        "DELETE FROM edition.columns WHERE table_id = 4712; DELETE FROM edition.tables WHERE table_id = 4712";
    for block in ["SELECT 1", "BEGIN"] {
        execute(&session, block).await;
        world.change_catalogue(announce).await;
        execute(&direct, "ALTER TABLE public.orders ADD COLUMN extra int").await;
        assert_eq!(session.simple_query("EXECUTE q").await.unwrap().len(), 3, "{block}");
        assert_eq!(ask(&session, "EXECUTE \"By Protocol\" (2)").await, ["3"]);
        let statements =
            "SELECT name || ': ' || statement FROM pg_prepared_statements WHERE from_sql ORDER BY name";
        let statements = ask(&session, statements).await;
        assert_eq!(statements.len(), 2, "what was deallocated is not brought back: {statements:?}");
        assert!(statements[1].ends_with("SELECT * FROM \"public$v1\".orders"), "{statements:?}");
        execute(&session, "COMMIT").await;
        world.change_catalogue(withdraw).await;
        execute(&direct, "DROP VIEW \"public$v1\".orders; ALTER TABLE public.orders DROP COLUMN extra").await;
        assert_eq!(session.simple_query("EXECUTE q").await.unwrap().len(), 3, "{block}");
    }
    world.end().await;
}

#[tokio::test]
async fn positions_point_into_the_clients_own_text() {
    let world = with_names().await;
    let session = world.session("--edition=v2").await;
    let position =
        |error: &tokio_postgres::Error| match error.as_db_error().and_then(|error| error.position()) {
            Some(tokio_postgres::error::ErrorPosition::Original(at)) => Some(*at),
            _ => None,
        };
    let sql = "SELECT 'é', id FROM public.users JOIN public.users AS u USING (id) WHERE nope";
    // é has two bytes, and positions begin at 1
    let at = u32::try_from(sql.find("nope").unwrap()).unwrap();
    let wanted = Some(at);
    assert_eq!(position(&session.simple_query(sql).await.unwrap_err()), wanted);
    assert_eq!(position(&session.prepare(sql).await.unwrap_err()), wanted);
    // the second of two that are rewritten, in one pipeline and in one text
    let twice = format!("SELECT id FROM public.users; {sql}");
    let behind = Some(at + 29);
    assert_eq!(position(&session.simple_query(&twice).await.unwrap_err()), behind);
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v2").await;
    let pipeline = [extended("SELECT id FROM public.users"), extended("SELECT 1"), extended(sql), sync()];
    raw.send(&pipeline.concat()).await;
    let messages = raw.until_ready().await;
    let error = messages.iter().find(|(tag, _)| *tag == b'E').unwrap();
    let field = format!("\0P{at}\0");
    assert!(String::from_utf8_lossy(&error.1).contains(&field), "{messages:?}");
    world.end().await;
}
