//! What the catalogue says of the constraints and indexes of viewed tables, in each live edition's words.

use catalog::{
    event::Silent,
    model::Name,
    operation::{
        KeepData, Patience, PublishOptions, RollbackOptions, create, publish, retire, rollback, set_default,
    },
    plan::{Allowances, Code},
    snapshot::{Relation, Snapshot, ViewConstraintKind, ViewRelation},
};

use crate::cluster::{Database, edition, name};

const BASE: &str = "CREATE TABLE plain (id int PRIMARY KEY); \
    CREATE TABLE t (id int CONSTRAINT t_key PRIMARY KEY, code int UNIQUE, kind text CHECK (kind <> ''), \
                    plain int CONSTRAINT points REFERENCES plain, n int); \
    CREATE INDEX by_n ON t (n) WHERE n > 0; CREATE INDEX by_expression ON t (lower(kind))";

/// A duplicated key column, a duplicated checked column, a renamed column, constraint and index.
const CHANGES: &str = "ALTER TABLE t ALTER id TYPE bigint; ALTER TABLE t ALTER kind TYPE varchar(20); \
    ALTER TABLE t RENAME code TO number; ALTER TABLE t RENAME CONSTRAINT points TO leads; ALTER INDEX by_n RENAME TO sorted; \
    ALTER TABLE t RENAME CONSTRAINT t_key TO t_pk";

async fn published() -> Database {
    let database = Database::adopted(BASE).await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database.run_in_draft("v2", CHANGES).await;
    let allow = Allowances::of([
        Code::LossyCast,
        Code::OlderWriteMayFail,
        Code::TightensOlderEdition,
        Code::NameDeferred,
    ]);
    let options = PublishOptions { allow, ..PublishOptions::default() };
    publish(&database.target, &edition("v2"), &options, &Silent).await.unwrap();
    database
}

async fn seen(database: &Database, edition: &str) -> Option<ViewRelation> {
    let connection = database.target.connect().await.unwrap();
    let snapshot = Snapshot::load(&connection).await.unwrap();
    match snapshot.edition(edition)?.names.relations.get(&(name("public"), name("t")))? {
        Relation::View(view) => Some(view.as_ref().clone()),
        _ => None,
    }
}

/// `kind name(columns) = physical name`, and the same of indexes.
fn told(view: &ViewRelation) -> Vec<String> {
    let list = |columns: &[Name]| columns.iter().map(Name::as_str).collect::<Vec<_>>().join(",");
    let stands = |name: &Option<Name>| name.as_ref().map_or("-", Name::as_str).to_owned();
    let constraints =
        view.constraints.iter().filter(|one| one.kind != ViewConstraintKind::NotNull).map(|one| {
            format!(
                "{:?} {}({}) = {}",
                one.kind,
                one.name.as_str(),
                list(&one.columns),
                stands(&one.physical_name)
            )
        });
    let indexes = view.indexes.iter().map(|one| {
        format!("index {}({}) = {}", one.name.as_str(), list(&one.columns), stands(&one.physical_name))
    });
    constraints.chain(indexes).collect()
}

const OF_THE_PARENT: &[&str] = &[
    "ForeignKey points(plain) = points",
    "Unique t_code_key(code) = t_code_key",
    "PrimaryKey t_key(id) = t_key",
    "Check t_kind_check(kind) = t_kind_check",
    "index by_expression(kind) = by_expression",
    "index by_n(n) = by_n",
    "index t_code_key(code) = t_code_key",
    "index t_key(id) = t_key",
];

#[tokio::test]
async fn each_edition_has_its_own_words_for_the_same_rules() {
    let database = published().await;
    assert_eq!(told(&seen(&database, "v1").await.unwrap()), OF_THE_PARENT);
    assert_eq!(
        told(&seen(&database, "v2").await.unwrap()),
        [
            "ForeignKey leads(plain) = points",
            "Unique t_code_key(number) = t_code_key",
            "Check t_kind_check(kind) = t_kind_check$v2",
            "PrimaryKey t_pk(id) = t_pk",
            "index by_expression(kind) = by_expression$v2",
            "index sorted(n) = by_n",
            "index t_code_key(number) = t_code_key",
            "index t_pk(id) = t_pk",
        ]
    );
}

#[tokio::test]
async fn they_are_gone_at_rest_whichever_way_it_is_reached() {
    let database = published().await;
    let rest = async |database: &Database| {
        let connection = database.target.connect().await.unwrap();
        let left =
            "SELECT (SELECT count(*) FROM edition.constraints) + (SELECT count(*) FROM edition.indexes)";
        let row = connection.query_one(left, &[]).await.unwrap();
        row.get::<_, i64>(0)
    };
    let options = RollbackOptions { keep: KeepData::Discard, patience: Patience::default() };
    rollback(&database.target, &edition("v2"), &options, &Silent).await.unwrap();
    assert_eq!(rest(&database).await, 0);

    let database = published().await;
    create(&database.target, &database.create_options("v3"), &Silent).await.unwrap();
    database.run_in_draft("v3", "ALTER TABLE t RENAME number TO ordinal").await;
    publish(&database.target, &edition("v3"), &PublishOptions::default(), &Silent).await.unwrap();
    set_default(&database.target, &edition("v3")).await.unwrap();
    retire(&database.target, &edition("v1"), Patience::default(), &Silent).await.unwrap();
    let told = told(&seen(&database, "v3").await.unwrap());
    assert!(told.contains(&"Unique t_code_key(ordinal) = t_code_key".to_owned()), "{told:?}");
    assert!(told.contains(&"Check t_kind_check(kind) = t_kind_check".to_owned()), "{told:?}");
    assert!(told.contains(&"PrimaryKey t_pk(id) = t_pk".to_owned()), "{told:?}");
    retire(&database.target, &edition("v2"), Patience::default(), &Silent).await.unwrap();
    assert!(seen(&database, "v3").await.is_none());
    assert_eq!(rest(&database).await, 0);
}
