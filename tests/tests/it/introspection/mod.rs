//! What clients are shown of the catalogues in a live edition, compared with what they are shown in its blueprint, which holds the same schema
//! as real tables. Order aside: of rows because few ask for one, of columns because those of an edition stand as they are stored.

mod counting;
mod dumps;
mod keys;
mod paths;

use std::process::Stdio;

use edition_tests::{OWNER, Session, World, at_every_moment, server};

const BASE: &str = include_str!("base.sql");
const CHILD: &str = include_str!("child.sql");
const QUERIES: &str = include_str!("queries.sql");

/// What people type.
const COMMANDS: &[&str] = &[
    r"\d",
    r"\dt",
    r"\dt public.*",
    r"\di",
    r"\ds",
    r"\dv",
    r"\df",
    r"\dn",
    r"\dT",
    r"\dd",
    r"\dX",
    r"\dconfig search_path",
    r"\dp",
    r"\sf add",
    r"\d customers",
    r"\d public.customers",
    r"\d legacy",
    r"\d customers_by_name",
    r"\d customers_by_full_name",
    r"\d orders_id_seq",
    r"\d+ customers",
    r"\d+ orders",
    r"\d+ lines",
    r"\d+ plain",
    r"\d+ audit",
    r"\d+ big_orders",
    r"\d+ plain_names",
];

const EDITIONS: [&str; 2] = ["v1", "v2"];

async fn world() -> World {
    let world = World::adopted(BASE).await;
    world.verbs.create("v2").await;
    world.draft("v2", CHILD).await;
    world.verbs.publish("v2", &["lossy-cast", "backfill-fires-triggers"]).await;
    world
}

/// The client's name and its statement.
fn queries() -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut client = "";
    QUERIES.lines().skip(1).filter_map(move |line| match line.strip_prefix("-- ") {
        Some(name) => {
            client = name;
            None
        }
        None => (!line.is_empty()).then_some((client, line)),
    })
}

/// Rows in an order of their own; a blueprint also holds what drafts call in a schema of ours.
fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.retain(|row| !row.starts_with("edition|") && !row.starts_with('('));
    rows.sort();
    rows
}

async fn answer(session: &Session, query: &str) -> Vec<String> {
    match session.try_ask(query).await {
        Ok(answer) => sorted([vec![answer.columns.join("|")], answer.rows].concat()),
        Err(failure) => vec![format!("{failure:?}")],
    }
}

fn report(differences: &mut Vec<String>, what: &str, seen: &[String], wanted: &[String]) {
    if seen == wanted {
        return;
    }
    let only = |some: &[String], others: &[String], sign: char| -> Vec<String> {
        some.iter().filter(|row| !others.contains(row)).map(|row| format!("  {sign} {row}")).collect()
    };
    let lines = [vec![what.to_owned()], only(wanted, seen, '-'), only(seen, wanted, '+')].concat();
    differences.push(lines.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_and_mappers_see_tables() {
    let world = world().await;
    let mut differences = Vec::new();
    for edition in EDITIONS {
        for (client, query) in queries() {
            // Each in a session of its own, because one of them changes the search path.
            let seen = answer(&world.session(OWNER, edition).await, query).await;
            let wanted = answer(&world.in_blueprint(edition).await, query).await;
            assert!(wanted.len() > 1, "{client}: the query asks for nothing\n{wanted:?}");
            report(&mut differences, &format!("{edition}, {client}"), &seen, &wanted);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_and_progress_are_those_of_the_editions_tables() {
    const LOCKS: [&str; 2] = [
        "SELECT relation::regclass, mode, granted FROM pg_locks WHERE pid = pg_backend_pid() \
         AND relation IN ('customers'::regclass, 'orders'::regclass, 'plain'::regclass) ORDER BY relation::regclass::text, 2",
        "SELECT c.relname, l.mode FROM pg_catalog.pg_locks l JOIN pg_class c ON c.oid = l.relation \
         WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1, 2",
    ];
    let world = world().await;
    for edition in EDITIONS {
        let (session, blueprint) = (world.session(OWNER, edition).await, world.in_blueprint(edition).await);
        for place in [&session, &blueprint] {
            place.run("BEGIN").await;
            place.run("LOCK TABLE customers IN SHARE MODE").await;
            place.run("SELECT count(*) FROM orders, plain; UPDATE plain SET name = name").await;
        }
        for query in LOCKS {
            let wanted = blueprint.ask(query).await;
            assert!(wanted.len() >= 4, "{wanted:?}");
            assert_eq!(session.ask(query).await, wanted, "{edition}: {query}");
        }
        session.run("ROLLBACK").await;
        let pid = session.ask("SELECT pg_backend_pid()").await.concat();
        let copy = session.client().copy_in::<_, &'static [u8]>("COPY plain (id) FROM STDIN").await.unwrap();
        // Not that of the edition before, and PostgreSQL answers the COPY before it tells all of it.
        let progress = format!(
            "SELECT relid::regclass, command FROM pg_stat_progress_copy WHERE pid = {pid} AND command IS NOT NULL"
        );
        let (other, mut told) = (world.session(OWNER, edition).await, Vec::new());
        for _ in 0..100 {
            told = other.ask(&progress).await;
            if !told.is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(told, ["plain|COPY FROM"]);
        drop(copy);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extended_protocol_is_shown_the_same() {
    let world = world().await;
    for edition in EDITIONS {
        let (session, blueprint) = (world.session(OWNER, edition).await, world.in_blueprint(edition).await);
        let query = "SELECT a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM pg_catalog.pg_attribute a \
            LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
            WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull ORDER BY 1";
        let mut answers = Vec::new();
        for session in [&session, &blueprint] {
            let rows = session.client().query(query, &[&"orders"]).await.unwrap();
            answers.push(
                rows.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(String, Option<String>)>>(),
            );
        }
        assert_eq!(answers[0], answers[1]);
        assert!(!answers[0].is_empty());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_describes_tables() {
    let world = world().await;
    let mut differences = Vec::new();
    for edition in EDITIONS {
        for command in COMMANDS {
            let seen = psql(world.port(), &format!("{}@{edition}", world.database), command).await;
            let wanted = psql(server().await.port(), &world.blueprint(edition), command).await;
            report(&mut differences, &format!("{edition}, {command}"), &sorted(seen), &sorted(wanted));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    world.end().await;
}

/// What psql writes, errors included.
async fn psql(port: u16, database: &str, command: &str) -> Vec<String> {
    let program = server().await.programs().unwrap().psql;
    let output = tokio::process::Command::new(program)
        .args([
            "-XAq",
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-U",
            OWNER,
            "-d",
            database,
            "-c",
            command,
        ])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_made_while_editions_differ_is_shown() {
    // On columns of both editions, also as an expression and in a predicate; and on one that only the child has.
    const SHARED: &[&str] = &[
        "CREATE INDEX by_birth ON customers (born, lower(email)) INCLUDE (note) WHERE note IS NOT NULL",
        "CREATE UNIQUE INDEX articles ON public.lines (article, order_id)",
    ];
    const RENAMED: &str = "CREATE INDEX by_name ON customers (name DESC)";
    const OF_CHILD: &str = "CREATE INDEX by_city ON customers (city)";
    let world = world().await;
    for statement in [SHARED, &[RENAMED]].concat() {
        world.session(OWNER, "v1").await.run(statement).await;
        world.in_blueprint("v1").await.run(statement).await;
        world.in_blueprint("v2").await.run(&statement.replace("(name", "(full_name")).await;
    }
    world.session(OWNER, "v2").await.run(OF_CHILD).await;
    world.in_blueprint("v2").await.run(OF_CHILD).await;
    let queries = [
        "SELECT c.relname, i.indrelid::regclass, i.indkey, i.indisunique, ARRAY(SELECT pg_get_indexdef(c.oid, n, true) FROM generate_series(1, i.indnatts) n) \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid AND t.relname IN ('customers', 'lines')",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE tablename IN ('customers', 'lines') AND indexname <> 'by_name'",
        "SELECT a.attname FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (i.indkey) WHERE c.relname = 'by_name'",
    ];
    let mut differences = Vec::new();
    // Before and after the next step of an operation looks everything up anew.
    for looked_up in [false, true] {
        if looked_up {
            let statement = "SELECT edition.reflect_objects()";
            world.direct(OWNER).await.run(statement).await;
        }
        for edition in EDITIONS {
            for query in queries {
                let seen = answer(&world.session(OWNER, edition).await, query).await;
                let wanted = answer(&world.in_blueprint(edition).await, query).await;
                report(&mut differences, &format!("{edition}, {looked_up}"), &seen, &wanted);
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_sees_no_more_than_its_privileges_allow() {
    let world = world().await;
    for edition in EDITIONS {
        let (session, blueprint) =
            (world.session(edition_tests::APP, edition).await, world.direct(edition_tests::APP).await);
        // What is closed in pg_catalog is closed in an edition.
        for closed in ["SELECT rolname FROM pg_authid", "SELECT starelid FROM pg_statistic"] {
            assert_eq!(session.fail(closed).await.code, "42501", "{closed}");
            assert_eq!(blueprint.fail(closed).await.code, "42501", "{closed}");
        }
        let tables =
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
        let seen = session.ask(tables).await;
        assert!(
            seen.contains(&"customers".to_owned()) && !seen.contains(&"plain_names".to_owned()),
            "{seen:?}"
        );
        for ours in ["DELETE FROM edition_catalog.\"~~tables\"", "SELECT edition.reflect_objects()"] {
            assert_eq!(session.fail(ours).await.code, "42501", "{ours}");
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflections_go_with_the_last_difference() {
    let world = world().await;
    let there = "SELECT to_regnamespace('edition_catalog') IS NOT NULL";
    assert_eq!(world.direct(OWNER).await.ask(there).await, ["t"]);
    let session = world.session(OWNER, "v1").await;
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
    let before = session.client().prepare(tables).await.unwrap();
    let names = async |statement| -> Vec<String> {
        session.client().query(statement, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let wanted = ["customers", "legacy", "lines", "orders", "plain"];
    assert_eq!(names(&before).await, wanted);
    world.verbs.rollback("v2").await;
    assert_eq!(world.direct(OWNER).await.ask(there).await, ["f"]);
    assert_eq!(names(&before).await, wanted, "a statement that was prepared before");
    assert_eq!(session.ask(tables).await, wanted);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_made_by_hand_partitions_and_views_by_name() {
    let base = "CREATE TABLE notes (id int PRIMARY KEY, word text, body text); CREATE VIEW words AS SELECT word FROM notes; \
        CREATE TABLE readings (at date, value int) PARTITION BY RANGE (at); \
        CREATE TABLE readings_1 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')";
    let world = World::adopted(base).await;
    world.verbs.create("v2").await;
    world
        .draft("v2", "ALTER TABLE notes RENAME body TO content; ALTER TABLE readings ADD COLUMN unit text")
        .await;
    world.verbs.publish("v2", &[]).await;
    world
        .session(OWNER, "v2")
        .await
        .run("CREATE UNIQUE INDEX by_word ON notes (word, id) WHERE id > 0")
        .await;
    let key = "CREATE UNIQUE INDEX notes_pkey ON public.notes USING btree (id)";
    let by_word = "CREATE UNIQUE INDEX by_word ON public.notes USING btree (word, id) WHERE (id > 0)";
    for edition in EDITIONS {
        let session = world.session(OWNER, edition).await;
        let shown = "SELECT indexdef FROM pg_indexes WHERE tablename = 'notes' ORDER BY indexname";
        assert_eq!(session.ask(shown).await, [by_word, key], "{edition}");
        let columns = "SELECT string_agg(a.attname, ',' ORDER BY place) FROM pg_index x, unnest(x.indkey::int2[]) WITH ORDINALITY AS k (n, place), pg_attribute a \
            WHERE x.indexrelid = 'by_word'::regclass AND a.attrelid = x.indrelid AND a.attnum = k.n AND x.indrelid = 'notes'::regclass";
        assert_eq!(session.ask(columns).await, ["word,id"], "{edition}");
        for (question, answer) in [
            ("SELECT trim(pg_get_viewdef('words')) LIKE '%word%FROM notes;'", "t"),
            ("SELECT pg_get_viewdef('public.words', true) = pg_get_viewdef('words'::regclass, 0)", "t"),
            ("SELECT pg_partition_root('readings_1')", "readings"),
            (
                "SELECT string_agg(relid::text || coalesce('<' || parentrelid::text, ''), ' ' ORDER BY level) FROM pg_partition_tree('readings')",
                "readings readings_1<readings",
            ),
            (
                "SELECT string_agg(relid::text, ' ') FROM pg_partition_ancestors('readings_1')",
                "readings_1 readings",
            ),
            (
                "SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = 'readings_1'::regclass",
                "readings",
            ),
            (
                "SELECT relhassubclass::text || relkind::text FROM pg_class WHERE oid = 'readings'::regclass",
                "truep",
            ),
            (
                "SELECT pg_get_partkeydef(partrelid) || partattrs::text FROM pg_partitioned_table WHERE partrelid = 'readings'::regclass",
                "RANGE (at)1",
            ),
            (
                "SELECT pg_describe_object('pg_class'::regclass, 'notes'::regclass, 0) || ', ' || pg_describe_object('pg_class'::regclass, 'notes'::regclass, 2)",
                "table notes, column word of table notes",
            ),
        ] {
            assert_eq!(session.ask(question).await, [answer], "{edition}: {question}");
        }
        // a plan is that of the catalogue itself
        assert_eq!(
            session.ask("EXPLAIN (COSTS off) SELECT FROM pg_am").await,
            ["Seq Scan on pg_am"],
            "{edition}"
        );
        let plan = session.ask("EXPLAIN (COSTS off) SELECT FROM pg_class WHERE oid = 1").await;
        assert!(plan.iter().all(|line| !line.contains("edition")), "{plan:?}");
    }
    world.end().await;
}

/// What the reflections are made from, and whether looking everything up anew gives the same.
const KEPT_UP: &str = "\
CREATE FUNCTION pg_temp.reflected() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE one name; rows jsonb; whole jsonb := '{}';
BEGIN
    FOR one IN SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('edition_catalog') AND relkind = 'r' ORDER BY 1 LOOP
        EXECUTE format('SELECT coalesce(jsonb_agg(r ORDER BY r::text), ''[]'') FROM edition_catalog.%I t, to_jsonb(t) AS r', one) INTO rows;
        whole := whole || jsonb_build_object(one, rows);
    END LOOP;
    RETURN whole;
END $$;
CREATE TABLE pg_temp.seen AS SELECT key, jsonb_array_elements(value) AS row FROM jsonb_each(pg_temp.reflected());
SELECT edition.reflect_objects();
CREATE TABLE pg_temp.should AS SELECT key, jsonb_array_elements(value) AS row FROM jsonb_each(pg_temp.reflected());
SELECT '+', key, row FROM (TABLE pg_temp.seen EXCEPT ALL TABLE pg_temp.should) AS more
UNION ALL SELECT '-', key, row FROM (TABLE pg_temp.should EXCEPT ALL TABLE pg_temp.seen) AS less";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_changes_is_looked_up_and_nothing_is_left_behind() {
    let world = World::adopted(BASE).await;
    let direct = world.direct(OWNER).await;
    let look = async |moment: &str| {
        if moment.starts_with("after step") {
            direct.run("BEGIN").await;
            assert_eq!(direct.ask(KEPT_UP).await, [] as [String; 0], "{moment}");
            direct.run("ROLLBACK").await;
        }
    };
    world.verbs.create("v2").await;
    world.draft("v2", CHILD).await;
    let words = ["lossy-cast", "backfill-fires-triggers"];
    world.verbs.publish("v2", &words).await;
    at_every_moment(
        &world.verbs,
        |verbs, holding| async move {
            verbs.try_rollback("v2", &holding).await.unwrap();
        },
        look,
    )
    .await;
    world.verbs.publish("v2", &words).await;
    world.verbs.default("v2").await;
    let met = at_every_moment(
        &world.verbs,
        |verbs, holding| async move {
            verbs.try_retire("v1", &holding).await.unwrap();
        },
        look,
    )
    .await;
    assert!(met.iter().any(|moment| moment.contains("contract public.")), "{met:#?}");
    world.end().await;
}
