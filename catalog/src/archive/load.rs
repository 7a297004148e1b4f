//! Reading the archive back.

use std::{collections::BTreeMap, path::Path, time::Duration};

use tokio_postgres::Client;

use super::{
    ArchivedNewTable, ArchivedTable, SETTINGS,
    apply::{Applied, Unit, apply, bounds},
    facts::{TableFacts, key_equalities, unique_equalities},
    file::{Content, Header, Reader, Section},
    fingerprint,
    stage::{Place, Stage},
};
use crate::{
    backfill::{self, regclass},
    error::{Error, Result},
    model::{EditionId, EditionName, Name, QualifiedName},
    sql,
    sql::{Sql, join},
    store::stored_name,
    target::Target,
};

const LOCK_TIMEOUT: Duration = Duration::from_millis(50);

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Rows that have their saved values now.
    pub rows: u64,
    /// Rows that were passed over: changed or deleted since, no longer fitting, or there already.
    pub skipped: u64,
    /// Tables and columns of the file that the edition has no place for any more, for people.
    pub homeless: Vec<String>,
}

/// Loads what [`save`](super::save()) wrote into the tables of the edition that is being published again. Doing it twice does no harm.
///
/// To be called when forward triggers are in steady mode and the child is not open yet: in populate mode the next write of an older edition
/// would compute the loaded values anew. Writes in the name of `child`, so no forward trigger fires.
///
/// # Errors
/// [`Refused`](crate::ErrorKind::Refused) before any change for a file that is not a whole archive of `edition`.
pub async fn load(
    target: &Target,
    path: &Path,
    edition: &EditionName,
    child: EditionId,
    tables: &[ArchivedTable],
    new_tables: &[ArchivedNewTable],
) -> Result<Loaded> {
    let (mut reader, header) = Reader::open(path).await?;
    refuse_other_edition(path, &header, edition)?;
    let connection = target.connect().await?;
    let client: &Client = &connection;
    client.batch_execute(SETTINGS).await?;
    client.batch_execute(backfill::settings(child, LOCK_TIMEOUT).as_str()).await?;

    let mut load = Load { client, outcome: Loaded::default(), known: Vec::new(), new: Vec::new() };
    for (number, section) in header.sections.iter().enumerate() {
        load.stage(&mut reader, section, number, tables, new_tables).await?;
    }
    reader.finish().await?;
    load.fill_new_tables().await?;
    load.fill_known_tables().await?;
    load.advance_sequences().await?;
    Ok(load.finish())
}

fn refuse_other_edition(path: &Path, header: &Header, edition: &EditionName) -> Result<()> {
    if header.edition == *edition {
        return Ok(());
    }
    let text =
        format!("\"{}\" was saved from edition {}, not from {edition}", path.display(), header.edition);
    Err(Error::refused(text))
}

struct Load<'a> {
    client: &'a Client,
    outcome: Loaded,
    known: Vec<(&'a ArchivedTable, Stage)>,
    new: Vec<(&'a ArchivedNewTable, Stage)>,
}

impl<'a> Load<'a> {
    async fn stage(
        &mut self,
        reader: &mut Reader,
        section: &Section,
        number: usize,
        tables: &'a [ArchivedTable],
        new_tables: &'a [ArchivedNewTable],
    ) -> Result<()> {
        let known = tables
            .iter()
            .find(|table| section.content == Content::NewerColumns && table.logical == section.table);
        let new = new_tables
            .iter()
            .find(|table| section.content == Content::WholeRows && table.logical == section.table);
        if let Some(table) = known {
            let facts = TableFacts::read(self.client, &table.physical).await?;
            let place = Place { facts: &facts, key: &table.key, columns: &table.columns };
            let mut stage = Stage::read(self.client, reader, section, number, &place).await?;
            self.outcome.homeless.append(&mut stage.homeless);
            self.known.push((table, stage));
        } else if let Some(table) = new {
            let facts = TableFacts::read(self.client, &table.physical).await?;
            let place = Place { facts: &facts, key: &[], columns: &table.columns };
            let mut stage = Stage::read(self.client, reader, section, number, &place).await?;
            self.outcome.homeless.append(&mut stage.homeless);
            self.new.push((table, stage));
        } else {
            self.outcome.homeless.push(format!("{} (no longer there)", section.table.pretty()));
            while reader.lines().await?.is_some() {}
        }
        Ok(())
    }

    /// New tables refer to each other and to themselves: rows that do not fit yet are tried again for as long as that helps.
    async fn fill_new_tables(&mut self) -> Result<()> {
        let mut left = Vec::new();
        for (table, stage) in &self.new {
            let applied = self.insert_all(table, stage).await?;
            self.outcome.rows += applied.rows;
            left.push(applied.failed);
        }
        loop {
            let mut progress = false;
            for ((table, stage), failed) in self.new.iter().zip(&mut left) {
                if failed.is_empty() {
                    continue;
                }
                let statement = insert_statement(table, stage);
                let rows = failed.iter().map(|n| *n..n + 1);
                let applied = apply(self.client, &statement, Unit::Transaction, rows).await?;
                progress |= applied.failed.len() < failed.len();
                self.outcome.rows += applied.rows;
                *failed = applied.failed;
            }
            if !progress {
                return Ok(());
            }
        }
    }

    /// Inserts batch by batch where the primary key tells which rows are there already; else all in one transaction, into an empty table.
    async fn insert_all(&self, table: &ArchivedNewTable, stage: &Stage) -> Result<Applied> {
        if stage.columns.is_empty() || stage.rows == 0 {
            return Ok(Applied::default());
        }
        let statement = insert_statement(table, stage);
        if !key_equalities(self.client, &table.physical).await?.is_empty() {
            return apply(self.client, &statement, Unit::Transaction, [stage.all()]).await;
        }
        self.client.batch_execute("BEGIN").await?;
        let filled = sql!("SELECT EXISTS (SELECT FROM {})", table.physical);
        let filled: bool = self.client.query_one(filled.as_str(), &[]).await?.try_get(0)?;
        if filled {
            self.client.batch_execute("ROLLBACK").await?;
            return Ok(Applied::default());
        }
        // What does not fit now is not tried again: the table is no longer empty then.
        let applied = apply(self.client, &statement, Unit::Savepoint, [stage.all()]).await?;
        self.client.batch_execute("COMMIT").await?;
        Ok(Applied { rows: applied.rows, failed: Vec::new() })
    }

    async fn fill_known_tables(&mut self) -> Result<()> {
        for (table, stage) in &self.known {
            if stage.columns.is_empty() || stage.rows == 0 {
                continue;
            }
            let equalities = unique_equalities(self.client, &table.physical).await?;
            let silenced = self.silence_triggers(table).await?;
            let statement = update_statement(table, stage, &equalities)?;
            let applied = apply(self.client, &statement, Unit::Transaction, [stage.all()]).await?;
            if silenced {
                self.client.batch_execute("RESET session_replication_role").await?;
            }
            self.outcome.rows += applied.rows;
        }
        Ok(())
    }

    /// Keeps the application's triggers out of it where the role may do that and no constraint that is enforced by a trigger looks at
    /// what is loaded. Returns whether it did.
    async fn silence_triggers(&self, table: &ArchivedTable) -> Result<bool> {
        let relation = regclass(&table.physical);
        let columns: Vec<&str> = table.columns.iter().map(|column| column.physical.as_str()).collect();
        let text = sql!(
            "SELECT has_parameter_privilege('session_replication_role', 'SET') \
               AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = {} AND tgenabled = 'R') \
               AND NOT EXISTS (SELECT FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey) \
                               WHERE c.conrelid = {} AND (c.contype = 'f' OR c.condeferrable) AND a.attname = ANY ($1::text[]))",
            relation,
            relation
        );
        let permitted: bool = self.client.query_one(text.as_str(), &[&columns]).await?.try_get(0)?;
        if permitted {
            self.client.batch_execute("SET session_replication_role = replica").await?;
        }
        Ok(permitted)
    }

    async fn advance_sequences(&self) -> Result<()> {
        let known = self.known.iter().map(|(table, stage)| (&table.physical, stage));
        let new = self.new.iter().map(|(table, stage)| (&table.physical, stage));
        for (table, stage) in known.chain(new) {
            for (_, column) in &stage.columns {
                advance_sequences_of(self.client, table, column).await?;
            }
        }
        Ok(())
    }
}

impl Load<'_> {
    /// Everything staged that has not found its way is counted as passed over.
    fn finish(mut self) -> Loaded {
        let known = self.known.iter().map(|(_, stage)| stage.rows);
        let new = self.new.iter().map(|(_, stage)| stage.rows);
        let staged = known.chain(new).map(|rows| u64::try_from(rows).unwrap_or(0)).sum::<u64>();
        self.outcome.skipped = staged.saturating_sub(self.outcome.rows);
        self.outcome
    }
}

fn insert_statement(table: &ArchivedNewTable, stage: &Stage) -> Sql {
    sql!(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS s WHERE {} ORDER BY s.n ON CONFLICT DO NOTHING",
        table.physical,
        join(stage.columns.iter().map(|(_, column)| column), ", "),
        join(stage.columns.iter().map(|(staged, _)| sql!("s.{}", staged)), ", "),
        stage.table(),
        bounds()
    )
}

fn update_statement(table: &ArchivedTable, stage: &Stage, equalities: &BTreeMap<Name, Sql>) -> Result<Sql> {
    let mut same_row = Vec::new();
    for (staged, column) in &stage.key {
        let equality = equalities.get(column).ok_or_else(|| {
            Error::bug(format!(
                "\"{}\" is in no unique index of {}",
                column.as_str(),
                table.physical.pretty()
            ))
        })?;
        same_row.push(sql!("edition_row.{} {} s.{}", column, equality, staged));
    }
    Ok(sql!(
        "UPDATE {} AS edition_row SET {} FROM {} AS s WHERE {} AND {} AND {} = s.fingerprint",
        table.physical,
        join(stage.columns.iter().map(|(staged, column)| sql!("{} = s.{}", column, staged)), ", "),
        stage.table(),
        bounds(),
        join(same_row, " AND "),
        fingerprint(&table.sources)
    ))
}

/// Sequences that the column's values come from (owned ones and those of its default) never give a loaded value again.
async fn advance_sequences_of(client: &Client, table: &QualifiedName, column: &Name) -> Result<()> {
    let text = sql!(
        "SELECT DISTINCT n.nspname::text, c.relname::text, s.seqincrement > 0 \
         FROM pg_attribute a \
         LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum \
         JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass \
                             AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i') \
                          OR d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass \
         JOIN pg_sequence s ON s.seqrelid = CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE d.refobjid END \
         JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE a.attrelid = {} AND a.attname = $1",
        regclass(table)
    );
    for row in client.query(text.as_str(), &[&column.as_str()]).await? {
        let sequence = QualifiedName::new(stored_name(row.try_get(0)?)?, stored_name(row.try_get(1)?)?);
        let ascends: bool = row.try_get(2)?;
        let (furthest, beyond) = if ascends { (sql!("max"), sql!(">")) } else { (sql!("min"), sql!("<")) };
        let advance = sql!(
            "SELECT setval({}, t.reached) FROM (SELECT {}({})::bigint AS reached FROM {}) AS t, {} AS s \
             WHERE t.reached {} s.last_value OR t.reached = s.last_value AND NOT s.is_called",
            regclass(&sequence),
            furthest,
            column,
            table,
            sequence,
            beyond
        );
        client.execute(advance.as_str(), &[]).await?;
    }
    Ok(())
}
