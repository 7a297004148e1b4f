//! What PostgreSQL knows of a table's columns.

use std::collections::BTreeMap;

use tokio_postgres::GenericClient;

use super::ArchivedColumn;
use crate::{
    backfill::regclass,
    error::{Error, Result},
    model::{Name, QualifiedName},
    sql,
    sql::Sql,
    store::stored_name,
};

/// One physical column.
#[derive(Clone, Debug)]
pub(super) struct ColumnFacts {
    /// As `format_type` writes it.
    pub(super) type_name: Sql,
    /// Computed by the table itself.
    pub(super) generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`: no UPDATE may set it.
    pub(super) identity_always: bool,
}

/// All physical columns of a table by name.
#[derive(Clone, Debug)]
pub(super) struct TableFacts {
    table: String,
    columns: BTreeMap<Name, ColumnFacts>,
}

impl TableFacts {
    pub(super) async fn read(client: &impl GenericClient, table: &QualifiedName) -> Result<Self> {
        let text = sql!(
            "SELECT attname::text, format_type(atttypid, atttypmod), attgenerated <> '', attidentity = 'a' FROM pg_attribute \
             WHERE attrelid = {} AND attnum > 0 AND NOT attisdropped",
            regclass(table)
        );
        let mut columns = BTreeMap::new();
        for row in client.query(text.as_str(), &[]).await? {
            let type_name: String = row.try_get(1)?;
            let facts = ColumnFacts {
                type_name: Sql::trusted(type_name),
                generated: row.try_get(2)?,
                identity_always: row.try_get(3)?,
            };
            columns.insert(stored_name(row.try_get(0)?)?, facts);
        }
        Ok(Self { table: table.pretty(), columns })
    }

    /// One column.
    pub(super) fn column(&self, name: &Name) -> Result<&ColumnFacts> {
        self.columns.get(name).ok_or_else(|| {
            Error::bug(format!("{} has no column \"{}\" to archive", self.table, name.as_str()))
        })
    }

    /// The columns whose values can be given from outside.
    pub(super) fn writable<'a>(&self, columns: &'a [ArchivedColumn]) -> Result<Vec<&'a ArchivedColumn>> {
        let mut writable = Vec::new();
        for column in columns {
            if !self.column(&column.physical)?.generated {
                writable.push(column);
            }
        }
        Ok(writable)
    }
}

/// The equality of each column of the primary key by its full name: an extension's type has its own, outside the search path.
pub(super) async fn key_equalities(
    client: &impl GenericClient,
    table: &QualifiedName,
) -> Result<BTreeMap<Name, Sql>> {
    equalities(client, table, "i.indisprimary").await
}

/// The same for the columns of all unique indexes: a newer edition's key stands as one while the older edition has another.
pub(super) async fn unique_equalities(
    client: &impl GenericClient,
    table: &QualifiedName,
) -> Result<BTreeMap<Name, Sql>> {
    equalities(client, table, "i.indisunique").await
}

async fn equalities(
    client: &impl GenericClient,
    table: &QualifiedName,
    indexes: &'static str,
) -> Result<BTreeMap<Name, Sql>> {
    let text = sql!(
        "SELECT a.attname::text, n.nspname::text, o.oprname::text \
         FROM pg_index i \
         CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[]) AS k (attnum, opclass) \
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
         JOIN pg_opclass c ON c.oid = k.opclass \
         JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amopstrategy = 3 \
                       AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype \
         JOIN pg_operator o ON o.oid = m.amopopr \
         JOIN pg_namespace n ON n.oid = o.oprnamespace \
         WHERE i.indrelid = {} AND {}",
        regclass(table),
        Sql::trusted(indexes)
    );
    let mut equalities = BTreeMap::new();
    for row in client.query(text.as_str(), &[]).await? {
        let operator: String = row.try_get(2)?;
        let schema = stored_name(row.try_get(1)?)?;
        equalities
            .insert(stored_name(row.try_get(0)?)?, sql!("OPERATOR({}.{})", schema, Sql::trusted(operator)));
    }
    Ok(equalities)
}
