//! A live edition is frozen: DDL on what belongs to its schema is refused, with the way out. Temporary objects, objects in
//! schemas that are not editioned, indexes, statistics, comments, grants and maintenance go on.
//!
//! The SQLSTATE is 0A000 (feature not supported) and not 42501: drivers and migration tools take the latter for a matter of
//! credentials. Without a schema a name is taken for an editioned one, unless the session's path is known to be one schema that is
//! not; temporary tables that the session made in plain SQL are remembered.

use catalog::{
    model::Name,
    snapshot::Relation,
    sql::parser::{
        Node, name_parts, nodes,
        raw::{AlterTableType, NodeTag, ObjectType},
        strings,
    },
};

use super::{analysis::Analysis, skipped, temporary};

/// Something that a statement makes, changes or drops.
#[derive(Clone, Copy)]
struct Object<'t> {
    schema: Option<&'t str>,
    name: &'t str,
}

impl<'t> Object<'t> {
    fn relation(named: &'t nodes::RangeVar) -> Self {
        Self { schema: named.schemaname(), name: named.relname().unwrap_or_default() }
    }

    fn dotted(parts: &[&'t str]) -> Option<Self> {
        match parts {
            [name] => Some(Self { schema: None, name }),
            [.., schema, name] => Some(Self { schema: Some(schema), name }),
            [] => None,
        }
    }
}

/// Refuses `statement` if it changes the editioned schema. True: another has taken its place, and nothing of it is left to rewrite.
pub(super) fn guard<'t>(analysis: &mut Analysis<'t>, statement: Node<'t>) -> bool {
    match statement {
        Node::CreateStmt(create) => {
            return create_relation(analysis, "CREATE TABLE", create.relation(), create.if_not_exists);
        }
        Node::CreateTableAsStmt(create) => return create_table_as(analysis, create, create.if_not_exists),
        Node::SelectStmt(select) => {
            if let Some(into) = leftmost(select).into_clause() {
                return create_relation(analysis, "SELECT INTO", into.rel(), false);
            }
        }
        Node::ViewStmt(view) => return create_relation(analysis, "CREATE VIEW", view.view(), false),
        Node::CreateSeqStmt(create) => {
            return create_relation(analysis, "CREATE SEQUENCE", create.sequence(), create.if_not_exists);
        }
        Node::CompositeTypeStmt(create) => {
            return create_relation(analysis, "CREATE TYPE", create.typevar(), false);
        }
        Node::ExplainStmt(explain) => {
            return match explain.query() {
                Node::CreateTableAsStmt(create) => create_table_as(analysis, create, false),
                explained => guard(analysis, explained),
            };
        }
        Node::DropStmt(drop) => return drop_objects(analysis, drop),
        Node::Invalid(unread) if unread.type_ == NodeTag::T_CreateForeignTableStmt => {
            create_foreign_table(analysis);
        }
        Node::AlterTableStmt(alter)
            if alter.objtype == ObjectType::OBJECT_VIEW && is_table(analysis, alter.relation()) =>
        {
            let name = alter.relation().and_then(nodes::RangeVar::relname).unwrap_or_default();
            refuse_view(analysis, name);
        }
        Node::AlterTableStmt(alter)
            if is_maintenance(alter)
                && (!sets_options_of_views(alter) || is_table(analysis, alter.relation())) => {}
        Node::AlterSeqStmt(alter) if restarts_only(alter) => {}
        _ => {
            if let Some((verb, object)) = changed(statement)
                && is_editioned(analysis, object)
            {
                if skipped::alter(analysis, verb, statement) {
                    return true;
                }
                refuse(analysis, verb);
            }
        }
    }
    false
}

/// INTO stands in the first part of a set operation.
fn leftmost(mut select: &nodes::SelectStmt) -> &nodes::SelectStmt {
    while let Some(left) = select.larg() {
        select = left;
    }
    select
}

/// `if_not_exists`: whether it is skipped where there is such a relation. True: the server decides which.
fn create_relation<'t>(
    analysis: &mut Analysis<'t>,
    verb: &'static str,
    named: Option<&'t nodes::RangeVar>,
    if_not_exists: bool,
) -> bool {
    let Some(named) = named else { return false };
    if temporary::is_made(named) {
        analysis.makes_temporary(named.relname().unwrap_or_default());
    } else if is_editioned(analysis, Object { name: "", ..Object::relation(named) }) {
        if if_not_exists && skipped::create(analysis, verb, named) {
            return true;
        }
        refuse(analysis, verb);
    }
    false
}

fn create_table_as<'t>(
    analysis: &mut Analysis<'t>,
    create: &'t nodes::CreateTableAsStmt,
    if_not_exists: bool,
) -> bool {
    let is_view = create.objtype == ObjectType::OBJECT_MATVIEW;
    let verb = if is_view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
    create_relation(analysis, verb, create.into().and_then(nodes::IntoClause::rel), if_not_exists)
}

/// The binding cannot read this statement, but the words after FOREIGN TABLE are its name.
fn create_foreign_table(analysis: &mut Analysis<'_>) {
    let made = (0..analysis.tokens.len()).filter(|at| {
        let words = ["create", "foreign", "table"].iter().enumerate();
        words.into_iter().all(|(offset, word)| analysis.word_at(at + offset, word))
    });
    let is_editioned =
        made.map(|at| if analysis.word_at(at + 3, "if") { at + 6 } else { at + 3 }).any(|name| {
            let schema = analysis.tokens.get(name).filter(|_| analysis.symbol_at(name + 1, b'.'));
            let schema = schema.and_then(|token| token.name(analysis.text));
            is_editioned(analysis, Object { schema: schema.as_deref(), name: "" })
        });
    if is_editioned {
        refuse(analysis, "CREATE FOREIGN TABLE");
    }
}

/// The one object that a statement makes or changes, and the verb for the message. `None` for what is allowed.
fn changed<'t>(statement: Node<'t>) -> Option<(&'static str, Object<'t>)> {
    let relation =
        |verb, named: Option<&'t nodes::RangeVar>| named.map(|named| (verb, Object::relation(named)));
    let dotted = |verb, parts: &[&'t str]| Object::dotted(parts).map(|object| (verb, object));
    match statement {
        Node::CreateFunctionStmt(create) if create.is_procedure => {
            dotted("CREATE PROCEDURE", &name_parts(create.funcname()))
        }
        Node::CreateFunctionStmt(create) => dotted("CREATE FUNCTION", &name_parts(create.funcname())),
        Node::CreateEnumStmt(create) => dotted("CREATE TYPE", &strings(create.type_name())),
        Node::CreateRangeStmt(create) => dotted("CREATE TYPE", &strings(create.type_name())),
        Node::CreateDomainStmt(create) => dotted("CREATE DOMAIN", &strings(create.domainname())),
        Node::DefineStmt(create) => dotted("CREATE", &strings(create.defnames())),
        Node::CreateTrigStmt(create) => relation("CREATE TRIGGER", create.relation()),
        Node::RuleStmt(create) => relation("CREATE RULE", create.relation()),
        Node::CreatePolicyStmt(create) => relation("CREATE POLICY", create.table()),
        Node::ImportForeignSchemaStmt(import) => {
            Some(("IMPORT FOREIGN SCHEMA", Object { schema: import.local_schema(), name: "" }))
        }
        Node::AlterPolicyStmt(alter) => relation("ALTER POLICY", alter.table()),
        Node::AlterTableStmt(alter) => relation(alter_verb(alter.objtype), alter.relation()),
        Node::AlterSeqStmt(alter) => relation("ALTER SEQUENCE", alter.sequence()),
        Node::AlterEnumStmt(alter) => dotted("ALTER TYPE", &strings(alter.type_name())),
        Node::AlterTypeStmt(alter) => dotted("ALTER TYPE", &name_parts(alter.type_name())),
        Node::AlterDomainStmt(alter) => dotted("ALTER DOMAIN", &name_parts(alter.type_name())),
        Node::AlterFunctionStmt(alter) => dotted("ALTER FUNCTION", &name_parts(alter.func()?.objname())),
        Node::RenameStmt(rename) if rename.rename_type == ObjectType::OBJECT_INDEX => None,
        Node::RenameStmt(rename) if rename.rename_type == ObjectType::OBJECT_SCHEMA => {
            Some(("ALTER SCHEMA … RENAME", Object { schema: rename.subname(), name: "" }))
        }
        Node::RenameStmt(rename) => match rename.relation() {
            Some(named) => relation("ALTER … RENAME", Some(named)),
            None => dotted("ALTER … RENAME", &object_parts(rename.object())?),
        },
        Node::AlterObjectSchemaStmt(alter) => match alter.relation() {
            Some(named) => relation("ALTER … SET SCHEMA", Some(named)),
            None => dotted("ALTER … SET SCHEMA", &object_parts(alter.object())?),
        },
        _ => None,
    }
}

fn alter_verb(kind: ObjectType::Type) -> &'static str {
    match kind {
        ObjectType::OBJECT_VIEW => "ALTER VIEW",
        ObjectType::OBJECT_SEQUENCE => "ALTER SEQUENCE",
        ObjectType::OBJECT_TYPE => "ALTER TYPE",
        ObjectType::OBJECT_FOREIGN_TABLE => "ALTER FOREIGN TABLE",
        ObjectType::OBJECT_MATVIEW => "ALTER MATERIALIZED VIEW",
        _ => "ALTER TABLE",
    }
}

/// Whether a relation is a table of the edition, whatever stands for it.
fn is_table(analysis: &Analysis<'_>, named: Option<&nodes::RangeVar>) -> bool {
    named.is_some_and(|named| analysis.view(named).is_some())
}

/// The error that PostgreSQL gives where a statement about views names a table.
pub(super) fn refuse_view(analysis: &mut Analysis<'_>, table: &str) {
    analysis.refuse("42809", format!("\"{table}\" is not a view"), None, None);
}

/// Changes to how a table is kept, not to what it is: the options of a view are part of that. Not among them: switching triggers off, ours would be too.
fn is_maintenance(alter: &nodes::AlterTableStmt) -> bool {
    let maintains = |command: Node<'_>| match command {
        Node::AlterTableCmd(command) => matches!(
            command.subtype,
            AlterTableType::AT_SetStatistics
                | AlterTableType::AT_SetOptions
                | AlterTableType::AT_ResetOptions
                | AlterTableType::AT_SetRelOptions
                | AlterTableType::AT_ResetRelOptions
                | AlterTableType::AT_ClusterOn
                | AlterTableType::AT_DropCluster
        ),
        _ => false,
    };
    match alter.objtype {
        ObjectType::OBJECT_INDEX => true,
        ObjectType::OBJECT_VIEW => false,
        _ => alter.cmds().iter().all(maintains),
    }
}

/// `ALTER TABLE v SET (…)`, which PostgreSQL takes on a view, too.
fn sets_options_of_views(alter: &nodes::AlterTableStmt) -> bool {
    const OPTIONS: [&str; 3] = ["security_barrier", "security_invoker", "check_option"];
    alter.cmds().iter().any(|command| {
        let Node::AlterTableCmd(command) = command else { return false };
        let Node::NodeList(options) = command.def() else { return false };
        options.iter().any(|option| match option {
            Node::DefElem(option) => option.defname().is_some_and(|name| OPTIONS.contains(&name)),
            _ => false,
        })
    })
}

/// `ALTER SEQUENCE … RESTART` sets a value, as `setval` does.
fn restarts_only(alter: &nodes::AlterSeqStmt) -> bool {
    alter
        .options()
        .iter()
        .all(|option| matches!(option, Node::DefElem(option) if option.defname() == Some("restart")))
}

/// True: the server decides whether there is anything to drop.
fn drop_objects<'t>(analysis: &mut Analysis<'t>, drop: &'t nodes::DropStmt) -> bool {
    let verb = match drop.remove_type {
        ObjectType::OBJECT_TABLE => "DROP TABLE",
        ObjectType::OBJECT_VIEW => "DROP VIEW",
        ObjectType::OBJECT_MATVIEW => "DROP MATERIALIZED VIEW",
        ObjectType::OBJECT_SEQUENCE => "DROP SEQUENCE",
        ObjectType::OBJECT_FOREIGN_TABLE => "DROP FOREIGN TABLE",
        ObjectType::OBJECT_TYPE => "DROP TYPE",
        ObjectType::OBJECT_DOMAIN => "DROP DOMAIN",
        ObjectType::OBJECT_FUNCTION | ObjectType::OBJECT_PROCEDURE | ObjectType::OBJECT_ROUTINE => {
            "DROP FUNCTION"
        }
        ObjectType::OBJECT_AGGREGATE => "DROP AGGREGATE",
        ObjectType::OBJECT_SCHEMA => "DROP SCHEMA",
        ObjectType::OBJECT_TRIGGER => "DROP TRIGGER",
        ObjectType::OBJECT_RULE => "DROP RULE",
        ObjectType::OBJECT_POLICY => "DROP POLICY",
        ObjectType::OBJECT_OPERATOR | ObjectType::OBJECT_COLLATION => "DROP",
        _ => return false,
    };
    for dropped in drop.objects() {
        let Some(parts) = object_parts(dropped) else { continue };
        let object = match (drop.remove_type, parts.as_slice()) {
            (ObjectType::OBJECT_SCHEMA, [schema]) => Some(Object { schema: Some(schema), name: "" }),
            // the last part is the trigger, the rest its table
            (
                ObjectType::OBJECT_TRIGGER | ObjectType::OBJECT_RULE | ObjectType::OBJECT_POLICY,
                [table @ .., _],
            ) => Object::dotted(table),
            (_, parts) => Object::dotted(parts),
        };
        let may_be_ours = |object: Object<'_>| {
            is_editioned(analysis, object)
                || drop.remove_type == ObjectType::OBJECT_VIEW && is_editioning_view(analysis, object)
        };
        if object.is_some_and(may_be_ours) {
            if drop.missing_ok && skipped::drop(analysis, verb, drop) {
                return true;
            }
            refuse(analysis, verb);
            break;
        }
    }
    false
}

/// Whether a bare name is that of an editioning view. A temporary table that was called so may be gone by now, and no application has a view to drop where
/// its edition has a table.
fn is_editioning_view(analysis: &Analysis<'_>, object: Object<'_>) -> bool {
    let in_schema = |schema: &Name| analysis.qualified(schema.as_str(), object.name);
    let mut found = analysis.snapshot.schemas.iter().filter_map(in_schema);
    object.schema.is_none()
        && !analysis.is_elsewhere()
        && found.any(|relation| matches!(relation, Relation::View(_)))
}

/// The dotted name of an object, whichever way the grammar keeps it.
pub(super) fn object_parts(object: Node<'_>) -> Option<Vec<&str>> {
    match object {
        Node::NodeList(list) => Some(name_parts(list)),
        Node::ObjectWithArgs(callable) => Some(name_parts(callable.objname())),
        Node::TypeName(name) => Some(strings(name.names())),
        Node::String(name) => Some(vec![name.sval()?]),
        _ => None,
    }
}

fn is_editioned(analysis: &Analysis<'_>, object: Object<'_>) -> bool {
    match object.schema {
        Some(schema) => analysis.is_editioned_schema(schema),
        None => !analysis.is_known_temporary(object.name) && !analysis.is_elsewhere(),
    }
}

fn refuse(analysis: &mut Analysis<'_>, verb: &str) {
    let message = frozen(analysis, verb);
    analysis.refuse(FROZEN, message, Some(WAY_OUT.to_owned()), None);
}

/// The SQLSTATE of a refusal.
const FROZEN: &str = "0A000";
/// Its hint.
pub(super) const WAY_OUT: &str = "Make the change in a child edition: edition create NAME. Name the schema if the object is meant for one that is not editioned.";

/// Its message.
pub(super) fn frozen(analysis: &Analysis<'_>, verb: &str) -> String {
    format!("cannot run {verb} in live edition \"{}\": its schema is frozen", analysis.edition.name.as_str())
}
