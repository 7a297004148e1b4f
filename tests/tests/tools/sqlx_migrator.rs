//! The library behind `sqlx migrate run`, with the application written against the same library.

use std::path::{Path, PathBuf};

use sqlx::{
    Connection, PgConnection, Row,
    migrate::{Migrate, Migrator},
    postgres::PgConnectOptions,
};

use crate::{
    repository,
    tool::{Place, Stage},
};

/// Runs a stage, as the scripts of the other tools do.
pub(crate) async fn run(stage: Stage, place: &Place) -> String {
    let options = PgConnectOptions::new()
        .host("127.0.0.1")
        .port(place.port)
        .username(edition_tests::OWNER)
        .database(&place.database);
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let said = match stage {
        Stage::First => {
            let folder = tempfile::tempdir().unwrap();
            std::fs::copy(migrations().join("1_initial.sql"), folder.path().join("1_initial.sql")).unwrap();
            migrate(folder.path(), &mut connection).await
        }
        Stage::All => migrate(&migrations(), &mut connection).await,
        Stage::Check => check(&mut connection).await,
        Stage::UseFirst => use_shop(&mut connection, "name", "Ada Lovelace", "").await,
        Stage::UseAll => {
            let currencies =
                sqlx::query("SELECT count(*) FROM currencies").fetch_one(&mut connection).await.unwrap();
            assert_eq!(currencies.get::<i64, _>(0), 2, "the rows that the migration brought along, once");
            use_shop(&mut connection, "full_name", "Grace Hopper", "JPY").await
        }
    };
    connection.close().await.unwrap();
    said
}

fn migrations() -> PathBuf {
    repository("tests/tools/sqlx")
}

async fn migrate(folder: &Path, connection: &mut PgConnection) -> String {
    Migrator::new(folder).await.unwrap().run(connection).await.unwrap();
    String::new()
}

async fn check(connection: &mut PgConnection) -> String {
    let migrator = Migrator::new(migrations()).await.unwrap();
    let applied = connection.list_applied_migrations().await.unwrap();
    for migration in migrator.iter() {
        let known = applied.iter().find(|applied| applied.version == migration.version);
        assert_eq!(
            known.map(|known| &known.checksum),
            Some(&migration.checksum),
            "{}",
            migration.description
        );
    }
    String::new()
}

async fn use_shop(connection: &mut PgConnection, name_column: &str, name: &str, currency: &str) -> String {
    let customer = format!("INSERT INTO customers ({name_column}) VALUES ($1) RETURNING id");
    let customer: i64 = sqlx::query(&customer).bind(name).fetch_one(&mut *connection).await.unwrap().get(0);
    let order: i64 = if currency.is_empty() {
        let order = sqlx::query("INSERT INTO orders (customer_id, total) VALUES ($1, 1200) RETURNING id");
        order.bind(customer).fetch_one(&mut *connection).await.unwrap().get(0)
    } else {
        let order = "INSERT INTO orders (customer_id, total, currency) VALUES ($1, 1300, $2) RETURNING id";
        sqlx::query(order).bind(customer).bind(currency).fetch_one(&mut *connection).await.unwrap().get(0)
    };
    let update = sqlx::query("UPDATE orders SET total = total + 1 WHERE id = $1").bind(order);
    assert_eq!(update.execute(&mut *connection).await.unwrap().rows_affected(), 1);
    let counts = "SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders)";
    let counts = sqlx::query(counts).fetch_one(connection).await.unwrap();
    format!("{} {}", counts.get::<i64, _>(0), counts.get::<i64, _>(1))
}
