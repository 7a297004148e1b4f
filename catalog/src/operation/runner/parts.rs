//! Indexes of partitioned tables, in the partitions that there are now: maintenance makes, detaches and drops some while an operation runs.

use super::Runner;
use crate::{
    error::{Error, ErrorKind, Result},
    event::Event,
    model::{Name, QualifiedName},
    plan::{Lock, Parts, Step, StepKind, WantedPart},
    sql,
    sql::Sql,
    store::stored_name,
};

/// How often partitions may be found that are newer than the last look.
const LOOKS: usize = 100;

/// A partition without its part of an index.
struct Missing {
    table: QualifiedName,
    is_leaf: bool,
    /// The index, of the table above it, that the part belongs to.
    of: QualifiedName,
}

impl Runner<'_> {
    /// Whether the partition that the step is about is none any longer, so that there is nothing to do for it; says so.
    pub(super) async fn has_lost_its_partition(&self, step: &Step) -> Result<bool> {
        let Some(table) = step.relations.first().filter(|_| step.of_partition) else { return Ok(false) };
        let query = "SELECT coalesce((SELECT relispartition FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)), false)";
        let is_there: bool =
            self.connection.query_one(query, &[&sql!("{}", table).as_str()]).await?.try_get(0)?;
        if !is_there {
            let text =
                format!("{} is no partition any longer: passed over \"{}\"", table.pretty(), step.title);
            self.events.emit(Event::Note { text });
        }
        Ok(!is_there)
    }

    /// Builds what partitions lack.
    pub(super) async fn complete(&mut self, step: &Step, parts: &Parts) -> Result<()> {
        if let WantedPart::Waiting { suffix } = &parts.wanted {
            return self.build_waiting(step, parts, suffix).await;
        }
        for _ in 0..LOOKS {
            let missing = self.missing(parts).await?;
            if missing.is_empty() {
                return self.refuse_partial(step, parts).await;
            }
            for part in missing {
                let added = self.add_part(step, parts, &part).await;
                if let Err(error) = added
                    && self.is_table(&part.table).await?
                {
                    return Err(error);
                }
            }
        }
        Err(Error::new(
            ErrorKind::Busy,
            format!("\"{}\": partitions come faster than their indexes", step.title),
        )
        .with_hint("run the same command again to go on"))
    }

    async fn add_part(&mut self, step: &Step, parts: &Parts, part: &Missing) -> Result<()> {
        let own = part_name(&part.table, parts);
        let index = QualifiedName::new(part.table.schema.clone(), own.clone());
        let unique = Sql::trusted(if parts.unique { "UNIQUE " } else { "" });
        let mut statements = Vec::new();
        match &parts.wanted {
            WantedPart::Key { keyword, deferrable, .. } if part.is_leaf => {
                statements.push(sql!(
                    "ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}{}",
                    part.table,
                    own,
                    keyword,
                    own,
                    deferrable
                ));
            }
            WantedPart::Key { definition, .. } => {
                statements.push(sql!(
                    "ALTER TABLE ONLY {} ADD CONSTRAINT {} {}",
                    part.table,
                    own,
                    definition
                ));
            }
            WantedPart::Index | WantedPart::Waiting { .. } if part.is_leaf => {}
            WantedPart::Index | WantedPart::Waiting { .. } => {
                let keys = &parts.keys;
                statements.push(sql!("CREATE {}INDEX {} ON ONLY {}{}", unique, own, part.table, keys));
            }
        }
        statements.push(sql!("ALTER INDEX {} ATTACH PARTITION {}", part.of, index));
        if part.is_leaf {
            let keys = &parts.keys;
            let build = sql!("CREATE {}INDEX CONCURRENTLY {} ON {}{}", unique, own, part.table, keys);
            self.build_index(&about(step, part), &build, &index).await?;
        }
        self.transaction(&about(step, part), &statements, &sql!("SELECT 1")).await
    }

    /// Partitions that have no part, each of a table that has one.
    async fn missing(&self, parts: &Parts) -> Result<Vec<Missing>> {
        let rows = self
            .connection
            .query(include_str!("missing_parts.sql"), &[&sql!("{}", parts.index).as_str()])
            .await?;
        let name = |schema: &str, name: &str| -> Result<QualifiedName> {
            Ok(QualifiedName::new(stored_name(schema)?, stored_name(name)?))
        };
        rows.iter()
            .map(|row| {
                Ok(Missing {
                    table: name(row.try_get(0)?, row.try_get(1)?)?,
                    is_leaf: row.try_get(2)?,
                    of: name(row.try_get(3)?, row.try_get(4)?)?,
                })
            })
            .collect()
    }

    /// PostgreSQL takes the index for whole when the last partition's part is taken in, not when that partition goes; taking any in again makes it look.
    async fn refuse_partial(&mut self, step: &Step, parts: &Parts) -> Result<()> {
        if self.is_valid(&parts.index).await? == Some(false) {
            let any = "SELECT format('ALTER INDEX %s ATTACH PARTITION %s', $1, inhrelid::regclass) FROM pg_catalog.pg_inherits \
                       WHERE inhparent = pg_catalog.to_regclass($1)::oid LIMIT 1";
            let row = self.connection.query_opt(any, &[&sql!("{}", parts.index).as_str()]).await?;
            if let Some(row) = row {
                self.transaction(step, &[Sql::trusted(row.try_get::<_, String>(0)?)], &sql!("SELECT 1"))
                    .await?;
            }
        }
        match self.is_valid(&parts.index).await? {
            Some(true) => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Busy,
                format!("index {} is not whole, although every partition has its part", parts.index.pretty()),
            )
            .with_hint("a partition may have come or gone just now: run the same command again to go on")),
        }
    }

    /// Beside each leaf's part another index, of its name with the suffix.
    async fn build_waiting(&mut self, step: &Step, parts: &Parts, suffix: &str) -> Result<()> {
        let rows = self
            .connection
            .query(include_str!("leaf_parts.sql"), &[&sql!("{}", parts.index).as_str()])
            .await?;
        for row in rows {
            let (schema, table, part) =
                (stored_name(row.try_get(0)?)?, stored_name(row.try_get(1)?)?, stored_name(row.try_get(2)?)?);
            let waiting = part.with_suffix(suffix);
            let table = QualifiedName::new(schema.clone(), table);
            let build = sql!("CREATE UNIQUE INDEX CONCURRENTLY {} ON {}{}", waiting, table, parts.keys);
            let outcome = self.build_index(step, &build, &QualifiedName::new(schema, waiting)).await;
            if let Err(error) = outcome
                && self.is_table(&table).await?
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Drops what [`complete`](Self::complete) has built for the whole and not taken in.
    pub(super) async fn drop_unfinished_parts(&mut self, step: &Step, parts: &Parts) -> Result<()> {
        for part in self.missing(parts).await? {
            let index = QualifiedName::new(part.table.schema.clone(), part_name(&part.table, parts));
            self.alone(step, &sql!("DROP INDEX CONCURRENTLY IF EXISTS {}", index)).await?;
        }
        Ok(())
    }

    async fn is_table(&self, table: &QualifiedName) -> Result<bool> {
        let query = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";
        Ok(self.connection.query_one(query, &[&sql!("{}", table).as_str()]).await?.try_get(0)?)
    }
}

/// What a part of the index is called in a partition that the plan did not know.
fn part_name(table: &QualifiedName, parts: &Parts) -> Name {
    table.name.with_suffix(&format!("_{}", parts.index.name.as_str()))
}

/// For messages: the same step, of this partition.
fn about(step: &Step, part: &Missing) -> Step {
    let title = format!("{}: {}", step.title, part.table.pretty());
    let kind = StepKind::Transaction { statements: Vec::new() };
    Step::new(title, kind, Lock::AccessExclusive, vec![part.table.clone()])
}
