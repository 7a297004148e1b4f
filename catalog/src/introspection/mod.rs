//! What sessions see of the system catalogues: while live editions differ, queries of pg_catalog and information_schema are led to
//! reflections in schema `edition_catalog` that show tables. See migration 005 for how those are made.

use tokio_postgres::{Client, GenericClient, Transaction};

use crate::{
    error::Result,
    model::{EditionId, Name, TableId},
    sql,
    sql::{Sql, join},
    store,
    target::Target,
};

/// Writes how each live edition words its tables that do not stand as it names them, and makes the reflections if they are not there; within
/// the transaction that has just changed `edition.tables`. No blueprint is read if editions are alike.
pub(crate) async fn refresh(target: &Target, transaction: &Transaction<'_>) -> Result<()> {
    transaction.execute("DELETE FROM edition.words", &[]).await?;
    let viewed = transaction
        .query(
            "SELECT t.edition_id, e.blueprint, array_agg(t.table_id) FROM edition.tables t \
             JOIN edition.editions e ON e.id = t.edition_id GROUP BY 1, 2",
            &[],
        )
        .await?;
    let editioned = store::schemas(transaction).await?;
    for row in &viewed {
        let (edition, blueprint, tables): (i32, &str, Vec<u32>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let mut blueprint = target.connect_blueprint(&store::stored_name(blueprint)?).await?;
        let (qualified, bare) = read_words(&mut blueprint, &editioned, &tables).await?;
        put_words(transaction, EditionId::new(edition), &qualified, &bare).await?;
    }
    // What makes the reflections looks everything up, too.
    let statement = "SELECT CASE WHEN to_regnamespace('edition_catalog') IS NULL AND edition.differs() \
                     THEN edition.reflect() ELSE edition.reflect_objects() END";
    Ok(transaction.batch_execute(statement).await?)
}

/// Looks up anew what the reflections show, after live objects have changed under an announcement that stands. `tables`: nothing but these has;
/// empty: anything may have.
pub(crate) async fn follow(client: &Client, tables: &[TableId]) -> Result<()> {
    Ok(client.batch_execute(reflected(tables).as_str()).await?)
}

/// The statement that does it.
pub(crate) fn reflected(tables: &[TableId]) -> Sql {
    if tables.is_empty() {
        return sql!("SELECT edition.reflect_objects()");
    }
    sql!(
        "SELECT edition.reflect_objects(ARRAY[{}]::oid[])",
        join(tables.iter().map(|table| table.get()), ", ")
    )
}

/// Drops the reflections once editions are alike and no proxy leads anybody to them. A session that still reads one is let be: the next
/// announcement tries again.
pub(crate) async fn withdraw(client: &Client) -> Result<()> {
    const WITHDRAW: &str = "BEGIN; SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '50ms'; \
        DO $$ BEGIN \
            IF NOT edition.differs() THEN DROP SCHEMA IF EXISTS edition_catalog CASCADE; END IF; \
        EXCEPTION WHEN lock_not_available THEN NULL; END $$; COMMIT";
    Ok(client.batch_execute(WITHDRAW).await?)
}

/// The words with every name qualified, and with names of the editioned schemas bare, as JSON arrays in the same order.
async fn read_words(blueprint: &mut Client, editioned: &[Name], tables: &[u32]) -> Result<(String, String)> {
    let transaction = blueprint.build_transaction().read_only(true).start().await?;
    transaction.batch_execute("SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off").await?;
    let qualified = words(&transaction, tables).await?;
    let path = sql!("SET LOCAL search_path = {}", join(editioned, ", "));
    transaction.batch_execute(path.as_str()).await?;
    let bare = words(&transaction, tables).await?;
    transaction.commit().await?;
    Ok((qualified, bare))
}

async fn words(client: &impl GenericClient, tables: &[u32]) -> Result<String> {
    Ok(client.query_one(include_str!("words.sql"), &[&tables]).await?.try_get(0)?)
}

async fn put_words(
    transaction: &Transaction<'_>,
    edition: EditionId,
    qualified: &str,
    bare: &str,
) -> Result<()> {
    let statement = "INSERT INTO edition.words \
            (edition_id, table_id, kind, name, place, of_schema, of_table, id, plain, pretty, bare, bare_pretty, facts) \
        SELECT $1, (q.row ->> 'table_id')::oid, q.row ->> 'kind', q.row ->> 'name', (q.row ->> 'place')::int, q.row ->> 'of_schema', q.row ->> 'of_table', \
               (q.row ->> 'id')::oid, q.row ->> 'plain', q.row ->> 'pretty', b.row ->> 'plain', b.row ->> 'pretty', nullif(q.row -> 'facts', 'null') \
        FROM jsonb_array_elements($2::text::jsonb) WITH ORDINALITY AS q (row, n) \
        JOIN jsonb_array_elements($3::text::jsonb) WITH ORDINALITY AS b (row, n) USING (n)";
    transaction.execute(statement, &[&edition.get(), &qualified, &bare]).await?;
    Ok(())
}
