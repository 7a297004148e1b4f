//! The archive's rows in temporary tables: the file is read and checked as a whole before anything is changed.

use std::{ops::Range, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::Client;

use super::{
    ArchivedColumn,
    facts::TableFacts,
    file::{Reader, Section, StoredColumn},
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::Name,
    sql,
    sql::{Sql, join},
};

/// The server takes a chunk within this, or is gone.
const PROGRESS_DEADLINE: Duration = Duration::from_secs(300);

/// A staged section: a temporary table with `n` (from 1 on, in file order), the key, the fingerprint and the columns.
pub(super) struct Stage {
    table: Sql,
    pub(super) rows: i64,
    /// Staged column and where its value belongs.
    pub(super) key: Vec<(Sql, Name)>,
    pub(super) columns: Vec<(Sql, Name)>,
    /// `public.users.nick (no longer there)`: what is in the file and has no place any more.
    pub(super) homeless: Vec<String>,
}

/// Where the columns of a section belong at present.
pub(super) struct Place<'a> {
    pub(super) facts: &'a TableFacts,
    pub(super) key: &'a [ArchivedColumn],
    pub(super) columns: &'a [ArchivedColumn],
}

impl Stage {
    /// Reads the next section into the temporary table number `number`.
    pub(super) async fn read(
        client: &Client,
        reader: &mut Reader,
        section: &Section,
        number: usize,
        place: &Place<'_>,
    ) -> Result<Self> {
        let mut stage = Self {
            table: sql!("pg_temp.edition_stage_{}", number),
            rows: 0,
            key: Vec::new(),
            columns: Vec::new(),
            homeless: Vec::new(),
        };
        let definitions = stage.define(section, place)?;
        let create = sql!(
            "CREATE TEMPORARY TABLE edition_stage_{} (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {})",
            number,
            join(definitions.iter().map(|(name, type_name)| sql!("{} {}", name, type_name)), ", ")
        );
        client.batch_execute(create.as_str()).await?;
        let staged = join(definitions.iter().map(|(name, _)| name), ", ");
        copy_in(client, reader, &sql!("COPY {} ({}) FROM STDIN", stage.table, staged)).await?;
        client.batch_execute(sql!("ANALYZE {}", stage.table).as_str()).await?;
        let count = sql!("SELECT count(*) FROM {}", stage.table);
        stage.rows = client.query_one(count.as_str(), &[]).await?.try_get(0)?;
        Ok(stage)
    }

    /// Names and types of the staged columns, in the order of the file. What has no place is staged as text.
    fn define(&mut self, section: &Section, place: &Place<'_>) -> Result<Vec<(Sql, Sql)>> {
        let mut definitions = Vec::new();
        for (number, stored) in section.key.iter().enumerate() {
            let staged = sql!("k{}", number);
            let found = self.find(section, stored, place.key, place.facts)?;
            let Some((column, type_name)) = found else {
                let text = format!(
                    "the primary key of {} is no longer what it was when the file was written",
                    section.table.pretty()
                );
                return Err(Error::refused(text).with_hint("publish without --load"));
            };
            self.key.push((staged.clone(), column));
            definitions.push((staged, type_name));
        }
        if !section.key.is_empty() {
            definitions.push((sql!("fingerprint"), sql!("text")));
        }
        for (number, stored) in section.columns.iter().enumerate() {
            let staged = sql!("c{}", number);
            let type_name = match self.find(section, stored, place.columns, place.facts)? {
                Some((column, type_name)) => {
                    self.columns.push((staged.clone(), column));
                    type_name
                }
                None => sql!("text"),
            };
            definitions.push((staged, type_name));
        }
        Ok(definitions)
    }

    /// The physical column for a stored one, with its type.
    fn find(
        &mut self,
        section: &Section,
        stored: &StoredColumn,
        columns: &[ArchivedColumn],
        facts: &TableFacts,
    ) -> Result<Option<(Name, Sql)>> {
        let label = || format!("{}.{}", section.table.pretty(), stored.name.as_str());
        let Some(column) = columns.iter().find(|column| column.logical == stored.name) else {
            self.homeless.push(format!("{} (no longer there)", label()));
            return Ok(None);
        };
        let now = facts.column(&column.physical)?;
        if now.generated {
            self.homeless.push(format!("{} (generated now)", label()));
            return Ok(None);
        }
        if now.type_name != stored.type_name {
            self.homeless.push(format!("{} ({} now, saved as {})", label(), now.type_name, stored.type_name));
            return Ok(None);
        }
        Ok(Some((column.physical.clone(), now.type_name.clone())))
    }

    /// The `n` of all rows.
    pub(super) fn all(&self) -> Range<i64> {
        1..self.rows + 1
    }

    /// The temporary table.
    pub(super) fn table(&self) -> &Sql {
        &self.table
    }
}

async fn copy_in(client: &Client, reader: &mut Reader, copy: &Sql) -> Result<()> {
    let sink = client.copy_in::<_, Bytes>(copy.as_str()).await?;
    let mut sink = pin!(sink);
    let silent =
        || Error::new(ErrorKind::Database, "the database took no row of the archive for five minutes");
    while let Some(chunk) = reader.lines().await? {
        tokio::time::timeout(PROGRESS_DEADLINE, sink.send(chunk)).await.map_err(|_| silent())??;
    }
    tokio::time::timeout(PROGRESS_DEADLINE, sink.finish()).await.map_err(|_| silent())??;
    Ok(())
}
