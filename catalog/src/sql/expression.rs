//! Expressions that authors of transforms write: `first_name = split_part(name, ' ', 1)`. They are cut out of the author's
//! own text at positions that the parser gave, checked for what a row trigger cannot compute, and later spliced into
//! generated SQL with every column reference replaced. Nothing is ever deparsed: the author finds the same text again.

use std::ops::Range;

use super::{
    Sql,
    lexer::{Lexer, Token, TokenKind, name_end},
    parser::{Node, ParseError, Tree, name_parts, nodes, offset},
    snippet::refused_at,
    walk::walk,
};
use crate::{
    error::{Error, Result},
    model::Name,
};

/// Aggregates of PostgreSQL itself. The parser cannot tell `sum(x)` from `abs(x)`; a name list catches the mistake before
/// any database is asked. A function of the user's that has such a name is still callable with its schema.
const AGGREGATES: &[&str] = &[
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "stddev",
    "string_agg",
    "sum",
    "variance",
    "xmlagg",
];
/// Window functions of PostgreSQL itself.
const WINDOW_FUNCTIONS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];
/// Set-returning functions of PostgreSQL itself.
const SET_RETURNING: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

/// Put before an expression, so that the parser takes nothing but an expression.
const SELECT: &str = "SELECT (\n";
/// Put before a list of assignments.
const UPDATE: &str = "UPDATE t SET\n";

/// A scalar expression over the columns of one row.
///
/// Invariants: it parses alone and inside parentheses; brackets are balanced within it, so that it cannot reach out of
/// parentheses put around it; it has no sub-select, aggregate, window or known set-returning call, no parameter and no `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    text: String,
    columns: Vec<ColumnUse>,
}

/// One column reference in an [`Expression`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnUse {
    /// `users` of `users.name`.
    pub qualifier: Option<Name>,
    /// The column.
    pub name: Name,
    /// Where the whole reference stands in the expression's text.
    pub range: Range<usize>,
}

impl ColumnUse {
    /// For messages to people.
    pub fn pretty(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}.{}", qualifier.as_str(), self.name.as_str()),
            None => self.name.as_str().to_owned(),
        }
    }
}

impl Expression {
    /// Checks `text`; blanks and comments around it are left out.
    pub fn parse(text: &str) -> Result<Self> {
        let tokens = tokens(text)?;
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return Err(Error::refused("an expression must not be empty"));
        };
        let text = text.get(first.start..last.end).unwrap_or_default();
        check_balance(text)?;
        let source = format!("{SELECT}{text}\n)");
        let tree = Tree::parse(&source).map_err(|error| syntax_error(text, &error))?;
        let columns = tree.read(|tree| columns(tree, text)).map_err(|error| syntax_error(text, &error))??;
        Ok(Self { text: text.to_owned(), columns })
    }

    /// The author's own text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every column reference, in the order of the text.
    pub fn columns(&self) -> &[ColumnUse] {
        &self.columns
    }

    /// The text with each column reference replaced by what `replacement` gives for its qualifier and name. It is
    /// spliced in as it is: what is not a name or a call must bring its own parentheses. `None` is an error that names the
    /// column.
    pub fn substitute(&self, replacement: impl Fn(Option<&Name>, &Name) -> Option<Sql>) -> Result<Sql> {
        let mut text = String::with_capacity(self.text.len() * 2);
        let mut copied = 0;
        for column in &self.columns {
            let Some(sql) = replacement(column.qualifier.as_ref(), &column.name) else {
                let message = format!("column \"{}\" does not exist here", column.pretty());
                return Err(refused_at(&self.text, column.range.start, &message));
            };
            text.push_str(self.text.get(copied..column.range.start).unwrap_or_default());
            text.push_str(sql.as_str());
            copied = column.range.end;
        }
        text.push_str(self.text.get(copied..).unwrap_or_default());
        Ok(Sql::trusted(text))
    }
}

/// Reads `column = expression [, …]` as the SET list of an UPDATE.
pub fn parse_assignments(text: &str) -> Result<Vec<(Name, Expression)>> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Error::refused("an assignment must not be empty").with_hint("write: column = expression"));
    }
    let source = format!("{UPDATE}{text}\n");
    let tree = Tree::parse(&source).map_err(|error| syntax_error(text, &error))?;
    let targets = tree.read(|tree| targets(tree, text)).map_err(|error| syntax_error(text, &error))??;

    let pieces = split_at_commas(text, &tokens);
    if pieces.len() != targets.len() {
        return Err(Error::bug(format!(
            "{} assignments were cut into {} pieces",
            targets.len(),
            pieces.len()
        )));
    }
    let mut assignments: Vec<(Name, Expression)> = Vec::with_capacity(targets.len());
    for ((name, start), piece) in targets.into_iter().zip(pieces) {
        if assignments.iter().any(|(earlier, _)| *earlier == name) {
            let message = format!("column \"{}\" is assigned twice", name.as_str());
            return Err(refused_at(text, start, &message));
        }
        let equals = name_end(text.as_bytes(), start, 1)
            .and_then(|end| piece.iter().position(|token| token.start >= end))
            .filter(|at| piece.get(*at).is_some_and(|token| token.is_symbol(text.as_bytes(), b'=')));
        let value = equals.and_then(|at| piece.get(at + 1..)).unwrap_or_default();
        let (Some(first), Some(last)) = (value.first(), value.last()) else {
            return Err(refused_at(text, start, "an assignment is written: column = expression"));
        };
        let expression = Expression::parse(text.get(first.start..last.end).unwrap_or_default())?;
        assignments.push((name, expression));
    }
    Ok(assignments)
}

/// The tokens of a text, refused if it holds more than one statement could or something without an end.
fn tokens(text: &str) -> Result<Vec<Token>> {
    if let Some(nul) = text.find('\0') {
        return Err(refused_at(text, nul, "an expression must not contain a NUL byte"));
    }
    let tokens: Vec<Token> = Lexer::new(text.as_bytes()).collect();
    for token in &tokens {
        if token.kind == TokenKind::Broken {
            return Err(refused_at(text, token.start, "a string, a quoted name or a comment has no end"));
        }
        if token.is_symbol(text.as_bytes(), b';') {
            return Err(refused_at(text, token.start, "an expression must not contain \";\""));
        }
    }
    Ok(tokens)
}

/// How a token changes the depth of brackets.
fn depth_change(text: &[u8], token: &Token) -> i32 {
    match (token.kind, token.bytes(text)) {
        (TokenKind::Symbol, [b'(' | b'[']) => 1,
        (TokenKind::Symbol, [b')' | b']']) => -1,
        _ => 0,
    }
}

/// Refuses text that closes a bracket which it did not open, or is a list.
fn check_balance(text: &str) -> Result<()> {
    let mut depth = 0;
    for token in Lexer::new(text.as_bytes()) {
        depth += depth_change(text.as_bytes(), &token);
        if depth < 0 {
            return Err(refused_at(text, token.start, "an expression closes a bracket that it did not open"));
        }
        if depth == 0 && token.is_symbol(text.as_bytes(), b',') {
            return Err(refused_at(text, token.start, "one expression is expected, not a list"));
        }
    }
    Ok(())
}

/// SET items: commas outside all brackets separate them.
fn split_at_commas<'t>(text: &str, tokens: &'t [Token]) -> Vec<&'t [Token]> {
    let mut depth = 0;
    tokens
        .split(|token| {
            depth += depth_change(text.as_bytes(), token);
            depth == 0 && token.is_symbol(text.as_bytes(), b',')
        })
        .collect()
}

/// The assigned columns and where they stand in `text`.
fn targets(tree: &Tree, text: &str) -> Result<Vec<(Name, usize)>> {
    let mut statements = tree.statements();
    let (Some(Node::UpdateStmt(update)), None) = (statements.next(), statements.next()) else {
        return Err(Error::refused("an assignment is written: column = expression"));
    };
    let plain = update.from_clause().is_empty()
        && matches!(update.where_clause(), Node::None)
        && update.returning_clause().is_none();
    if !plain {
        return Err(Error::refused(
            "an assignment takes no FROM, WHERE or RETURNING: it is computed for every row",
        ));
    }
    let mut targets = Vec::new();
    for target in update.target_list() {
        let start = offset(target.location).unwrap_or(0).saturating_sub(UPDATE.len());
        if matches!(target.val(), Node::MultiAssignRef(_)) {
            return Err(refused_at(text, start, "columns are assigned one at a time"));
        }
        if !target.indirection().is_empty() {
            return Err(refused_at(
                text,
                start,
                "a column is assigned as a whole, not an element or a field of it",
            ));
        }
        targets.push((name(target.name().unwrap_or_default(), text, start)?, start));
    }
    Ok(targets)
}

/// The column references of the one expression in `tree`, or why it cannot be used.
fn columns(tree: &Tree, text: &str) -> Result<Vec<ColumnUse>> {
    let mut statements = tree.statements();
    let value = match (statements.next(), statements.next()) {
        (Some(Node::SelectStmt(select)), None) => only_value(select),
        _ => None,
    };
    let Some(value) = value else {
        return Err(Error::refused("a scalar expression is expected").with_hint("write: column = expression"));
    };
    let mut columns = Vec::new();
    let mut refusal = None;
    walk(value, |node| {
        if refusal.is_none() {
            match inspect(node, text) {
                Ok(Some(column)) => columns.push(column),
                Ok(None) => {}
                Err(error) => refusal = Some(error),
            }
        }
    });
    if let Some(error) = refusal {
        return Err(error);
    }
    columns.sort_by_key(|column| column.range.start);
    Ok(columns)
}

/// The value of `SELECT (value)`, if that is all that it is.
fn only_value(select: &nodes::SelectStmt) -> Option<Node<'_>> {
    let mut targets = select.target_list().iter();
    let (target, None) = (targets.next()?, targets.next()) else { return None };
    let bare = target.name().is_none()
        && target.indirection().is_empty()
        && select.into_clause().is_none()
        && select.from_clause().is_empty()
        && select.op == 0
        && matches!(select.where_clause(), Node::None);
    bare.then(|| target.val())
}

/// The column that `node` refers to, if it does; or why it cannot stand in a transform.
fn inspect(node: Node<'_>, text: &str) -> Result<Option<ColumnUse>> {
    let refuse = |location: std::ffi::c_int, message: &str| {
        let at = offset(location).unwrap_or(0).saturating_sub(SELECT.len());
        Err(refused_at(text, at, message))
    };
    match node {
        Node::ColumnRef(reference) => column_use(reference, text).map(Some),
        Node::SubLink(link) => {
            refuse(link.location, "a transform must not contain a sub-select: it sees its own row only")
        }
        Node::JsonArrayQueryConstructor(array) => {
            refuse(array.location, "a transform must not contain a sub-select: it sees its own row only")
        }
        Node::ParamRef(parameter) => refuse(parameter.location, "a transform has no parameters"),
        Node::SetToDefault(default) => refuse(default.location, "DEFAULT is not an expression"),
        Node::JsonObjectAgg(_) | Node::JsonArrayAgg(_) => {
            refuse(0, "a transform must not contain an aggregate")
        }
        Node::GroupingFunc(call) => refuse(call.location, "a transform must not contain an aggregate"),
        Node::FuncCall(call) => match unfit_call(call) {
            Some(kind) => refuse(
                call.location,
                &format!("a transform must not contain {kind}: it is computed for one row"),
            ),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// What is wrong with a call, as far as its syntax or PostgreSQL's own name for it tells.
fn unfit_call(call: &nodes::FuncCall) -> Option<&'static str> {
    if call.over().is_some() {
        return Some("a window function");
    }
    let aggregate = call.agg_star
        || call.agg_distinct
        || call.agg_within_group
        || !call.agg_order().is_empty()
        || !matches!(call.agg_filter(), Node::None);
    if aggregate {
        return Some("an aggregate");
    }
    let parts = name_parts(call.funcname());
    let ([name] | ["pg_catalog", name]) = parts.as_slice() else { return None };
    [
        (AGGREGATES, "an aggregate"),
        (WINDOW_FUNCTIONS, "a window function"),
        (SET_RETURNING, "a set-returning function"),
    ]
    .into_iter()
    .find_map(|(names, kind)| names.contains(name).then_some(kind))
}

fn column_use(reference: &nodes::ColumnRef, text: &str) -> Result<ColumnUse> {
    let start = offset(reference.location).unwrap_or(0).saturating_sub(SELECT.len());
    let fields: Vec<Node<'_>> = reference.fields().iter().collect();
    let parts = name_parts(fields.iter().copied());
    if parts.len() != fields.len() {
        return Err(refused_at(
            text,
            start,
            "a transform must name its columns: \"*\" stands for a whole row",
        ));
    }
    let (qualifier, column) = match parts.as_slice() {
        [column] => (None, *column),
        [qualifier, column] => (Some(name(qualifier, text, start)?), *column),
        _ => return Err(refused_at(text, start, "a column is written \"column\" or \"table.column\"")),
    };
    let Some(end) = name_end(text.as_bytes(), start, parts.len()) else {
        return Err(refused_at(text, start, "this column reference cannot be read"));
    };
    Ok(ColumnUse { qualifier, name: name(column, text, start)?, range: start..end })
}

fn name(raw: &str, text: &str, start: usize) -> Result<Name> {
    Name::new(raw).map_err(|error| refused_at(text, start, &error.to_string()))
}

/// PostgreSQL's own words, with a caret where they say unmistakably which token they mean.
fn syntax_error(text: &str, error: &ParseError) -> Error {
    let message = error.to_string();
    let near = message.split_once(" at or near \"").and_then(|(_, rest)| rest.strip_suffix('"'));
    let mut places = Lexer::new(text.as_bytes())
        .filter(|token| near.is_some_and(|near| token.bytes(text.as_bytes()) == near.as_bytes()));
    match (places.next(), places.next()) {
        (Some(place), None) => refused_at(text, place.start, &message),
        _ => Error::refused(format!("{message} in: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sql;

    fn sql_of(assignments: &str, map: impl Fn(Option<&str>, &str) -> Option<Sql>) -> Result<Vec<String>> {
        parse_assignments(assignments)?
            .into_iter()
            .map(|(name, expression)| {
                let sql = expression
                    .substitute(|qualifier, name| map(qualifier.map(Name::as_str), name.as_str()))?;
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
        for text in
            ["1) + (2", "1), (2", "1, 2", "1) FROM t WHERE (true", "x AS y", "1 --", "]1[", ")", "a b"]
        {
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
}
