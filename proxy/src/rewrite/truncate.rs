//! `TRUNCATE`, which PostgreSQL does not take on a view: the physical table is emptied. Everything else in the statement
//! (`ONLY`, `RESTART IDENTITY`, `CASCADE`) means the same there.

use catalog::{
    sql,
    sql::parser::{Node, nodes},
};

use super::{
    analysis::Analysis,
    names::{self, Position},
};

/// Puts physical tables in the place of views.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, truncate: &'t nodes::TruncateStmt) {
    for relation in truncate.relations() {
        let Node::RangeVar(named) = relation else { continue };
        match (analysis.view(named), analysis.relation_tokens(named)) {
            (Some(view), Some(tokens)) => {
                let physical = sql!("{}.{}", view.physical_schema, view.physical_name);
                analysis.splice(tokens, physical.to_string());
            }
            _ => names::relation(analysis, named, Position::Unknown),
        }
    }
}
