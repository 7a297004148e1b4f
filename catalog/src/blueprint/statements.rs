//! The statements of a draft's migrations that change data, as they were noted when they ran.

use std::collections::BTreeMap;

use tokio_postgres::GenericClient;

use crate::{
    error::Result,
    model::{ColumnId, TableId},
};

/// One noted statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedStatement {
    /// Its text.
    pub text: String,
    /// Its table, if that was there under its name when the statement was noted.
    pub table: Option<TableId>,
    /// The table's columns under their names of then.
    pub names: BTreeMap<String, ColumnId>,
    /// The relations that it names besides; `None` for one that nobody knew when the statement was noted.
    pub reads: Vec<Option<TableId>>,
}

/// The notes of a draft, in the order in which the statements ran.
pub async fn noted_statements(blueprint: &impl GenericClient) -> Result<Vec<NotedStatement>> {
    let known = "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute \
                 WHERE attrelid = pg_catalog.to_regclass('edition.statements') AND attname = 'reads')";
    if !blueprint.query_one(known, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(Vec::new());
    }
    let rows = blueprint
        .query("SELECT text, table_id, names, reads FROM edition.statements ORDER BY id", &[])
        .await?;
    rows.iter()
        .map(|row| {
            let names: Option<serde_json::Value> = row.try_get(2)?;
            let reads: Vec<u32> = row.try_get::<_, Option<_>>(3)?.unwrap_or_default();
            let names: BTreeMap<String, i16> =
                serde_json::from_value(names.unwrap_or_default()).unwrap_or_default();
            Ok(NotedStatement {
                text: row.try_get(0)?,
                table: row.try_get::<_, Option<u32>>(1)?.map(TableId::new),
                reads: reads.into_iter().map(|id| (id != 0).then(|| TableId::new(id))).collect(),
                names: names.into_iter().map(|(name, number)| (name, ColumnId::new(number))).collect(),
            })
        })
        .collect()
}
