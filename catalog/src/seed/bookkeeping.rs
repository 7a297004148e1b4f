//! The tables in which migration tools write down what they ran.

use tokio_postgres::GenericClient;

use crate::{error::Result, store};

/// The setting in `edition.settings` that replaces the list below: table names, separated by commas.
const SETTING: &str = "bookkeeping_tables";

/// Table names by tool. Django also keeps what it knows of models and permissions.
const KNOWN: &[&str] = &[
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "schema_migrations", // ActiveRecord, golang-migrate, dbmate
    "ar_internal_metadata",
    "alembic_version",
    "flyway_schema_history",
    "schema_version", // Flyway before 5, Evolve
    "_prisma_migrations",
    "_sqlx_migrations",
    "knex_migrations",
    "knex_migrations_lock",
    "migrations", // TypeORM, Laravel
    "typeorm_metadata",
    "databasechangelog", // Liquibase
    "databasechangeloglock",
    "goose_db_version",
    "__EFMigrationsHistory",
    "SequelizeMeta",
    "refinery_schema_history",
    "__diesel_schema_migrations",
    "mikro_orm_migrations",
    "pgmigrations",
    "phinxlog",
    "doctrine_migration_versions",
    "play_evolutions",
];

/// Names of bookkeeping tables, whatever their schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookkeepingTables(Vec<String>);

impl BookkeepingTables {
    /// The database's own list, or the one that we know.
    pub async fn load(live: &impl GenericClient) -> Result<Self> {
        Ok(store::setting(live, SETTING).await?.map_or_else(Self::default, |list| Self::listed(&list)))
    }

    fn listed(list: &str) -> Self {
        Self(list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
    }

    /// Whether a table of this name is one.
    pub fn holds(&self, table: &str) -> bool {
        self.0.iter().any(|name| name == table)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0
    }
}

impl Default for BookkeepingTables {
    fn default() -> Self {
        Self(KNOWN.iter().map(|name| (*name).to_owned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_replaces_the_list() {
        let own = BookkeepingTables::listed(" mine, theirs ,,");
        assert!(own.holds("mine") && own.holds("theirs") && !own.holds("") && !own.holds("alembic_version"));
        assert!(BookkeepingTables::default().holds("alembic_version"));
    }
}
