use edition_tests::*;

#[tokio::test]
async fn kit_works() {
    let world = World::plain("CREATE TABLE t (a int PRIMARY KEY, b text)").await;
    let before = world.dump_all().await;
    world.verbs.init().await;
    world.verbs.create("v2").await;
    world.draft("v2", "ALTER TABLE t RENAME COLUMN b TO c").await;
    world.verbs.publish("v2", &[]).await;
    world.session(APP, "v1").await.run("INSERT INTO t (a, b) VALUES (1, 'x')").await;
    assert_eq!(world.session(APP, "v2").await.ask("SELECT a, c FROM t").await, ["1|x"]);
    world.verbs.rollback("v2").await;
    assert_same_schema("after rollback", &world.dump().await, &before);
    world.end().await;
}
