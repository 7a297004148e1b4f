//! Columns of several types, and statements around those that run once.

use super::*;

/// Parent: id, day, price numeric, made timestamptz. Child: also day2 date, cents integer, token, copy; the price is an integer.
fn told_of_orders(statements: &[&str]) -> Vec<String> {
    let typed = |column: Column, type_name: &str| Column { type_name: type_name.to_owned(), ..column };
    let kept = |price: &str| {
        vec![
            column(1, "id", None),
            typed(column(2, "price", None), price),
            typed(column(3, "made", None), "timestamp with time zone"),
            column(4, "status", None),
        ]
    };
    let parent = users(kept("numeric"));
    let mut columns = kept("integer");
    columns.extend([
        typed(column(5, "day", None), "date"),
        typed(column(6, "cents", None), "integer"),
        column(7, "label", None),
        column(8, "token", None),
        column(9, "late", None),
        Column { type_id: Some(70), ..typed(column(10, "amount", None), "public.amount") },
        Column { type_id: Some(71), ..typed(column(11, "mood", None), "public.mood") },
    ]);
    let seen = View {
        id: TableId::new(5),
        name: QualifiedName::new(name("public"), name("seen")),
        definition: String::new(),
        columns: Vec::new(),
        reads: vec![(TableId::new(1), ColumnId::new(2))],
        calls: Vec::new(),
        groups_by: Vec::new(),
        materialized: false,
        indexes: Vec::new(),
        rules: Vec::new(),
        details: Vec::new(),
        owner: name("owner"),
        grants: Vec::new(),
        properties: Vec::new(),
    };
    let own_type = |id: u32, type_name: &str, kind: TypeKind| TypeDef {
        id,
        name: QualifiedName::new(name("public"), name(type_name)),
        kind,
        uses: Vec::new(),
        body: TypeBody::Opaque,
        definition: String::new(),
        owner: name("owner"),
        grants: Vec::new(),
        properties: Vec::new(),
    };
    let own_function = |function: &str, volatility: &str| {
        let head = "CREATE OR REPLACE FUNCTION public.f(text)
 RETURNS text
 LANGUAGE sql
";
        let body = "AS $function$SELECT 'stable'$function$
";
        Function::sample(name(function), "text", &format!("{head}{volatility}{body}"))
    };
    let child = Schema {
        types: vec![own_type(70, "amount", TypeKind::Domain), own_type(71, "mood", TypeKind::Enum)],
        views: vec![seen],
        functions: vec![own_function("ticket", ""), own_function("slug", " IMMUTABLE STRICT\n")],
        ..users(columns)
    };
    let noted: Vec<NotedStatement> = statements
        .iter()
        .map(|text| {
            let (seen, unmanaged) = (Some(TableId::new(5)), Some(TableId::new(99)));
            let table = if text.starts_with("UPDATE seen") { seen } else { Some(TableId::new(1)) };
            let names: &[(&str, i16)] = if text.contains("before_renaming") { &[("label", 4)] } else { &[] };
            let names = names.iter().map(|(name, id)| ((*name).to_owned(), ColumnId::new(*id))).collect();
            let reads = match text.rsplit_once(" FROM ") {
                Some((_, "unmanaged")) => vec![unmanaged],
                Some((_, "seen" | "users AS another_then")) => vec![seen],
                Some(_) => vec![table],
                None => Vec::new(),
            };
            NotedStatement { text: (*text).to_owned(), table, names, reads }
        })
        .collect();
    let inferred = inferred(&parent, &child, &noted, &AddedWith::new());
    let transforms = inferred.transforms.iter().filter(|transform| transform.direction == Direction::Forward);
    let transforms =
        transforms.map(|transform| format!("{} = {}", transform.column.as_str(), transform.expression));
    transforms.chain(steps_and_missing(&inferred)).collect()
}

#[test]
fn what_was_stored_is_read_with_its_type() {
    assert_eq!(
        told_of_orders(&["UPDATE users SET day = made", "UPDATE users SET label = 'day ' || day"]),
        ["day = (\"made\")", "label = ('day ' || CAST(((\"made\")) AS date))"]
    );
    assert_eq!(
        told_of_orders(&[
            "UPDATE users SET cents = price * 100 WHERE id IS NOT NULL",
            "UPDATE users SET cents = cents / 7"
        ])[0],
        "cents = (CAST((CASE WHEN (\"id\" IS NOT NULL) THEN (\"price\" * 100) ELSE CAST(NULL AS integer) END) AS integer) / 7)"
    );
    assert_eq!(
        told_of_orders(&[
            "UPDATE users SET label = price / 2",
            "ALTER TABLE users ALTER price TYPE int",
            "UPDATE users SET late = price / 2"
        ]),
        ["label = (\"price\" / 2)", "late = (CAST(\"price\" AS int) / 2)"]
    );
    let twice = ["UPDATE users SET token = gen_random_uuid()", "UPDATE users SET late = token"];
    assert_eq!(told_of_orders(&twice), ["token = (gen_random_uuid())", "step UPDATE users SET late = token"]);
}

#[test]
fn what_is_stored_again_is_what_was_stored() {
    // Given another type without USING: an integer has been made of it before.
    assert_eq!(
        told_of_orders(&[
            "ALTER TABLE users ADD cents int",
            "UPDATE users SET cents = price * 100",
            "ALTER TABLE users ALTER cents TYPE numeric"
        ]),
        ["cents = CAST(CAST((\"price\" * 100) AS int) AS numeric)"]
    );
    assert_eq!(
        told_of_orders(&[
            "UPDATE users SET price = price * 1.5",
            "ALTER TABLE users ALTER price TYPE int",
            "UPDATE users SET cents = price / 2"
        ])[1],
        "cents = (CAST((CAST((\"price\" * 1.5) AS numeric)) AS int) / 2)"
    );
    // The type between two USINGs.
    assert_eq!(
        told_of_orders(&[
            "ALTER TABLE users ALTER COLUMN price SET DATA TYPE int USING round(price)",
            "UPDATE users SET late = price / 2",
            "ALTER TABLE users ALTER price TYPE numeric USING price"
        ])[1],
        "late = (CAST(((round(\"price\"))) AS int) / 2)"
    );
    // What is there is not added.
    assert_eq!(
        told_of_orders(&[
            "ALTER TABLE users ADD COLUMN IF NOT EXISTS price int",
            "UPDATE users SET late = price / 2"
        ]),
        ["late = (\"price\" / 2)"]
    );
    // A cast that is one already.
    assert_eq!(
        told_of_orders(&["UPDATE users SET day = made::date", "UPDATE users SET late = day"])[1],
        "late = (((\"made\"::date)))"
    );
}

#[test]
fn what_a_function_gives_anew_is_not_read_twice() {
    for (value, is_read) in [
        ("random()::text", false),
        ("ticket(status)", false),
        ("other.ticket(status)", false),
        ("slug(status)", true),
        ("pg_catalog.upper(status)", true),
    ] {
        let reading = "UPDATE users SET late = token";
        let told = told_of_orders(&[&format!("UPDATE users SET token = {value}"), reading]);
        assert_eq!(!told.contains(&format!("step {reading}")), is_read, "{told:?}");
    }
}

#[test]
fn what_has_a_type_of_the_drafts_own_is_read_as_it_is_known() {
    for (value, is_read) in [("price * 100", false), ("NULL", true)] {
        let reading = "UPDATE users SET late = amount";
        let told = told_of_orders(&[&format!("UPDATE users SET amount = {value}"), reading]);
        assert_eq!(!told.contains(&format!("step {reading}")), is_read, "{told:?}");
    }
    let told = told_of_orders(&["UPDATE users SET mood = 'ok'", "UPDATE users SET late = 'mood ' || mood"]);
    assert_eq!(told, ["late = ('mood ' || (('ok')))", "mood = ('ok')"]);
}

#[test]
fn what_comes_after_a_step_and_hangs_on_it_is_one_too() {
    let step = "UPDATE users SET label = o.status FROM users o WHERE o.id = users.id";
    let told = |second: &str| told_of_orders(&[step, second]);
    let (own, other) = (format!("step {step}"), "late = (upper(\"status\"))");
    for hangs in [
        "UPDATE users SET late = upper(label)",
        "UPDATE users SET late = 'x' WHERE label IS NULL",
        "UPDATE users SET label = 'x' WHERE id = '1'",
        "UPDATE users SET status = 'x'",
    ] {
        assert_eq!(told(hangs), [own.clone(), format!("step {hangs}")], "{hangs}");
    }
    assert_eq!(told("UPDATE users SET late = upper(status)"), [other.to_owned(), own]);
    // What a step has read is what was there before.
    for (copy, changed, hangs) in [
        ("INSERT INTO users SELECT id, price FROM users", "price", true),
        ("INSERT INTO users SELECT id, price FROM users", "status", false),
        ("INSERT INTO users SELECT * FROM users", "status", true),
        ("INSERT INTO users SELECT * FROM users", "late", true),
        ("INSERT INTO users SELECT to_jsonb(u) FROM users u", "status", true),
        ("INSERT INTO users SELECT (u.status).x FROM users AS u", "late", false),
        ("INSERT INTO users SELECT x FROM seen", "price", true),
        ("INSERT INTO users SELECT x FROM seen", "status", false),
        ("INSERT INTO users SELECT x FROM unmanaged", "status", false),
        ("INSERT INTO users SELECT count(*) FROM users", "status", false),
    ] {
        let told = told_of_orders(&[copy, &format!("UPDATE users SET {changed} = made::text")]);
        assert_eq!(
            told.iter().filter(|told| told.starts_with("step")).count(),
            if hangs { 2 } else { 1 },
            "{copy}: {told:?}"
        );
    }
}

#[test]
fn what_was_added_behind_a_step_was_not_read_by_it() {
    let (copy, added) = ("INSERT INTO users SELECT * FROM users", "ALTER TABLE users ADD late text");
    let changed = "UPDATE users SET late = status";
    assert_eq!(
        told_of_orders(&[copy, added, changed]),
        ["late = (\"status\")".to_owned(), format!("step {copy}")]
    );
    assert_eq!(told_of_orders(&[added, copy, changed]), [copy, changed].map(|text| format!("step {text}")));
}

#[test]
fn what_an_update_of_a_view_may_set_is_not_told_from_one_row() {
    let reading = "UPDATE users SET late = upper(status)";
    let told = told_of_orders(&["UPDATE seen SET x = 1", reading]);
    assert_eq!(told, ["step UPDATE seen SET x = 1".to_owned(), format!("step {reading}")]);
}

#[test]
fn a_using_that_reads_what_a_step_has_set_is_asked_for() {
    let step = "UPDATE users SET label = o.status FROM users o WHERE o.id = users.id";
    let using = "ALTER TABLE users ALTER price TYPE int USING length(label)";
    let reading = "UPDATE users SET late = price";
    assert_eq!(
        told_of_orders(&[step, using, reading]),
        [
            format!("step {step}"),
            format!("step {reading}"),
            format!("no transform can be inferred from: {using}")
        ]
    );
}

#[test]
fn a_label_stays_what_it_is_in_another_enum() {
    let (step, enum_made_anew) = (
        "DELETE FROM users WHERE mood = 'bad'",
        "ALTER TABLE users ALTER mood TYPE mood USING mood::text::mood",
    );
    let told = told_of_orders(&[step, enum_made_anew]);
    assert!(told.contains(&format!("step {step}")), "{told:?}");
    let told = told_of_orders(&[step, "ALTER TABLE users ALTER mood TYPE mood USING 'ok'"]);
    assert!(!told.contains(&format!("step {step}")), "{told:?}");
}

#[test]
fn a_step_that_reads_what_a_using_changes_is_none() {
    let [other, step] =
        ["status", "price"].map(|column| format!("INSERT INTO users SELECT {column} FROM users"));
    let using = "ALTER TABLE users ALTER price TYPE int USING price * 100";
    assert_eq!(
        told_of_orders(&[&other, &step, using, &other]),
        [
            "price = (\"price\" * 100)".to_owned(),
            format!("step {other}"),
            format!("step {other}"),
            format!(
                "a statement of the draft reads values that a later one changes ({using}), so publish cannot run it: {step}"
            ),
        ]
    );
}

#[test]
fn a_step_whose_names_mean_something_else_by_now_is_none() {
    let told = told_of_orders(&["INSERT INTO users SELECT label FROM users AS before_renaming"]);
    assert!(told.len() == 1 && told[0].contains("has renamed since"), "{told:?}");
    let told = told_of_orders(&["INSERT INTO users SELECT label FROM users AS another_then"]);
    assert!(told.len() == 1 && told[0].contains("has renamed since"), "{told:?}");
    let told = told_of_orders(&["INSERT INTO gone SELECT label FROM users"]);
    assert!(told.len() == 1 && told[0].contains("has renamed since"), "{told:?}");
}
