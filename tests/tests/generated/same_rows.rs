//! Rows, judged: what a draft makes of the rows that are there is what plain DDL makes of them, and no rollback or retire changes what the
//! edition that stays shows.

use edition_tests::Session;

use crate::act::{Acts, Stop};

/// One query a table for its rows.
const ROWS: &str = "SELECT format('SELECT ROW(%s)::text FROM %I', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), c.relname) \
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped";
/// Of tables without triggers of the application's, which see the backfill, too; and of columns that plain DDL gives to rows that are there whenever
/// it runs: a volatile default gives another value each time, and so does what is generated from such a column.
const THE_SAME_IN_PLAIN: &str = "AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) \
     AND NOT EXISTS (SELECT FROM pg_inherits i WHERE c.relkind = 'r' AND c.oid IN (i.inhrelid, i.inhparent)) \
     AND NOT EXISTS (SELECT FROM pg_attribute v LEFT JOIN pg_attrdef e ON e.adrelid = v.attrelid AND e.adnum = v.attnum \
         WHERE v.attrelid = a.attrelid \
         AND (v.attidentity <> '' OR pg_get_expr(e.adbin, e.adrelid) ~* 'now\\(|current_|random|nextval|clock|gen_') \
         AND (v.attnum = a.attnum OR EXISTS (SELECT FROM pg_depend p WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid \
             AND p.refobjid = a.attrelid AND p.refobjsubid = v.attnum)))";
const EACH_TABLE: &str = "GROUP BY c.oid, c.relname ORDER BY c.relname";

/// Queries, and the rows that they give, sorted.
pub(crate) type Rows = Vec<(String, Vec<String>)>;

impl Acts {
    /// What plain DDL makes of the rows that are there. None if it cannot be run over them.
    pub(crate) async fn rows_in_plain(&self, draft: &[(&'static str, String)]) -> Option<Rows> {
        if takes_partitions(draft) {
            return None;
        }
        let copy = self.pair.in_tried_live().await;
        for (_, statement) in draft {
            copy.try_ask(statement).await.ok()?;
        }
        let queries = copy.ask(&format!("{ROWS} {THE_SAME_IN_PLAIN} {EACH_TABLE}")).await;
        rows_of(&copy, queries).await.ok()
    }

    /// All rows that an edition shows.
    pub(crate) async fn rows_in(&self, edition: &str) -> Result<Rows, Stop> {
        let queries = self.pair.in_blueprint(edition).await.ask(&format!("{ROWS} {EACH_TABLE}")).await;
        rows_of(&self.pair.in_edition(edition).await.session, queries).await
    }

    /// The edition shows these rows.
    pub(crate) async fn same_rows(&self, what: &str, edition: &str, should: Rows) -> Result<(), Stop> {
        let place = self.pair.in_edition(edition).await;
        let queries = should.iter().map(|(query, _)| query.clone()).collect();
        let are = rows_of(&place.session, queries).await?;
        for ((query, is), (_, should)) in are.iter().zip(&should) {
            if is != should {
                let lines = |of: &[String], without: &[String], sign: &str| {
                    let lacking = of.iter().filter(|row| !without.contains(row));
                    lacking.flat_map(|row| [sign, row, "\n"]).collect::<String>()
                };
                let difference = lines(is, should, "- ") + &lines(should, is, "+ ");
                let counts = format!("{} are, {} should be", is.len(), should.len());
                return Err(Stop::Bug(format!(
                    "{what}: rows differ (- is, + should be; {counts})\n{query}\n{difference}"
                )));
            }
        }
        Ok(())
    }
}

/// Whether it has a statement that [takes a partition](takes_partition).
pub(crate) fn takes_partitions(draft: &[(&'static str, String)]) -> bool {
    draft.iter().any(|(kind, _)| takes_partition(kind))
}

/// Whether statements of this kind drop or detach a partition, which keeps its rows where they are until retire.
pub(crate) fn takes_partition(kind: &str) -> bool {
    ["drop partition", "detach partition"].contains(&kind)
}

async fn rows_of(session: &Session, queries: Vec<String>) -> Result<Rows, Stop> {
    let mut found = Vec::new();
    for query in queries {
        let answer =
            session.try_ask(&query).await.map_err(|failure| format!("rows: {query}: {failure:?}"))?;
        let mut rows = answer.rows;
        rows.sort();
        found.push((query, rows));
    }
    Ok(found)
}
