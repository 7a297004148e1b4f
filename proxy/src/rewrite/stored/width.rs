//! How many columns a query puts out, where that follows from what is known of the edition's tables and from the query itself: what an INSERT into a table must list that it did
//! not have to list for a view.

use std::cell::Cell;

use catalog::sql::parser::{
    Node, nodes,
    raw::{JoinType, SetOperation},
};

use super::super::scope::{Scopes, Shape, Source};

/// What is nested deeper is not looked into, nor what takes more steps: a CTE may be named twice in each that follows it.
const DEPTH_MAX: usize = 24;
const STEPS_MAX: usize = 2_000;

/// The CTEs that are visible, the innermost last; each with how many of these it sees itself.
type Ctes<'t> = Vec<(&'t nodes::CommonTableExpr, usize)>;

struct Widths<'s, 't> {
    scopes: &'s Scopes<'t>,
    steps: Cell<usize>,
}

/// The columns of the rows that `insert` takes; `None` if they cannot be counted.
pub(super) fn of_rows<'t>(scopes: &Scopes<'t>, insert: &'t nodes::InsertStmt) -> Option<usize> {
    let widths = Widths { scopes, steps: Cell::new(STEPS_MAX) };
    let mut ctes = Ctes::new();
    see(&mut ctes, insert.with_clause());
    widths.query(insert.select_stmt(), &ctes, DEPTH_MAX)
}

/// Adds what a WITH makes visible.
fn see<'t>(ctes: &mut Ctes<'t>, with: Option<&'t nodes::WithClause>) {
    let Some(with) = with else { return };
    let all = ctes.len() + with.ctes().len();
    for cte in with.ctes() {
        ctes.push((cte, if with.recursive { all } else { ctes.len() }));
    }
}

impl<'t> Widths<'_, 't> {
    fn query(&self, query: Node<'t>, ctes: &Ctes<'t>, depth: usize) -> Option<usize> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        let depth = depth.checked_sub(1)?;
        let mut ctes = ctes.clone();
        let (outputs, from): (Vec<Node<'t>>, Vec<Node<'t>>) = match query {
            Node::SelectStmt(mut select) => {
                see(&mut ctes, select.with_clause());
                while let (true, Some(left)) = (select.op != SetOperation::SETOP_NONE, select.larg()) {
                    select = left;
                    see(&mut ctes, select.with_clause());
                }
                if let Some(Node::NodeList(row)) = select.values_lists().first() {
                    let stars = row.iter().any(is_star);
                    return (!stars).then_some(row.len());
                }
                let outputs = select.target_list().iter().map(nodes::ResTarget::val);
                (outputs.collect(), select.from_clause().iter().collect())
            }
            Node::InsertStmt(insert) => (
                returned(insert.returning_clause()),
                insert.relation().map(Node::RangeVar).into_iter().collect(),
            ),
            Node::UpdateStmt(update) => {
                let from = update.relation().map(Node::RangeVar).into_iter().chain(update.from_clause());
                (returned(update.returning_clause()), from.collect())
            }
            Node::DeleteStmt(delete) => {
                let from = delete.relation().map(Node::RangeVar).into_iter().chain(delete.using_clause());
                (returned(delete.returning_clause()), from.collect())
            }
            _ => return None,
        };
        outputs.into_iter().map(|output| self.output(output, &from, &ctes, depth)).sum()
    }

    /// The columns that an entry of a target list stands for.
    fn output(&self, output: Node<'t>, from: &[Node<'t>], ctes: &Ctes<'t>, depth: usize) -> Option<usize> {
        if !is_star(output) {
            return Some(1);
        }
        let Node::ColumnRef(column) = output else { return None };
        match Shape::of(column)? {
            Shape::Star => from.iter().map(|item| self.item(*item, ctes, depth)).sum(),
            Shape::QualifiedStar(name) => self.called(name, from, ctes, depth),
            _ => None,
        }
    }

    /// What stands in FROM under a name.
    fn called(&self, name: &str, from: &[Node<'t>], ctes: &Ctes<'t>, depth: usize) -> Option<usize> {
        let mut stack = from.to_vec();
        while let Some(node) = stack.pop() {
            let alias = match node {
                Node::RangeVar(named) => named.alias().map_or(named.relname(), nodes::Alias::aliasname),
                Node::RangeSubselect(range) => range.alias().and_then(nodes::Alias::aliasname),
                Node::JoinExpr(join) => {
                    // one with an alias hides what it joins
                    if join.alias().is_none() {
                        stack.extend([join.larg(), join.rarg()]);
                    }
                    join.alias().and_then(nodes::Alias::aliasname)
                }
                _ => None,
            };
            if alias == Some(name) {
                return self.item(node, ctes, depth);
            }
        }
        None
    }

    /// The columns of something in FROM.
    fn item(&self, item: Node<'t>, ctes: &Ctes<'t>, depth: usize) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        match item {
            Node::RangeVar(named) => self.relation(named, ctes, depth),
            Node::RangeTableSample(sample) => self.item(sample.relation(), ctes, depth),
            Node::RangeSubselect(range) => self.query(range.subquery(), ctes, depth),
            Node::JoinExpr(join) if !join.is_natural && join.jointype <= JoinType::JOIN_RIGHT => {
                let both = self.item(join.larg(), ctes, depth)? + self.item(join.rarg(), ctes, depth)?;
                both.checked_sub(join.using_clause().len())
            }
            _ => None,
        }
    }

    fn relation(&self, named: &'t nodes::RangeVar, ctes: &Ctes<'t>, depth: usize) -> Option<usize> {
        let view = self.scopes.items.iter().find_map(|item| match item.source {
            Source::View { view, named: here, .. } if std::ptr::eq(here, named) => Some(view),
            _ => None,
        });
        if let Some(view) = view {
            return Some(view.columns.len());
        }
        let is_meant = |(cte, _): &&(&'t nodes::CommonTableExpr, usize)| cte.ctename() == named.relname();
        let (cte, seen) = ctes.iter().rev().find(is_meant).filter(|_| named.schemaname().is_none())?;
        if cte.search_clause().is_some() || cte.cycle_clause().is_some() {
            return None;
        }
        let seen: Ctes<'t> = ctes.iter().take(*seen).copied().collect();
        self.query(cte.ctequery(), &seen, depth)
    }
}

fn returned(returning: Option<&nodes::ReturningClause>) -> Vec<Node<'_>> {
    let entries = returning.into_iter().flat_map(nodes::ReturningClause::exprs);
    entries
        .map(|entry| match entry {
            Node::ResTarget(output) => output.val(),
            other => other,
        })
        .collect()
}

/// Whether an entry of a list stands for columns that it does not name.
fn is_star(output: Node<'_>) -> bool {
    let ends = |last: Option<Node<'_>>| matches!(last, Some(Node::A_Star(_)));
    match output {
        Node::ColumnRef(column) => ends(column.fields().iter().next_back()),
        Node::A_Indirection(indirection) => ends(indirection.indirection().iter().next_back()),
        _ => false,
    }
}
