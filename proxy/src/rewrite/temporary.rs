//! What temporary tables, types and functions are made of. They are a session's own, so DDL makes them in a live edition, too: qualified names of types and tables in it
//! mean the edition's. Lasting objects in schemas that are not editioned would keep a rollback from taking an edition's types away; their names stay as they are.

use catalog::sql::parser::{Node, name_parts, nodes, strings};

use super::{
    analysis::Analysis,
    like,
    names::{self, Position},
};

const SCHEMA: &str = "pg_temp";

/// Rewrites the names in a statement that makes, changes or drops something temporary.
pub(super) fn rewrite<'t>(analysis: &mut Analysis<'t>, statement: Node<'t>) {
    match statement {
        Node::CreateStmt(create) if is_temporary(analysis, create.relation()) => table(analysis, create),
        Node::AlterTableStmt(alter) if is_temporary(analysis, alter.relation()) => {
            for command in alter.cmds() {
                if let Node::AlterTableCmd(command) = command {
                    element(analysis, command.def());
                }
            }
        }
        Node::CompositeTypeStmt(create) if is_temporary(analysis, create.typevar()) => {
            for column in create.coldeflist() {
                element(analysis, Node::ColumnDef(column));
            }
        }
        Node::CreateDomainStmt(create) if is_in_schema(&strings(create.domainname())) => {
            resolve(analysis, create.type_name());
            for constraint in create.constraints() {
                element(analysis, Node::Constraint(constraint));
            }
        }
        Node::CreateFunctionStmt(create) if is_in_schema(&name_parts(create.funcname())) => {
            for parameter in create.parameters() {
                resolve(analysis, parameter.arg_type());
                names::resolve_lasting(analysis, parameter.defexpr());
            }
            resolve(analysis, create.return_type());
        }
        Node::AlterFunctionStmt(alter) => signature(analysis, alter.func()),
        Node::DropStmt(drop) => {
            for object in drop.objects() {
                if let Node::ObjectWithArgs(function) = object {
                    signature(analysis, Some(function));
                }
            }
        }
        _ => {}
    }
}

fn table<'t>(analysis: &mut Analysis<'t>, create: &'t nodes::CreateStmt) {
    resolve(analysis, create.of_typename());
    like::rewrite(analysis, create);
    for part in create.table_elts() {
        element(analysis, part);
    }
}

/// A column, a constraint, or LIKE.
fn element<'t>(analysis: &mut Analysis<'t>, part: Node<'t>) {
    match part {
        Node::TableLikeClause(like) => {
            if let Some(model) = like.relation() {
                names::relation(analysis, model, Position::Shown);
            }
        }
        Node::ColumnDef(column) => {
            names::resolve_lasting(analysis, part);
            for constraint in column.constraints() {
                element(analysis, constraint);
            }
        }
        Node::Constraint(constraint) => names::resolve_lasting(analysis, constraint.raw_expr()),
        _ => {}
    }
}

fn signature<'t>(analysis: &mut Analysis<'t>, function: Option<&'t nodes::ObjectWithArgs>) {
    let Some(function) = function.filter(|function| is_in_schema(&name_parts(function.objname()))) else {
        return;
    };
    for argument in function.objargs() {
        names::resolve_lasting(analysis, argument);
    }
}

fn resolve<'t>(analysis: &mut Analysis<'t>, name: Option<&'t nodes::TypeName>) {
    if let Some(name) = name {
        names::resolve_lasting(analysis, Node::TypeName(name));
    }
}

/// Whether a relation is made as a temporary one, or has been.
fn is_temporary(analysis: &Analysis<'_>, named: Option<&nodes::RangeVar>) -> bool {
    named.is_some_and(|named| {
        let has_been =
            named.schemaname().is_none() && analysis.is_temporary(named.relname().unwrap_or_default());
        has_been || is_made(named)
    })
}

/// Whether a statement that makes a relation by this name makes a temporary one.
pub(super) fn is_made(named: &nodes::RangeVar) -> bool {
    // a C character, signed on some machines only
    named.schemaname() == Some(SCHEMA) || i32::from(named.relpersistence) == i32::from(b't')
}

fn is_in_schema(name: &[&str]) -> bool {
    matches!(name, [.., schema, _] if *schema == SCHEMA)
}
