//! What sessions see of the system catalogues: while live editions differ, queries of pg_catalog and information_schema are led to
//! reflections in schema `edition_catalog` that show tables. See migration 005 for how those are made.

use std::slice;

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
        let words = Words::read(&mut blueprint, &editioned, &tables).await?;
        words.put(transaction, EditionId::new(edition)).await?;
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

/// The same after an interruption, and where there are any; drops them if they are of no use any longer.
pub(crate) async fn catch_up(client: &Client) -> Result<()> {
    let there = client.query_one("SELECT to_regnamespace('edition_catalog') IS NOT NULL", &[]).await?;
    if there.try_get(0)? {
        follow(client, &[]).await?;
        withdraw(client).await?;
    }
    Ok(())
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
/// announcement or command tries again.
pub(crate) async fn withdraw(client: &Client) -> Result<()> {
    const WITHDRAW: &str = "BEGIN; SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '50ms'; \
        DO $$ BEGIN \
            IF NOT edition.differs() THEN DROP SCHEMA IF EXISTS edition_catalog CASCADE; END IF; \
        EXCEPTION WHEN lock_not_available THEN NULL; END $$; COMMIT";
    Ok(client.batch_execute(WITHDRAW).await?)
}

/// How the blueprint words the same things under several paths, as JSON arrays in the same order.
struct Words {
    /// Every name qualified.
    qualified: String,
    /// Names of all editioned schemas bare.
    bare: String,
    /// Where there are several: those of one alone.
    alone: Vec<(String, String)>,
}

impl Words {
    async fn read(blueprint: &mut Client, editioned: &[Name], tables: &[u32]) -> Result<Self> {
        let transaction = blueprint.build_transaction().read_only(true).start().await?;
        transaction
            .batch_execute("SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off")
            .await?;
        let qualified = words(&transaction, tables).await?;
        let bare = words_under(&transaction, editioned, tables).await?;
        let mut alone = Vec::new();
        for schema in editioned.iter().filter(|_| editioned.len() > 1) {
            let worded = words_under(&transaction, slice::from_ref(schema), tables).await?;
            alone.push((schema.as_str().to_owned(), worded));
        }
        transaction.commit().await?;
        Ok(Self { qualified, bare, alone })
    }

    async fn put(&self, transaction: &Transaction<'_>, edition: EditionId) -> Result<()> {
        let statement = "INSERT INTO edition.words \
                (edition_id, table_id, kind, name, place, of_schema, of_table, id, plain, pretty, bare, bare_pretty, alone, facts) \
            SELECT $1, (q.row ->> 'table_id')::oid, q.row ->> 'kind', q.row ->> 'name', (q.row ->> 'place')::int, q.row ->> 'of_schema', q.row ->> 'of_table', \
                   (q.row ->> 'id')::oid, q.row ->> 'plain', q.row ->> 'pretty', b.row ->> 'plain', b.row ->> 'pretty', a.words, nullif(q.row -> 'facts', 'null') \
            FROM jsonb_array_elements($2::text::jsonb) WITH ORDINALITY AS q (row, n) \
            JOIN jsonb_array_elements($3::text::jsonb) WITH ORDINALITY AS b (row, n) USING (n) \
            LEFT JOIN (SELECT one.n, jsonb_object_agg(s.name, jsonb_build_array(one.row -> 'plain', one.row -> 'pretty')) AS words \
                       FROM unnest($4::text[], $5::text[]) AS s (name, rows), jsonb_array_elements(s.rows::jsonb) WITH ORDINALITY AS one (row, n) \
                       WHERE one.row ->> 'plain' IS NOT NULL GROUP BY 1) AS a USING (n)";
        let (schemas, alone): (Vec<&str>, Vec<&str>) =
            self.alone.iter().map(|(schema, words)| (schema.as_str(), words.as_str())).unzip();
        transaction
            .execute(statement, &[&edition.get(), &self.qualified, &self.bare, &schemas, &alone])
            .await?;
        Ok(())
    }
}

async fn words_under(client: &impl GenericClient, path: &[Name], tables: &[u32]) -> Result<String> {
    client.batch_execute(sql!("SET LOCAL search_path = {}", join(path, ", ")).as_str()).await?;
    words(client, tables).await
}

async fn words(client: &impl GenericClient, tables: &[u32]) -> Result<String> {
    Ok(client.query_one(include_str!("words.sql"), &[&tables]).await?.try_get(0)?)
}
