//! `CREATE TEMP TABLE x (LIKE t INCLUDING …)` where `t` is an editioning view, of which PostgreSQL would copy names and types alone. A procedure of ours runs the
//! statement with the edition's columns in the place of LIKE, and gives the table what else it shall have.

use std::ops::Range;

use catalog::{
    model::Name,
    sql,
    sql::{
        Literal,
        parser::{Node, nodes},
    },
};

use super::{analysis::Analysis, command::Command};

/// What the pieces of the client's text stand between.
const QUOTE: &str = "$edition$";

/// How a piece must not end, nor anything in it begin: the quote would end too early, as behind a name `x$edition`.
const NOT_WITHIN: &str = "$edition";

/// How many words stand before the name at most: `CREATE LOCAL TEMP TABLE IF NOT EXISTS`.
const WORDS_BEFORE_NAME: usize = 7;

/// Puts a call of our procedure in the place of the statement, if it copies from an editioning view.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, create: &'t nodes::CreateStmt) {
    if analysis.snapshot.is_at_rest() {
        return;
    }
    let parts = create.table_elts().into_iter();
    let clauses: Vec<Clause> = parts.filter_map(|part| Clause::of(analysis, part)).collect();
    if clauses.is_empty() {
        return;
    }
    let Some((statement, made)) = statement(analysis, create) else { return };
    if analysis.tokens_as_written(&statement).is_none_or(|text| text.contains(NOT_WITHIN)) {
        return;
    }
    analysis.reads_literals();
    let opening = sql!("CALL edition.create_table_like({}, ARRAY[", Literal(&made));
    analysis.splice(statement.start..statement.start, format!("{}{QUOTE}", opening.as_str()));
    for clause in clauses {
        let between =
            sql!(", {}, {}, ", Literal(&clause.relation), Literal(&clause.options.to_string())).to_string();
        analysis.claim(clause.tokens.start + 1);
        analysis.splice(clause.tokens, format!("{QUOTE}{between}{QUOTE}"));
    }
    if let Some(last) = statement.end.checked_sub(1)
        && let Some(written) = analysis.written(last)
    {
        analysis.splice(last..statement.end, format!("{written}{QUOTE}])"));
        analysis.stands_for(Command::CreateTable);
    }
}

/// A LIKE of an editioning view.
struct Clause {
    /// From LIKE to the last of its options.
    tokens: Range<usize>,
    /// The view, as the session can name it.
    relation: String,
    /// As the parse tree has them.
    options: u32,
}

impl Clause {
    fn of<'t>(analysis: &Analysis<'t>, part: Node<'t>) -> Option<Self> {
        let Node::TableLikeClause(like) = part else { return None };
        let named = like.relation()?;
        let view = analysis.view(named)?;
        let name = analysis.relation_tokens(named)?;
        let start = name.start.checked_sub(1).filter(|start| analysis.word_at(*start, "like"))?;
        let mut end = name.end;
        while analysis.word_at(end, "including") || analysis.word_at(end, "excluding") {
            end += 2;
        }
        let bare = Name::new(named.relname()?).ok()?.quoted().to_string();
        let relation = match named.schemaname() {
            Some(_) => format!("{}.{bare}", view.schema.quoted()),
            None => bare,
        };
        Some(Self { tokens: start..end, relation, options: like.options })
    }
}

/// The tokens of the statement, without the semicolon, and the name of the temporary table.
fn statement<'t>(analysis: &Analysis<'t>, create: &'t nodes::CreateStmt) -> Option<(Range<usize>, String)> {
    let named = create.relation()?;
    let name = analysis.relation_tokens(named)?;
    let start = (name.start.saturating_sub(WORDS_BEFORE_NAME)..name.start)
        .rev()
        .find(|at| analysis.word_at(*at, "create"))?;
    let is_over = |at: &usize| *at >= analysis.tokens.len() || analysis.symbol_at(*at, b';');
    let end = (name.end..=analysis.tokens.len()).find(is_over)?;
    let made = Name::new(named.relname()?).ok()?;
    Some((start..end, format!("pg_temp.{}", made.quoted())))
}
