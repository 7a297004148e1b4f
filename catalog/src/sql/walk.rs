//! The children of a parse-tree node, one level at a time. Callers keep their own stack of nodes, so that a text of fifty
//! thousand nested operators costs memory and not the thread's stack.

use super::parser::{Node, nodes};

/// Gives each direct child of `node` to `visit`, lists taken apart. Covers what can stand in a query or in a
/// data-changing statement, and the utility statements that hold such; other nodes (DDL) have no children here.
pub fn children<'a>(node: Node<'a>, visit: &mut dyn FnMut(Node<'a>)) {
    let mut to = Sink(visit);
    match node {
        Node::NodeList(list) => to.all(list),
        Node::SelectStmt(select) => select_children(select, &mut to),
        Node::InsertStmt(insert) => {
            to.one(insert.with_clause());
            to.one(insert.relation());
            to.all(insert.cols());
            to.one(insert.select_stmt());
            to.one(insert.on_conflict_clause());
            to.one(insert.returning_clause());
        }
        Node::UpdateStmt(update) => {
            to.one(update.with_clause());
            to.one(update.relation());
            to.all(update.target_list());
            to.all(update.from_clause());
            to.one(update.where_clause());
            to.one(update.returning_clause());
        }
        Node::DeleteStmt(delete) => {
            to.one(delete.with_clause());
            to.one(delete.relation());
            to.all(delete.using_clause());
            to.one(delete.where_clause());
            to.one(delete.returning_clause());
        }
        Node::MergeStmt(merge) => {
            to.one(merge.with_clause());
            to.one(merge.relation());
            to.one(merge.source_relation());
            to.one(merge.join_condition());
            to.all(merge.merge_when_clauses());
            to.one(merge.returning_clause());
        }
        Node::MergeWhenClause(when) => {
            to.one(when.condition());
            to.all(when.target_list());
            to.all(when.values());
        }
        Node::WithClause(with) => to.all(with.ctes()),
        Node::CommonTableExpr(cte) => {
            to.one(cte.ctequery());
            if let Some(cycle) = cte.cycle_clause() {
                to.one(cycle.cycle_mark_value());
                to.one(cycle.cycle_mark_default());
            }
        }
        Node::ReturningClause(returning) => to.all(returning.exprs()),
        Node::OnConflictClause(conflict) => {
            to.one(conflict.infer());
            to.all(conflict.target_list());
            to.one(conflict.where_clause());
        }
        Node::InferClause(infer) => {
            to.all(infer.index_elems());
            to.one(infer.where_clause());
        }
        Node::IndexElem(element) => to.one(element.expr()),
        Node::IntoClause(into) => to.one(into.rel()),
        Node::LockingClause(locking) => to.all(locking.locked_rels()),
        Node::PrepareStmt(prepare) => {
            to.all(prepare.argtypes());
            to.one(prepare.query());
        }
        Node::ExecuteStmt(execute) => to.all(execute.params()),
        Node::ExplainStmt(explain) => to.one(explain.query()),
        Node::DeclareCursorStmt(declare) => to.one(declare.query()),
        Node::CreateTableAsStmt(create) => {
            to.one(create.into());
            to.one(create.query());
        }
        Node::ViewStmt(view) => {
            to.one(view.view());
            to.one(view.query());
        }
        Node::CopyStmt(copy) => {
            to.one(copy.relation());
            to.one(copy.query());
            to.one(copy.where_clause());
        }
        Node::CallStmt(call) => to.one(call.funccall()),
        _ => {
            from_clause_children(node, &mut to);
            expression_children(node, &mut to);
            json_children(node, &mut to);
        }
    }
}

/// Calls `visit` for `root` and everything below it, in no particular order.
pub fn walk<'a>(root: Node<'a>, mut visit: impl FnMut(Node<'a>)) {
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        visit(node);
        children(node, &mut |child| stack.push(child));
    }
}

struct Sink<'f, 'a>(&'f mut dyn FnMut(Node<'a>));

impl<'a> Sink<'_, 'a> {
    fn one(&mut self, child: impl Into<Node<'a>>) {
        match child.into() {
            Node::None => {}
            child => (self.0)(child),
        }
    }

    fn all<T: Into<Node<'a>>>(&mut self, list: impl IntoIterator<Item = T>) {
        for child in list {
            self.one(child);
        }
    }
}

fn select_children<'a>(select: &'a nodes::SelectStmt, to: &mut Sink<'_, 'a>) {
    to.one(select.with_clause());
    to.one(select.larg());
    to.one(select.rarg());
    to.all(select.distinct_clause());
    to.one(select.into_clause());
    to.all(select.target_list());
    to.all(select.from_clause());
    to.one(select.where_clause());
    to.all(select.group_clause());
    to.one(select.having_clause());
    to.all(select.window_clause());
    to.all(select.values_lists());
    to.all(select.sort_clause());
    to.one(select.limit_offset());
    to.one(select.limit_count());
    to.all(select.locking_clause());
}

fn from_clause_children<'a>(node: Node<'a>, to: &mut Sink<'_, 'a>) {
    match node {
        Node::JoinExpr(join) => {
            to.one(join.larg());
            to.one(join.rarg());
            to.one(join.quals());
        }
        Node::RangeSubselect(range) => to.one(range.subquery()),
        Node::RangeFunction(range) => {
            to.all(range.functions());
            to.all(range.coldeflist());
        }
        Node::RangeTableSample(range) => {
            to.one(range.relation());
            to.all(range.args());
            to.one(range.repeatable());
        }
        Node::RangeTableFunc(range) => {
            to.one(range.docexpr());
            to.one(range.rowexpr());
            to.all(range.namespaces());
            to.all(range.columns());
        }
        Node::RangeTableFuncCol(column) => {
            to.one(column.type_name());
            to.one(column.colexpr());
            to.one(column.coldefexpr());
        }
        Node::ColumnDef(column) => {
            to.one(column.type_name());
            to.one(column.raw_default());
            to.one(column.coll_clause());
        }
        _ => {}
    }
}

fn expression_children<'a>(node: Node<'a>, to: &mut Sink<'_, 'a>) {
    match node {
        Node::ResTarget(target) => {
            to.all(target.indirection());
            to.one(target.val());
        }
        Node::MultiAssignRef(reference) => to.one(reference.source()),
        Node::A_Expr(expr) => {
            to.one(expr.lexpr());
            to.one(expr.rexpr());
        }
        Node::BoolExpr(expr) => to.all(expr.args()),
        Node::FuncCall(call) => {
            to.all(call.args());
            to.all(call.agg_order());
            to.one(call.agg_filter());
            to.one(call.over());
        }
        Node::WindowDef(window) => {
            to.all(window.partition_clause());
            to.all(window.order_clause());
            to.one(window.start_offset());
            to.one(window.end_offset());
        }
        Node::NamedArgExpr(argument) => to.one(argument.arg()),
        Node::SortBy(sort) => to.one(sort.node()),
        Node::GroupingSet(set) => to.all(set.content()),
        Node::GroupingFunc(grouping) => to.all(grouping.args()),
        Node::SubLink(link) => {
            to.one(link.testexpr());
            to.one(link.subselect());
        }
        Node::CaseExpr(case) => {
            to.one(case.arg());
            to.all(case.args());
            to.one(case.defresult());
        }
        Node::CaseWhen(when) => {
            to.one(when.expr());
            to.one(when.result());
        }
        Node::RowExpr(row) => to.all(row.args()),
        Node::CoalesceExpr(expr) => to.all(expr.args()),
        Node::MinMaxExpr(expr) => to.all(expr.args()),
        Node::NullTest(test) => to.one(test.arg()),
        Node::BooleanTest(test) => to.one(test.arg()),
        Node::TypeCast(cast) => {
            to.one(cast.arg());
            to.one(cast.type_name());
        }
        Node::TypeName(name) => {
            to.all(name.typmods());
            to.all(name.array_bounds());
        }
        Node::CollateClause(collate) => to.one(collate.arg()),
        Node::A_Indices(indices) => {
            to.one(indices.lidx());
            to.one(indices.uidx());
        }
        Node::A_Indirection(indirection) => {
            to.one(indirection.arg());
            to.all(indirection.indirection());
        }
        Node::A_ArrayExpr(array) => to.all(array.elements()),
        Node::XmlExpr(xml) => {
            to.all(xml.named_args());
            to.all(xml.args());
        }
        Node::XmlSerialize(xml) => {
            to.one(xml.expr());
            to.one(xml.type_name());
        }
        _ => {}
    }
}

fn json_children<'a>(node: Node<'a>, to: &mut Sink<'_, 'a>) {
    match node {
        Node::JsonValueExpr(value) => to.one(value.raw_expr()),
        Node::JsonOutput(output) => to.one(output.type_name()),
        Node::JsonArgument(argument) => to.one(argument.val()),
        Node::JsonBehavior(behaviour) => to.one(behaviour.expr()),
        Node::JsonIsPredicate(predicate) => to.one(predicate.expr()),
        Node::JsonParseExpr(parse) => {
            to.one(parse.expr());
            to.one(parse.output());
        }
        Node::JsonScalarExpr(scalar) => {
            to.one(scalar.expr());
            to.one(scalar.output());
        }
        Node::JsonSerializeExpr(serialize) => {
            to.one(serialize.expr());
            to.one(serialize.output());
        }
        Node::JsonFuncExpr(call) => {
            to.one(call.context_item());
            to.one(call.pathspec());
            to.all(call.passing());
            to.one(call.output());
            to.one(call.on_empty());
            to.one(call.on_error());
        }
        Node::JsonTable(table) => {
            to.one(table.context_item());
            to.one(table.pathspec());
            to.all(table.passing());
            to.all(table.columns());
            to.one(table.on_error());
        }
        Node::JsonTablePathSpec(path) => to.one(path.string()),
        Node::JsonTableColumn(column) => {
            to.one(column.type_name());
            to.one(column.pathspec());
            to.all(column.columns());
            to.one(column.on_empty());
            to.one(column.on_error());
        }
        Node::JsonKeyValue(pair) => {
            to.one(pair.key());
            to.one(pair.value());
        }
        Node::JsonObjectConstructor(object) => {
            to.all(object.exprs());
            to.one(object.output());
        }
        Node::JsonArrayConstructor(array) => {
            to.all(array.exprs());
            to.one(array.output());
        }
        Node::JsonArrayQueryConstructor(array) => {
            to.one(array.query());
            to.one(array.output());
        }
        Node::JsonObjectAgg(aggregate) => {
            to.one(aggregate.arg());
            to.one(aggregate.constructor());
        }
        Node::JsonArrayAgg(aggregate) => {
            to.one(aggregate.arg());
            to.one(aggregate.constructor());
        }
        Node::JsonAggConstructor(constructor) => {
            to.one(constructor.output());
            to.all(constructor.agg_order());
            to.one(constructor.agg_filter());
            to.one(constructor.over());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::parser::Tree;

    /// The binding's own Debug prints the whole tree, so it says how many nodes of a kind there are.
    #[test]
    fn every_name_in_a_query_is_reached() {
        let texts = [
            "WITH a AS (SELECT x FROM t1), b AS MATERIALIZED (DELETE FROM t2 USING t3 WHERE y RETURNING z)
             SELECT DISTINCT ON (c) f(d) FILTER (WHERE e), count(*) OVER (PARTITION BY g ORDER BY h) FROM a JOIN b USING (i)
             LEFT JOIN LATERAL (SELECT j FROM t4) k ON l, ROWS FROM (g(m)) AS q(n int), t5 TABLESAMPLE system (o)
             WHERE p = ANY (SELECT q FROM t6) GROUP BY ROLLUP (r, s) HAVING t > u WINDOW w AS (ORDER BY v)
             ORDER BY w LIMIT x OFFSET y FOR UPDATE OF t5",
            "SELECT a FROM t1 UNION SELECT b FROM t2 EXCEPT (VALUES (c), (d))",
            "INSERT INTO t1 (a[b]) SELECT c FROM t2 ON CONFLICT (lower(d)) WHERE e DO UPDATE SET f = g WHERE h RETURNING i",
            "UPDATE t1 SET (a, b) = (SELECT c, d FROM t2), e[f] = g FROM t3 WHERE h RETURNING i::public.mood(3)",
            "MERGE INTO t1 USING (SELECT a FROM t2) s ON b WHEN MATCHED AND c THEN UPDATE SET d = e
             WHEN NOT MATCHED THEN INSERT VALUES (f)",
            "SELECT CASE a WHEN b THEN c ELSE d END, ROW(e, f), COALESCE(g, h), GREATEST(i), ARRAY[j], k[l:m], (n).o, p IS NULL,
             q IS TRUE, r COLLATE \"C\", CAST(s AS numeric(t)), u::int, GROUPING(v), x BETWEEN y AND z, f(a => b), w AT TIME ZONE c",
            "SELECT xmlelement(name n, xmlattributes(a AS b), c), xmlserialize(content d AS text), xmlparse(document e)",
            "SELECT JSON_OBJECT(a: b), JSON_ARRAY(c, d), JSON_ARRAY(SELECT e FROM t1), JSON_OBJECTAGG(f: g), JSON_ARRAYAGG(h ORDER BY i),
             JSON_VALUE(j, '$' PASSING k AS x DEFAULT l ON EMPTY), m IS JSON, JSON(n), JSON_SCALAR(o), JSON_SERIALIZE(p)",
            "SELECT * FROM JSON_TABLE(a, '$' PASSING b AS x COLUMNS (c int PATH '$' DEFAULT d ON EMPTY, NESTED PATH '$' COLUMNS (e text)))",
            "SELECT * FROM XMLTABLE(XMLNAMESPACES(a AS b), c PASSING d COLUMNS e int PATH f DEFAULT g)",
            "WITH RECURSIVE a AS (SELECT b FROM t1) CYCLE b SET c TO 'd' DEFAULT 'e' USING f SELECT g FROM a",
            "PREPARE p (public.mood) AS SELECT a FROM t1",
            "EXPLAIN (ANALYZE) SELECT a FROM t1",
            "DECLARE c CURSOR FOR SELECT a FROM t1",
            "CREATE TEMP TABLE t1 AS SELECT a FROM t2",
            "CREATE TEMP VIEW t1 AS SELECT a FROM t2",
            "COPY (SELECT a FROM t1) TO STDOUT",
            "COPY t1 (a) FROM STDIN WHERE b",
            "CALL f(a, g(b))",
            "EXECUTE p (a, f(b))",
        ];
        for text in texts {
            let tree = Tree::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            for root in tree.statements() {
                let printed = format!("{root:?}");
                let mut seen = [0; 5];
                walk(root, |node| match node {
                    Node::ColumnRef(_) => seen[0] += 1,
                    Node::RangeVar(_) => seen[1] += 1,
                    Node::FuncCall(_) => seen[2] += 1,
                    Node::TypeName(_) => seen[3] += 1,
                    Node::A_Const(_) => seen[4] += 1,
                    _ => {}
                });
                let kinds = ["ColumnRef {", "RangeVar {", "FuncCall {", "TypeName {", "A_Const {"];
                assert_eq!(seen, kinds.map(|kind| printed.matches(kind).count()), "{text}\n{printed}");
            }
        }
    }

    #[test]
    fn fifty_thousand_operators_do_not_exhaust_the_stack() {
        let tree = Tree::parse(&format!("SELECT 1{}", " + a".repeat(50_000))).unwrap();
        let mut columns = 0;
        walk(tree.statements().next().unwrap(), |node| {
            columns += i32::from(matches!(node, Node::ColumnRef(_)));
        });
        assert_eq!(columns, 50_000);
    }
}
