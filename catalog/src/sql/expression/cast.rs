//! Taking the outermost cast off an expression.

use super::{
    super::{
        lexer::Lexer,
        parser::{Node, Tree, offset},
    },
    Expression, SELECT, depth_change, only_value,
};

impl Expression {
    /// What the outermost cast (`x::type`, `CAST(x AS type)`) is applied to, without parentheses around it; `None` if there is no such cast.
    pub fn without_cast(&self) -> Option<Self> {
        let text = without_brackets(&self.text);
        let at = cast_position(text)?;
        let (before, cast) = text.split_at_checked(at)?;
        let inner = if cast.starts_with("::") {
            before
        } else {
            before_as(without_brackets(cast.get("CAST".len()..)?.trim()))?
        };
        Self::parse(without_brackets(inner.trim())).ok()
    }
}

/// Where `::` or `CAST` stands, if the expression is a cast as a whole.
fn cast_position(text: &str) -> Option<usize> {
    let tree = Tree::parse(&format!("{SELECT}{text}\n)")).ok()?;
    let position = tree.read(|tree| match tree.statements().next()? {
        Node::SelectStmt(select) => match only_value(select)? {
            Node::TypeCast(cast) => offset(cast.location)?.checked_sub(SELECT.len()),
            _ => None,
        },
        _ => None,
    });
    position.ok().flatten()
}

/// `x` of `x AS type`.
fn before_as(inside: &str) -> Option<&str> {
    let mut depth = 0;
    let keyword = Lexer::new(inside.as_bytes())
        .filter(|token| {
            depth += depth_change(inside.as_bytes(), token);
            depth == 0 && token.is_word(inside.as_bytes(), "AS")
        })
        .last()?;
    inside.get(..keyword.start)
}

/// The text within parentheses that enclose all of it.
fn without_brackets(text: &str) -> &str {
    let mut depth = 0;
    let mut closed_at = None;
    for token in Lexer::new(text.as_bytes()) {
        depth += depth_change(text.as_bytes(), &token);
        if depth == 0 && closed_at.is_none() {
            closed_at = Some(token.end);
        }
    }
    match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inside) if closed_at == Some(text.len()) => without_brackets(inside.trim()),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_cast_is_taken_off() {
        for (text, inner) in [
            ("a::text::mood", Some("a::text")),
            ("(a::text::\"Mood\"[])", Some("a::text")),
            ("CAST((a) AS mood)", Some("a")),
            (
                "cast(CASE a WHEN 'x' THEN 'y' ELSE (a)::text END AS s.mood)",
                Some("CASE a WHEN 'x' THEN 'y' ELSE (a)::text END"),
            ),
            ("(a)::text || (b)::text", None),
            ("lower(a::text)", None),
        ] {
            let found = Expression::parse(text).unwrap().without_cast();
            assert_eq!(found.as_ref().map(Expression::text), inner, "{text}");
        }
    }
}
