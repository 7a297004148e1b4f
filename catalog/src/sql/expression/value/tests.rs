use super::*;

/// `s varchar(5) NOT NULL`, `t text`, `i int NOT NULL`, `b bigint`, `n numeric(6,2)`, `m` an enum, `j jsonb`.
fn column(name: &str) -> Option<ColumnFacts> {
    let facts = |type_name: &str, not_null: bool| ColumnFacts {
        type_name: type_name.to_owned(),
        not_null,
        labels: None,
    };
    let mood = ["bad", "good"].map(str::to_owned).to_vec();
    Some(match name {
        "s" => facts("character varying(5)", true),
        "t" => facts("text", false),
        "i" => facts("integer", true),
        "b" => facts("bigint", false),
        "n" => facts("numeric(6,2)", false),
        "m" => ColumnFacts { labels: Some(mood), ..facts("public.mood", true) },
        "j" => facts("jsonb", false),
        _ => return None,
    })
}

fn of(text: &str) -> Value {
    Value::of(text, &column)
}

#[test]
fn what_may_raise_or_be_null_is_told_by_the_text() {
    for (text, may_raise, may_be_null) in [
        ("new.s", false, false),
        ("new.t", false, true),
        ("'x'::text", false, false),
        ("NULL::integer", false, true),
        ("COALESCE(new.t, ''::text)", false, false),
        ("split_part(new.t, ' '::text, 1)", false, true),
        ("split_part((new.s)::text, ' '::text, new.i)", true, true),
        ("((new.s)::text || ' '::text) || lower((new.s)::text)", false, false),
        ("new.j || new.j", true, true),
        ("new.j ->> 'a'::text", false, true),
        ("new.i * 100", true, false),
        ("(new.i)::bigint", false, false),
        ("(new.b)::integer", true, true),
        ("(new.i)::text", false, false),
        ("(new.t)::integer", true, true),
        ("((new.t)::character varying(5))::text", false, true),
        ("public.mine(new.i)", true, true),
        ("CASE WHEN (new.i > 0) THEN 'a'::text ELSE 'b'::text END", false, false),
        ("CASE WHEN (new.i > 0) THEN 'a'::text END", false, true),
        ("CASE WHEN (new.t ~ '^[0-9]+$'::text) THEN (new.t)::integer ELSE 0 END", true, true),
        ("\"substring\"(new.t, 1, 3)", false, true),
        ("\"substring\"((new.s)::text, 'a.'::text)", false, true),
        ("(new.i IS NULL)", false, false),
        ("(new.i IS NOT NULL) AND (new.t = 'x'::text)", false, true),
        ("concat(new.t, new.b)", false, false),
        ("NULLIF((new.s)::text, ''::text)", false, true),
        ("CURRENT_TIMESTAMP", false, false),
        ("now()", false, false),
        ("GREATEST(new.b, 0)", false, false),
        ("new.i = ANY (ARRAY[1, 2])", false, false),
        ("round(new.n)", false, true),
        ("round(new.b)", true, true),
        ("(new.i / 100)", false, false),
        ("(new.i / new.i)", true, false),
        ("(100 / NULLIF(new.i, 0))", true, true),
        ("((new.i)::bigint * 100)", false, false),
        ("((new.i)::numeric / 100.0)", false, false),
        ("(new.i / 0.5)", true, false),
        ("(new.i / '-0.5'::numeric)", true, false),
        ("(COALESCE(new.b, (0)::bigint))::numeric * new.n", false, true),
        ("(new.n)::integer", true, true),
        ("(new.n * (100)::numeric)::integer", true, true),
        ("length(new.t) + 1", true, true),
        ("length((new.s)::text) % 2", false, false),
        ("new.j[1]", false, true),
        ("json_build_object('x', new.i, 'y', new.t)", false, false),
        ("json_build_object(new.t, new.i)", true, true),
        ("new.nowhere", true, true),
    ] {
        let found = of(text);
        assert_eq!((found.may_raise, found.may_be_null), (may_raise, may_be_null), "{text}: {found:?}");
    }
}

#[test]
fn what_is_made_to_fit_is_seen_to_fit() {
    let moods = ["good", "fine"].map(str::to_owned);
    for (text, from, to, fits) in [
        ("new.t", "text", "character varying(5)", false),
        ("new.s", "character varying(5)", "character varying(5)", true),
        ("(new.s)::text", "text", "character varying(5)", true),
        ("\"left\"(new.t, 5)", "text", "character varying(5)", true),
        ("\"left\"(new.t, '-1'::integer)", "text", "character varying(5)", false),
        ("COALESCE(\"left\"(new.t, 5), 'none'::text)", "text", "character varying(5)", true),
        ("(new.s)::text || 'x'::text", "text", "character varying(5)", false),
        ("\"substring\"(new.t, 2, 4)", "text", "character varying(5)", true),
        ("new.b", "bigint", "integer", false),
        ("LEAST(GREATEST(new.b, '-2147483648'::bigint), '2147483647'::bigint)", "bigint", "integer", true),
        ("LEAST(new.b, '2147483647'::bigint)", "bigint", "integer", false),
        ("length(new.t)", "integer", "smallint", false),
        ("LEAST(length(new.t), 100)", "integer", "smallint", true),
        ("(new.i / 100.0)", "numeric", "numeric(12,2)", true),
        ("(new.i / 100.0)", "numeric", "numeric(10,2)", false),
        ("(new.n * 100.0)", "numeric", "numeric(12,2)", true),
        ("(new.n * 100.0)", "numeric", "integer", false),
        ("(new.i * 100.0)", "numeric", "numeric", true),
        ("CASE WHEN (new.b > 9) THEN 9 ELSE 0 END", "integer", "smallint", true),
        ("(new.m)::text", "text", "public.other", false),
        (
            "CASE (new.m)::text WHEN 'bad'::text THEN 'fine'::text ELSE (new.m)::text END",
            "text",
            "public.other",
            true,
        ),
        ("CASE WHEN (new.i > 0) THEN 'good'::text ELSE 'ugly'::text END", "text", "public.other", false),
    ] {
        let labels = (to == "public.other").then_some(moods.as_slice());
        assert_eq!(of(text).fits(from, to, labels), fits, "{text}: {:?}", of(text));
    }
}

#[test]
fn a_deep_expression_is_not_looked_into() {
    let deep = format!("new.s{}", " || 'x'::text".repeat(5_000));
    assert!(of(&deep).may_raise);
}
