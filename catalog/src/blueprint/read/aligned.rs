//! Reading a schema under its relative's names. PostgreSQL shows a definition with the names of today, so a column that was
//! merely renamed changes the text of every view, check and index that mentions it. To compare definitions, the tables and
//! columns that two schemas share are given the other's names in a transaction, everything is read, and the transaction is
//! rolled back: no text is ever edited by us.

use std::collections::HashSet;

use super::read_schema;
use crate::{
    error::{Error, ErrorKind, Result},
    model::{ColumnId, Name, QualifiedName, Schema, Sequence, Table},
    sql,
    sql::Sql,
    target::Connection,
};

/// Reads `child` again from its blueprint, its shared tables and columns bearing the names that they have in `parent`.
/// Everything that is not shared keeps its name unless that is in the way.
pub async fn read_aligned(
    connection: &mut Connection,
    editioned: &[Name],
    parent: &Schema,
    child: &Schema,
) -> Result<Schema> {
    let renames = renames(parent, child)?;
    if renames.is_empty() {
        return Ok(child.clone());
    }
    let reader = connection.schema_reader().await?;
    let transaction = connection.transaction().await?;
    transaction.batch_execute("SET LOCAL lock_timeout = '5s'").await?;
    for rename in &renames {
        transaction.batch_execute(rename.as_str()).await.map_err(explain)?;
    }
    let schema = read_schema(&reader, &transaction, editioned).await?;
    transaction.rollback().await?;
    Ok(schema)
}

fn explain(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&tokio_postgres::error::SqlState::LOCK_NOT_AVAILABLE) {
        return Error::new(
            ErrorKind::Busy,
            "a session in the draft holds locks on tables that must be compared",
        )
        .with_hint("end its transaction, then run the same command again")
        .with_source(error);
    }
    name_in_use(error)
}

/// Says what to do if a table cannot be brought to the name that it has in another edition.
pub fn name_in_use(error: tokio_postgres::Error) -> Error {
    if error.code() != Some(&tokio_postgres::error::SqlState::DUPLICATE_TABLE) {
        return error.into();
    }
    let said = error.as_db_error().map_or_else(String::new, |said| format!(": {}", said.message()));
    let message = format!(
        "the draft gives an index or a constraint the name that a table has in another edition{said}"
    );
    Error::refused(message)
        .with_hint("give it another name; it can be renamed in a draft that is made when the older editions are retired")
        .with_source(error)
}

/// The statements that give shared tables and columns the parent's names: tables away to names that nobody has, then columns,
/// then tables to the names wanted.
fn renames(parent: &Schema, child: &Schema) -> Result<Vec<Sql>> {
    let (mut away, mut columns, mut back) = (Vec::new(), Vec::new(), Vec::new());
    let mut free = FreeNames::new(parent, child);
    let mut wanted: HashSet<&QualifiedName> = HashSet::new();

    for (old, new) in shared(parent, child) {
        if old.name == new.name {
            columns.extend(column_renames(old, new, &new.name, &mut free)?);
            continue;
        }
        wanted.insert(&old.name);
        let spare = free.next()?;
        away.push(sql!("ALTER TABLE {} RENAME TO {}", new.name, spare));
        if old.name.schema != new.name.schema {
            let here = QualifiedName::new(new.name.schema.clone(), spare.clone());
            away.push(sql!("ALTER TABLE {} SET SCHEMA {}", here, old.name.schema));
        }
        let present = QualifiedName::new(old.name.schema.clone(), spare);
        columns.extend(column_renames(old, new, &present, &mut free)?);
        back.push(sql!("ALTER TABLE {} RENAME TO {}", present, old.name.name));
    }
    for (old, new) in shared_sequences(parent, child) {
        wanted.insert(&old.name);
        let spare = free.next()?;
        away.push(sql!("ALTER SEQUENCE {} RENAME TO {}", new.name, spare));
        back.push(sql!(
            "ALTER SEQUENCE {} RENAME TO {}",
            QualifiedName::new(new.name.schema.clone(), spare),
            old.name.name
        ));
    }
    let (types_away, types_back) = type_renames(parent, child, &mut free)?;
    away.extend(types_away);
    back.extend(types_back);
    for name in in_the_way(parent, child, &wanted) {
        // ALTER TABLE … RENAME takes views and sequences too.
        away.push(sql!("ALTER TABLE {} RENAME TO {}", name, free.next()?));
    }
    away.append(&mut columns);
    away.append(&mut back);
    Ok(away)
}

/// Types that both have under different names, and types of the child's own that bear such a name.
fn type_renames(parent: &Schema, child: &Schema, free: &mut FreeNames) -> Result<(Vec<Sql>, Vec<Sql>)> {
    let renamed: Vec<(&QualifiedName, &QualifiedName)> = child
        .types
        .iter()
        .filter_map(|new| Some((&parent.type_def(new.id)?.name, &new.name)))
        .filter(|(old, new)| old != new && old.schema == new.schema)
        .collect();
    let (mut away, mut back) = (Vec::new(), Vec::new());
    for definition in &child.types {
        let is_wanted = renamed.iter().any(|(old, _)| **old == definition.name);
        let target = renamed.iter().find(|(_, new)| **new == definition.name).map(|(old, _)| old);
        if !is_wanted && target.is_none() {
            continue;
        }
        let spare = free.next()?;
        away.push(sql!("ALTER TYPE {} RENAME TO {}", definition.name, spare));
        if let Some(target) = target {
            let here = QualifiedName::new(definition.name.schema.clone(), spare);
            back.push(sql!("ALTER TYPE {} RENAME TO {}", here, target.name));
        }
    }
    Ok((away, back))
}

fn shared<'a>(parent: &'a Schema, child: &'a Schema) -> impl Iterator<Item = (&'a Table, &'a Table)> {
    child.tables.iter().filter_map(|new| parent.table(new.id).map(|old| (old, new)))
}

/// Those that bear another name in the same schema.
fn shared_sequences<'a>(
    parent: &'a Schema,
    child: &'a Schema,
) -> impl Iterator<Item = (&'a Sequence, &'a Sequence)> {
    child.sequences.iter().filter_map(|new| {
        let old = parent.sequences.iter().find(|old| old.id == new.id)?;
        (old.name != new.name && old.name.schema == new.name.schema).then_some((old, new))
    })
}

fn column_renames(
    old: &Table,
    new: &Table,
    present: &QualifiedName,
    free: &mut FreeNames,
) -> Result<Vec<Sql>> {
    let (mut away, mut back) = (Vec::new(), Vec::new());
    let before = |id: ColumnId| old.column(id).map(|column| &column.name);
    let moving = |name: &Name, id: ColumnId| before(id).is_some_and(|before| before != name);
    let wanted: HashSet<&Name> = new
        .columns
        .iter()
        .filter(|column| moving(&column.name, column.id))
        .filter_map(|column| before(column.id))
        .collect();
    for column in &new.columns {
        let target = before(column.id).filter(|before| **before != column.name);
        if target.is_none() && !(before(column.id).is_none() && wanted.contains(&column.name)) {
            continue;
        }
        let spare = free.next()?;
        away.push(sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", present, column.name, spare));
        if let Some(target) = target {
            back.push(sql!("ALTER TABLE {} RENAME COLUMN {} TO {}", present, spare, target));
        }
    }
    away.append(&mut back);
    Ok(away)
}

/// Relations of the child that are not shared but bear a name that a shared table must get.
fn in_the_way<'a>(
    parent: &'a Schema,
    child: &'a Schema,
    wanted: &'a HashSet<&QualifiedName>,
) -> impl Iterator<Item = &'a QualifiedName> {
    let tables =
        child.tables.iter().filter(|table| parent.table(table.id).is_none()).map(|table| &table.name);
    let partitions = child.tables.iter().flat_map(Table::partitions).map(|part| &part.table.name);
    let views = child.views.iter().map(|view| &view.name);
    let away: Vec<_> = shared_sequences(parent, child).map(|(_, new)| &new.name).collect();
    let sequences = child.sequences.iter().map(|sequence| &sequence.name);
    let sequences = sequences.filter(move |name| !away.contains(name));
    tables.chain(partitions).chain(views).chain(sequences).filter(|name| wanted.contains(name))
}

/// Names that neither schema uses.
struct FreeNames {
    taken: HashSet<Name>,
    last: u32,
}

impl FreeNames {
    fn new(parent: &Schema, child: &Schema) -> Self {
        let tables = parent.tables.iter().chain(&child.tables);
        let columns = tables.clone().flat_map(|table| table.columns.iter().map(|column| column.name.clone()));
        let relations = tables.map(|table| table.name.name.clone());
        Self { taken: columns.chain(relations).collect(), last: 0 }
    }

    fn next(&mut self) -> Result<Name> {
        loop {
            self.last += 1;
            let name = Name::new(format!("~edition spare {}", self.last))
                .map_err(|error| Error::bug(error.to_string()))?;
            if !self.taken.contains(&name) {
                return Ok(name);
            }
        }
    }
}
