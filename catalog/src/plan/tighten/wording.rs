//! What a deparsed check says, whatever types its columns have. PostgreSQL writes casts out by the column's type, each in brackets of its own; those of
//! the formula itself count.

use crate::sql::lexer::Lexer;

/// One piece of a formula.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece<'d> {
    Token(&'d str),
    /// What stands between brackets, and the opening one.
    Group(&'d str, Vec<Self>),
}

/// The tokens of a definition but for casts, and for brackets around a single value.
pub(super) fn without_casts(definition: &str) -> Vec<&str> {
    let mut tokens = Lexer::new(definition.as_bytes()).filter_map(|token| definition.get(token.range()));
    let mut flat = Vec::new();
    flatten(&simplified(&pieces(&mut tokens)), &mut flat);
    flat
}

/// The tokens as a tree of brackets.
fn pieces<'d>(tokens: &mut impl Iterator<Item = &'d str>) -> Vec<Piece<'d>> {
    // Levels that are open, each with the bracket that opened it.
    let mut open: Vec<(&str, Vec<Piece<'_>>)> = vec![("", Vec::new())];
    for token in tokens {
        match token {
            "(" | "[" => open.push((token, Vec::new())),
            ")" | "]" => close(&mut open),
            _ => {
                if let Some((_, level)) = open.last_mut() {
                    level.push(Piece::Token(token));
                }
            }
        }
    }
    while open.len() > 1 {
        close(&mut open);
    }
    open.pop().map(|(_, level)| level).unwrap_or_default()
}

fn close<'d>(open: &mut Vec<(&'d str, Vec<Piece<'d>>)>) {
    if open.len() < 2 {
        return;
    }
    if let (Some((bracket, inner)), Some((_, outer))) = (open.pop(), open.last_mut()) {
        outer.push(Piece::Group(bracket, inner));
    }
}

fn simplified<'d>(pieces: &[Piece<'d>]) -> Vec<Piece<'d>> {
    let mut kept: Vec<Piece<'_>> = Vec::new();
    let mut rest = pieces;
    loop {
        rest = match rest {
            [Piece::Token(":"), Piece::Token(":"), after @ ..] => behind_type(after),
            [Piece::Token(token), after @ ..] => {
                kept.push(Piece::Token(token));
                after
            }
            [Piece::Group(bracket, inner), after @ ..] => {
                let inner = simplified(inner);
                match inner.as_slice() {
                    // `((v))`: the inner ones were a cast's.
                    [Piece::Group("(", list)] if *bracket == "(" && !list.contains(&Piece::Token(",")) => {
                        kept.extend(inner);
                    }
                    _ if *bracket == "(" && is_value(&inner) && !calls(kept.last()) => kept.extend(inner),
                    _ => kept.push(Piece::Group(bracket, inner)),
                }
                after
            }
            [] => return kept,
        };
    }
}

/// Whether this is one value, which needs no brackets.
fn is_value(pieces: &[Piece<'_>]) -> bool {
    match pieces {
        [Piece::Token(_)] | [Piece::Token("ARRAY"), Piece::Group("[", _)] => true,
        [Piece::Token(name), Piece::Group("(", _)]
        | [Piece::Token(_), Piece::Token("."), Piece::Token(name), Piece::Group("(", _)] => is_name(name),
        _ => false,
    }
}

/// Whether brackets behind this are those of a call.
fn calls(before: Option<&Piece<'_>>) -> bool {
    matches!(before, Some(Piece::Token(token)) if is_name(token))
}

/// Key words are deparsed in capitals.
fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first == '"' || first == '_' || first.is_lowercase())
}

/// What follows a type's name: one that may be qualified or of several words, with lengths and of an array.
fn behind_type<'t, 'd>(pieces: &'t [Piece<'d>]) -> &'t [Piece<'d>] {
    use Piece::{Group, Token};
    let mut rest = match pieces {
        [Token("character" | "bit"), Token("varying"), rest @ ..]
        | [Token("double"), Token("precision"), rest @ ..]
        | [
            Token("timestamp" | "time"),
            Group("(", _),
            Token("with" | "without"),
            Token("time"),
            Token("zone"),
            rest @ ..,
        ]
        | [Token("timestamp" | "time"), Token("with" | "without"), Token("time"), Token("zone"), rest @ ..]
        | [Token(_), Token("."), Token(_), rest @ ..]
        | [_, rest @ ..] => rest,
        [] => pieces,
    };
    while let [Group("(" | "[", _), after @ ..] = rest {
        rest = after;
    }
    rest
}

fn flatten<'d>(pieces: &[Piece<'d>], into: &mut Vec<&'d str>) {
    for piece in pieces {
        match piece {
            Piece::Token(token) => into.push(token),
            Piece::Group(bracket, inner) => {
                into.push(bracket);
                flatten(inner, into);
                into.push(if *bracket == "[" { "]" } else { ")" });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_casts;

    #[test]
    fn a_check_is_the_same_whatever_casts_a_columns_type_brings() {
        for (before, after, is_same) in [
            ("CHECK (((v)::text <> ''::text))", "CHECK ((v <> ''::text))", true),
            (
                "CHECK (((v)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
                "CHECK ((v = ANY (ARRAY['a'::text, 'b'::text])))",
                true,
            ),
            ("CHECK ((n > (0)::numeric))", "CHECK ((n > 0))", true),
            ("CHECK ((n > (0)::numeric(6,2)))", "CHECK ((n > 0))", true),
            ("CHECK ((m <> 'x'::public.mood))", "CHECK ((m <> 'x'::text))", true),
            ("CHECK ((length((v)::text) < 3))", "CHECK ((length(v) < 3))", true),
            ("CHECK (((lower((v)::text))::citext <> 'x'))", "CHECK ((lower(v) <> 'x'))", true),
            ("CHECK ((d > 'x'::timestamp(3) without time zone))", "CHECK ((d > 'x'::date))", true),
            ("CHECK ((n > 0))", "CHECK ((n > 1))", false),
            ("CHECK ((length(v) < 3))", "CHECK ((v < 3))", false),
            ("CHECK (((a OR b) AND c))", "CHECK ((a OR (b AND c)))", false),
            ("CHECK (((n + m) * 2 > 3))", "CHECK ((n + (m * 2) > 3))", false),
            ("CHECK ((f(a, b) > 1))", "CHECK ((f((a, b)) > 1))", false),
            ("CHECK ((f(g(a), b) > 1))", "CHECK ((f(g(a, b)) > 1))", false),
            ("CHECK ((v[1] > 1))", "CHECK ((v > 1))", false),
        ] {
            assert_eq!(without_casts(before) == without_casts(after), is_same, "{before} {after}");
        }
    }

    #[test]
    fn brackets_without_their_fellows_do_no_harm() {
        for odd in ["((a", "a))", "([)]", "", "::", "a::", "(::)", "a::numeric("] {
            without_casts(odd);
        }
    }
}
