//! Statements of our own between a client's: they take nothing from it, and what strikes them does not end the session.

use crate::{
    raw::{Raw, frame, query, sync},
    world::{World, ask, execute, failure},
};

/// As libpq's `PQprepare` and lib/pq do: the unnamed statement is parsed in one batch and used in another.
fn parse_unnamed(sql: &str) -> Vec<u8> {
    [frame(b'P', format!("\0{sql}\0\0\0").as_bytes()), sync()].concat()
}

fn execute_unnamed() -> Vec<u8> {
    [frame(b'B', &[0; 8]), frame(b'E', &[0; 5]), sync()].concat()
}

#[tokio::test]
async fn the_clients_unnamed_statement_stays() {
    let world = World::adopted().await;
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v1").await;
    assert_eq!(raw.tags(&query("SET edition = v2")).await, "CZI");
    assert_eq!(raw.tags(&parse_unnamed("RESET ALL")).await, "1ZI");
    for _ in 0..2 {
        assert_eq!(raw.tags(&execute_unnamed()).await, "2CZI");
        raw.send(&query("SELECT name FROM whoami")).await;
        let answer = raw.until_ready().await;
        assert!(answer.contains(&(b'D', b"\0\x01\0\0\0\x06second".to_vec())), "{answer:?}");
        assert_eq!(raw.tags(&parse_unnamed("RESET ALL")).await, "1ZI");
    }
    world.end().await;
}

#[tokio::test]
async fn an_unnamed_statement_changes_data_in_a_draft() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    execute(&direct, &format!("CREATE DATABASE \"{}$v3\"", world.database)).await;
    let draft = format!(
        "INSERT INTO edition.editions (id, name, parent_id, state, blueprint) VALUES (3, 'v3', 2, 'draft', '{}$v3')",
        world.database
    );
    world.session("").await;
    world.change_catalogue(&draft).await;
    let client = world.session("-c edition=v3").await;
    execute(
        &client,
        "CREATE TABLE t (a int); CREATE SCHEMA edition; \
         CREATE TABLE edition.statements (id serial, text text, table_id oid, reads oid[], names jsonb)",
    )
    .await;
    let noted = async || ask(&client, "SELECT text FROM edition.statements").await;
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v3").await;
    assert_eq!(raw.tags(&parse_unnamed("UPDATE t SET a = 1")).await, "1ZI");
    assert!(noted().await.is_empty(), "it has not run");
    assert_eq!(raw.tags(&execute_unnamed()).await, "2CZI");
    assert_eq!(raw.tags(&execute_unnamed()).await, "2CZI");
    // Before the session's next statement.
    assert_eq!(raw.tags(&query("SELECT")).await, "TDCZI");
    assert_eq!(noted().await, ["UPDATE t SET a = 1"; 2], "each time that it runs");
    assert_eq!(raw.tags(&query("BEGIN; SELECT 1/0")).await, "CEZE");
    assert_eq!(raw.tags(&execute_unnamed()).await, "EZE");
    assert_eq!(raw.tags(&query("ROLLBACK")).await, "CZI");
    assert_eq!(noted().await.len(), 2, "not where it fails");
    world.end().await;
}

/// What is prepared anew waits for a lock that the client's own timeout ends.
#[tokio::test]
async fn a_timeout_that_strikes_a_renewal_fails_one_statement_and_the_renewal_is_done_later() {
    let world = World::adopted().await;
    let session = world.session("--edition=v1").await;
    let direct = world.direct().await;
    execute(&direct, "CREATE TABLE public.orders (id int); INSERT INTO public.orders VALUES (1)").await;
    execute(&session, "PREPARE q AS SELECT * FROM public.orders").await;
    let announce = "CREATE VIEW \"public$v1\".orders AS SELECT id FROM public.orders; \
        INSERT INTO edition.tables VALUES (1, 4712, 'public', 'orders', 'public', 'orders', 'public$v1'); \
        INSERT INTO edition.columns VALUES (1, 4712, 1, 'id', 'id', 1)";
    world.change_catalogue(announce).await;
    execute(&session, "SET statement_timeout = '200ms'").await;
    execute(&session, "EXECUTE q").await;
    let withdraw =
        "DELETE FROM edition.columns WHERE table_id = 4712; DELETE FROM edition.tables WHERE table_id = 4712";
    world.change_catalogue(withdraw).await;
    execute(&direct, "DROP VIEW \"public$v1\".orders; BEGIN; LOCK TABLE public.orders").await;
    let error = session.simple_query("SELECT 1").await.unwrap_err();
    assert_eq!(failure(&error).0, "57014", "{error}");
    // The renewal is under way again, behind the lock.
    execute(&direct, "ALTER TABLE public.orders ADD COLUMN extra int; COMMIT").await;
    let row = session.simple_query("EXECUTE q").await.unwrap();
    assert_eq!(row.len(), 3, "its own text again");
    assert_eq!(ask(&session, "SELECT 1::text").await, ["1"]);
    world.end().await;
}

#[tokio::test]
async fn a_statement_is_prepared_anew_for_values_of_any_length() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    execute(&direct, "CREATE TABLE public.orders (id int, word text)").await;
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v1").await;
    let insert = b"s\0INSERT INTO public.orders (word) VALUES ($1)\0\0\0";
    assert_eq!(raw.tags(&[frame(b'P', insert), sync()].concat()).await, "1ZI");
    let announce = "CREATE VIEW \"public$v1\".orders AS SELECT word AS id, word FROM public.orders; \
        INSERT INTO edition.tables VALUES (1, 4712, 'public', 'orders', 'public', 'orders', 'public$v1'); \
        INSERT INTO edition.columns VALUES (1, 4712, 2, 'word', 'word', 2)";
    world.change_catalogue(announce).await;
    let value = vec![b'x'; 3 << 20];
    let len = u32::try_from(value.len()).unwrap().to_be_bytes();
    let bind = frame(b'B', &[&b"\0s\0\0\0\0\x01"[..], &len, &value, b"\0\0"].concat());
    assert_eq!(raw.tags(&[bind, frame(b'E', &[0; 5]), sync()].concat()).await, "2CZI");
    let statements = "SELECT statement FROM pg_prepared_statements";
    raw.send(&query(statements)).await;
    let answer = raw.until_ready().await;
    let text =
        answer.iter().find(|(tag, _)| *tag == b'D').map(|(_, row)| String::from_utf8_lossy(row).into_owned());
    assert!(text.as_deref().is_some_and(|text| text.contains("\"public$v1\".orders")), "{text:?}");
    world.end().await;
}

/// A reset counts when the server has done it.
#[tokio::test]
async fn a_discard_that_fails_or_never_runs_forgets_nothing() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    execute(
        &direct,
        "CREATE SCHEMA tenant; CREATE TABLE tenant.orders (id int); INSERT INTO tenant.orders VALUES (1); \
         CREATE TABLE public.orders (id int); INSERT INTO public.orders VALUES (1)",
    )
    .await;
    world.session("").await;
    let announce = "CREATE VIEW \"public$v1\".orders AS SELECT id FROM public.orders; \
        INSERT INTO edition.tables VALUES (1, 4712, 'public', 'orders', 'public', 'orders', 'public$v1'); \
        INSERT INTO edition.columns VALUES (1, 4712, 1, 'id', 'id', 1)";
    world.change_catalogue(announce).await;
    let kept = frame(b'P', b"S_1\0SET search_path = tenant\0\0\0");
    let run_kept = [frame(b'B', b"\0S_1\0\0\0\0\0\0\0"), frame(b'E', &[0; 5]), sync()].concat();
    let ways: [&[(Vec<u8>, &str)]; 3] = [
        &[
            (query("SET search_path = tenant"), "CZI"),
            (query("BEGIN"), "CZT"),
            (query("DISCARD ALL"), "EZE"),
            (query("ROLLBACK"), "CZI"),
        ],
        &[(query("SET search_path = tenant"), "CZI"), (parse_unnamed("DISCARD ALL"), "1ZI")],
        &[
            (query("SET search_path = tenant"), "CZI"),
            ([kept, sync()].concat(), "1ZI"),
            (query("SET search_path = public"), "CZI"),
            (run_kept, "2CZI"),
        ],
    ];
    for way in ways {
        let mut raw = Raw::login(world.port(), &world.database, "--edition=v1").await;
        for (message, tags) in way {
            assert_eq!(raw.tags(message).await, *tags);
        }
        assert_eq!(raw.tags(&query("TRUNCATE orders")).await, "CZI");
        assert_eq!(ask(&direct, "SELECT id::text FROM public.orders").await, ["1"]);
        assert!(ask(&direct, "SELECT id::text FROM tenant.orders").await.is_empty());
        execute(&direct, "INSERT INTO tenant.orders VALUES (1)").await;
    }
    world.end().await;
}

#[tokio::test]
async fn what_was_not_deallocated_follows_the_epoch() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    execute(&direct, "CREATE TABLE public.orders (id int); INSERT INTO public.orders VALUES (1)").await;
    let announce = "CREATE VIEW \"public$v1\".orders AS SELECT id FROM public.orders; \
        INSERT INTO edition.tables VALUES (1, 4712, 'public', 'orders', 'public', 'orders', 'public$v1'); \
        INSERT INTO edition.columns VALUES (1, 4712, 1, 'id', 'id', 1)";
    let mut raw = Raw::login(world.port(), &world.database, "--edition=v1").await;
    let parse = frame(b'P', b"s\0SELECT id FROM public.orders\0\0\0");
    assert_eq!(raw.tags(&[parse, sync()].concat()).await, "1ZI");
    assert_eq!(raw.tags(&query("PREPARE q AS SELECT id FROM public.orders")).await, "CZI");
    assert_eq!(raw.tags(&query("BEGIN; SELECT 1/0")).await, "CEZE");
    for skipped in ["DISCARD ALL", "DEALLOCATE ALL", "DEALLOCATE s"] {
        assert_eq!(raw.tags(&query(skipped)).await, "EZE");
    }
    assert_eq!(raw.tags(&query("ROLLBACK")).await, "CZI");
    assert_eq!(raw.tags(&query("PREPARE q AS SELECT 2")).await, "EZI", "there is one");
    assert_eq!(raw.tags(&parse_unnamed("DEALLOCATE ALL")).await, "1ZI");
    let skipped = [frame(b'P', b"\0SELECT nothing\0\0\0"), frame(b'C', b"Ss\0"), sync()].concat();
    assert_eq!(raw.tags(&skipped).await, "EZI");
    world.change_catalogue(announce).await;
    let run = [frame(b'B', b"\0s\0\0\0\0\0\0\0"), frame(b'E', &[0; 5]), sync()].concat();
    assert_eq!(raw.tags(&run).await, "2DCZI");
    assert_eq!(raw.tags(&query("EXECUTE q")).await, "TDCZI");
    raw.send(&query("SELECT name || ' ' || statement FROM pg_prepared_statements ORDER BY 1")).await;
    let answer = raw.until_ready().await;
    let rows: Vec<String> = answer
        .iter()
        .filter(|(tag, _)| *tag == b'D')
        .map(|(_, row)| String::from_utf8_lossy(row).into_owned())
        .collect();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().all(|row| row.contains("\"public$v1\".orders")), "{rows:?}");
    world.end().await;
}
