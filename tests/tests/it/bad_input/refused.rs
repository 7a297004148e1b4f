//! Drafts that cannot be published: the plan says why, by name, and what to do; publish refuses before any DDL.

use catalog::{ErrorKind, event::Silent, model::OnError, operation::drop_draft};
use edition_tests::{OWNER, World, assert_same_schema, edition};

use super::findings;

const BASE: &str = "\
CREATE TYPE mood AS ENUM ('bad', 'good'); CREATE TYPE span AS RANGE (subtype = int4);
CREATE SEQUENCE numbers;
CREATE COLLATION plain (provider = libc, locale = 'C');
CREATE TABLE p (id int PRIMARY KEY, a int NOT NULL, b text, m mood);
CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p);
CREATE TYPE pair AS (a int, b int); CREATE TABLE paired (id int, pairs pair[]);
CREATE TABLE nothing ();
CREATE TABLE cut (m mood, b int) PARTITION BY LIST (m); CREATE TABLE rekeyed (id int, at int, PRIMARY KEY (id, at)) PARTITION BY LIST (at);
CREATE TABLE rekeyed_1 PARTITION OF rekeyed FOR VALUES IN (1);
CREATE TABLE pointing (r int, at int, FOREIGN KEY (r, at) REFERENCES rekeyed);
CREATE TABLE secret (id int, a int, b int); ALTER TABLE secret ENABLE ROW LEVEL SECURITY; GRANT SELECT (id) ON secret TO app;
CREATE VIEW shown AS SELECT id FROM p;
CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one;
CREATE FUNCTION f(i int) RETURNS int LANGUAGE sql AS 'SELECT i';
CREATE OPERATOR <+> (FUNCTION = int4larger, LEFTARG = int, RIGHTARG = int, COMMUTATOR = @#@);
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TYPE lone AS (a int); CREATE FUNCTION alone(l lone) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT l.a'; CREATE CAST (lone AS int) WITH FUNCTION alone(lone);
CREATE FUNCTION more(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1'; CREATE TABLE computed (a int, g int GENERATED ALWAYS AS (more(a)) STORED);
CREATE FUNCTION less(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i - 1'; CREATE STATISTICS st ON less(a), a FROM computed;
CREATE TRIGGER before_it BEFORE INSERT ON c FOR EACH ROW EXECUTE FUNCTION tf();
ALTER TABLE c ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON c USING (true);
CREATE TABLE hidden (id int PRIMARY KEY, a int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY; ALTER TABLE hidden FORCE ROW LEVEL SECURITY;
GRANT SELECT ON p TO app;
INSERT INTO p VALUES (1, 1, 'x', 'good');
";

/// DDL, and a part of the subject under which the plan refuses it.
const REFUSED: &[(&str, &str)] = &[
    ("ALTER TYPE span RENAME TO length", "length"),
    ("DROP TYPE span; CREATE TYPE span AS RANGE (subtype = int8)", "span"),
    // policies-not-comparable, row-security-switched, policies-hide-rows
    ("ALTER POLICY mine ON c USING (id > 0)", "table public.c"),
    ("ALTER TABLE c DISABLE ROW LEVEL SECURITY", "c"),
    ("ALTER TABLE hidden ALTER a TYPE bigint", "table public.hidden"),
    ("COMMENT ON SCHEMA public IS 'ours'", "schema public"),
    ("CREATE OPERATOR @#@ (FUNCTION = int4smaller, LEFTARG = int, RIGHTARG = int)", "promised operator"),
    ("ALTER TYPE pair ADD ATTRIBUTE c int", "table public.paired, column pairs"),
    ("ALTER TYPE mood RENAME VALUE 'bad' TO 'worse'", "table public.cut, column m"),
    ("ALTER TABLE rekeyed ALTER id TYPE bigint; ALTER TABLE pointing ALTER r TYPE bigint", "constraint rekeyed_pkey"),
    ("ALTER TABLE hidden ALTER id TYPE bigint; CREATE VIEW by_key AS SELECT id, a FROM hidden GROUP BY id", "view public.by_key"),
    ("ALTER TABLE rekeyed DETACH PARTITION rekeyed_1; DROP TABLE rekeyed_1", "partition public.rekeyed_1"),
    ("CREATE TABLE heir () INHERITS (p)", "heir"),
    // bound-to-function: a new one for something that all share, or one that comes too late
    ("CREATE OR REPLACE FUNCTION alone(l lone) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT -l.a'", "cast from public.lone to integer"),
    ("CREATE OR REPLACE FUNCTION more(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 2'", "column g of table public.computed"),
    ("CREATE OR REPLACE FUNCTION less(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i - 2'", "statistics object public.st"),
    (
        "CREATE TABLE counted (a int); CREATE FUNCTION count_it() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM counted; END;
         ALTER TABLE counted ADD b bigint DEFAULT count_it()",
        "default value for column b of table public.counted",
    ),
    // trigger-names-column: as an argument, in a transition table
    (
        "CREATE TRIGGER stamp BEFORE UPDATE ON p FOR EACH ROW EXECUTE FUNCTION tf('bb'); ALTER TABLE p RENAME b TO bb",
        "trigger stamp",
    ),
    (
        "CREATE FUNCTION sums() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM sum(aa) FROM fresh; RETURN NULL; END $$;
         CREATE TRIGGER summed AFTER INSERT ON p REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION sums();
         ALTER TABLE p RENAME a TO aa",
        "trigger summed",
    ),
    // trigger-sees-whole-row
    (
        "CREATE OR REPLACE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM to_jsonb(NEW); RETURN NEW; END $$; ALTER TABLE c ADD more int",
        "trigger before_it",
    ),
    ("CREATE RULE quiet AS ON DELETE TO p DO INSTEAD NOTHING", "p"),
    ("ALTER TABLE c SET UNLOGGED", "c"),
    ("ALTER SEQUENCE numbers SET UNLOGGED", "numbers"),
    ("ALTER SEQUENCE numbers MAXVALUE 5", "numbers"),
    ("ALTER SEQUENCE numbers RENAME TO digits", "digits"),
    ("DROP COLLATION plain; CREATE COLLATION plain (provider = libc, locale = 'POSIX')", "plain"),
    ("ALTER TABLE cut ADD g int GENERATED ALWAYS AS IDENTITY", "g"),
    ("ALTER TABLE p ALTER a ADD GENERATED ALWAYS AS IDENTITY", "a"),
    ("CREATE DOMAIN even AS int NOT NULL CHECK (VALUE % 2 = 0); ALTER TABLE p ADD e even", "e"),
    ("ALTER TABLE nothing ADD a int", "nothing"),
    ("ALTER TABLE secret RENAME a TO aa", "secret"),
];

/// All of them with one server and one database: a draft each.
#[tokio::test]
async fn what_cannot_be_published_is_refused_by_name() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    let mut wrong = Vec::new();
    for (ddl, subject) in REFUSED {
        world.verbs.create("v2").await;
        // past the proxy: what is tested is the plan
        world.in_blueprint("v2").await.run(ddl).await;
        let found = findings(&world, "v2").await;
        if !found.iter().any(|(_, about, _)| about.contains(subject)) {
            wrong.push(format!("{ddl}: no finding about {subject} in {found:?}"));
        }
        match world.verbs.try_publish("v2", &[], &Silent).await {
            Err(error) if error.kind() == ErrorKind::Refused && error.to_string().contains(subject) => {}
            other => wrong
                .push(format!("{ddl}: publish said {:?}", other.map(|_| "yes").map_err(|e| e.to_string()))),
        }
        let difference = world.dump().await.difference(&before);
        if !difference.is_empty() {
            wrong.push(format!("{ddl}: publish changed the database\n{difference}"));
        }
        let draft = edition("v2");
        if drop_draft(&world.verbs.target, &draft, &Silent).await.is_err() {
            world.verbs.rollback("v2").await;
            drop_draft(&world.verbs.target, &draft, &Silent).await.unwrap();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.end().await;
}

/// Each with the command to paste, and the command, pasted with an expression, helps.
#[tokio::test]
async fn a_missing_transform_is_asked_for() {
    for (ddl, code, subject, fix, forward, reverse) in [
        (
            "ALTER TABLE p ADD n int NOT NULL",
            "needs-forward-transform",
            "column n",
            "edition transform v2 p --forward 'n = ",
            "n = 1",
            "",
        ),
        (
            "ALTER TABLE p DROP a",
            "needs-reverse-transform",
            "column a",
            "edition transform v2 p --reverse 'a = ",
            "",
            "a = 1",
        ),
        (
            // What a DO block runs is not noted, so its USING is not known.
            "DO 'BEGIN ALTER TABLE p ALTER b TYPE int USING 1; END'",
            "needs-forward-transform",
            "column b",
            "edition transform v2 p --forward 'b = ",
            "b = 1",
            "",
        ),
        (
            "ALTER TABLE p ALTER a DROP NOT NULL",
            "nulls-wait-for-retire",
            "column a",
            "edition transform v2 p --reverse 'a = ",
            "",
            "a = coalesce(a, 0)",
        ),
    ] {
        let world = World::adopted(BASE).await;
        world.verbs.create("v2").await;
        world.draft("v2", ddl).await;
        let found = findings(&world, "v2").await;
        let fits = |(is, about, help): &(String, String, String)| {
            is == code && about.contains(subject) && help.replace('"', "").starts_with(fix)
        };
        assert!(found.iter().any(fits), "{ddl}: {found:?}");
        let error = world.verbs.try_publish("v2", &[], &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(code) && error.to_string().contains(subject), "{error}");
        world.verbs.transform("v2", "p", forward, reverse).await;
        world.verbs.publish("v2", &[]).await;
        world.end().await;
    }
}

#[tokio::test]
async fn bad_transforms_are_refused_when_they_are_given() {
    let world = World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int)").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t ADD b int; CREATE TABLE fresh (x int)").await;
    for (table, forward, reverse) in [
        ("t", "b = no_such_column", ""),
        ("t", "b = (SELECT 1)", ""),
        ("t", "b = count(*)", ""),
        ("t", "no_such_target = a", ""),
        ("t", "b = a +", ""),
        ("t", "b = a; DROP TABLE t", ""),
        ("t", "b = 'text'::date", ""),
        ("t", "b = a, b = a", ""),
        ("t", "", "nothing = b"),
        ("t", "b", ""),
        ("no_such_table", "b = a", ""),
    ] {
        let given = world.verbs.try_transform("v2", table, forward, reverse, OnError::Reject).await;
        let error = given.err().unwrap_or_else(|| panic!("taken: {table} {forward} {reverse}"));
        assert_eq!(error.kind(), ErrorKind::Refused, "{forward}{reverse}: {error}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_needs_a_word_is_refused_without_it() {
    for (base, ddl, code) in [
        ("", "ALTER TABLE t ADD CHECK (a > 0)", "tightens-older-edition"),
        ("", "CREATE TABLE n (id int REFERENCES t)", "restricts-older-edition"),
        (
            "",
            "CREATE TABLE n (id int REFERENCES t ON DELETE CASCADE);
             CREATE TRIGGER gone AFTER DELETE ON n FOR EACH ROW EXECUTE FUNCTION tf()",
            "restricts-older-edition",
        ),
        ("", "ALTER TABLE t ALTER at TYPE date", "lossy-cast"),
        ("", "ALTER TABLE t ALTER a TYPE smallint", "older-write-may-fail"),
        (
            "CREATE TRIGGER on_update BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION tf();",
            "ALTER TABLE t ALTER a TYPE bigint",
            "backfill-fires-triggers",
        ),
        (
            "CREATE TRIGGER \"имя\" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION tf();",
            "ALTER TABLE t ALTER a TYPE bigint",
            "trigger-runs-late",
        ),
        (
            "CREATE TABLE cut (at int, a int) PARTITION BY LIST (at); CREATE TABLE cut_1 PARTITION OF cut FOR VALUES IN (1);
             CREATE TRIGGER apart BEFORE INSERT ON cut_1 FOR EACH ROW EXECUTE FUNCTION tf();",
            "ALTER TABLE cut ALTER a TYPE bigint",
            "partition-trigger",
        ),
        ("", "ALTER TABLE t ALTER at TYPE timestamptz", "depends-on-time-zone"),
    ] {
        let table = "CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TABLE t (id int PRIMARY KEY, a int, at timestamp);";
        let world = World::adopted(&format!("{table}{base}")).await;
        let before = world.dump().await;
        world.verbs.create("v2").await;
        world.draft("v2", ddl).await;
        let error = world.verbs.try_publish("v2", &[], &Silent).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Refused && error.to_string().contains(code), "{ddl}: {error}");
        assert_same_schema(ddl, &world.dump().await, &before);
        world.verbs.publish("v2", &[code]).await;
        world.end().await;
    }
}

#[tokio::test]
async fn a_key_of_the_name_of_another_keys_part_is_refused() {
    let world = World::adopted(
        "CREATE TABLE nodes (id int PRIMARY KEY) PARTITION BY RANGE (id);
         CREATE TABLE nodes_low PARTITION OF nodes FOR VALUES FROM (MINVALUE) TO (500);
         CREATE TABLE leaves (id int PRIMARY KEY, node int REFERENCES nodes);",
    )
    .await;
    world.verbs.create("v2").await;
    // While both editions are live, both keys have parts, one of the name that is free in the draft.
    world.draft("v2", "ALTER TABLE leaves ALTER CONSTRAINT leaves_node_fkey DEFERRABLE").await;
    world.verbs.publish("v2", &["tightens-older-edition"]).await;
    world.verbs.create("v3").await;
    // How PostgreSQL names them changed with version 18.
    let parts = "SELECT conname FROM pg_constraint WHERE conrelid = 'public.leaves'::regclass AND conparentid <> 0 ORDER BY 1";
    let in_draft = world.in_blueprint("v3").await.ask(parts).await;
    let mut parts = world.direct(OWNER).await.ask(parts).await.into_iter();
    let part = parts.find(|part| !in_draft.contains(part)).unwrap();
    let add = format!(
        "ALTER TABLE leaves ADD CONSTRAINT {part} FOREIGN KEY (node) REFERENCES nodes ON DELETE CASCADE"
    );
    world.draft("v3", &add).await;
    let before = world.dump().await;
    let error = world.verbs.try_publish("v3", &["tightens-older-edition"], &Silent).await.unwrap_err();
    let said = error.to_string();
    assert!(error.kind() == ErrorKind::Refused && said.contains(&format!("constraint {part}")), "{said}");
    assert!(said.contains("a part of another foreign key"), "{said}");
    assert_same_schema("refused", &world.dump().await, &before);
    world.draft("v3", &format!("ALTER TABLE leaves RENAME CONSTRAINT {part} TO again")).await;
    world.verbs.publish("v3", &["tightens-older-edition"]).await;
    world.end().await;
}

/// A stored column has an identity or a default, and every live edition may come to be the oldest.
#[tokio::test]
async fn an_identity_where_any_live_edition_gives_a_default_is_refused() {
    let world = World::adopted(
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL DEFAULT 1, b int NOT NULL); INSERT INTO t VALUES (1, 1, 1)",
    )
    .await;
    let drafts = [
        ("v2", "ALTER TABLE t ALTER a DROP DEFAULT, ALTER b SET DEFAULT 5"),
        ("v3", "ALTER TABLE t ALTER b DROP DEFAULT"),
    ];
    for (edition, ddl) in drafts {
        world.verbs.create(edition).await;
        world.draft(edition, ddl).await;
        world.verbs.publish(edition, &[]).await;
    }
    let refused = async || {
        world.verbs.create("v4").await;
        let identities = "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY, ALTER b ADD GENERATED BY DEFAULT AS IDENTITY";
        world.draft("v4", identities).await;
        let findings = world.verbs.plan("v4").await.findings;
        let refused = findings.into_iter().filter(|finding| finding.code.slug() == "unsupported");
        refused.map(|finding| format!("{}: {}", finding.subject, finding.message)).collect::<Vec<_>>()
    };
    let why = "identity was added to a column that has a default in edition";
    let (a, b) =
        (format!("table public.t, column a: {why} v1"), format!("table public.t, column b: {why} v2"));
    assert_eq!(refused().await, [a, b.clone()]);
    for (older, still) in [("v1", vec![b]), ("v2", vec![])] {
        drop_draft(&world.verbs.target, &edition("v4"), &Silent).await.unwrap();
        world.verbs.default("v3").await;
        world.verbs.retire(older).await;
        assert_eq!(refused().await, still, "without {older}");
    }
    world.verbs.publish("v4", &["numbers-may-meet"]).await;
    let session = world.session(OWNER, "v4").await;
    assert_eq!(session.ask("INSERT INTO t (id) VALUES (2) RETURNING a, b").await, ["2|2"]);
    world.end().await;
}

#[tokio::test]
async fn an_index_of_the_name_that_a_table_gives_up_is_refused() {
    let world = World::adopted(BASE).await;
    let before = world.dump().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE p RENAME TO q; CREATE INDEX p ON q (b)").await;
    let error = world.verbs.try_publish("v2", &[], &Silent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("relation \"p\" already exists"), "{error}");
    world.draft("v2", "ALTER INDEX p RENAME TO by_b").await;
    world.verbs.publish("v2", &[]).await;
    world.verbs.rollback("v2").await;
    assert_same_schema("after the rollback", &world.dump().await, &before);
    world.end().await;
}

#[tokio::test]
async fn direct_changes_of_the_live_database_are_noticed() {
    let world = World::adopted("CREATE TABLE t (id int PRIMARY KEY, a int)").await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t RENAME a TO b").await;
    world.direct(OWNER).await.run("ALTER TABLE t ADD sneaked_in int").await;
    let error = world.verbs.try_publish("v2", &[], &Silent).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Refused && error.to_string().contains("sneaked_in"), "{error}");
    world.direct(OWNER).await.run("ALTER TABLE t DROP sneaked_in").await;
    world.verbs.publish("v2", &[]).await;
    world.end().await;
}
