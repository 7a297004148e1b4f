//! tokio-postgres, the driver of the Rust world.

use futures_util::{SinkExt, TryStreamExt};
use tokio_postgres::{Client, Config, NoTls};

use crate::bed::{Bed, EDITIONS, OWNER};

async fn names(client: &Client, column: &str) -> Vec<String> {
    let rows = client.query(&format!("SELECT {column} FROM users ORDER BY id"), &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_postgres_sees_its_edition() {
    let bed = Bed::make().await;
    for (edition, column) in EDITIONS {
        let mut base = Config::new();
        base.host("127.0.0.1").port(bed.port()).user(OWNER);
        let mut suffix = base.clone();
        suffix.dbname(format!("app@{edition}"));
        let mut options = base.clone();
        options.dbname("app").options(format!("-c edition={edition}"));
        for (way, config) in [("suffix", suffix), ("options", options)] {
            session(&config, edition, column, &format!("tokio-postgres {edition} {way}")).await;
        }
    }
}

async fn session(config: &Config, edition: &str, column: &str, name: &str) {
    let (mut client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let shown: String = client.query_one("SHOW EDITION", &[]).await.unwrap().get(0);
    assert_eq!(shown, edition);
    let before = names(&client, column).await;
    let insert = format!("INSERT INTO users ({column}) VALUES ($1)");

    let transaction = client.transaction().await.unwrap();
    transaction.execute(&insert, &[&"rolled back"]).await.unwrap();
    transaction.rollback().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    transaction.execute(&insert, &[&name]).await.unwrap();
    transaction.commit().await.unwrap();
    let expected: Vec<_> = before.into_iter().chain([name.to_owned()]).collect();
    assert_eq!(names(&client, column).await, expected);

    let sink = client.copy_in(&format!("COPY users ({column}) FROM STDIN")).await.unwrap();
    let mut sink = Box::pin(sink);
    sink.send(bytes::Bytes::from(format!("{name} copied\n"))).await.unwrap();
    assert_eq!(sink.as_mut().finish().await.unwrap(), 1);
    let stream = client.copy_out(&format!("COPY users ({column}) TO STDOUT")).await.unwrap();
    let chunks: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    let copied = String::from_utf8(chunks.concat()).unwrap();
    assert_eq!(copied.lines().collect::<Vec<_>>(), names(&client, column).await);

    let cancel = client.cancel_token();
    let (slept, ()) = tokio::join!(client.simple_query("SELECT pg_sleep(30)"), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        cancel.cancel_query(NoTls).await.unwrap();
    });
    assert_eq!(slept.unwrap_err().code(), Some(&tokio_postgres::error::SqlState::QUERY_CANCELED));
    assert_eq!(client.query_one("SELECT 1", &[]).await.unwrap().get::<_, i32>(0), 1);
}
