//! Statements of a migration that say how data changes: in a draft they run on empty tables, so only their texts tell.

use super::{
    Expression, Literal, Sql,
    column_change::{ColumnChange, column_changes},
    later_names::{LaterNames, NameChange, RelationName, name_changes, name_of},
    lexer::{Lexer, Token},
    parse_assignments,
    parser::{Node, Tree, nodes, raw::CmdType, raw::ObjectType, raw::OnConflictAction},
    walk::walk,
};
use crate::{model::Name, sql};

/// Longer texts are not looked at; they are loads of data.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// One statement that changes data, cut out of a longer text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataStatement {
    /// Its own text, without the semicolon.
    pub text: String,
    /// The table as it names it.
    pub table: RelationName,
    /// What the table is called at the end of the longer text.
    pub later: LaterNames,
    /// What it does.
    pub change: DataChange,
    /// The tables that it names besides, as they are called at the end of the longer text; `None`: gone.
    pub reads_later: Vec<Option<RelationName>>,
}

/// What a [`DataStatement`] does, as far as its text says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataChange {
    /// `UPDATE … SET … [WHERE …]` that computes each row from itself.
    Update {
        /// SET.
        assignments: Vec<(Name, Expression)>,
        /// WHERE.
        condition: Option<Expression>,
        /// `u` of `UPDATE users AS u`.
        alias: Option<Name>,
    },
    /// `ALTER TABLE` that says what values columns get.
    Columns {
        /// `ALTER COLUMN … TYPE … USING …`.
        usings: Vec<(Name, Expression)>,
        /// Those that are added, or get another type without USING.
        changes: Vec<ColumnChange>,
    },
    /// DELETE, INSERT … SELECT, an UPDATE that reads more than its row, or whatever else changes rows.
    Other {
        /// Whether it inserts rows of its table.
        inserts: bool,
        /// Whether what it does to a row hangs on those that are there: ON CONFLICT DO UPDATE, MERGE.
        upserts: bool,
        /// Whether it is a DELETE.
        deletes: bool,
        /// Whether publish can run it as it stands: it is a statement of its own, without parameters, whose text says all that it does to rows.
        runs_alone: bool,
        /// The tables that it names besides the one that it changes.
        reads: Vec<RelationName>,
    },
}

/// The statements of `text` that change data otherwise than by inserting constants. What does not parse has none.
pub fn data_statements(text: &str) -> Vec<DataStatement> {
    if text.len() > TEXT_BYTES_MAX || !mentions_data(text) {
        return Vec::new();
    }
    let mut statements: Vec<(Found, usize)> = Vec::new();
    let mut changes = Vec::new();
    for part in split(text) {
        let (found, more) = look_at(part).unwrap_or_default();
        changes.extend(more);
        statements.extend(found.into_iter().map(|found| (found, changes.len())));
    }
    let complete = |(found, before): (Found, usize)| {
        let follow =
            |table: &RelationName| LaterNames::follow(table, changes.get(before..).unwrap_or_default());
        let later = follow(&found.table);
        let reads_later = match &found.change {
            DataChange::Other { reads, .. } => reads.iter().map(|read| follow(read).table).collect(),
            DataChange::Update { .. } | DataChange::Columns { .. } => Vec::new(),
        };
        DataStatement { text: found.text, table: found.table, later, change: found.change, reads_later }
    };
    statements.into_iter().map(complete).collect()
}

fn mentions_data(text: &str) -> bool {
    let has = |word: &[u8]| text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    has(b"update")
        || has(b"using")
        || has(b"alter") && (has(b"add") || has(b"type"))
        || has(b"delete")
        || has(b"truncate")
        || (has(b"select") || has(b"table")) && (has(b"insert") || has(b"create") || has(b"into"))
}

/// The texts between semicolons outside of brackets and quotes.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begun, mut end, mut depth) = (None, 0, 0_i32);
    for token in Lexer::new(text.as_bytes()) {
        depth += depth_change(text, &token);
        if depth <= 0 && token.is_symbol(text.as_bytes(), b';') {
            parts.extend(begun.take().and_then(|start: usize| text.get(start..end)));
            depth = 0;
            continue;
        }
        begun.get_or_insert(token.start);
        end = token.end;
    }
    parts.extend(begun.and_then(|start| text.get(start..end)));
    parts
}

fn depth_change(text: &str, token: &Token) -> i32 {
    let is = |symbol| token.is_symbol(text.as_bytes(), symbol);
    i32::from(is(b'(') || is(b'[')) - i32::from(is(b')') || is(b']'))
}

/// A [`DataStatement`], before it is known what follows it.
struct Found {
    text: String,
    table: RelationName,
    change: DataChange,
}

/// What one statement does to rows, and to names. `None` if it cannot be read.
fn look_at(text: &str) -> Option<(Vec<Found>, Vec<NameChange>)> {
    let tree = Tree::parse(text).ok()?;
    tree.read(|tree| {
        let mut statements = tree.statements();
        let (Some(statement), None) = (statements.next(), statements.next()) else { return None };
        if let Node::CreateTableAsStmt(create) = statement
            && let Some(filled) = as_insert(text, create)
        {
            return look_at(&filled);
        }
        let found = data_changes(text, statement).into_iter();
        let found = found.map(|(table, change)| Found { text: text.to_owned(), table, change });
        Some((found.collect(), name_changes(statement)))
    })
    .ok()
    .flatten()
}

fn data_changes(text: &str, statement: Node<'_>) -> Vec<(RelationName, DataChange)> {
    let one = |relation: Option<&nodes::RangeVar>, change: DataChange| -> Vec<_> {
        relation.and_then(name_of).map(|table| (table, change)).into_iter().collect()
    };
    match statement {
        Node::UpdateStmt(update) => {
            let row_local =
                update.from_clause().is_empty() && matches!(Node::from(update.with_clause()), Node::None);
            let alias = update.relation().and_then(|relation| relation.alias()?.aliasname());
            let alias = alias.and_then(|alias| Name::new(alias).ok());
            let change = row_local.then(|| as_update(text, alias)).flatten();
            one(update.relation(), change.unwrap_or_else(|| other(statement, update.relation())))
        }
        Node::AlterTableStmt(alter) => {
            let (usings, changes) = (usings(text).unwrap_or_default(), column_changes(text, alter));
            if usings.is_empty() && changes.is_empty() {
                return Vec::new();
            }
            one(alter.relation(), DataChange::Columns { usings, changes })
        }
        Node::DeleteStmt(delete) => one(delete.relation(), other(statement, delete.relation())),
        Node::InsertStmt(insert) => match other(statement, insert.relation()) {
            DataChange::Other { upserts: false, reads, .. } if reads.is_empty() => Vec::new(),
            change => one(insert.relation(), change),
        },
        Node::TruncateStmt(truncate) => {
            let relations = truncate.relations().iter().filter_map(|relation| match relation {
                Node::RangeVar(relation) => Some(relation),
                _ => None,
            });
            relations.flat_map(|relation| one(Some(relation), not_alone(false, Vec::new()))).collect()
        }
        Node::CreateTableAsStmt(create) if create.objtype == ObjectType::OBJECT_TABLE => {
            create.into().map_or_else(Vec::new, |into| made(into, statement))
        }
        Node::SelectStmt(select) => match select.into_clause() {
            Some(into) => made(into, statement),
            None => within(statement),
        },
        Node::MergeStmt(merge) => one(merge.relation(), other(statement, merge.relation())),
        Node::PrepareStmt(_) => within(statement),
        _ => Vec::new(),
    }
}

/// The INSERT that fills the table which `CREATE TABLE … AS` has made; `None` if it is not filled, or not by what an INSERT could say.
fn as_insert(text: &str, create: &nodes::CreateTableAsStmt) -> Option<String> {
    let into = create.into()?;
    let is_meant = create.objtype == ObjectType::OBJECT_TABLE && !into.skip_data && !create.if_not_exists;
    let is_query = matches!(create.query(), Node::SelectStmt(_));
    let relation = into.rel().filter(|relation| is_meant && is_query && is_lasting(relation))?;
    let (schema, name) = name_of(relation)?;
    let table = match schema {
        Some(schema) => sql!("{}.{}", schema, name),
        None => sql!("{}", name),
    };
    // The options before AS have none of their own outside of brackets.
    let query = text.get(word_at_top(text, "AS", 0)?.end..)?;
    let tokens: Vec<Token> = Lexer::new(query.as_bytes()).collect();
    let end = match tokens.as_slice() {
        [.., before, with, data]
            if with.is_word(query.as_bytes(), "with") && data.is_word(query.as_bytes(), "data") =>
        {
            before.end
        }
        _ => query.len(),
    };
    Some(sql!("INSERT INTO {} {}", table, Sql::trusted(query.get(..end)?.trim())).to_string())
}

fn is_lasting(relation: &nodes::RangeVar) -> bool {
    u8::try_from(relation.relpersistence) != Ok(b't')
}

/// A table that is made with rows, unless it is the session's own or the rows are constants.
fn made(into: &nodes::IntoClause, statement: Node<'_>) -> Vec<(RelationName, DataChange)> {
    let relation = into.rel().filter(|relation| is_lasting(relation));
    let (Some(table), DataChange::Other { reads, .. }) =
        (relation.and_then(name_of), other(statement, relation))
    else {
        return Vec::new();
    };
    if reads.is_empty() || into.skip_data { Vec::new() } else { vec![(table, not_alone(true, reads))] }
}

/// Changes that stand within another statement.
fn within(statement: Node<'_>) -> Vec<(RelationName, DataChange)> {
    let mut found = Vec::new();
    walk(statement, |node| {
        let relation = match node {
            Node::InsertStmt(insert) => insert.relation(),
            Node::UpdateStmt(update) => update.relation(),
            Node::DeleteStmt(delete) => delete.relation(),
            Node::MergeStmt(merge) => merge.relation(),
            _ => None,
        };
        found.extend(relation.and_then(name_of).map(|table| (table, not_alone(false, Vec::new()))));
    });
    found
}

/// What publish cannot run.
fn not_alone(inserts: bool, reads: Vec<RelationName>) -> DataChange {
    DataChange::Other { inserts, upserts: false, deletes: false, runs_alone: false, reads }
}

fn other(statement: Node<'_>, target: Option<&nodes::RangeVar>) -> DataChange {
    let mut runs_alone = true;
    let mut named = Vec::new();
    let mut given_names = Vec::new();
    let mut upserts = false;
    walk(statement, |node| match node {
        Node::ParamRef(_) => runs_alone = false,
        Node::RangeVar(relation) => named.extend(name_of(relation)),
        Node::CommonTableExpr(given) => {
            given_names.extend(given.ctename().and_then(|name| Name::new(name).ok()));
        }
        Node::OnConflictClause(clause) => upserts |= clause.action == OnConflictAction::ONCONFLICT_UPDATE,
        _ => {}
    });
    if let Some(at) =
        target.and_then(name_of).and_then(|target| named.iter().position(|name| *name == target))
    {
        named.remove(at);
    }
    named.retain(|(schema, name)| schema.is_some() || !given_names.contains(name));
    let inserts = match statement {
        Node::InsertStmt(_) => true,
        Node::MergeStmt(merge) => {
            upserts = true;
            merge.merge_when_clauses().iter().any(inserts_when)
        }
        _ => false,
    };
    let deletes = matches!(statement, Node::DeleteStmt(_));
    // An upsert of constants has left its rows in the draft, but not what it would have done to those that are there.
    let runs_alone = runs_alone && (!upserts || !named.is_empty());
    DataChange::Other { inserts, upserts, deletes, runs_alone, reads: named }
}

fn inserts_when(when: &nodes::MergeWhenClause) -> bool {
    when.command_type == CmdType::CMD_INSERT
}

/// SET and WHERE; WHERE, RETURNING and SET are reserved words, so outside of brackets they are what they seem.
fn as_update(text: &str, alias: Option<Name>) -> Option<DataChange> {
    let set = word_at_top(text, "SET", 0)?;
    let end = word_at_top(text, "RETURNING", set.end).map_or(text.len(), |token| token.start);
    let condition = word_at_top(text, "WHERE", set.end);
    let assignments = text.get(set.end..condition.as_ref().map_or(end, |token| token.start))?;
    let condition = match condition {
        Some(token) => Some(Expression::parse(text.get(token.end..end)?).ok()?),
        None => None,
    };
    Some(DataChange::Update { assignments: parse_assignments(assignments).ok()?, condition, alias })
}

/// `ALTER [COLUMN] name [SET DATA] TYPE … USING expression` among the commands of an ALTER TABLE.
fn usings(text: &str) -> Option<Vec<(Name, Expression)>> {
    let mut found = Vec::new();
    let mut depth = 0;
    let tokens: Vec<Token> = Lexer::new(text.as_bytes()).collect();
    let commands = tokens.split(|token| {
        depth += depth_change(text, token);
        depth == 0 && token.is_symbol(text.as_bytes(), b',')
    });
    for command in commands {
        // The first command stands behind ALTER TABLE name.
        let alter = command.iter().rposition(|token| token.is_word(text.as_bytes(), "ALTER"));
        let Some(mut rest) = alter.and_then(|at| command.get(at + 1..)) else { continue };
        if rest.first().is_some_and(|token| token.is_word(text.as_bytes(), "COLUMN")) {
            rest = rest.get(1..)?;
        }
        let is = |token: &Token, word: &str| token.is_word(text.as_bytes(), word);
        let (Some(name), Some(next)) = (rest.first(), rest.get(1)) else { continue };
        if !(is(next, "TYPE") || is(next, "SET") && rest.get(2).is_some_and(|token| is(token, "DATA"))) {
            continue;
        }
        let Some(using) = rest.iter().skip(2).position(|token| is(token, "USING")) else { continue };
        let (Some(first), Some(last)) = (rest.get(using + 3), rest.last()) else { continue };
        let expression = Expression::parse(text.get(first.start..last.end)?).ok()?;
        found.push((Name::new(name.name(text)?).ok()?, expression));
    }
    (!found.is_empty()).then_some(found)
}

fn word_at_top(text: &str, word: &str, from: usize) -> Option<Token> {
    let mut depth = 0;
    Lexer::starting_at(text.as_bytes(), from).find(|token| {
        depth += depth_change(text, token);
        depth == 0 && token.is_word(text.as_bytes(), word)
    })
}

/// What notes statements in a draft's blueprint, with the columns' numbers under their names of then. It never fails and changes nothing
/// where the place for notes is missing.
pub fn note_statements(statements: &[DataStatement]) -> Sql {
    let inserts = statements.iter().map(|statement| {
        let reads = statement.reads_later.iter().map(|read| sql!("coalesce({}, 0::oid)", oid_of(read.as_ref())));
        let none = sql!("(NULL::text, NULL::text)");
        let renamed = statement.later.columns.iter().map(|(now, then)| match then {
            Some(then) => sql!("({}, {})", Literal(now.as_str()), Literal(then.as_str())),
            None => sql!("({}, NULL)", Literal(now.as_str())),
        });
        sql!(
            "INSERT INTO edition.statements (text, table_id, reads, names) SELECT {}, named.oid, ARRAY[{}]::oid[], \
             (SELECT pg_catalog.jsonb_object_agg(coalesce(later.name_then, attname), attnum) \
              FROM pg_catalog.pg_attribute LEFT JOIN (VALUES {}) AS later (name_now, name_then) ON later.name_now = attname \
              WHERE attrelid = named.oid AND attnum > 0 AND NOT attisdropped AND (later.name_now IS NULL OR later.name_then IS NOT NULL)) \
             FROM (SELECT {} AS oid) AS named;",
            Literal(&statement.text),
            sql::join(reads, ", "),
            sql::join(std::iter::once(none).chain(renamed), ", "),
            oid_of(statement.later.table.as_ref())
        )
    });
    let body = sql!(
        "BEGIN IF pg_catalog.to_regclass('edition.statements') IS NOT NULL THEN {} END IF; EXCEPTION WHEN OTHERS THEN NULL; END",
        sql::join(inserts, " ")
    );
    sql!("DO {}", Literal(body.as_str()))
}

/// The number of a relation: NULL if nobody knows it, 0 if it is gone.
fn oid_of(relation: Option<&RelationName>) -> Sql {
    let name = match relation {
        Some((Some(schema), name)) => sql!("{}.{}", schema, name),
        Some((None, name)) => sql!("{}", name),
        None => return Sql::trusted("0::oid"),
    };
    sql!("pg_catalog.to_regclass({})::oid", Literal(name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let expressions = |list: &[(Name, Expression)]| {
            list.iter()
                .map(|(name, e)| format!("{} = {}", name.as_str(), e.text()))
                .collect::<Vec<_>>()
                .join(", ")
        };
        data_statements(text)
            .iter()
            .map(|statement| {
                let change = match &statement.change {
                    DataChange::Update { assignments, condition, alias } => format!(
                        "set {} where {} alias {:?}",
                        expressions(assignments),
                        condition.as_ref().map_or("", Expression::text),
                        alias.as_ref().map(Name::as_str)
                    ),
                    DataChange::Columns { usings, changes } => {
                        format!("using {} and {}", expressions(usings), changes.len())
                    }
                    DataChange::Other { runs_alone, reads, .. } => {
                        format!("other {runs_alone} {}", reads.len())
                    }
                };
                format!("{}: {change}", statement.table.1.as_str())
            })
            .collect()
    }

    #[test]
    fn statements_that_change_data_are_found_in_a_script() {
        let script = "CREATE TABLE x (a int); -- UPDATE no\n
            UPDATE users SET first = split_part(name, ' ', 1), b = a IS DISTINCT FROM c WHERE x IN (1, 2) RETURNING id;
            UPDATE ONLY public.users AS u SET n = u.m;
            ALTER TABLE t ALTER COLUMN a TYPE int USING (a::int), ADD b text, ALTER c SET DATA TYPE date USING to_date(c, 'x,y');
            ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES b; CREATE INDEX i ON t USING gin (a);
            UPDATE t SET a = b.c FROM b; UPDATE t SET a = (SELECT 1); UPDATE t SET (a, b) = (1, 2);
            DELETE FROM t WHERE a = $1; INSERT INTO t VALUES (1); INSERT INTO t SELECT 1; INSERT INTO t SELECT a FROM s;
            CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'UPDATE t SET a = 1; DELETE FROM t'";
        assert_eq!(
            shown(script),
            [
                "users: set first = split_part(name, ' ', 1), b = a IS DISTINCT FROM c where x IN (1, 2) alias None",
                "users: set n = u.m where  alias Some(\"u\")",
                "t: using a = (a::int), c = to_date(c, 'x,y') and 1",
                "t: other true 1",
                "t: other true 0",
                "t: other true 0",
                "t: other false 0",
                "t: other true 1",
            ]
        );
        assert_eq!(shown("UPDATE t SET a ="), [""; 0]);
    }

    #[test]
    fn what_changes_rows_in_another_way_is_found_too() {
        let script = "TRUNCATE a, s.b; MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE; CREATE TABLE c AS SELECT * FROM t;
            SELECT 1 INTO d FROM t; CREATE TEMP TABLE e AS SELECT * FROM t; CREATE TABLE f AS SELECT 1; CREATE TABLE g AS TABLE t WITH NO DATA;
            WITH gone AS (DELETE FROM t RETURNING *) SELECT count(*) FROM gone; PREPARE p AS UPDATE t SET a = 1;
            INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2; INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING;
            INSERT INTO t SELECT a FROM s ON CONFLICT (a) DO UPDATE SET a = 2;
            WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x; CREATE MATERIALIZED VIEW m AS SELECT * FROM t; SELECT 1";
        assert_eq!(
            shown(script),
            [
                "a: other false 0",
                "b: other false 0",
                "t: other true 1",
                "c: other true 1",
                "d: other false 1",
                "t: other false 0",
                "t: other false 0",
                "t: other false 0",
                "t: other true 1",
            ]
        );
    }

    #[test]
    fn a_table_that_is_made_of_a_query_is_filled_by_an_insert() {
        let filled =
            |text: &str| data_statements(text).into_iter().map(|found| found.text).collect::<Vec<_>>();
        let made = "CREATE UNLOGGED TABLE IF NOT EXISTS x AS SELECT 1 FROM t";
        assert_eq!(filled(made), [made]);
        assert_eq!(
            filled(
                "CREATE TABLE s.\"X y\" (a, \"as\") WITH (fillfactor = 70) AS WITH q AS (SELECT * FROM t) SELECT a, b AS c FROM q -- all\nWITH DATA; SELECT 1"
            ),
            ["INSERT INTO \"s\".\"X y\" WITH q AS (SELECT * FROM t) SELECT a, b AS c FROM q"]
        );
        assert_eq!(filled("CREATE TABLE x AS TABLE t"), ["INSERT INTO \"x\" TABLE t"]);
        assert_eq!(
            filled(
                "CREATE TABLE x AS EXECUTE p; CREATE TABLE x AS SELECT 1; CREATE TABLE x AS SELECT * FROM t WITH NO DATA"
            ),
            [""; 0]
        );
    }

    #[test]
    fn names_are_followed_to_the_end_of_the_text() {
        let script = "UPDATE t SET a = b; ALTER TABLE t RENAME a TO c; ALTER TABLE public.t RENAME c TO d; ALTER TABLE t ADD a int, ADD x int, DROP COLUMN x;
            UPDATE t SET a = 1; ALTER TABLE t RENAME TO u; ALTER TABLE u SET SCHEMA s; UPDATE v SET a = 1; DROP TABLE o, s.v; CREATE TABLE v ()";
        let later: Vec<String> = data_statements(script)
            .iter()
            .map(|statement| {
                let name = |name: &Option<Name>| name.as_ref().map_or("-", Name::as_str).to_owned();
                let table = statement.later.table.as_ref();
                let table =
                    table.map_or_else(|| "gone".to_owned(), |(s, n)| format!("{}.{}", name(s), n.as_str()));
                let columns = statement.later.columns.iter();
                let columns: Vec<String> =
                    columns.map(|(now, then)| format!("{} was {}", now.as_str(), name(then))).collect();
                format!("{table} {}", columns.join(", "))
            })
            .collect();
        assert_eq!(later, ["s.u d was a, a was -", "s.u ", "s.u ", "gone "]);
    }
}
