//! The SQL layer: text that is built only from quoted names, quoted literals and other SQL, and the one seam to a
//! parser.

mod fragment;

pub use fragment::{Fragment, Literal, Sql, fragment, join};
