//! What excuses a difference or a failure: PostgreSQL, or the application's own schema, does the same without us.

use edition_tests::{Session, told};

/// Whether saving all rows of a table as they are fails in the same words, once the application's own triggers have seen them. Numbers aside: a trigger may
/// have tried to store the time.
pub(crate) async fn bars_plain_update(copy: &Session, said: &str) -> bool {
    let words = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
    let saves = "SELECT format('UPDATE %s SET %2$I = %2$I', c.oid::regclass, \
         (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
          AND a.attgenerated = '' AND a.attidentity <> 'a' ORDER BY a.attnum LIMIT 1)) \
         FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' \
         AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)";
    for save in copy.ask(saves).await {
        copy.run("BEGIN").await;
        let outcome = copy.try_ask(&format!("{save}; SET CONSTRAINTS ALL IMMEDIATE")).await;
        copy.run("ROLLBACK").await;
        if outcome.is_err_and(|failure| words(said).contains(&words(&failure.message))) {
            return true;
        }
    }
    false
}

/// Drops all foreign keys of a copy.
pub(crate) async fn drop_foreign_keys(copy: &Session) {
    let drops = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) \
         FROM pg_constraint WHERE contype = 'f' AND conparentid = 0";
    for drop in copy.ask(drops).await {
        copy.run(&drop).await;
    }
}

/// The indexes of single partitions that have a comment.
pub(crate) async fn commented_partition_indexes(plain: &Session) -> Vec<String> {
    let indexes = "SELECT i.inhrelid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE c.relkind IN ('i', 'I') AND obj_description(c.oid, 'pg_class') IS NOT NULL";
    plain.ask(indexes).await
}

/// PostgreSQL 15 and 16 copy the comment of a partitioned index to the partitions' indexes where ALTER TYPE builds them anew; 17 and 18 do not,
/// and neither do we.
pub(crate) async fn forget_copied_comments(plain: &Session, known: &[String]) {
    for index in commented_partition_indexes(plain).await {
        if !known.contains(&index) {
            plain.run(&format!("COMMENT ON INDEX {index} IS NULL")).await;
        }
    }
}

/// Whether rows that are there forbid what the draft asks for: a constraint that they break, a value that a transform cannot take.
pub(crate) fn is_about_rows(error: &catalog::Error) -> bool {
    let text = told(error);
    [
        "rows that are there",
        "could not create unique index",
        "violates",
        "contains null values",
        "cannot be computed",
    ]
    .iter()
    .any(|sign| text.contains(sign))
        || error
            .sqlstate()
            .is_some_and(|state| state.code().starts_with("22") || state.code().starts_with("23"))
}
