//! How PostgreSQL names what a query puts out, where the query does not say (`FigureColname` of parse_target.c).

use catalog::sql::parser::{Node, name_parts, nodes};

/// Whether one of the columns that `select` puts out has this name.
pub(in super::super) fn has_output(select: &nodes::SelectStmt, name: &str) -> bool {
    select.target_list().iter().any(|target| output_name(target).as_deref() == Some(name))
}

/// The names of the columns of a query; `None` if they are not all known.
pub(in super::super) fn output_names(query: Node<'_>) -> Option<Vec<String>> {
    let Node::SelectStmt(mut select) = query else { return None };
    while let Some(left) = select.larg() {
        select = left;
    }
    if let Some(Node::NodeList(row)) = select.values_lists().first() {
        return Some((1..=row.len()).map(|at| format!("column{at}")).collect());
    }
    select
        .target_list()
        .iter()
        .map(|target| match target.val() {
            Node::ColumnRef(column) if ends_with_star(column.fields()) => None,
            Node::A_Indirection(indirection) if ends_with_star(indirection.indirection()) => None,
            _ => Some(output_name(target).unwrap_or_else(|| "?column?".to_owned())),
        })
        .collect()
}

/// The reference whose name an output column takes, looked for in the expression of the output.
pub(in super::super) fn naming_reference(expression: Node<'_>) -> Option<&nodes::ColumnRef> {
    let mut node = expression;
    loop {
        node = match node {
            Node::ColumnRef(column) => {
                return (!ends_with_star(column.fields())).then_some(column);
            }
            // a field gives its own name, a subscript does not
            Node::A_Indirection(indirection)
                if indirection.indirection().iter().all(|part| part.as_str().is_none()) =>
            {
                indirection.arg()
            }
            Node::TypeCast(cast) => cast.arg(),
            Node::CollateClause(collate) => collate.arg(),
            Node::CaseExpr(case) => case.defresult(),
            _ => return None,
        };
    }
}

fn output_name(target: &nodes::ResTarget) -> Option<String> {
    if let Some(name) = target.name() {
        return Some(name.to_owned());
    }
    let mut node = target.val();
    let mut type_name = None;
    loop {
        let name = match node {
            Node::ColumnRef(column) => name_parts(column.fields()).last().copied(),
            Node::FuncCall(call) => name_parts(call.funcname()).last().copied(),
            Node::A_Indirection(indirection) => {
                let field = name_parts(indirection.indirection()).last().copied();
                if field.is_none() {
                    node = indirection.arg();
                    continue;
                }
                field
            }
            Node::CollateClause(collate) => {
                node = collate.arg();
                continue;
            }
            Node::TypeCast(cast) => {
                // what has no name is called by the outermost type that it is cast to
                let casts_to = cast.type_name().and_then(|name| name.names().iter().next_back()?.sval());
                type_name = type_name.or(casts_to);
                node = cast.arg();
                continue;
            }
            _ => None,
        };
        return name.or(type_name).map(str::to_owned);
    }
}

fn ends_with_star<'a>(fields: impl IntoIterator<Item = Node<'a>>) -> bool {
    fields.into_iter().last().is_some_and(|field| matches!(field, Node::A_Star(_)))
}
