//! An autovacuum of a large table runs for hours, and goes away only for who waits for it.

use std::time::Duration;

use catalog::{
    event::Event,
    operation::{Patience, PublishOptions, create, init, publish},
    target::{Connection, Target},
};
use edition_cli::server::PrivateServer;

use crate::{
    cluster::{Database, OWNER, edition},
    scratch::Heard,
};

#[tokio::test]
async fn an_autovacuum_gives_way_to_a_publication() {
    let server = PrivateServer::builder()
        .setting("autovacuum_naptime", "1s")
        .setting("autovacuum_vacuum_cost_delay", "100ms")
        .setting("autovacuum_vacuum_cost_limit", "1")
        .start()
        .await
        .unwrap();
    let admin = Connection::open(&server.config("postgres")).await.unwrap();
    admin.batch_execute("CREATE ROLE owner LOGIN CREATEDB; CREATE ROLE app").await.unwrap();
    admin.batch_execute("CREATE DATABASE shop OWNER owner").await.unwrap();
    let mut config = server.config("shop");
    config.user(OWNER);
    let target = Target::new(config, None).unwrap();
    let database = Database { name: "shop".to_owned(), target, programs: server.programs().unwrap() };
    database
        .run(
            "CREATE TABLE t (id int PRIMARY KEY, a int) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0); \
             INSERT INTO t SELECT n, n FROM generate_series(1, 200000) AS n; UPDATE t SET a = -a",
        )
        .await;
    init(&database.target, &database.init_options("v1"), &Heard::default()).await.unwrap();
    create(&database.target, &database.create_options("v2"), &Heard::default()).await.unwrap();
    let draft =
        database.target.connect_blueprint(&edition("v2").blueprint_for("shop").unwrap()).await.unwrap();
    draft.batch_execute("ALTER TABLE public.t ADD note text").await.unwrap();
    let at_work = "SELECT FROM pg_stat_progress_vacuum WHERE datname = 'shop' AND heap_blks_total > 500";
    while admin.query_opt(at_work, &[]).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let heard = Heard::default();
    let patience = Patience { locks: Duration::from_secs(20), ..Patience::default() };
    let options = PublishOptions { patience, ..PublishOptions::default() };
    publish(&database.target, &edition("v2"), &options, &heard).await.unwrap();
    let waited = heard.events().iter().any(|event| matches!(event, Event::LockRetry { .. }));
    assert!(waited, "it was in the way");
}
