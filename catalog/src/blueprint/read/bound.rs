//! What is bound to functions.

use tokio_postgres::GenericClient;

use super::value;
use crate::{
    error::Result,
    model::{Bound, Name},
};

/// Everything that is bound to a function of the editioned schemas, functions, views, triggers and policies aside.
pub async fn bound_to_functions(client: &impl GenericClient, editioned: &[Name]) -> Result<Vec<Bound>> {
    let editioned: Vec<&str> = editioned.iter().map(Name::as_str).collect();
    client.query(include_str!("bound.sql"), &[&editioned]).await?.iter().map(value).collect()
}
