//! `CREATE … IF NOT EXISTS` of what an edition has, `DROP … IF EXISTS` of what it has not, and what ALTER may skip in the same way, change nothing: PostgreSQL
//! skips them with a notice, and applications that migrate when they start send them each time. Most relations are in no snapshot, so a procedure of ours
//! looks: it gives that notice, or refuses as [`ddl`] does.

use catalog::{
    model::Name,
    sql,
    sql::{
        Literal, Sql, join,
        lexer::TokenKind,
        parser::{
            Node, nodes,
            raw::{AlterTableType, DropBehavior, ObjectType},
            strings,
        },
    },
};

use super::{analysis::Analysis, command::Command, ddl};

/// Puts a call of our procedure in the place of a CREATE of this tag. False: it cannot take it.
pub(super) fn create(analysis: &mut Analysis<'_>, tag: &'static str, named: &nodes::RangeVar) -> bool {
    let Some(name) = named.relname().filter(|_| named.catalogname().is_none()) else { return false };
    let call = sql!(
        "CALL edition.create_if_missing({}, {}, {}, {}, {})",
        Literal(tag),
        literal(named.schemaname()),
        Literal(name),
        Literal(&ddl::frozen(analysis, tag)),
        Literal(ddl::WAY_OUT)
    );
    take_place(analysis, tag, &call)
}

/// The same of a DROP. What it names besides, temporary tables or those of schemas that are not editioned, the procedure drops.
pub(super) fn drop(analysis: &mut Analysis<'_>, tag: &'static str, drop: &nodes::DropStmt) -> bool {
    let is_of_relations = matches!(
        drop.remove_type,
        ObjectType::OBJECT_TABLE
            | ObjectType::OBJECT_VIEW
            | ObjectType::OBJECT_MATVIEW
            | ObjectType::OBJECT_SEQUENCE
            | ObjectType::OBJECT_FOREIGN_TABLE
    );
    if !is_of_relations {
        return false;
    }
    let (mut schemas, mut names) = (Vec::new(), Vec::new());
    for dropped in drop.objects() {
        let parts = ddl::object_parts(dropped).unwrap_or_default();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            _ => return false,
        };
        schemas.push(literal(schema));
        names.push(literal(Some(name)));
    }
    let call = sql!(
        "CALL edition.drop_if_there({}, ARRAY[{}]::pg_catalog.text[], ARRAY[{}]::pg_catalog.text[], {}, {}, {})",
        Literal(tag),
        join(schemas, ", "),
        join(names, ", "),
        if drop.behavior == DropBehavior::DROP_CASCADE { sql!("true") } else { sql!("false") },
        Literal(&ddl::frozen(analysis, tag)),
        Literal(ddl::WAY_OUT)
    );
    take_place(analysis, tag, &call)
}

/// The same of an ALTER, if there is a case in which it is skipped.
pub(super) fn alter(analysis: &mut Analysis<'_>, tag: &'static str, statement: Node<'_>) -> bool {
    match statement {
        Node::AlterTableStmt(alter) => alter_table(analysis, tag, alter),
        Node::AlterEnumStmt(alter) if alter.skip_if_new_val_exists => add_label(analysis, tag, alter),
        _ => false,
    }
}

fn alter_table(analysis: &mut Analysis<'_>, tag: &'static str, alter: &nodes::AlterTableStmt) -> bool {
    let named = alter.relation().filter(|named| named.catalogname().is_none());
    let Some((named, name)) = named.and_then(|named| Some((named, named.relname()?))) else { return false };
    let mut changes: Vec<(Change, &str)> = alter.cmds().iter().map(change).collect();
    let may_be_skipped = changes.iter().all(|(change, _)| *change != Change::Other);
    if alter.objtype != ObjectType::OBJECT_TABLE || !(may_be_skipped || alter.missing_ok) {
        return false;
    }
    // PostgreSQL drops before it adds.
    changes.sort_by_key(|(change, _)| *change == Change::AddColumn);
    let (changes, members): (Vec<Sql>, Vec<Sql>) = changes
        .into_iter()
        .map(|(change, member)| (sql!("{}", Literal(change.as_str())), sql!("{}", Literal(member))))
        .unzip();
    let call = sql!(
        "CALL edition.alter_if_needed({}, {}, {}, ARRAY[{}]::pg_catalog.text[], ARRAY[{}]::pg_catalog.text[], {}, {})",
        literal(named.schemaname()),
        Literal(name),
        if alter.missing_ok { sql!("true") } else { sql!("false") },
        join(changes, ", "),
        join(members, ", "),
        Literal(&ddl::frozen(analysis, tag)),
        Literal(ddl::WAY_OUT)
    );
    take_place(analysis, tag, &call)
}

/// What a part of ALTER TABLE does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    DropColumn,
    DropConstraint,
    AddColumn,
    /// Is never skipped.
    Other,
}

impl Change {
    /// As our procedure calls it.
    const fn as_str(self) -> &'static str {
        match self {
            Self::DropColumn => "drop column",
            Self::DropConstraint => "drop constraint",
            Self::AddColumn => "add column",
            Self::Other => "other",
        }
    }
}

/// And of what.
fn change(command: Node<'_>) -> (Change, &str) {
    let Node::AlterTableCmd(command) = command else { return (Change::Other, "") };
    let change = match command.subtype {
        AlterTableType::AT_DropColumn => Change::DropColumn,
        AlterTableType::AT_DropConstraint => Change::DropConstraint,
        AlterTableType::AT_AddColumn => Change::AddColumn,
        _ => Change::Other,
    };
    let member = match command.def() {
        Node::ColumnDef(added) => added.colname(),
        _ => command.name(),
    };
    match member {
        Some(member) if command.missing_ok => (change, member),
        _ => (Change::Other, ""),
    }
}

fn add_label(analysis: &mut Analysis<'_>, tag: &'static str, alter: &nodes::AlterEnumStmt) -> bool {
    let (parts, Some(label)) = (strings(alter.type_name()), alter.new_val()) else { return false };
    let quoted = |name: &str| Name::new(name).ok().map(|name| name.quoted().to_string());
    let found = match parts.as_slice() {
        [name] => quoted(name),
        [schema, name] => {
            let place = analysis.type_schema(schema, name).map_or(*schema, Name::as_str);
            quoted(place).zip(quoted(name)).map(|(place, name)| format!("{place}.{name}"))
        }
        _ => None,
    };
    let Some(found) = found else { return false };
    analysis.reads_literals();
    let call = sql!(
        "CALL edition.add_label_if_missing({}, {}, {}, {}, {})",
        Literal(&found),
        Literal(&parts.join(".")),
        Literal(label),
        Literal(&ddl::frozen(analysis, tag)),
        Literal(ddl::WAY_OUT)
    );
    take_place(analysis, tag, &call)
}

/// Not of a statement with parameters: CALL would have others.
fn take_place(analysis: &mut Analysis<'_>, tag: &'static str, call: &Sql) -> bool {
    let statement = analysis.statement_tokens();
    let tokens = analysis.tokens.get(statement.clone()).unwrap_or_default();
    if tokens.is_empty() || tokens.iter().any(|token| token.kind == TokenKind::Param) {
        return false;
    }
    analysis.splice(statement, call.to_string());
    analysis.stands_for(Command::Skipped(tag));
    true
}

fn literal(name: Option<&str>) -> Sql {
    name.map_or_else(|| sql!("NULL"), |name| sql!("{}", Literal(name)))
}
