//! Columns that `ALTER TABLE` adds, and columns that it gives another type: what rows that are there get in them stands in the catalogue only until the table
//! is written anew, and on the empty tables of a draft there are none.

use std::ops::Range;

use super::{
    Expression,
    lexer::{Lexer, TokenKind},
    parser::{Node, nodes, offset, raw::AlterTableType, raw::ConstrType},
    walk::walk,
};
use crate::model::Name;

/// One such command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnChange {
    /// `ADD COLUMN name type [DEFAULT constant]`.
    Added {
        /// The column.
        name: Name,
        /// As it was written.
        type_name: String,
        /// What rows that are there get; without it NULL.
        default: Option<Expression>,
    },
    /// `ALTER COLUMN name TYPE type`, without USING.
    Retyped {
        /// The column.
        name: Name,
        /// As it was written.
        type_name: String,
    },
}

/// Words that end a type's name in a column's definition, or in `ALTER COLUMN … TYPE`.
const BEHIND_TYPE: [&str; 15] = [
    "COLLATE",
    "COMPRESSION",
    "STORAGE",
    "OPTIONS",
    "CONSTRAINT",
    "NOT",
    "NULL",
    "DEFAULT",
    "GENERATED",
    "CHECK",
    "UNIQUE",
    "PRIMARY",
    "REFERENCES",
    "DEFERRABLE",
    "INITIALLY",
];

/// Types that are no types: their columns count.
const COUNTING: [&str; 6] = ["serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"];

/// What an ALTER TABLE does to columns, as far as its text says it: a default that is computed, or a column that counts, is left out.
pub(super) fn column_changes(text: &str, alter: &nodes::AlterTableStmt) -> Vec<ColumnChange> {
    alter.cmds().iter().filter_map(|command| column_change(text, command)).collect()
}

fn column_change(text: &str, command: Node<'_>) -> Option<ColumnChange> {
    let Node::AlterTableCmd(command) = command else { return None };
    let Node::ColumnDef(definition) = command.def() else { return None };
    let of = definition.type_name()?;
    let type_name = || Some(text.get(type_range(text, offset(of.location)?))?.to_owned());
    match command.subtype {
        AlterTableType::AT_AlterColumnType if matches!(definition.raw_default(), Node::None) => {
            Some(ColumnChange::Retyped { name: Name::new(command.name()?).ok()?, type_name: type_name()? })
        }
        AlterTableType::AT_AddColumn => {
            let type_name = type_name()?;
            let counts = COUNTING.iter().any(|counting| type_name.eq_ignore_ascii_case(counting));
            let name = Name::new(definition.colname()?).ok()?;
            let default = match values(text, definition)? {
                Values::Computed => return None,
                Values::Null => None,
                Values::Constant(range) => Some(Expression::parse(text.get(range)?).ok()?),
            };
            (!counts).then_some(ColumnChange::Added { name, type_name, default })
        }
        _ => None,
    }
}

/// The type's name, which begins at `start`.
fn type_range(text: &str, start: usize) -> Range<usize> {
    let (mut end, mut depth) = (start, 0_i32);
    for token in Lexer::starting_at(text.as_bytes(), start) {
        let is = |symbol| token.is_symbol(text.as_bytes(), symbol);
        depth += i32::from(is(b'(')) - i32::from(is(b')'));
        let ends = token.kind == TokenKind::Word
            && BEHIND_TYPE.iter().any(|word| token.is_word(text.as_bytes(), word));
        if depth == 0 && (is(b',') || is(b';') || ends) {
            break;
        }
        end = token.end;
    }
    start..end
}

/// What a new column's values are.
enum Values {
    Null,
    /// Where the constant stands.
    Constant(Range<usize>),
    Computed,
}

fn values(text: &str, definition: &nodes::ColumnDef) -> Option<Values> {
    let mut starts = Vec::new();
    let mut default = None;
    for part in definition.constraints() {
        let Node::Constraint(constraint) = part else { continue };
        let start = offset(constraint.location)?;
        match constraint.contype {
            ConstrType::CONSTR_DEFAULT if is_constant(constraint.raw_expr()) => default = Some(start),
            ConstrType::CONSTR_DEFAULT | ConstrType::CONSTR_GENERATED | ConstrType::CONSTR_IDENTITY => {
                return Some(Values::Computed);
            }
            _ => {}
        }
        starts.push(start);
    }
    starts.extend(definition.coll_clause().and_then(|clause| offset(clause.location)));
    let Some(start) = default else { return Some(Values::Null) };
    let next = starts.into_iter().filter(|other| *other > start).min().unwrap_or(text.len());
    let (mut range, mut depth) = (None, 0_i32);
    // Behind the word DEFAULT.
    for token in Lexer::starting_at(text.as_bytes(), start).skip(1) {
        let is = |symbol| token.is_symbol(text.as_bytes(), symbol);
        depth += i32::from(is(b'(') || is(b'[')) - i32::from(is(b')') || is(b']'));
        if token.start >= next || depth == 0 && (is(b',') || is(b';')) {
            break;
        }
        range = Some(range.map_or(token.start, |known: Range<usize>| known.start)..token.end);
    }
    range.map(Values::Constant)
}

/// Whether an expression is made of constants, operators and casts alone.
fn is_constant(expression: Node<'_>) -> bool {
    let mut is_constant = true;
    walk(expression, |node| {
        is_constant &= !matches!(node, Node::FuncCall(_) | Node::SQLValueFunction(_) | Node::ParamRef(_));
    });
    is_constant
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{DataChange, data_statements};

    fn changes(text: &str) -> Vec<String> {
        let shown = |change: &ColumnChange| match change {
            ColumnChange::Added { name, type_name, default } => {
                format!(
                    "add {} {type_name} = {}",
                    name.as_str(),
                    default.as_ref().map_or("-", Expression::text)
                )
            }
            ColumnChange::Retyped { name, type_name } => format!("type {} {type_name}", name.as_str()),
        };
        let found = data_statements(text);
        let columns = found.iter().filter_map(|statement| match &statement.change {
            DataChange::Columns { changes, .. } => Some(changes),
            _ => None,
        });
        columns.flatten().map(shown).collect()
    }

    #[test]
    fn columns_that_are_added_and_retyped_are_found() {
        for (text, expected) in [
            ("ALTER TABLE t ADD a int", vec!["add a int = -"]),
            (
                "alter table t add column if not exists \"A, b\" numeric(12, 2) default 1.5 not null, add c text collate \"C\" default 'x,y' || 'z' check (c <> ''), drop d",
                vec!["add A, b numeric(12, 2) = 1.5", "add c text = 'x,y' || 'z'"],
            ),
            (
                "ALTER TABLE t ADD a timestamp (3) with time zone NOT NULL DEFAULT '2020-01-01'::timestamp without time zone, ADD b public.\"default\"[] DEFAULT ARRAY['a', 'b']",
                vec![
                    "add a timestamp (3) with time zone = '2020-01-01'::timestamp without time zone",
                    "add b public.\"default\"[] = ARRAY['a', 'b']",
                ],
            ),
            (
                "ALTER TABLE t ADD a int DEFAULT CASE WHEN NOT true THEN 1 ELSE 2 END UNIQUE",
                vec!["add a int = CASE WHEN NOT true THEN 1 ELSE 2 END"],
            ),
            (
                "ALTER TABLE t ADD a timestamptz DEFAULT now(), ADD b date DEFAULT CURRENT_DATE, ADD c serial, ADD d int GENERATED ALWAYS AS IDENTITY, ADD e int GENERATED ALWAYS AS (1) STORED",
                vec![],
            ),
            (
                "ALTER TABLE t ALTER a TYPE varchar(9) COLLATE \"C\", ALTER COLUMN b SET DATA TYPE bigint, ALTER c TYPE int USING 1",
                vec!["type a varchar(9)", "type b bigint"],
            ),
            ("CREATE TABLE t (a int DEFAULT 1)", vec![]),
        ] {
            assert_eq!(changes(text), expected, "{text}");
        }
    }
}
