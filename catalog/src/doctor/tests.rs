//! Bodies, and what is found in them.

use super::{
    bodies::{Known, examine},
    read::{Facts, Routine},
};
use crate::model::Name;

fn found(language: &str, body: &str, settings: &[&str]) -> Vec<String> {
    let facts = Facts {
        schemas: vec![Name::new("public").unwrap(), Name::new("My App").unwrap()],
        objects: [("public", "orders"), ("public", "total"), ("My App", "Odd")]
            .map(|(schema, name)| (schema.to_owned(), name.to_owned()))
            .into(),
        routines: Vec::new(),
        found: Vec::new(),
    };
    let routine = Routine {
        kind: "function".to_owned(),
        name: "public.f()".to_owned(),
        language: language.to_owned(),
        body: Some(body.to_owned()),
        is_definer: false,
        is_trigger: true,
        settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
    };
    let findings = examine(&routine, &Known::new(&facts));
    findings
        .iter()
        .map(|finding| format!("{} {}", finding.code.number(), finding.place.as_deref().unwrap_or_default()))
        .collect()
}

#[test]
fn qualified_names_are_found_once_each_and_nothing_else_is() {
    let body = "SELECT o.total, public.total(1)\nFROM public . \"orders\" o, \"My App\".\"Odd\", public.orders -- public.orders\n\
        WHERE 'public.orders' <> x.public.orders AND public.other(public.f2()) /* public.orders */";
    assert_eq!(
        found("sql", body, &[]),
        ["D001 line 1: public.total", "D001 line 2: public.orders", "D001 line 2: My App.Odd"]
    );
    assert!(found("sql", "SELECT * FROM orders, other.orders", &[]).is_empty());
}

#[test]
fn statements_that_are_put_together_are_looked_into_as_far_as_they_stand_there() {
    let one = |body: &str| found("plpgsql", body, &[]);
    assert_eq!(one("BEGIN EXECUTE 'DELETE FROM public.orders'; END"), ["D003 line 1: public.orders"]);
    assert_eq!(one("BEGIN EXECUTE 'TABLE public.' || t; END"), ["D003 line 1: public."]);
    assert_eq!(
        one("BEGIN RETURN QUERY EXECUTE format('TABLE %I.%I', 'public', t) USING 1; END"),
        ["D003 line 1: public"]
    );
    assert_eq!(one("BEGIN EXECUTE format('TABLE public.%I', t); END"), ["D003 line 1: public."]);
    assert_eq!(one("BEGIN\n EXECUTE format('TABLE %I', t) INTO x; END"), ["D004 line 2: EXECUTE"]);
    assert_eq!(one("BEGIN EXECUTE $q$ TABLE orders $q$; END"), [""; 0]);
    assert_eq!(one("BEGIN EXECUTE $q$ TABLE public.orders $q$; END"), ["D003 line 1: public.orders"]);
    assert_eq!(one("BEGIN GRANT EXECUTE ON FUNCTION f TO g; END"), [""; 0]);
}

#[test]
fn paths_are_found_where_they_are_set_and_not_where_they_are_read() {
    assert_eq!(
        found("plpgsql", "BEGIN SET LOCAL search_path = public; END", &[]),
        ["D002 line 1: search_path"]
    );
    assert_eq!(
        found("sql", "SELECT set_config('search_path', 'x', true)", &[]),
        ["D002 line 1: search_path"]
    );
    assert_eq!(found("sql", "SELECT current_setting('search_path')", &[]), [""; 0]);
    assert_eq!(
        found("sql", "", &["search_path=pg_catalog, public"]),
        ["D002 SET search_path = pg_catalog, public"]
    );
    assert_eq!(found("sql", "", &["search_path=pg_catalog, pg_temp", "work_mem=1MB"]), [""; 0]);
    assert_eq!(found("sql", "", &["edition.id=2"]), ["D009 SET edition.id = 2"]);
}

#[test]
fn triggers_that_take_the_row_as_a_whole_are_found() {
    let one = |body: &str| found("plpgsql", body, &[]);
    assert_eq!(one("BEGIN INSERT INTO log SELECT NEW.*; RETURN NEW; END"), ["D006 line 1: NEW"]);
    assert_eq!(one("BEGIN PERFORM log(to_jsonb(old)); RETURN OLD; END"), ["D006 line 1: old"]);
    assert_eq!(one("BEGIN NEW.a := old.a; IF NEW IS NULL THEN RETURN OLD; END IF; RETURN NEW; END"), [""; 0]);
}
