//! What a fork holds from the start: the rows of bookkeeping tables, as the parent edition sees them, and, if it is asked to, what earlier drafts
//! of its line inserted.

use tokio_postgres::GenericClient;

use super::{
    BookkeepingTables, Cells,
    earlier::{put_back, remember},
    text::{cells_of, insert_values, literal, parents_first, path_to, set_output, text_array},
};
use crate::{
    blueprint::read_database,
    error::{Error, Result},
    model::{Column, EditionId, Name, Schema, Table},
    sql,
    sql::{Literal, Sql, join},
    target::Connection,
};

/// More rows than any tool's list of migrations has.
const ROWS_MAX: i64 = 50_000;
/// Rows in one INSERT.
const ROWS_AT_ONCE: usize = 500;

/// Empties the fork of the rows that its parent's migrations inserted (the live database has them) and copies the rows of bookkeeping
/// tables from the live database, seen as sessions of the parent see them; then notes what is there, for
/// [`read_seeds`](super::read_seeds). `path`: for each editioned schema those that the parent's sessions look into first. `with_rows`: puts
/// back what earlier drafts inserted.
pub async fn fork_rows(
    live: &mut Connection,
    fork: &mut Connection,
    parent: EditionId,
    path: &[(Name, Vec<Name>)],
    with_rows: bool,
) -> Result<()> {
    fork.batch_execute(include_str!("../../migrations/draft.sql")).await?;
    remember(live, fork, path).await?;
    fork.batch_execute(EMPTY_TABLES).await?;
    let tables = BookkeepingTables::load(&**live).await?;
    let schemas: Vec<&str> = path.iter().map(|(schema, _)| schema.as_str()).collect();
    let any = fork
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'r' AND relname = ANY ($1) \
             AND relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY ($2)))",
            &[&tables.names(), &schemas],
        )
        .await?;
    if any.try_get(0)? {
        let editioned: Vec<Name> = path.iter().map(|(schema, _)| schema.clone()).collect();
        let schema = read_database(fork, &editioned).await?;
        for table in parents_first(&self_contained(&schema, &tables)) {
            let rows = parents_rows(live, parent, path, table).await?;
            put(fork, table, &rows).await?;
        }
    }
    if with_rows {
        put_back(fork, path).await?;
    }
    fork.batch_execute(
        "INSERT INTO edition.forked_sequences SELECT oid, pg_catalog.pg_sequence_last_value(oid) \
         FROM pg_catalog.pg_class WHERE relkind = 'S' AND relnamespace <> 'edition'::regnamespace",
    )
    .await?;
    Ok(())
}

/// Truncates every table that holds rows, or may hold rows that policies hide from us, and those that point at it, which cannot hold any that do not point nowhere.
const EMPTY_TABLES: &str = "\
TRUNCATE edition.forked_rows, edition.forked_sequences, edition.statements, edition.kept_keys RESTART IDENTITY;
DO $$ DECLARE one regclass; full_ones text[] := '{}'; is_hidden boolean; is_full boolean; BEGIN
    FOR one, is_hidden IN SELECT c.oid, c.relforcerowsecurity FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'edition')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    LOOP
        EXECUTE pg_catalog.format('SELECT EXISTS (SELECT FROM %s)', one) INTO is_full;
        IF is_full OR is_hidden THEN full_ones := full_ones || one::text; END IF;
    END LOOP;
    IF full_ones <> '{}' THEN EXECUTE 'TRUNCATE ' || pg_catalog.array_to_string(full_ones, ', ') || ' CASCADE'; END IF;
END $$";

/// The bookkeeping tables of a schema whose foreign keys stay among them: others would point at rows that a blueprint has not.
fn self_contained<'a>(schema: &'a Schema, names: &BookkeepingTables) -> Vec<&'a Table> {
    let mut tables: Vec<&Table> =
        schema.tables.iter().filter(|table| names.holds(table.name.name.as_str())).collect();
    loop {
        let ids: Vec<_> = tables.iter().map(|table| table.id).collect();
        let before = tables.len();
        tables.retain(|table| {
            let mut targets =
                table.constraints.iter().filter_map(|constraint| Some(constraint.references.as_ref()?.0));
            targets.all(|target| ids.contains(&target))
        });
        if tables.len() == before {
            return tables;
        }
    }
}

/// The rows of a table as sessions of the parent see them.
async fn parents_rows(
    live: &mut Connection,
    parent: EditionId,
    path: &[(Name, Vec<Name>)],
    table: &Table,
) -> Result<Vec<Cells>> {
    let transaction = live.build_transaction().read_only(true).start().await?;
    let settings =
        sql!("SET LOCAL edition.id = '{}'; {}; {}", parent, set_output(), path_to(&table.name.schema, path));
    transaction.batch_execute(settings.as_str()).await?;
    let cells = join(cells_of(table).map(|column| sql!("{}::text", column.name)), ", ");
    let question = sql!(
        "SELECT ARRAY[{}]::text[] FROM {} LIMIT {}",
        cells,
        super::text::unqualified(&table.name),
        ROWS_MAX + 1
    );
    let rows = transaction.query(question.as_str(), &[]).await?;
    if i64::try_from(rows.len()).unwrap_or(i64::MAX) > ROWS_MAX {
        return Err(Error::refused(format!(
            "bookkeeping table {} has more than {ROWS_MAX} rows, too many to copy into a draft",
            table.name.pretty()
        ))
        .with_hint(
            "leave it out: INSERT INTO edition.settings VALUES ('bookkeeping_tables', 'names, of, the, others')",
        ));
    }
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Puts rows into the fork's table, moves its sequences behind them, and notes what was put there.
async fn put(fork: &mut Connection, table: &Table, rows: &[Cells]) -> Result<()> {
    let columns: Vec<&Column> = cells_of(table).collect();
    let transaction = fork.transaction().await?;
    transaction.batch_execute(set_output().as_str()).await?;
    let ids = join(columns.iter().map(|column| sql!("{}", column.id.get())), ", ");
    for chunk in rows.chunks(ROWS_AT_ONCE) {
        let values: Vec<Vec<Sql>> =
            chunk.iter().map(|row| row.iter().map(|cell| literal(cell.as_deref())).collect()).collect();
        transaction.batch_execute(insert_values(&sql!("{}", table.name), &columns, &values).as_str()).await?;
        let notes = join(
            chunk.iter().map(|row| {
                sql!(
                    "({}, ARRAY[{}]::int2[], {})",
                    table.id.get(),
                    ids,
                    text_array(row.iter().map(Option::as_deref))
                )
            }),
            ", ",
        );
        let note = sql!("INSERT INTO edition.forked_rows (table_id, column_ids, cells) VALUES {}", notes);
        transaction.batch_execute(note.as_str()).await?;
    }
    advance_sequences(&transaction, table, &columns).await?;
    transaction.commit().await?;
    Ok(())
}

/// What the tool inserts next must not meet what was copied.
async fn advance_sequences(client: &impl GenericClient, table: &Table, columns: &[&Column]) -> Result<()> {
    let name = sql!("{}", table.name);
    for column in columns {
        let found = client
            .query_one(
                "SELECT pg_catalog.pg_get_serial_sequence($1, $2)",
                &[&name.as_str(), &column.name.as_str()],
            )
            .await?;
        let Some(sequence) = found.try_get::<_, Option<String>>(0)? else { continue };
        let statement = sql!(
            "SELECT pg_catalog.setval({}::regclass, max({})) FROM {} HAVING max({}) > 0",
            Literal(&sequence),
            column.name,
            table.name,
            column.name
        );
        client.batch_execute(statement.as_str()).await?;
    }
    Ok(())
}
