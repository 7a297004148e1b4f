//! The one seam to PostgreSQL's own grammar (PostgreSQL 18, through libpg_query).
//!
//! Two bindings of libpg_query were tried; only one can be linked into a binary. `pg_raw_parse` reads the C parse tree in
//! place (5 µs for 300 bytes) where `pg_query` goes through protobuf (65 µs) and, for that reason, refuses valid SQL from 25
//! nested sub-selects on. Both take the same statements and give the same byte positions, both need a C compiler and
//! libclang to build and no environment variable where libclang is in its usual place. What `pg_raw_parse` lacks is a
//! walker over every statement kind; [`super::walk`] is ours, without recursion, so that no text can exhaust the stack.
//!
//! Positions are byte offsets. They say where a node begins; [`super::lexer::name_end`] says where a name ends.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

pub use pg_raw_parse::{ConstValue, Node, nodes, raw};
use pg_raw_parse::{Owned, StmtList};
use thiserror::Error as ThisError;

/// Why a text has no tree.
#[derive(Debug, ThisError)]
pub enum ParseError {
    /// PostgreSQL's own words, e.g. `syntax error at or near "form"`.
    #[error("{0}")]
    Syntax(String),
    /// The tree holds a string that is not UTF-8 (`E'\xff'`), which the binding cannot hand out.
    #[error("the text holds a string constant that is not valid UTF-8")]
    NotUtf8,
}

/// The raw parse tree of one text: what PostgreSQL's `raw_parser` makes of it, before any name is looked up.
pub struct Tree {
    statements: Owned<StmtList>,
}

impl Tree {
    /// Parses a text of any number of statements. A text of comments and semicolons has none.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match pg_raw_parse::parse(text) {
            Ok(tree) => Ok(Self { statements: tree.into_inner() }),
            Err(pg_raw_parse::Error::Parse(error)) => Err(ParseError::Syntax(error.to_string())),
            Err(other) => Err(ParseError::Syntax(other.to_string())),
        }
    }

    /// The statements in their order.
    pub fn statements(&self) -> impl Iterator<Item = Node<'_>> {
        self.statements.stmts()
    }

    /// The statements, each with the bytes from its begin (or what stands before that) to its semicolon; the last may go beyond the text.
    pub fn places(&self) -> impl Iterator<Item = (Node<'_>, Range<usize>)> {
        self.statements.iter().map(|statement| {
            let start = offset(statement.stmt_location).unwrap_or_default();
            let len = offset(statement.stmt_len).filter(|len| *len > 0);
            (statement.stmt(), start..len.map_or(usize::MAX, |len| start.saturating_add(len)))
        })
    }

    /// Calls `read` on this tree. Reading a name or a constant that is not UTF-8 panics inside the binding; that becomes
    /// [`ParseError::NotUtf8`], so that no text of a client can end a session.
    pub fn read<T>(&self, read: impl FnOnce(&Self) -> T) -> Result<T, ParseError> {
        catch_unwind(AssertUnwindSafe(|| read(self))).map_err(|_| ParseError::NotUtf8)
    }
}

/// A position of the binding as an offset; it uses -1 for "unknown".
pub fn offset(location: std::ffi::c_int) -> Option<usize> {
    usize::try_from(location).ok()
}

/// The parts of a dotted name (a list of strings; `*` and subscripts are left out).
pub fn name_parts<'a>(list: impl IntoIterator<Item = Node<'a>>) -> Vec<&'a str> {
    list.into_iter().filter_map(Node::as_str).collect()
}

/// The same of a list that the grammar keeps as strings.
pub fn strings<'a>(list: impl IntoIterator<Item = &'a nodes::String>) -> Vec<&'a str> {
    list.into_iter().filter_map(nodes::String::sval).collect()
}
