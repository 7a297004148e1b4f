//! Names in queries: qualified ones that mean something else in this edition get its schema, names that do not exist in it
//! get PostgreSQL's error. Aliases, CTEs and columns that happen to be called the same are left alone, since only what the
//! grammar says is a relation, function or type name is looked at.

use catalog::{
    model::Name,
    snapshot::Relation,
    sql::{
        parser::{Node, name_parts, nodes},
        walk::children,
    },
};

use super::{analysis::Analysis, computed, introspection, literals};

/// One CTE name that is visible, and those outside it.
struct Scope<'t> {
    name: &'t str,
    outer: Option<usize>,
}

/// Rewrites the names in a statement and everything in it.
pub(super) fn resolve<'t>(analysis: &mut Analysis<'t>, statement: Node<'t>) {
    resolve_in(analysis, statement, introspection::is_led(statement));
}

/// The same within what the server keeps: it is not led to the reflections, which do not last.
pub(super) fn resolve_lasting<'t>(analysis: &mut Analysis<'t>, root: Node<'t>) {
    resolve_in(analysis, root, false);
}

fn resolve_in<'t>(analysis: &mut Analysis<'t>, statement: Node<'t>, reflects: bool) {
    let mut scopes: Vec<Scope<'t>> = Vec::new();
    let mut outputs = computed::Outputs::default();
    let mut stack: Vec<(Node<'t>, Option<usize>)> = vec![(statement, None)];
    while let Some((node, scope)) = stack.pop() {
        let inner = match with_clause(node) {
            Some(with) => open_scopes(analysis, with, scope, &mut scopes, &mut stack),
            None => scope,
        };
        let target = modified(node);
        if let Some(target) = target {
            // a CTE cannot be modified, so its name hides nothing here
            relation(analysis, target, Position::Shown);
        }
        match node {
            Node::RangeVar(named) if !is_hidden(&scopes, scope, named) => {
                relation(analysis, named, Position::Shown);
                if reflects {
                    introspection::relation(analysis, named);
                }
            }
            Node::ColumnRef(column) => {
                column_reference(analysis, column);
                if reflects {
                    introspection::column(analysis, column);
                }
            }
            Node::FuncCall(call) => {
                function(analysis, call);
                literals::call(analysis, call, reflects);
                if reflects && !literals::converts(call) {
                    introspection::call(analysis, call);
                }
            }
            Node::SQLValueFunction(value) if reflects => introspection::value(analysis, value),
            Node::ResTarget(output) => outputs.note(output),
            Node::TypeCast(cast) => {
                literals::cast(analysis, cast);
                if reflects {
                    computed::cast(analysis, cast, &outputs);
                }
            }
            Node::TypeName(name) => type_name(analysis, name),
            Node::A_Expr(expr) => operator(analysis, &name_parts(expr.name()), expr.location),
            Node::SubLink(link) => operator(analysis, &name_parts(link.oper_name()), link.location),
            Node::SortBy(sort) => operator(analysis, &name_parts(sort.use_op()), sort.location),
            _ => {}
        }
        children(node, &mut |child| match child {
            // done above, or new names and aliases rather than references
            Node::WithClause(_) | Node::LockingClause(_) | Node::IntoClause(_) => {}
            Node::RangeVar(named) if target.is_some_and(|target| std::ptr::eq(target, named)) => {}
            child => stack.push((child, inner)),
        });
    }
}

fn with_clause(node: Node<'_>) -> Option<&nodes::WithClause> {
    match node {
        Node::SelectStmt(select) => select.with_clause(),
        Node::InsertStmt(insert) => insert.with_clause(),
        Node::UpdateStmt(update) => update.with_clause(),
        Node::DeleteStmt(delete) => delete.with_clause(),
        Node::MergeStmt(merge) => merge.with_clause(),
        _ => None,
    }
}

/// The relation that a statement modifies.
fn modified(node: Node<'_>) -> Option<&nodes::RangeVar> {
    match node {
        Node::InsertStmt(insert) => insert.relation(),
        Node::UpdateStmt(update) => update.relation(),
        Node::DeleteStmt(delete) => delete.relation(),
        Node::MergeStmt(merge) => merge.relation(),
        _ => None,
    }
}

/// Puts the queries of the CTEs on the stack, each with the names that it sees, and gives the scope of the statement's body. A name
/// that hides nothing opens no scope: so a chain of scopes is no longer than the edition's names are many, whatever the text.
fn open_scopes<'t>(
    analysis: &Analysis<'t>,
    with: &'t nodes::WithClause,
    outer: Option<usize>,
    scopes: &mut Vec<Scope<'t>>,
    stack: &mut Vec<(Node<'t>, Option<usize>)>,
) -> Option<usize> {
    let mut visible = outer;
    let mut queries = Vec::new();
    for cte in with.ctes() {
        queries.push((Node::from(cte), visible));
        if let Some(name) = cte.ctename().filter(|name| hides_something(analysis, name)) {
            scopes.push(Scope { name, outer: visible });
            visible = Some(scopes.len() - 1);
        }
    }
    // with RECURSIVE each sees all, also those that come after it
    stack.extend(
        queries.into_iter().map(|(cte, earlier)| (cte, if with.recursive { visible } else { earlier })),
    );
    visible
}

/// Whether a CTE of this name keeps us from looking at what it would be otherwise.
fn hides_something(analysis: &Analysis<'_>, name: &str) -> bool {
    analysis.unqualified(name).is_some() || introspection::is_catalogue(analysis, name)
}

/// Whether a CTE of the same name is visible.
fn is_hidden(scopes: &[Scope<'_>], mut scope: Option<usize>, named: &nodes::RangeVar) -> bool {
    if named.schemaname().is_some() {
        return false;
    }
    while let Some(visible) = scope.and_then(|at| scopes.get(at)) {
        if Some(visible.name) == named.relname() {
            return true;
        }
        scope = visible.outer;
    }
    false
}

/// Whether PostgreSQL says where the name of a relation that does not exist stands: in queries only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    Shown,
    Unknown,
}

/// A relation that is read or written.
pub(super) fn relation(analysis: &mut Analysis<'_>, named: &nodes::RangeVar, position: Position) {
    let Some(found) = analysis.relation(named) else { return };
    let first = analysis.token_at(named.location);
    if analysis.is_claimed(first) {
        return;
    }
    let first = first.filter(|_| position == Position::Shown);
    let schema = match found {
        Relation::Tombstone => {
            return analysis.refuse_tombstone(named.schemaname(), named.relname().unwrap_or_default(), first);
        }
        Relation::Moved { schema } => schema,
        Relation::View(view) => &view.schema,
    };
    // without a schema the search path leads to the same
    if named.schemaname().is_some()
        && let Some([.., at, _]) = analysis.relation_parts(named).as_deref()
    {
        analysis.splice(at.clone(), schema.quoted().to_string());
    }
}

/// `schema.table.column` and `schema.table.*`, also with the database before them.
fn column_reference(analysis: &mut Analysis<'_>, column: &nodes::ColumnRef) {
    let fields = column.fields().len();
    let parts = name_parts(column.fields());
    let (schema, table) = match (fields, parts.as_slice()) {
        (3, [schema, table, ..]) | (4, [_, schema, table, ..]) => (*schema, *table),
        _ => return,
    };
    let new = match analysis.qualified(schema, table) {
        Some(Relation::Moved { schema }) => schema,
        Some(Relation::View(view)) => &view.schema,
        // the relation itself is refused where it stands in FROM
        Some(Relation::Tombstone) | None => return,
    };
    let first = analysis.token_at(column.location).filter(|first| !analysis.is_claimed(Some(*first)));
    let tokens = first.and_then(|first| analysis.name_tokens(first, fields - 2));
    if let Some(at) = tokens.as_deref().and_then(<[_]>::last) {
        analysis.splice(at.clone(), new.quoted().to_string());
    }
}

fn function(analysis: &mut Analysis<'_>, call: &nodes::FuncCall) {
    let parts = name_parts(call.funcname());
    let ([schema, name] | [_, schema, name]) = parts.as_slice() else { return };
    let new = analysis.function_schema(schema, name);
    replace_schema(analysis, call.location, parts.len(), schema, new.map(|new| new.quoted().to_string()));
}

/// `OPERATOR(schema.sign)`.
fn operator(analysis: &mut Analysis<'_>, parts: &[&str], location: std::ffi::c_int) {
    let ([schema, sign] | [_, schema, sign]) = parts else { return };
    let (Some(new), Some(word)) = (analysis.operator_schema(schema, sign), analysis.token_at(location))
    else {
        return;
    };
    // behind the word and its bracket
    let qualifiers = analysis.name_tokens(word + 2, parts.len() - 1);
    if let Some(at) = qualifiers.as_deref().and_then(<[_]>::last) {
        analysis.splice(at.clone(), new.quoted().to_string());
    }
}

fn type_name(analysis: &mut Analysis<'_>, name: &nodes::TypeName) {
    let parts: Vec<&str> = name.names().iter().filter_map(nodes::String::sval).collect();
    // table.column%TYPE
    let named = if name.pct_type { parts.split_last().map_or(&[][..], |(_, table)| table) } else { &parts };
    let ([schema, type_name] | [_, schema, type_name]) = named else { return };
    let new = type_place(analysis, schema, type_name).map(|new| new.quoted().to_string());
    replace_schema(analysis, name.location, named.len(), schema, new);
}

/// The schema in which the edition's type of a qualified name stands, if it is another.
pub(super) fn type_place<'t>(analysis: &Analysis<'t>, schema: &str, name: &str) -> Option<&'t Name> {
    // a table's row type moves with it
    analysis.type_schema(schema, name).or_else(|| match analysis.qualified(schema, name) {
        Some(Relation::Moved { schema }) => Some(schema),
        Some(Relation::View(view)) => Some(&view.schema),
        Some(Relation::Tombstone) | None => None,
    })
}

/// Replaces the schema in a name of `parts` parts. Some nodes that the grammar makes up (`EXTRACT`, `::int`) point at other
/// words than their name, so the words are compared.
fn replace_schema(
    analysis: &mut Analysis<'_>,
    location: std::ffi::c_int,
    parts: usize,
    old: &str,
    new: Option<String>,
) {
    let Some(new) = new else { return };
    let tokens = analysis.token_at(location).and_then(|first| analysis.name_tokens(first, parts));
    let Some([.., at, _]) = tokens.as_deref() else { return };
    let written = analysis.tokens.get(at.start).map(|token| token.name(analysis.text));
    if written.is_some_and(|written| written.is_none_or(|written| written == old)) {
        analysis.splice(at.clone(), new);
    }
}
