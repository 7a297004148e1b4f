//! Expressions that authors of transforms write: `first_name = split_part(name, ' ', 1)`. They are cut out of the author's
//! own text at positions that the parser gave, checked for what a row trigger cannot compute, and later spliced into
//! generated SQL with every column reference replaced. Nothing is ever deparsed: the author finds the same text again.

mod assignments;
mod cast;
mod one_row;
mod value;

pub use assignments::parse_assignments;
pub use value::{ColumnFacts, Value};

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
use one_row::unfit_call;

/// Put before an expression, so that the parser takes nothing but an expression.
const SELECT: &str = "SELECT (\n";

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
mod tests;
