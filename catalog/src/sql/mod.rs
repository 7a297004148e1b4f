//! The SQL layer: text that is built only from quoted names, quoted literals and other SQL, and the one seam to a
//! parser.

mod expression;
mod fragment;
pub mod lexer;
pub mod parser;
mod snippet;
pub mod walk;

pub use expression::{ColumnUse, Expression, parse_assignments};
pub use fragment::{Fragment, Literal, Sql, fragment, join};
