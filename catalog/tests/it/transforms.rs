//! Giving transforms, by the command line and inside a draft.

use catalog::{
    event::Silent,
    model::{Direction, OnError},
    operation::{TransformOptions, collect_transforms, create, transform},
    store,
};

use crate::cluster::{Database, edition};

const PARENT: &str = "CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, cents int)";
const CHILD: &str = "CREATE TYPE mood AS ENUM ('sad', 'ok'); \
                     ALTER TABLE users RENAME TO \"People\"; ALTER TABLE \"People\" ADD first_name text, ADD last_name text, ADD feeling mood; \
                     ALTER TABLE \"People\" DROP name; ALTER TABLE \"People\" RENAME cents TO price; \
                     ALTER TABLE \"People\" ALTER price TYPE numeric USING price / 100.0; \
                     CREATE TABLE fresh (a int)";

async fn draft() -> Database {
    let database = Database::adopted(PARENT).await;
    create(&database.target, &database.create_options("v2"), &Silent).await.unwrap();
    database.run_in_draft("v2", CHILD).await;
    database
}

fn options(table: &str, forward: &[&str], reverse: &[&str]) -> TransformOptions {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    TransformOptions {
        edition: edition("v2"),
        table: table.to_owned(),
        forward: owned(forward),
        reverse: owned(reverse),
        on_error: OnError::Reject,
        replace: false,
    }
}

#[tokio::test]
async fn good_transforms_are_stored_and_replaced() {
    let database = draft().await;
    let forward =
        "first_name = split_part(name, ' ', 1), last_name = split_part(users.name, ' ', 2), feeling = 'sad'";
    let reverse = ["name = first_name || ' ' || coalesce(last_name, old.name)", "cents = (price * 100)::int"];
    let outcome = transform(&database.target, &options("\"People\"", &[forward], &reverse)).await.unwrap();
    let shown: Vec<String> = outcome
        .transforms
        .iter()
        .map(|given| format!("{} {} = {}", given.direction.as_str(), given.column.as_str(), given.expression))
        .collect();
    assert_eq!(
        shown,
        [
            "forward feeling = 'sad'",
            "forward first_name = split_part(name, ' ', 1)",
            "forward last_name = split_part(users.name, ' ', 2)",
            "reverse cents = (price * 100)::int",
            "reverse name = first_name || ' ' || coalesce(last_name, old.name)",
        ]
    );

    let mut again = options("public.\"People\"", &["price = cents / 100.0"], &[]);
    assert_eq!(transform(&database.target, &again).await.unwrap().transforms.len(), 6);
    again.replace = true;
    again.on_error = OnError::Null;
    let outcome = transform(&database.target, &again).await.unwrap();
    assert_eq!(outcome.transforms.len(), 1);
    assert_eq!(outcome.transforms[0].on_error, OnError::Null);
}

#[tokio::test]
async fn transforms_of_a_table_that_the_draft_has_no_more_can_be_forgotten() {
    let database = draft().await;
    transform(&database.target, &options("\"People\"", &["feeling = 'sad'"], &[])).await.unwrap();
    database.run_in_draft("v2", "ALTER TABLE \"People\" RENAME TO persons").await;
    let forget = TransformOptions { replace: true, ..options("\"People\"", &[], &[]) };
    assert_eq!(transform(&database.target, &forget).await.unwrap().transforms, []);
    let unknown = transform(&database.target, &forget).await.unwrap_err().to_string();
    assert!(unknown.contains("no table \"\"People\"\" in the draft"), "{unknown}");
}

#[tokio::test]
async fn transforms_that_cannot_work_are_refused_with_the_reason() {
    let database = draft().await;
    let cases: &[(&str, &[&str], &[&str], &str)] = &[
        ("People", &["x = 1"], &[], "no table \"People\" in the draft"),
        ("a.b.c.d", &["x = 1"], &[], "is not the name of a table"),
        ("fresh", &["a = 1"], &[], "is new in the draft"),
        ("\"People\"", &["nick = name"], &[], "no column \"nick\" in public.People of the draft"),
        ("\"People\"", &[], &["first_name = name"], "no column \"first_name\" in public.users of the parent"),
        ("\"People\"", &["first_name = last_name"], &[], "column \"last_name\" does not exist"),
        ("\"People\"", &["first_name = old.name"], &[], "column \"old.name\" does not exist"),
        ("\"People\"", &["first_name = nofunc(name)"], &[], "function nofunc(text) does not exist"),
        ("\"People\"", &["price = name"], &[], "is of type numeric but expression is of type text"),
        ("\"People\"", &["feeling = 'angry'"], &[], "invalid input value for enum"),
        ("\"People\"", &["price = cents", "price = 1"], &[], "is given twice"),
        ("\"People\"", &["price = (select 1)"], &[], ""),
    ];
    for (table, forward, reverse, expected) in cases {
        let error = transform(&database.target, &options(table, forward, reverse)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{forward:?} {reverse:?}: {error}");
        assert_eq!(error.kind(), catalog::ErrorKind::Refused, "{error}");
    }
    let mut of_root = options("users", &["name = name"], &[]);
    of_root.edition = edition("v1");
    let error = transform(&database.target, &of_root).await.unwrap_err();
    assert!(error.to_string().contains("\"v1\" is live: its transforms are settled"), "{error}");
}

#[tokio::test]
async fn transforms_given_inside_the_draft_are_merged() {
    let database = draft().await;
    database
        .run_in_draft(
            "v2",
            "SELECT edition.forward('\"People\"', $$first_name = name, last_name = name$$); \
             SELECT edition.forward('public.\"People\"', $$first_name = lower(name)$$, on_error => 'null'); \
             SELECT edition.reverse('\"People\"', 'name = first_name')",
        )
        .await;
    transform(&database.target, &options("\"People\"", &["last_name = upper(name)"], &[])).await.unwrap();

    let live = database.target.connect().await.unwrap();
    let draft = store::require_edition(&*live, &edition("v2")).await.unwrap();
    let blueprint = database.target.connect_blueprint(&draft.blueprint).await.unwrap();
    let all = collect_transforms(&*live, &*blueprint, &draft).await.unwrap();
    let shown: Vec<(Direction, &str, &str, OnError)> = all
        .iter()
        .map(|given| (given.direction, given.column.as_str(), given.expression.as_str(), given.on_error))
        .collect();
    assert_eq!(
        shown,
        [
            (Direction::Forward, "first_name", "lower(name)", OnError::Null),
            (Direction::Forward, "last_name", "upper(name)", OnError::Reject),
            (Direction::Reverse, "name", "first_name", OnError::Reject),
        ]
    );

    database.run_in_draft("v2", "SELECT edition.forward('nowhere', 'a = b')").await;
    let error = collect_transforms(&*live, &*blueprint, &draft).await.unwrap_err();
    assert!(error.to_string().contains("in edition.forward('nowhere', …) of the draft: no table"), "{error}");
}
