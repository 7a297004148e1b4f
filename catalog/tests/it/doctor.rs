//! What goes around an edition, in a database that is about to be adopted and in one that is.

use catalog::{
    doctor::{Code, Examination, examine},
    event::Silent,
    operation::init,
};

use crate::cluster::{Database, name};

const SICK: &str = "
CREATE TABLE orders (id int PRIMARY KEY, total int);
CREATE TABLE \"Odd\" (id int);
CREATE FUNCTION qualified() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.orders';
CREATE FUNCTION unqualified() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM orders';
CREATE FUNCTION atomic() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM public.orders; END;
CREATE PROCEDURE fixed() LANGUAGE plpgsql SET search_path = public AS 'BEGIN DELETE FROM orders; END';
CREATE FUNCTION dynamic(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE format('DELETE FROM public.%I', t);
    EXECUTE 'DELETE FROM public.orders'; END $$;
CREATE FUNCTION powerful() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE FUNCTION whole() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', NEW; RETURN NEW; END';
CREATE VIEW inside AS SELECT * FROM orders;
CREATE SCHEMA other;
CREATE VIEW other.outside AS SELECT * FROM orders;
CREATE TABLE other.bound (n bigint DEFAULT public.unqualified(), CHECK (public.unqualified() > 0));
CREATE FUNCTION other.atomic() RETURNS bigint RETURN (SELECT count(*) FROM public.orders);
CREATE PUBLICATION all_orders FOR TABLE orders;
";

fn shown(examination: &Examination) -> Vec<String> {
    let line = |finding: &catalog::doctor::Finding| {
        let place = finding.place.as_deref().map(|place| format!(" @ {place}")).unwrap_or_default();
        format!("{} {}{place}", finding.code.number(), finding.subject)
    };
    examination.findings.iter().map(line).collect()
}

#[tokio::test]
async fn everything_that_goes_around_an_edition_is_found_before_and_after_init() {
    let database = Database::with(SICK).await;
    let public = [name("public")];
    let set = format!("ALTER DATABASE \"{}\" SET search_path = other, public", database.name);
    database.run(&set).await;
    let mut wanted = vec![
        "D001 function public.qualified() @ line 1: public.orders".to_owned(),
        "D002 procedure public.fixed() @ SET search_path = public".to_owned(),
        "D003 function public.dynamic(t text) @ line 2: public.".to_owned(),
        "D003 function public.dynamic(t text) @ line 3: public.orders".to_owned(),
        "D005 function public.powerful()".to_owned(),
        "D006 function public.whole() @ line 1: NEW".to_owned(),
        "D007 constraint bound_check on table other.bound @ function public.unqualified()".to_owned(),
        "D007 default value for column n of table other.bound @ function public.unqualified()".to_owned(),
        "D007 function other.atomic() @ table public.orders".to_owned(),
        "D007 view other.outside @ table public.orders".to_owned(),
        format!("D008 database {} @ search_path=other, public", database.name),
        "D011 publication all_orders @ public.orders".to_owned(),
    ];
    wanted.sort();
    let before = examine(&database.target, &public).await.unwrap();
    assert!(!before.adopted && !before.is_healthy());
    assert_eq!(shown(&before), wanted);

    init(&database.target, &database.init_options("v1"), &Silent).await.unwrap();
    let after = examine(&database.target, &[]).await.unwrap();
    assert!(after.adopted);
    let mut found = shown(&after);
    found.retain(|line| !line.starts_with(&Code::DirectConnection.number()));
    assert_eq!(found, wanted, "nothing of ours is found");
}

#[tokio::test]
async fn a_schema_that_is_not_there_is_told() {
    let database = Database::with("").await;
    let error = examine(&database.target, &[name("nope")]).await.unwrap_err();
    assert_eq!(error.to_string(), "schema \"nope\" does not exist");
}
