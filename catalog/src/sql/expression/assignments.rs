//! Lists of assignments, as the SET of an UPDATE has them.

use super::{
    super::{
        lexer::{Token, name_end},
        parser::{Node, Tree, offset},
        snippet::refused_at,
    },
    Expression, depth_change, name, syntax_error, tokens,
};
use crate::{
    error::{Error, Result},
    model::Name,
};

/// Put before a list of assignments.
const UPDATE: &str = "UPDATE t SET\n";

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
