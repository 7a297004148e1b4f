//! What holds for any text.

use std::collections::HashMap;

use catalog::{model::Name, snapshot::Relation};
use proptest::prelude::*;

use super::*;

/// Any name that PostgreSQL takes, quoted as it must be.
fn any_name() -> impl Strategy<Value = Name> {
    "\\PC{1,20}|[a-z\"'. $]{1,20}|[a-z]{63}".prop_filter_map("not a name", |text| Name::new(text).ok())
}

fn identifiers() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z_]{1,8}",
        "\"[ a-z.'A-Z]{1,8}\"",
        Just("public".to_owned()),
        Just("users".to_owned()),
        Just("legacy".to_owned())
    ]
}

/// Statements of many shapes in which `public.users`, `legacy` and so on come as anything but a relation that is meant.
fn harmless() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        Just("'public.users'".to_owned()),
        Just("$x$ FROM legacy $x$".to_owned()),
        Just("E'\\' public.users'".to_owned()),
        "'[a-z .;-]{0,12}'",
    ];
    (identifiers(), identifiers(), string, "/\\*[a-z .]{0,9}\\*/", any::<bool>()).prop_map(|(alias, column, string, comment, cte)| {
        let select = format!("SELECT {alias}.{column}, {string} AS {column} {comment}\nFROM other.t AS {alias} -- public.users\nWHERE {column} = {string}");
        if cte { format!("WITH legacy AS ({select}) SELECT * FROM legacy, LATERAL (SELECT 1 FROM legacy) {alias}") } else { select }
    })
}

fn any_case(word: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<bool>(), word.len()).prop_map(move |upper| {
        word.chars().zip(upper).map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c }).collect()
    })
}

fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", " ", "\n\t", "/* . */", "--\n"])
}

proptest! {
    #[test]
    fn without_a_name_that_applies_the_text_is_forwarded(sql in harmless()) {
        prop_assert_eq!(judged(&rewriter(VIEWED), &sql, &SessionTraits::default()), "=", "{}", sql);
    }

    #[test]
    fn any_way_of_writing_a_qualified_name_is_found(
        schema in any_case("public"), quoted in any::<bool>(), a in space(), b in space(), table in any_case("users"), string in "[a-z' ]{0,9}",
    ) {
        let schema = if quoted { "\"public\"".to_owned() } else { schema };
        let string = string.replace('\'', "''");
        let sql = format!("SELECT '{string}', id FROM {schema}{a}.{b}{table} WHERE x = '{string}'");
        let expected = format!("SELECT '{string}', id FROM \"public$v2\"{a}.{b}{table} WHERE x = '{string}'");
        prop_assert_eq!(judged(&rewriter(VIEWED), &sql, &SessionTraits::default()), expected);
    }

    #[test]
    fn names_of_any_script_are_found(schema in any_name(), own in any_name(), moved in any_name(), gone in any_name()) {
        prop_assume!(moved != gone && own != schema && schema.as_str() != "pg_temp");
        let mut snapshot = sample::snapshot().unwrap();
        snapshot.schemas = vec![schema.clone()];
        let edition = snapshot.editions.last_mut().unwrap();
        edition.path = vec![(schema.clone(), vec![own.clone()])];
        edition.names.relations = HashMap::from([
            ((schema.clone(), moved.clone()), Relation::Moved { schema: own.clone() }),
            ((schema.clone(), gone.clone()), Relation::Tombstone),
        ]);
        let rewriter = Rewriter::new(Arc::new(snapshot), VIEWED);
        let session = SessionTraits::starting_with([schema.as_str()]);
        let sql = format!("SELECT 1 FROM {}.{}", schema.quoted(), moved.quoted());
        let expected = format!("SELECT 1 FROM {}.{}", own.quoted(), moved.quoted());
        prop_assert_eq!(judged(&rewriter, &sql, &session), expected);
        let sql = format!("SELECT 1 FROM {}", gone.quoted());
        if !matches!(schema.as_str(), "$user" | "pg_catalog") {
            prop_assert!(judged(&rewriter, &sql, &session).starts_with("! 42P01 at 15"));
        }
    }

    #[test]
    fn a_name_that_postgresql_cuts_is_found(tail in "[a-z0-9_]{0,10}") {
        let long = "x".repeat(63);
        let mut snapshot = sample::snapshot().unwrap();
        let names = &mut snapshot.editions.last_mut().unwrap().names;
        names.relations.insert((Name::new("public").unwrap(), Name::new(long.clone()).unwrap()), Relation::Tombstone);
        let rewriter = Rewriter::new(Arc::new(snapshot), VIEWED);
        let verdict = judged(&rewriter, &format!("SELECT 1 FROM {long}{tail}"), &SessionTraits::default());
        prop_assert!(verdict.starts_with("! 42P01 at 15"), "{}", verdict);
    }

    #[test]
    fn no_bytes_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_entry(&data);
    }

    #[test]
    fn no_salad_of_words_panics(words in prop::collection::vec(prop::sample::select(vec![
        "SELECT", "public", ".", "users", "legacy", "(", ")", ",", "COPY", "FROM", "TO", "STDIN", "TRUNCATE", "SET", "search_path", "=", "'public'",
        "schema", "CREATE", "TABLE", "TEMP", "DROP", "U&\"a\"", "UESCAPE", "'!'", "edition", ";", "nextval", "::regclass", "WITH", "AS", "*", "FORCE_NULL",
        "1", "$1", "INTO", "ALTER", "ONLY", "force", "not", "null", "csv", "header", "match", "where", "discard all", "as t", "/*", "--\n", "'",
        "GROUP BY", "id", "ctid", "*", "full_name", "public.users", "users u", "JOIN", "USING (id)", "ON true", "u.*", "hidden", "DELETE FROM", "UPDATE",
        "RETURNING", "WHERE CURRENT OF c", "TABLESAMPLE system (1)", "INSERT INTO", "VALUES (1)", "ROW", "(u).full_name", "ORDER BY", "AS x (a)", "NATURAL",
    ]), 0..25)) {
        fuzz_entry(words.join(" ").as_bytes());
    }
}
