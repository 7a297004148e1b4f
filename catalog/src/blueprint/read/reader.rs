//! The queries of a reading, prepared once a connection: PostgreSQL takes several times as long to plan them as to run them, and one
//! operation reads a blueprint up to five times (as it is, under its parent's names, in physical words).

use tokio_postgres::{Client, Statement};

use crate::error::Result;

/// One prepared query a kind of object; of use on the connection that it was prepared on, in any transaction.
#[derive(Debug)]
pub struct SchemaReader {
    pub(super) schemas: Statement,
    pub(super) tables: Statement,
    pub(super) views: Statement,
    pub(super) sequences: Statement,
    pub(super) functions: Statement,
    pub(super) operators: Statement,
    pub(super) triggers: Statement,
    pub(super) policies: Statement,
    pub(super) types: Statement,
    pub(super) others: Statement,
    pub(super) accessories: Statement,
}

impl SchemaReader {
    /// Prepares all queries; they are sent at once. Nothing is planned yet.
    pub(crate) async fn prepare(client: &Client) -> Result<Self> {
        let (
            schemas,
            tables,
            views,
            sequences,
            functions,
            operators,
            triggers,
            policies,
            types,
            others,
            accessories,
        ) = futures_util::try_join!(
            client.prepare(include_str!("schemas.sql")),
            client.prepare(include_str!("tables.sql")),
            client.prepare(include_str!("views.sql")),
            client.prepare(include_str!("sequences.sql")),
            client.prepare(include_str!("functions.sql")),
            client.prepare(include_str!("operators.sql")),
            client.prepare(include_str!("triggers.sql")),
            client.prepare(include_str!("policies.sql")),
            client.prepare(include_str!("types.sql")),
            client.prepare(include_str!("others.sql")),
            client.prepare(include_str!("accessories.sql")),
        )?;
        Ok(Self {
            schemas,
            tables,
            views,
            sequences,
            functions,
            operators,
            triggers,
            policies,
            types,
            others,
            accessories,
        })
    }
}
