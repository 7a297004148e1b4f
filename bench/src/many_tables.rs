//! A database of N tables, as an application of some age has them, and a draft of it.

use catalog::{
    Error, Result,
    event::Silent,
    model::{EditionName, Name, NameError},
    operation::{self, CreateOptions, InitOptions},
    target::Target,
};
use edition_cli::server::PrivateServer;

/// Makes a database with tables `t1` … `tN` in schema `public` (eight columns, a key, an index, a check, every second one with a foreign key, every tenth one with a
/// view) that no edition knows of yet.
pub async fn make(server: &PrivateServer, database: &str, tables: u32) -> Result<Target> {
    let admin = Target::new(server.config("postgres"), None)?.connect().await?;
    admin.batch_execute(&format!("CREATE DATABASE {database}")).await?;
    let target = Target::new(server.config(database), None)?;
    let client = target.connect().await?;
    client.batch_execute("SET log_statement = 'none'; SET search_path = public").await?;
    // Not all in one transaction: it would hold every lock.
    for number in 1..=tables {
        client.batch_execute(&table(number)).await?;
    }
    Ok(target)
}

/// Adopts the database; its tables are edition `v1`.
pub async fn adopt(server: &PrivateServer, target: &Target) -> Result<()> {
    let options = InitOptions {
        root: edition("v1")?,
        schemas: vec![Name::new("public").map_err(bad_name)?],
        proxy_roles: Vec::new(),
        programs: server.programs()?,
    };
    operation::init(target, &options, &Silent).await?;
    Ok(())
}

/// Makes draft `v2` of it and runs `ddl` there.
pub async fn fork(server: &PrivateServer, target: &Target, ddl: &str) -> Result<EditionName> {
    let name = edition("v2")?;
    let programs = server.programs()?;
    let options =
        CreateOptions { name: name.clone(), from: Vec::new(), with_rows: false, comment: None, programs };
    operation::create(target, &options, &Silent).await?;
    let blueprint = name.blueprint_for(target.database()).map_err(bad_name)?;
    target.connect_blueprint(&blueprint).await?.batch_execute(ddl).await?;
    Ok(name)
}

/// An edition's name.
pub fn edition(text: &str) -> Result<EditionName> {
    EditionName::new(text).map_err(bad_name)
}

fn table(number: u32) -> String {
    let mut sql = format!(
        "CREATE TABLE t{number} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, amount integer DEFAULT 0 \
         CHECK (amount >= 0), note text, made timestamptz DEFAULT now(), state_of text, parent bigint, data jsonb); \
         CREATE INDEX ON t{number} (name);"
    );
    if number > 1 && number.is_multiple_of(2) {
        sql.push_str(&format!("ALTER TABLE t{number} ADD FOREIGN KEY (parent) REFERENCES t{};", number - 1));
    }
    if number.is_multiple_of(10) {
        sql.push_str(&format!("CREATE VIEW v{number} AS SELECT id, name FROM t{number} WHERE amount > 0;"));
    }
    sql
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn bad_name(error: NameError) -> Error {
    Error::bug(error.to_string())
}
