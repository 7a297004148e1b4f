//! Ways back that follow from the shape of the way forth: a column taken apart by `split_part`, or columns put together with a separator.

use std::collections::BTreeMap;

use crate::{
    model::{ColumnId, Name, Table},
    sql,
    sql::{
        Literal, Sql, join,
        parser::{ConstValue, Node, Tree, name_parts},
    },
};

/// Reverse expressions (in words of the child) for columns that the child dropped.
pub(super) fn reverses(parent: &Table, child: &Table, cells: &BTreeMap<ColumnId, Sql>) -> Vec<(Name, Sql)> {
    let is_dropped =
        |name: &str| parent.column_named(name).is_some_and(|column| child.column(column.id).is_none());
    let mut parts: BTreeMap<(String, String), BTreeMap<i64, Name>> = BTreeMap::new();
    let mut found = Vec::new();
    for (id, cell) in cells {
        let Some(column) = child.column(*id).filter(|_| parent.column(*id).is_none()) else { continue };
        match shape(cell.as_str()) {
            Some(Shape::Part { whole, separator, number }) if is_dropped(&whole) => {
                parts.entry((whole, separator)).or_default().insert(number, column.name.clone());
            }
            Some(Shape::Joined { first, separator, second }) if is_dropped(&first) && is_dropped(&second) => {
                let takes_null = takes_null(parent, &second);
                found.extend(taken_apart(&column.name, (&first, &second), &separator, takes_null));
            }
            _ => {}
        }
    }
    for ((whole, separator), columns) in parts {
        let in_order = columns.keys().copied().eq(1..=i64::try_from(columns.len()).unwrap_or_default());
        let takes_null = takes_null(parent, &whole);
        if let (true, Ok(whole)) = (in_order && columns.len() > 1, Name::new(whole)) {
            let together = put_together(columns.values(), &separator);
            let nothing = join(columns.values().map(|name| sql!("{} IS NULL", name)), " AND ");
            let value = if takes_null {
                sql!("CASE WHEN {} THEN NULL ELSE {} END", nothing, together)
            } else {
                together
            };
            found.push((whole, value));
        }
    }
    found
}

fn takes_null(parent: &Table, column: &str) -> bool {
    parent.column_named(column).is_some_and(|column| !column.not_null)
}

/// An empty part at the end leaves no separator behind.
fn put_together<'a>(mut columns: impl Iterator<Item = &'a Name>, separator: &str) -> Sql {
    let first = columns.next().map_or_else(|| Sql::trusted("NULL"), |name| sql!("coalesce({}, '')", name));
    let rest = join(columns.map(|name| sql!("NULLIF({}, '')", name)), ", ");
    sql!("concat_ws({}, {}, {})", Literal(separator), first, rest)
}

/// At the first separator; what has none is all first part. `takes_null`: the second column.
fn taken_apart(
    column: &Name,
    (first, second): (&str, &str),
    separator: &str,
    takes_null: bool,
) -> Vec<(Name, Sql)> {
    let (Ok(first), Ok(second)) = (Name::new(first), Name::new(second)) else { return Vec::new() };
    let mark = Literal(separator);
    let head = sql!("split_part({}, {}, 1)", column, mark);
    let nothing = if takes_null { sql!("WHEN {} IS NULL THEN NULL ", column) } else { Sql::trusted("") };
    let tail = sql!(
        "CASE {}WHEN strpos({}, {}) > 0 THEN substr({}, strpos({}, {}) + length({})) ELSE '' END",
        nothing,
        column,
        mark,
        column,
        column,
        mark,
        mark
    );
    vec![(first, head), (second, tail)]
}

enum Shape {
    /// `split_part(whole, 'separator', number)`
    Part { whole: String, separator: String, number: i64 },
    /// `first || 'separator' || second`
    Joined { first: String, separator: String, second: String },
}

fn shape(expression: &str) -> Option<Shape> {
    let tree = Tree::parse(&format!("SELECT {expression}")).ok()?;
    tree.read(|tree| {
        let Some(Node::SelectStmt(select)) = tree.statements().next() else { return None };
        let target = select.target_list().iter().next()?;
        match target.val() {
            Node::FuncCall(call) if name_parts(call.funcname()).last() == Some(&"split_part") => {
                let arguments: Vec<Node<'_>> = call.args().iter().collect();
                let [whole, separator, number] = arguments.as_slice() else { return None };
                Some(Shape::Part {
                    whole: column(*whole)?,
                    separator: string(*separator)?,
                    number: integer(*number)?,
                })
            }
            joined @ Node::A_Expr(_) => {
                let (left, second) = concatenation(joined)?;
                let (first, separator) = concatenation(left)?;
                Some(Shape::Joined {
                    first: column(first)?,
                    separator: string(separator)?,
                    second: column(second)?,
                })
            }
            _ => None,
        }
    })
    .ok()
    .flatten()
}

fn concatenation(node: Node<'_>) -> Option<(Node<'_>, Node<'_>)> {
    match node {
        Node::A_Expr(expression) if name_parts(expression.name()) == ["||"] => {
            Some((expression.lexpr(), expression.rexpr()))
        }
        _ => None,
    }
}

fn column(node: Node<'_>) -> Option<String> {
    let Node::ColumnRef(reference) = node else { return None };
    match name_parts(reference.fields()).as_slice() {
        [name] => Some((*name).to_owned()),
        _ => None,
    }
}

fn string(node: Node<'_>) -> Option<String> {
    let Node::A_Const(constant) = node else { return None };
    match constant.val() {
        Some(ConstValue::String(text)) if !text.is_empty() => Some(text.to_owned()),
        _ => None,
    }
}

fn integer(node: Node<'_>) -> Option<i64> {
    let Node::A_Const(constant) = node else { return None };
    match constant.val() {
        Some(ConstValue::Integer(number)) => Some(i64::from(number)),
        _ => None,
    }
}
