//! The SQL layer: text that is built only from quoted names, quoted literals and other SQL, and the one seam to a
//! parser.

mod column_change;
mod data_change;
mod expression;
mod fragment;
mod later_names;
pub mod lexer;
pub mod parser;
mod snippet;
pub mod walk;

pub use column_change::ColumnChange;
pub use data_change::{DataChange, DataStatement, data_statements, note_statements};
pub use expression::{ColumnFacts, ColumnUse, Expression, Value, parse_assignments};
pub use fragment::{Fragment, Literal, Sql, fragment, join};
pub use later_names::{LaterNames, RelationName};
