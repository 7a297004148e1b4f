//! Which tables of a blueprint hold rows.

use tokio_postgres::GenericClient;

use crate::{
    error::Result,
    model::{QualifiedName, Schema},
    sql,
    sql::join,
};

/// Tables asked in one statement.
const TABLES_AT_ONCE: usize = 200;

/// The tables of a blueprint that hold rows: seed rows of its draft.
pub async fn rows_in(client: &impl GenericClient, schema: &Schema) -> Result<Vec<QualifiedName>> {
    let mut found = Vec::new();
    for tables in schema.tables.chunks(TABLES_AT_ONCE) {
        let question = join(tables.iter().map(|table| sql!("EXISTS (SELECT FROM {})", table.name)), ", ");
        let row = client.query_one(sql!("SELECT ARRAY[{}]", question).as_str(), &[]).await?;
        let answers: Vec<bool> = row.try_get(0)?;
        let full = tables.iter().zip(answers).filter(|(_, holds_rows)| *holds_rows);
        found.extend(full.map(|(table, _)| table.name.clone()));
    }
    Ok(found)
}
