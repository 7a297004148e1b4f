//! Reports of the server to sessions of the edition `v2`, and what these are to read.

use catalog::{
    model::{EditionId, Name},
    snapshot::{NameMap, Partition, Relation, ViewRelation},
};

use super::*;
use crate::{rewrite::sample, wire::message};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn view(physical: &str, columns: &[(&str, &str)], stored: &[&str]) -> Relation {
    Relation::View(Box::new(ViewRelation {
        columns: columns.iter().map(|(logical, physical)| (name(logical), name(physical))).collect(),
        numbers: None,
        stored_columns: stored.iter().map(|column| name(column)).collect(),
        ..sample::view_relation(physical).unwrap()
    }))
}

/// `people` is `users` physically, `note` is `note$v2`, `order` is `name`; `secret` is another edition's. `a` and `b` of `swapped` are each other.
fn vocabulary() -> Vocabulary {
    let users = view(
        "users",
        &[("id", "id"), ("order", "name"), ("note", "note$v2")],
        &["id", "name", "note", "secret", "note$v2"],
    );
    let Relation::View(mut users) = users else { unreachable!() };
    let partition = |name: &str, columns: Option<&[&str]>| Partition {
        schema: self::name("public"),
        name: self::name(name),
        stored_columns: columns.map(|columns| columns.iter().map(|column| self::name(column)).collect()),
    };
    users.partitions = vec![
        partition("users_1", None),
        partition("users_2", Some(&["note$v2", "secret", "name", "note", "id"])),
    ];
    let users = Relation::View(users);
    let swapped = view("swapped", &[("a", "b"), ("b", "a")], &["a", "b"]);
    let names = NameMap {
        relations: [("people", users), ("swapped", swapped)]
            .map(|(table, relation)| ((name("public"), name(table)), relation))
            .into(),
        ..NameMap::default()
    };
    Vocabulary::new(&sample::edition(EditionId::new(2), &["public$v2"], names).unwrap()).unwrap()
}

type Report<'a> = &'a [(char, &'a str)];

fn frame(report: Report<'_>) -> Vec<u8> {
    let mut body: Vec<u8> =
        report.iter().flat_map(|(code, text)| format!("{code}{text}\0").into_bytes()).collect();
    body.push(0);
    message::frame(server::ERROR, &body)
}

#[track_caller]
fn check(said: Report<'_>, heard: Report<'_>) {
    let said = frame(said);
    let translated = translate(&said, Some(&vocabulary()), None);
    let shown = |frame: &[u8]| String::from_utf8_lossy(frame).replace('\0', "\n");
    assert_eq!(shown(&translated.unwrap_or(said)), shown(&frame(heard)));
}

#[track_caller]
fn unchanged(said: Report<'_>) {
    assert_eq!(translate(&frame(said), Some(&vocabulary()), None), None, "{said:?}");
}

#[test]
fn fields_and_texts_name_what_the_edition_has() {
    check(
        &[
            ('C', "23502"),
            ('M', "null value in column \"note$v2\" of relation \"users\" violates not-null constraint"),
            ('D', "Failing row contains (1, Ada, old, hidden, null)."),
            ('s', "public"),
            ('t', "users"),
            ('c', "note$v2"),
        ],
        &[
            ('C', "23502"),
            ('M', "null value in column \"note\" of relation \"people\" violates not-null constraint"),
            ('D', "Failing row contains (1, Ada, null)."),
            ('s', "public"),
            ('t', "people"),
            ('c', "note"),
        ],
    );
}

#[test]
fn the_procedure_that_sets_constraints_is_not_heard_of() {
    let ours = "PL/pgSQL function edition.set_constraints(name[],text[],text[],boolean) line 6 at EXECUTE";
    let ran = "SQL statement \"SET CONSTRAINTS public.once IMMEDIATE\"";
    let raised =
        "PL/pgSQL function edition.constraints_statements(name[],text[],text[],boolean) line 99 at RAISE";
    let theirs = "PL/pgSQL function check_place() line 1 at RAISE";
    for (said, heard) in [
        (format!("{ran}\n{ours}"), None),
        (format!("{raised}\nPL/pgSQL function edition.set_constraints(name[]) line 5 at FOREACH"), None),
        (format!("{theirs}\n{ran}\n{ours}"), Some(theirs)),
        (format!("{theirs}\n{ran}"), Some("=")),
    ] {
        let fields = [('C', "P0001"), ('M', "m"), ('W', said.as_str())];
        match heard {
            None => check(&fields, &[('C', "P0001"), ('M', "m")]),
            Some("=") => unchanged(&fields),
            Some(heard) => check(&fields, &[('C', "P0001"), ('M', "m"), ('W', heard)]),
        }
    }
}

#[test]
fn the_procedure_that_makes_tables_is_not_heard_of() {
    let ours = "SQL statement \"CREATE TEMP TABLE x (a nothing,\n b int)\"\nPL/pgSQL function edition.create_table_like(text,text[]) line 31 at EXECUTE";
    check(
        &[
            ('C', "42704"),
            ('M', "type \"nothing\" does not exist"),
            ('p', "24"),
            ('q', "CREATE TEMP TABLE x (a nothing)"),
            ('W', ours),
        ],
        &[('C', "42704"), ('M', "type \"nothing\" does not exist")],
    );
}

#[test]
fn the_procedures_that_skip_are_not_heard_of() {
    let ours = "PL/pgSQL function edition.create_if_missing(text,text,text,text,text) line 16 at RAISE";
    let told =
        [('C', "42P07"), ('M', "relation \"users\" already exists, skipping"), ('R', "exec_stmt_raise")];
    check(&[&told[..], &[('W', ours)]].concat(), &told);
}

#[test]
fn a_row_that_cannot_be_taken_apart_is_not_shown() {
    let row = |detail| {
        let said = frame(&[('C', "23514"), ('M', "m"), ('D', detail), ('s', "public"), ('t', "users")]);
        let heard = translate(&said, Some(&vocabulary()), None).unwrap();
        message::report_field(&heard, b'D').map(|detail| String::from_utf8(detail.to_vec()).unwrap())
    };
    assert_eq!(row("Failing row contains (1, Ada, Countess, old, hidden, new)."), None);
    let some = "Failing row contains (1, Ada, (x) = (y), hidden, new).";
    assert_eq!(row(some).unwrap(), "Failing row contains (1, Ada, new).");
    // what those see who may not read all of it
    let listed = "Failing row contains (id, secret, note, note$v2) = (1, s, null, x).";
    assert_eq!(row(listed).unwrap(), "Failing row contains (id, note) = (1, x).");
    assert_eq!(row("Failing row contains (id, note) = (1, null, x)."), None);
    // three names and three values might be five values
    assert_eq!(row("Failing row contains (id, note, note$v2) = (1, null, x)."), None);
    let german = "Fehlgeschlagene Zeile enthält (1, Ada, old, hidden, null).";
    assert_eq!(row(german).unwrap(), "Fehlgeschlagene Zeile enthält (1, Ada, null).");
}

#[test]
fn keys_name_the_editions_columns_and_keep_their_values() {
    let key = |code, said: &str, heard: &str| {
        check(
            &[('C', code), ('M', "m"), ('D', said), ('s', "public"), ('t', "users")],
            &[('C', code), ('M', "m"), ('D', heard), ('s', "public"), ('t', "people")],
        );
    };
    key("23505", "Key (name)=(name) already exists.", "Key (\"order\")=(name) already exists.");
    key(
        "23505",
        "Key (id, lower(name), (name || 'name'::text))=(1, (name), x) already exists.",
        "Key (id, lower(\"order\"), (\"order\" || 'name'::text))=(1, (name), x) already exists.",
    );
    key(
        "23P01",
        "Key (\"note$v2\")=([1,5)) conflicts with existing key (\"note$v2\")=([2,3)).",
        "Key (note)=([1,5)) conflicts with existing key (note)=([2,3)).",
    );
}

#[test]
fn a_foreign_key_names_both_tables() {
    check(
        &[
            ('C', "23503"),
            (
                'M',
                "update or delete on table \"users\" violates foreign key constraint \"f\" on table \"orders\"",
            ),
            ('D', "Key (name)=(\"users\") is still referenced from table \"orders\"."),
            ('s', "public"),
            ('t', "orders"),
            ('n', "f"),
        ],
        &[
            ('C', "23503"),
            (
                'M',
                "update or delete on table \"people\" violates foreign key constraint \"f\" on table \"orders\"",
            ),
            ('D', "Key (\"order\")=(\"users\") is still referenced from table \"orders\"."),
            ('s', "public"),
            ('t', "orders"),
            ('n', "f"),
        ],
    );
    check(
        &[
            ('C', "23503"),
            ('M', "insert or update on table \"orders\" violates foreign key constraint \"f\""),
            ('D', "Key (name)=(9) is not present in table \"users\"."),
        ],
        &[
            ('C', "23503"),
            ('M', "insert or update on table \"orders\" violates foreign key constraint \"f\""),
            ('D', "Key (name)=(9) is not present in table \"people\"."),
        ],
    );
}

#[test]
fn a_check_of_ours_is_a_not_null_violation() {
    check(
        &[
            ('C', "23514"),
            ('M', "new row for relation \"swapped\" violates check constraint \"b~edition not null\""),
            ('D', "Failing row contains (1, null)."),
            ('s', "public"),
            ('t', "swapped"),
            ('n', "b~edition not null"),
            ('F', "f"),
        ],
        &[
            ('C', "23502"),
            ('M', "null value in column \"a\" of relation \"swapped\" violates not-null constraint"),
            ('D', "Failing row contains (1, null)."),
            ('s', "public"),
            ('t', "swapped"),
            ('c', "a"),
            ('F', "f"),
        ],
    );
}

#[test]
fn what_is_in_the_statements_words_already_stays() {
    unchanged(&[('C', "42703"), ('M', "column \"a\" of relation \"swapped\" does not exist")]);
    unchanged(&[('C', "42601"), ('M', "syntax error at or near \"public$v2\"")]);
    unchanged(&[('C', "22P02"), ('M', "invalid input syntax for type integer: \"note$v2\"")]);
    unchanged(&[
        ('C', "P0001"),
        ('M', "relation \"users\""),
        ('s', "public"),
        ('t', "users"),
        ('R', "exec_stmt_raise"),
    ]);
    unchanged(&[
        ('C', "23505"),
        ('M', "table \"users\""),
        ('s', "public"),
        ('t', "users"),
        ('R', "exec_stmt_raise"),
    ]);
    check(
        &[('C', "42883"), ('M', "function public$v2.f(integer) does not exist")],
        &[('C', "42883"), ('M', "function public.f(integer) does not exist")],
    );
    check(
        &[('C', "42P01"), ('M', "relation \"public$v2.nope\" does not exist")],
        &[('C', "42P01"), ('M', "relation \"public.nope\" does not exist")],
    );
}

#[test]
fn privileges_policies_and_generated_columns() {
    let message = |code, said, heard| check(&[('C', code), ('M', said)], &[('C', code), ('M', heard)]);
    message("42501", "permission denied for view people", "permission denied for table people");
    message("42501", "permission denied for table users", "permission denied for table people");
    message("42501", "permission denied for view others", "permission denied for view others");
    message(
        "42501",
        "new row violates row-level security policy \"own$v2\" for table \"users\"",
        "new row violates row-level security policy \"own\" for table \"people\"",
    );
    message(
        "428C9",
        "cannot insert a non-DEFAULT value into column \"note$v2\"",
        "cannot insert a non-DEFAULT value into column \"note\"",
    );
    check(
        &[('C', "428C9"), ('M', "m"), ('D', "Column \"note$v2\" is a generated column.")],
        &[('C', "428C9"), ('M', "m"), ('D', "Column \"note\" is a generated column.")],
    );
    // of which table?
    message(
        "428C9",
        "column \"a\" can only be updated to DEFAULT",
        "column \"a\" can only be updated to DEFAULT",
    );
}

#[test]
fn partitions_speak_of_the_columns_of_their_table() {
    let row = |partition: &'static str, message: &'static str, detail: &'static str| {
        [('C', "23514"), ('M', message), ('D', detail), ('s', "public"), ('t', partition)]
    };
    let message = "new row for relation \"users_1\" violates partition constraint";
    check(
        &row("users_1", message, "Failing row contains (1, a, x, s, y)."),
        &row("users_1", message, "Failing row contains (1, a, y)."),
    );
    // in an order of its own
    check(
        &row("users_2", message, "Failing row contains (y, s, a, x, 1)."),
        &row("users_2", message, "Failing row contains (y, a, 1)."),
    );
    let message = "no partition of relation \"users_1\" found for row";
    check(
        &row("users_1", message, "Partition key of the failing row contains (name, abs(id)) = (a, 1)."),
        &row("users_1", message, "Partition key of the failing row contains (\"order\", abs(id)) = (a, 1)."),
    );
    check(
        &[
            ('C', "23505"),
            ('M', "duplicate key value violates unique constraint \"u\""),
            ('D', "Key (name)=(a) already exists."),
            ('s', "public"),
            ('t', "users_2"),
        ],
        &[
            ('C', "23505"),
            ('M', "duplicate key value violates unique constraint \"u\""),
            ('D', "Key (\"order\")=(a) already exists."),
            ('s', "public"),
            ('t', "users_2"),
        ],
    );
}

#[test]
fn what_depends_on_a_role_is_told_once() {
    let message = "role \"clerk\" cannot be dropped because some objects depend on it";
    check(
        &[
            ('C', "2BP01"),
            ('M', message),
            ('D', "privileges for table public.users\nprivileges for view people\nowner of view other"),
        ],
        &[('C', "2BP01"), ('M', message), ('D', "privileges for table people\nowner of view other")],
    );
    unchanged(&[
        ('C', "2BP01"),
        ('M', message),
        ('D', "privileges for table public.plain\nprivileges for table plain"),
    ]);
}

#[test]
fn contexts_name_what_the_edition_has_and_nothing_of_ours() {
    let context = |said, heard| check(&[('C', "57014"), ('W', said)], &[('C', "57014"), ('W', heard)]);
    context(
        "while updating tuple (0,1) in relation \"users\"",
        "while updating tuple (0,1) in relation \"people\"",
    );
    context("COPY users, line 1, column name: \"name: x\"", "COPY people, line 1, column order: \"name: x\"");
    context("COPY users, line 1: \"COPY users, line 2\"", "COPY people, line 1: \"COPY users, line 2\"");
    context(
        "SQL statement \"SELECT 1 FROM ONLY \"public\".\"users\" x WHERE \"name\" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x\"",
        "SQL statement \"SELECT 1 FROM ONLY \"public\".\"people\" x WHERE \"order\" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x\"",
    );
    check(
        &[('C', "22P04"), ('M', "missing data for column \"name\""), ('W', "COPY users, line 1: \"1\"")],
        &[('C', "22P04"), ('M', "missing data for column \"order\""), ('W', "COPY people, line 1: \"1\"")],
    );
    check(
        &[
            ('C', "22012"),
            (
                'W',
                "PL/pgSQL assignment \"new.x := 1/0\"\nPL/pgSQL function edition.forward_2_16400() line 4 at assignment\n\
                 SQL statement \"UPDATE people SET id = 1\"\nPL/pgSQL function f() line 3 at SQL statement",
            ),
        ],
        &[
            ('C', "22012"),
            (
                'W',
                "SQL statement \"UPDATE people SET id = 1\"\nPL/pgSQL function f() line 3 at SQL statement",
            ),
        ],
    );
}

#[test]
fn what_is_no_report_is_left_alone() {
    for bytes in [&b""[..], b"E", b"E\0\0\0\x04", b"E\0\0\0\x08Mno", b"E\0\0\0\x06M\0", b"T\0\0\0\x05\0"] {
        assert_eq!(translate(bytes, Some(&vocabulary()), None), None);
    }
    let latin1 = frame(&[('C', "23502"), ('s', "public"), ('t', "users")]);
    let broken: Vec<u8> = latin1.iter().map(|byte| if *byte == b'u' { 0xe9 } else { *byte }).collect();
    assert_eq!(translate(&broken, Some(&vocabulary()), None), None);
}
