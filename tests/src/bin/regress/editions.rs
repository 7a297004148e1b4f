//! Adopting a database of the suite, and a child edition that changes every table of it.

use std::{collections::BTreeSet, sync::Arc};

use catalog::{
    event::Silent,
    operation,
    plan::{Code, Severity},
    snapshot::Snapshot,
    sql::lexer::{Lexer, TokenKind},
};
use edition_tests::{Session, Verbs, edition, told};
use editiond::rewrite::{Rewriter, VerdictCache};

use crate::{
    bed::{Bed, Result, admin},
    lockstep::Judge,
};

/// The edition that the database is adopted with.
pub(crate) const PARENT: &str = "v1";
/// The one that changes every table.
pub(crate) const CHILD: &str = "v2";
/// What a renamed column's name ends in.
const RENAMED: &str = "_in_v2";

/// Ordinary and partitioned tables that are no part of another.
const TABLES: &str = "\
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
  AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')
ORDER BY c.oid";

/// Names of first columns that mean nothing else in SQL.
const RENAMEABLE: &str = "\
SELECT DISTINCT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum = 1 AND NOT a.attisdropped
  AND a.attname ~ '^[a-z_][a-z0-9_]*$'
  AND a.attname NOT IN (SELECT word FROM pg_get_keywords())
  AND a.attname NOT IN (SELECT typname FROM pg_type)
  AND a.attname NOT IN (SELECT proname FROM pg_proc)
  AND a.attname NOT IN (SELECT relname FROM pg_class)
ORDER BY 1";

/// A table and whatever inherits from it.
const FAMILY: &str = "\
WITH RECURSIVE family AS (
    SELECT '{table}'::regclass::oid
    UNION SELECT inhrelid FROM pg_inherits JOIN family ON inhparent = family.oid
)
SELECT relname FROM pg_class JOIN family USING (oid)";

/// A change that the child makes to one table.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) table: String,
    pub(crate) ddl: Vec<String>,
}

/// What the child changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) made: Vec<Change>,
    /// Columns that are called otherwise in the child, in whatever table.
    pub(crate) renamed: BTreeSet<String>,
    /// Tables that could not be changed, and why.
    pub(crate) left: Vec<(String, String)>,
}

impl Changes {
    /// A column more for every table, and its first column renamed where that name means nothing else.
    pub(crate) async fn of(session: &Session) -> Self {
        let renamed: BTreeSet<String> = session.ask(RENAMEABLE).await.into_iter().collect();
        let mut changes = Vec::new();
        for table in session.ask(TABLES).await {
            let columns = format!(
                "SELECT attname FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped",
                table.replace('\'', "''")
            );
            let mut ddl = vec![format!("ALTER TABLE {table} ADD COLUMN added_in_v2 integer DEFAULT 7")];
            let columns = session.ask(&columns).await;
            ddl.extend(
                columns
                    .iter()
                    .filter(|column| renamed.contains(*column))
                    .map(|column| format!("ALTER TABLE {table} RENAME COLUMN {column} TO {column}{RENAMED}")),
            );
            changes.push(Change { table, ddl });
        }
        Self { made: changes, renamed, left: Vec::new() }
    }

    /// Makes the changes in a database; a table where one fails is left as it was.
    pub(crate) async fn make(&mut self, session: &Session) {
        let mut made = Vec::new();
        for change in std::mem::take(&mut self.made) {
            let ddl = format!("BEGIN; {}; COMMIT", change.ddl.join("; "));
            match session.try_ask(&ddl).await {
                Ok(_) => made.push(change),
                Err(failure) => {
                    session.run("ROLLBACK").await;
                    self.left.push((change.table, failure.message));
                }
            }
        }
        self.made = made;
    }

    /// A statement in the child's words.
    pub(crate) fn reword(&self, text: &str) -> String {
        let (mut reworded, mut copied) = (String::new(), 0);
        for token in Lexer::new(text.as_bytes()) {
            if !matches!(token.kind, TokenKind::Word | TokenKind::Quoted) {
                continue;
            }
            if let Some(name) = token.name(text).filter(|name| self.renamed.contains(name)) {
                reworded.push_str(text.get(copied..token.start).unwrap_or_default());
                reworded.push_str(&name);
                reworded.push_str(RENAMED);
                copied = token.end;
            }
        }
        reworded.push_str(text.get(copied..).unwrap_or_default());
        reworded
    }
}

/// Adopts a database.
pub(crate) async fn adopt(verbs: &Verbs) -> Result<()> {
    let mut options = verbs.init_options(PARENT);
    options.proxy_roles = Vec::new();
    operation::init(&verbs.target, &options, &Silent).await.map_err(|error| told(&error))?;
    Ok(())
}

/// Publishes a child with these changes. A table whose change the plan refuses is left alone.
pub(crate) async fn publish(bed: &Bed, database: &str, changes: &mut Changes) -> Result<()> {
    let verbs = bed.verbs(database)?;
    loop {
        verbs.try_create(CHILD).await.map_err(|error| told(&error))?;
        let blueprint = edition(CHILD).blueprint_for(database)?;
        changes.make(&admin(&bed.live, blueprint.as_str()).await?).await;
        let plan = operation::plan(&verbs.target, &edition(CHILD)).await.map_err(|error| told(&error))?;
        let refused: Vec<(String, String)> = plan
            .findings
            .iter()
            .filter(|finding| finding.code.severity() == Severity::Refused)
            .map(|finding| (finding.subject.clone(), format!("{}: {}", finding.subject, finding.message)))
            .collect();
        if refused.is_empty() {
            break;
        }
        let live = admin(&bed.live, database).await?;
        let before = changes.made.len();
        for change in std::mem::take(&mut changes.made) {
            let family = live.ask(&FAMILY.replace("{table}", &change.table.replace('\'', "''"))).await;
            let is_of_it =
                |subject: &str| family.iter().any(|name| subject.ends_with(&format!(" public.{name}")));
            match refused.iter().find(|(subject, _)| is_of_it(subject)) {
                Some((_, told)) => changes.left.push((change.table, told.clone())),
                None => changes.made.push(change),
            }
        }
        if changes.made.len() == before {
            let told: Vec<String> = refused.into_iter().map(|(_, told)| told).collect();
            return Err(format!("the plan refuses: {}", told.join("\n")).into());
        }
        operation::drop_draft(&verbs.target, &edition(CHILD), &Silent).await.map_err(|error| told(&error))?;
    }
    let words: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| code.severity() == Severity::NeedsWord)
        .map(|code| code.slug())
        .collect();
    verbs.try_publish(CHILD, &words, &Silent).await.map_err(|error| told(&error))?;
    Ok(())
}

/// Judges as the proxy does in an edition of this database.
pub(crate) async fn judge(verbs: &Verbs, of: &str) -> Result<Judge> {
    let connection = verbs.target.connect().await.map_err(|error| told(&error))?;
    let snapshot = Snapshot::load(&connection).await.map_err(|error| told(&error))?;
    let id = snapshot.edition(of).ok_or("no such edition")?.id;
    Ok(Judge { rewriter: Rewriter::new(Arc::new(snapshot), id), cache: VerdictCache::default() })
}
