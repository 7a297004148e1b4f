//! Statements of a migration that say how data changes: in a draft they run on empty tables, so only their texts tell.

mod clauses;
mod filling;
mod note;

use clauses::{as_update, split, usings};
use filling::{filling, made_into};
pub use note::note_statements;

use super::{
    Expression,
    column_change::{ColumnChange, column_changes},
    later_names::{LaterNames, NameChange, RelationName, name_changes, name_of},
    parser::{
        Node, Tree, nodes,
        raw::{CmdType, ObjectType, OnConflictAction},
    },
    walk::walk,
};
use crate::model::Name;

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
        /// The columns that it gives other values in rows that are there; `None`: any.
        sets: Option<Vec<Name>>,
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
        if let Some(insert) = filling(text, statement) {
            return look_at(&insert);
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
        Node::SelectStmt(select) => match made_into(select) {
            Some(into) => made(into, statement),
            None => within(statement),
        },
        Node::MergeStmt(merge) => one(merge.relation(), other(statement, merge.relation())),
        Node::PrepareStmt(_) => within(statement),
        _ => Vec::new(),
    }
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
    DataChange::Other { inserts, upserts: false, deletes: false, runs_alone: false, sets: None, reads }
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
    DataChange::Other { inserts, upserts, deletes, runs_alone, sets: sets(statement), reads: named }
}

/// The columns that a statement sets in rows that are there; `None` where its text alone does not say it.
fn sets(statement: Node<'_>) -> Option<Vec<Name>> {
    let name = |target: &nodes::ResTarget| Name::new(target.name()?).ok();
    match statement {
        Node::UpdateStmt(update) => update.target_list().iter().map(name).collect(),
        Node::InsertStmt(insert) => match insert.on_conflict_clause() {
            Some(clause) => clause.target_list().iter().map(name).collect(),
            None => Some(Vec::new()),
        },
        Node::DeleteStmt(_) => Some(Vec::new()),
        _ => None,
    }
}

fn inserts_when(when: &nodes::MergeWhenClause) -> bool {
    when.command_type == CmdType::CMD_INSERT
}

#[cfg(test)]
mod tests;
