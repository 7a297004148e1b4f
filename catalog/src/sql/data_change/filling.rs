//! The INSERT that a statement comes to which makes a table of a query: rows are carried to the live database by INSERTs.

use super::{clauses::word_at_top, is_lasting};
use crate::{
    sql,
    sql::{
        Sql,
        later_names::name_of,
        lexer::{Lexer, Token, name_end},
        parser::{Node, nodes, offset, raw::ObjectType},
    },
};

/// The INSERT that fills the table which `CREATE TABLE … AS` or `SELECT … INTO` has made; `None` for any other statement, and where the table is not
/// filled, or not by what an INSERT could say.
pub(super) fn filling(text: &str, statement: Node<'_>) -> Option<String> {
    let (relation, query) = match statement {
        Node::CreateTableAsStmt(create) => (made_as(create)?, query_after_as(text)?.to_owned()),
        Node::SelectStmt(select) => {
            let relation = made_into(select)?.rel()?;
            (relation, query_without_into(text, relation)?)
        }
        _ => return None,
    };
    let (schema, name) = name_of(relation).filter(|_| is_lasting(relation))?;
    let table = match schema {
        Some(schema) => sql!("{}.{}", schema, name),
        None => sql!("{}", name),
    };
    Some(sql!("INSERT INTO {} {}", table, Sql::trusted(query.trim())).to_string())
}

/// INTO stands in the first SELECT of a set operation (`transformOptionalSelectInto` in PostgreSQL's `analyze.c`).
pub(super) fn made_into(mut select: &nodes::SelectStmt) -> Option<&nodes::IntoClause> {
    while let Some(left) = select.larg() {
        select = left;
    }
    select.into_clause()
}

/// The table that is made and filled by a query of its own.
fn made_as(create: &nodes::CreateTableAsStmt) -> Option<&nodes::RangeVar> {
    let into = create.into()?;
    let is_filled = create.objtype == ObjectType::OBJECT_TABLE && !into.skip_data && !create.if_not_exists;
    into.rel().filter(|_| is_filled && matches!(create.query(), Node::SelectStmt(_)))
}

/// The options before AS have none of their own outside of brackets.
fn query_after_as(text: &str) -> Option<&str> {
    let query = text.get(word_at_top(text, "AS", 0)?.end..)?;
    let tokens: Vec<Token> = Lexer::new(query.as_bytes()).collect();
    let is = |token: &Token, word: &str| token.is_word(query.as_bytes(), word);
    match tokens.as_slice() {
        [.., before, with, data] if is(with, "WITH") && is(data, "DATA") => query.get(..before.end),
        _ => Some(query),
    }
}

/// Between INTO and the name stand words alone (`UNLOGGED TABLE`).
fn query_without_into(text: &str, relation: &nodes::RangeVar) -> Option<String> {
    let name = offset(relation.location)?;
    let before = Lexer::new(text.as_bytes()).take_while(|token| token.end <= name);
    let into = before.filter(|token| token.is_word(text.as_bytes(), "INTO")).last()?;
    let parts = if relation.schemaname().is_some() { 2 } else { 1 };
    let end = name_end(text.as_bytes(), name, parts)?;
    Some([text.get(..into.start)?, text.get(end..)?].concat())
}
