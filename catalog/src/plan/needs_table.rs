//! Guards for functions that need a table to be one. The tables that a draft changes become views to the sessions of live editions; what clients send is rewritten for
//! that, but nobody sees what is inside a function.

use std::collections::BTreeSet;

use super::{
    Code, ExpandInput, Finding,
    expand::TableView,
    function_body::{body, is_sql},
};
use crate::{
    model::{Function, Name, Schema, Table},
    sql::lexer::{Lexer, Token},
};

/// What may follow GROUP BY and its list.
const AFTER_GROUP_BY: [&str; 12] = [
    "having",
    "window",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "union",
    "except",
    "intersect",
    "returning",
    "loop",
];
/// What no view has.
const SYSTEM_COLUMNS: [&str; 6] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];

/// Functions of the editions to which this table becomes a view, or is one already when a draft makes or changes the function.
pub(super) fn findings(input: &ExpandInput<'_>, table: &TableView<'_>) -> Vec<Finding> {
    if !table.viewed {
        return Vec::new();
    }
    let merges = input.chain.facts.merges_into_views;
    let older = table.without_view().map(|(member, seen, _)| (&member.logical, *seen));
    let known =
        input.chain.leaf().map(|leaf| &leaf.logical).filter(|_| table.without_view().next().is_none());
    let found: BTreeSet<(String, String)> = older
        .flat_map(|(schema, seen)| statements(schema, seen, None, merges))
        .chain(statements(input.child, table.child, known, merges))
        .collect();
    let fix = "word it so that a view takes it, in an edition before this one, or accept it: --allow function-needs-table";
    found
        .into_iter()
        .map(|(function, statement)| {
            let message = format!(
                "it has {statement} for {}, which is a view to some edition until the older ones are retired, and takes no such statement",
                table.child.name.pretty()
            );
            Finding::new(Code::FunctionNeedsTable, function, message).with_fix(fix)
        })
        .collect()
}

/// Function and statement of each function of a schema that another one does not have alike.
fn statements(schema: &Schema, table: &Table, known: Option<&Schema>, merges: bool) -> Vec<(String, String)> {
    let is_known = |function: &&Function| {
        let mut known = known.iter().flat_map(|known| &known.functions);
        known.any(|other| other.id == function.id && other.definition == function.definition)
    };
    let key: Vec<&Name> =
        table.primary_key().iter().filter_map(|id| Some(&table.column(*id)?.name)).collect();
    let functions = schema.functions.iter().filter(|function| is_sql(function) && !is_known(function));
    functions
        .flat_map(|function| {
            let subject =
                || format!("{} {}({})", function.kind.word(), function.name.pretty(), function.arguments);
            let text = body(function).map(|(_, text)| text).unwrap_or_default();
            needs(text, &table.name.name, &key, merges)
                .into_iter()
                .map(move |statement| (subject(), statement))
        })
        .collect()
}

/// The statements of a body, by their key words, that need the table to be one.
fn needs(text: &str, table: &Name, key: &[&Name], merges: bool) -> BTreeSet<String> {
    // Most functions do not speak of most tables.
    if !text.to_ascii_lowercase().contains(&table.as_str().to_ascii_lowercase()) {
        return BTreeSet::new();
    }
    let tokens: Vec<Token> = Lexer::new(text.as_bytes()).collect();
    let statements = tokens.split(|token| token.is_symbol(text.as_bytes(), b';'));
    statements.flat_map(|tokens| Statement { text, tokens, table, key }.needs(merges)).collect()
}

/// Tokens between two semicolons: one statement, perhaps behind key words of PL/pgSQL.
struct Statement<'a> {
    text: &'a str,
    tokens: &'a [Token],
    table: &'a Name,
    key: &'a [&'a Name],
}

impl Statement<'_> {
    fn needs(&self, merges: bool) -> Vec<String> {
        let mut needs = Vec::new();
        let mut need = |is: bool, what: &str| needs.extend(is.then(|| what.to_owned()));
        need(self.has(&["pg_get_serial_sequence"]) && self.quotes_table(), "pg_get_serial_sequence");
        if !(0..self.tokens.len()).any(|at| self.names_table(at)) {
            return needs;
        }
        let target = |words: &[&str]| self.after(words).any(|at| self.names_table(self.past_only(at)));
        let lists = |words: &[&str]| {
            self.after(words).any(|at| (at..self.tokens.len()).any(|at| self.names_table(at)))
        };
        need(lists(&["truncate"]), "TRUNCATE");
        need(target(&["copy"]), "COPY");
        need(!merges && target(&["merge", "into"]), "MERGE");
        need(target(&["alter", "table"]), "ALTER TABLE");
        let inserts = target(&["insert", "into"]);
        need(inserts && self.has(&["on", "conflict", "on", "constraint"]), "ON CONFLICT ON CONSTRAINT");
        let changes = target(&["update"]) || target(&["delete", "from"]);
        need(changes && self.has(&["current", "of"]), "WHERE CURRENT OF");
        need(self.has(&["tablesample"]), "TABLESAMPLE");
        need(self.groups_by_key(), "GROUP BY a key");
        let system = SYSTEM_COLUMNS.iter().filter(|column| self.has(&[column]));
        needs.extend(system.map(|column| format!("column {column}")));
        needs
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_word(self.text.as_bytes(), word))
    }

    fn is_symbol(&self, at: Option<usize>, symbol: u8) -> bool {
        at.and_then(|at| self.tokens.get(at))
            .is_some_and(|token| token.is_symbol(self.text.as_bytes(), symbol))
    }

    fn name(&self, at: usize) -> Option<String> {
        self.tokens.get(at)?.name(self.text)
    }

    /// Its bare name; one behind its schema is that of the stored table itself.
    fn names_table(&self, at: usize) -> bool {
        let is_field = self.is_symbol(at.checked_sub(1), b'.');
        self.name(at).is_some_and(|name| !is_field && name == self.table.as_str())
    }

    fn quotes_table(&self) -> bool {
        let strings = self
            .tokens
            .iter()
            .filter_map(|token| self.text.get(token.range())?.strip_prefix('\'')?.strip_suffix('\''));
        strings.into_iter().any(|string| string == self.table.as_str())
    }

    /// Where something follows these words.
    fn after(&self, words: &[&str]) -> impl Iterator<Item = usize> {
        (0..self.tokens.len())
            .filter(|at| words.iter().enumerate().all(|(offset, word)| self.is_word(at + offset, word)))
            .map(|at| at + words.len())
    }

    fn has(&self, words: &[&str]) -> bool {
        self.after(words).next().is_some()
    }

    fn past_only(&self, at: usize) -> usize {
        at + usize::from(self.is_word(at, "only"))
    }

    /// Whether all columns of the key are grouped by: that the others follow from them is known of tables only.
    fn groups_by_key(&self) -> bool {
        let grouped_from = |begin: usize| -> BTreeSet<String> {
            let mut depth = 0_usize;
            let mut names = BTreeSet::new();
            for at in begin..self.tokens.len() {
                if self.is_symbol(Some(at), b'(') {
                    depth += 1;
                } else if self.is_symbol(Some(at), b')') {
                    let Some(outer) = depth.checked_sub(1) else { break };
                    depth = outer;
                } else if AFTER_GROUP_BY.iter().any(|word| self.is_word(at, word)) {
                    break;
                }
                names.extend(self.name(at));
            }
            names
        };
        !self.key.is_empty()
            && self.after(&["group", "by"]).any(|begin| {
                let grouped = grouped_from(begin);
                self.key.iter().all(|column| grouped.contains(column.as_str()))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> String {
        let name = |text: &str| Name::new(text).unwrap();
        let (table, key) = (name("notes"), name("id"));
        needs(body, &table, &[&key], false).into_iter().collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn what_a_view_does_not_take_is_found_by_its_words() {
        for (body, what) in [
            ("BEGIN IF x THEN TRUNCATE other, Notes CASCADE; END IF; END", "TRUNCATE"),
            ("MERGE INTO ONLY notes n USING o ON true WHEN MATCHED THEN DO NOTHING", "MERGE"),
            (
                "INSERT INTO notes AS n VALUES (1) ON CONFLICT ON CONSTRAINT notes_pkey DO NOTHING",
                "ON CONFLICT ON CONSTRAINT",
            ),
            ("SELECT n.id, title FROM notes n GROUP BY lower(other), n.id HAVING true", "GROUP BY a key"),
            ("SELECT * FROM notes TABLESAMPLE system (1)", "TABLESAMPLE"),
            ("UPDATE notes SET title = '' WHERE CURRENT OF c", "WHERE CURRENT OF"),
            ("DELETE FROM notes WHERE ctid IN (SELECT ctid FROM notes)", "column ctid"),
            ("ALTER TABLE notes DISABLE TRIGGER ALL; COPY notes TO '/x'", "ALTER TABLE, COPY"),
            ("SELECT nextval(pg_get_serial_sequence('notes', 'id'))", "pg_get_serial_sequence"),
        ] {
            assert_eq!(found(body), what, "{body}");
        }
    }

    #[test]
    fn what_a_view_takes_is_let_be() {
        for body in [
            "TRUNCATE public.notes",
            "TRUNCATE other; DELETE FROM notes",
            "SELECT title, count(*) FROM notes GROUP BY title ORDER BY id",
            "INSERT INTO other SELECT * FROM notes ON CONFLICT ON CONSTRAINT other_pkey DO NOTHING",
            "SELECT 'TRUNCATE notes' -- TRUNCATE notes",
            "INSERT INTO notes VALUES (1) ON CONFLICT (id) DO UPDATE SET title = 'x'",
        ] {
            assert_eq!(found(body), "", "{body}");
        }
    }
}
