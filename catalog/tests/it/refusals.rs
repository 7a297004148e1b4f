//! Kinds of object that editions do not manage: they may be there, a draft that changes something else is none the worse for it, and one that
//! changes them is refused with the reason. As a superuser, who can make all of them.

use catalog::{
    event::Silent,
    operation::{create, drop_draft, init, plan},
    plan::{Code, Finding, Severity},
    target::{Connection, Target},
};

use crate::cluster::{Database, edition, server};

const BASE: &str = "
CREATE TABLE t (id int PRIMARY KEY, a int, words tsvector);
CREATE TABLE parts (a int PRIMARY KEY, b text) PARTITION BY RANGE (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE INDEX ON parts (b);
CREATE TABLE loose_parts (a int) PARTITION BY RANGE (a);
CREATE TABLE forebear (a int);
CREATE TABLE heir (b int) INHERITS (forebear);
CREATE TYPE shape AS (a int, b int);
CREATE TABLE typed OF shape;
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER far_away FOREIGN DATA WRAPPER wrapper;
CREATE USER MAPPING FOR PUBLIC SERVER far_away;
CREATE FOREIGN TABLE far (a int) SERVER far_away;
CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING;
CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER noting ON ddl_command_end EXECUTE FUNCTION noted();
CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple);
CREATE TABLE keyed (id int PRIMARY KEY);
CREATE FUNCTION shaped(int) RETURNS shape LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1, $1)::shape';
CREATE CAST (int AS shape) WITH FUNCTION shaped(int);
CREATE SCHEMA other; CREATE TABLE other.o (a int REFERENCES keyed);
";

/// DDL, the subject of the refusal, and a part of what it says.
const REFUSED: &[(&str, &str, &str)] = &[
    ("DROP SCHEMA other CASCADE", "schema other", "shared by all editions"),
    ("COMMENT ON SCHEMA public IS 'mine'", "schema public", "shared by all editions"),
    ("GRANT CREATE ON SCHEMA public TO app", "schema public", "shared by all editions"),
    ("ALTER TABLE other.o ADD b int", "table other.o", "its schema is not one that editions manage"),
    ("ALTER TABLE t SET SCHEMA other", "table other.t", "its schema is not one that editions manage"),
    (
        "ALTER TABLE keyed ALTER id TYPE bigint",
        "table public.keyed, column id",
        "o_a_fkey of table other.o, which editions do not manage",
    ),
    (
        "ALTER TABLE parts DETACH PARTITION parts_1",
        "partition public.parts_1",
        "it was detached in the draft, but its rows are shared",
    ),
    (
        "CREATE TABLE more PARTITION OF parts FOR VALUES FROM (20) TO (30); ALTER TABLE parts DETACH PARTITION parts_1; ALTER TABLE parts ATTACH PARTITION parts_1 FOR VALUES FROM (0) TO (20)",
        "partition public.parts_1",
        "it was attached again",
    ),
    (
        "ALTER TABLE keyed ADD b text; ALTER TABLE keyed RENAME id TO a; ALTER TABLE parts ATTACH PARTITION keyed FOR VALUES FROM (90) TO (99)",
        "partition public.keyed",
        "had been there before",
    ),
    ("CREATE INDEX ON parts_1 (b, a)", "partition public.parts_1", "an index of its own changed"),
    ("ALTER TABLE parts_1 ADD CHECK (a < 9)", "partition public.parts_1", "a constraint of its own changed"),
    ("ALTER TABLE parts_1 OWNER TO owner", "partition public.parts_1", "the owner of its own changed"),
    (
        "CREATE FOREIGN TABLE far_part PARTITION OF loose_parts DEFAULT SERVER far_away",
        "partitioned table public.loose_parts",
        "one of its partitions is a foreign table",
    ),
    ("ALTER TABLE forebear ADD c int", "table with inheritance public.forebear", "a column of every heir"),
    ("CREATE TABLE second () INHERITS (t)", "table with inheritance public.second", "a column of every heir"),
    ("ALTER TABLE typed NOT OF", "table public.typed", "follows its type"),
    ("CREATE TABLE second OF shape", "table second", "of_type"),
    ("ALTER FOREIGN TABLE far ADD b int", "foreign table public.far", "rows of a foreign server"),
    ("ALTER SERVER far_away VERSION '2'", "foreign server far_away", "rows of a foreign server"),
    (
        "DROP USER MAPPING FOR PUBLIC SERVER far_away",
        "user mapping public on server far_away",
        "rows of a foreign server",
    ),
    ("CREATE FOREIGN DATA WRAPPER another", "foreign-data wrapper another", "rows of a foreign server"),
    ("DROP RULE quiet ON t", "rule quiet on public.t", "rewrites statements"),
    (
        "CREATE OPERATOR CLASS backwards FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)",
        "operator class public.backwards",
        "by the types",
    ),
    ("CREATE CAST (text AS point) WITH INOUT", "cast (pg_catalog.text AS pg_catalog.point)", "by the types"),
    (
        "CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
        "conversion public.latin",
        "the database as a whole",
    ),
    ("ALTER EVENT TRIGGER noting DISABLE", "event trigger noting", "the database as a whole"),
    (
        "ALTER TEXT SEARCH CONFIGURATION plain DROP MAPPING FOR word",
        "text search configuration public.plain",
        "an older edition reads them too",
    ),
    (
        "CREATE TEXT SEARCH DICTIONARY dull (TEMPLATE = pg_catalog.simple)",
        "text search dictionary public.dull",
        "an older edition reads them too",
    ),
    (
        "CREATE TEXT SEARCH PARSER mine (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
        "text search parser public.mine",
        "an older edition reads them too",
    ),
    (
        "CREATE TEXT SEARCH TEMPLATE mine (INIT = dsimple_init, LEXIZE = dsimple_lexize)",
        "text search template public.mine",
        "an older edition reads them too",
    ),
    (
        "CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal))",
        "transform for",
        "by the types",
    ),
    ("CREATE LANGUAGE mine HANDLER plpgsql_call_handler", "language mine", "the database as a whole"),
    (
        // No provider of labels comes with PostgreSQL.
        "INSERT INTO pg_seclabel (objoid, classoid, objsubid, provider, label) VALUES ('t'::regclass, 'pg_class'::regclass, 0, 'provider', 'secret')",
        "security label provider on table",
        "the database as a whole",
    ),
    (
        "CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler",
        "access method heap2",
        "the database as a whole",
    ),
    (
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''5MB''', current_database()); END $$",
        "database setting work_mem for all roles",
        "the database as a whole",
    ),
];

/// A function that something calls which exists once, and a part of the subject.
const BOUND: &[(&str, &str)] = &[
    (
        "CREATE OR REPLACE FUNCTION shaped(int) RETURNS shape LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1, 0)::shape'",
        "cast from integer to public.shape",
    ),
    (
        "CREATE OR REPLACE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''noted''; END'",
        "event trigger noting",
    ),
];

async fn run_as_superuser(name: &str, sql: &str) {
    let connection = Connection::open(&server().await.config(name)).await.unwrap();
    connection.batch_execute(&format!("SET search_path = public; {sql}")).await.unwrap();
}

async fn refused(target: &Target) -> Vec<Finding> {
    let mut findings = plan(target, &edition("v2")).await.unwrap().findings;
    findings.retain(|finding| finding.severity == Severity::Refused);
    findings
}

#[tokio::test]
async fn kinds_that_editions_do_not_manage_are_refused_with_the_reason() {
    let database = Database::with("").await;
    let target = Target::new(server().await.config(&database.name), None).unwrap();
    run_as_superuser(&database.name, BASE).await;
    init(&target, &database.init_options("v1"), &Silent).await.unwrap();
    let mut wrong = Vec::new();
    for (ddl, subject, says) in REFUSED {
        create(&target, &database.create_options("v2"), &Silent).await.unwrap();
        run_as_superuser(&format!("{}$v2", database.name), ddl).await;
        let found = refused(&target).await;
        let fits = |finding: &&Finding| {
            finding.code == Code::Unsupported
                && finding.subject.starts_with(subject)
                && finding.message.contains(says)
                && finding.fix.is_some()
        };
        if !found.iter().any(|finding| fits(&finding)) {
            wrong.push(format!("{ddl}: {found:#?}"));
        }
        drop_draft(&target, &edition("v2"), &Silent).await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    for (ddl, subject) in BOUND {
        create(&target, &database.create_options("v2"), &Silent).await.unwrap();
        run_as_superuser(&format!("{}$v2", database.name), ddl).await;
        let found = refused(&target).await;
        let fits =
            |finding: &Finding| finding.code == Code::BoundToFunction && finding.subject.contains(subject);
        assert!(found.iter().any(fits), "{ddl}: {found:#?}");
        drop_draft(&target, &edition("v2"), &Silent).await.unwrap();
    }
    let draft = format!("{}$v2", database.name);
    create(&target, &database.create_options("v2"), &Silent).await.unwrap();
    run_as_superuser(
        &draft,
        "CREATE SUBSCRIPTION far CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)",
    )
    .await;
    let found = refused(&target).await;
    assert!(found.iter().any(|finding| finding.subject == "subscription far"), "{found:#?}");
    // PostgreSQL drops no database that has one.
    for sql in ["ALTER SUBSCRIPTION far SET (slot_name = NONE)", "DROP SUBSCRIPTION far"] {
        run_as_superuser(&draft, sql).await;
    }
    drop_draft(&target, &edition("v2"), &Silent).await.unwrap();

    create(&target, &database.create_options("v2"), &Silent).await.unwrap();
    run_as_superuser(&format!("{}$v2", database.name), "ALTER TABLE t ADD b int").await;
    // Maintenance of partitions in the live database is nobody's business.
    let maintenance = "ALTER TABLE parts DETACH PARTITION parts_1; CREATE TABLE parts_2 PARTITION OF parts DEFAULT; \
                       CREATE TABLE parts_3 (LIKE parts); ALTER TABLE parts ATTACH PARTITION parts_3 FOR VALUES FROM (10) TO (20)";
    run_as_superuser(&database.name, maintenance).await;
    assert_eq!(refused(&target).await, []);
}

/// What some tools call a fresh start.
#[tokio::test]
async fn a_schema_that_was_dropped_and_made_anew_is_told_table_by_table() {
    let database = Database::adopted("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int)").await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database
        .run_in_draft(
            "v2",
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE t (id int PRIMARY KEY)",
        )
        .await;
    let found = plan(&database.target, &edition("v2")).await.unwrap().findings;
    let about = |code: Code, subject: &str| {
        found.iter().any(|finding| finding.code == code && finding.subject == subject)
    };
    assert!(about(Code::Unsupported, "schema public"), "{found:#?}");
    assert!(about(Code::TableMadeAnew, "table public.t"), "{found:#?}");
}
