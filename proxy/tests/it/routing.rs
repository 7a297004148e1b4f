//! Which edition a session gets, and with which `search_path`.

use crate::world::{World, ask, connect, execute, refusal};

const WHOAMI: &str = "SELECT name FROM whoami";
const MARKER: &str = "SELECT current_setting('edition.id', true)";

#[tokio::test]
async fn a_database_without_a_catalogue_is_none_of_our_business() {
    let world = World::plain().await;
    let client = world.session("-c work_mem=5MB").await;
    assert_eq!(ask(&client, "SHOW work_mem").await, ["5MB"]);
    assert_eq!(ask(&client, MARKER).await, ["NULL"]);
    assert_eq!(ask(&client, "SHOW search_path").await, ["\"$user\", public"]);
    // The server, not we, says what it thinks of an edition and of a database that does not exist.
    let (code, _) = refusal(world.config().options("-c edition=v2")).await;
    assert_eq!(code, "42704");
    let (code, message) = refusal(world.config().dbname("nowhere@v2")).await;
    assert_eq!((code.as_str(), message.as_str()), ("3D000", "database \"nowhere@v2\" does not exist"));
    world.end().await;
}

#[tokio::test]
async fn the_edition_is_named_by_options_or_by_the_database_or_is_the_default() {
    let world = World::adopted().await;
    for (options, database, expected) in [
        ("", "", "first"),
        ("-c edition=v1", "", "first"),
        ("-c edition=v2", "", "second"),
        ("--edition=v2 -c work_mem=5MB", "", "second"),
        ("", "@v2", "second"),
        ("-c edition=v2", "@v1", "second"),
    ] {
        let mut config = world.config();
        let client = connect(config.options(options).dbname(format!("{}{database}", world.database))).await;
        assert_eq!(ask(&client, WHOAMI).await, [expected], "{options} {database}");
        assert_eq!(ask(&client, "SELECT current_database()").await, [world.database.as_str()]);
        let id = if expected == "second" { "2" } else { "1" };
        assert_eq!(ask(&client, MARKER).await, [id]);
        // Session defaults: whatever an application resets, it stays in its edition.
        execute(&client, "SET search_path = other; RESET ALL").await;
        assert_eq!(ask(&client, WHOAMI).await, [expected]);
        client.simple_query("DISCARD ALL").await.unwrap();
        assert_eq!(ask(&client, MARKER).await, [id]);
    }
    world.end().await;
}

#[tokio::test]
async fn what_is_not_open_is_refused_in_the_same_words_as_what_does_not_exist() {
    let world = World::adopted().await;
    world.change_catalogue("UPDATE edition.editions SET state = 'publishing' WHERE name = 'v2'").await;
    for name in ["v2", "v9", "no such thing", ""] {
        let options = format!("-c edition={}", name.replace(' ', "\\ "));
        let (code, message) = refusal(world.config().options(&options)).await;
        assert_eq!(code, "3D000", "{name}");
        assert_eq!(message, format!("edition \"{name}\" does not exist or you may not use it"));
    }
    world.change_catalogue("UPDATE edition.editions SET is_default = false").await;
    assert_eq!(refusal(&world.config()).await.0, "3D000");
    world.end().await;
}

#[tokio::test]
async fn a_sessions_own_search_path_is_kept() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let database = &world.database;
    let path = async |role: &str, options: &str| {
        let client = connect(world.config().user(role).options(options)).await;
        // A constant in two pieces, which the proxy does not look into.
        let real = "SELECT current_setting('search_'\n'path')";
        let told = (ask(&client, "SHOW search_path").await.concat(), ask(&client, real).await.concat());
        execute(&client, "SET search_path = other; RESET search_path").await;
        assert_eq!(ask(&client, real).await.concat(), told.1, "a session default");
        told
    };
    let is = |own: &str, real: &str| (own.to_owned(), real.to_owned());
    assert_eq!(path("postgres", "").await, is("\"$user\", public", r#""$user", "public$v1", public"#));
    assert_eq!(
        path("stranger", "-c search_path=other,PUBLIC").await,
        is("other,PUBLIC", r#"other,"public$v1", PUBLIC"#)
    );
    assert_eq!(path("stranger", "-c search_path=other").await, is("other", "other"));
    execute(&direct, &format!("ALTER DATABASE {database} SET search_path = other, public")).await;
    assert_eq!(path("stranger", "").await, is("other, public", r#"other, "public$v1", public"#));
    execute(&direct, &format!("CREATE ROLE {database}_a LOGIN; CREATE ROLE {database}_b LOGIN")).await;
    execute(&direct, &format!("ALTER ROLE {database}_a SET search_path = public, other")).await;
    assert_eq!(
        path(&format!("{database}_a"), "").await,
        is("public, other", r#""public$v1", public, other"#)
    );
    let in_database = format!("ALTER ROLE {database}_b IN DATABASE {database} SET search_path = public");
    execute(&direct, &in_database).await;
    assert_eq!(path(&format!("{database}_b"), "").await, is("public", r#""public$v1", public"#));
    assert_eq!(path(&format!("{database}_b"), "--search-path=other").await, is("other", "other"));
    // What the server would not take, it refuses in its own words.
    assert_eq!(refusal(world.config().options("-c search_path=a,,b")).await.0, "22023");
    world.end().await;
}

#[tokio::test]
async fn a_draft_is_its_blueprint_for_those_who_may_connect_to_it() {
    let world = World::adopted().await;
    let direct = world.direct().await;
    let blueprint = format!("\"{}$v3\"", world.database);
    execute(&direct, &format!("CREATE DATABASE {blueprint}")).await;
    execute(&direct, &format!("REVOKE CONNECT ON DATABASE {blueprint} FROM PUBLIC")).await;
    let insert = format!(
        "INSERT INTO edition.editions (id, name, parent_id, state, blueprint) VALUES (3, 'v3', 2, 'draft', '{}$v3')",
        world.database
    );
    world.session("").await;
    world.change_catalogue(&insert).await;
    let client = world.session("-c edition=v3 -c work_mem=5MB").await;
    assert_eq!(ask(&client, "SELECT current_database()").await, [format!("{}$v3", world.database)]);
    assert_eq!(ask(&client, MARKER).await, ["NULL"]);
    assert_eq!(ask(&client, "SHOW work_mem").await, ["5MB"]);
    let (code, message) = refusal(world.config().user("stranger").options("-c edition=v3")).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("3D000", "edition \"v3\" does not exist or you may not use it")
    );
    world.end().await;
}

#[tokio::test]
async fn an_unreachable_catalogue_means_no_session_rather_than_a_wrong_one() {
    let world =
        World::with(|config| config.control = editiond::Control::parse("user=nobody_such").unwrap()).await;
    let (code, message) = refusal(&world.config()).await;
    assert_eq!(code, "57P03");
    assert_eq!(message, "editions of this database are not available at the moment");
    world.end().await;
}
