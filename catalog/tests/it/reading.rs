//! Reading a schema: everything is found, and the same everywhere.

use catalog::{
    blueprint::{differences, read_database, rows_in},
    event::Silent,
    model::{ConstraintKind, Identity, Volatility},
    operation::create,
};

use crate::cluster::{Database, name};

/// At least one of everything that a role without special rights can make.
const EVERYTHING: &str = include_str!("everything.sql");

#[tokio::test]
async fn the_blueprint_reads_like_the_live_database() {
    let database = Database::adopted(EVERYTHING).await;
    let mut live = database.target.connect().await.unwrap();
    let live = read_database(&mut live, &[name("public")]).await.unwrap();
    let blueprint = database.schema_of("v1").await;
    assert_eq!(differences(&live, &blueprint), []);

    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    assert_eq!(database.schema_of("v2").await, blueprint, "ids and all survive the fork");
    assert_eq!(
        serde_json::from_str::<catalog::model::Schema>(&serde_json::to_string(&live).unwrap()).unwrap(),
        live
    );
}

#[tokio::test]
async fn nothing_is_overlooked() {
    let database = Database::adopted(EVERYTHING).await;
    let schema = database.schema_of("v1").await;
    let others: Vec<String> =
        schema.others.iter().map(|object| format!("{}: {}", object.kind, object.identity)).collect();
    insta::assert_snapshot!(others.join("\n"));
}

#[tokio::test]
async fn columns_keep_what_a_plan_needs_to_know() {
    let database = Database::adopted(EVERYTHING).await;
    let schema = database.schema_of("v1").await;
    let users = schema.tables.iter().find(|table| table.name.name.as_str() == "users").unwrap();
    let column = |name: &str| users.column_named(name).unwrap();
    assert!(
        matches!(&column("id").identity, Identity::Always(options) if options.starts_with("START WITH 1 "))
    );
    assert_eq!(column("created").default_volatility, Volatility::Stable);
    assert_eq!(column("token").default_volatility, Volatility::Volatile);
    assert_eq!(column("feeling").default_volatility, Volatility::Immutable);
    assert_eq!(column("feeling").type_name, "public.mood");
    assert_eq!(users.update_triggers, [name("touch")]);
    assert_eq!(users.primary_key(), [column("id").id]);

    let orders = schema.tables.iter().find(|table| table.name.name.as_str() == "orders").unwrap();
    let key =
        orders.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::ForeignKey).unwrap();
    assert_eq!(key.references, Some((users.id, vec![column("id").id])));
    assert!(!key.restricts_referenced, "it cascades deletes");
    let sequence =
        schema.sequences.iter().find(|sequence| sequence.name.name.as_str() == "orders_id_seq").unwrap();
    assert_eq!(sequence.owned_by, Some((orders.id, orders.column_named("id").unwrap().id)));
    assert!(schema.sequences.iter().all(|sequence| sequence.name.name.as_str() != "users_id_seq"));

    let views: Vec<&str> = schema.views.iter().map(|view| view.name.name.as_str()).collect();
    assert_eq!(views, ["names", "a_count", "cached"], "a view stands behind those it reads");
}

#[tokio::test]
async fn rows_are_found_by_table() {
    let database =
        Database::adopted("CREATE TABLE a (x int); CREATE TABLE b (x int); CREATE TABLE \"c d\" (x int)")
            .await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database
        .run_in_draft("v2", "INSERT INTO \"c d\" VALUES (1); INSERT INTO a VALUES (1); DELETE FROM a")
        .await;
    let schema = database.schema_of("v2").await;
    let blueprint = catalog::model::EditionName::new("v2").unwrap().blueprint_for(&database.name).unwrap();
    let connection = database.target.connect_blueprint(&blueprint).await.unwrap();
    let found = rows_in(&*connection, &schema).await.unwrap();
    assert_eq!(found.iter().map(catalog::model::QualifiedName::pretty).collect::<Vec<_>>(), ["public.c d"]);
}
