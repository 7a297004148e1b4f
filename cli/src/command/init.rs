//! `edition init`.

use catalog::{
    Result,
    model::{EditionName, Name},
    operation::{self, InitOptions},
};
use clap::Args;

use super::Context;

/// Adopt a database: record its schema as the first edition; nothing on its tables changes
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  edition init --database-url postgres://owner@db.example/app --schemas public,billing"
)]
pub(crate) struct Init {
    /// Name of the first edition
    #[arg(long, value_name = "EDITION", default_value = "v1")]
    name: EditionName,

    /// Schemas to manage, separated by commas
    #[arg(long, value_name = "SCHEMA", value_delimiter = ',', default_value = "public")]
    schemas: Vec<Name>,

    /// A role that proxies use to read the catalogue; may be repeated
    #[arg(long = "proxy-role", value_name = "ROLE")]
    proxy_roles: Vec<Name>,
}

impl Init {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let programs = context.programs(&target).await?;
        let roles: Vec<String> = self.proxy_roles.iter().map(|role| role.as_str().to_owned()).collect();
        let options =
            InitOptions { root: self.name, schemas: self.schemas, proxy_roles: self.proxy_roles, programs };
        let progress = context.output.progress();
        let outcome = operation::init(&target, &options, &progress).await;
        progress.finish();
        context.output.show(&outcome?, |outcome| {
            let (root, database) = (&outcome.root.name, target.database());
            if outcome.changed {
                let schemas: Vec<_> = outcome.schemas.iter().map(Name::as_str).collect();
                format!(
                    "adopted database {database}: edition {root}, schema {}\nnext: edition create NAME",
                    schemas.join(", ")
                )
            } else if roles.is_empty() {
                format!("database {database} is adopted already; nothing to do")
            } else {
                format!(
                    "database {database} is adopted already; proxies may read its catalogue as {}",
                    roles.join(", ")
                )
            }
        })
    }
}
