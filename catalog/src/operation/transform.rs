//! `transform`: give a draft the expressions between its columns and its parent's.

use serde::Serialize;

use crate::{
    error::{Error, Result},
    model::{EditionName, OnError, Transform},
    target::Target,
};

/// What `transform` may be told.
#[derive(Clone, Debug)]
pub struct TransformOptions {
    /// The draft.
    pub edition: EditionName,
    /// `users` or `schema.users`, as the draft names it.
    pub table: String,
    /// `column = expression [, …]` from parent to child.
    pub forward: Vec<String>,
    /// `column = expression [, …]` from child to parent.
    pub reverse: Vec<String>,
    /// Policy for all of these.
    pub on_error: OnError,
    /// Remove the transforms of this table that are not given here.
    pub replace: bool,
}

/// What `transform` did.
#[derive(Clone, Debug, Serialize)]
pub struct Transformed {
    /// All transforms of the table now.
    pub transforms: Vec<Transform>,
}

/// Stores transforms after parsing them and checking them against both blueprints (`EXPLAIN` on the empty tables).
pub async fn transform(target: &Target, options: &TransformOptions) -> Result<Transformed> {
    let _ = (target, options);
    Err(Error::bug("transform is not built yet"))
}
