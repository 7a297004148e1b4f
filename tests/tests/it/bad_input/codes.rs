//! Every code of a finding: a draft that has it, and what the plan says. A code that no test names fails [`every_code_is_shown_by_a_test`].

use std::{fs, path::Path};

use catalog::plan::Code;
use edition_tests::{Session, World, server};

const BASE: &str = "\
CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int CHECK (c > 0), d int NOT NULL DEFAULT 0); CREATE INDEX by_a ON t (a);
INSERT INTO t SELECT i, i, repeat('x', 300), i FROM generate_series(1, 5000) i;
CREATE TYPE mood AS ENUM ('bad', 'good'); CREATE TABLE moods (id int, m mood DEFAULT 'bad', UNIQUE (id, m));
CREATE TABLE keyless (a int); CREATE SEQUENCE numbers;
CREATE TABLE secret (id int, a int, b int); ALTER TABLE secret ENABLE ROW LEVEL SECURITY; GRANT SELECT (id) ON secret TO app;
CREATE TABLE forced (id int PRIMARY KEY, a int); ALTER TABLE forced ENABLE ROW LEVEL SECURITY; ALTER TABLE forced FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON forced USING (id < 0);
CREATE TABLE parted (id int PRIMARY KEY, a int) PARTITION BY RANGE (id); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE given (a int); CREATE FUNCTION givers(x int) RETURNS SETOF given LANGUAGE sql AS 'SELECT * FROM given WHERE a = x';
CREATE FUNCTION empties() RETURNS void LANGUAGE plpgsql AS 'BEGIN TRUNCATE given; END';
CREATE TABLE seen (id int PRIMARY KEY, a int); ALTER TABLE seen ENABLE ROW LEVEL SECURITY; CREATE POLICY all_of ON seen USING (true);
CREATE FUNCTION whole() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM to_jsonb(NEW); RETURN NEW; END $$;
CREATE TRIGGER whole BEFORE INSERT ON seen FOR EACH ROW EXECUTE FUNCTION whole();
CREATE TABLE stamped (id int PRIMARY KEY, a int);
CREATE TRIGGER stamp BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION whole('aa');
CREATE FUNCTION bound(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i'; CREATE STATISTICS st ON bound(a), c FROM t;
CREATE TABLE full_rows (id int PRIMARY KEY, a int, CONSTRAINT full_row CHECK (full_rows IS NOT NULL));
CREATE TABLE built (id int PRIMARY KEY, a int); ALTER TABLE built ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON built USING (built = ROW(1, 2)::built);
GRANT INSERT ON t TO app; ANALYZE t;
";

/// A draft, the code of a finding about it, and parts of the subject and of the message.
struct Case {
    code: &'static str,
    ddl: &'static str,
    subject: &'static str,
    says: &'static str,
}

const fn case(code: &'static str, ddl: &'static str, subject: &'static str, says: &'static str) -> Case {
    Case { code, ddl, subject, says }
}

const CASES: &[Case] = &[
    case("changes-nothing", "SELECT", "edition v2", "v2 is what v1 is"),
    case("unsupported", "ALTER TABLE t SET UNLOGGED", "table public.t", "persistence"),
    case(
        "null-for-not-null",
        "ALTER TABLE t ADD n int NOT NULL; SELECT edition.forward('t', 'n = a', 'null')",
        "column n",
        "NULL",
    ),
    case(
        "bad-transform",
        "ALTER TABLE t ADD n int; SELECT edition.forward('t', 'n = nowhere')",
        "t",
        "nowhere",
    ),
    case(
        "needs-forward-transform",
        // What a DO block runs is not noted.
        "DO 'BEGIN ALTER TABLE t ADD n int NOT NULL DEFAULT 5; ALTER TABLE t ALTER n DROP DEFAULT, ALTER d TYPE bigint; END'",
        "table public.t, column n, forward",
        "is forgotten, because the draft changes the type of d",
    ),
    case("unknown-transform-target", "SELECT edition.forward('t', 'nowhere = a')", "nowhere", "column"),
    case("column-grants-with-policies", "ALTER TABLE secret RENAME a TO aa", "secret", "policies"),
    case(
        "rewrites-table",
        "CREATE DOMAIN even AS int NOT NULL CHECK (VALUE % 2 = 0); ALTER TABLE t ADD e even",
        "column e",
        "takes no NULL",
    ),
    case("kept-until-retire", "ALTER TABLE t DROP CONSTRAINT t_c_check", "t_c_check", "older"),
    case(
        "blocks-writers",
        "ALTER TABLE t ADD g int GENERATED ALWAYS AS (a + 1) STORED",
        "column g",
        "exclusive lock",
    ),
    case(
        "blocks-writers",
        "CREATE DOMAIN lot AS float8 DEFAULT random(); ALTER TABLE t ADD l lot",
        "table public.t, column l",
        "volatile default rewrites the table",
    ),
    case(
        "blocks-writers",
        "CREATE DOMAIN short AS text CHECK (length(VALUE) < 9); ALTER TABLE t ADD s short",
        "table public.t, column s",
        "constraints rewrites the table",
    ),
    case(
        "older-edition-lacks-privilege",
        "ALTER TABLE t ADD n bigserial",
        "sequence public.t_n_seq",
        "may insert",
    ),
    case(
        "older-edition-lacks-privilege",
        "CREATE SEQUENCE \"It's\"; ALTER TABLE t ADD n bigint DEFAULT 0; ALTER TABLE t ALTER n SET DEFAULT 1 + nextval('\"It''s\"')",
        "sequence public.It's",
        "may insert",
    ),
    case(
        "partition-shared",
        "CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20)",
        "partition public.parted_2",
        "all editions share it",
    ),
    case(
        "partitions-by-name",
        "ALTER TABLE parted ADD more int",
        "table public.parted",
        "names one of its partitions",
    ),
    case("lossy-but-kept", "ALTER TABLE t ALTER d DROP NOT NULL", "column d", "NULL"),
    case(
        "older-write-may-fail",
        "ALTER TABLE t ALTER b TYPE varchar(400)",
        "table public.t, column b, forward",
        "a write of v1 fails where its text does not fit into character varying(400)",
    ),
    case(
        "older-write-may-fail",
        "CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%x%'); ALTER TABLE t ALTER b TYPE mail",
        "table public.t, column b, forward",
        "does not meet the rules of public.mail",
    ),
    case(
        "older-write-may-fail",
        "ALTER TABLE t ADD n int NOT NULL; SELECT edition.forward('t', 'n = a')",
        "table public.t, column n, forward",
        "gives NULL",
    ),
    case(
        "older-write-may-fail",
        "ALTER TABLE t ADD n int, ADD CONSTRAINT small CHECK (n < 9); SELECT edition.forward('t', 'n = a')",
        "table public.t, constraint small",
        "the transform gives for n breaks the rule",
    ),
    case(
        "older-write-may-fail",
        "ALTER TABLE t ADD n int; CREATE UNIQUE INDEX one_n ON t (n); SELECT edition.forward('t', 'n = a')",
        "table public.t, unique index one_n",
        "the transform gives for n breaks the rule",
    ),
    case(
        "newer-write-may-fail",
        "ALTER TABLE t ALTER d TYPE bigint",
        "table public.t, column d, reverse",
        "until v1 is retired, a write of v2 fails where its bigint does not fit into integer",
    ),
    case(
        "key-stands-twice",
        "ALTER TABLE t ALTER id TYPE bigint",
        "table public.t, constraint t_pkey",
        "until v1 is retired",
    ),
    case("older-key-meets-default", "ALTER TYPE mood ADD VALUE 'fine'", "column m", "in older editions"),
    case("deferred-to-retire", "COMMENT ON TABLE t IS 'rows'", "table public.t", "comment"),
    case("trigger-names-column", "ALTER TABLE stamped RENAME a TO aa", "trigger stamp", "aa"),
    case("trigger-sees-whole-row", "ALTER TABLE seen ADD more int", "trigger whole", "whole"),
    case(
        "row-type-in-signature",
        "ALTER TABLE given ADD more int",
        "table public.given",
        "givers(x integer)",
    ),
    case("function-needs-table", "ALTER TABLE given ADD more int", "function public.empties()", "TRUNCATE"),
    case(
        "function-needs-table",
        "CREATE FUNCTION newest() RETURNS SETOF int LANGUAGE sql AS 'SELECT a FROM given ORDER BY xmin::text'; ALTER TABLE given RENAME a TO aa",
        "function public.newest()",
        "column xmin",
    ),
    case(
        "bound-to-function",
        "CREATE OR REPLACE FUNCTION bound(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i + 1'",
        "statistics object public.st",
        "function public.bound",
    ),
    case(
        "policies-reachable",
        "CREATE POLICY less ON seen AS RESTRICTIVE USING (a > 0)",
        "seen",
        "allow more",
    ),
    case("whole-row-read", "ALTER TABLE full_rows ADD more int", "constraint full_row", "as a whole"),
    case(
        "whole-row-read",
        "ALTER TABLE full_rows DROP CONSTRAINT full_row, ADD more int",
        "constraint full_row",
        "as a whole",
    ),
    case(
        "whole-row-read",
        "ALTER TABLE t DROP COLUMN b; CREATE INDEX of_rows ON t ((t IS NULL))",
        "index of_rows",
        "as a whole",
    ),
    case("whole-row-built", "ALTER TABLE built ADD more int", "policy one", "puts a whole row"),
    case("policies-hide-rows", "ALTER TABLE forced ALTER a TYPE bigint", "forced", "hides rows"),
];

#[tokio::test]
async fn each_finding_names_its_object_and_says_why() {
    let world = World::adopted(BASE).await;
    let mut wrong = Vec::new();
    for Case { code, ddl, subject, says } in CASES {
        world.verbs.create("v2").await;
        world.draft("v2", ddl).await;
        if let Some(problem) = shown(&world, code, subject, says).await {
            wrong.push(format!("{ddl}: {problem}"));
        }
        drop_draft(&world).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    world.end().await;
}

#[tokio::test]
async fn rows_that_nobody_can_update_are_told_before_a_backfill_meets_them() {
    let world = World::adopted(
        "CREATE TABLE log (a int); INSERT INTO log VALUES (1); CREATE TABLE parts (a int) PARTITION BY RANGE (a); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); \
         INSERT INTO parts VALUES (1); \
         CREATE TABLE known (a int); ALTER TABLE known REPLICA IDENTITY FULL; INSERT INTO known VALUES (1); CREATE PUBLICATION logs FOR TABLE log, parts, known",
    )
    .await;
    for table in ["log", "parts"] {
        world.verbs.create("v2").await;
        world.draft("v2", &format!("ALTER TABLE {table} ADD w int")).await;
        let subject = format!("table public.{table}");
        assert!(
            shown(&world, "unsupported", &subject, "replica identity").await.is_some(),
            "nothing is filled in"
        );
        world
            .draft("v2", &format!("ALTER TABLE {table} ADD v uuid NOT NULL DEFAULT gen_random_uuid()"))
            .await;
        assert_eq!(shown(&world, "unsupported", &subject, "replica identity").await, None);
        drop_draft(&world).await;
    }
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE known ADD v uuid NOT NULL DEFAULT gen_random_uuid()").await;
    world.verbs.publish("v2", &[]).await;
    world.end().await;
}

/// Of one server, an extension that blueprints have and the live database cannot have needs a superuser's hand in the catalogue.
#[tokio::test]
async fn an_extension_that_the_live_server_lacks_is_named() {
    let world = World::adopted("CREATE TABLE t (id int)").await;
    world.verbs.create("v2").await;
    let superuser = Session::open(&server().await.config(&world.blueprint("v2"))).await.unwrap();
    superuser
        .run("SET allow_system_table_mods = on; UPDATE pg_extension SET extname = 'nowhere', oid = 99999 WHERE extname = 'plpgsql'")
        .await;
    let problem = shown(&world, "extension-missing", "extension nowhere", "live server").await;
    assert_eq!(problem, None);
    world.end().await;
}

/// What is wrong with what the plan says of the draft, if anything.
async fn shown(world: &World, code: &str, subject: &str, says: &str) -> Option<String> {
    let plan = world.verbs.plan("v2").await;
    let fits = |finding: &&catalog::plan::Finding| {
        finding.code.slug() == code && finding.subject.contains(subject) && finding.message.contains(says)
    };
    let found = plan.findings.iter().find(fits);
    found.is_none().then(|| format!("no {code} about {subject} that says {says} in {:#?}", plan.findings))
}

async fn drop_draft(world: &World) {
    let draft = edition_tests::edition("v2");
    catalog::operation::drop_draft(&world.verbs.target, &draft, &catalog::event::Silent).await.unwrap();
}

/// By its slug as a literal or by its name as a variant, in the sources of the tests.
#[test]
fn every_code_is_shown_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for folder in ["tests/tests/it", "catalog/tests", "cli/tests"] {
        read_all(&root.join(folder), &mut sources);
    }
    let is_shown = |code: &&Code| {
        sources.contains(&format!("\"{}\"", code.slug())) || sources.contains(&format!("Code::{code:?}"))
    };
    let missing: Vec<String> =
        Code::ALL.iter().filter(|code| !is_shown(code)).map(ToString::to_string).collect();
    assert!(missing.is_empty(), "no test shows these: {missing:?}");
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
