//! How PostgreSQL names what a query puts out, where the query does not say (`FigureColname` of parse_target.c).

use catalog::sql::parser::{
    Node, name_parts, nodes,
    raw::{A_Expr_Kind, MinMaxOp, SQLValueFunctionOp, SubLinkType},
};

/// Whether one of the columns that `select` puts out has this name.
pub(in super::super) fn has_output(select: &nodes::SelectStmt, name: &str) -> bool {
    select.target_list().iter().any(|target| output_name(target).as_deref() == Some(name))
}

/// The names of the columns of a query; `None` if they are not all known.
pub(super) fn output_names(query: Node<'_>) -> Option<Vec<String>> {
    let select = first_part(query)?;
    if let Some(Node::NodeList(row)) = select.values_lists().first() {
        return Some((1..=row.len()).map(|at| format!("column{at}")).collect());
    }
    select.target_list().iter().map(output_name).collect()
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

/// The name of one column that a query puts out; `None` if it cannot be told.
fn output_name(target: &nodes::ResTarget) -> Option<String> {
    let mut target = target;
    // casts and CASE name what has no name of its own, the outermost of them
    let mut fallback: Option<&str> = None;
    let mut node = target.val();
    loop {
        if let Some(name) = target.name() {
            return Some(name.to_owned());
        }
        let named = match node {
            Node::TypeCast(cast) => {
                fallback =
                    fallback.or(cast.type_name().and_then(|name| name.names().iter().next_back()?.sval()));
                node = cast.arg();
                continue;
            }
            Node::CaseExpr(case) => {
                fallback = fallback.or(Some("case"));
                node = case.defresult();
                continue;
            }
            Node::CollateClause(collate) => {
                node = collate.arg();
                continue;
            }
            Node::A_Indirection(indirection) if ends_with_star(indirection.indirection()) => return None,
            Node::A_Indirection(indirection) => {
                let Some(field) = name_parts(indirection.indirection()).last().copied() else {
                    node = indirection.arg();
                    continue;
                };
                Some(field)
            }
            // a sub-select is called as its one column is
            Node::SubLink(link) if link.sub_link_type == SubLinkType::EXPR_SUBLINK => {
                match first_output(link.subselect())? {
                    FirstOutput::Value => return Some("column1".to_owned()),
                    FirstOutput::Target(inner) => (target, node, fallback) = (inner, inner.val(), None),
                }
                continue;
            }
            node => match own_name(node) {
                OwnName::Is(name) => Some(name),
                OwnName::Nameless => None,
                OwnName::Unknown => return None,
            },
        };
        return Some(named.or(fallback).unwrap_or(NAMELESS).to_owned());
    }
}

/// What PostgreSQL calls that which nothing names.
const NAMELESS: &str = "?column?";

/// The name that an expression has by its kind.
enum OwnName<'t> {
    Is(&'t str),
    Nameless,
    /// It may have one.
    Unknown,
}

fn own_name(expression: Node<'_>) -> OwnName<'_> {
    let name = match expression {
        Node::ColumnRef(column) if !ends_with_star(column.fields()) => {
            name_parts(column.fields()).last().copied()
        }
        Node::FuncCall(call) => name_parts(call.funcname()).last().copied(),
        Node::A_Expr(expr) => (expr.kind == A_Expr_Kind::AEXPR_NULLIF).then_some("nullif"),
        Node::SubLink(link) => match link.sub_link_type {
            SubLinkType::EXISTS_SUBLINK => Some("exists"),
            SubLinkType::ARRAY_SUBLINK => Some("array"),
            _ => None,
        },
        Node::GroupingFunc(_) => Some("grouping"),
        Node::A_ArrayExpr(_) => Some("array"),
        Node::RowExpr(_) => Some("row"),
        Node::CoalesceExpr(_) => Some("coalesce"),
        Node::MinMaxExpr(expr) => Some(if expr.op == MinMaxOp::IS_GREATEST { "greatest" } else { "least" }),
        Node::SQLValueFunction(call) => value_function(call.op),
        Node::XmlSerialize(_) => Some("xmlserialize"),
        // what CASE gives without ELSE, too
        Node::None
        | Node::A_Const(_)
        | Node::ParamRef(_)
        | Node::BoolExpr(_)
        | Node::NullTest(_)
        | Node::BooleanTest(_) => None,
        _ => return OwnName::Unknown,
    };
    name.map_or(OwnName::Nameless, OwnName::Is)
}

fn value_function(operation: SQLValueFunctionOp::Type) -> Option<&'static str> {
    Some(match operation {
        SQLValueFunctionOp::SVFOP_CURRENT_DATE => "current_date",
        SQLValueFunctionOp::SVFOP_CURRENT_TIME | SQLValueFunctionOp::SVFOP_CURRENT_TIME_N => "current_time",
        SQLValueFunctionOp::SVFOP_CURRENT_TIMESTAMP | SQLValueFunctionOp::SVFOP_CURRENT_TIMESTAMP_N => {
            "current_timestamp"
        }
        SQLValueFunctionOp::SVFOP_LOCALTIME | SQLValueFunctionOp::SVFOP_LOCALTIME_N => "localtime",
        SQLValueFunctionOp::SVFOP_LOCALTIMESTAMP | SQLValueFunctionOp::SVFOP_LOCALTIMESTAMP_N => {
            "localtimestamp"
        }
        SQLValueFunctionOp::SVFOP_CURRENT_ROLE => "current_role",
        SQLValueFunctionOp::SVFOP_CURRENT_USER => "current_user",
        SQLValueFunctionOp::SVFOP_USER => "user",
        SQLValueFunctionOp::SVFOP_SESSION_USER => "session_user",
        SQLValueFunctionOp::SVFOP_CURRENT_CATALOG => "current_catalog",
        SQLValueFunctionOp::SVFOP_CURRENT_SCHEMA => "current_schema",
        _ => return None,
    })
}

/// The first column of a query.
enum FirstOutput<'t> {
    /// Of VALUES.
    Value,
    Target(&'t nodes::ResTarget),
}

fn first_output(query: Node<'_>) -> Option<FirstOutput<'_>> {
    let select = first_part(query)?;
    if select.values_lists().first().is_some() {
        return Some(FirstOutput::Value);
    }
    select.target_list().iter().next().map(FirstOutput::Target)
}

/// The part of a set operation that names its columns.
fn first_part(query: Node<'_>) -> Option<&nodes::SelectStmt> {
    let Node::SelectStmt(mut select) = query else { return None };
    while let Some(left) = select.larg() {
        select = left;
    }
    Some(select)
}

fn ends_with_star<'a>(fields: impl IntoIterator<Item = Node<'a>>) -> bool {
    fields.into_iter().last().is_some_and(|field| matches!(field, Node::A_Star(_)))
}
