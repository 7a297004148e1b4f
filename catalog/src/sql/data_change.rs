//! Statements of a migration that say how data changes: in a draft they run on empty tables, so only their texts tell.

use super::{
    Expression, Literal, Sql,
    lexer::{Lexer, Token},
    parse_assignments,
    parser::{Node, Tree, nodes},
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
    pub table: (Option<Name>, Name),
    /// What it does.
    pub change: DataChange,
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
    /// `ALTER COLUMN … TYPE … USING …`.
    Using(Vec<(Name, Expression)>),
    /// DELETE, INSERT … SELECT, or an UPDATE that reads more than its row.
    Other {
        /// Whether it is an INSERT.
        inserts: bool,
        /// Whether it is a DELETE.
        deletes: bool,
        /// Whether it can be run again as it stands: it has no parameters.
        runs_alone: bool,
        /// The tables that it names besides the one that it changes.
        reads: Vec<(Option<Name>, Name)>,
    },
}

/// The statements of `text` that change data otherwise than by inserting constants. What does not parse has none.
pub fn data_statements(text: &str) -> Vec<DataStatement> {
    if text.len() > TEXT_BYTES_MAX || !mentions_data(text) {
        return Vec::new();
    }
    split(text).into_iter().filter_map(data_statement).collect()
}

fn mentions_data(text: &str) -> bool {
    let has = |word: &[u8]| text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    has(b"update") || has(b"using") || has(b"delete") || (has(b"insert") && has(b"select"))
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

fn data_statement(text: &str) -> Option<DataStatement> {
    let tree = Tree::parse(text).ok()?;
    tree.read(|tree| {
        let mut statements = tree.statements();
        let (Some(statement), None) = (statements.next(), statements.next()) else { return None };
        let (relation, change) = match statement {
            Node::UpdateStmt(update) => {
                let row_local =
                    update.from_clause().is_empty() && matches!(Node::from(update.with_clause()), Node::None);
                let alias = update.relation().and_then(|relation| relation.alias()?.aliasname());
                let alias = alias.and_then(|alias| Name::new(alias).ok());
                let change = row_local.then(|| as_update(text, alias)).flatten();
                (update.relation(), change.unwrap_or_else(|| other(statement)))
            }
            Node::AlterTableStmt(alter) => (alter.relation(), DataChange::Using(usings(text)?)),
            Node::DeleteStmt(delete) => (delete.relation(), other(statement)),
            Node::InsertStmt(insert) => match insert.select_stmt() {
                Node::SelectStmt(select) if select.values_lists().is_empty() && reads_a_table(statement) => {
                    (insert.relation(), other(statement))
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(DataStatement { text: text.to_owned(), table: name_of(relation?)?, change })
    })
    .ok()
    .flatten()
}

fn other(statement: Node<'_>) -> DataChange {
    let mut runs_alone = true;
    let mut named = Vec::new();
    walk(statement, |node| match node {
        Node::ParamRef(_) => runs_alone = false,
        Node::RangeVar(relation) => named.extend(name_of(relation)),
        _ => {}
    });
    let target = match statement {
        Node::InsertStmt(insert) => insert.relation(),
        Node::UpdateStmt(update) => update.relation(),
        Node::DeleteStmt(delete) => delete.relation(),
        _ => None,
    };
    if let Some(at) =
        target.and_then(name_of).and_then(|target| named.iter().position(|name| *name == target))
    {
        named.remove(at);
    }
    let inserts = matches!(statement, Node::InsertStmt(_));
    let deletes = matches!(statement, Node::DeleteStmt(_));
    DataChange::Other { inserts, deletes, runs_alone, reads: named }
}

fn name_of(relation: &nodes::RangeVar) -> Option<(Option<Name>, Name)> {
    let schema = relation.schemaname().map(Name::new).transpose().ok()?;
    Some((schema, Name::new(relation.relname()?).ok()?))
}

/// Whether a name other than the target's stands in a FROM.
fn reads_a_table(statement: Node<'_>) -> bool {
    matches!(other(statement), DataChange::Other { reads, .. } if !reads.is_empty())
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

/// What notes statements in a draft's blueprint, with the columns' numbers under their names of now. It never fails and changes nothing
/// where the place for notes is missing.
pub fn note_statements(statements: &[DataStatement]) -> Sql {
    let inserts = statements.iter().map(|statement| {
        let (schema, name) = &statement.table;
        let qualified = match schema {
            Some(schema) => sql!("{}.{}", schema, name),
            None => sql!("{}", name),
        };
        sql!(
            "INSERT INTO edition.statements (text, table_id, names) SELECT {}, named.oid, \
             (SELECT pg_catalog.jsonb_object_agg(attname, attnum) FROM pg_catalog.pg_attribute \
              WHERE attrelid = named.oid AND attnum > 0 AND NOT attisdropped) \
             FROM (SELECT pg_catalog.to_regclass({})::oid AS oid) AS named;",
            Literal(&statement.text),
            Literal(qualified.as_str())
        )
    });
    let body = sql!(
        "BEGIN IF pg_catalog.to_regclass('edition.statements') IS NOT NULL THEN {} END IF; EXCEPTION WHEN OTHERS THEN NULL; END",
        sql::join(inserts, " ")
    );
    sql!("DO {}", Literal(body.as_str()))
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
                    DataChange::Using(list) => format!("using {}", expressions(list)),
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
                "t: using a = (a::int), c = to_date(c, 'x,y')",
                "t: other true 1",
                "t: other true 0",
                "t: other true 0",
                "t: other false 0",
                "t: other true 1",
            ]
        );
        assert_eq!(shown("UPDATE t SET a ="), [""; 0]);
    }
}
