use proptest::prelude::*;

use super::*;
use crate::sql;

fn sql_of(assignments: &str, map: impl Fn(Option<&str>, &str) -> Option<Sql>) -> Result<Vec<String>> {
    parse_assignments(assignments)?
        .into_iter()
        .map(|(name, expression)| {
            let sql =
                expression.substitute(|qualifier, name| map(qualifier.map(Name::as_str), name.as_str()))?;
            Ok(format!("{} <- {}", name.as_str(), sql.as_str()))
        })
        .collect()
}

fn new_row(qualifier: Option<&str>, name: &str) -> Option<Sql> {
    let row = match qualifier {
        None | Some("users") => "NEW",
        Some("old") => "OLD",
        Some(_) => return None,
    };
    Some(Sql::trusted(format!("{row}.{}", Name::new(name).ok()?.quoted())))
}

#[test]
fn assignments_keep_the_authors_text_and_replace_every_column() {
    let cases = [
        (
            "first_name = split_part(name,' ',1), \"Odd\" = x::int",
            vec!["first_name <- split_part(NEW.\"name\",' ',1)", "Odd <- NEW.\"x\"::int"],
        ),
        ("a = Users . Name || old.\"b\"", vec!["a <- NEW.\"name\" || OLD.\"b\""]),
        (r#" U&"d!0061t" UESCAPE '!' = U&"\00e4" -- last"#, vec!["dat <- NEW.\"ä\""]),
        (
            "a = f(x, /* , */ 'y, x') , b = CASE WHEN x = 1 THEN ARRAY[x, 2] END",
            vec![
                "a <- f(NEW.\"x\", /* , */ 'y, x')",
                "b <- CASE WHEN NEW.\"x\" = 1 THEN ARRAY[NEW.\"x\", 2] END",
            ],
        ),
        (
            "a = tags[i] || (address).street || $$ name $$",
            vec!["a <- NEW.\"tags\"[NEW.\"i\"] || (NEW.\"address\").street || $$ name $$"],
        ),
        (
            "a = now() AT TIME ZONE zone, b = current_user, c = f(x => y)",
            vec!["a <- now() AT TIME ZONE NEW.\"zone\"", "b <- current_user", "c <- f(x => NEW.\"y\")"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(sql_of(text, new_row).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_a_row_trigger_cannot_compute_is_refused() {
    let cases = [
        ("a = (SELECT 1)", "sub-select"),
        ("a = x IN (SELECT 1)", "sub-select"),
        ("a = EXISTS (SELECT 1)", "sub-select"),
        ("a = ARRAY(SELECT 1)", "sub-select"),
        ("a = sum(x)", "an aggregate"),
        ("a = pg_catalog.max(x)", "an aggregate"),
        ("a = f(*)", "an aggregate"),
        ("a = f(DISTINCT x)", "an aggregate"),
        ("a = f(x) FILTER (WHERE y)", "an aggregate"),
        ("a = row_number() OVER ()", "a window function"),
        ("a = unnest(x)", "a set-returning"),
        ("a = $1", "no parameters"),
        ("a = users.*", "whole row"),
        ("a = ROW(x.*)", "whole row"),
        ("a = public.users.name", "table.column"),
        ("a = DEFAULT", "DEFAULT"),
        ("a = 1; DROP TABLE x", "\";\""),
        ("a = 1;", "\";\""),
        ("a = 1 WHERE b", "WHERE"),
        ("a = 1 FROM b", "FROM"),
        ("a = 1 RETURNING b", "RETURNING"),
        ("(a, b) = (1, 2)", "one at a time"),
        ("a[1] = 2", "as a whole"),
        ("a = 1, a = 2", "twice"),
        ("a = 1 /* x", "no end"),
        ("a = 'x", "no end"),
        ("a", "syntax error"),
        ("a = ", "syntax error"),
        ("a = 1,", "syntax error"),
        ("a = 1)", "syntax error"),
        ("", "empty"),
        (" -- only a comment", "empty"),
    ];
    for (text, message) in cases {
        let error = parse_assignments(text).expect_err(text);
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
}

#[test]
fn a_bare_expression_cannot_reach_out_of_its_parentheses() {
    for text in ["1) + (2", "1), (2", "1, 2", "1) FROM t WHERE (true", "x AS y", "1 --", "]1[", ")", "a b"] {
        match Expression::parse(text) {
            Ok(expression) => assert_eq!((text, expression.text()), ("1 --", "1")),
            Err(error) => assert_eq!(error.kind(), crate::ErrorKind::Refused, "{text}: {error}"),
        }
    }
}

#[test]
fn an_unknown_column_is_named_and_shown() {
    let error = Expression::parse("lower(nmae)").unwrap().substitute(|_, _| None).unwrap_err();
    insta::assert_snapshot!(error.to_string(), @r#"
    column "nmae" does not exist here
      lower(nmae)
            ^
    "#);
}

#[test]
fn a_string_that_is_not_utf8_is_refused() {
    let error = Expression::parse("E'\\xff'").unwrap_err();
    assert!(error.to_string().contains("invalid byte sequence"), "{error}");
}

fn names() -> impl Strategy<Value = Name> {
    "\\PC{1,15}|[a-zA-Z_$\"'.; \\\\-]{1,20}".prop_filter_map("not a name", |text| Name::new(text).ok())
}

fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        names().prop_map(|name| name.quoted().to_string()),
        (names(), names()).prop_map(|(a, b)| format!("{} . {}", a.quoted(), b.quoted())),
        "[A-Za-z]{1,3}_[a-z0-9$]{0,5}",
        Just("'it''s, \"x\" -- '".to_owned()),
        Just("$x$ ' $x$".to_owned()),
        Just("E'\\''".to_owned()),
        Just("12.5e3".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} + {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("f({a} /* , */, {b})")),
            inner.clone().prop_map(|a| format!("({a})::numeric(4,2)")),
            inner.clone().prop_map(|a| format!("CASE WHEN {a} IS NULL -- c\n THEN {a} END")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("ARRAY[{a}, {b}]")),
        ]
    })
}

fn uses(expression: &Expression) -> Vec<(Option<Name>, Name)> {
    expression.columns().iter().map(|column| (column.qualifier.clone(), column.name.clone())).collect()
}

proptest! {
    #[test]
    fn identity_substitution_means_the_same(text in expressions()) {
        let expression = Expression::parse(&text).unwrap();
        prop_assert_eq!(expression.text(), &text);
        let again = expression.substitute(|qualifier, name| Some(match qualifier {
            Some(qualifier) => sql!("{}.{}", qualifier, name),
            None => sql!("{}", name),
        })).unwrap();
        let again = Expression::parse(again.as_str()).unwrap();
        prop_assert_eq!(uses(&again), uses(&expression));
    }

    #[test]
    fn assignments_come_back_as_written(list in prop::collection::vec((names(), expressions()), 1..4)) {
        let text = list.iter().map(|(name, value)| format!("{} = {value}", name.quoted())).collect::<Vec<_>>().join(", ");
        match parse_assignments(&text) {
            Ok(parsed) => {
                let parsed: Vec<_> = parsed.iter().map(|(name, e)| (name.clone(), e.text().to_owned())).collect();
                prop_assert_eq!(parsed, list);
            }
            Err(error) => prop_assert!(error.to_string().contains("twice")),
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _ = parse_assignments(&text);
        let _ = Expression::parse(&text);
    }
}
