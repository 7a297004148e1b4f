//! The simple verbs: init, create, drop, default, deinit, and what they refuse.

use catalog::{
    ErrorKind,
    event::Silent,
    model::EditionState,
    operation::{DeinitOptions, compare, create, deinit, drop_draft, init, list, log, set_default, status},
    store::{self, RunnerLock},
    target::Target,
};
use edition_cli::server::PrivateServer;

use crate::cluster::{Database, OWNER, edition, name, server};

const SHOP: &str = "CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL); \
                    CREATE TABLE orders (id serial PRIMARY KEY, customer bigint REFERENCES customers, total numeric); \
                    CREATE VIEW totals AS SELECT customer, sum(total) FROM orders GROUP BY customer; \
                    GRANT SELECT, INSERT ON customers TO app; INSERT INTO customers (name) VALUES ('Ada')";

#[tokio::test]
async fn adopting_and_leaving_changes_nothing_in_the_schema() {
    let database = Database::with(SHOP).await;
    let before = database.dump(&database.name).await;

    let outcome = init(&database.target, &database.init_options("v1"), &Silent).await.unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.root.state, EditionState::Live);
    assert!(outcome.root.is_default);
    assert_eq!(database.dump(&database.name).await, before, "init touched the user's schema");
    let blueprint = outcome.root.blueprint.as_str();
    assert_eq!(database.dump(blueprint).await, before, "the blueprint is not like the database");

    let again = init(&database.target, &database.init_options("v1"), &Silent).await.unwrap();
    assert!(!again.changed);

    let left = deinit(&database.target, &DeinitOptions::default(), &Silent).await.unwrap();
    assert!(left.changed);
    assert_eq!(database.dump(&database.name).await, before);
    assert_eq!(database.databases().await, std::slice::from_ref(&database.name));
    assert!(!status(&database.target).await.unwrap().adopted);
    let left = deinit(&database.target, &DeinitOptions::default(), &Silent).await.unwrap();
    assert!(!left.changed);
}

#[tokio::test]
async fn a_blueprint_is_for_its_owner_only() {
    let database = Database::adopted(SHOP).await;
    let mut config = server().await.config(&format!("{}$v1", database.name));
    config.user("app");
    let error = catalog::target::Connection::open(&config).await.unwrap_err();
    assert!(error.to_string().contains("permission denied for database"), "{error}");
}

#[tokio::test]
async fn init_refuses_what_cannot_work_and_leaves_nothing() {
    let database = Database::with(SHOP).await;
    let long = "v".repeat(60);
    let cases = [
        (long.as_str(), "public", "is 67 bytes long"),
        ("v1", "nowhere", "no such schema: nowhere"),
        ("v1", "pg_catalog", "cannot be managed"),
    ];
    for (root, schema, expected) in cases {
        let mut options = database.init_options(root);
        options.schemas = vec![name(schema)];
        let error = init(&database.target, &options, &Silent).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(database.databases().await, std::slice::from_ref(&database.name));
    let connection = database.target.connect().await.unwrap();
    assert!(!store::catalogue_exists(&*connection).await.unwrap());
}

#[tokio::test]
async fn init_with_other_parameters_is_refused() {
    let database = Database::adopted(SHOP).await;
    database.run("CREATE SCHEMA billing").await;
    let error = init(&database.target, &database.init_options("other"), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("first edition \"v1\", not \"other\""), "{error}");
    let mut options = database.init_options("v1");
    options.schemas.push(name("billing"));
    let error = init(&database.target, &options, &Silent).await.unwrap_err();
    assert!(error.to_string().contains("other schemas: public, not public, billing"), "{error}");
}

#[tokio::test]
async fn a_schema_that_a_blueprint_cannot_have_is_an_error_that_leaves_nothing() {
    let database =
        Database::with("CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'").await;
    // Only a superuser can make this.
    let admin = catalog::target::Connection::open(&server().await.config(&database.name)).await.unwrap();
    admin
        .batch_execute("CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION public.noted()")
        .await
        .unwrap();
    let error = init(&database.target, &database.init_options("v1"), &Silent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("cannot be rebuilt in a blueprint"), "{error}");
    assert!(error.to_string().contains("permission denied to create event trigger"), "{error}");
    assert_eq!(database.databases().await, std::slice::from_ref(&database.name));
    assert!(!status(&database.target).await.unwrap().adopted);
}

#[tokio::test]
async fn what_belongs_to_others_is_refused_by_name() {
    let database = Database::with(SHOP).await;
    let admin = catalog::target::Connection::open(&server().await.config(&database.name)).await.unwrap();
    admin.batch_execute("CREATE TABLE public.theirs (a int)").await.unwrap();
    let error = init(&database.target, &database.init_options("v1"), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("public.theirs (of postgres)"), "{error}");
    admin.batch_execute("DROP TABLE public.theirs; ALTER SCHEMA public OWNER TO postgres").await.unwrap();
    let error = init(&database.target, &database.init_options("v1"), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("public (of postgres)"), "{error}");
    assert!(error.hint().unwrap().contains("ALTER SCHEMA"));
}

#[tokio::test]
async fn a_foreign_database_in_the_place_of_a_blueprint_is_never_dropped() {
    let database = Database::with(SHOP).await;
    let connection = database.target.connect().await.unwrap();
    connection.batch_execute(&format!("CREATE DATABASE \"{}$v1\"", database.name)).await.unwrap();
    let error = init(&database.target, &database.init_options("v1"), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(database.databases().await.len(), 2);
    assert!(!store::catalogue_exists(&*connection).await.unwrap());
}

#[tokio::test]
async fn a_draft_is_forked_listed_and_given_up() {
    let database = Database::adopted(SHOP).await;
    let outcome = create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    assert!(outcome.changed);
    assert_eq!(outcome.edition.state, EditionState::Draft);
    assert_eq!(database.schema_of("v2").await, database.schema_of("v1").await);
    assert!(!create(&database.target, &database.create_options("v2"), &Silent).await.unwrap().changed);

    let error = create(&database.target, &database.create_options("v3"), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("\"v2\" is a draft still"), "{error}");
    assert!(error.hint().unwrap().contains("edition publish v2"));
    let error = set_default(&database.target, &edition("v2")).await.unwrap_err();
    assert!(error.to_string().contains("is a draft"), "{error}");
    let error = deinit(&database.target, &DeinitOptions::default(), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("would be lost"), "{error}");
    let error = drop_draft(&database.target, &edition("v1"), &Silent).await.unwrap_err();
    assert!(error.to_string().contains("\"v1\" is live"), "{error}");

    assert!(drop_draft(&database.target, &edition("v2"), &Silent).await.unwrap());
    assert!(!drop_draft(&database.target, &edition("v2"), &Silent).await.unwrap());
    assert_eq!(database.databases().await.len(), 2);
    let error = drop_draft(&database.target, &edition("v9"), &Silent).await.unwrap_err();
    assert!(error.hint().unwrap().contains("did you mean \"v1\"?"), "{:?}", error.hint());

    // The name is free again, the id is not.
    let again = create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    assert!(again.edition.id > outcome.edition.id);
    let verbs: Vec<String> =
        log(&database.target, 20).await.unwrap().into_iter().map(|entry| entry.verb).collect();
    assert_eq!(verbs, ["init", "create", "drop", "create"]);
    assert_eq!(list(&database.target).await.unwrap().len(), 2);
    assert!(deinit(&database.target, &DeinitOptions { discard_draft: true }, &Silent).await.unwrap().changed);
    assert_eq!(database.databases().await.len(), 1);
}

#[tokio::test]
async fn a_failing_file_leaves_no_draft() {
    let database = Database::adopted(SHOP).await;
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.sql"), folder.path().join("bad.sql"));
    std::fs::write(&good, "ALTER TABLE customers RENAME name TO full_name;").unwrap();
    std::fs::write(&bad, "ALTER TABLE customers ADD age int;\nALTER TABLE nobody ADD x int;").unwrap();

    let mut options = database.create_options("v2");
    options.from = vec![good.clone(), bad];
    let error = create(&database.target, &options, &Silent).await.unwrap_err();
    assert!(error.to_string().contains("bad.sql:2: ERROR:  relation \"nobody\" does not exist"), "{error}");
    assert_eq!(database.databases().await.len(), 2);
    assert_eq!(list(&database.target).await.unwrap().len(), 1);

    options.from = vec![good];
    create(&database.target, &options, &Silent).await.unwrap();
    let schema = database.schema_of("v2").await;
    assert!(schema.tables.iter().any(|table| table.column_named("full_name").is_some()));
}

#[tokio::test]
async fn a_busy_runner_is_named() {
    let database = Database::adopted(SHOP).await;
    let lock = RunnerLock::acquire(&database.target).await.unwrap();
    assert!(lock.is_held());
    let error = create(&database.target, &database.create_options("v2"), &Silent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains("pid ") && error.to_string().contains("user owner"), "{error}");
    drop(lock);
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
}

/// What a kill leaves at each point is made by hand here, then the same command is run again.
#[tokio::test]
async fn what_a_killed_init_leaves_is_finished_by_the_next() {
    let database = Database::with(SHOP).await;
    let mut connection = database.target.connect().await.unwrap();
    let blueprint = format!("{}$v1", database.name);
    // killed after the catalogue was made
    let transaction = connection.transaction().await.unwrap();
    store::install(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    // … and the database, half filled
    let intent = store::NewEntry {
        edition: "v1",
        verb: "init",
        title: "adopt the database",
        state: "started",
        detail: Some(&blueprint),
        ..store::NewEntry::default()
    };
    store::append(&*connection, &intent).await.unwrap();
    connection.batch_execute(&format!("CREATE DATABASE \"{blueprint}\"")).await.unwrap();
    assert!(!status(&database.target).await.unwrap().adopted);

    assert!(init(&database.target, &database.init_options("v1"), &Silent).await.unwrap().changed);
    assert_eq!(database.dump(&blueprint).await, database.dump(&database.name).await);

    // killed while a draft was forked: database without row
    let draft = format!("{}$v2", database.name);
    let intent = store::NewEntry { edition: "v2", verb: "create", detail: Some(&draft), ..intent };
    store::append(&*connection, &intent).await.unwrap();
    connection.batch_execute(&format!("CREATE DATABASE \"{draft}\"")).await.unwrap();
    assert!(create(&database.target, &database.create_options("v2"), &Silent).await.unwrap().changed);
    assert_eq!(database.schema_of("v2").await, database.schema_of("v1").await);

    // killed while it was dropped: row without database
    connection.batch_execute(&format!("DROP DATABASE \"{draft}\"")).await.unwrap();
    assert!(create(&database.target, &database.create_options("v2"), &Silent).await.unwrap().changed);
    connection.batch_execute(&format!("DROP DATABASE \"{draft}\"")).await.unwrap();
    assert!(drop_draft(&database.target, &edition("v2"), &Silent).await.unwrap());
}

#[tokio::test]
async fn names_that_need_quotes_work() {
    let database = Database::with("CREATE TABLE \"Größe \"\" $1\" (\"Straße 'x'\" int PRIMARY KEY)").await;
    let mut options = database.init_options("v1");
    options.root = edition("Ausgabe-\"Ä\"");
    init(&database.target, &options, &Silent).await.unwrap();
    create(&database.target, &database.create_options("größer'"), &Silent).await.unwrap();
    let schema = database.schema_of("größer'").await;
    assert_eq!(schema.tables[0].name.name.as_str(), "Größe \" $1");
    assert!(deinit(&database.target, &DeinitOptions { discard_draft: true }, &Silent).await.unwrap().changed);
}

#[tokio::test]
async fn proxy_roles_get_what_they_need_and_no_more() {
    let database = Database::with(SHOP).await;
    let mut options = database.init_options("v1");
    options.proxy_roles = vec![name("proxy")];
    init(&database.target, &options, &Silent).await.unwrap();
    let mut config = server().await.config(&database.name);
    config.user("proxy");
    let proxy = catalog::target::Connection::open(&config).await.unwrap();
    assert_eq!(store::editions(&*proxy).await.unwrap().len(), 1);
    proxy
        .batch_execute(
            "INSERT INTO edition.proxies (id, address, version, lease_expires_at) \
             VALUES ('00000000-0000-0000-0000-000000000001', 'here:1', 'test', now() + interval '1 h')",
        )
        .await
        .unwrap();
    let error = proxy.batch_execute("UPDATE edition.editions SET name = 'x'").await.unwrap_err();
    assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));

    // A proxy that lags behind is waited for, and named.
    let connection = database.target.connect().await.unwrap();
    let epoch = store::bump_epoch(&*connection).await.unwrap();
    let patience = std::time::Duration::from_millis(50);
    let error = store::wait_for_acknowledgement(&*connection, epoch, patience).await.unwrap_err();
    assert!(error.to_string().contains("here:1"), "{error}");
    proxy.execute("UPDATE edition.proxies SET acked_epoch = $1", &[&epoch.get()]).await.unwrap();
    store::wait_for_acknowledgement(&*connection, epoch, patience).await.unwrap();
}

#[tokio::test]
async fn a_fork_waits_for_a_session_to_leave() {
    let database = Database::adopted(SHOP).await;
    let session = database.target.connect_blueprint(&name(&format!("{}$v1", database.name))).await.unwrap();
    session.batch_execute("SELECT 1").await.unwrap();
    let leaving = tokio::spawn(async move {
        // Longer than PostgreSQL itself waits for sessions to leave a template.
        tokio::time::sleep(std::time::Duration::from_millis(5500)).await;
        drop(session);
    });
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    leaving.await.unwrap();
}

#[tokio::test]
async fn settings_of_the_database_are_given_to_its_blueprints() {
    let database = Database::with(SHOP).await;
    database
        .run(&format!(
            "ALTER DATABASE {0} SET search_path TO public, \"Odd name\"; ALTER DATABASE {0} SET work_mem TO '7MB'; \
             ALTER DATABASE {0} SET application_name TO 'it''s'",
            database.name
        ))
        .await;
    init(&database.target, &database.init_options("v1"), &Silent).await.unwrap();
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    let settings = |schema: catalog::model::Schema| {
        let of_kind = schema.others.into_iter().filter(|object| object.kind == "database setting");
        of_kind.map(|object| object.definition).collect::<Vec<_>>()
    };
    let expected = ["application_name=it's", "search_path=public, \"Odd name\"", "work_mem=7MB"];
    for edition_name in ["v1", "v2"] {
        assert_eq!(settings(database.schema_of(edition_name).await), expected);
    }
}

#[tokio::test]
async fn blueprints_may_live_on_another_server() {
    let database = Database::with(SHOP).await;
    // Log-in by password there, to see that the child programs get it.
    let other = PrivateServer::builder()
        .hba("host all owner 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n");
    let other = other.start().await.unwrap();
    let admin = catalog::target::Connection::open(&other.config("postgres")).await.unwrap();
    admin
        .batch_execute("CREATE ROLE owner LOGIN CREATEDB PASSWORD 'se cr''et'; CREATE ROLE app")
        .await
        .unwrap();

    let mut here = server().await.config(&database.name);
    here.user(OWNER);
    let mut there = tokio_postgres::Config::new();
    there.host("127.0.0.1").port(other.port()).user(OWNER).password("se cr'et");
    let target = Target::new(here, Some(there)).unwrap();

    let outcome = init(&target, &database.init_options("v1"), &Silent).await.unwrap();
    let draft = create(&target, &database.create_options("v2"), &Silent).await.unwrap();
    assert_eq!(database.databases().await, std::slice::from_ref(&database.name), "no blueprint here");
    let connection = target.connect_blueprint(&draft.edition.blueprint).await.unwrap();
    connection.batch_execute("ALTER TABLE public.customers ADD age int").await.unwrap();
    drop(connection);
    let diff = compare(&target, &outcome.root.name, &draft.edition.name).await.unwrap();
    assert_eq!(diff.changes.len(), 1);
    deinit(&target, &DeinitOptions { discard_draft: true }, &Silent).await.unwrap();
    let left = admin.query("SELECT FROM pg_database WHERE datname LIKE 'test%'", &[]).await.unwrap();
    assert!(left.is_empty());
}
