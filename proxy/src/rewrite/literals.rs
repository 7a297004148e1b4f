//! Names inside string constants, where the grammar says that the string is one: `nextval('public.orders_id_seq')`,
//! `'public.users'::regclass`, `set_config('search_path', 'public', false)`.

use std::ops::Range;

use catalog::{
    model::Name,
    snapshot::Relation,
    sql,
    sql::{
        Literal,
        lexer::{Lexer, TokenKind},
        parser::{ConstValue, Node, Tree, name_parts, nodes, offset},
    },
};

use super::{analysis::Analysis, indexes, maintenance, names, search_path};

/// What a string is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadAs {
    /// A relation that must exist.
    Relation,
    /// A relation, or NULL.
    RelationOrNull,
    /// A type.
    Type,
}

/// A string constant and its token.
pub(super) struct Constant<'t> {
    pub(super) value: &'t str,
    pub(super) token: usize,
}

/// A string that names no relation: only a superuser could make one in `pg_catalog`.
const NAMES_NOTHING: &str = "'pg_catalog.\"~\"'";

/// A call whose argument may be a name. `is_led`: as all calls of the statement that have one, it goes to its reflection, which is told the edition's names.
pub(super) fn call<'t>(analysis: &mut Analysis<'t>, call: &'t nodes::FuncCall, is_led: bool) {
    let parts = name_parts(call.funcname());
    let ([name] | ["pg_catalog", name]) = parts.as_slice() else { return };
    let read_as = match *name {
        "nextval" | "currval" | "setval" => ReadAs::Relation,
        "regclass" if converts(call) => ReadAs::Relation,
        "to_regclass" => ReadAs::RelationOrNull,
        "to_regtype" => ReadAs::Type,
        "set_config" => return search_path::rewrite_set_config(analysis, call),
        "current_setting" => return search_path::rewrite_current_setting(analysis, call, is_led),
        reflected if is_led && analysis.snapshot.reflected.functions.contains(reflected) => return,
        "pg_get_serial_sequence" => return serial_sequence(analysis, call),
        _ => return,
    };
    if let Some(constant) = call.args().first().and_then(|argument| constant(analysis, argument)) {
        rewrite(analysis, &constant, read_as);
    }
}

/// Whether a call converts a constant, as a cast does: `regclass('public.users')`.
pub(super) fn converts(call: &nodes::FuncCall) -> bool {
    let is_regclass = matches!(name_parts(call.funcname()).as_slice(), [.., "regclass"]);
    is_regclass && matches!(call.args().first(), Some(Node::A_Const(_)))
}

/// The names of a table and of its column.
fn serial_sequence<'t>(analysis: &mut Analysis<'t>, call: &'t nodes::FuncCall) {
    let mut arguments = call.args().iter();
    let (Some(table), Some(column)) = (arguments.next(), arguments.next()) else { return };
    if let (Some(table), Some(column)) = (constant(analysis, table), constant(analysis, column)) {
        let parts = split(table.value);
        maintenance::serial_sequence(analysis, (table.token, &parts), (column.token, column.value));
    }
}

/// A cast that reads a name.
pub(super) fn cast<'t>(analysis: &mut Analysis<'t>, cast: &'t nodes::TypeCast) {
    let Some(target) = cast.type_name() else { return };
    let parts: Vec<&str> = target.names().iter().filter_map(nodes::String::sval).collect();
    let read_as = match parts.as_slice() {
        ["regclass"] | ["pg_catalog", "regclass"] => ReadAs::Relation,
        ["regtype"] | ["pg_catalog", "regtype"] => ReadAs::Type,
        _ => return,
    };
    if let Some(constant) = constant(analysis, cast.arg()) {
        rewrite(analysis, &constant, read_as);
    }
}

/// The string constant that `node` is, if it is one token; also under a cast (`'…'::text`).
pub(super) fn constant<'t>(analysis: &mut Analysis<'t>, node: Node<'t>) -> Option<Constant<'t>> {
    let constant = match node {
        Node::A_Const(constant) => constant,
        Node::TypeCast(cast) => match cast.arg() {
            Node::A_Const(constant) => constant,
            _ => return None,
        },
        _ => return None,
    };
    let Some(ConstValue::String(value)) = constant.val() else { return None };
    analysis.reads_literals();
    let token = analysis.token_at(constant.location)?;
    let is_string = |at: usize| analysis.tokens.get(at).is_some_and(|token| token.kind == TokenKind::String);
    // a constant that goes on in a second string, or has an escape clause, is left as it is
    let alone = is_string(token) && !is_string(token + 1) && !analysis.word_at(token + 1, "uescape");
    alone.then_some(Constant { value, token })
}

fn rewrite(analysis: &mut Analysis<'_>, constant: &Constant<'_>, read_as: ReadAs) {
    if read_as == ReadAs::Type {
        return rewrite_type(analysis, constant);
    }
    let parts = split(constant.value);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (schema, name) = match parts.as_slice() {
        [name] => (None, *name),
        [schema, name] => (Some(*schema), *name),
        _ => return,
    };
    let found = match schema {
        Some(schema) => analysis.qualified(schema, name),
        None => analysis.unqualified(name),
    };
    let new = match (found, schema) {
        (Some(Relation::Tombstone), _) if read_as == ReadAs::Relation => {
            return analysis.refuse_tombstone(schema, name, Some(constant.token));
        }
        (Some(Relation::Tombstone), _) if read_as == ReadAs::RelationOrNull => {
            // A string, because behind the name of a type (`text 'users'`) nothing else is a constant; `to_regclass` finds nothing under it.
            return analysis.splice(constant.token..constant.token + 1, NAMES_NOTHING);
        }
        (Some(Relation::Moved { schema }), Some(_)) => Some(schema),
        (Some(Relation::View(view)), Some(_)) => Some(&view.schema),
        (None, _) => {
            if let Some(index) = indexes::stored(analysis, schema, name) {
                let inner = sql!("{}", index);
                analysis.splice(constant.token..constant.token + 1, literal(inner.as_str()));
            }
            return;
        }
        _ => None,
    };
    let (Some(new), Ok(name)) = (new, Name::new(name)) else { return };
    let inner = sql!("{}.{}", new, name);
    analysis.splice(constant.token..constant.token + 1, literal(inner.as_str()));
}

/// The name of a type, which may have modifiers and brackets behind it.
fn rewrite_type(analysis: &mut Analysis<'_>, constant: &Constant<'_>) {
    let Some(QualifiedType { schema, name, at }) = qualified_type(constant.value) else { return };
    let Some(place) = names::type_place(analysis, &schema, name.as_str()) else { return };
    let (Some(before), Some(after)) = (constant.value.get(..at.start), constant.value.get(at.end..)) else {
        return;
    };
    let text = format!("{before}{}{after}", sql!("{}.{}", place, name));
    analysis.splice(constant.token..constant.token + 1, literal(&text));
}

struct QualifiedType {
    schema: String,
    name: Name,
    /// Where both stand.
    at: Range<usize>,
}

/// Reads a string as PostgreSQL reads the name of a type: as what stands behind `SELECT NULL::`.
fn qualified_type(value: &str) -> Option<QualifiedType> {
    const BEFORE: &str = "SELECT NULL::";
    let text = format!("{BEFORE}{value}");
    let tree = Tree::parse(&text).ok()?;
    let start = tree.read(|tree| {
        let Some(Node::SelectStmt(select)) = tree.statements().next() else { return None };
        let target = select.target_list().iter().next()?;
        let Node::TypeCast(cast) = target.val() else { return None };
        offset(cast.type_name()?.location)?.checked_sub(BEFORE.len())
    });
    let mut tokens = Lexer::starting_at(value.as_bytes(), start.ok()??);
    let (schema, dot, name) = (tokens.next()?, tokens.next()?, tokens.next()?);
    dot.is_symbol(value.as_bytes(), b'.').then_some(())?;
    let at = schema.start..name.end;
    Some(QualifiedType { schema: schema.name(value)?, name: Name::new(name.name(value)?).ok()?, at })
}

fn literal(text: &str) -> String {
    sql!("{}", Literal(text)).to_string()
}

/// The parts of a dotted name in a string; none if it is anything else.
fn split(value: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut tokens = Lexer::new(value.as_bytes());
    loop {
        match tokens
            .next()
            .filter(|token| token.kind != TokenKind::Broken)
            .and_then(|token| token.name(value))
        {
            Some(part) => parts.push(part),
            None => return Vec::new(),
        }
        match tokens.next() {
            None => return parts,
            Some(dot) if dot.is_symbol(value.as_bytes(), b'.') => {}
            Some(_) => return Vec::new(),
        }
    }
}
