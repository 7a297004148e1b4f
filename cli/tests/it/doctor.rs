//! `edition doctor` as a user of the command sees it: before and after `init`, as text and as JSON, with its exit codes.

use rustix::process::Signal;

use super::dev::Dev;

const SCHEMA: &str = "\
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE FUNCTION people() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.users';
CREATE FUNCTION any_of(t text) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM ' || t INTO n; RETURN n; END $$;
";

fn database(schema: &str) -> (Dev, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("schema.sql");
    std::fs::write(&file, schema).unwrap();
    (Dev::start(&["--init-sql", file.to_str().unwrap()]), folder)
}

#[tokio::test]
async fn doctor_tells_what_goes_around_editions_by_text_json_and_exit_code() {
    let (dev, _folder) = database(SCHEMA);
    let seen = dev.edition(&["doctor"]);
    assert_eq!(seen.status.code(), Some(8));
    let text = String::from_utf8(seen.stdout).unwrap();
    for part in ["D001", "public.people()", "help:", "that go around editions"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let seen = dev.edition(&["doctor", "--json"]);
    assert_eq!(seen.status.code(), Some(8));
    let document: serde_json::Value = serde_json::from_slice(&seen.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let of = |gravity: &str| findings.iter().filter(|finding| finding["gravity"] == gravity).count();
    assert_eq!(of("bypass"), 1, "{document}");
    assert!(of("notice") >= 1, "{document}");

    // What is only worth a look is no failure.
    let (client, connection) = tokio_postgres::connect(&dev.direct, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("DROP FUNCTION people()").await.unwrap();
    let text = dev.done(&["doctor"]);
    assert!(text.contains("public.any_of(") && text.contains("worth a look"), "{text}");

    // Before init it judges the schemas that are named.
    dev.done(&["deinit"]);
    client
        .batch_execute(
            "CREATE FUNCTION people() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.users'",
        )
        .await
        .unwrap();
    assert_eq!(dev.edition(&["doctor"]).status.code(), Some(8));
    assert_eq!(dev.edition(&["doctor", "--schemas", "no_such_schema"]).status.code(), Some(1));
    assert!(dev.stop(Signal::INT).success());
}

#[test]
fn doctor_finds_nothing_where_there_is_nothing() {
    let (dev, _folder) = database("CREATE TABLE users (id int PRIMARY KEY);");
    assert!(dev.done(&["doctor"]).contains("nothing in database"));
    assert!(dev.stop(Signal::INT).success());
}
